// Clients that prove themselves with a key: RFC 7521, RFC 7523, RFC 8725.
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

/// A machine that proves itself with the scene's key.
House::Registered keyed_machine(Scene& s) {
  return s.keyed_client([](NewClient& c) {
    c.grant_types = "client_credentials";
    c.machine_scopes = "core.read";
    c.redirect_uris = {};
    c.post_logout_redirect_uris = {};
    c.scopes = "";
  });
}

const Parameters kForm{{"grant_type", "client_credentials"}};

std::string send(Scene& s, const std::string& assertion, const Parameters& form = kForm) {
  return s.token(s.with_assertion(form, assertion), "");
}

/// With one claim changed.
std::string claim(Scene& s, const char* name, const std::string& raw) {
  const auto client = keyed_machine(s);
  return send(s, s.signer.sign_as("JWT", changed(s.assertion_claims(client.id), name, raw)));
}

/// With another header.
std::string header(Scene& s, const std::string& text) {
  const auto client = keyed_machine(s);
  return send(s, s.signer.sign(text, s.assertion_claims(client.id)));
}

/// Signed by a key of another kind that the client registered beside.
std::string by_algorithm(Scene& s, const char* algorithm) {
  const auto client = keyed_machine(s);
  const auto other = ForeignSigner::make(algorithm);
  return send(s, other.sign_as("JWT", s.assertion_claims(client.id)));
}

const NegativeCase kCases[] = {
    {"RFC 8725 §2.1", "assertion with alg none", "invalid_client",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       return send(s, unsigned_jws("JWT", s.assertion_claims(client.id)));
     }},
    {"RFC 8725 §2.1", "HS256 with the public key as secret", "invalid_client",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       return send(s, mac_jws("JWT", s.assertion_claims(client.id), s.signer.jwk()));
     }},
    {"RFC 8725 §3.2", "RS256, which is not allowed", "invalid_client",
     [](Scene& s) { return by_algorithm(s, "RS256"); }},
    {"RFC 8725 §3.2", "ES384, which is not allowed", "invalid_client",
     [](Scene& s) { return by_algorithm(s, "ES384"); }},
    {"RFC 7523 §3", "signed by a key that was not registered", "invalid_client",
     [](Scene& s) { return by_algorithm(s, "ES256"); }},
    {"RFC 8725 §2.1", "header says PS256, signature is ES256", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"PS256","typ":"JWT"})"); }},
    {"RFC 8725 §3.10", "a key in the header (jwk)", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"ES256","jwk":)" + s.signer.jwk() + "}"); }},
    {"RFC 8725 §3.10", "a key's address in the header (jku)", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"ES256","jku":"https://evil.example/"})"); }},
    {"RFC 8725 §3.10", "a certificate in the header (x5c)", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"ES256","x5c":["AA=="]})"); }},
    {"RFC 7515 §4.1.11", "a critical extension", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"ES256","crit":["exp"]})"); }},
    {"RFC 7797 §3", "b64 false", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"ES256","b64":false})"); }},
    {"RFC 7515 §4", "a header member twice", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"ES256","alg":"none"})"); }},
    {"RFC 7515 §5.2", "an unknown kid", "invalid_client",
     [](Scene& s) { return header(s, R"({"alg":"ES256","kid":"nobody's"})"); }},
    {"RFC 7523 §3", "aud is the token endpoint", "invalid_client",
     [](Scene& s) { return claim(s, "aud", "\"" + std::string(kIssuer) + "/oauth/token\""); }},
    {"RFC 7523 §3", "aud is a list that holds the issuer", "invalid_client",
     [](Scene& s) {
       return claim(s, "aud", "[\"" + std::string(kIssuer) + "\",\"https://evil.example\"]");
     }},
    {"RFC 7523 §3", "aud is the issuer with a slash", "invalid_client",
     [](Scene& s) { return claim(s, "aud", "\"" + std::string(kIssuer) + "/\""); }},
    {"RFC 7523 §3", "aud is another server", "invalid_client",
     [](Scene& s) { return claim(s, "aud", "\"https://other.example\""); }},
    {"RFC 7523 §3", "no aud", "invalid_client", [](Scene& s) { return claim(s, "aud", ""); }},
    {"RFC 7523 §3", "iss is somebody else", "invalid_client",
     [](Scene& s) { return claim(s, "iss", "\"somebody\""); }},
    {"RFC 7523 §3", "sub is somebody else", "invalid_client",
     [](Scene& s) { return claim(s, "sub", "\"" + s.client.id + "\""); }},
    {"RFC 7523 §3", "no sub", "invalid_client", [](Scene& s) { return claim(s, "sub", ""); }},
    {"RFC 7523 §3", "no exp", "invalid_client", [](Scene& s) { return claim(s, "exp", ""); }},
    {"RFC 7523 §3", "expired", "invalid_client",
     [](Scene& s) { return claim(s, "exp", std::to_string(s.now_s())); }},
    {"RFC 7523 §3", "valid for a day", "invalid_client",
     [](Scene& s) { return claim(s, "exp", std::to_string(s.now_s() + 86'400)); }},
    {"RFC 7523 §3", "exp as text", "invalid_client",
     [](Scene& s) { return claim(s, "exp", "\"" + std::to_string(s.now_s() + 60) + "\""); }},
    {"RFC 7523 §3", "not valid yet", "invalid_client",
     [](Scene& s) { return claim(s, "nbf", std::to_string(s.now_s() + 61)); }},
    {"RFC 7523 §3", "issued in the future", "invalid_client",
     [](Scene& s) { return claim(s, "iat", std::to_string(s.now_s() + 61)); }},
    {"RFC 7519 §2", "iat before all time", "invalid_client",
     [](Scene& s) { return claim(s, "iat", "-9223372036854775808"); }},
    {"RFC 7523 §3", "no jti", "invalid_client", [](Scene& s) { return claim(s, "jti", ""); }},
    {"RFC 7523 §3", "a jti without end", "invalid_client",
     [](Scene& s) { return claim(s, "jti", "\"" + std::string(257, 'j') + "\""); }},
    {"RFC 7523 §5", "assertion replay", "invalid_client",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       const auto assertion = s.signer.sign_as("JWT", s.assertion_claims(client.id));
       EXPECT_EQ(send(s, assertion), "");
       return send(s, assertion);
     }},
    {"RFC 7523 §5", "the same jti in a new assertion", "invalid_client",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       const auto claims_text = s.assertion_claims(client.id);
       EXPECT_EQ(send(s, s.signer.sign_as("JWT", claims_text)), "");
       return send(s, s.signer.sign_as("JWT", claims_text));
     }},
    {"RFC 7521 §4.2", "another assertion type", "invalid_request",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       auto form = s.with_assertion(kForm, s.signer.sign_as("JWT", s.assertion_claims(client.id)));
       return s.token(with(form, "client_assertion_type",
                           "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
                      "");
     }},
    {"RFC 7521 §4.2", "an assertion without its type", "invalid_request",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       auto form = s.with_assertion(kForm, s.signer.sign_as("JWT", s.assertion_claims(client.id)));
       return s.token(without(form, "client_assertion_type"), "");
     }},
    {"RFC 7521 §4.2", "an assertion and a header", "invalid_request",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       return s.token(
           s.with_assertion(kForm, s.signer.sign_as("JWT", s.assertion_claims(client.id))),
           s.client.basic());
     }},
    {"RFC 7521 §4.2", "client_id of another client beside the assertion", "invalid_request",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       return s.token(
           with(s.with_assertion(kForm, s.signer.sign_as("JWT", s.assertion_claims(client.id))),
                "client_id", s.client.id),
           "");
     }},
    {"RFC 7523 §3", "an assertion for a client with a secret", "invalid_client",
     [](Scene& s) {
       return send(s, s.signer.sign_as("JWT", s.assertion_claims(s.client.id)),
                   {{"grant_type", "client_credentials"}});
     }},
    {"RFC 6749 §2.3", "a client with keys that gives its name alone", "invalid_client",
     [](Scene& s) { return s.token(with(kForm, "client_id", keyed_machine(s).id), ""); }},
    {"RFC 7515 §3.1", "an assertion of two parts", "invalid_client",
     [](Scene& s) { return send(s, "e30.e30"); }},
    {"RFC 7515 §2", "an assertion with padding", "invalid_client",
     [](Scene& s) {
       const auto client = keyed_machine(s);
       return send(s, s.signer.sign_as("JWT", s.assertion_claims(client.id)) + "==");
     }},
    {"RFC 8725 §3.11", "an access token of ours as assertion", "invalid_client",
     [](Scene& s) { return send(s, s.access_token()); }},
};

}  // namespace

std::span<const NegativeCase> assertion_cases() {
  return kCases;
}

}  // namespace auth::test_house
