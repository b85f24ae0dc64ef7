// Registering by oneself and 我的账户, as pages and as JSON. LD/T 01-2020 5.4.1.2–4, 6.2.2–6.2.5.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "auth/activation.h"
#include "auth/id_numbers.h"
#include "base/encoding.h"
#include "base/json.h"
#include "test_paths.h"
#include "tests/api/browser.h"

namespace {

using test::Answer;
using test::Browser;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kName = "阿依古丽·买买提";
constexpr const char* kMobile = "13800138000";

std::string fresh_number() {
  static std::atomic<int> counter{0};
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "6501021%03d0101%03d", 900 + ::getpid() % 99, ++counter);
  std::string number(buffer);
  return number + auth::citizen_check(number);
}
std::string fresh_login() {
  static std::atomic<int> counter{0};
  return "self." + std::to_string(::getpid()) + "." + std::to_string(++counter);
}

rapidjson::Document json_of(const Answer& answer) {
  auto parsed = base::parse_json(answer.body);
  EXPECT_TRUE(parsed.ok()) << answer.status << " " << answer.body.substr(0, 300);
  return parsed.ok() ? std::move(*parsed) : rapidjson::Document(rapidjson::kObjectType);
}

class RegistrationPagesTest : public testing::Test {
 protected:
  void SetUp() override { publish(); }
  auth::Agreements& agreements() { return *house_.services().upstairs.get()->agreements; }
  void publish(const std::string& more = {}) {
    for (const auto kind : {auth::AgreementKind::service, auth::AgreementKind::privacy}) {
      std::string text(auth::model_agreement(kind));
      if (!more.empty()) text.replace(text.find("示范文本"), std::string("示范文本").size(), more);
      ASSERT_TRUE(agreements().publish(kind, text, "system:test").ok());
    }
  }
  static api::Parameters identity(const std::string& number) {
    return {{"name", kName}, {"id_type", "cn-id"}, {"id_number", number}, {"country", ""}};
  }
  static api::Parameters details() {
    return {{"social_security_number", ""},
            {"card_number", "A12345678"},
            {"bank_account", ""},
            {"mobile", kMobile}};
  }
  api::Parameters end(const Browser& browser, const std::string& login_name,
                      const std::string& password = test::kPassword) {
    return {{"login_name", login_name},
            {"password", password},
            {"password_again", password},
            {"accept_service", "yes"},
            {"service_version", browser.hidden("service_version")},
            {"service_sha256", browser.hidden("service_sha256")},
            {"accept_privacy", "yes"},
            {"privacy_version", browser.hidden("privacy_version")},
            {"privacy_sha256", browser.hidden("privacy_sha256")}};
  }
  /// To the last step, which is then shown.
  void walk(Browser& browser, const std::string& number, const std::string& from = "/register") {
    ASSERT_EQ(browser.get(from).status, 200);
    const auto begun =
        browser.post("/register", {{"kind", "person"}, {"return_to", browser.hidden("return_to")}});
    ASSERT_EQ(begun.header("location"), "/register/identity") << begun.body;
    ASSERT_EQ(browser.get("/register/identity").status, 200);
    ASSERT_EQ(browser.post("/register/identity", identity(number)).header("location"),
              "/register/details");
    ASSERT_EQ(browser.get("/register/details").status, 200);
    ASSERT_EQ(browser.post("/register/details", details()).header("location"), "/register/account");
    ASSERT_EQ(browser.get("/register/account").status, 200);
  }
  Answer log_in(Browser& browser, const std::string& login_name,
                const std::string& password = test::kPassword, const std::string& to = "/account") {
    EXPECT_EQ(browser.get("/login?return_to=" + api::percent_encode(to)).status, 200);
    return browser.post("/login",
                        {{"return_to", to}, {"login_name", login_name}, {"password", password}});
  }
  /// Registered and logged in.
  std::string member(Browser& browser) {
    const auto login_name = fresh_login();
    walk(browser, fresh_number());
    EXPECT_EQ(browser.post("/register/complete", end(browser, login_name)).status, 303);
    EXPECT_EQ(log_in(browser, login_name).header("location"), "/account");
    return login_name;
  }
  /// What tests/api/judge_export.py says of an export.
  static std::string judged(const std::string& file, const std::string& keys) {
    char directory[] = "/tmp/xinyin-export-XXXXXX";
    EXPECT_NE(::mkdtemp(directory), nullptr);
    const std::string at(directory);
    std::ofstream(at + "/export.json") << file;
    std::ofstream(at + "/jwks.json") << keys;
    const auto command = std::string("/usr/bin/python3 -B ") + XINYIN_SOURCE_DIR +
                         "/tests/api/judge_export.py " + at + "/export.json " + at +
                         "/jwks.json 2>&1";
    std::unique_ptr<FILE, int (*)(FILE*)> out(::popen(command.c_str(), "r"), ::pclose);
    std::string said;
    char block[512];
    while (std::fgets(block, sizeof block, out.get()) != nullptr) said += block;
    std::filesystem::remove_all(at);
    return said;
  }
  bool rooms_actor(const std::string& token) {
    return house_.services().upstairs.get()->provider->actor(token).ok();
  }
  test::House house_;
};

TEST_F(RegistrationPagesTest, Ldt01_5_4_1_4a_FromTheLoginPageToOnesOwnAccount) {
  Browser browser(house_);
  const std::string portal = "/oauth/authorize?client_id=x&scope=openid%20profile";
  const auto login = browser.get("/login?return_to=" + api::percent_encode(portal));
  const auto link = "/register?return_to=" + api::percent_encode(portal);
  EXPECT_THAT(login.body, HasSubstr(link));
  const auto number = fresh_number(), login_name = fresh_login();
  walk(browser, number, link);
  const auto review = browser.get("/register/account");
  EXPECT_THAT(review.body, HasSubstr("650102********" + number.substr(14)));
  EXPECT_THAT(review.body, Not(HasSubstr(number))) << "shown whole";
  EXPECT_THAT(review.body, Not(HasSubstr(kMobile)));
  const auto done = browser.post("/register/complete", end(browser, login_name));
  ASSERT_EQ(done.status, 303) << done.body;
  EXPECT_EQ(done.header("location"), "/register/done?return_to=" + api::percent_encode(portal));
  EXPECT_EQ(browser.cookie("__Host-xinyin_registration"), "");
  const auto told = browser.get(done.header("location"));
  EXPECT_THAT(told.body, HasSubstr("/login?return_to=" + api::percent_encode(portal)));
  EXPECT_THAT(told.body, HasSubstr("P0"));
  // No session before a login; then the account, masked.
  EXPECT_EQ(browser.get("/account").header("location"), "/login?return_to=%2Faccount");
  ASSERT_EQ(log_in(browser, login_name).header("location"), "/account");
  const auto account = browser.get("/account");
  ASSERT_EQ(account.status, 200);
  for (const auto* text : {"阿*", "650102********", "138****8000", "P0", "尚未实名核验"})
    EXPECT_THAT(account.body, HasSubstr(text));
  for (const auto& text : {std::string(kName), number, std::string(kMobile)})
    EXPECT_THAT(account.body, Not(HasSubstr(text)));
}

TEST_F(RegistrationPagesTest, EachMistakeStandsAtItsFieldAndNothingTypedIsLost) {
  Browser browser(house_);
  browser.get("/register");
  browser.post("/register", {{"kind", "person"}, {"return_to", "/"}});
  browser.get("/register/identity");
  const auto wrong = browser.post("/register/identity", {{"name", "<b>张</b>"},
                                                         {"id_type", "cn-id"},
                                                         {"id_number", "110101199003076631"},
                                                         {"country", ""}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("value=\"110101199003076631\""));
  EXPECT_THAT(wrong.body, HasSubstr("&lt;b&gt;张&lt;/b&gt;"));
  EXPECT_THAT(wrong.body, HasSubstr("<a href=\"#id_number\">"));
  EXPECT_THAT(wrong.body, HasSubstr("校验位不符"));
  EXPECT_THAT(wrong.body, HasSubstr("check digit does not fit"));
  const auto field = wrong.body.substr(wrong.body.find("<input id=\"id_number\""), 400);
  EXPECT_THAT(field, HasSubstr("aria-invalid=\"true\""));
  EXPECT_THAT(field, HasSubstr("aria-describedby=\"id_number-help id_number-problem\""));
  // Coming back later shows it still; a later step leads back to what is missing.
  EXPECT_THAT(browser.get("/register/identity").body, HasSubstr("value=\"110101199003076631\""));
  EXPECT_EQ(browser.get("/register/account").header("location"), "/register/identity");
  EXPECT_EQ(browser.get("/register/details").header("location"), "/register/identity");
}

TEST_F(RegistrationPagesTest, ThePasswordIsNeverSentBack) {
  Browser browser(house_);
  walk(browser, fresh_number());
  auto form = end(browser, "x", "a-password-nobody-else-has");
  form[2].second = "a-password-nobody-else-knew";
  const auto differs = browser.post("/register/complete", form);
  EXPECT_EQ(differs.status, 400);
  EXPECT_THAT(differs.body, HasSubstr("两次输入的密码不一致"));
  const auto refused =
      browser.post("/register/complete", end(browser, "x", "a-password-nobody-else-has"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("<a href=\"#login_name\">"));
  EXPECT_THAT(refused.body, HasSubstr("value=\"x\"")) << "the user name stays";
  EXPECT_THAT(refused.body, HasSubstr("checked")) << "what was ticked stays";
  for (const auto& answer : {differs, refused})
    EXPECT_THAT(answer.body, Not(HasSubstr("a-password-nobody-else")));
  EXPECT_THAT(house_.log_text(), Not(HasSubstr("a-password-nobody-else")));
}

TEST_F(RegistrationPagesTest, Ldt01_5_4_1_2a_LeftHereAndTakenUpOnAnotherDevice) {
  Browser desk(house_), phone(house_);
  desk.get("/register");
  desk.post("/register", {{"kind", "unit"}, {"return_to", "/"}});
  desk.get("/register/identity");
  desk.post("/register/identity", {{"unit_name", "示范建筑公司"},
                                   {"id_type", "project-code"},
                                   {"id_number", "2026-110108-47-01-000001"}});
  const auto reference = desk.cookie("__Host-xinyin_registration");
  ASSERT_EQ(reference.size(), 32U);
  phone.get("/register");
  EXPECT_EQ(phone.post("/register/resume", {{"reference", std::string(32, '0')}}).status, 404);
  const auto shown = reference.substr(0, 8) + " " + reference.substr(8);
  EXPECT_EQ(phone.post("/register/resume", {{"reference", shown}}).header("location"),
            "/register/details");
  EXPECT_THAT(phone.get("/register/identity").body, HasSubstr("示范建筑公司"));
  // Given up: nothing of it is left anywhere.
  EXPECT_EQ(phone.post("/register/discard", {}).header("location"), "/register");
  EXPECT_EQ(desk.get("/register/identity").header("location"), "/register");
}

TEST_F(RegistrationPagesTest, AKnownNumberLooksLikeAnUnknownOne) {
  Browser first(house_), second(house_);
  const auto number = fresh_number();
  walk(first, number);
  const auto once = first.post("/register/complete", end(first, fresh_login()));
  Browser third(house_);
  walk(third, number);
  const auto login_name = fresh_login();
  const auto known = third.post("/register/complete", end(third, login_name));
  walk(second, fresh_number());
  const auto unknown = second.post("/register/complete", end(second, fresh_login()));
  for (const auto* answer : {&once, &known, &unknown}) EXPECT_EQ(answer->status, 303);
  EXPECT_EQ(known.header("location"), unknown.header("location"));
  EXPECT_EQ(known.body, unknown.body);
  const auto names = [](const Answer& answer) {
    std::string out;
    for (const auto& [name, value] : answer.headers) out += name + " ";
    return out;
  };
  EXPECT_EQ(names(known), names(unknown));
  const auto told_known = third.get(known.header("location"));
  const auto told_unknown = second.get(unknown.header("location"));
  EXPECT_EQ(told_known.body, told_unknown.body);
  EXPECT_EQ(log_in(third, login_name).status, 401) << "and no second account was made";
}

TEST_F(RegistrationPagesTest, TheSameAsJson) {
  const auto post = [&](const std::string& path, const std::string& body) {
    return house_.ask("POST", path, "Content-Type: application/json\r\n", body);
  };
  const auto begun = post("/v1/registrations", R"({"kind":"person"})");
  ASSERT_EQ(begun.status, 201) << begun.body;
  const auto path =
      "/v1/registrations/" + std::string(base::json_text(json_of(begun), "reference"));
  const auto wrong = post(path, R"({"fields":{"name":"李四","id_type":"cn-id",)"
                                R"("id_number":"110101199013076632","mobile":"1380"}})");
  EXPECT_EQ(wrong.status, 400);
  std::string fields;
  for (const auto& one : json_of(wrong)["errors"].GetArray())
    fields += std::string(base::json_text(one, "field")) + " ";
  EXPECT_EQ(fields, "id_number card_number mobile ");
  const auto number = fresh_number();
  const auto right =
      post(path, R"({"fields":{"name":"李四","id_type":"cn-id","id_number":")" + number +
                     R"(","card_number":"A12345678","mobile":")" + kMobile + R"("}})");
  ASSERT_EQ(right.status, 200) << right.body;
  EXPECT_EQ(base::json_text(json_of(right), "next"), "account");
  EXPECT_THAT(house_.get(path).body, Not(HasSubstr(number))) << "values are not told back";
  std::string accept;
  for (const auto* kind : {"service", "privacy"}) {
    const auto text = json_of(house_.get("/v1/agreements/" + std::string(kind)));
    accept += (accept.empty() ? "" : ",") + std::string("{\"kind\":\"") + kind +
              "\",\"version\":" + std::to_string(text["version"].GetInt()) + ",\"sha256\":\"" +
              std::string(base::json_text(text, "sha256")) + "\"}";
  }
  const auto login_name = fresh_login();
  const auto complete = [&](const std::string& accepted) {
    return post(path + "/complete", "{\"login_name\":\"" + login_name + "\",\"password\":\"" +
                                        test::kPassword + "\",\"accept\":[" + accepted + "]}");
  };
  EXPECT_EQ(complete("").status, 400);
  EXPECT_EQ(complete(accept).status, 202);
  EXPECT_EQ(complete(accept).status, 202) << "again is harmless";
  Browser browser(house_);
  EXPECT_EQ(log_in(browser, login_name).header("location"), "/account");
  for (const auto& [target, body] : {std::pair{std::string("/v1/registrations"), "{}"},
                                     {"/v1/registrations", R"({"kind":"robot"})"},
                                     {"/v1/registrations", R"({"kind":"person","proofing":3})"},
                                     {"/v1/registrations", "[]"},
                                     {path, R"({"fields":{"proofing":"3"}})"},
                                     {path, R"({"fields":[]})"}}) {
    const auto refused = post(target, body);
    EXPECT_GE(refused.status, 400) << body;
    EXPECT_LT(refused.status, 500) << body;
  }
  EXPECT_EQ(house_.get("/v1/registrations/" + std::string(32, 'a')).status, 404);
  EXPECT_EQ(house_.get("/v1/agreements/other").status, 404);
}

TEST_F(RegistrationPagesTest, Ldt01_6_2_4_ANewVersionIsAskedForBeforeAnythingElse) {
  Browser browser(house_);
  const auto login_name = member(browser);
  EXPECT_EQ(browser.get("/account").status, 200);
  publish("第" + std::to_string(::getpid()) + "版 " + fresh_login());
  // A session that goes on is asked at the next portal; a login is asked at once.
  (void)house_.person();  // and with it the portal
  const api::Parameters request{{"response_type", "code"},
                                {"client_id", house_.client_id()},
                                {"redirect_uri", test::kRedirect},
                                {"scope", "openid"},
                                {"code_challenge", std::string(43, 'A')},
                                {"code_challenge_method", "S256"}};
  std::string portal = "/oauth/authorize?";
  for (const auto& [name, value] : request)
    portal += (portal.back() == '?' ? "" : "&") + name + "=" + api::percent_encode(value);
  EXPECT_EQ(browser.get(portal).header("location"),
            "/agreement?return_to=" + api::percent_encode(portal));
  EXPECT_EQ(browser.get("/oauth/authorize?response_type=code&client_id=x").status, 400)
      << "a wrong request is told so first";
  // Where no page may be shown the portal is told, also when only the pushed request says so.
  EXPECT_THAT(browser.get(portal + "&prompt=none").header("location"),
              HasSubstr("error=login_required"));
  auto silent = request;
  silent.emplace_back("prompt", "none");
  const auto pushed = house_.post_form(
      "/oauth/par", silent,
      "Authorization: Basic " +
          base::to_base64(base::as_bytes(house_.client_id() + ":" + house_.client_secret())) +
          "\r\n");
  ASSERT_EQ(pushed.status, 201) << pushed.body;
  const auto pushed_to = json_of(pushed);
  const std::string address(base::json_text(pushed_to, "request_uri"));
  EXPECT_THAT(browser
                  .get("/oauth/authorize?client_id=" + house_.client_id() +
                       "&request_uri=" + api::percent_encode(address))
                  .header("location"),
              HasSubstr("error=login_required"));
  const auto asked = log_in(browser, login_name);
  ASSERT_EQ(asked.header("location"), "/agreement?return_to=%2Faccount");
  ASSERT_EQ(browser.get(asked.header("location")).status, 200);
  const auto form = [&](bool both) {
    api::Parameters out{{"return_to", "/account"},
                        {"accept_service", "yes"},
                        {"service_version", browser.hidden("service_version")},
                        {"service_sha256", browser.hidden("service_sha256")},
                        {"privacy_version", browser.hidden("privacy_version")},
                        {"privacy_sha256", browser.hidden("privacy_sha256")}};
    if (both) out.emplace_back("accept_privacy", "yes");
    return out;
  };
  EXPECT_EQ(browser.post("/agreement", form(false)).status, 400);
  auto forged = form(true);
  forged[3].second = std::string(64, '0');
  EXPECT_EQ(browser.post("/agreement", forged).status, 409);
  EXPECT_EQ(browser.post("/agreement", form(true)).header("location"), "/account");
  EXPECT_EQ(log_in(browser, login_name).header("location"), "/account");
  EXPECT_EQ(browser.get("/agreement?return_to=//evil.example").header("location"), "/account");
}

TEST_F(RegistrationPagesTest, Ldt01_6_2_5a_ContactDataAreChangedAndTheChangeIsKept) {
  Browser browser(house_);
  member(browser);
  browser.get("/account");
  const auto wrong = browser.post("/account/details", {{"mobile", "12"}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("<a href=\"#mobile\">"));
  const auto saved = browser.post("/account/details", {{"mobile", "+86 139 0013 9000"}});
  ASSERT_EQ(saved.header("location"), "/account?done=saved");
  const auto account = browser.get(saved.header("location"));
  EXPECT_THAT(account.body, HasSubstr("139****9000"));
  EXPECT_THAT(account.body, HasSubstr("已保存"));
  EXPECT_THAT(account.body, HasSubstr("修改注册信息"));
}

TEST_F(RegistrationPagesTest, Ldt01_6_2_5e_LoginsAndDeedsAreSeenAndSessionsEndedFromAfar) {
  Browser here(house_), there(house_);
  const auto login_name = member(here);
  house_.pki().clock().advance(std::chrono::seconds(1));
  ASSERT_EQ(log_in(there, login_name).status, 303);
  EXPECT_EQ(log_in(there, login_name, "wrong password of mine").status, 401);
  const auto account = here.get("/account");
  EXPECT_THAT(account.body, HasSubstr("本次登录"));
  EXPECT_THAT(account.body, HasSubstr("密码登录"));
  EXPECT_THAT(account.body, HasSubstr("登录名或密码不正确"));
  const auto session = here.hidden("session");
  ASSERT_EQ(here.post("/account/sessions/end", {{"session", std::string(32, '0')}}).status, 404);
  // The list is newest first: the other one stands above this one.
  ASSERT_EQ(here.post("/account/sessions/end", {{"session", session}}).header("location"),
            "/account?done=session");
  EXPECT_EQ(there.get("/account").status, 303) << "sent to log in";
  EXPECT_EQ(here.get("/account").status, 200);
  // Nobody ends a session of another.
  Browser stranger(house_);
  member(stranger);
  stranger.get("/account");
  here.get("/account");
  EXPECT_EQ(stranger.post("/account/sessions/end", {{"session", here.hidden("session")}}).status,
            404);
}

TEST_F(RegistrationPagesTest, ThePasswordIsChangedAndOtherLoginsEnd) {
  Browser here(house_), there(house_);
  const auto login_name = member(here);
  ASSERT_EQ(log_in(there, login_name).status, 303);
  here.get("/account");
  const std::string next = "tundra-velvet-ochre-quill";
  const auto change = [&](const std::string& current, const std::string& again) {
    return here.post("/account/password",
                     {{"current", current}, {"password", next}, {"password_again", again}});
  };
  EXPECT_EQ(change("not my password at all", next).status, 401);
  EXPECT_EQ(change(test::kPassword, "another").status, 400);
  EXPECT_EQ(change(test::kPassword, next).header("location"), "/account?done=password");
  EXPECT_EQ(here.get("/account").status, 200);
  EXPECT_EQ(there.get("/account").status, 303);
  EXPECT_EQ(log_in(there, login_name, next).header("location"), "/account");
}

TEST_F(RegistrationPagesTest, WhatAPortalWasAllowedIsWithdrawnByOneButton) {
  const auto token = house_.access_token();
  ASSERT_EQ(house_.get("/oauth/userinfo", "Authorization: Bearer " + token + "\r\n").status, 200);
  Browser browser(house_);
  browser.set("__Host-xinyin_session", house_.session_cookie());
  const auto account = browser.get("/account");
  const auto client = browser.hidden("client");
  ASSERT_EQ(client, house_.client_id()) << account.body;
  ASSERT_EQ(browser.post("/account/consents/revoke", {{"client", client}}).header("location"),
            "/account?done=consent");
  EXPECT_EQ(house_.get("/oauth/userinfo", "Authorization: Bearer " + token + "\r\n").status, 401);
  EXPECT_EQ(browser.post("/account/consents/revoke", {{"client", client}}).status, 404);
}

TEST_F(RegistrationPagesTest, Pipl15_TheConsentIsWithdrawnAndTheAgreementStays) {
  Browser browser(house_);
  const auto login_name = member(browser);
  browser.get("/account");
  ASSERT_EQ(browser.post("/account/privacy/withdraw", {}).header("location"),
            "/account?done=privacy");
  EXPECT_EQ(browser.post("/account/privacy/withdraw", {}).status, 404);
  const auto asked = log_in(browser, login_name);
  ASSERT_EQ(asked.header("location"), "/agreement?return_to=%2Faccount");
  const auto page = browser.get(asked.header("location"));
  EXPECT_THAT(page.body, HasSubstr("accept_privacy"));
  EXPECT_THAT(page.body, Not(HasSubstr("accept_service")));
}

TEST_F(RegistrationPagesTest, Ldt01_6_2_5a_NameAndDocumentsAreAskedForAndWaitForStaff) {
  Browser browser(house_);
  member(browser);
  browser.get("/account");
  const auto number = fresh_number();
  const auto wrong = browser.post("/account/identity", {{"what", "document"},
                                                        {"id_type", "cn-id"},
                                                        {"id_number", "110101199003076631"},
                                                        {"country", ""}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("校验位不符"));
  EXPECT_EQ(
      browser
          .post(
              "/account/identity",
              {{"what", "document"}, {"id_type", "cn-id"}, {"id_number", number}, {"country", ""}})
          .header("location"),
      "/account?done=asked");
  EXPECT_EQ(browser.post("/account/identity", {{"what", "name"}, {"name", "张新名"}}).status, 303);
  EXPECT_EQ(browser.post("/account/identity", {{"what", "name"}, {"name", "张再改"}}).status, 409);
  const auto account = browser.get("/account");
  EXPECT_THAT(account.body, HasSubstr("更正姓名"));
  EXPECT_THAT(account.body, HasSubstr("待处理"));
  EXPECT_THAT(account.body, HasSubstr("阿*")) << "nothing has changed yet";
}

TEST_F(RegistrationPagesTest, Pipl45_EverythingKeptOfAPersonIsExportedToHim) {
  Browser browser(house_);
  const auto login_name = member(browser);
  browser.get("/account");
  const auto file = browser.post("/account/export", {});
  ASSERT_EQ(file.status, 200);
  EXPECT_THAT(file.header("content-disposition"), HasSubstr("attachment"));
  EXPECT_EQ(file.header("cache-control"), "no-store");
  const auto json = json_of(file);
  EXPECT_EQ(base::json_text(json, "name"), kName);
  EXPECT_EQ(base::json_text(json, "login_name"), login_name);
  EXPECT_EQ(base::json_text(json["details"], "mobile"), kMobile);
  EXPECT_EQ(base::json_text(json["documents"][0], "number").size(), 18u);
  EXPECT_EQ(json["agreements"].Size(), 2u);
  EXPECT_GE(json["trace"].Size(), 5u);
  EXPECT_THAT(file.body, Not(HasSubstr("argon2")));
  // Another program sees that it is ours and whole, and that an altered one is not.
  const auto keys = browser.get("/oauth/jwks").body;
  EXPECT_EQ(judged(file.body, keys), std::string(test::kPublicUrl) + "\n");
  auto altered = file.body;
  altered.replace(altered.find(kMobile), 3, "139");
  EXPECT_THAT(judged(altered, keys), HasSubstr("altered"));
  EXPECT_FALSE(rooms_actor(std::string(base::json_text(json, "proof")))) << "it is no token";
}

TEST_F(RegistrationPagesTest, Pipl47_TheAccountEndsAfterATimeToThinkItOver) {
  Browser browser(house_);
  member(browser);
  EXPECT_THAT(browser.get("/account").body, HasSubstr("依法保留"));
  EXPECT_EQ(browser.post("/account/cancel", {}).status, 400) << "not without the tick";
  browser.get("/account");
  EXPECT_EQ(browser.post("/account/cancel", {{"sure", "yes"}}).header("location"),
            "/account?done=cancel");
  EXPECT_THAT(browser.get("/account").body, HasSubstr("账户将于此时注销"));
  EXPECT_EQ(browser.post("/account/cancel/withdraw", {}).header("location"), "/account?done=kept");
  EXPECT_THAT(browser.get("/account").body, Not(HasSubstr("账户将于此时注销")));
  EXPECT_EQ(browser.post("/account/cancel/withdraw", {}).status, 404);
  house_.pki().clock().advance(std::chrono::minutes(11));
  browser.get("/account");
  EXPECT_EQ(browser.post("/account/cancel", {{"sure", "yes"}}).header("location"),
            "/login?fresh=1&return_to=%2Faccount");
}

TEST_F(RegistrationPagesTest, Ldt01_6_2_5d_ACodeFromTheCounterSetsANewPassword) {
  Browser browser(house_), there(house_);
  const auto login_name = member(there);
  const auto rooms = house_.services().upstairs.get();
  const auto id = *rooms->accounts->find_by_login(login_name);
  auth::Activation activation(
      {house_.services().pool, *rooms->accounts, house_.pki().clock(), house_.random()});
  const auto code = activation.issue(*id, "staff:test");
  ASSERT_TRUE(code.ok());
  const std::string next = "umber-falcon-drift-ninety";
  browser.get("/activate");
  const auto redeem = [&](const std::string& name, const std::string& given) {
    return browser.post(
        "/activate",
        {{"login_name", name}, {"code", given}, {"password", next}, {"password_again", next}});
  };
  const auto unknown = redeem("nobody.at.all", *code),
             wrong = redeem(login_name, std::string(32, '1'));
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.body, Not(HasSubstr(next)));
  EXPECT_EQ(redeem(login_name, *code).status, 200);
  EXPECT_EQ(redeem(login_name, *code).status, 401) << "once";
  EXPECT_EQ(there.get("/account").status, 303) << "earlier logins have ended";
  EXPECT_EQ(log_in(there, login_name, next).header("location"), "/account");
  EXPECT_THAT(house_.log_text(), Not(HasSubstr(*code)));
}

}  // namespace
