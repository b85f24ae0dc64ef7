// Vectors: domain.md §2.1–2.3 (synthetic, checks computed there); ICAO Doc 9303-4's sample
// passport; ISO 3166-1 as Debian's iso-codes has it.
#include "auth/identity_document.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "auth/accounts.h"
#include "auth/countries.h"
#include "auth/foreign_documents.h"
#include "auth/id_numbers.h"
#include "base/json.h"
#include "base/messages.h"

namespace auth {
namespace {

constexpr base::Date kToday{std::chrono::year{2026} / 11 / 24};

struct Row {
  const char* type;
  std::string number;
  const char* refusal;  ///< "": it is good
  const char* country = "";
  SubjectKind kind = SubjectKind::person;
};

std::string with_check(std::string first_17) {
  return first_17 + citizen_check(first_17);
}
std::string with_old_check(const std::string& first_14) {
  return first_14 + *mrz_check(first_14);
}

class IdentityDocumentTest : public testing::TestWithParam<Row> {};

TEST_P(IdentityDocumentTest, Ldt01_6_2_2b_6_2_3b_EachVectorIsJudged) {
  const auto& row = GetParam();
  const auto read = read_identity_document(row.kind, row.type, row.number, row.country, kToday);
  EXPECT_EQ(read.ok() ? "" : read.error().key, row.refusal) << row.type << " " << row.number;
  if (!read.ok()) return;
  // What is kept reads back as the same document, and reading it again changes nothing.
  const auto back = from_kept(row.type, read->kept());
  EXPECT_EQ(back.number, read->number);
  const auto again =
      read_identity_document(row.kind, row.type, read->number, read->country, kToday);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->kept(), read->kept());
  EXPECT_EQ(read->masked().find(read->number), std::string::npos) << "shown whole";
}

const SubjectKind kUnit = SubjectKind::unit;

INSTANTIATE_TEST_SUITE_P(
    Citizen, IdentityDocumentTest,
    testing::Values(Row{"cn-id", "110101199003076632", ""}, Row{"cn-id", "110101200002290018", ""},
                    Row{"cn-id", "440300199912319997", ""}, Row{"cn-id", "11010519491231002X", ""},
                    Row{"cn-id", "11010519491231002x", ""},
                    Row{"cn-id", " １１０１０１１９９００３０７６６３２ ", ""},
                    Row{"cn-id", "110101199003076631", "auth.id_number.check"},
                    Row{"cn-id", "110101190002290011", "auth.id_number.date"},
                    Row{"cn-id", "110101199013076632", "auth.id_number.date"},
                    Row{"cn-id", "810000198501010010", "auth.id_number.region"},
                    Row{"cn-id", "943760199803056672", "auth.id_number.region"}));
INSTANTIATE_TEST_SUITE_P(
    HongKongMacaoTaiwan, IdentityDocumentTest,
    testing::Values(Row{"hmt-permit", "810000198501010010", ""},
                    Row{"hmt-permit", "820000199005051231", ""},
                    Row{"hmt-permit", "830000197812120021", ""},
                    Row{"hmt-permit", "810000198501010011", "auth.id_number.check"},
                    Row{"hmt-permit", with_check("84000019850101001"), "auth.id_number.region"},
                    Row{"hmt-permit", "110101199003076632", "auth.id_number.region"},
                    Row{"hmt-permit", "H12345678", "auth.id_number.form"}));
INSTANTIATE_TEST_SUITE_P(
    ResidenceCardNew, IdentityDocumentTest,
    testing::Values(
        Row{"foreign-residence", "943760199803056672", ""},
        Row{"foreign-residence", "911398197508150034", ""},
        Row{"foreign-residence", "911156198501010020", "auth.id_number.country"},
        Row{"foreign-residence", with_check("94399919980305667"), "auth.id_number.country"},
        Row{"foreign-residence", "943760199803056673", "auth.id_number.check"},
        Row{"foreign-residence", with_check("99939819750815003"), "auth.id_number.region"},
        Row{"foreign-residence", with_check("91139819750230003"), "auth.id_number.date"},
        Row{"foreign-residence", with_check("91139820270101003"), "auth.id_number.date"},
        Row{"foreign-residence", with_check("91139818800101003"), "auth.id_number.date"},
        Row{"foreign-residence", "110101199003076632", "auth.id_number.region"},
        Row{"foreign-residence", "94376019980305667A", "auth.id_number.form"}));
INSTANTIATE_TEST_SUITE_P(
    ResidenceCardOld, IdentityDocumentTest,
    testing::Values(Row{"foreign-residence", "KAZ110090123105", ""},
                    Row{"foreign-residence", "kaz110090123105", ""},
                    Row{"foreign-residence", "DEU110085010102", ""},
                    Row{"foreign-residence", "USA310075081504", ""},
                    Row{"foreign-residence", with_old_check("KAZ11000002290"), ""},
                    Row{"foreign-residence", "KAA110090123105", "auth.id_number.country"},
                    Row{"foreign-residence", with_old_check("CHN11009012310"),
                        "auth.id_number.country"},
                    Row{"foreign-residence", "KAZ990090123105", "auth.id_number.region"},
                    Row{"foreign-residence", "KAZ110090023105", "auth.id_number.date"},
                    Row{"foreign-residence", "KAZ110090123104", "auth.id_number.check"},
                    Row{"foreign-residence", "KA1110090123105", "auth.id_number.form"},
                    Row{"foreign-residence", "KAZ11009012310", "auth.id_number.form"}));
INSTANTIATE_TEST_SUITE_P(
    Passport, IdentityDocumentTest,
    testing::Values(Row{"passport", "E12345678", "", "CHN"},
                    Row{"passport", "EA1234567", "", "CHN"},
                    Row{"passport", "G12345678", "", "CHN"},
                    Row{"passport", "DE1234567", "", "CHN"},
                    Row{"passport", "EI1234567", "auth.id_number.form", "CHN"},
                    Row{"passport", "EO1234567", "auth.id_number.form", "CHN"},
                    Row{"passport", "E1234567", "auth.id_number.form", "CHN"},
                    Row{"passport", "n1234567", "", "KAZ"}, Row{"passport", "L898902C3", "", "GBR"},
                    Row{"passport", "1234", "auth.id_number.form", "KAZ"},
                    Row{"passport", std::string(21, '1'), "auth.id_number.form", "KAZ"},
                    Row{"passport", "ABCDEF", "auth.id_number.form", "KAZ"},
                    Row{"passport", "N12 34567", "auth.id_number.form", "KAZ"},
                    Row{"passport", "N1234567", "auth.id_number.country", ""},
                    Row{"passport", "N1234567", "auth.id_number.country", "KAA"},
                    Row{"passport", "N1234567", "auth.id_number.country", "kaz"}));
INSTANTIATE_TEST_SUITE_P(
    UnifiedCode, IdentityDocumentTest,
    testing::Values(Row{"uscc", "91110108MA0000015T", "", "", kUnit},
                    Row{"uscc", "1211000040000000XT", "", "", kUnit},
                    Row{"uscc", "93430000MB0000094F", "", "", kUnit},
                    Row{"uscc", "52310000500000007B", "", "", kUnit},
                    Row{"uscc", "11420000010833209R", "", "", kUnit},
                    Row{"uscc", "91110108MA00003651", "", "", kUnit},
                    Row{"uscc", "91110108MA00000663", "", "", kUnit},
                    Row{"uscc", "91110108MA000012XU", "", "", kUnit},
                    Row{"uscc", "91110108MA0000197Y", "", "", kUnit},
                    Row{"uscc", "91110108MA0000015S", "auth.uscc.form", "", kUnit},
                    Row{"uscc", "91110108MA0000I15T", "auth.uscc.form", "", kUnit},
                    Row{"uscc", "91110108MA0000O15T", "auth.uscc.form", "", kUnit},
                    Row{"uscc", "91110108MA0000V15T", "auth.uscc.form", "", kUnit},
                    Row{"uscc", "91110108MA0000Z15T", "auth.uscc.form", "", kUnit},
                    Row{"uscc", "91110108MA0000015U", "auth.uscc.check", "", kUnit}));
INSTANTIATE_TEST_SUITE_P(
    AgreedCodes, IdentityDocumentTest,
    testing::Values(Row{"unit-number", "11010800123456", "", "", kUnit},
                    Row{"project-code", "2026-110108-47-01-000001", "", "", kUnit},
                    Row{"overseas-body", "HRB 12345", "auth.id_number.form", "DEU", kUnit},
                    Row{"overseas-body", "HRB12345", "", "DEU", kUnit},
                    Row{"overseas-body", "HRB12345", "auth.id_number.country", "", kUnit},
                    Row{"overseas-body", "HRB12345", "auth.id_number.country", "CHN", kUnit},
                    Row{"unit-number", "123", "auth.id_number.form", "", kUnit},
                    Row{"unit-number", std::string(41, '1'), "auth.id_number.form", "", kUnit},
                    Row{"unit-number", "单位一号", "auth.id_number.form", "", kUnit}));
INSTANTIATE_TEST_SUITE_P(WrongKind, IdentityDocumentTest,
                         testing::Values(Row{"uscc", "91110108MA0000015T", "auth.id_type.kind"},
                                         Row{"cn-id", "110101199003076632", "auth.id_type.kind", "",
                                             kUnit},
                                         Row{"nickname", "x", "auth.id_type.unknown"},
                                         Row{"cn-id", "", "auth.id_number.form"},
                                         Row{"cn-id", "\xff", "auth.id_number.form"}));

TEST(IdentityDocumentFactsTest, EveryKindIsNamedInBothLanguages) {
  for (const auto& type : document_types())
    EXPECT_TRUE(base::has_message("auth.document." + std::string(type.id))) << type.id;
}

TEST(IdentityDocumentFactsTest, OldOrganisationCodeInsideIsAWarning) {
  std::string legacy = "12110000400000001";  // organisation check should be X
  legacy += unified_code_check(legacy);
  EXPECT_TRUE(read_identity_document(kUnit, "uscc", legacy, "", kToday)->doubtful);
  EXPECT_FALSE(read_identity_document(kUnit, "uscc", "91110108MA0000015T", "", kToday)->doubtful);
}

TEST(IdentityDocumentFactsTest, TheSameNumberOfTwoCountriesIsTwoDocuments) {
  const auto one =
      read_identity_document(SubjectKind::person, "passport", "N1234567", "KAZ", kToday);
  const auto two =
      read_identity_document(SubjectKind::person, "passport", "N1234567", "UZB", kToday);
  EXPECT_EQ(one->kept(), "KAZ:N1234567");
  EXPECT_NE(one->kept(), two->kept());
}

TEST(IdentityDocumentFactsTest, BothGenerationsOfTheCardTellNationAndBirth) {
  const auto young = parse_residence_card("911398197508150034", kToday);
  const auto old = parse_residence_card(with_old_check("KAZ11007508150"), kToday);
  ASSERT_TRUE(young.ok() && old.ok());
  EXPECT_EQ(young->nationality, "KAZ");
  EXPECT_EQ(old->nationality, young->nationality);
  EXPECT_EQ(old->born_yymmdd, young->born_yymmdd);
  EXPECT_TRUE(old->old_generation);
  EXPECT_FALSE(young->old_generation);
}

TEST(PassportLineTest, Icao9303_ChecksAreMadeOverTheirFields) {
  EXPECT_EQ(mrz_check("L898902C3"), '6');
  EXPECT_EQ(mrz_check("DEU11008501010"), '2');
  EXPECT_EQ(mrz_check("USA31007508150"), '4');
  EXPECT_EQ(mrz_check("l"), std::nullopt);
  // ICAO's sample holder is of Utopia, which is no country: the checks pass, the country does not.
  EXPECT_EQ(parse_passport_line("L898902C36UTO7408122F1204159ZE184226B<<<<<10").error().key,
            "auth.id_number.country");
  std::string line = "L898902C36D<<7408122F1204159ZE184226B<<<<<10";
  const auto german = parse_passport_line(line);
  ASSERT_TRUE(german.ok()) << german.error().key;
  EXPECT_EQ(german->number, "L898902C3");
  EXPECT_EQ(german->country, "DEU");
  EXPECT_EQ(german->born_yymmdd, "740812");
  for (const std::size_t place : {0U, 9U, 13U, 19U, 21U, 27U, 28U, 42U, 43U}) {
    auto wrong = line;
    wrong[place] = wrong[place] == '2' ? '3' : '2';
    EXPECT_EQ(parse_passport_line(wrong).error().key, "auth.mrz.check") << place;
  }
  EXPECT_EQ(parse_passport_line(line.substr(1)).error().key, "auth.mrz.form");
  line[20] = '-';
  EXPECT_EQ(parse_passport_line(line).error().key, "auth.mrz.form");
}

TEST(PassportLineTest, AWholeLineStandsForTheNumber) {
  const std::string line = "L898902C36D<<7408122F1204159ZE184226B<<<<<10";
  const auto read = read_identity_document(SubjectKind::person, "passport", line, "DEU", kToday);
  ASSERT_TRUE(read.ok()) << read.error().key;
  EXPECT_EQ(read->kept(), "DEU:L898902C3");
  EXPECT_EQ(
      read_identity_document(SubjectKind::person, "passport", line, "FRA", kToday).error().key,
      "auth.id_number.country")
      << "the line says another country than the holder";
}

TEST(CountriesTest, Iso3166_TheListIsTheOneThatOthersKeep) {
  std::ifstream in("/usr/share/iso-codes/json/iso_3166-1.json");
  ASSERT_TRUE(in) << "apt-get install iso-codes";
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto json = base::parse_json(text);
  ASSERT_TRUE(json.ok());
  std::size_t there = 0;
  for (const auto& one : (*json)["3166-1"].GetArray()) {
    const auto alpha3 = base::json_text(one, "alpha_3"), numeric = base::json_text(one, "numeric");
    if (alpha3 == "HKG" || alpha3 == "MAC" || alpha3 == "TWN") {  // China's own: other documents
      EXPECT_EQ(country_by_alpha3(alpha3), nullptr);
      EXPECT_EQ(country_by_numeric(numeric), nullptr);
      continue;
    }
    ++there;
    ASSERT_NE(country_by_alpha3(alpha3), nullptr) << alpha3;
    EXPECT_EQ(country_by_alpha3(alpha3)->numeric, numeric);
    EXPECT_EQ(country_by_numeric(numeric)->alpha3, alpha3);
  }
  EXPECT_EQ(countries().size(), there);
}

TEST(NameTest, Ldt01_6_2_3a_NamesOfAllPeoplesPass) {
  const auto kept = [](std::string_view text) {
    return normal_name(SubjectKind::person, text).value_or("(refused)");
  };
  EXPECT_EQ(kept("买买提·吐尔逊"), "买买提·吐尔逊");
  for (const auto* dot : {"。", "．", "•", "‧"})
    EXPECT_EQ(kept("买买提" + std::string(dot) + "吐尔逊"), "买买提·吐尔逊") << dot;
  EXPECT_EQ(kept("𠮷野"), "𠮷野") << "beyond the basic plane";
  EXPECT_EQ(kept("䶮"), "䶮");
  EXPECT_EQ(kept("SUKARNO"), "SUKARNO") << "a single name";
  EXPECT_EQ(kept("O'BRIEN-SMITH ANNA MARIA"), "O'BRIEN-SMITH ANNA MARIA");
  std::string fifty;
  for (int i = 0; i < 50; ++i) fifty += "阿";
  EXPECT_EQ(kept(fifty), fifty);
  EXPECT_EQ(kept(fifty + "阿"), "(refused)");
  EXPECT_EQ(kept(" "), "(refused)");
  EXPECT_EQ(kept("张\n三"), "(refused)");
}

}  // namespace
}  // namespace auth
