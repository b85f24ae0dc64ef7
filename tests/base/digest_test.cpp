#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace base {
namespace {

// FIPS 180-4 example and RFC 4231 test cases 1, 2 and 6.
TEST(DigestTest, PublishedVectors) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(131, 0xaa),
                               as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(DigestTest, PublishedVectorsOfSha384AndSm3) {
  // FIPS 180-4 examples; GB/T 32905-2016 A.1 and A.2.
  EXPECT_EQ(to_hex(sha384(as_bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(to_hex(sm3(as_bytes("abc"))),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  std::string sixteen;
  for (int i = 0; i < 16; ++i) sixteen += "abcd";
  EXPECT_EQ(to_hex(sm3(as_bytes(sixteen))),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

TEST(DigestTest, ACopiedStateGoesOnByItself) {
  Sha256 prefix;
  prefix.update(as_bytes("a"));
  auto one = prefix, two = prefix;
  one.update(as_bytes("bc"));
  two.update(as_bytes("xy"));
  EXPECT_EQ(one.finish(), sha256(as_bytes("abc")));
  EXPECT_EQ(two.finish(), sha256(as_bytes("axy")));
  EXPECT_EQ(prefix.finish(), sha256(as_bytes("a")));
}

TEST(DigestTest, ConstantTimeEqualTellsLengthAndContent) {
  EXPECT_TRUE(constant_time_equal(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(constant_time_equal(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(constant_time_equal(as_bytes("abc"), as_bytes("ab")));
  EXPECT_TRUE(constant_time_equal({}, {}));
}

}  // namespace
}  // namespace base
