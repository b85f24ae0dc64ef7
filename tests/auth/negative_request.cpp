// Pushed requests and request objects, acr and claims: RFC 9126, RFC 9101, OpenID Connect Core
// §5.5.
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

Parameters by_reference(const House::Registered& client, const std::string& uri) {
  return {{"client_id", client.id}, {"request_uri", uri}};
}
Parameters by_object(const House::Registered& client, const std::string& object) {
  return {{"client_id", client.id}, {"request", object}};
}
std::string push(Scene& s, std::string_view name, std::string_view value) {
  return s.push(s.client, with(s.house.request(s.client), name, value));
}

/// A request object with one claim changed.
std::string claim(Scene& s, const char* name, const std::string& raw) {
  const auto client = s.keyed_client();
  return s.authorize(by_object(
      client,
      s.signer.sign_as("oauth-authz-req+jwt", changed(s.request_claims(client), name, raw))));
}
std::string ask_acr(Scene& s, const std::string& claims_text) {
  return s.authorize(with(s.house.request(s.client), "claims", claims_text));
}

const NegativeCase kCases[] = {
    {"RFC 9126 §2.1", "a pushed request with request_uri", "!invalid_request",
     [](Scene& s) { return push(s, "request_uri", "urn:ietf:params:oauth:request_uri:x"); }},
    {"RFC 9126 §2.3", "pushed: a redirect URI that is not registered", "!invalid_request",
     [](Scene& s) { return push(s, "redirect_uri", "https://evil.example/"); }},
    {"RFC 9126 §2.3", "pushed: no code_challenge", "!invalid_request",
     [](Scene& s) { return push(s, "code_challenge", ""); }},
    {"RFC 9126 §2.3", "pushed: unknown scope", "!invalid_scope",
     [](Scene& s) { return push(s, "scope", "openid admin"); }},
    {"RFC 9126 §2.3", "pushed: response_type token", "!unsupported_response_type",
     [](Scene& s) { return push(s, "response_type", "token"); }},
    {"RFC 9126 §2.1", "pushed by nobody", "invalid_client",
     [](Scene& s) {
       return s.house.error_of(s.house.provider.push(s.house.request(s.client), ""));
     }},
    {"RFC 9126 §2.1", "pushed with a wrong secret", "invalid_client",
     [](Scene& s) {
       return s.house.error_of(s.house.provider.push(
           s.house.request(s.client),
           "Basic " + base::to_base64(base::as_bytes(s.client.id + ":guess"))));
     }},
    {"RFC 9126 §2.1", "pushed in another client's name", "invalid_request",
     [](Scene& s) {
       return s.house.error_of(
           s.house.provider.push(s.house.request(s.client), s.house.new_client().basic()));
     }},
    {"RFC 9126 §2.1", "pushed: a parameter twice", "!invalid_request",
     [](Scene& s) {
       auto request = s.house.request(s.client);
       request.emplace_back("scope", "openid");
       return s.push(s.client, request);
     }},
    {"RFC 9126 §4", "PAR reuse after the code", "page:invalid_request_uri",
     [](Scene& s) {
       s.fresh_code();  // consent is given
       const auto request = by_reference(s.client, s.push(s.client, s.house.request(s.client)));
       EXPECT_EQ(s.authorize(request), "code");
       return s.authorize(request);
     }},
    {"RFC 9126 §4", "PAR reuse after the consent page", "page:invalid_request_uri",
     [](Scene& s) {
       const auto request = by_reference(s.client, s.push(s.client, s.house.request(s.client)));
       EXPECT_EQ(s.authorize(request), "consent");
       return s.authorize(request);
     }},
    {"RFC 9126 §2.2", "a request_uri past its time", "page:invalid_request_uri",
     [](Scene& s) {
       const auto request = by_reference(s.client, s.push(s.client, s.house.request(s.client)));
       s.house.clock.advance(std::chrono::seconds(90));
       return s.authorize(request);
     }},
    {"RFC 9126 §2.2", "another client's request_uri", "page:invalid_request_uri",
     [](Scene& s) {
       const auto uri = s.push(s.client, s.house.request(s.client));
       return s.authorize(by_reference(s.house.new_client(), uri));
     }},
    {"RFC 9126 §7.1", "a guessed request_uri", "page:invalid_request_uri",
     [](Scene& s) {
       return s.authorize(
           by_reference(s.client, "urn:ietf:params:oauth:request_uri:" + std::string(43, 'A')));
     }},
    {"RFC 9126 §4", "a request_uri without client_id", "page:invalid_request",
     [](Scene& s) {
       const auto uri = s.push(s.client, s.house.request(s.client));
       return s.authorize({{"request_uri", uri}});
     }},
    {"RFC 9126 §6", "a client that must push does not", "back:invalid_request",
     [](Scene& s) {
       const auto careful = s.house.new_client_with([](NewClient& c) { c.require_pushed = true; });
       return s.authorize(s.house.request(careful));
     }},
    {"RFC 9101 §10.5", "a client that must sign does not", "back:invalid_request",
     [](Scene& s) {
       const auto careful = s.keyed_client([](NewClient& c) { c.require_signed = true; });
       return s.authorize(s.house.request(careful));
     }},
    {"RFC 9101 §10.5", "a client that must sign pushes without", "!invalid_request",
     [](Scene& s) {
       const auto careful = s.keyed_client([](NewClient& c) { c.require_signed = true; });
       return s.push(careful, s.house.request(careful));
     }},
    {"RFC 9101 §5.2", "a request_uri on somebody's server (SSRF)", "back:request_uri_not_supported",
     [](Scene& s) {
       return s.authorize(
           with(s.house.request(s.client), "request_uri", "http://169.254.169.254/"));
     }},
    {"RFC 9101 §5", "request and request_uri at once", "page:invalid_request",
     [](Scene& s) {
       return s.authorize(
           with(by_reference(s.client, "urn:ietf:params:oauth:request_uri:x"), "request", "x.y.z"));
     }},
    {"RFC 9101 §6.1", "request object with alg none", "page:invalid_request_object",
     [](Scene& s) {
       const auto client = s.keyed_client();
       return s.authorize(
           by_object(client, unsigned_jws("oauth-authz-req+jwt", s.request_claims(client))));
     }},
    {"RFC 8725 §2.1", "request object with a MAC", "page:invalid_request_object",
     [](Scene& s) {
       const auto client = s.keyed_client();
       return s.authorize(by_object(
           client, mac_jws("oauth-authz-req+jwt", s.request_claims(client), s.signer.jwk())));
     }},
    {"RFC 9101 §6.2", "request object by another key", "page:invalid_request_object",
     [](Scene& s) {
       const auto client = s.keyed_client();
       return s.authorize(by_object(client, ForeignSigner::make("ES256").sign_as(
                                                "oauth-authz-req+jwt", s.request_claims(client))));
     }},
    {"RFC 9101 §6.2", "request object of a client without keys", "page:invalid_request_object",
     [](Scene& s) {
       return s.authorize(by_object(
           s.client, s.signer.sign_as("oauth-authz-req+jwt", s.request_claims(s.client))));
     }},
    {"RFC 9101 §10.8", "an assertion as request object", "page:invalid_request_object",
     [](Scene& s) {
       const auto client = s.keyed_client();
       return s.authorize(by_object(client, s.signer.sign_as("JWT", s.request_claims(client))));
     }},
    {"RFC 9101 §4", "request object for another server", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "aud", "\"https://other.example\""); }},
    {"RFC 9101 §4", "request object with a list of audiences", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "aud", "[\"" + std::string(kIssuer) + "\"]"); }},
    {"RFC 9101 §4", "request object of another issuer", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "iss", "\"somebody\""); }},
    {"RFC 9101 §5", "another client_id inside", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "client_id", "\"somebody\""); }},
    {"FAPI 2.0 Message Signing §5.3.1", "request object without exp", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "exp", ""); }},
    {"RFC 9101 §6.3", "request object that has expired", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "exp", std::to_string(s.now_s())); }},
    {"FAPI 2.0 Message Signing §5.3.1", "request object for a day", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "exp", std::to_string(s.now_s() + 86'400)); }},
    {"RFC 9101 §4", "request object within a request object", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "request", "\"x.y.z\""); }},
    {"RFC 9101 §4", "request_uri within a request object", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "request_uri", "\"https://evil.example/\""); }},
    {"RFC 9101 §6.3", "redirect_uri inside is not registered", "page:invalid_request",
     [](Scene& s) { return claim(s, "redirect_uri", "\"https://evil.example/\""); }},
    {"RFC 9101 §6.3", "no code_challenge inside, one beside", "back:invalid_request",
     [](Scene& s) {
       const auto client = s.keyed_client();
       auto request = by_object(
           client, s.signer.sign_as("oauth-authz-req+jwt",
                                    changed(s.request_claims(client), "code_challenge", "")));
       request.emplace_back("code_challenge", kChallenge);
       return s.authorize(request);
     }},
    {"RFC 9101 §4", "a parameter that is a list", "page:invalid_request_object",
     [](Scene& s) { return claim(s, "scope", "[\"openid\"]"); }},

    {"OIDC Core §5.5", "claims that are no JSON", "back:invalid_request",
     [](Scene& s) { return ask_acr(s, "{"); }},
    {"OIDC Core §5.5", "claims with a member twice", "back:invalid_request",
     [](Scene& s) { return ask_acr(s, R"({"id_token":{},"id_token":{}})"); }},
    {"OIDC Core §5.5", "claims without end", "back:invalid_request",
     [](Scene& s) { return ask_acr(s, R"({"x":")" + std::string(5000, 'x') + "\"}"); }},
    {"OIDC Core §5.5.1", "values that are no texts", "back:invalid_request",
     [](Scene& s) { return ask_acr(s, R"({"id_token":{"acr":{"values":[1]}}})"); }},
    {"OIDC Core §5.5.1", "sub of another person", "back:login_required",
     [](Scene& s) { return ask_acr(s, R"({"id_token":{"sub":{"value":"somebody"}}})"); }},
    {"OIDC Core §5.5.1.1", "essential acr beyond the proofing",
     "back:unmet_authentication_requirements",
     [](Scene& s) {
       return ask_acr(s,
                      R"({"id_token":{"acr":{"essential":true,"value":"urn:xinyin:acr:p3a1"}}})");
     }},
    {"OIDC Core §5.5.1.1", "essential acr that nobody knows",
     "back:unmet_authentication_requirements",
     [](Scene& s) {
       return ask_acr(s, R"({"id_token":{"acr":{"essential":true,"values":["urn:mace:gold"]}}})");
     }},
    {"OIDC Core §3.1.2.6", "essential acr and prompt none", "back:login_required",
     [](Scene& s) {
       return s.authorize(
           with(with(s.house.request(s.client), "prompt", "none"), "claims",
                R"({"id_token":{"acr":{"essential":true,"value":"urn:xinyin:acr:p2a2"}}})"));
     }},
};

}  // namespace

std::span<const NegativeCase> request_cases() {
  return kCases;
}

}  // namespace auth::test_house
