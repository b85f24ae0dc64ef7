// The authorization code at the token endpoint. RFC 6749 §4.1.3–4.1.4; RFC 7636 §4.5–4.6.
#include <algorithm>

#include "auth/token_call.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kFindCode{"auth.find_code", R"sql(
  select g.id, g.client_id, g.redirect_uri, g.code_challenge, g.code_expires_at, g.used_at,
         g.revoked_at, g.subject_id, g.scopes, g.nonce, g.methods, g.authenticated_at,
         auth.proofing_at(s.proofing, s.proofing_until, $2),
         auth.is_open(s.active, s.locked_until, $2), g.offline, g.granted_at,
         g.code_key, g.acr, g.session_id, g.claims, g.mandate_id
    from auth.authorization_grant g
    join auth.subject s on s.id = g.subject_id
   where g.code_digest = $1)sql"};
constexpr store::Query kSpendCode{"auth.spend_code", R"sql(
  update auth.authorization_grant set used_at = $2, refresh_key = $3
   where id = $1 and used_at is null and revoked_at is null
  returning id)sql"};

constexpr const char* kBurn = "code.burn";

TokenRefusal code_and_address_given(TokenCall& call) {
  if (call.value("code").empty()) return refuse_token("invalid_request", "auth.code_missing");
  if (call.value("redirect_uri").empty())
    return refuse_token("invalid_request", "auth.redirect_uri_missing");
  return {};
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters. One that is not there is judged with the grant.
TokenRefusal verifier_well_made(TokenCall& call) {
  const auto verifier = call.value("code_verifier");
  if (verifier.empty()) return {};
  const bool good = verifier.size() >= 43 && verifier.size() <= 128 &&
                    std::all_of(verifier.begin(), verifier.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
                    });
  return good ? TokenRefusal() : refuse_token("invalid_request", "auth.pkce_verifier_form");
}

TokenRefusal code_known(TokenCall& call) {
  const auto code = base::from_base64url(call.value("code"));
  if (!code || code->size() != 32) return refuse_token("invalid_grant", "auth.code_unknown");
  const auto found =
      call.provider.parts.pool.run(kFindCode, {base::BytesView(base::sha256(*code)), call.now});
  if (!found.ok()) return oauth_trouble(found.error());
  if (found->empty()) return refuse_token("invalid_grant", "auth.code_unknown");
  auto& grant = call.grant;
  grant.id = found->text(0, 0);
  grant.client = found->text(0, 1);
  grant.redirect_uri = found->text(0, 2);
  grant.code_challenge = found->text(0, 3);
  grant.code_expires_at = found->time(0, 4);
  grant.used = !found->is_null(0, 5);
  grant.revoked = !found->is_null(0, 6);
  grant.subject = found->text(0, 7);
  grant.scopes = found->text(0, 8);
  if (!found->is_null(0, 9)) grant.nonce = found->text(0, 9);
  grant.methods = Methods::from_bits(found->integer(0, 10));
  grant.authenticated_at = found->time(0, 11);
  grant.proofing = static_cast<Proofing>(found->integer(0, 12));
  grant.active = found->boolean(0, 13);
  grant.offline = found->boolean(0, 14);
  grant.granted_at = found->time(0, 15);
  // Its client was stopped since.
  if (call.client.grants_from && grant.granted_at < *call.client.grants_from) grant.revoked = true;
  if (!found->is_null(0, 16)) grant.code_key = found->text(0, 16);
  if (!found->is_null(0, 17)) grant.acr = found->text(0, 17);
  grant.session = found->text(0, 18);
  if (!found->is_null(0, 19)) grant.claims = found->text(0, 19);
  call.scopes = grant.scopes;
  if (!found->is_null(0, 20)) return read_acting(call, found->text(0, 20));
  return {};
}

/// RFC 6749 §4.1.2: a second use also revokes what the first one got.
TokenRefusal code_unspent(TokenCall& call) {
  return call.grant.used || call.grant.revoked ? burn_and_refuse(call, kBurn, "auth.code_used")
                                               : TokenRefusal();
}

TokenRefusal code_of_this_client(TokenCall& call) {
  return call.grant.client != call.client.id.value()
             ? burn_and_refuse(call, kBurn, "auth.code_foreign")
             : TokenRefusal();
}

TokenRefusal code_in_time(TokenCall& call) {
  return call.now >= call.grant.code_expires_at ? refuse_token("invalid_grant", "auth.code_expired")
                                                : TokenRefusal();
}

TokenRefusal same_redirect_uri(TokenCall& call) {
  return call.value("redirect_uri") != call.grant.redirect_uri
             ? burn_and_refuse(call, kBurn, "auth.redirect_uri_other")
             : TokenRefusal();
}

/// RFC 7636 §4.6. The challenge is always there: no downgrade is possible (RFC 9700 §2.1.1).
TokenRefusal verifier_fits(TokenCall& call) {
  const auto verifier = call.value("code_verifier");
  const auto digest = base::sha256(base::as_bytes(verifier));
  const bool fits =
      !verifier.empty() && base::constant_time_equal(base::as_bytes(base::to_base64url(digest)),
                                                     base::as_bytes(call.grant.code_challenge));
  return fits ? TokenRefusal() : burn_and_refuse(call, kBurn, "auth.pkce_verifier");
}

/// RFC 9449 §10: a code that was asked for with a key is redeemed with that key.
TokenRefusal key_of_request(TokenCall& call) {
  return !call.grant.code_key.empty() && call.grant.code_key != call.key
             ? burn_and_refuse(call, kBurn, "auth.dpop.other_key")
             : TokenRefusal();
}

TokenRefusal subject_active(TokenCall& call) {
  return call.grant.active ? TokenRefusal() : burn_and_refuse(call, kBurn, "auth.subject_inactive");
}

constexpr TokenCheck kChecks[] = {
    {"code_and_address_given", code_and_address_given},
    {"verifier_well_made", verifier_well_made},
    {"code_known", code_known},
    {"code_unspent", code_unspent},
    {"code_of_this_client", code_of_this_client},
    {"code_in_time", code_in_time},
    {"same_redirect_uri", same_redirect_uri},
    {"verifier_fits", verifier_fits},
    {"key_of_request", key_of_request},
    {"subject_active", subject_active},
};

/// Whether this call is the one that spent the code.
base::Result<bool> spend(const TokenCall& call, Signed& tokens) {
  BASE_TRY(auto tx, call.provider.parts.pool.begin());
  // A public client proves itself by nothing else: its refresh tokens are bound (RFC 9449 §5).
  std::optional<std::string> refresh_key;
  if (call.client.is_public() && !call.possession().empty()) refresh_key = call.possession();
  BASE_TRY(const auto spent, tx.run(kSpendCode, {call.grant.id, call.now, refresh_key}));
  if (spent.empty()) return false;
  if (call.grant.offline) {
    BASE_TRY(tokens.refresh_token, begin_family(tx, call));
  }
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", call.client.id.value());
  facts.member("scope", call.grant.scopes);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {call.now, call.grant.subject, "token.issue", call.grant.id, "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return true;
}

TokenAnswer issue(TokenCall& call) {
  auto tokens = sign_tokens(call);
  if (!tokens.ok()) return signer_trouble(tokens.error());
  const auto spent = spend(call, *tokens);
  if (!spent.ok()) return oauth_trouble(spent.error());
  if (!*spent) return *burn_and_refuse(call, kBurn, "auth.code_used");
  return token_reply(call, *tokens);
}

}  // namespace

const GrantType kCodeGrant{"authorization_code", kChecks, issue};

}  // namespace auth
