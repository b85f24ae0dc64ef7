// Logging in by two steps and managing one's factors, as a browser sees it. LD/T 01-2020 5.4.1.5,
// 6.2.5b, 6.2.6; security.md §3.A 16–19, 23, §3.B 26, 34.
#include <gmock/gmock.h>

#include <cstdio>

#include "auth/totp.h"
#include "base/encoding.h"
#include "tests/api/browser.h"

namespace {

using test::Answer;
using test::Browser;
using test::oathtool;
using testing::HasSubstr;
using testing::Not;

class SecondStepTest : public testing::Test {
 protected:
  Answer log_in(Browser& browser, const std::string& to = "/account") {
    EXPECT_EQ(browser.get("/login?return_to=" + api::percent_encode(to)).status, 200);
    return browser.post("/login", {{"return_to", to},
                                   {"login_name", house_.person().login_name},
                                   {"password", test::kPassword}});
  }
  /// Logged in, past agreements that other tests may have published.
  Browser member() {
    (void)house_.session_cookie();  // accepts what there is
    Browser browser(house_);
    EXPECT_EQ(log_in(browser).header("location"), "/account");
    return browser;
  }
  static std::string between(const std::string& page, std::string_view before,
                             std::string_view after) {
    const auto at = page.find(before);
    if (at == std::string::npos) return "";
    const auto begin = at + before.size();
    return page.substr(begin, page.find(after, begin) - begin);
  }
  std::string code(const std::string& secret) { return oathtool(secret, house_.pki().clock().now()); }
  void pass(std::chrono::seconds time) { house_.pki().clock().advance(time); }

  /// Adds an app; its secret.
  std::string add_app(Browser& browser) {
    EXPECT_EQ(browser.get("/account/security").status, 200);
    const auto offered = browser.post("/account/security/totp", {{"return_to", ""}});
    EXPECT_EQ(offered.status, 200) << offered.head;
    const auto secret = between(offered.body, "<code class=\"address\">", "</code>");
    const auto added =
        browser.post("/account/security/totp/confirm", {{"offer", browser.hidden("offer")},
                                                        {"return_to", ""},
                                                        {"label", "手机"},
                                                        {"code", code(secret)}});
    EXPECT_EQ(added.header("location"), "/account/security?done=added") << added.body;
    pass(std::chrono::seconds(30));
    return secret;
  }
  std::string add_phone(Browser& browser, const std::string& number) {
    EXPECT_EQ(browser.get("/account/security").status, 200);
    const auto sent = browser.post("/account/security/phone", {{"phone", number}});
    EXPECT_EQ(sent.status, 200) << sent.head;
    const auto added = browser.post(
        "/account/security/phone/confirm",
        {{"phone", number}, {"code", house_.carrier().code_to(number)}});
    EXPECT_EQ(added.header("location"), "/account/security?done=added") << added.body;
    pass(std::chrono::seconds(61));
    return number;
  }
  static std::string fresh_mobile() {
    static int last = 0;
    auto text = std::to_string(10'000'000 + ::getpid() % 9'000 * 1'000 + ++last);
    return "136" + text.substr(text.size() - 8);
  }

  test::House house_;
};

TEST_F(SecondStepTest, A23_NobodyIsLoggedInBeforeTheSecondStep) {
  auto browser = member();
  const auto secret = add_app(browser);
  Browser other(house_);
  const auto first = log_in(other);
  EXPECT_EQ(first.header("location"), "/login/second?return_to=%2Faccount");
  EXPECT_EQ(other.cookie("__Host-xinyin_session"), "");
  EXPECT_NE(other.cookie("__Host-xinyin_sign_in"), "");
  for (const auto* path : {"/account", "/account/security", "/oauth/authorize?client_id=x"})
    EXPECT_NE(other.get(path).status, 200) << path;
  // Its cookie is no session, whatever name it comes under.
  other.set("__Host-xinyin_session", other.cookie("__Host-xinyin_sign_in"));
  EXPECT_EQ(other.get("/account").header("location"), "/login?return_to=%2Faccount");
  other.forget("__Host-xinyin_session");

  const auto asked = other.get(first.header("location"));
  EXPECT_EQ(asked.status, 200);
  EXPECT_THAT(asked.body, HasSubstr("name=\"method\" value=\"totp\""));
  EXPECT_THAT(asked.body, Not(HasSubstr("value=\"sms\"")));
  const auto wrong = other.post("/login/second", {{"return_to", "/account"},
                                                  {"method", "totp"},
                                                  {"code", "000000"}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.body, HasSubstr("验证码不正确"));
  const auto right = code(secret);
  const auto done = other.post("/login/second", {{"return_to", "/account"},
                                                 {"method", "totp"},
                                                 {"code", right}});
  EXPECT_EQ(done.header("location"), "/account");
  EXPECT_EQ(other.cookie("__Host-xinyin_sign_in"), "");
  EXPECT_EQ(other.get("/account").status, 200);
  EXPECT_EQ(house_.session_of(other.cookie("__Host-xinyin_session")).authentication,
            auth::Authentication::two_factor);

  // The same code again, from another browser: spent.
  Browser thief(house_);
  (void)log_in(thief);
  (void)thief.get("/login/second");
  EXPECT_EQ(thief.post("/login/second", {{"return_to", "/"}, {"method", "totp"}, {"code", right}})
                .status,
            401);
}

TEST_F(SecondStepTest, Ldt01_6_2_6a_ByTextMessage) {
  auto browser = member();
  const auto number = add_phone(browser, fresh_mobile());
  Browser other(house_);
  const auto first = log_in(other);
  const auto page = other.get(first.header("location"));
  EXPECT_THAT(page.body, HasSubstr(number.substr(0, 3) + "****" + number.substr(7)));
  EXPECT_THAT(page.body, Not(HasSubstr(number)));
  const auto sent = other.post("/login/second/sms", {{"return_to", "/account"}});
  EXPECT_EQ(sent.header("location"), "/login/second?return_to=%2Faccount&sent=1");
  EXPECT_THAT(other.get(sent.header("location")).body, HasSubstr("已发送"));
  const auto again = other.post("/login/second/sms", {{"return_to", "/account"}});
  EXPECT_EQ(again.status, 429);
  EXPECT_EQ(again.header("retry-after"), "60");
  const auto done = other.post("/login/second", {{"return_to", "/account"},
                                                 {"method", "sms"},
                                                 {"code", house_.carrier().code_to(number)}});
  EXPECT_EQ(done.header("location"), "/account") << done.body;

  // A code that was sent to one browser is worth nothing in another.
  pass(std::chrono::seconds(61));
  Browser here(house_), there(house_);
  (void)log_in(here);
  (void)log_in(there);
  (void)here.get("/login/second");
  (void)here.post("/login/second/sms", {{"return_to", "/"}});
  (void)there.get("/login/second");
  EXPECT_EQ(there.post("/login/second", {{"return_to", "/"},
                                         {"method", "sms"},
                                         {"code", house_.carrier().code_to(number)}})
                .status,
            401);
}

TEST_F(SecondStepTest, A17_ACarrierThatIsAwayLeavesTheOtherWays) {
  auto browser = member();
  add_phone(browser, fresh_mobile());
  (void)browser.get("/account/security");
  const auto codes = browser.post("/account/security/recovery", {});
  ASSERT_EQ(codes.status, 200);
  const auto recovery = between(codes.body, "<li><code>", "</code>");
  EXPECT_EQ(recovery.size(), 19U) << recovery;
  EXPECT_THAT(browser.get("/account/security").body, Not(HasSubstr(recovery))) << "shown once";
  house_.carrier().go_away(true);
  Browser other(house_);
  (void)log_in(other);
  (void)other.get("/login/second");
  const auto away = other.post("/login/second/sms", {{"return_to", "/account"}});
  EXPECT_EQ(away.status, 503);
  EXPECT_THAT(away.body, HasSubstr("短信通道暂时不可用"));
  EXPECT_THAT(away.body, HasSubstr("value=\"recovery\""));
  const auto done = other.post("/login/second", {{"return_to", "/account"},
                                                 {"method", "recovery"},
                                                 {"code", recovery}});
  EXPECT_EQ(done.header("location"), "/account");
}

TEST_F(SecondStepTest, Rfc9470_APortalThatAsksForMoreRaisesTheSession) {
  auto browser = member();
  const auto before = browser.cookie("__Host-xinyin_session");
  const auto id = house_.session_of(before).id;
  const std::string ask =
      "/oauth/authorize?response_type=code&client_id=" + house_.client_id() + "&redirect_uri=" +
      api::percent_encode(test::kRedirect) +
      "&scope=openid&state=s&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
      "&code_challenge_method=S256&claims=" +
      api::percent_encode(
          R"({"id_token":{"acr":{"essential":true,"value":"urn:xinyin:acr:p1a2"}}})");
  // Nothing there yet that reaches it: the page leads to where it can be added.
  auto sent = browser.get(ask);
  ASSERT_EQ(sent.status, 303);
  EXPECT_THAT(sent.header("location"), HasSubstr("&level=2"));
  sent = browser.get(sent.header("location"));
  EXPECT_THAT(sent.header("location"), testing::StartsWith("/login/second?return_to="));
  const auto offer = browser.get(sent.header("location"));
  EXPECT_THAT(offer.body, HasSubstr("/account/security?return_to="));
  // Who goes back without it brings the portal the answer that there is.
  auto without = between(offer.body, "href=\"/oauth/authorize?", "\"");
  for (auto amp = without.find("&amp;"); amp != std::string::npos; amp = without.find("&amp;"))
    without.erase(amp + 1, 4);
  const auto unmet = browser.get("/oauth/authorize?" + without);
  EXPECT_THAT(unmet.header("location"), testing::StartsWith(test::kRedirect));
  EXPECT_EQ(test::query_value(unmet.header("location"), "error"),
            "unmet_authentication_requirements");

  auto other = member();
  const auto secret = add_app(other);
  sent = browser.get(browser.get(ask).header("location"));
  const auto page = browser.get(sent.header("location"));
  EXPECT_THAT(page.body, HasSubstr("value=\"totp\""));
  EXPECT_THAT(page.header("content-security-policy"), HasSubstr("https://portal.example"))
      << "form-action covers the redirects behind this form";
  const auto done = browser.post("/login/second", {{"return_to", browser.hidden("return_to")},
                                                   {"method", "totp"},
                                                   {"code", code(secret)}});
  ASSERT_EQ(done.status, 303) << done.body;
  EXPECT_NE(browser.cookie("__Host-xinyin_session"), before);
  EXPECT_EQ(house_.session_of(browser.cookie("__Host-xinyin_session")).id, id);
  const auto consent = browser.get(done.header("location"));
  EXPECT_EQ(consent.status, 200) << "on to the portal's question: " << consent.head;
  EXPECT_THAT(consent.body, HasSubstr("社保门户"));
}

TEST_F(SecondStepTest, Ldt01_6_2_5b_ChangesNeedALoginJustMade) {
  auto browser = member();
  auto other = member();
  const auto secret = add_app(other);
  EXPECT_EQ(house_.session_of(other.cookie("__Host-xinyin_session")).authentication,
            auth::Authentication::two_factor)
      << "who added it has shown it";
  // This session is of the password alone: the app must be shown first.
  (void)browser.get("/account/security");
  const auto refused = browser.post("/account/security/recovery", {});
  EXPECT_EQ(refused.header("location"), "/login/second?return_to=%2Faccount%2Fsecurity");
  (void)browser.get(refused.header("location"));
  (void)browser.post("/login/second", {{"return_to", "/account/security"},
                                       {"method", "totp"},
                                       {"code", code(secret)}});
  (void)browser.get("/account/security");
  EXPECT_EQ(browser.post("/account/security/recovery", {}).status, 200);
  pass(std::chrono::minutes(11));
  (void)browser.get("/account/security");
  EXPECT_EQ(browser.post("/account/security/recovery", {}).header("location"),
            "/login?fresh=1&return_to=%2Faccount%2Fsecurity");
}

TEST_F(SecondStepTest, TheAppsQrIsReadByAnotherProgram) {
  auto browser = member();
  (void)browser.get("/account/security");
  const auto offered = browser.post("/account/security/totp", {{"return_to", ""}});
  const auto secret = between(offered.body, "<code class=\"address\">", "</code>");
  const auto size = std::stoi(between(offered.body, "viewBox=\"0 0 ", " "));
  const auto path = between(offered.body, "/><path d=\"", "\"");
  // The drawing as a picture: eight pixels a module.
  const int scale = 8;
  std::string pixels(static_cast<std::size_t>(size * scale * size * scale), '\xff');
  for (auto at = path.find('M'); at != std::string::npos; at = path.find('M', at + 1)) {
    const int x = std::stoi(path.substr(at + 1));
    const int y = std::stoi(path.substr(path.find(' ', at) + 1));
    for (int dy = 0; dy < scale; ++dy)
      for (int dx = 0; dx < scale; ++dx)
        pixels[static_cast<std::size_t>((y * scale + dy) * size * scale + x * scale + dx)] = 0;
  }
  char name[] = "/tmp/xinyin-qr-XXXXXX.pgm";
  const int file = ::mkstemps(name, 4);
  ASSERT_GE(file, 0);
  const auto head = "P5\n" + std::to_string(size * scale) + " " + std::to_string(size * scale) +
                    "\n255\n" + pixels;
  ASSERT_EQ(::write(file, head.data(), head.size()), static_cast<ssize_t>(head.size()));
  ::close(file);
  std::unique_ptr<FILE, int (*)(FILE*)> out(
      ::popen(("zbarimg --quiet --raw " + std::string(name)).c_str(), "r"), ::pclose);
  char line[1024] = {};
  EXPECT_NE(std::fgets(line, sizeof line, out.get()), nullptr);
  ::unlink(name);
  EXPECT_THAT(line, testing::StartsWith("otpauth://totp/"));
  EXPECT_THAT(line, HasSubstr("secret=" + secret + "&issuer="));
}

TEST_F(SecondStepTest, RemovedFactorsAreNotAskedFor) {
  auto browser = member();
  (void)add_app(browser);
  (void)browser.get("/account/security");
  const auto factor = browser.hidden("factor");
  EXPECT_EQ(browser.post("/account/security/rename", {{"factor", factor}, {"label", "新名"}})
                .header("location"),
            "/account/security?done=renamed");
  EXPECT_THAT(browser.get("/account/security").body, HasSubstr("新名"));
  EXPECT_EQ(browser.post("/account/security/remove", {{"factor", factor}}).header("location"),
            "/account/security?done=removed");
  Browser other(house_);
  EXPECT_EQ(log_in(other).header("location"), "/account");
  (void)browser.get("/account/security");
  EXPECT_EQ(browser.post("/account/security/remove", {{"factor", factor}}).status, 404);
}

}  // namespace
