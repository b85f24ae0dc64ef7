#include "base/settings.h"

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(SettingsTest, ValuesDefaultsAndRelativePaths) {
  auto s =
      Settings::from_text("# a\n http.port = 9000 \nname=a = b\nfile = x/y\n", "t", "/etc/xinyin");
  ASSERT_TRUE(s.ok());
  EXPECT_EQ(s->integer("http.port", 1, 1, 65535, ""), 9000);
  EXPECT_EQ(s->text("name", "", ""), "a = b");
  EXPECT_EQ(s->path("file", "", ""), "/etc/xinyin/x/y");
  EXPECT_TRUE(s->boolean("on", true, ""));
  EXPECT_TRUE(s->finish().ok());
}

TEST(SettingsTest, EverythingWrongIsNamedWithItsLine) {
  auto s = Settings::from_text("port = 70000\nprot = 1\n", "x.conf");
  ASSERT_TRUE(s.ok());
  s->integer("port", 1, 1, 65535, "");
  s->required("socket", "the signer's socket");
  const auto finished = s->finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().detail,
            "x.conf:1: port must be a whole number from 1 to 65535; "
            "x.conf: socket is required: the signer's socket; x.conf:2: prot is not a known key");
  EXPECT_FALSE(Settings::from_text("a = 1\na = 2\n", "x").ok());
  EXPECT_FALSE(Settings::from_text("nonsense\n", "x").ok());
}

}  // namespace
}  // namespace base
