#include "seal/seal_spec.h"

#include <gtest/gtest.h>

#include "tests/support/active_seal.h"

namespace {

const std::string kGood = test::seal_spec(
    "36000000000001",
    R"({"kinds":["enrolment-certificate"],"uses":["own","batch"],"clients":["portal"],"proofing":"P2",
        "authentication":"A2","hours":"07:00-22:30","per_hour":100,"per_day":1000,"stop_per_minute":50})");

/// The spec with one text put in another's place.
std::string with(const std::string& from, const std::string& to) {
  auto out = kGood;
  const auto at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

TEST(SealSpecTest, EverythingThatIsSaidIsKept) {
  const auto spec = seal::read_seal_spec(kGood);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->id, "36000000000001");
  EXPECT_EQ(spec->type, seal::SealType::business);
  EXPECT_EQ(spec->picture.shape, seal::SealShape::round);
  EXPECT_EQ(spec->pdf_key, "seal-1");
  EXPECT_EQ(spec->format, 0);
  EXPECT_EQ(spec->policy.per_day, 1000);
  EXPECT_EQ(spec->policy.until_minute, 22 * 60 + 30);
  const auto again = seal::read_seal_spec(to_json(*spec));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(to_json(*again), to_json(*spec));
  EXPECT_EQ(again->policy, spec->policy);
  EXPECT_EQ(again->valid_until, spec->valid_until);
}

// The last day is one of its days, by China's clock.
TEST(SealSpecTest, ItsLastDayIsADayOfIt) {
  const auto spec = seal::read_seal_spec(kGood);
  ASSERT_TRUE(spec.ok());
  EXPECT_TRUE(spec->in_validity(*base::parse_rfc3339("2034-12-31T23:59:59+08:00")));
  EXPECT_FALSE(spec->in_validity(*base::parse_rfc3339("2035-01-01T00:00:00+08:00")));
  EXPECT_TRUE(spec->in_validity(*base::parse_rfc3339("2025-01-01T00:00:00+08:00")));
  EXPECT_FALSE(spec->in_validity(*base::parse_rfc3339("2024-12-31T23:59:59+08:00")));
}

TEST(SealSpecTest, WhatIsWrongIsNamedByItsPlace) {
  const struct {
    const char *from, *to, *field, *key;
  } cases[] = {
      {"36000000000001", "3600000000001", "/id", "seal.spec.id"},
      {"36000000000001", "3600000000000A", "/id", "seal.spec.id"},
      {"\"business\"", "\"biggest\"", "/type", "seal.spec.word"},
      {"\"type\":", "\"sort\":", "/sort", "seal.spec.unknown"},
      {"\"width_mm\":42", "\"width_mm\":420", "/picture/width_mm", "seal.spec.side"},
      {"\"height_mm\":42", "\"height_mm\":40", "/picture/height_mm", "seal.spec.round"},
      {"\"round\"", "\"oval\"", "/picture/height_mm", "seal.spec.oval"},
      {"\"round\"", "\"square\"", "/picture/caption", "seal.spec.text"},
      {"\"2034-12-31\"", "\"2035-12-31\"", "/valid/until", "seal.spec.day"},
      {"\"2034-12-31\"", "\"2024-12-31\"", "/valid/until", "seal.spec.day"},
      {"\"2025-01-01\"", "\"2025-02-30\"", "/valid/from", "seal.spec.day"},
      {"\"pdf\":\"seal-1\"", "", "/keys/pdf", "seal.spec.key"},
      {"\"policy\"", "\"format\":4,\"policy\"", "/format", "seal.spec.format"},
      {"\"kinds\":[\"enrolment-certificate\"]", "\"kinds\":[]", "/policy/kinds", "seal.spec.list"},
      {"\"batch\"", "\"secret\"", "/policy/uses", "seal.spec.word"},
      {"\"P2\"", "\"P4\"", "/policy/proofing", "seal.spec.word"},
      {"\"A2\"", "\"A4\"", "/policy/authentication", "seal.spec.word"},
      {"07:00-22:30", "22:30-07:00", "/policy/hours", "seal.spec.hours"},
      {"07:00-22:30", "07:00-24:01", "/policy/hours", "seal.spec.hours"},
      {"07:00-22:30", "07:60-22:30", "/policy/hours", "seal.spec.hours"},
      {"\"per_hour\":100", "\"per_hour\":0", "/policy/per_hour", "seal.spec.number"},
      {"\"per_hour\":100", "\"per_hour\":\"100\"", "/policy/per_hour", "seal.spec.number"},
      {"江州市社会保险事业管理中心业务", "江州市\\u202e业务", "/name", "seal.spec.text"},
  };
  for (const auto& one : cases) {
    const auto spec = seal::read_seal_spec(with(one.from, one.to));
    ASSERT_FALSE(spec.ok()) << one.to;
    EXPECT_EQ(spec.error().key, "seal.spec") << one.to;
    ASSERT_FALSE(spec.error().fields.empty()) << one.to;
    EXPECT_EQ(spec.error().fields[0].field, one.field) << one.to;
    EXPECT_EQ(spec.error().fields[0].key, one.key) << one.to;
  }
  EXPECT_EQ(seal::read_seal_spec("[]").error().key, "seal.spec");
  EXPECT_EQ(seal::read_seal_spec(std::string(seal::kMostSpecBytes + 1, ' ')).error().key,
            "json.too_large");
}

TEST(SealPolicyTest, AllowsWhatItNamesAndNothingElse) {
  const auto policy = seal::read_seal_policy(
      R"({"kinds":["a"],"uses":["batch"],"clients":["c"],"hours":"08:00-18:00"})");
  ASSERT_TRUE(policy.ok());
  EXPECT_TRUE(policy->allows_kind("a"));
  EXPECT_FALSE(policy->allows_kind("ab"));
  EXPECT_TRUE(policy->allows(seal::SealUse::batch));
  EXPECT_FALSE(policy->allows(seal::SealUse::own));
  EXPECT_TRUE(policy->allows_client("c"));
  EXPECT_FALSE(policy->allows_client("d"));
  EXPECT_TRUE(policy->allows_at(*base::parse_rfc3339("2026-11-27T08:00:00+08:00")));
  EXPECT_TRUE(policy->allows_at(*base::parse_rfc3339("2026-11-27T17:59:59+08:00")));
  EXPECT_FALSE(policy->allows_at(*base::parse_rfc3339("2026-11-27T18:00:00+08:00")));
  EXPECT_FALSE(policy->allows_at(*base::parse_rfc3339("2026-11-27T12:00:00Z")));
}

}  // namespace
