// The authorization endpoint: security.md §3.C 45–50, 53, 56–59, 72, 73; RFC 6749 §4.1, RFC 7636,
// RFC 9207, OpenID Connect Core §3.1.2.
#include <gtest/gtest.h>

#include "auth/redirect.h"
#include "base/messages.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

class AuthorizeTest : public testing::Test {
 protected:
  AuthorizeAnswer ask(const Parameters& asked) { return ask(asked, session); }
  AuthorizeAnswer ask(const Parameters& asked, const std::optional<Session>& as) {
    auto answer = house.provider.authorize(asked, as);
    EXPECT_TRUE(answer.ok());
    return std::move(*answer);
  }
  /// "page:<error>", "back:<error>", "code", "login", "consent".
  std::string outcome(const AuthorizeAnswer& answer) {
    if (const auto* page = std::get_if<ShowError>(&answer)) {
      EXPECT_TRUE(base::has_message(page->error.key)) << page->error.key;
      return "page:" + page->error.error;
    }
    if (std::holds_alternative<AskLogin>(answer)) return "login";
    if (std::holds_alternative<AskConsent>(answer)) return "consent";
    const auto& location = std::get<SendBack>(answer).location;
    EXPECT_TRUE(location.starts_with(std::string(kRedirect) + "&")) << location;
    EXPECT_EQ(parameter(location, "iss"), kIssuer) << "RFC 9207 §2";
    const auto error = parameter(location, "error");
    if (error.empty()) return "code";
    EXPECT_EQ(location.find("code="), std::string::npos);
    EXPECT_FALSE(parameter(location, "error_description").empty());
    return "back:" + error;
  }
  std::string outcome(const Parameters& asked) { return outcome(ask(asked)); }

  House house;
  House::Registered client = house.new_client();
  SubjectId subject = house.new_person(fresh_name());
  std::optional<Session> session = house.new_session(subject);
  Parameters good = house.request(client);
};

TEST_F(AuthorizeTest, LoginThenConsentThenCode) {
  EXPECT_EQ(outcome(ask(good, std::nullopt)), "login");
  const auto answer = ask(good);
  const auto& consent = std::get<AskConsent>(answer);
  EXPECT_EQ(consent.client.value(), client.id);
  EXPECT_EQ(consent.client_name, "社保门户");
  EXPECT_EQ(consent.scopes, (std::vector<std::string>{"openid", "profile", "documents"}));
  const auto back = house.provider.consent(consent.transaction, true, *session);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(outcome(*back), "code");
  const auto& location = std::get<SendBack>(*back).location;
  EXPECT_EQ(parameter(location, "state"), "st&te=1");
  EXPECT_EQ(parameter(location, "code").size(), 43U);
  EXPECT_EQ(outcome(good), "code") << "consent is remembered";
}

TEST_F(AuthorizeTest, C45_OnlyTheRegisteredAddressToTheByte) {
  for (const auto* address : {"https://portal.example/callback",
                              "https://portal.example/callback?from=xinyin&x=1",
                              "https://portal.example/callback?from=xinyin#",
                              "https://portal.example/callback?from=Xinyin",
                              "https://portal.example/callback/?from=xinyin",
                              "https://portal.example:443/callback?from=xinyin",
                              "https://Portal.example/callback?from=xinyin",
                              "https://portal.example./callback?from=xinyin",
                              "https://portal.example/%63allback?from=xinyin",
                              "https://u@portal.example/callback?from=xinyin",
                              "https://portal.example@evil.example/callback?from=xinyin",
                              "http://portal.example/callback?from=xinyin",
                              "//portal.example/callback?from=xinyin",
                              "https://p\xd0\xberta\x6c.example/callback?from=xinyin",
                              "https://portal.example/callback?from=xinyin\r\nSet-Cookie: a=b",
                              "https://portal.example/x/../callback?from=xinyin",
                              "https://evil.example/callback",
                              "http://127.0.0.1/callback",
                              "http://2130706433/callback",
                              "https:portal.example/callback",
                              "https://portal.example\\callback?from=xinyin",
                              "javascript:alert(1)",
                              "",
                              " "})
    EXPECT_EQ(outcome(with(good, "redirect_uri", address)), "page:invalid_request") << address;
  auto twice = good;
  twice.emplace_back("redirect_uri", kRedirect);
  EXPECT_EQ(outcome(twice), "page:invalid_request");
  EXPECT_EQ(outcome(without(good, "redirect_uri")), "page:invalid_request");
}

TEST_F(AuthorizeTest, C46_ABadClientIsNeverSentAnywhere) {
  for (const auto* id : {"", "nobody", "' or 1=1 --", "../x"}) {
    EXPECT_EQ(outcome(with(good, "client_id", id)), "page:invalid_request") << id;
  }
  EXPECT_EQ(outcome(with(good, "client_id", std::string_view("a\0b", 3))), "page:invalid_request");
  auto twice = good;
  twice.emplace_back("client_id", client.id);
  EXPECT_EQ(outcome(twice), "page:invalid_request");
  EXPECT_EQ(outcome(with(without(good, "client_id"), "response_type", "token")),
            "page:invalid_request");
  house.sql("update auth.client set active = false where id = '" + client.id + "'");
  EXPECT_EQ(outcome(good), "page:invalid_request");
}

TEST_F(AuthorizeTest, C57_EachParameterOnce) {
  for (const auto& [name, value] : good) {
    auto twice = good;
    twice.emplace_back(name, value);
    const auto expected = name == "client_id" || name == "redirect_uri" ? "page:invalid_request"
                                                                        : "back:invalid_request";
    EXPECT_EQ(outcome(twice), expected) << name;
  }
  auto unknown = good;
  unknown.emplace_back("unheard_of", "1");
  EXPECT_EQ(outcome(unknown), "consent") << "RFC 6749 §3.1: what is not known is ignored";
  unknown.emplace_back("unheard_of", "2");
  EXPECT_EQ(outcome(unknown), "back:invalid_request");
}

TEST_F(AuthorizeTest, EachWrongValueGoesBackAsItsRfcSays) {
  const std::string long_text(2000, 'x');
  const struct {
    const char* name;
    std::string value;
    const char* expected;
  } kCases[] = {
      {"response_type", "", "back:invalid_request"},
      {"response_type", "token", "back:unsupported_response_type"},
      {"response_type", "id_token", "back:unsupported_response_type"},
      {"response_type", "code id_token", "back:unsupported_response_type"},
      {"response_type", "CODE", "back:unsupported_response_type"},
      {"response_mode", "fragment", "back:invalid_request"},
      {"response_mode", "form_post", "back:invalid_request"},
      {"response_mode", "query", "consent"},
      {"scope", "", "back:invalid_scope"},
      {"scope", "openid offline_access", "consent"},
      {"scope", "openid admin", "back:invalid_scope"},
      {"scope", "openid\nprofile", "back:invalid_scope"},
      {"scope", "openid openid", "consent"},
      {"code_challenge", "", "back:invalid_request"},
      {"code_challenge", std::string(kChallenge) + "A", "back:invalid_request"},
      {"code_challenge", std::string(kChallenge.substr(1)), "back:invalid_request"},
      {"code_challenge", std::string(kChallenge.substr(1)) + "=", "back:invalid_request"},
      {"code_challenge", std::string(kChallenge.substr(1)) + "+", "back:invalid_request"},
      {"code_challenge_method", "", "back:invalid_request"},  // means plain: RFC 7636 §4.3
      {"code_challenge_method", "plain", "back:invalid_request"},
      {"code_challenge_method", "s256", "back:invalid_request"},
      {"state", long_text, "back:invalid_request"},
      {"state", "a\r\nb", "back:invalid_request"},
      {"state", "", "consent"},
      {"nonce", long_text, "back:invalid_request"},
      {"nonce", "a\x01", "back:invalid_request"},
      {"nonce", "", "consent"},
      {"prompt", "none login", "back:invalid_request"},
      {"prompt", "create", "back:invalid_request"},
      {"prompt", "none", "back:consent_required"},
      {"prompt", "login", "login"},
      {"prompt", "select_account", "login"},
      {"prompt", "consent", "consent"},
      {"max_age", "-1", "back:invalid_request"},
      {"max_age", "1.5", "back:invalid_request"},
      {"max_age", "1e3", "back:invalid_request"},
      {"max_age", "99999999999", "back:invalid_request"},
      {"max_age", "10000", "consent"},
      {"request", "eyJhbGciOiJub25lIn0.e30.", "page:invalid_request_object"},
      {"request_uri", "https://evil.example/r", "back:request_uri_not_supported"},
      {"registration", "{}", "back:registration_not_supported"},
      {"id_token_hint", "rubbish", "back:invalid_request"},
      {"display", "popup", "consent"},
      {"ui_locales", "xx yy", "consent"},
      {"login_hint", "张", "consent"},
      {"acr_values", "urn:xinyin:acr:p3a3", "consent"},
      {"claims", "{}", "consent"},
  };
  for (const auto& each : kCases)
    EXPECT_EQ(outcome(with(good, each.name, each.value)), each.expected)
        << each.name << "=" << each.value.substr(0, 60);
}

TEST_F(AuthorizeTest, AScopeTheClientIsNotRegisteredForIsRefused) {
  const auto narrow = house.new_client(false, kRedirect, "openid");
  auto asked = house.request(narrow);
  EXPECT_EQ(outcome(asked), "back:invalid_scope");
  EXPECT_EQ(outcome(with(asked, "scope", "openid")), "consent");
}

TEST_F(AuthorizeTest, C72_ConsentIsRememberedForWhatWasConsented) {
  const auto small = with(good, "scope", "openid profile");
  ASSERT_FALSE(house.code_for(small, *session).empty());
  EXPECT_EQ(outcome(small), "code");
  EXPECT_EQ(outcome(with(good, "scope", "openid")), "code");
  EXPECT_EQ(outcome(with(small, "prompt", "none")), "code");
  EXPECT_EQ(outcome(good), "consent") << "documents was not asked before";
  EXPECT_EQ(outcome(with(good, "prompt", "none")), "back:consent_required");
  EXPECT_EQ(outcome(with(small, "prompt", "consent")), "consent");
  ASSERT_FALSE(house.code_for(with(good, "scope", "documents"), *session).empty());
  EXPECT_EQ(outcome(good), "code") << "consents add up";
  const auto other = house.new_client();
  EXPECT_EQ(outcome(house.request(other)), "consent") << "another client, another question";
  const auto somebody = house.new_session(house.new_person(fresh_name()));
  EXPECT_EQ(outcome(ask(small, somebody)), "consent") << "another person, another question";
}

TEST_F(AuthorizeTest, C72_PromptNoneShowsNothing) {
  EXPECT_EQ(outcome(ask(with(good, "prompt", "none"), std::nullopt)), "back:login_required");
}

TEST_F(AuthorizeTest, TheConsentPageIsAnsweredOnceInItsSession) {
  const auto transaction = std::get<AskConsent>(ask(good)).transaction;
  const auto answered = [&](std::string_view which, bool granted, const Session& as) {
    const auto answer = house.provider.consent(which, granted, as);
    return answer.ok() ? outcome(*answer) : answer.error().key;
  };
  const auto same_person_elsewhere = house.new_session(subject);
  EXPECT_EQ(answered(transaction, true, same_person_elsewhere), "auth.request_expired");
  EXPECT_EQ(answered("", true, *session), "auth.request_expired");
  EXPECT_EQ(answered(std::string(43, 'A'), true, *session), "auth.request_expired");
  EXPECT_EQ(answered(transaction, false, *session), "back:access_denied");
  EXPECT_EQ(answered(transaction, true, *session), "auth.request_expired") << "once";
  EXPECT_EQ(outcome(good), "consent") << "a no is not remembered as a yes";

  const auto late = std::get<AskConsent>(ask(good)).transaction;
  house.clock.advance(10min);
  EXPECT_EQ(answered(late, true, *session), "auth.request_expired");

  const auto moved = std::get<AskConsent>(ask(good)).transaction;
  house.sql(
      "update auth.client set redirect_uris = '[\"https://portal.example/new\"]' where id = '" +
      client.id + "'");
  EXPECT_EQ(answered(moved, true, *session), "auth.request_expired") << "the address was withdrawn";
}

TEST_F(AuthorizeTest, TheRequestComesBackAfterLogin) {
  const auto login = std::get<AskLogin>(ask(good, std::nullopt)).return_to;
  EXPECT_TRUE(login.starts_with(std::string(kAuthorizePath) + "?"));
  for (const auto& [name, value] : good) EXPECT_EQ(parameter(login, name), value) << name;
  for (const char c : login) EXPECT_TRUE(c > ' ' && c <= '~');
}

Parameters read_back(std::string_view address) {
  Parameters out;
  auto rest = address.substr(address.find('?') + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    out.emplace_back(form_decode(pair.substr(0, pair.find('='))).value(),
                     form_decode(pair.substr(pair.find('=') + 1)).value());
    rest = rest.size() == pair.size() ? std::string_view{} : rest.substr(pair.size() + 1);
  }
  return out;
}

TEST_F(AuthorizeTest, PromptLoginAsksOnceMoreThenGoesOn) {
  for (const auto* name : {"prompt", "max_age"}) {
    house.clock.advance(100s);
    const auto asked = with(good, name, name == std::string("prompt") ? "login" : "0");
    session = house.new_session(subject);
    house.clock.advance(5s);
    const auto first = ask(asked);
    ASSERT_TRUE(std::holds_alternative<AskLogin>(first)) << name;
    const auto again = read_back(std::get<AskLogin>(first).return_to);
    EXPECT_EQ(outcome(ask(again)), "login") << "the old login does not count";
    house.clock.advance(30s);
    session = house.new_session(subject);
    house.clock.advance(2s);
    EXPECT_EQ(outcome(ask(again)), "consent") << name << ": a new one does, and there is no loop";
    house.clock.advance(16min);
    EXPECT_EQ(outcome(ask(again)), "login") << "but not for ever";
  }
}

TEST_F(AuthorizeTest, A24_MaxAgeIsObeyed) {
  const auto asked = with(good, "max_age", "300");
  house.clock.advance(300s);
  EXPECT_EQ(outcome(asked), "consent");
  house.clock.advance(1s);
  EXPECT_EQ(outcome(asked), "login");
  EXPECT_EQ(outcome(with(asked, "prompt", "none")), "back:login_required");
}

TEST_F(AuthorizeTest, IdTokenHintNamesThePerson) {
  const auto tokens = house.tokens_for(client, *session);
  const auto hint = base::json_text(tokens, "id_token");
  EXPECT_EQ(outcome(with(good, "id_token_hint", hint)), "code");
  house.clock.advance(24h);
  EXPECT_EQ(outcome(ask(with(good, "id_token_hint", hint), house.new_session(subject))), "code")
      << "also when it has expired";
  const auto somebody = house.new_session(house.new_person(fresh_name()));
  EXPECT_EQ(outcome(ask(with(good, "id_token_hint", hint), somebody)), "back:login_required");
  EXPECT_EQ(outcome(with(house.request(house.new_client()), "id_token_hint", hint)),
            "back:invalid_request")
      << "issued to another client";
  EXPECT_EQ(outcome(with(good, "id_token_hint", base::json_text(tokens, "access_token"))),
            "back:invalid_request");
}

TEST_F(AuthorizeTest, CodesAreKeptAsDigestsAndAudited) {
  const auto code = house.code_for(good, *session);
  const auto digest = base::to_hex(base::sha256(base::from_base64url(code).value()));
  EXPECT_EQ(house.sql("select client_id from auth.authorization_grant where code_digest = '\\x" +
                      digest + "'"),
            client.id);
  for (const auto* act : {"consent.grant", "code.issue"})
    EXPECT_EQ(house.sql("select count(*) from audit.entry where act = '" + std::string(act) +
                        "' and actor = '" + subject.value() + "'"),
              "1")
        << act;
}

TEST_F(AuthorizeTest, ADatabaseThatIsAwayIsToldToTheClientOnceItIsKnown) {
  house.sql("alter table auth.consent rename to consent_away");
  const auto away = outcome(good);
  house.sql("alter table auth.consent_away rename to consent");
  EXPECT_EQ(away, "back:server_error");
}

}  // namespace
}  // namespace auth
