// What a service item demands: that one comes himself (本人办理), how certain and how late the login
// is, and by how many ways that is reached. LD/T 01-2020 5.4.1.5; RFC 9470.
#include "api/item_policy.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "tests/api/browser.h"

namespace {

using test::Answer;
using test::Browser;
using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::seconds kFiveMinutes{300};

class ItemPolicyTest : public testing::Test {
 protected:
  static std::vector<api::ItemPolicy> policy(bool self_only, auth::Authentication authentication,
                                             std::chrono::seconds max_age) {
    return {{"enrolment-certificate", "enrolment", auth::Proofing::p2, authentication, max_age,
             self_only}};
  }
  explicit ItemPolicyTest(std::vector<api::ItemPolicy> items)
      : house_({.items = std::move(items)}) {}

  std::shared_ptr<api::Upstairs> rooms() { return house_.services().upstairs.get(); }
  Answer issue(const std::string& token, const std::string& key) {
    return house_.ask("POST", "/v1/documents/enrolment-certificate",
                      "Authorization: Bearer " + token +
                          "\r\nContent-Type: application/json\r\nIdempotency-Key: " + key + "\r\n",
                      "{}");
  }
  static std::string key_of(const Answer& answer) {
    const auto json = base::parse_json(answer.body);
    return json.ok() ? std::string(base::json_text(*json, "key")) : "";
  }
  test::House house_;
};

// ---- 本人办理

class SelfOnlyTest : public ItemPolicyTest {
 protected:
  SelfOnlyTest()
      : ItemPolicyTest(policy(true, auth::Authentication::password, std::chrono::seconds(0))) {}
  auth::SubjectId principal() {
    static std::atomic<int> counter{0};
    const auto n = std::to_string(::getpid()) + "-" + std::to_string(++counter);
    auth::NewSubject subject;
    subject.kind = auth::SubjectKind::unit;
    subject.name = "示范委托有限公司";
    subject.id_type = "unit-number";
    subject.id_number = "SU" + n;
    subject.login_name = "sunit." + n;
    subject.proofing = auth::Proofing::p3;
    const auto made =
        rooms()->accounts->create(subject, base::Secret(base::as_bytes(test::kPassword)));
    base::check(made.ok(), "a principal");
    return *made;
  }
  /// A session of the person who acts for `whom`: the mandate is from when the item could be one's
  /// to give, as one that was recorded before the policy changed is.
  std::string acting_cookie(const auth::SubjectId& whom) {
    const auto me = rooms()->accounts->subject(house_.person().id);
    const auto now = house_.pki().clock().now();
    const auto id = rooms()->mandates->offer(
        whom, {me->name, me->id_type, me->id_number, ""},
        {{"enrolment-certificate"}, now, now + std::chrono::hours(24)});
    base::check(id.ok() && rooms()->mandates->accept(*id, house_.person().id).ok(), "a mandate");
    auto cookie = house_.session_cookie();
    const auto session = house_.session_of(cookie);
    base::check(rooms()->mandates->choose(session.id, session.subject, *id).ok(), "chosen");
    return cookie;
  }
};

TEST_F(SelfOnlyTest, Ldt01_5_4_1_5_WhoActsForAnotherIsRefusedAndToldWhatElseThereIs) {
  const auto own = house_.access_token();
  EXPECT_EQ(issue(own, "self-1").status, 201) << "himself he may";
  const auto acting = house_.access_token("openid profile documents", acting_cookie(principal()));
  const auto refused = issue(acting, "self-2");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(key_of(refused), "auth.mandate.self_only");
  EXPECT_THAT(refused.body, HasSubstr("上门服务")) << "the alternative is named";
  EXPECT_FALSE(refused.has("www-authenticate")) << "no other login would help";
  EXPECT_EQ(issue(own, "self-3").status, 201);
}

TEST_F(SelfOnlyTest, NoMandateIsGivenForIt) {
  const auto cookie = house_.session_cookie();
  Browser browser(house_);
  browser.set("__Host-xinyin_session", cookie);
  EXPECT_THAT(browser.get("/account/mandates").body,
              Not(HasSubstr("item.enrolment-certificate")));
  const api::Parameters form{{"name", "李四"},   {"id_type", "cn-id"},
                             {"id_number", "x"}, {"country", ""},
                             {"since", ""},      {"until", "2030-01-01"},
                             {"most_uses", ""},  {"item.enrolment-certificate", "yes"}};
  EXPECT_EQ(browser.post("/account/mandates", form).status, 400);
  const auto bearer = house_.access_token("openid mandates");
  const auto offered = house_.ask(
      "POST", "/v1/mandates",
      "Authorization: Bearer " + bearer + "\r\nContent-Type: application/json\r\n",
      R"({"name":"李四","id_type":"cn-id","id_number":"x","until":"2030-01-01",)"
      R"("items":["enrolment-certificate"]})");
  EXPECT_EQ(offered.status, 400);
  EXPECT_THAT(offered.body, HasSubstr("auth.mandate.items"));
}

TEST_F(SelfOnlyTest, NobodysAccountProofingMandatesOrDeskAreAnothersToManage) {
  const std::string scopes = "openid account proofing mandates staff";
  (void)house_.access_token(scopes);  // consent is remembered from here, for himself
  const auto acting = house_.access_token(scopes, acting_cookie(principal()));
  int seen = 0;
  for (const auto& route : api::kRoutes) {
    if (route.who != api::Who::bearer || !route.item.empty()) continue;
    ++seen;
    std::string target(route.path);
    while (target.find('{') != std::string::npos)
      target.replace(target.find('{'), target.find('}') - target.find('{') + 1, "x");
    const bool takes = route.takes != api::media::none;
    const auto refused =
        house_.ask(to_string(route.method), target,
                   "Authorization: Bearer " + acting + "\r\n" +
                       (takes ? "Content-Type: application/json\r\n" : ""),
                   takes ? "{}" : "");
    EXPECT_EQ(refused.status, 403) << target;
    EXPECT_EQ(key_of(refused), "auth.mandate.self_only") << target;
  }
  EXPECT_GT(seen, 20);
}

// ---- how certain, and how late

class DemandingItemTest : public ItemPolicyTest {
 protected:
  DemandingItemTest()
      : ItemPolicyTest(policy(false, auth::Authentication::two_factor, kFiveMinutes)) {}
  std::string ask_for(const std::string& more) {
    return "/oauth/authorize?response_type=code&client_id=" + house_.client_id() +
           "&redirect_uri=" + api::percent_encode(test::kRedirect) +
           "&scope=openid%20documents&state=s&nonce=n&code_challenge="
           "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&" +
           more;
  }
  /// What the challenge says, as a client repeats it.
  static std::string asked_by(const Answer& refused) {
    const auto challenge = refused.header("www-authenticate");
    const auto value = [&](const std::string& name) {
      const auto mark = name + "=\"";
      const auto at = challenge.find(mark);
      EXPECT_NE(at, std::string::npos) << challenge;
      const auto begin = at + mark.size();
      return challenge.substr(begin, challenge.find('"', begin) - begin);
    };
    return "acr_values=" + value("acr_values") + "&max_age=" + value("max_age");
  }
};

TEST_F(DemandingItemTest, Ldt01_5_4_1_5_APasswordSessionIsSteppedUpByOneOfSeveralWays) {
  const auto cookie = house_.session_cookie();
  const auto weak = house_.access_token("openid documents", cookie);
  auto refused = issue(weak, "step-1");
  ASSERT_EQ(refused.status, 401);
  EXPECT_EQ(key_of(refused), "auth.acr_needed");
  EXPECT_EQ(asked_by(refused), "acr_values=urn:xinyin:acr:p2a2&max_age=300");

  // Two ways of two kinds stand beside the password.
  const auto session = house_.session_of(cookie);
  auto& codes = *rooms()->own_codes;
  const auto offer = codes.offer_totp(session.subject, session.id, house_.person().login_name);
  const auto clock = [&] { return house_.pki().clock().now(); };
  ASSERT_TRUE(codes
                  .add_totp(session.subject, session.id, offer.token,
                            test::oathtool(offer.secret, clock()), "手机")
                  .ok());
  ASSERT_TRUE(codes.make_recovery_codes(session.subject).ok());
  house_.pki().clock().advance(std::chrono::seconds(30));

  Browser browser(house_);
  browser.set("__Host-xinyin_session", cookie);
  auto sent = browser.get(ask_for(asked_by(refused)));
  ASSERT_EQ(sent.status, 303) << sent.body;
  while (sent.status == 303 && !sent.header("location").starts_with("/login/second"))
    sent = browser.get(sent.header("location"));
  const auto page = browser.get(sent.header("location"));
  ASSERT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("name=\"method\" value=\"totp\""));
  EXPECT_THAT(page.body, HasSubstr("name=\"method\" value=\"recovery\""));
  const auto done =
      browser.post("/login/second", {{"return_to", browser.hidden("return_to")},
                                     {"method", "totp"},
                                     {"code", test::oathtool(offer.secret, clock())}});
  ASSERT_EQ(done.status, 303) << done.body;
  const auto strong =
      house_.access_token("openid documents", browser.cookie("__Host-xinyin_session"));
  EXPECT_EQ(issue(strong, "step-2").status, 201);
  EXPECT_EQ(issue(weak, "step-3").status, 401) << "an older token does not grow with the session";

  house_.pki().clock().advance(kFiveMinutes);
  EXPECT_EQ(issue(strong, "step-4").status, 201) << "to the second";
  house_.pki().clock().advance(std::chrono::seconds(1));
  refused = issue(strong, "step-5");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(key_of(refused), "auth.login_not_fresh");
  EXPECT_EQ(asked_by(refused), "acr_values=urn:xinyin:acr:p2a2&max_age=300");
  sent = browser.get(ask_for(asked_by(refused)));
  EXPECT_EQ(sent.status, 303);
  EXPECT_THAT(sent.header("location"), testing::StartsWith("/login?"))
      << "and the authorization endpoint asks for the login that the item wants";
}

TEST_F(DemandingItemTest, Ldt01_5_4_1_5_WhoHasNoSecondWayYetIsOfferedMoreThanOne) {
  const auto cookie = house_.session_cookie();
  Browser browser(house_);
  browser.set("__Host-xinyin_session", cookie);
  auto sent = browser.get(ask_for(
      "claims=" +
      api::percent_encode(
          R"({"id_token":{"acr":{"essential":true,"value":"urn:xinyin:acr:p2a2"}}})")));
  while (sent.status == 303 && !sent.header("location").starts_with("/login/second"))
    sent = browser.get(sent.header("location"));
  EXPECT_THAT(browser.get(sent.header("location")).body, HasSubstr("/account/security?return_to="));
  const auto page = browser.get("/account/security");
  EXPECT_THAT(page.body, HasSubstr("action=\"/account/security/totp\""));
  EXPECT_THAT(page.body, HasSubstr("action=\"/account/security/phone\""));
  EXPECT_THAT(page.body, HasSubstr("action=\"/account/security/passkey\""));
}

TEST(ItemPolicyTableTest, EachItemHasItsNameInTheCatalogue) {
  for (const auto& item : api::least_item_policies()) {
    EXPECT_TRUE(base::has_message("web.proofing.item." + std::string(item.message))) << item.id;
    EXPECT_EQ(api::find_item(api::least_item_policies(), item.id), &item);
  }
  EXPECT_EQ(api::find_item(api::least_item_policies(), "nothing"), nullptr);
}

}  // namespace
