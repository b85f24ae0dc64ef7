// Proofs of possession: RFC 9449. At resources the "error" is the message key.
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

/// At the token endpoint, with one claim of the proof changed.
std::string claim(Scene& s, const char* name, const std::string& raw) {
  const auto text = changed(s.proof_claims("POST", kTokenPath), name, raw);
  return s.house.error_of(s.house.provider.token(s.house.redemption(s.client, s.fresh_code()),
                                                 s.client.basic(),
                                                 s.proved(s.proof(s.signer, text))));
}
std::string send(Scene& s, const std::string& proof) {
  return s.house.error_of(s.house.provider.token(s.house.redemption(s.client, s.fresh_code()),
                                                 s.client.basic(), s.proved(proof)));
}
std::string header(Scene& s, const std::string& text) {
  return send(s, s.signer.sign(text, s.proof_claims("POST", kTokenPath)));
}

/// At userinfo, with one claim of the proof changed.
std::string shown(Scene& s, const char* name, const std::string& raw) {
  const auto token = s.bound_token();
  const auto text = changed(s.proof_claims("GET", kUserinfoPath, token), name, raw);
  return refusal_of(s.house.provider.actor(
      ShownToken{token, true, s.proved(s.proof(s.signer, text), "GET", kUserinfoPath)}));
}

const NegativeCase kCases[] = {
    {"RFC 9449 §4.3", "two proofs", "invalid_dpop_proof",
     [](Scene& s) {
       auto request = s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath)));
       request.proofs.push_back(s.proof(s.signer, s.proof_claims("POST", kTokenPath)));
       return s.house.error_of(s.house.provider.token(s.house.redemption(s.client, s.fresh_code()),
                                                      s.client.basic(), request));
     }},
    {"RFC 9449 §4.3", "a proof that is none", "invalid_dpop_proof",
     [](Scene& s) { return send(s, "x.y.z"); }},
    {"RFC 9449 §4.3", "an empty proof", "invalid_dpop_proof", [](Scene& s) { return send(s, ""); }},
    {"RFC 9449 §4.3", "a proof of a megabyte", "invalid_dpop_proof",
     [](Scene& s) { return send(s, std::string(1 << 20, 'a')); }},
    {"RFC 9449 §4.2", "typ JWT", "invalid_dpop_proof",
     [](Scene& s) {
       return header(s, R"({"alg":"ES256","typ":"JWT","jwk":)" + s.signer.jwk() + "}");
     }},
    {"RFC 9449 §4.2", "no jwk", "invalid_dpop_proof",
     [](Scene& s) { return header(s, R"({"alg":"ES256","typ":"dpop+jwt"})"); }},
    {"RFC 9449 §4.3", "a private key in jwk", "invalid_dpop_proof",
     [](Scene& s) {
       return header(
           s, R"({"alg":"ES256","typ":"dpop+jwt","jwk":)" + s.signer.jwk(R"("d":"AA",)") + "}");
     }},
    {"RFC 9449 §4.3", "another key than the one that signed", "invalid_dpop_proof",
     [](Scene& s) {
       return header(s, R"({"alg":"ES256","typ":"dpop+jwt","jwk":)" +
                            ForeignSigner::make("ES256").jwk() + "}");
     }},
    {"RFC 9449 §4.2", "alg none", "invalid_dpop_proof",
     [](Scene& s) {
       return send(s, unsigned_jws("dpop+jwt", s.proof_claims("POST", kTokenPath)));
     }},
    {"RFC 9449 §4.2", "a MAC", "invalid_dpop_proof",
     [](Scene& s) {
       return send(s, mac_jws("dpop+jwt", s.proof_claims("POST", kTokenPath), "secret"));
     }},
    {"RFC 8725 §3.1", "alg and key of different kinds", "invalid_dpop_proof",
     [](Scene& s) {
       return header(s, R"({"alg":"PS256","typ":"dpop+jwt","jwk":)" + s.signer.jwk() + "}");
     }},
    {"RFC 9449 §4.3", "wrong htm", "invalid_dpop_proof",
     [](Scene& s) { return claim(s, "htm", "\"GET\""); }},
    {"RFC 9449 §4.3", "htm in lower case", "invalid_dpop_proof",
     [](Scene& s) { return claim(s, "htm", "\"post\""); }},
    {"RFC 9449 §4.3", "wrong htu: another path", "invalid_dpop_proof",
     [](Scene& s) { return claim(s, "htu", "\"" + std::string(kIssuer) + "/oauth/userinfo\""); }},
    {"RFC 9449 §4.3", "wrong htu: another host", "invalid_dpop_proof",
     [](Scene& s) { return claim(s, "htu", "\"https://evil.example/oauth/token\""); }},
    {"RFC 9449 §4.3", "htu that is no text", "invalid_dpop_proof",
     [](Scene& s) { return claim(s, "htu", "5"); }},
    {"RFC 9449 §4.3", "no htu", "invalid_dpop_proof", [](Scene& s) { return claim(s, "htu", ""); }},
    {"RFC 9449 §4.3", "no iat", "invalid_dpop_proof", [](Scene& s) { return claim(s, "iat", ""); }},
    {"RFC 9449 §11.1", "a proof of yesterday", "invalid_dpop_proof",
     [](Scene& s) { return claim(s, "iat", std::to_string(s.now_s() - 86'400)); }},
    {"RFC 9449 §11.1", "a proof of tomorrow", "invalid_dpop_proof",
     [](Scene& s) { return claim(s, "iat", std::to_string(s.now_s() + 86'400)); }},
    {"RFC 9449 §4.2", "no jti", "invalid_dpop_proof", [](Scene& s) { return claim(s, "jti", ""); }},
    {"RFC 9449 §11.1", "DPoP replay", "invalid_dpop_proof",
     [](Scene& s) {
       const auto proof = s.proof(s.signer, s.proof_claims("POST", kTokenPath));
       EXPECT_EQ(send(s, proof), "");
       return send(s, proof);
     }},
    {"RFC 9449 §8", "an invented nonce", "use_dpop_nonce",
     [](Scene& s) { return claim(s, "nonce", "\"mine\""); }},
    {"RFC 9449 §5.2", "a client that must prove comes without", "invalid_dpop_proof",
     [](Scene& s) {
       const auto bound = s.house.new_client_with([](NewClient& c) { c.require_dpop = true; });
       return s.token(
           s.house.redemption(bound, s.house.code_for(s.house.request(bound), s.session)),
           bound.basic());
     }},
    {"RFC 9449 §10", "a code for a key redeemed without", "invalid_grant",
     [](Scene& s) {
       const auto code = s.house.code_for(
           with(s.house.request(s.client), "dpop_jkt", s.signer.thumbprint()), s.session);
       return s.token(s.house.redemption(s.client, code), s.client.basic());
     }},
    {"RFC 9449 §10", "a code for a key redeemed with another", "invalid_grant",
     [](Scene& s) {
       const auto code = s.house.code_for(
           with(s.house.request(s.client), "dpop_jkt", s.signer.thumbprint()), s.session);
       const auto other = ForeignSigner::make("ES256");
       return s.house.error_of(
           s.house.provider.token(s.house.redemption(s.client, code), s.client.basic(),
                                  s.proved(s.proof(other, s.proof_claims("POST", kTokenPath)))));
     }},
    {"RFC 9449 §10", "a dpop_jkt that is no thumbprint", "back:invalid_request",
     [](Scene& s) { return s.authorize(with(s.house.request(s.client), "dpop_jkt", "abc")); }},
    {"RFC 9449 §10.1", "pushed with a proof of another key than dpop_jkt", "invalid_dpop_proof",
     [](Scene& s) {
       const auto other = ForeignSigner::make("ES256");
       return s.house.error_of(s.house.provider.push(
           with(s.house.request(s.client), "dpop_jkt", s.signer.thumbprint()), s.client.basic(),
           s.proved(s.proof(other, s.proof_claims("POST", kPushPath)), "POST", kPushPath)));
     }},
    {"RFC 9449 §5", "a public client's refresh token with another key", "invalid_grant",
     [](Scene& s) {
       const auto open = s.house.new_client(true);
       const auto code = s.house.code_for(
           with(s.house.request(open), "scope", "openid offline_access"), s.session);
       const auto reply =
           s.house.provider.token(s.house.redemption(open, code), "",
                                  s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath))));
       const auto tokens = json(std::get<TokenReply>(reply).json);
       const Parameters form{
           {"grant_type", "refresh_token"},
           {"refresh_token", std::string(base::json_text(tokens, "refresh_token"))},
           {"client_id", open.id}};
       EXPECT_EQ(s.token(form, ""), "invalid_grant") << "and without any";
       const auto other = ForeignSigner::make("ES256");
       return s.house.error_of(s.house.provider.token(
           form, "", s.proved(s.proof(other, s.proof_claims("POST", kTokenPath)))));
     }},
    {"RFC 9449 §7.2", "a bound token as bearer token", "auth.dpop.scheme",
     [](Scene& s) { return refusal_of(s.house.provider.actor(s.bound_token())); }},
    {"RFC 9449 §7.1", "a bound token without proof", "auth.dpop.one",
     [](Scene& s) {
       return refusal_of(s.house.provider.actor(ShownToken{s.bound_token(), true, {}}));
     }},
    {"RFC 9449 §7.1", "a bearer token as DPoP", "auth.dpop.scheme",
     [](Scene& s) {
       const auto token = s.access_token();
       return refusal_of(s.house.provider.actor(
           ShownToken{token, true,
                      s.proved(s.proof(s.signer, s.proof_claims("GET", kUserinfoPath, token)),
                               "GET", kUserinfoPath)}));
     }},
    {"RFC 9449 §7.1", "a proof by another key", "auth.dpop.other_key",
     [](Scene& s) {
       const auto token = s.bound_token();
       const auto thief = ForeignSigner::make("ES256");
       return refusal_of(s.house.provider.actor(
           ShownToken{token, true,
                      s.proved(s.proof(thief, s.proof_claims("GET", kUserinfoPath, token)), "GET",
                               kUserinfoPath)}));
     }},
    {"RFC 9449 §4.3", "no ath", "auth.dpop.token", [](Scene& s) { return shown(s, "ath", ""); }},
    {"RFC 9449 §4.3", "ath of another token", "auth.dpop.token",
     [](Scene& s) {
       return shown(s, "ath",
                    "\"" + base::to_base64url(base::sha256(base::as_bytes("other"))) + "\"");
     }},
    {"RFC 9449 §4.3", "wrong htu at a resource", "auth.dpop.address",
     [](Scene& s) { return shown(s, "htu", "\"" + std::string(kIssuer) + "/v1/documents\""); }},
    {"RFC 9449 §4.3", "wrong htm at a resource", "auth.dpop.method",
     [](Scene& s) { return shown(s, "htm", "\"DELETE\""); }},
    {"RFC 9449 §11.1", "replay at a resource", "auth.dpop.replayed",
     [](Scene& s) {
       const auto token = s.bound_token();
       const ShownToken once{
           token, true,
           s.proved(s.proof(s.signer, s.proof_claims("GET", kUserinfoPath, token)), "GET",
                    kUserinfoPath)};
       EXPECT_TRUE(s.house.provider.actor(once).ok());
       return refusal_of(s.house.provider.actor(once));
     }},
};

}  // namespace

std::span<const NegativeCase> dpop_cases() {
  return kCases;
}

}  // namespace auth::test_house
