// Registrations that clients make themselves, tokens of logouts, signatures in another algorithm,
// verified claims, clients that were stopped.
#include "auth/dynamic_clients.h"
#include "auth/jwt.h"
#include "auth/logout_sender.h"
#include "auth/portals.h"
#include "base/json.h"
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

/// A token for one registration at app.example, and its error for a registration.
struct Registry {
  explicit Registry(Scene& s)
      : scene(s),
        clients(s.house.pool),
        dynamic({s.house.pool, clients, s.house.clock, s.house.random, std::string(kIssuer)}),
        token(base::to_base64url(s.house.random.bytes(32))) {
    InitialToken what;
    what.expires_at = s.house.clock.now() + std::chrono::hours(1);
    what.scopes = "openid profile";
    what.hosts = {"app.example"};
    what.operator_name = "x";
    what.agreement = "A";
    what.clients_until = s.house.clock.now() + std::chrono::hours(24);
    auto tx = s.house.pool.begin();
    EXPECT_TRUE(
        put_initial_token(*tx, fresh_name("token"), token, what, s.house.clock.now(), "x").ok() &&
        tx->commit().ok());
  }
  static std::string error(const DynamicClients::Answer& answer) {
    const auto* refused = std::get_if<OAuthError>(&answer);
    return refused == nullptr ? "" : refused->error;
  }
  std::string add(const std::string& more = "", const std::string& uri = "https://app.example/cb") {
    return error(dynamic.add(
        "Bearer " + token, R"({"client_name":"x","redirect_uris":[")" + uri + "\"]" + more + "}"));
  }
  Scene& scene;
  Clients clients;
  DynamicClients dynamic;
  std::string token;
};

class Kept final : public LogoutSender {
 public:
  base::Result<int> post(const std::string&, const std::string& form) const override {
    token = form.substr(form.find('=') + 1);
    return 200;
  }
  mutable std::string token;
};

/// A logout token of the scene's person.
std::string logout_token(Scene& s) {
  const auto client = s.house.new_client_with(
      [](NewClient& c) { c.backchannel_logout_uri = "https://portal.example/out"; });
  s.house.tokens_for(client, s.session);
  const Kept kept;
  EXPECT_TRUE(s.house.accounts.replace_password(s.subject, secret(kPassword), "x").ok());
  EXPECT_TRUE(s.house.provider.send_logouts(kept).ok());
  return kept.token;
}

/// An ID token of the scene's client whose header names another algorithm.
std::string other_algorithm(Scene& s, const std::string& algorithm) {
  const auto tokens = s.house.tokens_for(s.client, s.session);
  const std::string token(base::json_text(tokens, "id_token"));
  const auto head = changed(base::as_text(*base::from_base64url(token.substr(0, token.find('.')))),
                            "alg", "\"" + algorithm + "\"");
  const auto forged = base::to_base64url(base::as_bytes(head)) + token.substr(token.find('.'));
  return s.authorize(with(s.house.request(s.client), "id_token_hint", forged));
}

std::string verified_claims(Scene& s, const std::string& verification, const std::string& claims) {
  return s.authorize(with(s.house.request(s.client), "claims",
                          R"({"userinfo":{"verified_claims":{"verification":)" + verification +
                              R"(,"claims":)" + claims + "}}}"));
}

const NegativeCase kCases[] = {
    {"RFC 7591 §3", "registering without a token", "invalid_token",
     [](Scene& s) {
       return Registry::error(Registry(s).dynamic.add("", R"({"client_name":"x"})"));
     }},
    {"RFC 7591 §3", "registering with an access token", "invalid_token",
     [](Scene& s) {
       return Registry::error(
           Registry(s).dynamic.add("Bearer " + s.access_token(), R"({"client_name":"x"})"));
     }},
    {"RFC 7591 §3.2.2", "an address at another host", "invalid_redirect_uri",
     [](Scene& s) { return Registry(s).add("", "https://evil.example/cb"); }},
    {"RFC 7591 §3.2.2", "an address with a fragment", "invalid_redirect_uri",
     [](Scene& s) { return Registry(s).add("", "https://app.example/cb#x"); }},
    {"RFC 7591 §5", "an address without TLS", "invalid_redirect_uri",
     [](Scene& s) { return Registry(s).add("", "http://app.example/cb"); }},
    {"RFC 7591 §5", "a scheme of an application", "invalid_redirect_uri",
     [](Scene& s) { return Registry(s).add("", "app.example:/cb"); }},
    {"RFC 7591 §2", "keys to be fetched", "invalid_client_metadata",
     [](Scene& s) { return Registry(s).add(R"(,"jwks_uri":"https://app.example/jwks")"); }},
    {"RFC 7591 §2", "a private key in the set", "invalid_client_metadata",
     [](Scene& s) {
       return Registry(s).add(R"(,"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":)"
                              R"([{"kty":"oct","k":"AAAA"}]})");
     }},
    {"RFC 7591 §2.3", "a software statement", "invalid_client_metadata",
     [](Scene& s) { return Registry(s).add(R"(,"software_statement":"e30.e30.")"); }},
    {"RFC 9700 §2.1.2", "registering for the implicit grant", "invalid_client_metadata",
     [](Scene& s) { return Registry(s).add(R"(,"grant_types":["implicit"])"); }},
    {"RFC 7591 §5", "registering for tokens of its own", "invalid_client_metadata",
     [](Scene& s) { return Registry(s).add(R"(,"grant_types":["client_credentials"])"); }},
    {"RFC 7591 §5", "a scope that its token does not give", "invalid_client_metadata",
     [](Scene& s) { return Registry(s).add(R"(,"scope":"openid documents")"); }},
    {"OIDC Registration §2", "ID tokens without a signature", "invalid_client_metadata",
     [](Scene& s) { return Registry(s).add(R"(,"id_token_signed_response_alg":"none")"); }},
    {"OIDC Registration §2", "sharing others' subject ids", "invalid_client_metadata",
     [](Scene& s) {
       return Registry(s).add(R"(,"sector_identifier_uri":"https://portal.example/s")");
     }},
    {"Back-Channel Logout §2.2", "a logout address at another host", "invalid_client_metadata",
     [](Scene& s) { return Registry(s).add(R"(,"backchannel_logout_uri":"https://10.0.0.1/")"); }},
    {"RFC 7592 §2.2", "changing another client's registration", "invalid_token",
     [](Scene& s) {
       Registry registry(s);
       return Registry::error(registry.dynamic.update(s.client.id, "Bearer " + registry.token,
                                                      R"({"client_id":")" + s.client.id + "\"}"));
     }},
    {"RFC 7592 §2.3", "removing a client that staff registered", "invalid_token",
     [](Scene& s) {
       Registry registry(s);
       return Registry::error(registry.dynamic.remove(s.client.id, "Bearer " + registry.token));
     }},
    {"Back-Channel Logout §2.4", "a logout token as id_token_hint", "back:invalid_request",
     [](Scene& s) {
       return s.authorize(with(s.house.request(s.client), "id_token_hint", logout_token(s)));
     }},
    {"Back-Channel Logout §2.4", "a logout token as access token", "auth.token_invalid",
     [](Scene& s) { return refusal_of(s.house.provider.actor(logout_token(s))); }},
    {"RFC 8725 §3.1", "an ES256 token said to be RS256", "back:invalid_request",
     [](Scene& s) { return other_algorithm(s, "RS256"); }},
    {"RFC 8725 §3.1", "an ES256 token said to be EdDSA", "back:invalid_request",
     [](Scene& s) { return other_algorithm(s, "EdDSA"); }},
    {"RFC 8725 §3.1", "an ES256 token said to be HS256", "back:invalid_request",
     [](Scene& s) { return other_algorithm(s, "HS256"); }},
    {"OIDC IDA §5", "verified claims without a trust framework", "back:invalid_request",
     [](Scene& s) { return verified_claims(s, "{}", R"({"name":null})"); }},
    {"OIDC IDA §5", "verified claims of nothing", "back:invalid_request",
     [](Scene& s) { return verified_claims(s, R"({"trust_framework":null})", "{}"); }},
    {"OIDC IDA §6.1", "a purpose of two letters", "back:invalid_request",
     [](Scene& s) {
       return verified_claims(s, R"({"trust_framework":null})", R"({"name":{"purpose":"ab"}})");
     }},
    {"OIDC IDA §5", "evidence without a type", "back:invalid_request",
     [](Scene& s) {
       return verified_claims(s, R"({"trust_framework":null,"evidence":[{}]})", R"({"name":null})");
     }},
    {"LD/T 01-2020 6.1.2e", "a code of a client that was stopped since", "invalid_client",
     [](Scene& s) {
       const auto code = s.fresh_code();
       s.house.sql("update auth.client set active = false where id = '" + s.client.id + "'");
       return s.token(s.house.redemption(s.client, code), s.client.basic());
     }},
    {"LD/T 01-2020 6.1.2e", "a code from before a client was stopped", "invalid_grant",
     [](Scene& s) {
       const auto code = s.fresh_code();
       s.house.sql("update auth.client set grants_from = '" +
                   base::to_rfc3339(s.house.clock.now() + std::chrono::seconds(1)) +
                   "' where id = '" + s.client.id + "'");
       return s.token(s.house.redemption(s.client, code), s.client.basic());
     }},
};

}  // namespace

std::span<const NegativeCase> client_cases() {
  return kCases;
}

}  // namespace auth::test_house
