// Passkeys as a browser meets them: added, a login of their own, a second step. The authenticator
// is a simulated one. LD/T 01-2020 6.2.6; W3C Web Authentication Level 3 §7.
#include <gmock/gmock.h>

#include "base/json.h"
#include "tests/api/browser.h"
#include "tests/auth/soft_authenticator.h"

namespace {

using auth::test_house::SoftAuthenticator;
using test::Answer;
using test::Browser;
using testing::HasSubstr;
using testing::Not;

class PasskeyPagesTest : public testing::Test {
 protected:
  Browser member() {
    (void)house_.session_cookie();
    Browser browser(house_);
    log_in(browser);
    return browser;
  }
  Answer log_in(Browser& browser) {
    EXPECT_EQ(browser.get("/login?return_to=%2Faccount").status, 200);
    return browser.post("/login", {{"return_to", "/account"},
                                   {"login_name", house_.person().login_name},
                                   {"password", test::kPassword}});
  }
  /// What the page gives the authenticator.
  static std::string options(const Answer& page) {
    constexpr std::string_view kMark = "data-options=\"";
    auto at = page.body.find(kMark);
    if (at == std::string::npos) return "{}";
    at += kMark.size();
    auto text = page.body.substr(at, page.body.find('"', at) - at);
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"&quot;", "\""},
                                   {"&#x2F;", "/"},
                                   {"&#x27;", "'"},
                                   {"&amp;", "&"}})
      for (std::size_t i = 0; (i = text.find(from, i)) != std::string::npos; i += to.size())
        text.replace(i, from.size(), to);
    return text;
  }
  Answer add(Browser& browser, SoftAuthenticator& key) {
    EXPECT_EQ(browser.get("/account/security").status, 200);
    const auto asked = browser.post("/account/security/passkey", {{"label", "手机"}});
    EXPECT_EQ(asked.status, 200) << asked.head;
    return browser.post(
        "/account/security/passkey/finish",
        {{"label", "手机"}, {"answer", key.registration(key.create(options(asked), kOrigin))}});
  }
  static constexpr const char* kOrigin = test::kPublicUrl;
  test::House house_;
};

TEST_F(PasskeyPagesTest, Ldt01_6_2_6_APasskeyIsAddedAndLogsInAlone) {
  auto browser = member();
  SoftAuthenticator key;
  EXPECT_EQ(add(browser, key).header("location"), "/account/security?done=added");
  EXPECT_THAT(browser.get("/account/security").body, HasSubstr("通行密钥"));

  Browser other(house_);
  EXPECT_THAT(other.get("/login?return_to=%2Faccount").body, HasSubstr("用通行密钥登录"));
  const auto asked = other.post("/login/passkey", {{"return_to", "/account"}});
  EXPECT_EQ(asked.status, 200);
  EXPECT_THAT(asked.header("content-security-policy"), HasSubstr("script-src 'self'"));
  EXPECT_THAT(asked.body, HasSubstr("src=\"/static/passkey.js\""));
  EXPECT_THAT(asked.body, Not(HasSubstr("allowCredentials"))) << "it would say who has an account";
  const auto answer = key.assertion(key.get(options(asked), kOrigin));
  const auto in =
      other.post("/login/passkey/finish", {{"return_to", "/account"}, {"answer", answer}});
  EXPECT_EQ(in.header("location"), "/account") << in.body;
  EXPECT_EQ(house_.session_of(other.cookie("__Host-xinyin_session")).authentication,
            auth::Authentication::hardware);
  // Once, and in this browser alone.
  const auto again =
      other.post("/login/passkey/finish", {{"return_to", "/account"}, {"answer", answer}});
  EXPECT_NE(again.status, 303);
  Browser third(house_);
  EXPECT_EQ(third.get("/login").status, 200);
  const auto mine = third.post("/login/passkey", {{"return_to", "/account"}});
  const auto elsewhere = key.assertion(key.get(options(mine), kOrigin));
  Browser fourth(house_);
  EXPECT_EQ(fourth.get("/login").status, 200);
  const auto stolen =
      fourth.post("/login/passkey/finish", {{"return_to", "/account"}, {"answer", elsewhere}});
  EXPECT_EQ(stolen.status, 410) << stolen.head;
  EXPECT_EQ(fourth.cookie("__Host-xinyin_session"), "");
}

TEST_F(PasskeyPagesTest, A23_AfterThePasswordThePasskeyIsTheSecondStep) {
  auto browser = member();
  SoftAuthenticator key;
  add(browser, key);
  key.flags = 0x01;  // somebody touched it; nobody was verified
  Browser other(house_);
  EXPECT_EQ(log_in(other).header("location"), "/login/second?return_to=%2Faccount");
  EXPECT_EQ(other.cookie("__Host-xinyin_session"), "");
  EXPECT_EQ(other.get("/login/second?return_to=%2Faccount").status, 200);
  const auto asked = other.post("/login/second/passkey", {{"return_to", "/account"}});
  EXPECT_THAT(asked.body, HasSubstr("allowCredentials"));
  const auto wrong =
      other.post("/login/second/passkey/finish",
                 {{"return_to", "/account"},
                  {"answer", key.assertion(key.get(options(asked), "https://evil.test"))}});
  EXPECT_EQ(wrong.status, 401) << "another origin";
  EXPECT_EQ(other.cookie("__Host-xinyin_session"), "");
  EXPECT_EQ(other.get("/login/second?return_to=%2Faccount").status, 200);
  const auto anew = other.post("/login/second/passkey", {{"return_to", "/account"}});
  const auto in = other.post(
      "/login/second/passkey/finish",
      {{"return_to", "/account"}, {"answer", key.assertion(key.get(options(anew), kOrigin))}});
  EXPECT_EQ(in.header("location"), "/account") << in.body;
  EXPECT_EQ(house_.session_of(other.cookie("__Host-xinyin_session")).authentication,
            auth::Authentication::hardware);
}

TEST_F(PasskeyPagesTest, WhatThePersonCanMendIsToldOnAPage) {
  auto browser = member();
  SoftAuthenticator key;
  add(browser, key);
  const auto twice = add(browser, key);
  EXPECT_EQ(twice.status, 409);
  EXPECT_THAT(twice.body, HasSubstr("已经登记过"));
  EXPECT_EQ(house_.get("/static/passkey.js").header("content-type"),
            "text/javascript; charset=utf-8");
}

}  // namespace
