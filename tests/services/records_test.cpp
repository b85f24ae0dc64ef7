#include "services/documents/enrolment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "auth/actor_factory.h"
#include "base/json.h"
#include "base/messages.h"
#include "services/demo_data.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres.h"

namespace services {
namespace {

using base::Code;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class EnrolmentTest : public testing::Test {
 protected:
  void SetUp() override { insert(); }
  void insert() {
    auto tx = database_.pool().begin().value();
    const auto done = insert_demo_data(
        tx, {kPerson, kUnit, "示范科技有限责任公司", "91110108MA0000015T", kPerson}, clock_.now());
    ASSERT_TRUE(done.ok()) << done.error().detail;
    ASSERT_TRUE(tx.commit().ok());
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
  const Holder person_{kPerson, false, "张小三", "11010519491231002X"};
  const Holder unit_{kUnit, true, "示范科技有限责任公司", "91110108MA0000015T"};

  base::ManualClock clock_;
  test::Database database_;
  Enrolments enrolments_{database_.pool(), clock_};
};

TEST_F(EnrolmentTest, Ldt01_5_4_2_3a_APersonsCertificateSaysWhatTheRowsSay) {
  const auto draft = enrolments_.draft_certificate(actor(kPerson), person_);
  ASSERT_TRUE(draft.ok()) << draft.error().key << draft.error().detail;
  EXPECT_EQ(draft->kind, "enrolment-certificate");
  EXPECT_EQ(draft->subject, kPerson);
  auto said = fields(*draft);
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
  ASSERT_EQ(draft->rows.size(), 24U);
  EXPECT_THAT(draft->rows.front(), ElementsAre("2024年12月", "示范科技有限责任公司", "7750.00",
                                               "已到账", "已到账", "已到账"));
  EXPECT_THAT(draft->rows.back(), ElementsAre("2026年11月", "示范科技有限责任公司", "8450.00",
                                              "未到账", "未到账", "未到账"));
}

TEST_F(EnrolmentTest, ThePublicSeesMaskedFactsOnly) {
  const auto draft = enrolments_.draft_certificate(actor(kPerson), person_).value();
  auto shown = facts(draft);
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

TEST_F(EnrolmentTest, TheRecordForMachinesSaysTheSame) {
  const auto draft = enrolments_.draft_certificate(actor(kPerson), person_, "办理贷款").value();
  const auto record = base::parse_json(draft.facts_json);
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

TEST_F(EnrolmentTest, AUnitsCertificateSaysWhatTheRowsSay) {
  edit("update services.unit_enrolment set arrears_months = 2 where insurance = 'injury'");
  const auto draft = enrolments_.draft_certificate(actor(kOther, kUnit), unit_);
  ASSERT_TRUE(draft.ok()) << draft.error().key;
  auto said = fields(*draft);
  EXPECT_EQ(draft->kind, "unit-enrolment-certificate");
  EXPECT_EQ(said["id_number"], "91110108MA0000015T");
  EXPECT_EQ(said["headcount"], "42");
  EXPECT_EQ(said["payable"], "41");
  EXPECT_EQ(said["arrears"], "欠费2个月");
  EXPECT_EQ(said["issued_for"], "单位自用");
  ASSERT_EQ(draft->rows.size(), 3U);
  EXPECT_THAT(draft->rows[0],
              ElementsAre("职工基本养老保险", "参保缴费", "2015年03月", "42", "无欠费"));
  EXPECT_THAT(draft->rows[2], ElementsAre("工伤保险", "参保缴费", "2015年03月", "42", "欠费2个月"));
  EXPECT_EQ(facts(*draft)["fact.unit_code"], "91110108MA0000015T");
  const auto record = base::parse_json(draft->facts_json);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(base::json_int((*record)["insurances"][2], "arrears_months"), 2);
}

TEST_F(EnrolmentTest, NobodyGetsAnothersCertificate) {
  for (const auto& [stranger, holder] :
       {std::pair{actor(kOther), person_}, std::pair{actor(kOther), unit_},
        // Whoever acts for another acts as that other, not as himself too.
        std::pair{actor(kPerson, kOther), person_}}) {
    const auto refused = enrolments_.draft_certificate(stranger, holder);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::permission_denied);
    EXPECT_EQ(refused.error().key, "services.not_own");
  }
}

TEST_F(EnrolmentTest, Ldt01_6_2_2d_OnlyWhoActsForAUnitGetsItsCertificateAndItSaysSo) {
  // The core system's 经办人 is a note: only who acts for the unit gets its certificate.
  EXPECT_EQ(enrolments_.draft_certificate(actor(kPerson), unit_).error().key, "services.not_own");
  auto held = unit_;
  held.handler = "李四";
  const auto draft = enrolments_.draft_certificate(actor(kPerson, kUnit), held);
  ASSERT_TRUE(draft.ok());
  EXPECT_EQ(fields(*draft)["issued_for"], "单位自用（李四代办）");
  const auto record = base::parse_json(draft->facts_json);
  EXPECT_EQ(base::json_text(*record, "handled_by"), "李四");
  EXPECT_EQ(base::json_text(*record, "purpose"), "单位自用");
  for (const auto& fact : draft->masked_facts)
    EXPECT_EQ(fact.value.find("李四"), std::string::npos) << "no business of who checks a code";
}

TEST_F(EnrolmentTest, Ldt01_6_2_1_RowsOfWhoWasMergedAreTheSurvivors) {
  const Holder survivor{kOther, false, "张小三", "11010519491231002X"};
  EXPECT_EQ(enrolments_.draft_certificate(actor(kOther), survivor).error().key,
            "services.not_enrolled");
  const auto merged = auth::ActorFactory::make({.subject = auth::SubjectId(kOther),
                                                .acting_for = {},
                                                .client = {},
                                                .authenticated_at = {},
                                                .scopes = {},
                                                .merged = kPerson});
  const auto draft = enrolments_.draft_certificate(merged, survivor);
  ASSERT_TRUE(draft.ok()) << draft.error().key;
  EXPECT_EQ(draft->subject, kOther) << "what is made now is the survivor's";
  EXPECT_EQ(fields(*draft)["unit"], "示范科技有限责任公司");
}

TEST_F(EnrolmentTest, WhoIsNotEnrolledIsTold) {
  const Holder nobody{kOther, false, "李四", "110101199003076632"};
  const auto refused = enrolments_.draft_certificate(actor(kOther), nobody);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::not_found);
  EXPECT_EQ(refused.error().key, "services.not_enrolled");
  const Holder no_unit{kOther, true, "无", "91110108MA0000015T"};
  EXPECT_EQ(enrolments_.draft_certificate(actor(kOther), no_unit).error().code, Code::not_found);
}

TEST_F(EnrolmentTest, MonthsAreThoseOfChina) {
  clock_.set(*base::parse_rfc3339("2026-11-30T16:00:00Z"));  // December has begun in China
  const auto draft = enrolments_.draft_certificate(actor(kPerson), person_).value();
  EXPECT_EQ(fields(draft)["period"], "2025年01月至2026年12月");
  EXPECT_EQ(draft.rows.size(), 23U);  // December's rows have not come yet
}

TEST_F(EnrolmentTest, GapsAndChangesShow) {
  edit("update services.contribution set unit = null where month = '2026-01-01'");
  edit(
      "update services.contribution set unit = null where month = '2026-02-01' and insurance = "
      "'pension'");
  edit("delete from services.contribution where month = '2026-03-01'");
  edit("delete from services.contribution where month = '2026-04-01' and insurance = 'injury'");
  edit("update services.insured set unit = null");
  edit("update services.enrolment set status = 'paused' where insurance = 'pension'");
  const auto draft = enrolments_.draft_certificate(actor(kPerson), person_).value();
  EXPECT_EQ(fields(draft)["unit"], "—");
  EXPECT_EQ(fields(draft)["insurance.1.status"], "暂停缴费");
  std::map<std::string, std::vector<std::string>> months;
  for (const auto& row : draft.rows) months[row[0]] = row;
  EXPECT_EQ(months["2026年01月"][1], "个人缴费");
  EXPECT_EQ(months["2026年02月"][1], "示范科技有限责任公司、个人缴费");
  EXPECT_FALSE(months.contains("2026年03月"));
  EXPECT_EQ(months["2026年04月"][5], "—");
}

TEST_F(EnrolmentTest, APurposeIsShortPlainText) {
  std::string fifty, more;
  for (int i = 0; i < 50; ++i) fifty += "用";
  more = fifty + "途";
  EXPECT_EQ(fields(*enrolments_.draft_certificate(actor(kPerson), person_, fifty))["issued_for"],
            fifty);
  for (const auto& bad : {more, std::string("a\nb"), std::string("\xff"), std::string("a\0b", 3),
                          std::string("a\u2028b"), std::string("a\u0085b")}) {
    const auto refused = enrolments_.draft_certificate(actor(kPerson), person_, bad);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().key, "services.purpose");
  }
}

TEST_F(EnrolmentTest, DemonstrationDataMayBePutAgainLater) {
  clock_.advance(std::chrono::days{31});
  insert();
  const auto draft = enrolments_.draft_certificate(actor(kPerson), person_).value();
  EXPECT_EQ(draft.rows.size(), 24U);
  EXPECT_EQ(draft.rows[22][3], "已到账");  // November's has arrived since
  EXPECT_EQ(fields(draft)["insurance.1.months"], "89");
}

TEST_F(EnrolmentTest, ADatabaseThatIsAwayIsUnavailable) {
  store::Pool away(store::Config{"host=/nonexistent dbname=x user=x"});
  Enrolments broken(away, clock_);
  EXPECT_EQ(broken.draft_certificate(actor(kPerson), person_).error().code, Code::unavailable);
}

TEST_F(EnrolmentTest, TheServiceDeletesNothingAndTheVerifierSeesNothing) {
  const auto grants = database_.sql(test::Role::superuser, R"sql(
    select string_agg(distinct grantee || ' ' || privilege_type, ', ' order by grantee || ' ' || privilege_type)
      from information_schema.role_table_grants
     where table_schema = 'services' and grantee <> 'xinyin_owner')sql");
  EXPECT_EQ(grants[0][0], "xinyin_service INSERT, xinyin_service SELECT, xinyin_service UPDATE");
}

}  // namespace
}  // namespace services
