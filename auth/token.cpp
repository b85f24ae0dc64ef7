// The token endpoint: who asks, for which kind of grant, then that kind's own list of checks.
// RFC 6749 §3.2, §5; RFC 9068; OpenID Connect Core §3.1.3.
//
// Order of deeds, whatever the kind: everything is checked, the tokens are signed, and only then is
// spent what may be used once, by one update that finds it unspent, in one transaction with its
// audit row; what was signed leaves after the commit. So of any number of redemptions at once one
// succeeds, and a signer that is away costs the person nothing: the code is still good for the
// client's next try.
#include <algorithm>

#include "auth/tls.h"
#include "auth/token_call.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

// Burnt: it can no more be spent, and what was issued for it is dead.
constexpr store::Query kRevokeGrant{"auth.revoke_grant", R"sql(
  update auth.authorization_grant set used_at = coalesce(used_at, $2), revoked_at = $2
   where id = $1 and revoked_at is null)sql"};

const GrantType* const kKinds[] = {&kCodeGrant, &kRefreshGrant, &kClientGrant, &kDeviceGrant,
                                   &kExchangeGrant};

TokenRefusal one_value_each(TokenCall& call) {
  for (const auto& [name, value] : call.form)
    if (is_given_twice(call.form, name))
      return refuse_token("invalid_request", "auth.parameter_twice");
  return {};
}

TokenRefusal client_is_who_it_says(TokenCall& call) {
  auto who = call.provider.authenticate(call.form, call.authorization, call.proved.certificate);
  if (const auto* failure = std::get_if<OAuthError>(&who)) return *failure;
  call.client = std::get<Client>(std::move(who));
  return {};
}

/// RFC 9449 §5: a proof binds what is issued; a client may have promised never to come without.
TokenRefusal proof_good(TokenCall& call) {
  if (call.proved.proofs.empty()) {
    if (call.client.require_dpop) return call.provider.bad_proof("auth.dpop.needed");
    call.certificate = certificate_thumbprint(call.proved.certificate);
    return {};
  }
  auto proved = call.provider.check_proof(call.proved, {});
  if (auto* failure = std::get_if<OAuthError>(&proved)) return std::move(*failure);
  call.key = std::get<std::string>(std::move(proved));
  return {};
}

constexpr TokenCheck kEndpointChecks[] = {
    {"one_value_each", one_value_each},
    {"client_is_who_it_says", client_is_who_it_says},
    {"proof_good", proof_good},
};

}  // namespace

TokenRefusal refuse_token(const char* error, const char* key) {
  return OAuthError{error, key};
}

TokenRefusal read_acting(TokenCall& call, std::string_view mandate) {
  auto& grant = call.grant;
  auto acting = acting_under(call.provider.parts.pool, mandate, SubjectId(grant.subject), call.now);
  if (!acting.ok()) return oauth_trouble(acting.error());
  if (!*acting) return refuse_token("invalid_grant", "auth.mandate.over");
  grant.acting = std::move(*acting);
  grant.proofing = std::min(grant.proofing, grant.acting->proofing);
  return {};
}

TokenRefusal narrow_scopes(TokenCall& call, const std::string& most, const char* key) {
  call.scopes = most;
  if (call.value("scope").empty()) return {};
  std::string scopes;
  for (const auto& scope : split_scopes(call.value("scope"))) {
    if (!has_scope(most, scope)) return refuse_token("invalid_scope", key);
    if (!has_scope(scopes, scope)) scopes += (scopes.empty() ? "" : " ") + scope;
  }
  if (scopes.empty()) return refuse_token("invalid_scope", key);
  call.scopes = std::move(scopes);
  return {};
}

base::Result<void> revoke_grant(Provider::Impl& provider, const std::string& grant,
                                const ClientId& by, const char* act, const char* outcome) {
  const auto now = provider.parts.clock.now();
  BASE_TRY(auto tx, provider.parts.pool.begin());
  BASE_TRY(const auto revoked, tx.run(kRevokeGrant, {grant, now}));
  if (revoked.affected() == 0) return {};  // already
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", by.value());
  facts.EndObject();
  BASE_TRY_VOID(store::audit(tx, {now, "client:" + by.value(), act, grant, outcome, facts.text()}));
  return tx.commit();
}

TokenRefusal burn_and_refuse(TokenCall& call, const char* act, const char* key) {
  const auto burnt = revoke_grant(call.provider, call.grant.id, call.client.id, act, key);
  if (!burnt.ok()) return oauth_trouble(burnt.error());
  return refuse_token("invalid_grant", key);
}

OAuthError signer_trouble(const base::Error& failure) {
  if (failure.code == base::Code::unavailable)
    return {"temporarily_unavailable", "auth.signing_unavailable", 503,
            failure.retry_after.value_or(std::chrono::seconds(5))};
  return {"server_error", failure.key, 500};
}

std::variant<TokenReply, OAuthError> Provider::token(const Parameters& form,
                                                     std::string_view authorization,
                                                     const ProvedRequest& proved) {
  TokenCall call{*impl_, form, authorization, proved, impl_->parts.clock.now()};
  call.audience = impl_->config.issuer;
  for (const auto& check : kEndpointChecks)
    if (auto refusal = check.refuses(call)) return std::move(*refusal);
  const auto wanted = call.value("grant_type");
  if (wanted.empty()) return OAuthError{"invalid_request", "auth.grant_type"};
  const auto* const* const kind =
      std::find_if(std::begin(kKinds), std::end(kKinds),
                   [&](const GrantType* each) { return each->name == wanted; });
  if (kind == std::end(kKinds)) return OAuthError{"unsupported_grant_type", "auth.grant_type"};
  if (!has_scope(call.client.grant_types, wanted))  // a list of words, like scopes
    return OAuthError{"unauthorized_client", "auth.grant_type_client"};
  for (const auto& check : (*kind)->checks)
    if (auto refusal = check.refuses(call)) return std::move(*refusal);
  return (*kind)->issue(call);
}

}  // namespace auth
