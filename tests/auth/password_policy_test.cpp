// security.md §3.A 1–6; NIST SP 800-63B-4 §3.1.1.2.
#include "auth/password_policy.h"

#include <gtest/gtest.h>

#include "base/messages.h"

namespace auth {
namespace {

base::Secret secret(std::string_view text) {
  return base::Secret(base::as_bytes(text));
}

std::string judged(std::string_view text, bool second_factor = false,
                   const std::vector<std::string>& about = {}) {
  const auto normal = normal_password(secret(text));
  if (!normal.ok()) return normal.error().key;
  const auto judged = judge_new_password(*normal, {}, second_factor, about);
  return judged.ok() ? "" : judged.error().key;
}

std::string repeat(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(PasswordPolicyTest, A1_FifteenAloneEightBesideASecondFactor) {
  EXPECT_EQ(judged("vK3-hollow-brig"), "");
  EXPECT_EQ(judged("vK3-hollow-bri"), "auth.password.too_short");
  EXPECT_EQ(judged("vK3-holl", true), "");
  EXPECT_EQ(judged("vK3-hol", true), "auth.password.too_short");
}

TEST(PasswordPolicyTest, A2_A3_UpTo128CodePointsNotBytes) {
  const auto mixed = repeat("纬鹭q7-", 25) + "xyz";  // 128 code points, more bytes
  EXPECT_EQ(judged(mixed), "");
  EXPECT_EQ(judged(mixed + "w"), "auth.password.too_long");
  EXPECT_EQ(judged(std::string(1 << 20, 'a')), "auth.password.too_long");
  EXPECT_EQ(judged(repeat("vK3-", 16)), "auth.password.well_known");
  EXPECT_EQ(judged(repeat("vK3-h", 12) + "abcd"), "");
}

TEST(PasswordPolicyTest, A4_NoRulesOfComposition) {
  EXPECT_EQ(judged("hollow brig anvil moth"), "");
  EXPECT_EQ(judged("834729103847261"), "");
  EXPECT_EQ(judged("鹭岛纬线柠檬榔头铜绿苔原信风檐角潮"), "");
}

TEST(PasswordPolicyTest, A5_WellKnownAndOwnWordsAreRefused) {
  for (const auto* bad :
       {"aaaaaaaaaaaaaaaa", "123412341234123412", "abcdefghijklmnopq", "12345678901234567",
        "qwertyuiopasdfghjkl", "Password123456789", "password-password", "woaini5201314520",
        "iloveyou19900307", "Admin.Welcome.2026", "我爱你我爱中国我爱你我爱中国123",
        "1qaz2wsx3edc4rfv", "xinyinxinyinxinyin", "xinyin-password-1",
        "信印信印信印信印信印信印密码2026"})
    EXPECT_EQ(judged(bad), "auth.password.well_known") << bad;
  EXPECT_EQ(judged("zhangxiaosan-2026", false, {"zhangxiaosan"}), "auth.password.well_known");
  EXPECT_EQ(judged("zhangxiaosan-hollow-brig", false, {"zhangxiaosan"}), "");
  EXPECT_EQ(judged("12345678", true), "auth.password.well_known");
}

TEST(PasswordPolicyTest, A6_OneTextOneHashedForm) {
  const auto same = [](std::string_view a, std::string_view b) {
    return normal_password(secret(a))->equals(normal_password(secret(b))->reveal());
  };
  EXPECT_TRUE(same("caf\u00e9 hollow brig", "cafe\u0301 hollow brig")) << "NFC and NFD";
  EXPECT_TRUE(same("ｖＫ３－hollow", "vK3-hollow")) << "full width as typed by an input method";
  EXPECT_FALSE(same("hollow brig", "hollow brig ")) << "spaces count";
  EXPECT_FALSE(same("hollow🦉brig", "hollow🦊brig"));
  EXPECT_FALSE(same(std::string_view("hollow\0a", 8), std::string_view("hollow\0b", 8)));
  const auto long_one = repeat("vK3-h", 20);
  EXPECT_FALSE(same(long_one + "a", long_one + "b")) << "nothing is cut off at 72";
  EXPECT_EQ(normal_password(secret("\xff\xfe")).error().key, "auth.password.text");
}

TEST(PasswordPolicyTest, EachKeyHasItsText) {
  for (const auto* key : {"auth.password.too_long", "auth.password.text", "auth.password.too_short",
                          "auth.password.well_known", "auth.uscc.form", "auth.id_type.unknown"})
    EXPECT_TRUE(base::has_message(key)) << key;
}

}  // namespace
}  // namespace auth
