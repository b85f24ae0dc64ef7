// Token exchange: a system that was shown a person's token, or holds one, gets a token for the next
// system, which says who acts for whom. RFC 8693; docs/decisions/0046-tokens-of-machines.md.
//
// What is exchanged is the person's grant: the new token says no more than the old one, does not
// outlive it, and dies with the grant. `act` names the client that exchanged; who acted before
// stands within it (§4.1). `sub` is the person in the next system's sector.
#include "auth/token_call.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kResourceSector{"auth.resource_sector", R"sql(
  select sector from auth.client
   where resource = $1 and active and (agreement_until is null or agreement_until > $2))sql"};

constexpr std::string_view kAccessTokenUrn = "urn:ietf:params:oauth:token-type:access_token";

TokenRefusal client_is_confidential(TokenCall& call) {
  return call.client.is_public() ? refuse_token("unauthorized_client", "auth.client_public")
                                 : TokenRefusal();
}

/// §2.1: an access token for an access token. The acting party is the client itself.
TokenRefusal asks_for_what_there_is(TokenCall& call) {
  if (call.value("subject_token").empty())
    return refuse_token("invalid_request", "auth.token_missing");
  const auto wanted = call.value("requested_token_type");
  if (call.value("subject_token_type") != kAccessTokenUrn ||
      (!wanted.empty() && wanted != kAccessTokenUrn) || !call.value("actor_token").empty() ||
      !call.value("actor_token_type").empty())
    return refuse_token("invalid_request", "auth.exchange.type");
  return {};
}

/// Made for this client's system or given to this client, of a person, in force; bound to a key
/// only when its holder proves himself.
TokenRefusal subject_token_good(TokenCall& call) {
  const auto refuse = [] { return refuse_token("invalid_request", "auth.exchange.token"); };
  const auto claims = call.provider.read_access_token(call.value("subject_token"));
  if (!claims.ok() || claims->grant.empty()) return refuse();
  const bool mine = claims->client == call.client.id.value();
  const bool for_me = !call.client.resource.empty() && claims->audience == call.client.resource;
  if ((!mine && !for_me) || claims->key != call.key ||
      (!claims->certificate.empty() && claims->certificate != call.certificate))
    return refuse();
  const auto grant = call.provider.live_grant(*claims);
  if (!grant.ok()) return oauth_trouble(grant.error());
  if (!*grant) return refuse();
  call.subject_claims = *claims;
  call.grant.id = claims->grant;
  call.grant.subject = (*grant)->subject.value();
  call.grant.methods = (*grant)->methods;
  call.grant.authenticated_at = (*grant)->authenticated_at;
  call.grant.proofing = (*grant)->proofing;
  call.grant.acting = (*grant)->acting;
  return {};
}

TokenRefusal target_registered(TokenCall& call) {
  const auto resource = call.value("resource"), audience = call.value("audience");
  if (resource.empty() == audience.empty())
    return refuse_token("invalid_request", "auth.exchange.target");
  call.audience = resource.empty() ? audience : resource;
  const auto rows = call.provider.parts.pool.run(kResourceSector, {call.audience, call.now});
  if (!rows.ok()) return oauth_trouble(rows.error());
  if (rows->empty()) return refuse_token("invalid_target", "auth.resource_unknown");
  call.sector = rows->text(0, 0);
  return {};
}

TokenRefusal scope_not_wider(TokenCall& call) {
  return narrow_scopes(call, call.subject_claims.scopes, "auth.scope_wider");
}

constexpr TokenCheck kChecks[] = {
    {"client_is_confidential", client_is_confidential},
    {"asks_for_what_there_is", asks_for_what_there_is},
    {"subject_token_good", subject_token_good},
    {"target_registered", target_registered},
    {"scope_not_wider", scope_not_wider},
};

/// Who acted, for the trail: exchanges are told, since they pass a person's right on.
base::Result<void> tell(const TokenCall& call) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("subject", call.grant.subject);
  facts.member("resource", call.audience);
  facts.member("scope", call.scopes);
  facts.EndObject();
  BASE_TRY(auto tx, call.provider.parts.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {call.now, "client:" + call.client.id.value(), "token.exchange",
                                  call.grant.id, "ok", facts.text()}));
  return tx.commit();
}

TokenAnswer issue(TokenCall& call) {
  const auto token = sign_exchanged_token(call);
  if (!token.ok()) return signer_trouble(token.error());
  if (const auto told = tell(call); !told.ok()) return oauth_trouble(told.error());
  base::JsonWriter out;
  out.StartObject();
  out.member("access_token", *token);
  out.member("issued_token_type", kAccessTokenUrn);
  out.member("token_type", call.key.empty() ? "Bearer" : "DPoP");
  out.member("expires_in", exchanged_end_s(call) - base::to_unix_s(call.now));
  out.member("scope", call.scopes);
  out.EndObject();
  return TokenReply{out.text()};
}

}  // namespace

const GrantType kExchangeGrant{"urn:ietf:params:oauth:grant-type:token-exchange", kChecks, issue};

}  // namespace auth
