// How certain a login must be: OpenID Connect Core §5.5.1.1, RFC 9470 §5.
#include "auth/acr.h"

#include <gtest/gtest.h>

#include "tests/auth/negative.h"

namespace auth {
namespace {

using namespace test_house;

TEST(AcrTest, TextsAndLevels) {
  EXPECT_EQ(acr_of(Proofing::p2, Authentication::hardware), "urn:xinyin:acr:p2a3");
  const auto p2a1 = acr_from("urn:xinyin:acr:p2a1");
  ASSERT_TRUE(p2a1.has_value());
  EXPECT_TRUE(p2a1->meets(*acr_from("urn:xinyin:acr:p1a1")));
  EXPECT_FALSE(p2a1->meets(*acr_from("urn:xinyin:acr:p1a2")));
  EXPECT_FALSE(p2a1->meets(*acr_from("urn:xinyin:acr:p3a1")));
  for (const auto* none : {"", "urn:xinyin:acr:", "urn:xinyin:acr:p4a1", "urn:xinyin:acr:p1a0",
                           "urn:xinyin:acr:p1a4", "urn:xinyin:acr:p1a1x", "p1a1", "0"})
    EXPECT_FALSE(acr_from(none).has_value()) << none;
}

std::string essential(const char* value) {
  return R"({"id_token":{"acr":{"essential":true,"values":["urn:x:other",")" + std::string(value) +
         "\"]}}}";
}

TEST(AcrTest, AnEssentialAcrThatIsMetStandsInTheToken) {
  Scene s;
  const auto request = with(s.house.request(s.client), "claims", essential("urn:xinyin:acr:p1a1"));
  const auto code = s.house.code_for(request, s.session);
  const auto reply = s.house.provider.token(s.house.redemption(s.client, code), s.client.basic());
  const auto tokens = json(std::get<TokenReply>(reply).json);
  for (const auto* token : {"id_token", "access_token"})
    EXPECT_EQ(base::json_text(claims(base::json_text(tokens, token)), "acr"), "urn:xinyin:acr:p1a1")
        << "one of those asked for, though more was reached";
}

TEST(AcrTest, AHigherLoginIsAskedForOnceAndThenRefused) {
  Scene s;
  const auto request = with(s.house.request(s.client), "claims", essential("urn:xinyin:acr:p1a2"));
  const auto first = s.house.provider.authorize(request, s.session);
  const auto* login = std::get_if<AskLogin>(&*first);
  ASSERT_NE(login, nullptr);
  EXPECT_EQ(parameter(login->return_to, "xinyin_raise_asked"), "1");
  const auto error_of = [](const auto& answer) {
    const auto* back = std::get_if<SendBack>(&*answer);
    return back == nullptr ? "" : parameter(back->location, "error");
  };
  // Back without it; and by the password once more, where a login was asked for.
  EXPECT_EQ(error_of(s.house.provider.authorize(with(request, "xinyin_raise_asked", "1"), s.session)),
            "unmet_authentication_requirements");
  const auto now = std::to_string(base::to_unix_s(s.house.clock.now()));
  s.house.clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(error_of(s.house.provider.authorize(with(request, "xinyin_login_after", now),
                                                s.house.new_session(s.subject))),
            "unmet_authentication_requirements");
  const auto strong = s.house.sessions.open(s.subject, Methods(Method::password).with(Method::totp))->session;
  const auto third = s.house.provider.authorize(request, strong);
  EXPECT_TRUE(std::holds_alternative<AskConsent>(*third));
}

TEST(AcrTest, WhatIsOnlyWantedIsTriedAndLeft) {
  Scene s;
  const auto request =
      with(s.house.request(s.client), "acr_values", "urn:xinyin:acr:p1a2 urn:x:other");
  const auto first = s.house.provider.authorize(request, s.session);
  const auto* login = std::get_if<AskLogin>(&*first);
  ASSERT_NE(login, nullptr) << "RFC 9470 §5: stepping up";
  const auto second =
      s.house.provider.authorize(with(request, "xinyin_raise_asked", "1"), s.session);
  EXPECT_TRUE(std::holds_alternative<AskConsent>(*second)) << "OpenID Connect Core §3.1.2.1";
  EXPECT_EQ(s.authorize(with(request, "acr_values", "urn:xinyin:acr:p3a1")), "consent")
      << "no login helps: none is asked for";
}

TEST(AcrTest, TheExpectedPersonIsTheOneNamed) {
  Scene s;
  const auto tokens = s.house.tokens_for(s.client, s.session);
  const auto sub = std::string(base::json_text(claims(base::json_text(tokens, "id_token")), "sub"));
  const auto request =
      with(s.house.request(s.client), "claims", R"({"id_token":{"sub":{"value":")" + sub + "\"}}}");
  EXPECT_EQ(s.authorize(request), "code");
}

}  // namespace
}  // namespace auth
