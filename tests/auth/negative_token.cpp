// The token endpoint's form, clients and their secrets, refresh tokens, machines, introspection and
// revocation.
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

std::string basic(const std::string& text) {
  return "Basic " + base::to_base64(base::as_bytes(text));
}
std::string with_authorization(Scene& s, const std::string& authorization) {
  return s.token(s.house.redemption(s.client, s.fresh_code()), authorization);
}
std::string refresh(Scene& s, const std::string& token, const Parameters& more = {}) {
  Parameters form{{"grant_type", "refresh_token"}, {"refresh_token", token}};
  form.insert(form.end(), more.begin(), more.end());
  return s.token(form, s.client.basic());
}
std::string machine(Scene& s, const Parameters& more) {
  Parameters form{{"grant_type", "client_credentials"}};
  form.insert(form.end(), more.begin(), more.end());
  return s.token(form, s.machine().basic());
}

const NegativeCase kCases[] = {
    {"RFC 6749 §5.2", "no grant_type", "invalid_request",
     [](Scene& s) { return s.redeem("grant_type", ""); }},
    {"RFC 6749 §5.2", "unknown grant_type", "unsupported_grant_type",
     [](Scene& s) { return s.redeem("grant_type", "urn:example:mine"); }},
    {"RFC 9700 §2.4", "resource owner password grant", "unsupported_grant_type",
     [](Scene& s) {
       return s.token({{"grant_type", "password"}, {"username", "x"}, {"password", "y"}},
                      s.client.basic());
     }},
    {"RFC 9700 §2.1.2", "implicit grant", "unsupported_grant_type",
     [](Scene& s) { return s.redeem("grant_type", "implicit"); }},
    {"RFC 6749 §3.2", "a parameter twice", "invalid_request",
     [](Scene& s) {
       auto form = s.house.redemption(s.client, s.fresh_code());
       form.emplace_back("code", "x");
       return s.token(form, s.client.basic());
     }},
    {"RFC 6749 §3.2", "an unknown parameter twice", "invalid_request",
     [](Scene& s) {
       auto form = s.house.redemption(s.client, s.fresh_code());
       form.emplace_back("x", "1");
       form.emplace_back("x", "1");
       return s.token(form, s.client.basic());
     }},
    {"RFC 6749 §2.3", "header and form at once", "invalid_request",
     [](Scene& s) { return s.redeem("client_secret", s.client.secret); }},
    {"RFC 6749 §2.3", "another client_id beside the header", "invalid_request",
     [](Scene& s) { return s.redeem("client_id", "somebody"); }},
    {"RFC 6749 §2.3.1", "wrong secret", "invalid_client",
     [](Scene& s) {
       return with_authorization(s, basic(s.client.id + ":" + std::string(43, 's')));
     }},
    {"RFC 6749 §2.3.1", "no secret", "invalid_client",
     [](Scene& s) { return with_authorization(s, basic(s.client.id + ":")); }},
    {"RFC 6749 §2.3.1", "unknown client", "invalid_client",
     [](Scene& s) { return with_authorization(s, basic("nobody:" + s.client.secret)); }},
    {"RFC 6749 §2.3.1", "secret with a blank behind", "invalid_client",
     [](Scene& s) {
       return with_authorization(s, basic(s.client.id + ":" + s.client.secret + " "));
     }},
    {"RFC 6749 §2.3.1", "loosely encoded Basic", "invalid_client",
     [](Scene& s) { return with_authorization(s, s.client.basic() + "="); }},
    {"RFC 6749 §2.3.1", "a broken escape in Basic", "invalid_client",
     [](Scene& s) { return with_authorization(s, basic(s.client.id + "%zz:" + s.client.secret)); }},
    {"RFC 6749 §2.3.1", "a bearer token for a client", "invalid_client",
     [](Scene& s) { return with_authorization(s, "Bearer " + s.client.secret); }},
    {"RFC 6749 §2.3.1", "another client's secret", "invalid_client",
     [](Scene& s) {
       return with_authorization(s, basic(s.client.id + ":" + s.house.new_client().secret));
     }},
    {"RFC 6749 §2.3.1", "a confidential client without proof", "invalid_client",
     [](Scene& s) {
       auto form = s.house.redemption(s.client, s.fresh_code());
       return s.token(with(form, "client_id", s.client.id), "");
     }},
    {"RFC 6749 §2.1", "a public client with a secret", "invalid_client",
     [](Scene& s) {
       const auto open = s.house.new_client(true);
       const auto code = s.house.code_for(s.house.request(open), s.session);
       return s.token(with(s.house.redemption(open, code), "client_secret", "x"), "");
     }},
    {"RFC 6749 §2.1", "nobody at all", "invalid_client",
     [](Scene& s) { return s.token(s.house.redemption(s.client, s.fresh_code()), ""); }},

    {"RFC 6749 §6", "no refresh token", "invalid_request", [](Scene& s) { return refresh(s, ""); }},
    {"RFC 6749 §6", "unknown refresh token", "invalid_grant",
     [](Scene& s) { return refresh(s, std::string(43, 'A')); }},
    {"RFC 6749 §6", "an access token as refresh token", "invalid_grant",
     [](Scene& s) { return refresh(s, s.access_token()); }},
    {"RFC 6749 §6", "wider scope", "invalid_scope",
     [](Scene& s) {
       return refresh(s, s.refresh_token(), {{"scope", "openid profile"}});
     }},
    {"RFC 6749 §6", "scope of blanks", "invalid_scope",
     [](Scene& s) {
       return refresh(s, s.refresh_token(), {{"scope", "  "}});
     }},
    {"RFC 6749 §10.4", "refresh token of another client", "invalid_grant",
     [](Scene& s) {
       const auto token = s.refresh_token();
       return s.token({{"grant_type", "refresh_token"}, {"refresh_token", token}},
                      s.house.new_client().basic());
     }},
    {"RFC 9700 §4.14.2", "stolen refresh token after the rotation", "invalid_grant",
     [](Scene& s) {
       const auto token = s.refresh_token();
       EXPECT_EQ(refresh(s, token), "");
       s.house.clock.advance(std::chrono::seconds(11));
       return refresh(s, token);
     }},
    {"RFC 6749 §6", "refresh token past its time", "invalid_grant",
     [](Scene& s) {
       const auto token = s.refresh_token();
       s.house.clock.advance(std::chrono::hours(24 * 30));
       return refresh(s, token);
     }},
    {"RFC 7009 §2.1", "refresh token after its revocation", "invalid_grant",
     [](Scene& s) {
       const auto token = s.refresh_token();
       EXPECT_EQ(s.house.error_of(s.house.provider.revoke({{"token", token}}, s.client.basic())),
                 "");
       return refresh(s, token);
     }},
    {"RFC 6749 §5.2", "a grant type that the client is not registered for", "unauthorized_client",
     [](Scene& s) {
       const auto plain =
           s.house.new_client_with([](NewClient& c) { c.grant_types = "authorization_code"; });
       return s.token({{"grant_type", "refresh_token"}, {"refresh_token", std::string(43, 'A')}},
                      plain.basic());
     }},

    {"RFC 6749 §4.4", "client credentials of a client for logins", "unauthorized_client",
     [](Scene& s) {
       return s.token({{"grant_type", "client_credentials"}}, s.client.basic());
     }},
    {"RFC 6749 §4.4.2", "a scope that was not registered", "invalid_scope",
     [](Scene& s) {
       return machine(s, {{"scope", "core.write"}});
     }},
    {"OIDC Core §3.1.2.1", "a machine that asks for openid", "invalid_scope",
     [](Scene& s) {
       return machine(s, {{"scope", "openid"}});
     }},
    {"RFC 6749 §4.4.2", "a machine that asks for documents", "invalid_scope",
     [](Scene& s) {
       return machine(s, {{"scope", "core.read documents"}});
     }},
    {"RFC 8707 §2", "an unknown resource", "invalid_target",
     [](Scene& s) {
       return machine(s, {{"resource", "https://nowhere.example/"}});
     }},
    {"RFC 8707 §2", "two resources", "invalid_request",
     [](Scene& s) {
       return machine(s, {{"resource", "https://a.example/"}, {"resource", "https://b.example/"}});
     }},

    {"RFC 7662 §2.1", "introspection by nobody", "invalid_client",
     [](Scene& s) {
       return s.house.error_of(s.house.provider.introspect({{"token", s.access_token()}}, ""));
     }},
    {"RFC 7662 §2.1", "introspection by a public client", "unauthorized_client",
     [](Scene& s) {
       const auto open = s.house.new_client(true);
       return s.house.error_of(
           s.house.provider.introspect({{"token", "x"}, {"client_id", open.id}}, ""));
     }},
    {"RFC 7662 §2.1", "introspection without a token", "invalid_request",
     [](Scene& s) { return s.house.error_of(s.house.provider.introspect({}, s.client.basic())); }},
    {"RFC 7662 §4", "introspection with a wrong secret", "invalid_client",
     [](Scene& s) {
       return s.house.error_of(s.house.provider.introspect({{"token", s.access_token()}},
                                                           basic(s.client.id + ":guess")));
     }},
    {"RFC 7009 §2.1", "revocation of another client's token", "invalid_grant",
     [](Scene& s) {
       return s.house.error_of(
           s.house.provider.revoke({{"token", s.access_token()}}, s.house.new_client().basic()));
     }},
    {"RFC 7009 §2.1", "revocation without a token", "invalid_request",
     [](Scene& s) { return s.house.error_of(s.house.provider.revoke({}, s.client.basic())); }},
    {"RFC 7009 §2.1", "revocation by nobody", "invalid_client",
     [](Scene& s) {
       return s.house.error_of(s.house.provider.revoke({{"token", s.access_token()}}, ""));
     }},
};

}  // namespace

std::span<const NegativeCase> token_cases() {
  return kCases;
}

}  // namespace auth::test_house
