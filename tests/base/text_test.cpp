#include "base/text.h"

#include <gtest/gtest.h>

#include "base/messages.h"

namespace base {
namespace {

TEST(TextTest, NamesAndNumbersAreMasked) {
  EXPECT_EQ(mask_name("张小三"), "张*三");
  EXPECT_EQ(mask_name("李四"), "李*");
  EXPECT_EQ(mask_name("欧阳小明"), "欧**明");
  EXPECT_EQ(mask_name("王"), "*");
  EXPECT_EQ(mask_name("𠮷田"), "𠮷*");
  EXPECT_EQ(mask_number("11010519491231002X"), "110105********002X");
  EXPECT_EQ(mask_number("12345"), "*2345");
  EXPECT_EQ(mask_number("123"), "***");
}

TEST(TextTest, Utf8AndNormalForms) {
  EXPECT_TRUE(is_utf8("𠮷田"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_EQ(to_nfkc("ＡＢ１"), "AB1");
  EXPECT_EQ(to_nfc("e\xcc\x81"), "é");
  EXPECT_FALSE(to_nfc("\xff"));
}

TEST(TextTest, ControlBytesCannotForgeALogLine) {
  EXPECT_EQ(printable("a\r\nb\x1b[31m"), "a\\x0d\\x0ab\\x1b[31m");
}

TEST(MessagesTest, BothLanguagesAndValues) {
  const std::pair<std::string, std::string> args[] = {{"path", "/x"}, {"why", "empty"}};
  EXPECT_EQ(message("config.secret_file", Language::en, args),
            "Cannot read the secret file /x: empty");
  EXPECT_EQ(message("config.secret_file", Language::zh, args), "无法读取机密文件 /x：empty");
  EXPECT_EQ(message("no.such.key", Language::zh), "no.such.key");
}

TEST(TextTest, WhatIsShownBeforeSigningMovesNoCursorAndTurnsNoText) {
  EXPECT_EQ(shown("社会保险 seal-1"), "社会保险 seal-1");
  EXPECT_EQ(shown("a\x1b[2Kb"), "a\\x1b[2Kb");
  EXPECT_EQ(shown("a\xe2\x80\xae"
                  "b"),
            "a\\xe2\\x80\\xae"
            "b")
      << "right-to-left override";
  EXPECT_EQ(shown("a\xc2\x9b"
                  "b"),
            "a\\xc2\\x9b"
            "b")
      << "C1: control sequence introducer";
  EXPECT_EQ(shown("\xff"), "\\xff");
}

}  // namespace
}  // namespace base
