// The authorization endpoint.
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

std::string ask(Scene& s, std::string_view name, std::string_view value) {
  return s.authorize(with(s.house.request(s.client), name, value));
}
std::string redirect(Scene& s, const std::string& uri) {
  return ask(s, "redirect_uri", uri);
}

const NegativeCase kCases[] = {
    {"RFC 6749 §4.1.2.1", "unknown client", "page:invalid_request",
     [](Scene& s) { return ask(s, "client_id", "nobody"); }},
    {"RFC 6749 §4.1.2.1", "no client", "page:invalid_request",
     [](Scene& s) { return ask(s, "client_id", ""); }},
    {"RFC 6749 §3.1", "two clients", "page:invalid_request",
     [](Scene& s) {
       auto request = s.house.request(s.client);
       request.emplace_back("client_id", "other");
       return s.authorize(request);
     }},
    {"RFC 6749 §3.1", "two redirect URIs", "page:invalid_request",
     [](Scene& s) {
       auto request = s.house.request(s.client);
       request.emplace_back("redirect_uri", "https://evil.example/");
       return s.authorize(request);
     }},
    {"RFC 9700 §4.1.3", "no redirect URI", "page:invalid_request",
     [](Scene& s) { return redirect(s, ""); }},
    {"RFC 9700 §4.1.3", "a slash more", "page:invalid_request",
     [](Scene& s) { return redirect(s, std::string(kRedirect) + "/"); }},
    {"RFC 9700 §4.1.3", "a parameter more", "page:invalid_request",
     [](Scene& s) { return redirect(s, std::string(kRedirect) + "&x=1"); }},
    {"RFC 9700 §4.1.3", "a fragment", "page:invalid_request",
     [](Scene& s) { return redirect(s, std::string(kRedirect) + "#x"); }},
    {"RFC 9700 §4.1.1", "a subdomain", "page:invalid_request",
     [](Scene& s) { return redirect(s, "https://evil.portal.example/callback?from=xinyin"); }},
    {"RFC 9700 §4.1.1", "a host that begins alike", "page:invalid_request",
     [](Scene& s) {
       return redirect(s, "https://portal.example.evil.example/callback?from=xinyin");
     }},
    {"RFC 9700 §4.1.1", "a user in front of another host", "page:invalid_request",
     [](Scene& s) {
       return redirect(s, "https://portal.example@evil.example/callback?from=xinyin");
     }},
    {"RFC 9700 §4.1.1", "a backslash for a slash", "page:invalid_request",
     [](Scene& s) {
       return redirect(s, "https://evil.example\\@portal.example/callback?from=xinyin");
     }},
    {"RFC 9700 §4.1.1", "a path with dots", "page:invalid_request",
     [](Scene& s) { return redirect(s, "https://portal.example/x/../callback?from=xinyin"); }},
    {"RFC 9700 §4.1.1", "another port", "page:invalid_request",
     [](Scene& s) { return redirect(s, "https://portal.example:8443/callback?from=xinyin"); }},
    {"RFC 9700 §2.6", "http for https", "page:invalid_request",
     [](Scene& s) { return redirect(s, "http://portal.example/callback?from=xinyin"); }},
    {"RFC 6749 §10.15", "javascript:", "page:invalid_request",
     [](Scene& s) { return redirect(s, "javascript:alert(1)"); }},
    {"RFC 6749 §10.15", "data:", "page:invalid_request",
     [](Scene& s) { return redirect(s, "data:text/html,x"); }},
    {"RFC 6749 §10.15", "a line end in the redirect URI", "page:invalid_request",
     [](Scene& s) {
       return redirect(s, std::string(kRedirect) + "\r\nLocation: https://evil.example/");
     }},
    {"RFC 6749 §10.15", "another client's redirect URI", "page:invalid_request",
     [](Scene& s) {
       s.house.new_client(false, "https://other.example/callback");
       return redirect(s, "https://other.example/callback");
     }},
    {"RFC 6749 §4.1.2.1", "a client that logs nobody in", "page:unauthorized_client",
     [](Scene& s) { return ask(s, "client_id", s.machine().id); }},

    {"RFC 6749 §4.1.1", "no response_type", "back:invalid_request",
     [](Scene& s) { return ask(s, "response_type", ""); }},
    {"RFC 9700 §2.1.2", "response_type token", "back:unsupported_response_type",
     [](Scene& s) { return ask(s, "response_type", "token"); }},
    {"OIDC Core §3.2.2.1", "response_type id_token", "back:unsupported_response_type",
     [](Scene& s) { return ask(s, "response_type", "id_token"); }},
    {"OIDC Core §3.3.2.1", "hybrid: code id_token", "back:unsupported_response_type",
     [](Scene& s) { return ask(s, "response_type", "code id_token"); }},
    {"RFC 6749 §3.1.1", "response_type code twice", "back:unsupported_response_type",
     [](Scene& s) { return ask(s, "response_type", "code code"); }},
    {"RFC 9700 §4.3.1", "response_mode fragment", "back:invalid_request",
     [](Scene& s) { return ask(s, "response_mode", "fragment"); }},
    {"RFC 6749 §3.3", "no scope", "back:invalid_scope",
     [](Scene& s) { return ask(s, "scope", ""); }},
    {"RFC 6749 §3.3", "unknown scope", "back:invalid_scope",
     [](Scene& s) { return ask(s, "scope", "openid admin"); }},
    {"RFC 6749 §3.3", "a scope that the client is not registered for", "back:invalid_scope",
     [](Scene& s) {
       const auto small = s.house.new_client(false, kRedirect, "openid");
       return s.authorize(s.house.request(small));
     }},
    {"OIDC Core §11", "offline_access of a client that may not refresh", "back:invalid_scope",
     [](Scene& s) {
       const auto plain =
           s.house.new_client_with([](NewClient& c) { c.grant_types = "authorization_code"; });
       return s.authorize(with(s.house.request(plain), "scope", "openid offline_access"));
     }},
    {"RFC 7636 §4.4.1", "no code_challenge", "back:invalid_request",
     [](Scene& s) { return ask(s, "code_challenge", ""); }},
    {"RFC 9700 §2.1.1", "PKCE downgrade: method plain", "back:invalid_request",
     [](Scene& s) { return ask(s, "code_challenge_method", "plain"); }},
    {"RFC 7636 §4.3", "PKCE downgrade: no method", "back:invalid_request",
     [](Scene& s) { return ask(s, "code_challenge_method", ""); }},
    {"RFC 7636 §4.2", "a challenge of 42 characters", "back:invalid_request",
     [](Scene& s) { return ask(s, "code_challenge", std::string(kChallenge.substr(1))); }},
    {"RFC 7636 §4.2", "a challenge with spare bits", "back:invalid_request",
     [](Scene& s) {
       return ask(s, "code_challenge", std::string(kChallenge.substr(0, 42)) + "N");
     }},
    {"RFC 6749 appendix A.5", "a line end in state", "back:invalid_request",
     [](Scene& s) { return ask(s, "state", "x\r\nSet-Cookie: a=b"); }},
    {"RFC 6749 appendix A.5", "a state of two kilobytes", "back:invalid_request",
     [](Scene& s) { return ask(s, "state", std::string(2048, 's')); }},
    {"RFC 6749 §3.1", "scope twice", "back:invalid_request",
     [](Scene& s) {
       auto request = s.house.request(s.client);
       request.emplace_back("scope", "openid");
       return s.authorize(request);
     }},
    {"OIDC Core §3.1.2.1", "prompt none with login", "back:invalid_request",
     [](Scene& s) { return ask(s, "prompt", "none login"); }},
    {"OIDC Core §3.1.2.1", "unknown prompt", "back:invalid_request",
     [](Scene& s) { return ask(s, "prompt", "create"); }},
    {"OIDC Core §3.1.2.6", "prompt none without consent", "back:consent_required",
     [](Scene& s) { return ask(s, "prompt", "none"); }},
    {"OIDC Core §3.1.2.6", "prompt none without a login", "back:login_required",
     [](Scene& s) {
       const auto answer =
           s.house.provider.authorize(with(s.house.request(s.client), "prompt", "none"), {});
       return "back:" + parameter(std::get<SendBack>(*answer).location, "error");
     }},
    {"OIDC Core §3.1.2.1", "max_age below nothing", "back:invalid_request",
     [](Scene& s) { return ask(s, "max_age", "-1"); }},
    {"OIDC Core §3.1.2.1", "an id_token_hint that is none", "back:invalid_request",
     [](Scene& s) { return ask(s, "id_token_hint", "rubbish"); }},
    {"OIDC Core §3.1.2.2", "an id_token_hint of another person", "back:login_required",
     [](Scene& s) {
       const auto other = s.house.new_session(s.house.new_person(fresh_name()));
       const auto tokens = s.house.tokens_for(s.client, other);
       return ask(s, "id_token_hint", base::json_text(tokens, "id_token"));
     }},
    {"OIDC Core §3.1.2.2", "an id_token_hint for another client", "back:invalid_request",
     [](Scene& s) {
       const auto tokens = s.house.tokens_for(s.house.new_client(), s.session);
       return ask(s, "id_token_hint", base::json_text(tokens, "id_token"));
     }},
    {"OIDC Core §7.2.1", "registration", "back:registration_not_supported",
     [](Scene& s) { return ask(s, "registration", "{}"); }},
    {"RFC 6749 §10.12", "consent in another session (CSRF)", "auth.request_expired",
     [](Scene& s) {
       const auto asked = s.house.provider.authorize(s.house.request(s.client), s.session);
       const auto other = s.house.new_session(s.subject);
       return refusal_of(
           s.house.provider.consent(std::get<AskConsent>(*asked).transaction, true, other));
     }},
    {"RFC 6749 §10.12", "consent twice", "auth.request_expired",
     [](Scene& s) {
       const auto asked = s.house.provider.authorize(s.house.request(s.client), s.session);
       const auto& transaction = std::get<AskConsent>(*asked).transaction;
       EXPECT_TRUE(s.house.provider.consent(transaction, true, s.session).ok());
       return refusal_of(s.house.provider.consent(transaction, true, s.session));
     }},
    {"RFC 6749 §10.12", "an invented transaction", "auth.request_expired",
     [](Scene& s) {
       return refusal_of(s.house.provider.consent(std::string(43, 'A'), true, s.session));
     }},
    {"OIDC RP-Initiated Logout §3", "an address that is not registered", "auth.logout_address",
     [](Scene& s) {
       return s.house.provider
           .end_session(
               {{"client_id", s.client.id}, {"post_logout_redirect_uri", "https://evil.example/"}},
               s.session)
           ->notice;
     }},
    {"OIDC RP-Initiated Logout §4", "a hint that is an access token", "auth.logout_hint",
     [](Scene& s) {
       return s.house.provider.end_session({{"id_token_hint", s.access_token()}}, s.session)
           ->notice;
     }},
};

}  // namespace

std::span<const NegativeCase> authorize_cases() {
  return kCases;
}

}  // namespace auth::test_house
