#include "store/field_cipher.h"

#include <gtest/gtest.h>

#include <set>

#include "base/encoding.h"
#include "tests/support/seeded_random.h"

namespace store {
namespace {

class FieldCipherTest : public testing::Test {
 protected:
  static base::Secret key(std::uint8_t byte) { return base::Secret(base::Bytes(32, byte)); }
  test::SeededRandom random_;
  FieldCipher cipher_{key(7), random_};
};

TEST_F(FieldCipherTest, OpensWhatItSealed) {
  for (const auto* text : {"", "1", "11010519491231002X", "信印"}) {
    const auto sealed = cipher_.seal("subject.id_number", "s-1", base::as_bytes(text));
    const auto opened = cipher_.open("subject.id_number", "s-1", sealed);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(base::as_text(*opened), text);
  }
  const base::Bytes large(3 << 20, 0x5a);
  EXPECT_EQ(cipher_.open("f", "r", cipher_.seal("f", "r", large)).value(), large);
}

TEST_F(FieldCipherTest, Ldt01_6_4_3_AMovedValueDoesNotOpen) {
  const auto sealed = cipher_.seal("subject.id_number", "s-1", base::as_bytes("x"));
  EXPECT_FALSE(cipher_.open("subject.id_number", "s-2", sealed).ok());
  EXPECT_FALSE(cipher_.open("subject.phone", "s-1", sealed).ok());
  EXPECT_FALSE(cipher_.open("subject.id_numbers", "-1", sealed).ok());
  EXPECT_FALSE(FieldCipher(key(8), random_).open("subject.id_number", "s-1", sealed).ok());
}

TEST_F(FieldCipherTest, EachFlippedBitAndEachCutIsRefused) {
  const auto sealed = cipher_.seal("f", "r", base::as_bytes("11010519491231002X"));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto flipped = sealed;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const auto opened = cipher_.open("f", "r", flipped);
    ASSERT_FALSE(opened.ok()) << bit;
    EXPECT_EQ(opened.error().key, "store.field_damaged");
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(cipher_.open("f", "r", base::BytesView(sealed).first(size)).ok()) << size;
  auto longer = sealed;
  longer.push_back(0);
  EXPECT_FALSE(cipher_.open("f", "r", longer).ok());
}

TEST_F(FieldCipherTest, EqualValuesDoNotLookEqual) {
  std::set<base::Bytes> seen;
  for (int i = 0; i < 100; ++i) seen.insert(cipher_.seal("f", "r", base::as_bytes("same")));
  EXPECT_EQ(seen.size(), 100U);
}

TEST_F(FieldCipherTest, LookupIsSteadyAndOfItsFieldAndKey) {
  const auto found = cipher_.lookup("subject.id_number", "11010519491231002X");
  test::SeededRandom other_random(99);
  EXPECT_EQ(FieldCipher(key(7), other_random).lookup("subject.id_number", "11010519491231002X"),
            found);
  EXPECT_NE(cipher_.lookup("subject.phone", "11010519491231002X"), found);
  EXPECT_NE(FieldCipher(key(8), random_).lookup("subject.id_number", "11010519491231002X"), found);
  // The border between field and value is part of it.
  EXPECT_NE(cipher_.lookup("ab", "c"), cipher_.lookup("a", "bc"));
}

TEST_F(FieldCipherTest, StoredValuesStayReadable) {
  // made-by: Python, hmac and cryptography's AESGCM, from the layout stated in field_cipher.cpp:
  // what is in databases must open in every later version.
  const auto sealed = *base::from_hex(
      "01000102030405060708090a0b6465666768696a6b6c6d6e6f42cb4ed9bfe1d4142b2f8962bded2d"
      "18efacf6adf7ad46a4acfa8bc4f483d17614b6");
  const auto opened = cipher_.open("subject.id_number", "s-1", sealed);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(base::as_text(*opened), "11010519491231002X");
  EXPECT_EQ(base::to_hex(cipher_.lookup("subject.id_number", "11010519491231002X")),
            "c6c2c2c602fdb0c065fbcb154797d551594b46d689e1396ca7c792dc91dd1641");
}

TEST_F(FieldCipherTest, AKeyOfAnotherLengthIsOurMistake) {
  EXPECT_DEATH(FieldCipher(base::Secret(base::Bytes(16, 1)), random_), "32 bytes");
}

}  // namespace
}  // namespace store
