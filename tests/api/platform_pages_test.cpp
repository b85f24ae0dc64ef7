// Accounts of third-party platforms, as browsers meet them: the way there and back, an account that
// is nobody's, a link, and what strangers' browsers get. LD/T 01-2020 5.4.1.4c, 6.2.6c;
// docs/decisions/0140-third-party-platforms.md.
#include <gmock/gmock.h>

#include "tests/api/staff_scene.h"
#include "tests/auth/platform_there.h"

namespace {

using auth::test_house::There;
using test::Answer;
using test::Browser;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kCookie = "__Host-xinyin_platform";
constexpr const char* kBack = "/login/platform/gov/return";

class PlatformPagesTest : public test::StaffScene {
 protected:
  PlatformPagesTest() {
    there_.audience = R"("xinyin")";
    there_.subject = "api-" + std::to_string(::getpid()) + "-" + std::to_string(++last());
    auth::Platform one;
    one.id = "gov";
    one.name_zh = "政务平台";
    one.name_en = "Platform";
    one.issuer = auth::test_house::kIssuerThere;
    one.authorize_url = "https://platform.example/auth";
    one.client_id = "xinyin";
    one.source = &there_;
    auto& services = house_.services();
    rooms()->platforms = std::make_shared<auth::Platforms>(
        auth::Platforms::Parts{services.pool, *rooms()->cipher, *rooms()->notices,
                               *rooms()->provider, services.clock, services.random,
                               test::kPublicUrl},
        std::vector{one});
  }
  static int& last() {
    static int n = 0;
    return n;
  }
  /// Where a page that leaves for the platform leads.
  static std::string address(const Answer& page) {
    const auto refresh = page.header("refresh");
    EXPECT_THAT(refresh, testing::StartsWith("0; url=https://platform.example/auth?")) << page.body;
    return refresh.size() < 7 ? "" : refresh.substr(7);
  }
  std::string begin(Browser& browser, const std::string& return_to = "/account") {
    browser.get("/login");
    return address(browser.post("/login/platform/gov", {{"return_to", return_to}}));
  }
  /// The browser comes back with what the platform gave it.
  Answer come_back(Browser& browser, const auth::Platforms::Answer& with) {
    return browser.get(std::string(kBack) + "?state=" + with.state + "&code=" + with.code +
                       "&iss=" + api::percent_encode(with.issuer) +
                       (with.error.empty() ? "" : "&error=" + with.error));
  }
  /// To what is asked of everybody, when something is: then a login leads where it was going.
  void agree(const Somebody& who) {
    const auto pending = rooms()->agreements->pending(who.id);
    std::vector<auth::Acceptance> all;
    for (const auto& one : *pending) all.push_back({one.kind, one.version, one.sha256});
    EXPECT_TRUE(rooms()->agreements->accept(who.id, all, "test").ok());
  }
  /// Shown by nobody, then linked at the page that asks.
  void link(const Somebody& who) {
    agree(who);
    auto browser = browser_of(who, auth::Method::password);
    browser.get("/account/security");
    const auto to = address(browser.post("/account/security/platform",
                                         {{"platform", "gov"}, {"return_to", "/account"}}));
    EXPECT_EQ(come_back(browser, there_.confirm(to)).header("location"),
              "/account/security?done=linked&return_to=%2Faccount");
  }
  There there_{house_.pki().clock()};
};

TEST_F(PlatformPagesTest, Ldt01_5_4_1_4c_ALinkedAccountLogsIn) {
  const auto me = somebody();
  link(me);
  auto browser = browser_of(me, auth::Method::password);
  EXPECT_THAT(browser.get("/account/security").body, HasSubstr("政务平台"));
  Browser elsewhere(house_);
  EXPECT_THAT(elsewhere.get("/login").body, HasSubstr("action=\"/login/platform/gov\""));
  const auto to = begin(elsewhere);
  EXPECT_THAT(to, HasSubstr("code_challenge_method=S256"));
  EXPECT_THAT(
      to, HasSubstr("redirect_uri=" + api::percent_encode(std::string(test::kPublicUrl) + kBack)));
  EXPECT_NE(elsewhere.cookie(kCookie), "");
  const auto back = there_.confirm(to);
  const auto came = come_back(elsewhere, back);
  EXPECT_EQ(came.header("location"), "/account");
  EXPECT_EQ(elsewhere.cookie(kCookie), "") << "spent";
  const auto page = elsewhere.get("/account");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr(me.login_name));
  // The same answer again opens nothing, whoever sends it.
  EXPECT_EQ(come_back(elsewhere, back).status, 410);
  Browser thief(house_);
  EXPECT_EQ(come_back(thief, back).status, 410);
  EXPECT_EQ(thief.get("/account").status, 303);
}

TEST_F(PlatformPagesTest, Rfc6749_10_12_AnAnswerIsWorthNothingInAnotherBrowser) {
  const auto me = somebody();
  link(me);
  Browser mine(house_), thief(house_);
  const auto back = there_.confirm(begin(mine));
  begin(thief);  // with a try of its own
  const auto refused = come_back(thief, back);
  EXPECT_EQ(refused.status, 410);
  EXPECT_THAT(refused.body, HasSubstr("href=\"/login\""));
  EXPECT_EQ(thief.get("/account").status, 303) << "no session";
  EXPECT_EQ(come_back(mine, back).header("location"), "/account") << "and takes nothing away";
}

TEST_F(PlatformPagesTest, WhatDoesNotFitIsRefusedOnAPage) {
  Browser browser(house_);
  auto back = there_.confirm(begin(browser));
  back.error = "access_denied";
  EXPECT_EQ(come_back(browser, back).status, 403);
  EXPECT_EQ(browser.cookie(kCookie), "");
  back = there_.confirm(begin(browser));
  back.issuer = "https://other.example";
  EXPECT_EQ(come_back(browser, back).status, 401);
  back = there_.confirm(begin(browser));
  back.code = "another";
  EXPECT_EQ(come_back(browser, back).status, 401);
  there_.audience = R"("somebody-else")";
  EXPECT_EQ(come_back(browser, there_.confirm(begin(browser))).status, 401);
  there_.audience = R"("xinyin")";
  there_.away = true;
  EXPECT_EQ(come_back(browser, there_.confirm(begin(browser))).status, 503);
  there_.away = false;
  EXPECT_EQ(browser.get("/login/platform/other/return?state=x&code=y").status, 404);
  browser.get("/login");
  EXPECT_EQ(browser.post("/login/platform/other", {{"return_to", "/account"}}).status, 404);
  EXPECT_EQ(browser.get("/account").status, 303);
  EXPECT_THAT(begin(browser, "https://evil.example/"), Not(HasSubstr("evil")));
  EXPECT_EQ(come_back(browser, there_.confirm(address(browser.post(
                                   "/login/platform/gov", {{"return_to", "//evil.example"}}))))
                .status,
            200)
      << "nobody's, and nothing leads away";
}

TEST_F(PlatformPagesTest, Ldt01_6_2_6c_AnAccountThatIsNobodysIsLinkedAfterALoginThatIsFresh) {
  const auto me = somebody();
  Browser browser(house_);
  const auto nobody = come_back(browser, there_.confirm(begin(browser)));
  EXPECT_EQ(nobody.status, 200);
  EXPECT_THAT(nobody.body, HasSubstr("政务平台"));
  EXPECT_EQ(browser.get("/account").status, 303) << "it is no login";
  const auto opened = rooms()->sessions->open(me.id, auth::Method::password);
  browser.set("__Host-xinyin_session", opened->cookie);
  house_.pki().clock().advance(std::chrono::minutes(11));
  EXPECT_THAT(browser.get("/account/security/link").header("location"),
              HasSubstr("/login?fresh=1"));
  browser.get("/account");
  EXPECT_THAT(browser.post("/account/security/link", {{"decision", "link"}}).header("location"),
              HasSubstr("/login?fresh=1"));
  EXPECT_EQ(sql("select count(*) from auth.factor where subject_id = '" + me.id.value() + "'"),
            "0");
  const auto fresh = rooms()->sessions->open(me.id, auth::Method::password);
  browser.set("__Host-xinyin_session", fresh->cookie);
  const auto page = browser.get("/account/security/link");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr(me.login_name)) << "whose it will be";
  EXPECT_EQ(browser.post("/account/security/link", {{"decision", "link"}}).header("location"),
            "/account/security?done=linked&return_to=%2Faccount");
  EXPECT_EQ(sql("select kind from auth.factor where subject_id = '" + me.id.value() + "'"),
            "third_party");
  EXPECT_EQ(browser.get("/account/security/link").header("location"), "/account/security")
      << "nothing waits";
}

TEST_F(PlatformPagesTest, WhoSaysNoLinksNothing) {
  const auto me = somebody();
  Browser browser(house_);
  come_back(browser, there_.confirm(begin(browser)));
  const auto opened = rooms()->sessions->open(me.id, auth::Method::password);
  browser.set("__Host-xinyin_session", opened->cookie);
  browser.get("/account/security/link");
  EXPECT_EQ(browser.post("/account/security/link", {{"decision", "no"}}).header("location"),
            "/account/security");
  EXPECT_EQ(browser.cookie(kCookie), "");
  EXPECT_EQ(browser.post("/account/security/link", {{"decision", "link"}}).status, 410);
  EXPECT_EQ(sql("select count(*) from auth.factor where subject_id = '" + me.id.value() + "'"),
            "0");
}

TEST_F(PlatformPagesTest, Ldt01_5_4_1_4c_OneAccountThereStandsForOnePerson) {
  link(somebody());
  const auto other = somebody();
  auto browser = browser_of(other, auth::Method::password);
  browser.get("/account/security");
  const auto to = address(browser.post("/account/security/platform", {{"platform", "gov"}}));
  const auto taken = come_back(browser, there_.confirm(to));
  EXPECT_EQ(taken.status, 409);
  EXPECT_THAT(taken.body, HasSubstr("href=\"/account/security\""));
}

TEST_F(PlatformPagesTest, Ldt01_6_2_6c_ASecondFactorIsAskedForAsAfterAPassword) {
  const auto me = somebody();
  link(me);
  auto tx = house_.services().pool.begin().value();
  ASSERT_TRUE(auth::add_factor(tx, *rooms()->cipher, house_.services().random,
                               {me.id, auth::FactorKind::totp, "app", base::as_bytes("x")},
                               me.id.value(), house_.services().clock.now())
                  .ok());
  ASSERT_TRUE(tx.commit().ok());
  Browser browser(house_);
  const auto came = come_back(browser, there_.confirm(begin(browser)));
  EXPECT_THAT(came.header("location"), testing::StartsWith("/login/second"));
  EXPECT_EQ(browser.get("/account").status, 303) << "no session yet";
}

}  // namespace
