#include "certs/der.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace {

namespace der = certs::der;

bool strict(std::string_view hex) {
  return der::is_strict(*base::from_hex(hex));
}
std::string hex(const base::Bytes& bytes) {
  return base::to_hex(bytes);
}

// ITU-T X.690 §8 and §10: each of these has another, shorter or definite, form.
TEST(DerTest, X690_10_OneFormForEachValue) {
  EXPECT_TRUE(strict("3003020101"));
  EXPECT_FALSE(strict(""));
  EXPECT_FALSE(strict("300302010100")) << "a byte behind it";
  EXPECT_FALSE(strict("30800201010000")) << "indefinite length";
  EXPECT_FALSE(strict("308103020101")) << "long form of a short length";
  EXPECT_FALSE(strict("30820003020101")) << "length with a leading zero";
  EXPECT_FALSE(strict("3004020101")) << "longer than what is there";
  EXPECT_FALSE(strict("30040202007f")) << "integer with a leading zero octet";
  EXPECT_FALSE(strict("30040202ff80")) << "negative integer with a leading ff octet";
  EXPECT_FALSE(strict("30020200")) << "empty integer";
  EXPECT_TRUE(strict("0101ff"));
  EXPECT_FALSE(strict("010101")) << "true is ff";
  EXPECT_FALSE(strict("2403040100")) << "constructed octet string";
  EXPECT_FALSE(strict("2c030c0141")) << "constructed UTF8String";
  EXPECT_FALSE(strict("1000")) << "primitive sequence";
  EXPECT_TRUE(strict("03020780"));
  EXPECT_FALSE(strict("03020781")) << "unused bits that are not zero";
  EXPECT_FALSE(strict("030108")) << "eight unused bits";
  EXPECT_FALSE(strict("0500ff")) << "a byte behind null";
  EXPECT_FALSE(strict("050100")) << "null with content";
  EXPECT_FALSE(strict("0000")) << "end of contents by itself";
  EXPECT_FALSE(strict("1f0100")) << "a low tag number in the long form";
  EXPECT_TRUE(strict("9f1f00"));
}

TEST(DerTest, NestingIsBounded) {
  const auto nested = [](int depth) {
    base::Bytes value = der::null();
    for (int i = 0; i < depth; ++i) value = der::sequence({value});
    return value;
  };
  EXPECT_TRUE(der::is_strict(nested(30)));
  EXPECT_FALSE(der::is_strict(nested(40)));
}

TEST(DerTest, X690_8_WritesWhatTheStandardSays) {
  EXPECT_EQ(hex(der::integer(std::int64_t{0})), "020100");
  EXPECT_EQ(hex(der::integer(127)), "02017f");
  EXPECT_EQ(hex(der::integer(128)), "02020080");
  EXPECT_EQ(hex(der::integer(*base::from_hex("00000080"))), "02020080");
  EXPECT_EQ(hex(der::oid("1.2.840.113549")), "06062a864886f70d");  // X.690 §8.19 by RFC 8017
  EXPECT_EQ(hex(der::boolean(true)), "0101ff");
  EXPECT_EQ(hex(der::octets(base::Bytes(200, 0xAB))).substr(0, 6), "0481c8");
  EXPECT_TRUE(der::is_strict(der::octets(base::Bytes(70000, 1))));
}

TEST(DerTest, Rfc5280_4_1_2_5_UtcTimeThrough2049) {
  const auto at = [](std::string_view text) { return *base::parse_rfc3339(text); };
  EXPECT_EQ(base::as_text(der::time(at("2049-12-31T23:59:59Z"))),
            "\x17\x0d"
            "491231235959Z");
  EXPECT_EQ(base::as_text(der::time(at("2050-01-01T00:00:00Z"))),
            "\x18\x0f"
            "20500101000000Z");
}

TEST(DerTest, Rfc3161_2_4_2_FractionWithoutTrailingZeros) {
  const auto at = *base::parse_rfc3339("2026-11-24T03:00:00.120000Z");
  EXPECT_EQ(base::as_text(der::generalized_time(at, true)).substr(2), "20261124030000.12Z");
  EXPECT_EQ(base::as_text(der::generalized_time(at, false)).substr(2), "20261124030000Z");
  const auto whole = *base::parse_rfc3339("2026-11-24T03:00:00Z");
  EXPECT_EQ(base::as_text(der::generalized_time(whole, true)).substr(2), "20261124030000Z");
}

TEST(DerTest, X690_8_19_IdentifiersAreReadBackAsTheyWereWritten) {
  const auto again = [](std::string_view dotted) {
    return der::dotted(base::BytesView(der::oid(dotted)).subspan(2));
  };
  for (const auto* dotted : {"1.2.156.10197.1.501", "2.25.102262581555112947325161223313624548636"})
    EXPECT_EQ(again(dotted), dotted);
  EXPECT_EQ(der::dotted({}), "");
  EXPECT_EQ(der::dotted(base::Bytes{0x2a, 0x86}), "") << "an arc that does not end";
  EXPECT_EQ(der::dotted(base::Bytes(65, 1)), "");
}

TEST(DerTest, X690_8_1_AWalkTakesValueByValue) {
  const auto bytes = *base::from_hex("30060201050401ff");
  EXPECT_EQ(der::first_size(bytes), bytes.size());
  EXPECT_EQ(der::first_size(*base::from_hex("0201050401ff")), 3U);
  EXPECT_EQ(der::first_size(*base::from_hex("0204")), 0U) << "a length past the end";
  EXPECT_EQ(der::first_size(*base::from_hex("3080")), 0U) << "an indefinite length";
  der::Walk outer(bytes);
  base::BytesView whole;
  const auto content = outer.take(0x30, &whole);
  ASSERT_TRUE(content);
  EXPECT_EQ(whole.size(), bytes.size());
  EXPECT_TRUE(outer.empty());
  EXPECT_EQ(outer.tag(), -1);
  der::Walk inner(*content);
  EXPECT_FALSE(inner.take(0x04)) << "another tag stands next";
  EXPECT_EQ(inner.tag(), 0x02);
  EXPECT_EQ(inner.take(0x02)->front(), 5);
  EXPECT_EQ(inner.take(0x04)->front(), 0xff);
  EXPECT_FALSE(inner.take(0x04));
}

}  // namespace
