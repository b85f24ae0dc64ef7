// Tokens bound to a key, used rightly: RFC 9449.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/auth/negative.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

TEST(DpopTest, ABoundTokenSaysItsKeyAndWorksWithItsProof) {
  for (const auto* algorithm : {"ES256", "PS256", "EdDSA"}) {
    Scene s;
    s.signer = ForeignSigner::make(algorithm);
    const auto token = s.bound_token();
    EXPECT_EQ(base::json_text(claims(token)["cnf"], "jkt"), s.signer.thumbprint());
    for (int i = 0; i < 2; ++i) {
      const auto who = s.house.provider.actor(
          ShownToken{token, true,
                     s.proved(s.proof(s.signer, s.proof_claims("GET", kUserinfoPath, token)), "GET",
                              kUserinfoPath)});
      ASSERT_TRUE(who.ok()) << algorithm << " " << who.error().key;
      EXPECT_TRUE(s.house.provider.userinfo(token, *who).ok());
    }
    const auto told =
        json(std::get<TokenReply>(s.house.provider.introspect({{"token", token}}, s.client.basic()))
                 .json);
    EXPECT_EQ(base::json_text(told, "token_type"), "DPoP");
    EXPECT_EQ(base::json_text(told["cnf"], "jkt"), s.signer.thumbprint()) << "RFC 9449 §6.2";
  }
}

TEST(DpopTest, TheQueryIsNoPartOfTheAddress) {
  Scene s;
  const auto token = s.bound_token();
  const auto text = changed(s.proof_claims("GET", kUserinfoPath, token), "htu",
                            "\"" + std::string(kIssuer) + std::string(kUserinfoPath) + "?a=1#b\"");
  EXPECT_TRUE(
      s.house.provider
          .actor(ShownToken{token, true, s.proved(s.proof(s.signer, text), "GET", kUserinfoPath)})
          .ok());
}

TEST(DpopTest, OfEightShowingsOfOneProofAtOnceOneSucceeds) {
  Scene s;
  const auto token = s.bound_token();
  const ShownToken shown{token, true,
                         s.proved(s.proof(s.signer, s.proof_claims("GET", kUserinfoPath, token)),
                                  "GET", kUserinfoPath)};
  std::atomic<int> good{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i)
    all.emplace_back([&] { good += s.house.provider.actor(shown).ok() ? 1 : 0; });
  for (auto& each : all) each.join();
  EXPECT_EQ(good, 1);
}

TEST(DpopTest, ACodeForAKeyIsRedeemedWithIt) {
  Scene s;
  const auto form = s.house.redemption(
      s.client, s.house.code_for(with(s.house.request(s.client), "dpop_jkt", s.signer.thumbprint()),
                                 s.session));
  const auto reply = s.house.provider.token(
      form, s.client.basic(), s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath))));
  ASSERT_EQ(s.house.error_of(reply), "");
  EXPECT_EQ(base::json_text(json(std::get<TokenReply>(reply).json), "token_type"), "DPoP");
}

TEST(DpopTest, AProofAtThePushedRequestBindsTheCode) {
  Scene s;
  const auto reply = s.house.provider.push(
      s.house.request(s.client), s.client.basic(),
      s.proved(s.proof(s.signer, s.proof_claims("POST", kPushPath)), "POST", kPushPath));
  ASSERT_EQ(s.house.error_of(reply), "");
  const auto body = json(std::get<TokenReply>(reply).json);
  const std::string uri(base::json_text(body, "request_uri"));
  const auto code = s.house.code_for({{"client_id", s.client.id}, {"request_uri", uri}}, s.session);
  EXPECT_EQ(s.token(s.house.redemption(s.client, code), s.client.basic()), "invalid_grant");
}

TEST(DpopTest, APublicClientsRefreshTokensStayWithTheirKey) {
  Scene s;
  const auto open = s.house.new_client(true);
  const auto code =
      s.house.code_for(with(s.house.request(open), "scope", "openid offline_access"), s.session);
  auto reply =
      s.house.provider.token(s.house.redemption(open, code), "",
                             s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath))));
  ASSERT_EQ(s.house.error_of(reply), "");
  for (int i = 0; i < 3; ++i) {
    const auto token =
        std::string(base::json_text(json(std::get<TokenReply>(reply).json), "refresh_token"));
    reply = s.house.provider.token(
        {{"grant_type", "refresh_token"}, {"refresh_token", token}, {"client_id", open.id}}, "",
        s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath))));
    ASSERT_EQ(s.house.error_of(reply), "") << i;
  }
}

TEST(DpopTest, NoncesComeFromUsAndChange) {
  Scene s;
  Provider::Config config{std::string(kIssuer)};
  config.dpop_nonce_needed = true;
  Provider strict(config,
                  {s.house.pool, s.house.accounts, s.house.key, s.house.clock, s.house.random});
  const auto form = s.house.redemption(s.client, s.fresh_code());
  const auto send = [&](const std::string& nonce) {
    const auto text = changed(s.proof_claims("POST", kTokenPath), "nonce",
                              nonce.empty() ? "" : "\"" + nonce + "\"");
    return strict.token(form, s.client.basic(), s.proved(s.proof(s.signer, text)));
  };
  const auto refused = std::get<OAuthError>(send(""));
  EXPECT_EQ(refused.error, "use_dpop_nonce");
  ASSERT_FALSE(refused.dpop_nonce.empty());
  s.house.clock.advance(2 * kNonceLife);
  const auto late = std::get<OAuthError>(send(refused.dpop_nonce));
  EXPECT_EQ(late.error, "use_dpop_nonce");
  EXPECT_NE(late.dpop_nonce, refused.dpop_nonce);
  const auto fresh = s.house.redemption(s.client, s.fresh_code());
  const auto text =
      changed(s.proof_claims("POST", kTokenPath), "nonce", "\"" + late.dpop_nonce + "\"");
  EXPECT_EQ(
      s.house.error_of(strict.token(fresh, s.client.basic(), s.proved(s.proof(s.signer, text)))),
      "");
}

}  // namespace
}  // namespace auth
