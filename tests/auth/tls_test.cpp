// Clients and tokens with certificates, used rightly: RFC 8705.
#include "auth/tls.h"

#include <gtest/gtest.h>

#include "tests/auth/negative.h"

namespace auth {
namespace {

using namespace test_house;

TEST(TlsTest, Rfc8705_3_ABoundTokenSaysItsCertificateAndWorksWithIt) {
  for (const auto* algorithm : {"ES256", "PS256", "EdDSA"}) {
    Scene s;
    s.signer = ForeignSigner::make(algorithm);
    const auto certificate = s.signer.certificate();
    const auto token = s.tls_token(certificate);
    const auto print = base::to_base64url(base::sha256(certificate));
    EXPECT_EQ(base::json_text(claims(token)["cnf"], "x5t#S256"), print);
    for (int i = 0; i < 2; ++i) {  // again, from memory
      const auto who = s.house.provider.actor(
          ShownToken{token, false, Scene::over_tls(certificate, "GET", kUserinfoPath)});
      ASSERT_TRUE(who.ok()) << algorithm << " " << who.error().key;
      EXPECT_TRUE(s.house.provider.userinfo(token, *who).ok());
    }
    const auto told =
        json(std::get<TokenReply>(s.house.provider.introspect({{"token", token}}, s.client.basic()))
                 .json);
    EXPECT_EQ(base::json_text(told, "token_type"), "Bearer");
    EXPECT_EQ(base::json_text(told["cnf"], "x5t#S256"), print) << "§3.2";
  }
}

TEST(TlsTest, Rfc8705_2_2_AClientProvesItselfWithTheKeyThatItRegistered) {
  for (const auto* algorithm : {"ES256", "PS256", "EdDSA"}) {
    Scene s;
    s.signer = ForeignSigner::make(algorithm);
    const auto machine = s.keyed_client([](NewClient& c) {
      c.grant_types = "client_credentials";
      c.machine_scopes = "core.read";
      c.redirect_uris = {};
      c.post_logout_redirect_uris = {};
      c.scopes = "";
    });
    const Parameters form{{"grant_type", "client_credentials"}, {"client_id", machine.id}};
    // A renewed certificate of the same key is as good.
    for (int i = 0; i < 2; ++i) {
      const auto certificate = s.signer.certificate();
      const auto reply = s.house.provider.token(form, "", Scene::over_tls(certificate));
      ASSERT_EQ(s.house.error_of(reply), "") << algorithm;
      const auto token =
          std::string(base::json_text(json(std::get<TokenReply>(reply).json), "access_token"));
      EXPECT_EQ(base::json_text(claims(token)["cnf"], "x5t#S256"),
                certificate_thumbprint(certificate));
      EXPECT_EQ(
          s.house.error_of(s.house.provider.revoke({{"token", token}, {"client_id", machine.id}},
                                                   "", Scene::over_tls(certificate))),
          "");
    }
  }
}

TEST(TlsTest, Rfc8705_4_APublicClientsRefreshTokenWorksWithItsCertificate) {
  Scene s;
  s.client = s.house.new_client(true);
  const auto certificate = s.signer.certificate();
  const auto code = s.house.code_for(
      with(s.house.request(s.client), "scope", "openid offline_access"), s.session);
  auto reply =
      s.house.provider.token(s.house.redemption(s.client, code), "", Scene::over_tls(certificate));
  ASSERT_EQ(s.house.error_of(reply), "");
  const auto refresh =
      std::string(base::json_text(json(std::get<TokenReply>(reply).json), "refresh_token"));
  reply = s.house.provider.token(
      {{"grant_type", "refresh_token"}, {"refresh_token", refresh}, {"client_id", s.client.id}}, "",
      Scene::over_tls(certificate));
  EXPECT_EQ(s.house.error_of(reply), "");
}

TEST(TlsTest, Rfc8705_5_TheMetadataNamesTheOtherAddresses) {
  Scene s;
  EXPECT_FALSE(json(s.house.provider.discovery()).HasMember("mtls_endpoint_aliases"));
  Provider::Config config{std::string(kIssuer)};
  config.mtls_url = "https://cert.id.example";
  Provider provider(config,
                    {s.house.pool, s.house.accounts, s.house.key, s.house.clock, s.house.random});
  const auto told = json(provider.discovery());
  EXPECT_TRUE(told["tls_client_certificate_bound_access_tokens"].GetBool());
  EXPECT_EQ(base::json_text(told["mtls_endpoint_aliases"], "token_endpoint"),
            "https://cert.id.example/oauth/token");
  const auto& methods = told["token_endpoint_auth_methods_supported"];
  EXPECT_TRUE(std::any_of(methods.Begin(), methods.End(), [](const auto& method) {
    return std::string_view(method.GetString()) == "self_signed_tls_client_auth";
  }));
}

}  // namespace
}  // namespace auth
