// Codes at the token endpoint.
#include "tests/auth/negative.h"

namespace auth::test_house {
namespace {

const std::string kOther(43, 'v');

const NegativeCase kCases[] = {
    {"RFC 6749 §4.1.3", "no code", "invalid_request",
     [](Scene& s) { return s.redeem("code", ""); }},
    {"RFC 6749 §4.1.3", "no redirect_uri", "invalid_request",
     [](Scene& s) { return s.redeem("redirect_uri", ""); }},
    {"RFC 6749 §4.1.3", "redirect_uri with a slash more", "invalid_grant",
     [](Scene& s) { return s.redeem("redirect_uri", std::string(kRedirect) + "/"); }},
    {"RFC 6749 §4.1.3", "redirect_uri in other case", "invalid_grant",
     [](Scene& s) {
       return s.redeem("redirect_uri", "https://portal.example/Callback?from=xinyin");
     }},
    {"RFC 6749 §4.1.3", "redirect_uri escaped another way", "invalid_grant",
     [](Scene& s) {
       return s.redeem("redirect_uri", "https://portal.example/%63allback?from=xinyin");
     }},
    {"RFC 6749 §10.5", "unknown code", "invalid_grant",
     [](Scene& s) { return s.redeem("code", std::string(43, 'A')); }},
    {"RFC 6749 §10.5", "code with padding", "invalid_grant",
     [](Scene& s) { return s.redeem("code", s.fresh_code() + "="); }},
    {"RFC 6749 §10.5", "code with a blank behind", "invalid_grant",
     [](Scene& s) { return s.redeem("code", s.fresh_code() + " "); }},
    {"RFC 6749 §10.5", "a code of a megabyte", "invalid_grant",
     [](Scene& s) { return s.redeem("code", std::string(1 << 20, 'A')); }},
    {"RFC 6749 §4.1.2", "code replay", "invalid_grant",
     [](Scene& s) {
       const auto form = s.house.redemption(s.client, s.fresh_code());
       EXPECT_EQ(s.token(form, s.client.basic()), "");
       return s.token(form, s.client.basic());
     }},
    {"RFC 6749 §4.1.2", "code after a minute", "invalid_grant",
     [](Scene& s) {
       const auto form = s.house.redemption(s.client, s.fresh_code());
       s.house.clock.advance(std::chrono::seconds(60));
       return s.token(form, s.client.basic());
     }},
    {"RFC 6749 §4.1.3", "code of another client", "invalid_grant",
     [](Scene& s) {
       const auto thief = s.house.new_client();
       return s.token(s.house.redemption(thief, s.fresh_code()), thief.basic());
     }},
    {"RFC 9700 §4.5", "code injected by its owner after a thief burnt it", "invalid_grant",
     [](Scene& s) {
       const auto thief = s.house.new_client();
       const auto code = s.fresh_code();
       EXPECT_EQ(s.token(s.house.redemption(thief, code), thief.basic()), "invalid_grant");
       return s.token(s.house.redemption(s.client, code), s.client.basic());
     }},
    {"RFC 7636 §4.6", "no verifier", "invalid_grant",
     [](Scene& s) { return s.redeem("code_verifier", ""); }},
    {"RFC 7636 §4.6", "another verifier", "invalid_grant",
     [](Scene& s) { return s.redeem("code_verifier", kOther); }},
    {"RFC 9700 §4.8.2", "the challenge as verifier: downgrade to plain", "invalid_grant",
     [](Scene& s) { return s.redeem("code_verifier", kChallenge); }},
    {"RFC 7636 §4.1", "verifier of 42 characters", "invalid_request",
     [](Scene& s) { return s.redeem("code_verifier", std::string(42, 'a')); }},
    {"RFC 7636 §4.1", "verifier of 129 characters", "invalid_request",
     [](Scene& s) { return s.redeem("code_verifier", std::string(129, 'a')); }},
    {"RFC 7636 §4.1", "verifier with a reserved character", "invalid_request",
     [](Scene& s) { return s.redeem("code_verifier", std::string(42, 'a') + "+"); }},
    {"RFC 7636 §4.1", "verifier with a line end", "invalid_request",
     [](Scene& s) { return s.redeem("code_verifier", std::string(kVerifier) + "\n"); }},
    {"RFC 7636 §4.5", "verifier of another request of the same client", "invalid_grant",
     [](Scene& s) {
       const auto other = base::to_base64url(base::sha256(base::as_bytes(kOther)));
       const auto code =
           s.house.code_for(with(s.house.request(s.client), "code_challenge", other), s.session);
       return s.token(s.house.redemption(s.client, code), s.client.basic());
     }},
    {"OIDC Core §3.1.3.2", "code of a person who was switched off", "invalid_grant",
     [](Scene& s) {
       const auto form = s.house.redemption(s.client, s.fresh_code());
       s.house.lock(s.subject);
       return s.token(form, s.client.basic());
     }},
    {"OIDC RP-Initiated Logout §2", "code after the logout", "invalid_grant",
     [](Scene& s) {
       const auto opened = s.house.sessions.open(s.subject, Method::password).value();
       const auto code = s.house.code_for(s.house.request(s.client), opened.session);
       EXPECT_TRUE(s.house.sessions.close(opened.cookie).ok());
       return s.token(s.house.redemption(s.client, code), s.client.basic());
     }},
    {"RFC 6749 §5.2", "a code as refresh token", "invalid_grant",
     [](Scene& s) {
       return s.token({{"grant_type", "refresh_token"}, {"refresh_token", s.fresh_code()}},
                      s.client.basic());
     }},
};

}  // namespace

std::span<const NegativeCase> code_cases() {
  return kCases;
}

}  // namespace auth::test_house
