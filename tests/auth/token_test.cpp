// The token endpoint: security.md §3.C 49–54, 57, 58, 60; RFC 6749 §4.1.3, §5.2, RFC 7636 §4.5–4.6.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/messages.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

class TokenTest : public testing::Test {
 protected:
  std::string fresh_code() { return house.code_for(house.request(client), session); }
  /// The OAuth error, or "" for tokens.
  std::string redeem(const Parameters& form, std::string_view authorization) {
    const auto reply = house.provider.token(form, authorization);
    const auto* failure = std::get_if<OAuthError>(&reply);
    if (failure == nullptr) return "";
    EXPECT_TRUE(base::has_message(failure->key)) << failure->key;
    EXPECT_EQ(failure->status, failure->error == "invalid_client" ? 401 : 400);
    return failure->error;
  }
  std::string redeem(const Parameters& form) { return redeem(form, client.basic()); }

  House house;
  House::Registered client = house.new_client();
  SubjectId subject = house.new_person(fresh_name());
  Session session = house.new_session(subject);
};

TEST_F(TokenTest, ACodeGivesTokensThatSayWhatTheyShould) {
  const auto code = fresh_code();
  house.clock.advance(10s);
  const auto reply = house.provider.token(house.redemption(client, code), client.basic());
  ASSERT_EQ(house.error_of(reply), "");
  const auto body = json(std::get<TokenReply>(reply).json);
  EXPECT_EQ(base::json_text(body, "token_type"), "Bearer");
  EXPECT_EQ(base::json_int(body, "expires_in"), 600);
  EXPECT_EQ(base::json_text(body, "scope"), "openid profile documents");
  EXPECT_FALSE(body.HasMember("refresh_token"));

  const auto now_s = base::to_unix_s(house.clock.now());
  const auto access = std::string(base::json_text(body, "access_token"));
  const auto access_claims = claims(access);
  EXPECT_EQ(base::json_text(header(access), "typ"), "at+jwt") << "RFC 9068 §2.1";
  EXPECT_EQ(base::json_text(access_claims, "iss"), kIssuer);
  EXPECT_EQ(base::json_text(access_claims, "aud"), kIssuer);
  EXPECT_EQ(base::json_text(access_claims, "client_id"), client.id);
  EXPECT_EQ(base::json_int(access_claims, "exp"), now_s + 600);
  EXPECT_EQ(base::json_int(access_claims, "iat"), now_s);
  EXPECT_FALSE(base::json_text(access_claims, "jti").empty());

  const auto id = std::string(base::json_text(body, "id_token"));
  const auto id_claims = claims(id);
  EXPECT_EQ(base::json_text(header(id), "alg"), "ES256");
  EXPECT_EQ(base::json_text(id_claims, "iss"), kIssuer);
  EXPECT_EQ(base::json_text(id_claims, "aud"), client.id);
  EXPECT_EQ(base::json_text(id_claims, "nonce"), "n-0S6_WzA2Mj");
  EXPECT_EQ(base::json_text(id_claims, "sub"), base::json_text(access_claims, "sub"));
  EXPECT_EQ(base::json_int(id_claims, "auth_time"), now_s - 10);
  EXPECT_EQ(base::json_text(id_claims, "acr"), "urn:xinyin:acr:p2a1");
  EXPECT_STREQ(id_claims["amr"][0].GetString(), "pwd");
  const auto half = base::sha256(base::as_bytes(access));
  EXPECT_EQ(base::json_text(id_claims, "at_hash"),
            base::to_base64url(base::BytesView(half).first(16)));
  for (const auto* token : {&access, &id})
    EXPECT_EQ(
        base::as_text(base::from_base64url(token->substr(token->find('.') + 1,
                                                         token->rfind('.') - token->find('.') - 1))
                          .value())
            .find(subject.value()),
        std::string_view::npos)
        << "no subject id of ours outside";
}

TEST_F(TokenTest, WithoutOpenidThereIsNoIdToken) {
  const auto code = house.code_for(with(house.request(client), "scope", "documents"), session);
  const auto reply = house.provider.token(house.redemption(client, code), client.basic());
  ASSERT_EQ(house.error_of(reply), "");
  const auto body = json(std::get<TokenReply>(reply).json);
  EXPECT_FALSE(body.HasMember("id_token"));
  const auto access = base::json_text(body, "access_token");
  EXPECT_EQ(house.provider.actor(access)->scopes(), "documents");
  EXPECT_EQ(refusal_of(house.provider.userinfo(access)), "auth.scope_missing") << "C66";
}

TEST_F(TokenTest, C51_ASecondUseIsRefusedAndRevokesTheFirst) {
  const auto form = house.redemption(client, fresh_code());
  const auto reply = house.provider.token(form, client.basic());
  ASSERT_EQ(house.error_of(reply), "");
  const auto body = json(std::get<TokenReply>(reply).json);
  const auto access = base::json_text(body, "access_token");
  ASSERT_TRUE(house.provider.actor(access).ok());
  EXPECT_EQ(redeem(form), "invalid_grant");
  EXPECT_EQ(refusal_of(house.provider.actor(access)), "auth.token_invalid");
  EXPECT_EQ(refusal_of(house.provider.userinfo(access)), "auth.token_invalid");
  EXPECT_EQ(redeem(form), "invalid_grant");
  EXPECT_EQ(
      house.sql("select count(*) from audit.entry where act = 'code.burn' and actor = 'client:" +
                client.id + "'"),
      "1");
}

TEST_F(TokenTest, C54_OfManyRedemptionsAtOnceOneSucceeds) {
  House second;  // another instance on the same database
  for (const int parallel : {8, 50}) {
    const auto form = house.redemption(client, fresh_code());
    std::atomic<int> good{0}, refused{0};
    std::vector<std::thread> redemptions;
    for (int i = 0; i < parallel; ++i)
      redemptions.emplace_back([&, i] {
        auto& instance = i % 2 == 0 ? house : second;
        const auto reply = instance.provider.token(form, client.basic());
        const auto error = house.error_of(reply);
        if (error.empty()) ++good;
        if (error == "invalid_grant") ++refused;
      });
    for (auto& each : redemptions) each.join();
    EXPECT_EQ(good, 1) << parallel;
    EXPECT_EQ(refused, parallel - 1) << parallel;
  }
}

TEST_F(TokenTest, C53_CodesLiveAMinute) {
  const auto in_time = fresh_code();
  house.clock.advance(59s);
  EXPECT_EQ(redeem(house.redemption(client, in_time)), "");
  const auto late = fresh_code();
  house.clock.advance(60s);
  EXPECT_EQ(redeem(house.redemption(client, late)), "invalid_grant");
}

TEST_F(TokenTest, C52_WhoeverUsesACodeWronglyBurnsIt) {
  const auto other = house.new_client();
  const auto open = house.new_client(true);
  const std::string other_verifier(43, 'v');
  const struct {
    const char* what;
    std::function<std::string(const std::string&)> attempt;
  } kCases[] = {
      {"another client",
       [&](const std::string& code) {
         return redeem(house.redemption(other, code), other.basic());
       }},
      {"a public client",
       [&](const std::string& code) { return redeem(house.redemption(open, code), ""); }},
      {"another address",
       [&](const std::string& code) {
         return redeem(with(house.redemption(client, code), "redirect_uri", kAfterLogout));
       }},
      {"another verifier",
       [&](const std::string& code) {
         return redeem(with(house.redemption(client, code), "code_verifier", other_verifier));
       }},
      {"C49: no verifier",
       [&](const std::string& code) {
         return redeem(without(house.redemption(client, code), "code_verifier"));
       }},
      {"the challenge for a verifier",
       [&](const std::string& code) {
         return redeem(with(house.redemption(client, code), "code_verifier", kChallenge));
       }},
  };
  for (const auto& each : kCases) {
    const auto code = fresh_code();
    EXPECT_EQ(each.attempt(code), "invalid_grant") << each.what;
    EXPECT_EQ(redeem(house.redemption(client, code)), "invalid_grant") << each.what << ": burnt";
  }
}

TEST_F(TokenTest, C50_VerifiersAreWellMade) {
  const auto code = fresh_code();
  for (const std::string& verifier :
       {std::string(42, 'a'), std::string(129, 'a'), std::string(kVerifier) + " ",
        std::string(kVerifier.substr(1)) + "+", std::string(kVerifier.substr(1)) + "\n",
        std::string(kVerifier.substr(3)) + "é" + "x"})
    EXPECT_EQ(redeem(with(house.redemption(client, code), "code_verifier", verifier)),
              "invalid_request")
        << verifier;
  EXPECT_EQ(redeem(house.redemption(client, code)), "") << "a typing mistake burns nothing";
}

TEST_F(TokenTest, WrongFormsAreRefusedAsRfc6749Says) {
  const auto code = fresh_code();
  const auto good = house.redemption(client, code);
  EXPECT_EQ(redeem({}), "invalid_request");
  EXPECT_EQ(redeem(without(good, "grant_type")), "invalid_request");
  EXPECT_EQ(redeem(without(good, "code")), "invalid_request");
  EXPECT_EQ(redeem(without(good, "redirect_uri")), "invalid_request");
  for (const auto* type : {"password", "implicit", "authorization_code ", "Authorization_Code"})
    EXPECT_EQ(redeem(with(good, "grant_type", type)), "unsupported_grant_type") << type;
  for (const std::string& wrong : {std::string("x"), std::string(43, 'A'), code + "=", code + " ",
                                   code.substr(1), std::string(1 << 20, 'A')})
    EXPECT_EQ(redeem(with(good, "code", wrong)), "invalid_grant") << wrong.size();
  for (const auto& [name, value] : good) {
    auto twice = good;
    twice.emplace_back(name, value);
    EXPECT_EQ(redeem(twice), "invalid_request") << "C57: " << name;
  }
  EXPECT_EQ(redeem(good), "") << "none of these spent the code";
}

TEST_F(TokenTest, C60_ClientsProveThemselvesInOneWay) {
  const auto code = fresh_code();
  const auto form = house.redemption(client, code);
  const auto posted = with(with(form, "client_id", client.id), "client_secret", client.secret);
  const auto basic = [](const std::string& text) {
    return "Basic " + base::to_base64(base::as_bytes(text));
  };
  EXPECT_EQ(redeem(posted, client.basic()), "invalid_request") << "both at once";
  EXPECT_EQ(redeem(with(form, "client_id", "other"), client.basic()), "invalid_request");
  for (const std::string& wrong :
       {std::string(), std::string("Basic"), std::string("Basic "), std::string("Basic !!!"),
        basic(client.id), basic(client.id + ":"), basic(client.id + ":wrong"),
        basic("nobody:" + client.secret), basic(":" + client.secret), client.basic() + "=",
        client.basic() + " ", "Basic  " + client.basic().substr(6), "Bearer " + client.secret,
        basic(client.id + ":" + client.secret + " "), basic(client.id + "%zz:" + client.secret)})
    EXPECT_EQ(redeem(form, wrong), "invalid_client") << wrong;
  EXPECT_EQ(redeem(with(posted, "client_secret", "wrong"), ""), "invalid_client");
  EXPECT_EQ(redeem(without(posted, "client_secret"), ""), "invalid_client")
      << "not a public client";
  EXPECT_EQ(redeem(posted, ""), "") << "client_secret_post";
  EXPECT_EQ(redeem(house.redemption(client, fresh_code()), "bAsIc" + client.basic().substr(5)), "");
  EXPECT_EQ(house.sql("select count(*) from auth.client where secret_digest = '\\x" +
                      base::to_hex(base::sha256(base::as_bytes(client.secret))) + "'"),
            "1");
}

TEST_F(TokenTest, PublicClientsGiveTheirNameAndAVerifier) {
  const auto open = house.new_client(true);
  const auto code = house.code_for(house.request(open), session);
  EXPECT_EQ(redeem(with(house.redemption(open, code), "client_secret", "x"), ""), "invalid_client");
  EXPECT_EQ(redeem(house.redemption(open, code), House::Registered{open.id, ""}.basic()),
            "invalid_client");
  EXPECT_EQ(redeem(without(house.redemption(open, code), "client_id"), ""), "invalid_client");
  EXPECT_EQ(redeem(house.redemption(open, code), ""), "");
}

TEST_F(TokenTest, ASignerThatIsAwayCostsNoCode) {
  const auto form = house.redemption(client, fresh_code());
  house.key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  const auto reply = house.provider.token(form, client.basic());
  const auto& failure = std::get<OAuthError>(reply);
  EXPECT_EQ(failure.error, "temporarily_unavailable");
  EXPECT_EQ(failure.status, 503);
  EXPECT_EQ(failure.key, "auth.signing_unavailable");
  EXPECT_GT(failure.retry_after.value(), 0s);
  house.key->fail_with.reset();
  EXPECT_EQ(redeem(form), "") << "the same code, once the token is back";
}

TEST_F(TokenTest, ASwitchedOffPersonGetsNoTokens) {
  const auto form = house.redemption(client, fresh_code());
  house.sql("update auth.subject set active = false where id = '" + subject.value() + "'");
  EXPECT_EQ(redeem(form), "invalid_grant");
}

TEST_F(TokenTest, ALogoutBetweenCodeAndTokenCounts) {
  const auto opened = house.sessions.open(subject, Method::password).value();
  const auto code = house.code_for(house.request(client), opened.session);
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  EXPECT_EQ(redeem(house.redemption(client, code)), "invalid_grant");
}

}  // namespace
}  // namespace auth
