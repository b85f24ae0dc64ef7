#include "base/sm3.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace base {
namespace {

TEST(Sm3Test, ACopiedStateGoesOnByItself) {
  Sm3 prefix;
  prefix.update(as_bytes("a"));
  auto one = prefix;
  Sm3 two;
  two = prefix;
  one.update(as_bytes("bc"));
  two.update(as_bytes("xy"));
  EXPECT_EQ(one.finish(), sm3(as_bytes("abc")));
  EXPECT_EQ(two.finish(), sm3(as_bytes("axy")));
  EXPECT_EQ(prefix.finish(), sm3(as_bytes("a")));
  EXPECT_EQ(prefix.finish(), sm3(as_bytes("a"))) << "asking changes nothing";
  EXPECT_EQ(Sm3().finish(), sm3({}));
}

TEST(Sm3Test, Gbt32918_5_TheStandardsExampleGivesItsZ) {
  // GB/T 32918.5-2017 A.2: the key and Z of the default user id.
  const auto point = from_hex(
      "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
      "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13");
  EXPECT_EQ(to_hex(sm2_z(*point, "1234567812345678")),
            "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3");
  EXPECT_NE(sm2_z(*point, ""), sm2_z(*point, "1234567812345678"));
}

}  // namespace
}  // namespace base
