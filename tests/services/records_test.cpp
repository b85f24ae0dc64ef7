// What documents of rights say is what the rows say.
#include "services/documents/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "auth/actor_factory.h"
#include "base/json.h"
#include "base/messages.h"
#include "seal/templates.h"
#include "services/demo_data.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres.h"
#include "tests/support/seeded_random.h"

namespace services {
namespace {

using base::Code;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A holder as api passes it in, and to seal.
struct Who : Holder {
  Who(std::string id, bool unit, std::string name_, std::string number)
      : Holder{std::move(id), unit}, name(std::move(name_)), id_number(std::move(number)) {}
  std::string name, id_number;
};

class RecordsTest : public testing::Test {
 protected:
  void SetUp() override { insert(); }
  void insert() {
    auto tx = database_.pool().begin().value();
    const auto done = insert_demo_data(
        tx, {kPerson, kUnit, "示范科技有限责任公司", "91110108MA0000015T", kPerson}, clock_.now());
    ASSERT_TRUE(done.ok()) << done.error().detail;
    ASSERT_TRUE(insert_demo_roster(tx, cipher_, kUnit, 42).ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  base::Result<seal::Draft> draft(const auth::Actor& who, const Who& holder, Asked asked,
                                  std::string_view kind) {
    BASE_TRY(const auto facts, records_.facts(kind, who, holder, asked));
    BASE_TRY(const auto templates, seal::Templates::built_in());
    return templates->draft(facts.kind,
                            {holder.subject, holder.is_unit, holder.name, holder.id_number},
                            facts.json, random_);
  }
  base::Result<seal::Draft> draft(const auth::Actor& who, const Who& holder,
                                  std::string_view purpose = {}) {
    return draft(who, holder, {.purpose = std::string(purpose)}, kEnrolmentCertificate);
  }
  void edit(const std::string& text) { database_.sql(test::Role::superuser, text); }
  static auth::Actor actor(const std::string& subject, const std::string& acting_for = {}) {
    return auth::ActorFactory::make({.subject = auth::SubjectId(subject),
                                     .acting_for = auth::SubjectId(acting_for),
                                     .client = {},
                                     .authenticated_at = {},
                                     .scopes = {}});
  }
  static std::map<std::string, std::string> fields(const seal::Draft& draft) {
    return {draft.fields.begin(), draft.fields.end()};
  }
  static std::map<std::string, std::string> facts(const seal::Draft& draft) {
    std::map<std::string, std::string> out;
    for (const auto& fact : draft.masked_facts) out[fact.label] = fact.value;
    return out;
  }

  static constexpr const char* kPerson = "0123456789abcdef0123456789abcdef";
  static constexpr const char* kUnit = "fedcba9876543210fedcba9876543210";
  static constexpr const char* kOther = "00000000000000000000000000000000";
  const Who person_{kPerson, false, "张小三", "11010519491231002X"};
  const Who unit_{kUnit, true, "示范科技有限责任公司", "91110108MA0000015T"};

  base::ManualClock clock_;
  test::Database database_;
  test::SeededRandom random_{7};
  const store::FieldCipher cipher_{base::Secret(base::Bytes(32, 0x5a)), random_};
  Records records_{database_.pool(), cipher_, clock_};
};

TEST_F(RecordsTest, Ldt01_5_4_2_3a_APersonsCertificateSaysWhatTheRowsSay) {
  const auto made = draft(actor(kPerson), person_);
  ASSERT_TRUE(made.ok()) << made.error().key << made.error().detail;
  EXPECT_EQ(made->kind, "enrolment-certificate");
  EXPECT_EQ(made->subject, kPerson);
  auto said = fields(*made);
  EXPECT_EQ(said["name"], "张小三");
  EXPECT_EQ(said["id_number"], "11010519491231002X");
  EXPECT_EQ(said["region"], "示范省示范市");
  EXPECT_EQ(said["unit"], "示范科技有限责任公司");
  EXPECT_EQ(said["period"], "2024年12月至2026年11月");
  EXPECT_EQ(said["issued_for"], "本人自用");
  EXPECT_EQ(said["as_of"], "2026-11-24 11:00:00");
  EXPECT_EQ(said["insurance.1.name"], "职工基本养老保险");
  EXPECT_EQ(said["insurance.1.status"], "参保缴费");
  EXPECT_EQ(said["insurance.1.start"], "2019年07月");
  EXPECT_EQ(said["insurance.1.months"], "88");
  EXPECT_EQ(said["insurance.3.name"], "工伤保险");
  EXPECT_FALSE(said.contains("insurance.4.name"));
  ASSERT_EQ(made->rows.size(), 24U);
  EXPECT_THAT(made->rows.front(), ElementsAre("2024年12月", "示范科技有限责任公司", "7750.00",
                                              "已到账", "已到账", "已到账"));
  EXPECT_THAT(made->rows.back(), ElementsAre("2026年11月", "示范科技有限责任公司", "8450.00",
                                             "未到账", "未到账", "未到账"));
}

TEST_F(RecordsTest, ThePublicSeesMaskedFactsOnly) {
  const auto made = draft(actor(kPerson), person_).value();
  auto shown = facts(made);
  EXPECT_EQ(shown["fact.name"], "张*三");
  EXPECT_EQ(shown["fact.id_number"], "110105********002X");
  EXPECT_EQ(shown["fact.insurances"],
            "职工基本养老保险（参保缴费）、失业保险（参保缴费）、工伤保险（参保缴费）");
  for (const auto& [label, value] : shown) {
    EXPECT_THAT(value, Not(HasSubstr("11010519491231002X")));
    EXPECT_THAT(value, Not(HasSubstr("张小三")));
    EXPECT_TRUE(base::has_message(label)) << label;
  }
}

TEST_F(RecordsTest, TheRecordForMachinesSaysTheSame) {
  const auto made = draft(actor(kPerson), person_, "办理贷款").value();
  const auto record = base::parse_json(made.facts_json);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(base::json_text(*record, "type"), "enrolment-certificate");
  EXPECT_EQ(base::json_text(*record, "id_number"), "11010519491231002X");
  EXPECT_EQ(base::json_text(*record, "as_of"), "2026-11-24T03:00:00Z");
  EXPECT_EQ(base::json_text(*record, "purpose"), "办理贷款");
  EXPECT_EQ(base::json_text((*record)["period"], "from"), "2024-12");
  ASSERT_EQ((*record)["insurances"].Size(), 3U);
  EXPECT_EQ(base::json_text((*record)["insurances"][0], "since"), "2019-07");
  EXPECT_EQ(base::json_int((*record)["insurances"][0], "months"), 88);
  ASSERT_EQ((*record)["contributions"].Size(), 72U);
  const auto& last = (*record)["contributions"][71];
  EXPECT_EQ(base::json_text(last, "month"), "2026-11");
  EXPECT_EQ(base::json_text(last, "base"), "8450.00");
  EXPECT_EQ(base::json_text(last, "unit_code"), "91110108MA0000015T");
  EXPECT_FALSE(last["arrived"].GetBool());
}

TEST_F(RecordsTest, AUnitsCertificateSaysWhatTheRowsSay) {
  edit("update services.unit_enrolment set arrears_months = 2 where insurance = 'injury'");
  const auto made = draft(actor(kOther, kUnit), unit_);
  ASSERT_TRUE(made.ok()) << made.error().key;
  auto said = fields(*made);
  EXPECT_EQ(made->kind, "unit-enrolment-certificate");
  EXPECT_EQ(said["id_number"], "91110108MA0000015T");
  EXPECT_EQ(said["headcount"], "42");
  EXPECT_EQ(said["payable"], "41");
  EXPECT_EQ(said["arrears"], "欠费2个月");
  EXPECT_EQ(said["issued_for"], "单位自用");
  EXPECT_EQ(said["insurance.1.name"], "职工基本养老保险");
  EXPECT_EQ(said["insurance.1.start"], "2015年03月");
  EXPECT_EQ(said["insurance.1.arrears"], "无欠费");
  EXPECT_EQ(said["insurance.3.name"], "工伤保险");
  EXPECT_EQ(said["insurance.3.arrears"], "欠费2个月");
  EXPECT_TRUE(made->rows.empty()) << "no names unless they are asked for";
  EXPECT_EQ(facts(*made)["fact.unit_code"], "91110108MA0000015T");
  const auto record = base::parse_json(made->facts_json);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(base::json_int((*record)["insurances"][2]["arrears"], "months"), 2);
}

TEST_F(RecordsTest, NobodyGetsAnothersCertificate) {
  for (const auto& [stranger, holder] :
       {std::pair{actor(kOther), person_}, std::pair{actor(kOther), unit_},
        // Whoever acts for another acts as that other, not as himself too.
        std::pair{actor(kPerson, kOther), person_}}) {
    const auto refused = draft(stranger, holder);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::permission_denied);
    EXPECT_EQ(refused.error().key, "services.not_own");
  }
}

TEST_F(RecordsTest, Ldt01_6_2_2d_OnlyWhoActsForAUnitGetsItsCertificateAndItSaysSo) {
  // The core system's 经办人 is a note: only who acts for the unit gets its certificate.
  EXPECT_EQ(draft(actor(kPerson), unit_).error().key, "services.not_own");
  auto held = unit_;
  held.handler = "李四";
  const auto made = draft(actor(kPerson, kUnit), held);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(fields(*made)["issued_for"], "单位自用（李四代办）");
  const auto record = base::parse_json(made->facts_json);
  EXPECT_EQ(base::json_text(*record, "handled_by"), "李四");
  EXPECT_EQ(base::json_text(*record, "purpose"), "单位自用");
  for (const auto& fact : made->masked_facts)
    EXPECT_EQ(fact.value.find("李四"), std::string::npos) << "no business of who checks a code";
}

TEST_F(RecordsTest, Ldt01_6_2_1_RowsOfWhoWasMergedAreTheSurvivors) {
  const Who survivor{kOther, false, "张小三", "11010519491231002X"};
  EXPECT_EQ(draft(actor(kOther), survivor).error().key, "services.not_enrolled");
  const auto merged = auth::ActorFactory::make({.subject = auth::SubjectId(kOther),
                                                .acting_for = {},
                                                .client = {},
                                                .authenticated_at = {},
                                                .scopes = {},
                                                .merged = kPerson});
  const auto made = draft(merged, survivor);
  ASSERT_TRUE(made.ok()) << made.error().key;
  EXPECT_EQ(made->subject, kOther) << "what is made now is the survivor's";
  EXPECT_EQ(fields(*made)["unit"], "示范科技有限责任公司");
}

TEST_F(RecordsTest, WhoIsNotEnrolledIsTold) {
  const Who nobody{kOther, false, "李四", "110101199003076632"};
  const auto refused = draft(actor(kOther), nobody);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::not_found);
  EXPECT_EQ(refused.error().key, "services.not_enrolled");
  const Who no_unit{kOther, true, "无", "91110108MA0000015T"};
  EXPECT_EQ(draft(actor(kOther), no_unit).error().code, Code::not_found);
}

TEST_F(RecordsTest, MonthsAreThoseOfChina) {
  clock_.set(*base::parse_rfc3339("2026-11-30T16:00:00Z"));  // December has begun in China
  const auto made = draft(actor(kPerson), person_).value();
  EXPECT_EQ(fields(made)["period"], "2025年01月至2026年12月");
  EXPECT_EQ(made.rows.size(), 23U);  // December's rows have not come yet
}

TEST_F(RecordsTest, GapsAndChangesShow) {
  edit("update services.contribution set unit = null where month = '2026-01-01'");
  edit(
      "update services.contribution set unit = null where month = '2026-02-01' and insurance = "
      "'pension'");
  edit("delete from services.contribution where month = '2026-03-01'");
  edit("delete from services.contribution where month = '2026-04-01' and insurance = 'injury'");
  edit("update services.insured set unit = null");
  edit("update services.enrolment set status = 'paused' where insurance = 'pension'");
  const auto made = draft(actor(kPerson), person_).value();
  EXPECT_EQ(fields(made)["unit"], "—");
  EXPECT_EQ(fields(made)["insurance.1.status"], "暂停缴费");
  std::map<std::string, std::vector<std::string>> months;
  for (const auto& row : made.rows) months[row[0]] = row;
  EXPECT_EQ(months["2026年01月"][1], "个人缴费");
  EXPECT_EQ(months["2026年02月"][1], "示范科技有限责任公司、个人缴费");
  EXPECT_FALSE(months.contains("2026年03月"));
  EXPECT_EQ(months["2026年04月"][5], "—");
}

TEST_F(RecordsTest, APurposeIsShortPlainText) {
  std::string fifty, more;
  for (int i = 0; i < 50; ++i) fifty += "用";
  more = fifty + "途";
  EXPECT_EQ(fields(*draft(actor(kPerson), person_, fifty))["issued_for"], fifty);
  for (const auto& bad : {more, std::string("a\nb"), std::string("\xff"), std::string("a\0b", 3),
                          std::string("a\u2028b"), std::string("a\u0085b")}) {
    const auto refused = draft(actor(kPerson), person_, bad);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().key, "services.purpose");
  }
}

TEST_F(RecordsTest, DemonstrationDataMayBePutAgainLater) {
  clock_.advance(std::chrono::days{31});
  insert();
  const auto made = draft(actor(kPerson), person_).value();
  EXPECT_EQ(made.rows.size(), 24U);
  EXPECT_EQ(made.rows[22][3], "已到账");  // November's has arrived since
  EXPECT_EQ(fields(made)["insurance.1.months"], "89");
}

TEST_F(RecordsTest, Ldt01_5_4_2_3a_ARosterNamesWhoIsInsuredWithMaskedNumbers) {
  const auto made = draft(actor(kOther, kUnit), unit_, {.roster = true}, kEnrolmentCertificate);
  ASSERT_TRUE(made.ok()) << made.error().key << made.error().detail;
  ASSERT_EQ(made->rows.size(), 42U);
  EXPECT_EQ(made->rows[41][0], "42");
  EXPECT_THAT(made->rows[0][2], HasSubstr("********"));
  const auto stored = database_.sql(
      test::Role::superuser, "select count(*) from services.roster where position(convert_to('" +
                                 made->rows[0][1] + "', 'UTF8') in person_sealed) > 0");
  EXPECT_EQ(stored[0][0], "0") << "names lie sealed";
  // A row moved to another place does not open.
  edit(
      "update services.roster a set person_sealed = b.person_sealed from services.roster b "
      "where a.number = 1 and b.number = 2");
  EXPECT_EQ(draft(actor(kOther, kUnit), unit_, {.roster = true}, kEnrolmentCertificate).error().key,
            "store.field_damaged");
}

// domain.md §4.3: equals the ledger.
TEST_F(RecordsTest, Ldt01_5_4_2_2c_TheContributionCertificateEqualsTheLedger) {
  const auto made = draft(actor(kPerson), person_, {}, kContributionCertificate);
  ASSERT_TRUE(made.ok()) << made.error().key << made.error().detail;
  auto said = fields(*made);
  const auto ledger = database_.sql(test::Role::superuser, R"sql(
    select sum(months), to_char(max(closing_fen) filter (where year = 2026) / 100.0, 'FM999999990.00'),
           count(*), to_char(max(principal_fen) filter (where year = 2025) / 100.0, 'FM999999990.00')
      from services.account_year)sql");
  EXPECT_EQ(said["months_all"], ledger[0][0]);
  EXPECT_EQ(said["balance"], ledger[0][1] + " 元");
  EXPECT_EQ(std::to_string(made->rows.size()), ledger[0][2]);
  EXPECT_EQ(made->rows[6][9], ledger[0][3]);
  EXPECT_EQ(said["agency"], "演示社会保险经办中心");
  edit("update services.insured set gender = null");
  EXPECT_EQ(draft(actor(kPerson), person_, {}, kContributionCertificate).error().key,
            "services.not_enrolled")
      << "what the receiving place must be told is whole, or there is no certificate";
}

TEST_F(RecordsTest, Ldt01_5_4_2_3b_YearTotalsOfARightsRecordMatchTheMonths) {
  const auto made = draft(actor(kPerson), person_, {.year = 2025}, kRightsRecord);
  ASSERT_TRUE(made.ok()) << made.error().key << made.error().detail;
  auto said = fields(*made);
  const auto paid = database_.sql(test::Role::superuser, R"sql(
    select to_char(sum(personal_fen) / 100.0, 'FM999999990.00') from services.contribution
     where insurance = 'pension' and extract(year from month) = 2025)sql");
  EXPECT_EQ(said["account.1.principal"], paid[0][0]);
  ASSERT_EQ(made->rows.size(), 12U);
  EXPECT_THAT(made->rows[0], ElementsAre("1 月", "7750.00", "●", "7750.00", "●", "7750.00", "●"));
  edit(
      "update services.contribution set arrived = false where month = '2025-02-01' and insurance = "
      "'injury'");
  edit("delete from services.contribution where month = '2025-03-01'");
  const auto later = draft(actor(kPerson), person_, {}, kRightsRecord);  // 2025: the last full year
  EXPECT_EQ(later->rows[1][6], "△");
  EXPECT_THAT(later->rows[2], ElementsAre("3 月", "—", "－", "—", "－", "—", "－"));
  EXPECT_EQ(draft(actor(kPerson), person_, {.year = 1999}, kRightsRecord).error().key,
            "services.no_year");
}

TEST_F(RecordsTest, Ldt01_5_4_2_3b_AUnitsRecordSumsEachInsurance) {
  const auto made = draft(actor(kOther, kUnit), unit_, {.year = 2025}, kRightsRecord);
  ASSERT_TRUE(made.ok()) << made.error().key << made.error().detail;
  EXPECT_EQ(made->kind, "unit-rights-record");
  ASSERT_EQ(made->rows.size(), 3U);
  EXPECT_EQ(made->rows[0][0], "职工基本养老保险");
  for (const auto& row : made->rows)
    EXPECT_NEAR(std::stod(row[3]) + std::stod(row[4]), std::stod(row[5]), 0.001);
}

TEST_F(RecordsTest, Ldt01_5_4_2_3c_BenefitsMatchThePaymentsAndShowFourDigitsOfTheAccount) {
  const auto made = draft(actor(kPerson), person_, {}, kBenefitStatement);
  ASSERT_TRUE(made.ok()) << made.error().key << made.error().detail;
  auto said = fields(*made);
  EXPECT_EQ(made->rows.size(), 12U);
  EXPECT_EQ(said["due"], "15000.00 元");
  EXPECT_EQ(said["bank"], "示范银行（尾号 6688）");
  edit("update services.benefit_payment set state = 'returned' where month = '2026-05-01'");
  EXPECT_EQ(fields(*draft(actor(kPerson), person_, {}, kBenefitStatement))["paid"], "13750.00 元");
  edit("delete from services.benefit_payment");
  edit("delete from services.beneficiary");
  EXPECT_EQ(draft(actor(kPerson), person_, {}, kBenefitStatement).error().key,
            "services.not_entitled");
}

TEST_F(RecordsTest, AWishThatAKindDoesNotKnowIsRefused) {
  const std::pair<Asked, std::string_view> wrong[] = {{{.year = 2025}, kEnrolmentCertificate},
                                                      {{.roster = true}, kEnrolmentCertificate},
                                                      {{.purpose = "贷款"}, kRightsRecord},
                                                      {{.year = 25}, kRightsRecord},
                                                      {{.purpose = "贷款"}, kBenefitStatement}};
  for (const auto& [asked, kind] : wrong)
    EXPECT_EQ(records_.facts(kind, actor(kPerson), person_, asked).error().key, "services.request");
  EXPECT_EQ(records_.facts("acceptance-notice", actor(kPerson), person_, {}).error().key,
            "seal.kind")
      << "facts of applications are not here to be had";
  EXPECT_EQ(records_.facts(kBenefitStatement, actor(kOther, kUnit), unit_, {}).error().key,
            "seal.kind");
}

TEST_F(RecordsTest, ADatabaseThatIsAwayIsUnavailable) {
  store::Pool away(store::Config{"host=/nonexistent dbname=x user=x"});
  Records broken(away, cipher_, clock_);
  EXPECT_EQ(broken.facts(kEnrolmentCertificate, actor(kPerson), person_, {}).error().code,
            Code::unavailable);
}

TEST_F(RecordsTest, TheServiceDeletesNothingAndTheVerifierSeesNothing) {
  const auto grants = database_.sql(test::Role::superuser, R"sql(
    select string_agg(distinct grantee || ' ' || privilege_type, ', ' order by grantee || ' ' || privilege_type)
      from information_schema.role_table_grants
     where table_schema = 'services' and grantee <> 'xinyin_owner')sql");
  EXPECT_EQ(grants[0][0], "xinyin_service INSERT, xinyin_service SELECT, xinyin_service UPDATE");
}

}  // namespace
}  // namespace services
