// The OpenID endpoints over HTTP, where HTTP has a say: challenges, pages of pushed requests,
// devices. RFC 9470 §3, RFC 9449 §7.1, RFC 9126 §4, RFC 8628 §3.3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/dynamic_clients.h"
#include "base/encoding.h"
#include "base/json.h"
#include "tests/api/house.h"

namespace {

using test::Answer;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";  // RFC 7636 B

class OauthTest : public testing::Test {
 protected:
  static std::string text(const std::string& body, const char* name) {
    const auto json = base::parse_json(body);
    return json.ok() ? std::string(base::json_text(*json, name)) : std::string();
  }
  static std::string hidden(const std::string& body, const std::string& name) {
    const auto mark = "name=\"" + name + "\" value=\"";
    const auto at = body.find(mark);
    if (at == std::string::npos) return {};
    const auto begin = at + mark.size();
    return body.substr(begin, body.find('"', begin) - begin);
  }
  std::string basic() {
    return "Authorization: Basic " +
           base::to_base64(base::as_bytes(house_.client_id() + ":" + house_.client_secret())) +
           "\r\n";
  }
  Answer issue(const std::string& token, const std::string& scheme = "Bearer") {
    return house_.ask("POST", "/v1/documents/enrolment-certificate",
                      "Authorization: " + scheme + " " + token +
                          "\r\nContent-Type: application/json\r\n"
                          "Idempotency-Key: 8f6e0bb0-7d0a-4b0b-9f3b-00000000000a\r\n",
                      "{}");
  }
  std::string push() {
    const auto answer = house_.post_form("/oauth/par",
                                         {{"response_type", "code"},
                                          {"redirect_uri", test::kRedirect},
                                          {"scope", "openid"},
                                          {"code_challenge", kChallenge},
                                          {"code_challenge_method", "S256"}},
                                         basic());
    EXPECT_EQ(answer.status, 201) << answer.body;
    return "/oauth/authorize?client_id=" + house_.client_id() +
           "&request_uri=" + api::percent_encode(text(answer.body, "request_uri"));
  }
  test::House house_;
};

TEST_F(OauthTest, Rfc9470_3_ARouteThatNeedsMoreSaysWhatToAskFor) {
  const auto token = house_.access_token();
  test::Database::shared().sql(
      test::Role::superuser,
      "update auth.subject set proofing = 0 where id = '" + house_.person().id.value() + "'");
  const auto refused = issue(token);
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.header("www-authenticate"), HasSubstr("insufficient_user_authentication"));
  EXPECT_THAT(refused.header("www-authenticate"), HasSubstr("acr_values=\"urn:xinyin:acr:p2a1\""));
  EXPECT_EQ(text(refused.body, "key"), "auth.acr_needed");
  test::Database::shared().sql(
      test::Role::superuser,
      "update auth.subject set proofing = 2 where id = '" + house_.person().id.value() + "'");
  EXPECT_EQ(issue(token).status, 201);
}

TEST_F(OauthTest, Rfc9449_7_1_ABearerTokenShownAsDpopIsChallenged) {
  const auto refused = issue(house_.access_token(), "DPoP");
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.header("www-authenticate"), HasSubstr("DPoP "));
  EXPECT_THAT(refused.header("www-authenticate"), HasSubstr("algs=\"ES256 PS256 EdDSA\""));
}

TEST_F(OauthTest, Rfc9449_5_ABadProofAtTheTokenEndpointIsNamed) {
  const auto refused = house_.post_form("/oauth/token",
                                        {{"grant_type", "authorization_code"},
                                         {"code", std::string(43, 'A')},
                                         {"redirect_uri", test::kRedirect},
                                         {"code_verifier", std::string(43, 'a')}},
                                        basic() + "DPoP: x.y.z\r\n");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(text(refused.body, "error"), "invalid_dpop_proof");
}

TEST_F(OauthTest, Rfc9126_4_PagesOfAPushedRequestMayLeadToItsClient) {
  const auto address = push();
  const auto to_login = house_.get(address, "Accept: text/html\r\n");
  ASSERT_EQ(to_login.status, 303);
  const auto login = house_.get(to_login.header("location"), "Accept: text/html\r\n");
  EXPECT_EQ(login.status, 200);
  EXPECT_THAT(login.header("content-security-policy"), HasSubstr("https://portal.example"))
      << "form-action covers the redirect behind the login";
  const auto consent = house_.get(address, "Accept: text/html\r\nCookie: __Host-xinyin_session=" +
                                               house_.session_cookie() + "\r\n");
  EXPECT_EQ(consent.status, 200);
  EXPECT_THAT(consent.header("content-security-policy"), HasSubstr("https://portal.example"));
  const auto again = house_.get(address, "Accept: text/html\r\nCookie: __Host-xinyin_session=" +
                                             house_.session_cookie() + "\r\n");
  EXPECT_EQ(again.status, 400) << "spent";
  EXPECT_THAT(again.header("content-security-policy"), Not(HasSubstr("https://portal.example")));
}

TEST_F(OauthTest, Rfc8628_3_3_APersonApprovesADevice) {
  house_.person();
  auth::NewClient kiosk;
  kiosk.id = auth::ClientId("kiosk-" + base::to_hex(house_.random().bytes(6)));
  kiosk.name = "自助终端<b>";
  kiosk.grant_types = auth::kDeviceGrantName;
  kiosk.scopes = "openid documents";
  ASSERT_TRUE(house_.services().upstairs.get()->provider->register_client(kiosk).ok());
  const auto begun = house_.post_form("/oauth/device_authorization",
                                      {{"client_id", kiosk.id.value()}, {"scope", "documents"}});
  ASSERT_EQ(begun.status, 200) << begun.body;
  const auto code = text(begun.body, "user_code");
  const auto page = "/device?user_code=" + code;
  EXPECT_THAT(house_.get(page, "Accept: text/html\r\n").header("location"),
              HasSubstr("/login?return_to=%2Fdevice%3Fuser_code%3D"));
  const auto login =
      house_.get("/login?return_to=" + api::percent_encode(page), "Accept: text/html\r\n");
  EXPECT_EQ(hidden(login.body, "return_to"), page);

  const auto fields =
      "Accept: text/html\r\nOrigin: https://si.test\r\n"
      "Cookie: __Host-xinyin_session=" +
      house_.session_cookie() + "\r\n";
  const auto typed = house_.get(page, fields);
  ASSERT_EQ(typed.status, 200);
  EXPECT_EQ(hidden(typed.body, "csrf").size(), 43U);
  const auto csrf = hidden(typed.body, "csrf");
  EXPECT_EQ(
      house_.post_form("/device", {{"csrf", csrf}, {"user_code", "BBBB-BBBB"}}, fields).status,
      404);
  EXPECT_EQ(
      house_.post_form("/device", {{"user_code", code}, {"decision", "grant"}}, fields).status, 403)
      << "RFC 6749 §10.12: no form token";
  const auto confirm = house_.post_form("/device", {{"csrf", csrf}, {"user_code", code}}, fields);
  ASSERT_EQ(confirm.status, 200);
  EXPECT_THAT(confirm.body, HasSubstr("自助终端&lt;b&gt;"));
  EXPECT_THAT(confirm.body, HasSubstr(code));
  EXPECT_EQ(house_
                .post_form("/device", {{"csrf", csrf}, {"user_code", code}, {"decision", "grant"}},
                           fields)
                .status,
            200);
  const auto tokens =
      house_.post_form("/oauth/token", {{"grant_type", std::string(auth::kDeviceGrantName)},
                                        {"device_code", text(begun.body, "device_code")},
                                        {"client_id", kiosk.id.value()}});
  EXPECT_EQ(tokens.status, 200) << tokens.body;
  EXPECT_EQ(house_
                .post_form("/device", {{"csrf", csrf}, {"user_code", code}, {"decision", "grant"}},
                           fields)
                .status,
            404)
      << "answered already";
}

TEST_F(OauthTest, Rfc7591_3_RegisteringIsChallengedAndAnsweredAsItsSpecificationSays) {
  const auto post = [&](const std::string& token, const std::string& body) {
    return house_.ask("POST", "/oauth/register",
                      (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
                          "Content-Type: application/json\r\n",
                      body);
  };
  const auto refused = post("", R"({"client_name":"x"})");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(text(refused.body, "error"), "invalid_token");
  EXPECT_THAT(refused.header("www-authenticate"), HasSubstr("Bearer"));
  EXPECT_THAT(refused.header("www-authenticate"), Not(HasSubstr("Basic")));

  auth::InitialToken what;
  what.expires_at = house_.services().clock.now() + std::chrono::hours(1);
  what.scopes = "openid";
  what.hosts = {"app.example"};
  what.operator_name = what.agreement = "x";
  what.clients_until = what.expires_at;
  const auto token = base::to_base64url(house_.random().bytes(32));
  auto tx = house_.services().pool.begin();
  ASSERT_TRUE(auth::put_initial_token(*tx, "token-" + token.substr(0, 8), token, what,
                                      house_.services().clock.now(), "test")
                  .ok() &&
              tx->commit().ok());
  const auto wrong =
      post(token, R"({"client_name":"x","redirect_uris":["https://evil.example/"]})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(text(wrong.body, "error"), "invalid_redirect_uri");
  EXPECT_THAT(text(wrong.body, "error_description"), HasSubstr("redirect_uris: "));
  const auto made =
      post(token, R"({"client_name":"x","redirect_uris":["https://app.example/cb"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(made.header("cache-control"), HasSubstr("no-store"));
  const auto at = text(made.body, "registration_client_uri");
  ASSERT_EQ(at, std::string(test::kPublicUrl) + "/oauth/register/" + text(made.body, "client_id"));
  const auto path = at.substr(std::string_view(test::kPublicUrl).size());
  const auto bearer =
      "Authorization: Bearer " + text(made.body, "registration_access_token") + "\r\n";
  EXPECT_EQ(house_.get(path, bearer).status, 200);
  EXPECT_EQ(house_.get(path, basic()).status, 401) << "a client's secret is no such token";
  const auto replaced =
      house_.ask("PUT", path, bearer + "Content-Type: application/json\r\n",
                 R"({"client_id":")" + text(made.body, "client_id") +
                     R"(","client_name":"y","redirect_uris":["https://app.example/cb"]})");
  EXPECT_EQ(replaced.status, 200) << replaced.body;
  EXPECT_EQ(house_.ask("DELETE", path, bearer).status, 401) << "rolled by the replacement";
  const auto next =
      "Authorization: Bearer " + text(replaced.body, "registration_access_token") + "\r\n";
  const auto gone = house_.ask("DELETE", path, next);
  EXPECT_EQ(gone.status, 204);
  EXPECT_TRUE(gone.body.empty());
  EXPECT_EQ(house_.get(path, next).status, 401);
}

}  // namespace
