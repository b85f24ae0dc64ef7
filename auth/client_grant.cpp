// Client credentials: a token of the client for itself, at another system that knows us.
// RFC 6749 §4.4, RFC 8707, RFC 9068; docs/decisions/0046-tokens-of-machines.md.
//
// It names no person and opens nothing here that needs one. Nothing is written for it.
#include "auth/token_call.h"

namespace auth {
namespace {

constexpr store::Query kFindResource{"auth.find_resource", R"sql(
  select 1::bigint from auth.client
   where resource = $1 and active
     and (agreement_until is null or agreement_until > $2))sql"};

/// RFC 6749 §4.4: confidential clients alone.
TokenRefusal client_is_confidential(TokenCall& call) {
  return call.client.is_public() ? refuse_token("unauthorized_client", "auth.client_public")
                                 : TokenRefusal();
}

TokenRefusal scope_registered(TokenCall& call) {
  return narrow_scopes(call, call.client.machine_scopes, "auth.scope_unknown");
}

/// RFC 8707 §2: one system that is registered as a resource; without one it is ourselves.
TokenRefusal resource_registered(TokenCall& call) {
  const auto resource = call.value("resource");
  if (resource.empty()) return {};
  const auto found = call.provider.parts.pool.run(kFindResource, {resource, call.now});
  if (!found.ok()) return oauth_trouble(found.error());
  if (found->empty()) return refuse_token("invalid_target", "auth.resource_unknown");
  call.audience = resource;
  return {};
}

constexpr TokenCheck kChecks[] = {
    {"client_is_confidential", client_is_confidential},
    {"scope_registered", scope_registered},
    {"resource_registered", resource_registered},
};

TokenAnswer issue(TokenCall& call) {
  auto token = sign_machine_token(call);
  if (!token.ok()) return signer_trouble(token.error());
  return token_reply(call, Signed{std::move(*token), {}, {}});
}

}  // namespace

const GrantType kClientGrant{"client_credentials", kChecks, issue};

}  // namespace auth
