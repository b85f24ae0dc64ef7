// Laws of the document code. The three vectors are verification.md §2.5's, computed there by
// another implementation.
#include "verify/code.h"

#include <gtest/gtest.h>

#include <set>

namespace {

using verify::DocumentCode;

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::string_view kSecond = "10123456789ABCDEFG8E";
constexpr std::string_view kThird = "1B208H44RM2MB1E60S57";

class FixedRandom final : public base::Random {
 public:
  explicit FixedRandom(base::Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = bytes_[next_++ % bytes_.size()];
  }

 private:
  base::Bytes bytes_;
  std::size_t next_ = 0;
};

std::string key_of(std::string_view typed) {
  auto code = DocumentCode::parse(typed);
  return code ? "" : code.error().key;
}

TEST(DocumentCodeTest, PublishedVectorsHold) {
  EXPECT_EQ(key_of(kSecond), "");
  EXPECT_EQ(key_of(kThird), "");
  // All data symbols 31: the checks hold, but no code of ours begins with Z.
  EXPECT_EQ(key_of("ZZZZZZZZZZZZZZZZZZRM"), "verify.code.format");
  EXPECT_EQ(key_of("ZZZZZZZZZZZZZZZZZZRN"), "verify.code.typo");
}

TEST(DocumentCodeTest, MintedFromTheVectorsBitsGivesTheVector) {
  auto third = DocumentCode::parse(kThird);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->shard(), 11);
  const base::Bytes bits{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19};
  const auto read = third->random_bits();
  EXPECT_EQ(base::Bytes(read.begin(), read.end()), bits);
  FixedRandom random(bits);
  EXPECT_EQ(DocumentCode::mint(random, 11).pretty(), "1B20-8H44-RM2M-B1E6-0S57");
}

TEST(DocumentCodeTest, MintedCodesAreReadBackAndDiffer) {
  base::SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    const auto code = DocumentCode::mint(random, static_cast<std::uint8_t>(i % 32));
    auto read = DocumentCode::parse(code.pretty());
    ASSERT_TRUE(read) << code.pretty();
    EXPECT_EQ(*read, code);
    EXPECT_EQ(read->shard(), i % 32);
    seen.insert(code.text());
  }
  EXPECT_EQ(seen.size(), 2000u);
}

TEST(DocumentCodeTest, EverySingleErrorIsFoundAndLocated) {
  for (const std::string_view good : {kSecond, kThird}) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const char wrong : kAlphabet) {
        if (wrong == good[at]) continue;
        std::string typed(good);
        typed[at] = wrong;
        auto code = DocumentCode::parse(typed);
        ASSERT_FALSE(code) << typed;
        ASSERT_EQ(code.error().key, "verify.code.typo") << typed;
        ASSERT_EQ(code.error().args.size(), 1u) << typed;
        ASSERT_EQ(code.error().args[0].second, std::to_string(at + 1)) << typed;
      }
    }
  }
}

TEST(DocumentCodeTest, EveryDoubleErrorIsFound) {
  const std::string good(kThird);
  int tried = 0;
  for (std::size_t a = 0; a < good.size(); ++a)
    for (std::size_t b = a + 1; b < good.size(); ++b)
      for (const char x : kAlphabet)
        for (const char y : kAlphabet) {
          if (x == good[a] || y == good[b]) continue;
          std::string typed = good;
          typed[a] = x;
          typed[b] = y;
          ++tried;
          ASSERT_EQ(key_of(typed), "verify.code.typo") << typed;
        }
  EXPECT_EQ(tried, 190 * 31 * 31);
}

TEST(DocumentCodeTest, EveryTranspositionIsFound) {
  const std::string good(kThird);
  for (std::size_t a = 0; a < good.size(); ++a)
    for (std::size_t b = a + 1; b < good.size(); ++b) {
      if (good[a] == good[b]) continue;
      std::string typed = good;
      std::swap(typed[a], typed[b]);
      EXPECT_EQ(key_of(typed), "verify.code.typo") << typed;
    }
}

TEST(DocumentCodeTest, PeopleMayTypeItTheirWay) {
  for (const std::string_view typed :
       {"1B20-8H44-RM2M-B1E6-0S57", "1b20 8h44 rm2m b1e6 0s57", "1b20.8h44.rm2m.b1e6.0s57",
        "ib2o-8h44-rm2m-ble6-os57", "  1B208H44RM2MB1E60S57\r\n",
        "１Ｂ２０－８Ｈ４４－ＲＭ２Ｍ－Ｂ１Ｅ６－０Ｓ５７",
        "１ｂ２０　８ｈ４４　ｒｍ２ｍ　ｂ１ｅ６　０ｓ５７", "1B20—8H44–RM2M‐B1E6−0S57",
        "1B20·8H44・RM2M。B1E6.0S57"}) {
    auto code = DocumentCode::parse(typed);
    ASSERT_TRUE(code) << typed;
    EXPECT_EQ(code->text(), kThird);
  }
}

TEST(DocumentCodeTest, WhatNoCodeHasIsRefused) {
  EXPECT_EQ(key_of("UB20-8H44-RM2M-B1E6-0S57"), "verify.code.symbol");
  EXPECT_EQ(key_of("uB20-8H44-RM2M-B1E6-0S57"), "verify.code.symbol");
  EXPECT_EQ(key_of("1B20-8H44-RM2M-B1E6-0S5*"), "verify.code.symbol");
  EXPECT_EQ(key_of("1B20-8H44-RM2M-B1E6-0S5张"), "verify.code.symbol");
  EXPECT_EQ(key_of("1B20/8H44/RM2M/B1E6/0S57"), "verify.code.symbol");
  EXPECT_EQ(key_of(std::string_view("1B208H44RM2MB1E60S57\0", 21)), "verify.code.symbol");
  EXPECT_EQ(key_of("1B20-8H44-RM2M-B1E6-0S5\xff"), "verify.code.symbol");
  EXPECT_EQ(key_of(""), "verify.code.length");
  EXPECT_EQ(key_of("1B20-8H44-RM2M-B1E6-0S5"), "verify.code.length");
  EXPECT_EQ(key_of("1B20-8H44-RM2M-B1E6-0S570"), "verify.code.length");
  EXPECT_EQ(key_of(std::string(100'000, '1')), "verify.code.length");
}

TEST(DocumentCodeTest, DigestDependsOnPepperAndOnTheSecretPartOnly) {
  const base::Secret one(base::as_bytes("pepper one, 32 bytes of it ......"));
  const base::Secret two(base::as_bytes("pepper two, 32 bytes of it ......"));
  auto code = DocumentCode::parse(kThird);
  auto other = DocumentCode::parse(kSecond);
  ASSERT_TRUE(code && other);
  EXPECT_EQ(digest_of(*code, one), digest_of(*DocumentCode::parse("1b208h44rm2mb1e60s57"), one));
  EXPECT_NE(digest_of(*code, one), digest_of(*code, two));
  EXPECT_NE(digest_of(*code, one), digest_of(*other, one));
  // HMAC-SHA-256(pepper, 0b ‖ 10111213141516171819)[0:16], by `openssl dgst -mac HMAC`.
  const verify::CodeDigest expected{0x3e, 0x55, 0xea, 0xbf, 0x03, 0x45, 0xf0, 0xb3,
                                    0x2e, 0x5b, 0x0f, 0xb6, 0x01, 0x36, 0x2c, 0x4e};
  EXPECT_EQ(digest_of(*code, one), expected);
}

}  // namespace
