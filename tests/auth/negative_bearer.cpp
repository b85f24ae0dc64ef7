// Access tokens where they are shown: RFC 6750, RFC 9068, RFC 8725. The "error" is the message key:
// api turns it into 401 invalid_token or 403 insufficient_scope.
#include "auth/jwt.h"
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

std::string show(Scene& s, const std::string& token) {
  return refusal_of(s.house.provider.actor(token));
}

std::string payload_of(const std::string& token) {
  const auto rest = token.substr(token.find('.') + 1);
  return std::string(base::as_text(base::from_base64url(rest.substr(0, rest.find('.'))).value()));
}

/// Our own key's signature over an access token with one claim changed.
std::string claim(Scene& s, const char* name, const std::string& raw, const char* type = "at+jwt") {
  const auto kid = TokenKey::from_spki(s.house.key->info().public_key)->id();
  return show(
      s,
      sign_jws(*s.house.key, kid, type, changed(payload_of(s.access_token()), name, raw)).value());
}

const NegativeCase kCases[] = {
    {"RFC 6750 §3.1", "no token", "auth.token_invalid", [](Scene& s) { return show(s, ""); }},
    {"RFC 6750 §3.1", "a token that is none", "auth.token_invalid",
     [](Scene& s) { return show(s, "a.b.c"); }},
    {"RFC 9068 §4", "an ID token as access token", "auth.token_invalid",
     [](Scene& s) {
       const auto tokens = s.house.tokens_for(s.client, s.session);
       return show(s, std::string(base::json_text(tokens, "id_token")));
     }},
    {"RFC 9068 §4", "a refresh token as access token", "auth.token_invalid",
     [](Scene& s) { return show(s, s.refresh_token()); }},
    {"RFC 8725 §2.1", "alg none", "auth.token_invalid",
     [](Scene& s) { return show(s, unsigned_jws("at+jwt", payload_of(s.access_token()))); }},
    {"RFC 8725 §2.1", "HS256 with our published key as secret", "auth.token_invalid",
     [](Scene& s) {
       return show(s, mac_jws("at+jwt", payload_of(s.access_token()), s.house.provider.jwks()));
     }},
    {"RFC 8725 §3.10", "signed by a key of the sender's", "auth.token_invalid",
     [](Scene& s) { return show(s, s.signer.sign_as("at+jwt", payload_of(s.access_token()))); }},
    {"RFC 8725 §3.10", "signed by a key that the header carries", "auth.token_invalid",
     [](Scene& s) {
       return show(s,
                   s.signer.sign(R"({"alg":"ES256","typ":"at+jwt","jwk":)" + s.signer.jwk() + "}",
                                 payload_of(s.access_token())));
     }},
    {"RFC 9068 §4", "another issuer", "auth.token_invalid",
     [](Scene& s) { return claim(s, "iss", "\"https://evil.example\""); }},
    {"RFC 9068 §4", "another audience", "auth.token_invalid",
     [](Scene& s) { return claim(s, "aud", "\"https://core.example/\""); }},
    {"RFC 9068 §4", "several audiences", "auth.token_invalid",
     [](Scene& s) {
       return claim(s, "aud", "[\"" + std::string(kIssuer) + "\",\"https://core.example/\"]");
     }},
    {"RFC 9068 §4", "expired", "auth.token_invalid",
     [](Scene& s) {
       const auto token = s.access_token();
       s.house.clock.advance(std::chrono::seconds(600));
       return show(s, token);
     }},
    {"RFC 7519 §4.1.4", "exp as a fraction", "auth.token_invalid",
     [](Scene& s) { return claim(s, "exp", "9999999999.5"); }},
    {"RFC 9068 §2.1", "another typ", "auth.token_invalid",
     [](Scene& s) { return claim(s, "x", "1", "JWT"); }},
    {"RFC 9068 §2.2.3", "more scope than was granted", "auth.token_invalid",
     [](Scene& s) { return claim(s, "scope", "\"openid profile documents admin\""); }},
    {"RFC 9068 §2.2", "a grant of another client", "auth.token_invalid",
     [](Scene& s) { return claim(s, "client_id", "\"" + s.house.new_client().id + "\""); }},
    {"RFC 9068 §2.2", "a person's token that hides its grant", "auth.token_invalid",
     [](Scene& s) { return claim(s, "grant", ""); }},
    {"RFC 6749 §4.4", "a machine's token for a person's data", "auth.scope_missing",
     [](Scene& s) {
       const auto reply =
           s.house.provider.token({{"grant_type", "client_credentials"}}, s.machine().basic());
       const auto body = json(std::get<TokenReply>(reply).json);
       return show(s, std::string(base::json_text(body, "access_token")));
     }},
    {"RFC 7009 §2.1", "a token after its revocation", "auth.token_invalid",
     [](Scene& s) {
       const auto token = s.access_token();
       EXPECT_EQ(s.house.error_of(s.house.provider.revoke({{"token", token}}, s.client.basic())),
                 "");
       return show(s, token);
     }},
    {"OIDC Core §5.3", "userinfo without openid", "auth.scope_missing",
     [](Scene& s) {
       const auto tokens = s.house.tokens_for(s.client, s.session, "documents");
       return refusal_of(s.house.provider.userinfo(base::json_text(tokens, "access_token")));
     }},
};

}  // namespace

std::span<const NegativeCase> bearer_cases() {
  return kCases;
}

}  // namespace auth::test_house
