// Clients and tokens with certificates: RFC 8705. At resources the "error" is the message key.
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

std::string shown(Scene& s, const std::string& token, base::Bytes certificate) {
  return refusal_of(s.house.provider.actor(
      ShownToken{token, false, Scene::over_tls(std::move(certificate), "GET", kUserinfoPath)}));
}

/// A machine that proves itself with `signer` alone asks for a token.
std::string machine_asks(Scene& s, base::Bytes certificate, const Parameters& more = {},
                         const std::string& authorization = "") {
  const auto machine = s.keyed_client([](NewClient& c) {
    c.grant_types = "client_credentials";
    c.machine_scopes = "core.read";
    c.redirect_uris = {};
    c.post_logout_redirect_uris = {};
    c.scopes = "";
  });
  Parameters form{{"grant_type", "client_credentials"}, {"client_id", machine.id}};
  form.insert(form.end(), more.begin(), more.end());
  return s.house.error_of(
      s.house.provider.token(form, authorization, Scene::over_tls(std::move(certificate))));
}

/// A public client's refresh token that was bound to a certificate.
std::string refreshes(Scene& s, base::Bytes certificate) {
  s.client = s.house.new_client(true);
  const auto code = s.house.code_for(
      with(s.house.request(s.client), "scope", "openid offline_access"), s.session);
  const auto reply = s.house.provider.token(s.house.redemption(s.client, code), "",
                                            Scene::over_tls(s.signer.certificate()));
  EXPECT_EQ(s.house.error_of(reply), "");
  const auto tokens = json(std::get<TokenReply>(reply).json);
  return s.house.error_of(s.house.provider.token(
      {{"grant_type", "refresh_token"},
       {"refresh_token", std::string(base::json_text(tokens, "refresh_token"))},
       {"client_id", s.client.id}},
      "", Scene::over_tls(std::move(certificate))));
}

const NegativeCase kCases[] = {
    {"RFC 8705 §3", "a bound token without a certificate", "auth.tls.needed",
     [](Scene& s) { return shown(s, s.tls_token(s.signer.certificate()), {}); }},
    {"RFC 8705 §3", "a bound token with another certificate", "auth.tls.other_certificate",
     [](Scene& s) {
       return shown(s, s.tls_token(s.signer.certificate()),
                    ForeignSigner::make("ES256").certificate());
     }},
    {"RFC 8705 §3.1", "a bound token with another certificate of the same key",
     "auth.tls.other_certificate",
     [](Scene& s) {
       return shown(s, s.tls_token(s.signer.certificate()), s.signer.certificate());
     }},
    {"RFC 8705 §3", "a bound token with a certificate and a byte behind it",
     "auth.tls.other_certificate",
     [](Scene& s) {
       auto certificate = s.signer.certificate();
       const auto token = s.tls_token(certificate);
       certificate.push_back(0);
       return shown(s, token, certificate);
     }},
    {"RFC 9449 §7.2", "a certificate-bound token under the DPoP scheme", "auth.dpop.scheme",
     [](Scene& s) {
       const auto certificate = s.signer.certificate();
       const auto token = s.tls_token(certificate);
       auto request = s.proved(s.proof(s.signer, s.proof_claims("GET", kUserinfoPath, token)),
                               "GET", kUserinfoPath);
       request.certificate = certificate;
       return refusal_of(s.house.provider.actor(ShownToken{token, true, request}));
     }},
    {"RFC 8705 §3", "a DPoP-bound token with a certificate instead of a proof", "auth.dpop.scheme",
     [](Scene& s) { return shown(s, s.bound_token(), s.signer.certificate()); }},
    {"RFC 8705 §2.2", "a certificate of a key that is not registered", "invalid_client",
     [](Scene& s) { return machine_asks(s, ForeignSigner::make("ES256").certificate()); }},
    {"RFC 8705 §2.2", "a certificate of another kind of key", "invalid_client",
     [](Scene& s) { return machine_asks(s, ForeignSigner::make("RS256").certificate()); }},
    {"RFC 8705 §2.2", "no certificate", "invalid_client",
     [](Scene& s) { return machine_asks(s, {}); }},
    {"RFC 8705 §2.2", "what is no certificate", "invalid_client",
     [](Scene& s) {
       return machine_asks(s, {0x30, 0x03, 0x02, 0x01, 0x00});
     }},
    {"RFC 8705 §2.2", "bytes behind the certificate", "invalid_client",
     [](Scene& s) {
       auto certificate = s.signer.certificate();
       certificate.push_back(0);
       return machine_asks(s, certificate);
     }},
    {"RFC 6749 §2.3", "a certificate and a secret at once", "invalid_client",
     [](Scene& s) {
       return machine_asks(s, s.signer.certificate(), {{"client_secret", std::string(43, 'a')}});
     }},
    {"RFC 6749 §2.3", "a certificate and Basic at once", "invalid_request",
     [](Scene& s) {
       return machine_asks(s, s.signer.certificate(), {},
                           "Basic " + base::to_base64(base::as_bytes("somebody:secret")));
     }},
    {"RFC 8705 §2", "a certificate for a client that has a secret", "invalid_client",
     [](Scene& s) {
       const auto machine = s.machine();
       return s.house.error_of(
           s.house.provider.token({{"grant_type", "client_credentials"}, {"client_id", machine.id}},
                                  "", Scene::over_tls(s.signer.certificate())));
     }},
    {"RFC 8705 §2.2", "a registered certificate and no client_id", "invalid_client",
     [](Scene& s) {
       (void)s.keyed_client();
       return s.house.error_of(s.house.provider.token({{"grant_type", "client_credentials"}}, "",
                                                      Scene::over_tls(s.signer.certificate())));
     }},
    {"RFC 8705 §2.2", "introspection with a certificate that is not registered", "invalid_client",
     [](Scene& s) {
       const auto client = s.keyed_client();
       return s.house.error_of(s.house.provider.introspect(
           {{"token", s.access_token()}, {"client_id", client.id}}, "",
           Scene::over_tls(ForeignSigner::make("ES256").certificate())));
     }},
    {"RFC 8705 §4", "a public client's refresh token without its certificate", "invalid_grant",
     [](Scene& s) { return refreshes(s, {}); }},
    {"RFC 8705 §4", "a public client's refresh token with another certificate", "invalid_grant",
     [](Scene& s) { return refreshes(s, ForeignSigner::make("ES256").certificate()); }},
};

}  // namespace

std::span<const NegativeCase> tls_cases() {
  return kCases;
}

}  // namespace auth::test_house
