// The account as JSON: what its own token reads and changes, and what each refusal says.
// LD/T 01-2020 6.2.4–6.2.6; RFC 9470; Personal Information Protection Law 15, 44–47.
#include <gmock/gmock.h>

#include "base/json.h"
#include "tests/api/answer_book.h"
#include "tests/api/browser.h"

namespace {

using test::Answer;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kScopes = "openid account";

class AccountApiTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(book_.judged(), "") << "by web/openapi.json"; }
  Answer ask(const std::string& token, std::string_view method, const std::string& path,
             const std::string& body = {}) {
    const auto answer = house_.ask(method, "/v1/account" + path,
                      "Authorization: Bearer " + token + "\r\nX-Forwarded-For: " + network_ +
                          "\r\n" +
                          (body.empty() ? "" : "Content-Type: application/json\r\n"),
                      body);
    book_.note(method, "/v1/account" + path, answer);
    return answer;
  }
  Answer get(const std::string& token, const std::string& path = {}) {
    return ask(token, "GET", path);
  }
  static rapidjson::Document json(const Answer& answer) {
    auto parsed = base::parse_json(answer.body);
    EXPECT_TRUE(parsed.ok()) << answer.status << " " << answer.body;
    return parsed.ok() ? std::move(*parsed) : rapidjson::Document(rapidjson::kObjectType);
  }
  static std::string text(const Answer& answer, const char* name) {
    return std::string(base::json_text(json(answer), name));
  }
  static std::string key_of(const Answer& answer) { return text(answer, "key"); }
  std::string token(std::string cookie = {}) { return house_.access_token(kScopes, cookie); }
  std::shared_ptr<api::Upstairs> rooms() { return house_.services().upstairs.get(); }
  void pass(std::chrono::seconds time) { house_.pki().clock().advance(time); }
  std::string code(const std::string& secret) {
    return test::oathtool(secret, house_.pki().clock().now());
  }
  /// Through the API; the app's secret.
  std::string add_app(const std::string& bearer) {
    const auto offered = ask(bearer, "POST", "/totp");
    EXPECT_EQ(offered.status, 200) << offered.body;
    const auto secret = text(offered, "secret");
    const auto added = ask(bearer, "POST", "/totp/confirm",
                           R"({"offer":")" + text(offered, "offer") + R"(","code":")" +
                               code(secret) + R"(","label":"手机"})");
    EXPECT_EQ(added.status, 204) << added.body;
    return secret;
  }
  std::string factor_id(const std::string& bearer, std::string_view kind) {
    const auto all = json(get(bearer, "/factors"));
    for (const auto& one : all["factors"].GetArray())
      if (base::json_text(one, "kind") == kind) return std::string(base::json_text(one, "id"));
    return "";
  }
  static std::string fresh_mobile() {
    static int last = 0;
    auto text = std::to_string(20'000'000 + ::getpid() % 9'000 * 1'000 + ++last);
    return "137" + text.substr(text.size() - 8);
  }
  test::House house_;
  test::AnswerBook book_;
  std::string network_ = "10.77." + std::to_string(::getpid() % 250) + ".1";
};

/// What changes how somebody logs in, ends the account or shows it whole.
struct Sensitive {
  const char* method;
  const char* path;
  const char* body;
};
constexpr Sensitive kSensitive[] = {
    {"POST", "/details", R"({"fields":{"mobile":"13800138000"}})"},
    {"GET", "/export", ""},
    {"POST", "/cancellation", R"({"sure":true})"},
    {"DELETE", "/factors/00000000000000000000000000000000", ""},
    {"POST", "/totp", ""},
    {"POST", "/totp/confirm", R"({"offer":"x","code":"000000","label":"x"})"},
    {"POST", "/phone", R"({"phone":"13800138000"})"},
    {"POST", "/phone/confirm", R"({"phone":"13800138000","code":"000000"})"},
    {"POST", "/recovery-codes", ""},
};

TEST_F(AccountApiTest, OnlyTheScopeThatAPersonGrantedOpensIt) {
  const auto other = house_.access_token("openid documents");
  for (const auto& route : api::kRoutes) {
    if (!route.path.starts_with("/v1/account")) continue;
    EXPECT_EQ(route.scope, "account") << route.path;
    EXPECT_EQ(route.item, "") << route.path << ": nobody's account is another's item";
  }
  const auto refused = get(other);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(key_of(refused), "auth.scope_missing");
  EXPECT_THAT(refused.header("www-authenticate"), HasSubstr("insufficient_scope"));
}

TEST_F(AccountApiTest, Ldt01_6_2_5_OwnDataAreShownInPart) {
  const auto bearer = token();
  const auto shown = get(bearer);
  ASSERT_EQ(shown.status, 200) << shown.body;
  const auto whole = rooms()->accounts->subject(house_.person().id);
  EXPECT_EQ(text(shown, "login_name"), house_.person().login_name);
  EXPECT_EQ(text(shown, "proofing"), "p2");
  EXPECT_THAT(shown.body, Not(HasSubstr(whole->name)));
  EXPECT_THAT(shown.body, Not(HasSubstr(whole->id_number)));
  EXPECT_THAT(shown.body, HasSubstr(whole->id_number.substr(0, 6)));
  const auto trace = json(get(bearer, "/trace"));
  EXPECT_GT(trace["trace"].Size(), 0u);
  EXPECT_THAT(get(bearer, "/trace").body, HasSubstr("session.open"));
}

TEST_F(AccountApiTest, Ldt01_6_2_5a_ContactDetailsAreChangedAsOnThePage) {
  const auto bearer = token();
  for (const auto* body :
       {R"({"fields":{"name":"李四"}})", R"({"fields":{"mobile":""}})", R"({"fields":{}})",
        R"({"fields":{"mobile":1}})", R"({"fields":[]})", R"({"more":1})", R"([])"})
    EXPECT_EQ(key_of(ask(bearer, "POST", "/details", body)), "api.member") << body;
  const auto wrong = ask(bearer, "POST", "/details", R"({"fields":{"mobile":"123"}})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("\"field\":\"mobile\""));
  const auto mobile = fresh_mobile();
  const auto kept = ask(bearer, "POST", "/details",
                        R"({"fields":{"card_number":"A12345678","mobile":")" + mobile + "\"}}");
  ASSERT_EQ(kept.status, 204) << kept.body;
  const auto shown = get(bearer);
  EXPECT_THAT(shown.body, HasSubstr(mobile.substr(0, 3) + "****" + mobile.substr(7)));
  EXPECT_THAT(shown.body, Not(HasSubstr(mobile)));
}

TEST_F(AccountApiTest, Rfc9470_WhatMattersNeedsALoginJustMade) {
  const auto cookie = house_.session_cookie();
  pass(std::chrono::minutes(9));
  const auto bearer = token(cookie);
  EXPECT_EQ(get(bearer, "/export").status, 200);
  pass(std::chrono::minutes(2));
  for (const auto& one : kSensitive) {
    const auto refused = ask(bearer, one.method, one.path, one.body);
    EXPECT_EQ(refused.status, 401) << one.path;
    EXPECT_EQ(key_of(refused), "auth.login_not_fresh") << one.path;
    const auto challenge = refused.header("www-authenticate");
    EXPECT_THAT(challenge, HasSubstr("error=\"insufficient_user_authentication\"")) << one.path;
    EXPECT_THAT(challenge, HasSubstr("acr_values=\"urn:xinyin:acr:p0a1\"")) << one.path;
    EXPECT_THAT(challenge, HasSubstr("max_age=\"600\"")) << one.path;
  }
  // What a person may do in an older session, its token may.
  EXPECT_EQ(ask(bearer, "POST", "/details", R"({"fields":{"bank_account":"6222020200112233446"}})")
                .status,
            400)
      << "judged, not asked for a login: a mobile is missing";
  EXPECT_EQ(get(bearer, "/sessions").status, 200);
  EXPECT_EQ(get(token(), "/export").status, 200) << "a login just made";
}

TEST_F(AccountApiTest, Rfc9470_ASecondFactorThatIsThereMustHaveBeenShown) {
  const auto cookie = house_.session_cookie();
  const auto bearer = token(cookie);
  add_app(bearer);
  for (const auto& one : kSensitive) {
    const auto refused = ask(bearer, one.method, one.path, one.body);
    EXPECT_EQ(refused.status, 401) << one.path;
    EXPECT_THAT(refused.header("www-authenticate"), HasSubstr("acr_values=\"urn:xinyin:acr:p0a2\""))
        << one.path;
  }
  // Proven further in the browser: an older token does not grow with it, a new one has it.
  const auto raised = rooms()->sessions->raise(cookie, auth::Method::totp);
  ASSERT_TRUE(raised.ok());
  EXPECT_EQ(get(bearer, "/export").status, 401);
  const auto strong = token(raised->cookie);
  EXPECT_EQ(get(strong, "/export").status, 200);
  const auto factor = factor_id(strong, "totp");
  EXPECT_EQ(ask(strong, "POST", "/factors/" + factor, R"({"label":"新名"})").status, 204);
  EXPECT_THAT(get(strong, "/factors").body, HasSubstr("新名"));
  EXPECT_EQ(ask(strong, "POST", "/factors/" + factor, R"({"label":""})").status, 400);
  EXPECT_EQ(ask(strong, "DELETE", "/factors/" + factor).status, 204);
  EXPECT_EQ(ask(strong, "DELETE", "/factors/" + factor).status, 404);
  EXPECT_EQ(ask(strong, "POST", "/factors/" + factor, R"({"label":"x"})").status, 404);
}

TEST_F(AccountApiTest, ATokenOfNoLivingSessionChangesNothingThatMatters) {
  const auto cookie = house_.session_cookie();
  const auto bearer = house_.access_token("openid account offline_access", cookie);
  EXPECT_EQ(get(bearer, "/export").status, 200);
  ASSERT_TRUE(rooms()->sessions->close(cookie).ok());
  EXPECT_EQ(get(bearer).status, 200) << "granted beyond the session";
  for (const auto& one : kSensitive)
    EXPECT_EQ(key_of(ask(bearer, one.method, one.path, one.body)), "auth.login_not_fresh")
        << one.path;
}

TEST_F(AccountApiTest, FactorsAreAddedByShowingThem) {
  const auto bearer = token();
  const auto offered = ask(bearer, "POST", "/totp");
  ASSERT_EQ(offered.status, 200);
  const auto body = [&](const std::string& offer, const std::string& typed) {
    return R"({"offer":")" + offer + R"(","code":")" + typed + R"(","label":"手机"})";
  };
  const auto wrong = ask(bearer, "POST", "/totp/confirm", body(text(offered, "offer"), "000000"));
  EXPECT_EQ(wrong.status, 400) << "of the code, not of the token";
  EXPECT_EQ(key_of(wrong), "auth.code.wrong");
  EXPECT_FALSE(wrong.has("www-authenticate"));
  const auto right = code(text(offered, "secret"));
  EXPECT_EQ(ask(token(), "POST", "/totp/confirm", body(text(offered, "offer"), right)).status, 410)
      << "offered in another session";
  EXPECT_EQ(ask(bearer, "POST", "/totp/confirm", body("x", right)).status, 410);
  const auto mobile = fresh_mobile();
  EXPECT_EQ(ask(bearer, "POST", "/phone", R"({"phone":"123"})").status, 400);
  ASSERT_EQ(ask(bearer, "POST", "/phone", R"({"phone":")" + mobile + "\"}").status, 204);
  const auto confirm = [&](const std::string& typed) {
    return ask(bearer, "POST", "/phone/confirm",
               R"({"phone":")" + mobile + R"(","code":")" + typed + "\"}");
  };
  EXPECT_EQ(confirm("000000x").status, 400);
  EXPECT_EQ(confirm(house_.carrier().code_to(mobile)).status, 204);
  EXPECT_NE(factor_id(bearer, "sms"), "");
  EXPECT_THAT(get(bearer, "/factors").body, Not(HasSubstr(mobile)));
  EXPECT_EQ(ask(bearer, "POST", "/recovery-codes").status, 401) << "the telephone comes first now";
  for (const auto* bad : {R"({"label":1})", R"({})", R"({"label":"x","more":1})"})
    EXPECT_EQ(key_of(ask(bearer, "POST", "/factors/" + factor_id(bearer, "sms"), bad)),
              "api.member");
}

TEST_F(AccountApiTest, RecoveryCodesAreShownOnce) {
  const auto bearer = token();
  const auto made = ask(bearer, "POST", "/recovery-codes");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto codes = json(made);
  ASSERT_EQ(codes["codes"].Size(), 10u);
  const auto listed = get(bearer, "/factors");
  EXPECT_THAT(listed.body, HasSubstr("\"left\":10"));
  EXPECT_THAT(listed.body, Not(HasSubstr(codes["codes"][0].GetString())));
}

TEST_F(AccountApiTest, ThePasswordChangesWithTheOldOneAndOtherSessionsEnd) {
  const auto bearer = token(), elsewhere = token();
  const auto change = [&](const std::string& current, const std::string& next) {
    return ask(bearer, "POST", "/password",
               R"({"current":")" + current + R"(","password":")" + next + "\"}");
  };
  const auto wrong = change("not-the-password-at-all", "linden-otter-quay-flint");
  EXPECT_EQ(wrong.status, 400) << wrong.body;
  EXPECT_EQ(key_of(wrong), "auth.login_failed");
  EXPECT_FALSE(wrong.has("www-authenticate"));
  EXPECT_EQ(change(test::kPassword, "12345678").status, 400) << "the policy is the page's";
  EXPECT_EQ(get(elsewhere).status, 200);
  ASSERT_EQ(change(test::kPassword, "linden-otter-quay-flint").status, 204);
  EXPECT_EQ(get(bearer).status, 200) << "the session that asked goes on";
  EXPECT_EQ(get(elsewhere).status, 401);
}

TEST_F(AccountApiTest, Ldt01_6_2_5e_SessionsAreSeenAndSignedOut) {
  const auto bearer = token(), elsewhere = token();
  const auto all = json(get(bearer, "/sessions"));
  std::string other;
  int current = 0;
  for (const auto& one : all["sessions"].GetArray()) {
    if (one["current"].GetBool())
      ++current;
    else if (other.empty())
      other = base::json_text(one, "id");
  }
  EXPECT_EQ(current, 1);
  ASSERT_NE(other, "");
  EXPECT_EQ(ask(bearer, "DELETE", "/sessions/" + other).status, 204);
  EXPECT_EQ(get(elsewhere).status, 401);
  const auto again = ask(bearer, "DELETE", "/sessions/" + other);
  EXPECT_EQ(again.status, 404);
  EXPECT_EQ(key_of(again), "auth.session_unknown");
  // The room's own ids are told to no client: two could see by them that they saw one session.
  const auto own = house_.session_of(house_.session_cookie()).id;
  EXPECT_THAT(get(bearer, "/sessions").body, Not(HasSubstr(own)));
  EXPECT_EQ(ask(bearer, "DELETE", "/sessions/" + own).status, 404);
}

TEST_F(AccountApiTest, Pipl15_AConsentIsWithdrawnWithItsTokens) {
  const auto bearer = token();
  const auto all = json(get(bearer, "/consents"));
  ASSERT_EQ(all["consents"].Size(), 1u);
  EXPECT_EQ(base::json_text(all["consents"][0], "client_id"), house_.client_id());
  const auto none = ask(bearer, "DELETE", "/consents/nobody");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(key_of(none), "auth.consent_unknown");
  EXPECT_EQ(ask(bearer, "DELETE", "/consents/" + house_.client_id()).status, 204);
  EXPECT_EQ(get(bearer).status, 401) << "its own tokens too";
}

TEST_F(AccountApiTest, Pipl45_TheExportIsWholeAndSigned) {
  const auto file = get(token(), "/export");
  ASSERT_EQ(file.status, 200);
  const auto whole = rooms()->accounts->subject(house_.person().id);
  EXPECT_THAT(file.body, HasSubstr(whole->id_number));
  EXPECT_NE(text(file, "proof"), "");
  EXPECT_THAT(file.header("content-disposition"), HasSubstr("attachment"));
}

TEST_F(AccountApiTest, Pipl47_TheAccountsEndIsAskedForAndTakenBack) {
  const auto bearer = token();
  for (const auto* body : {R"({})", R"({"sure":false})", R"({"sure":"yes"})"})
    EXPECT_EQ(key_of(ask(bearer, "POST", "/cancellation", body)), "web.cancel.tick") << body;
  EXPECT_EQ(ask(bearer, "DELETE", "/cancellation").status, 404);
  const auto asked = ask(bearer, "POST", "/cancellation", R"({"sure":true})");
  ASSERT_EQ(asked.status, 200) << asked.body;
  EXPECT_EQ(text(get(bearer, "/cancellation"), "ends_at"), text(asked, "ends_at"));
  EXPECT_EQ(text(get(bearer), "ends_at"), text(asked, "ends_at"));
  EXPECT_EQ(ask(bearer, "DELETE", "/cancellation").status, 204);
  EXPECT_EQ(text(get(bearer, "/cancellation"), "ends_at"), "");
}

TEST_F(AccountApiTest, Ldt01_6_2_4_AgreementsAreAcceptedByTheTextThatWasShown) {
  const auto publish = [&](auth::AgreementKind kind, const std::string& title) {
    std::string text(auth::model_agreement(kind));
    text.replace(text.find("示范文本"), std::string("示范文本").size(), title);
    ASSERT_TRUE(rooms()->agreements->publish(kind, text, "system:test").ok());
  };
  publish(auth::AgreementKind::service, "某文本");
  publish(auth::AgreementKind::privacy, "某文本");
  const auto bearer = token();  // its session has accepted what there is
  EXPECT_EQ(json(get(bearer, "/agreements"))["pending"].Size(), 0u);
  publish(auth::AgreementKind::privacy, "又一文本");
  const auto before = json(get(bearer, "/agreements"));
  ASSERT_EQ(before["pending"].Size(), 1u);
  const auto& waits = before["pending"][0];
  const auto accept = [&](const std::string& sha256) {
    return ask(bearer, "POST", "/agreements",
               R"({"accept":[{"kind":"privacy","version":)" +
                   std::to_string(*base::json_int(waits, "version")) + R"(,"sha256":")" + sha256 +
                   R"("}]})");
  };
  EXPECT_EQ(key_of(ask(bearer, "POST", "/agreements", R"({"accept":[]})")),
            "auth.agreement.needed");
  EXPECT_EQ(key_of(accept(std::string(64, '0'))), "auth.agreement.changed");
  EXPECT_EQ(key_of(ask(bearer, "POST", "/agreements", R"({"accept":[1]})")), "api.member");
  EXPECT_EQ(accept(std::string(base::json_text(waits, "sha256"))).status, 204);
  const auto after = json(get(bearer, "/agreements"));
  EXPECT_EQ(after["pending"].Size(), 0u);
  EXPECT_EQ(base::json_text(after["acts"][0], "act"), "accepted");
  EXPECT_EQ(base::json_text(after["acts"][0], "how"), "api");

  ASSERT_EQ(ask(bearer, "DELETE", "/agreements/privacy").status, 204);
  EXPECT_EQ(get(bearer).status, 401) << "what portals were allowed has ended, this token too";
  const auto acts = rooms()->agreements->acts(house_.person().id);
  EXPECT_FALSE(acts->front().accepted);
  EXPECT_EQ(acts->front().how, "api");
  const auto told = json(get(token(), "/agreements"));  // of a login that accepted it again
  std::string order;
  for (const auto& one : told["acts"].GetArray())
    if (base::json_text(one, "kind") == "privacy")
      order += std::string(base::json_text(one, "act")) + " ";
  EXPECT_TRUE(order.starts_with("accepted withdrawn accepted ")) << order;
}

TEST_F(AccountApiTest, Ldt01_6_2_5b_AnotherNameIsAskedOfStaff) {
  const auto bearer = token();
  EXPECT_EQ(key_of(ask(bearer, "POST", "/identity-requests", R"({"name":"李四","id_type":"x"})")),
            "api.member");
  EXPECT_EQ(ask(bearer, "POST", "/identity-requests", R"({"id_type":"cn-id","id_number":"1"})")
                .status,
            400);
  const auto asked = ask(bearer, "POST", "/identity-requests", R"({"name":"李四"})");
  ASSERT_EQ(asked.status, 201) << asked.body;
  const auto all = json(get(bearer, "/identity-requests"));
  ASSERT_EQ(all["requests"].Size(), 1u);
  EXPECT_EQ(base::json_text(all["requests"][0], "id"), text(asked, "id"));
  EXPECT_EQ(base::json_text(all["requests"][0], "standing"), "open");
  EXPECT_EQ(key_of(ask(bearer, "POST", "/identity-requests", R"({"name":"王五"})")),
            "auth.request.open");
}

TEST_F(AccountApiTest, NobodyReachesAnothersAccount) {
  const auto bearer = token();
  add_app(bearer);
  const auto factor = factor_id(bearer, "totp");
  test::House other;
  const auto stranger = other.access_token(kScopes);
  const auto as_stranger = [&](std::string_view method, const std::string& path,
                               const std::string& body = {}) {
    return other.ask(method, "/v1/account" + path,
                     "Authorization: Bearer " + stranger + "\r\n" +
                         (body.empty() ? "" : "Content-Type: application/json\r\n"),
                     body);
  };
  EXPECT_EQ(as_stranger("POST", "/factors/" + factor, R"({"label":"x"})").status, 404);
  EXPECT_EQ(as_stranger("DELETE", "/factors/" + factor).status, 404);
  EXPECT_EQ(as_stranger("DELETE", "/consents/" + house_.client_id()).status, 404);
}

}  // namespace
