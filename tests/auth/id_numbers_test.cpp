// Vectors: domain.md §2.1–2.2 and verification.md §4.3 (synthetic, checks computed there), GB
// 11643's own sample 11010519491231002X.
#include "auth/id_numbers.h"

#include <gtest/gtest.h>

namespace auth {
namespace {

constexpr base::Date kToday{std::chrono::year{2026} / 11 / 24};

std::string citizen_error(std::string_view text) {
  const auto parsed = parse_citizen_number(text, kToday);
  return parsed.ok() ? "" : parsed.error().key;
}
std::string unified_error(std::string_view text) {
  const auto parsed = parse_unified_code(text);
  return parsed.ok() ? "" : parsed.error().key;
}

TEST(CitizenNumberTest, Gb11643_GoodNumbersPass) {
  for (const auto* number :
       {"110101199003076632", "110101200002290018", "440300199912319997", "11010519491231002X",
        "440524188001010014", "810000198501010010", "820000199005051231", "830000197812120021"}) {
    const std::string_view text(number);
    EXPECT_EQ(citizen_check(text.substr(0, 17)), text[17]) << number;
    if (text != "440524188001010014") {  // born in 1880: well made, but before any living person
      EXPECT_EQ(citizen_error(text), "") << number;
    }
  }
  EXPECT_EQ(citizen_error("440524188001010014"), "auth.id_number.date");
}

TEST(CitizenNumberTest, Gb11643_EachMistakeIsNamed) {
  EXPECT_EQ(citizen_error("110101199003076631"), "auth.id_number.check");
  EXPECT_EQ(citizen_error("110101190002290011"), "auth.id_number.date") << "1900 has no leap day";
  EXPECT_EQ(citizen_error("110101199013076632"), "auth.id_number.date");
  EXPECT_EQ(citizen_error("840000198501010010"), "auth.id_number.region");
  EXPECT_EQ(citizen_error("910000198501010010"), "auth.id_number.region");
  EXPECT_EQ(citizen_error("010101199003076632"), "auth.id_number.region");
  EXPECT_EQ(citizen_error("11010119900307663"), "auth.id_number.form");
  EXPECT_EQ(citizen_error("1101011990030766321"), "auth.id_number.form");
  EXPECT_EQ(citizen_error("11010119900307663Y"), "auth.id_number.form");
  EXPECT_EQ(citizen_error("11010X199003076632"), "auth.id_number.form");
  EXPECT_EQ(citizen_error("110101900307663"), "auth.id_number.form") << "15 digits: look-up only";
  EXPECT_EQ(citizen_error(""), "auth.id_number.form");
  EXPECT_EQ(citizen_error(std::string_view("1101011990030766\0002", 18)), "auth.id_number.form");
}

TEST(CitizenNumberTest, BirthMayNotLieAhead) {
  std::string tomorrow = "11010120261125001";
  tomorrow += citizen_check(tomorrow);
  EXPECT_EQ(citizen_error(tomorrow), "auth.id_number.date");
  std::string today = "11010120261124001";
  today += citizen_check(today);
  EXPECT_EQ(citizen_error(today), "");
}

TEST(CitizenNumberTest, SaysBirthAndSexAndWritesXUpperCase) {
  const auto parsed = parse_citizen_number("11010519491231002x", kToday);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->number, "11010519491231002X");
  EXPECT_EQ(base::to_iso_date(parsed->born), "1949-12-31");
  EXPECT_FALSE(parsed->male);
  EXPECT_TRUE(parse_citizen_number("110101199003076632", kToday)->male);
}

TEST(CitizenNumberTest, FifteenDigitsFindTheEighteen) {
  const auto found = citizen_number_for_lookup("110105491231002", kToday);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, "11010519491231002X");
  EXPECT_EQ(*citizen_number_for_lookup("11010519491231002x", kToday), "11010519491231002X");
  EXPECT_EQ(citizen_number_for_lookup("110105491331002", kToday).error().key,
            "auth.id_number.date");
}

TEST(UnifiedCodeTest, Gb32100_GoodCodesPass) {
  for (const auto* code :
       {"91110108MA0000015T", "1211000040000000XT", "93430000MB0000094F", "52310000500000007B",
        "11420000010833209R", "91350100M000100Y43", "91512081MA62K0260E", "11100000000013338W",
        "11330105002500287C", "11430000006122244L", "113700000045046442"})
    EXPECT_EQ(unified_error(code), "") << code;
  EXPECT_EQ(parse_unified_code("91110108ma0000015t")->code, "91110108MA0000015T");
}

TEST(UnifiedCodeTest, Gb32100_EachMistakeIsNamed) {
  EXPECT_EQ(unified_error("91110108MA0000015S"), "auth.uscc.form");
  for (const char letter : {'I', 'O', 'S', 'V', 'Z'})
    EXPECT_EQ(unified_error(std::string("91110108MA000001") + letter + "T"), "auth.uscc.form");
  EXPECT_EQ(unified_error("91110108MA0000015U"), "auth.uscc.check");
  EXPECT_EQ(unified_error("91110108MA000015TT"), "auth.uscc.check");
  EXPECT_EQ(unified_error("911101A8MA0000015T"), "auth.uscc.form");
  EXPECT_EQ(unified_error("91110108MA0000015"), "auth.uscc.form");
  // An early Fujian code in use, whose check fails: refused here, and a matter for the officer.
  EXPECT_EQ(unified_error("91350211M0000XUF46"), "auth.uscc.check");
}

TEST(UnifiedCodeTest, Gb11714_OldOrganisationCodeIsAWarning) {
  EXPECT_TRUE(parse_unified_code("1211000040000000XT")->organisation_checks);
  std::string legacy = "12110000400000001";  // organisation check should be X
  legacy += unified_code_check(legacy);
  const auto parsed = parse_unified_code(legacy);
  ASSERT_TRUE(parsed.ok());
  EXPECT_FALSE(parsed->organisation_checks);
}

TEST(UnifiedCodeTest, CheckTakesAllThirtyOneValues) {
  std::string seen;
  for (int i = 0; i < 400; ++i) {
    std::string first = "91110108MA000" + std::to_string(1000 + i);
    const char check = unified_code_check(first);
    if (seen.find(check) == std::string::npos) seen += check;
  }
  EXPECT_EQ(seen.size(), 31U);
}

TEST(NormalIdNumberTest, EachTypeByItsOwnRule) {
  EXPECT_EQ(*normal_id_number("cn-id", "11010519491231002x", kToday), "11010519491231002X");
  EXPECT_EQ(*normal_id_number("hmt-permit", "810000198501010010", kToday), "810000198501010010");
  EXPECT_EQ(normal_id_number("cn-id", "810000198501010010", kToday).error().key,
            "auth.id_number.region");
  EXPECT_EQ(normal_id_number("hmt-permit", "110101199003076632", kToday).error().key,
            "auth.id_number.region");
  EXPECT_EQ(*normal_id_number("uscc", "91110108ma0000015t", kToday), "91110108MA0000015T");
  EXPECT_EQ(*normal_id_number("passport", "e1234567a", kToday), "E1234567A");
  EXPECT_EQ(normal_id_number("passport", "", kToday).error().key, "auth.id_number.form");
  EXPECT_EQ(normal_id_number("passport", "E 12", kToday).error().key, "auth.id_number.form");
  EXPECT_EQ(normal_id_number("nickname", "x", kToday).error().key, "auth.id_type.unknown");
}

}  // namespace
}  // namespace auth
