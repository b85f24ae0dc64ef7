// Refresh tokens: rotated at every use (but those of FAPI 2.0 clients), one successor each, reuse
// kills the family.
// RFC 6749 §6, RFC 9700 §4.14.2, OpenID Connect Core §11–12; docs/decisions/0045-refresh-tokens.md.
//
// A token's successor is HMAC(k, token ‖ salt): k is derived from the data key, the salt is chosen
// when the token is spent and stands in its row. Whoever shows the spent token again within the
// grace, because the answer was lost, gets the same successor, which is written nowhere; a copy of
// the tables gives nobody a token.
#include "auth/token_call.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kFindRefresh{"auth.find_refresh", R"sql(
  select r.expires_at, r.used_at, r.salt, n.used_at,
         g.id, g.client_id, g.subject_id, g.scopes, g.methods, g.authenticated_at,
         g.granted_at, g.revoked_at, auth.proofing_at(s.proofing, s.proofing_until, $2),
         auth.is_open(s.active, s.locked_until, $2), g.refresh_key, g.acr, g.session_id, g.claims, g.mandate_id
    from auth.refresh_token r
    join auth.authorization_grant g on g.id = r.grant_id
    join auth.subject s on s.id = g.subject_id
    left join auth.refresh_token n on n.digest = r.successor
   where r.digest = $1)sql"};
constexpr store::Query kPutRefresh{"auth.put_refresh", R"sql(
  insert into auth.refresh_token (digest, grant_id, issued_at, expires_at)
  values ($1, $2, $3, $4))sql"};
// Spent and followed in one statement: of any number at once, one finds it unspent.
constexpr store::Query kRotate{"auth.rotate_refresh", R"sql(
  with spent as (
    update auth.refresh_token set used_at = $2, salt = $3, successor = $4
     where digest = $1 and used_at is null
    returning grant_id)
  insert into auth.refresh_token (digest, grant_id, issued_at, expires_at)
  select $4, grant_id, $2, $5 from spent
  returning grant_id)sql"};

constexpr store::Query kKeepRefresh{"auth.keep_refresh", R"sql(
  select 1::bigint from auth.refresh_token where digest = $1 and used_at is null)sql"};

constexpr std::size_t kSecretBytes = 32;
constexpr const char* kBurn = "refresh.burn";

base::Bytes successor_of(const TokenCall& call, base::BytesView salt) {
  const auto mac = call.provider.parts.accounts.cipher().lookup(
      "auth/refresh_successor", base::to_hex(call.refresh.secret) + ":" + base::to_hex(salt));
  return base::to_bytes(mac);
}

base::Time end_of(const TokenCall& call) {
  const auto& config = call.provider.config;
  // One that is not rotated is as old as its family.
  if (call.client.fapi2) return call.grant.granted_at + config.refresh_family_life;
  return std::min(call.now + config.refresh_token_life,
                  call.grant.granted_at + config.refresh_family_life);
}

TokenRefusal refresh_token_known(TokenCall& call) {
  const auto text = call.value("refresh_token");
  if (text.empty()) return refuse_token("invalid_request", "auth.refresh_missing");
  auto secret = base::from_base64url(text);
  if (!secret || secret->size() != kSecretBytes)
    return refuse_token("invalid_grant", "auth.refresh_unknown");
  auto& refresh = call.refresh;
  refresh.secret = std::move(*secret);
  refresh.digest = base::sha256(refresh.secret);
  const auto found =
      call.provider.parts.pool.run(kFindRefresh, {base::BytesView(refresh.digest), call.now});
  if (!found.ok()) return oauth_trouble(found.error());
  if (found->empty()) return refuse_token("invalid_grant", "auth.refresh_unknown");
  refresh.expires_at = found->time(0, 0);
  if (!found->is_null(0, 1)) {
    refresh.used_at = found->time(0, 1);
    refresh.salt = base::to_bytes(found->bytes(0, 2));
    refresh.successor_used = !found->is_null(0, 3);
  }
  auto& grant = call.grant;
  grant.id = found->text(0, 4);
  grant.client = found->text(0, 5);
  grant.subject = found->text(0, 6);
  grant.scopes = found->text(0, 7);
  grant.methods = Methods::from_bits(found->integer(0, 8));
  grant.authenticated_at = found->time(0, 9);
  grant.granted_at = found->time(0, 10);
  grant.revoked = !found->is_null(0, 11) ||  // or its client was stopped since
                  (call.client.grants_from && grant.granted_at < *call.client.grants_from);
  grant.proofing = static_cast<Proofing>(found->integer(0, 12));
  grant.active = found->boolean(0, 13);
  if (!found->is_null(0, 14)) grant.refresh_key = found->text(0, 14);
  if (!found->is_null(0, 15)) grant.acr = found->text(0, 15);
  grant.session = found->text(0, 16);
  if (!found->is_null(0, 17)) grant.claims = found->text(0, 17);
  if (!found->is_null(0, 18)) return read_acting(call, found->text(0, 18));
  return {};
}

TokenRefusal refresh_token_of_this_client(TokenCall& call) {
  return call.grant.client != call.client.id.value()
             ? burn_and_refuse(call, kBurn, "auth.refresh_foreign")
             : TokenRefusal();
}

/// A thief of a bound token lacks the key, and burns nothing.
TokenRefusal key_of_family(TokenCall& call) {
  return !call.grant.refresh_key.empty() && call.grant.refresh_key != call.possession()
             ? refuse_token("invalid_grant", "auth.dpop.other_key")
             : TokenRefusal();
}

TokenRefusal family_alive(TokenCall& call) {
  if (call.grant.revoked) return refuse_token("invalid_grant", "auth.refresh_revoked");
  if (call.now >= call.refresh.expires_at)
    return refuse_token("invalid_grant", "auth.refresh_expired");
  return {};
}

/// A spent token again: a lost answer within the grace, afterwards a thief or his victim.
TokenRefusal unspent_or_in_grace(TokenCall& call) {
  const auto& refresh = call.refresh;
  if (!refresh.used_at) return {};
  const bool in_grace =
      !refresh.successor_used && call.now - *refresh.used_at < call.provider.config.refresh_grace;
  return in_grace ? TokenRefusal() : burn_and_refuse(call, kBurn, "auth.refresh_reused");
}

TokenRefusal subject_active(TokenCall& call) {
  return call.grant.active ? TokenRefusal() : burn_and_refuse(call, kBurn, "auth.subject_inactive");
}

/// RFC 6749 §6: the same or less; the next refresh may ask for all again. What the client's
/// registration lost meanwhile is lost here too.
TokenRefusal scope_not_wider(TokenCall& call) {
  std::string most;
  for (const auto& scope : split_scopes(call.grant.scopes))
    if (has_scope(call.client.scopes, scope)) most += (most.empty() ? "" : " ") + scope;
  if (most.empty()) return refuse_token("invalid_grant", "auth.refresh_revoked");
  return narrow_scopes(call, most, "auth.scope_wider");
}

constexpr TokenCheck kChecks[] = {
    {"refresh_token_known", refresh_token_known},
    {"refresh_token_of_this_client", refresh_token_of_this_client},
    {"key_of_family", key_of_family},
    {"family_alive", family_alive},
    {"unspent_or_in_grace", unspent_or_in_grace},
    {"subject_active", subject_active},
    {"scope_not_wider", scope_not_wider},
};

base::Result<void> note_refresh(store::Tx& tx, const TokenCall& call) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", call.client.id.value());
  facts.member("scope", call.scopes);
  facts.EndObject();
  return store::audit(
      tx, {call.now, call.grant.subject, "token.refresh", call.grant.id, "ok", facts.text()});
}

/// The successor, when this call spent the token; empty when another did.
base::Result<std::string> rotate(const TokenCall& call) {
  const auto salt = call.provider.parts.random.bytes(32);
  const auto successor = successor_of(call, salt);
  BASE_TRY(auto tx, call.provider.parts.pool.begin());
  BASE_TRY(const auto rotated,
           tx.run(kRotate, {base::BytesView(call.refresh.digest), call.now, salt,
                            base::BytesView(base::sha256(successor)), end_of(call)}));
  if (rotated.empty()) return std::string();
  BASE_TRY_VOID(note_refresh(tx, call));
  BASE_TRY_VOID(tx.commit());
  return base::to_base64url(successor);
}

/// FAPI 2.0 Security Profile §5.3.2.1: such clients prove themselves with a key each time, so the
/// same token stays. False: somebody spent it meanwhile, before its client was one of these.
base::Result<bool> keep(const TokenCall& call) {
  BASE_TRY(auto tx, call.provider.parts.pool.begin());
  BASE_TRY(const auto kept, tx.run(kKeepRefresh, {base::BytesView(call.refresh.digest)}));
  if (kept.empty()) return false;
  BASE_TRY_VOID(note_refresh(tx, call));
  BASE_TRY_VOID(tx.commit());
  return true;
}

TokenAnswer issue(TokenCall& call) {
  auto tokens = sign_tokens(call);
  if (!tokens.ok()) return signer_trouble(tokens.error());
  if (call.client.fapi2 && !call.refresh.used_at) {
    const auto kept = keep(call);
    if (!kept.ok()) return oauth_trouble(kept.error());
    if (!*kept) return *refuse_token("invalid_grant", "auth.refresh_revoked");
    tokens->refresh_token = base::to_base64url(call.refresh.secret);
    return token_reply(call, *tokens);
  }
  if (!call.refresh.used_at) {
    auto successor = rotate(call);
    if (!successor.ok()) return oauth_trouble(successor.error());
    tokens->refresh_token = std::move(*successor);
    if (!tokens->refresh_token.empty()) return token_reply(call, *tokens);
    // Somebody was quicker. Asked again, the row says when, and with which salt.
    if (const auto refusal = refresh_token_known(call)) return *refusal;
    if (const auto refusal = family_alive(call)) return *refusal;
    if (const auto refusal = unspent_or_in_grace(call)) return *refusal;
  }
  tokens->refresh_token = base::to_base64url(successor_of(call, call.refresh.salt));
  return token_reply(call, *tokens);
}

}  // namespace

base::Result<std::string> begin_family(store::Tx& tx, const TokenCall& call) {
  const auto secret = call.provider.parts.random.bytes(kSecretBytes);
  tx.put(kPutRefresh,
         {base::BytesView(base::sha256(secret)), call.grant.id, call.now, end_of(call)});
  return base::to_base64url(secret);
}

const GrantType kRefreshGrant{"refresh_token", kChecks, issue};

}  // namespace auth
