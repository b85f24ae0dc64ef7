#include "api/client_handlers.h"

#include "api/problem.h"
#include "auth/dynamic_clients.h"

namespace api {
namespace {

/// `ask` is put to the registrations of this house; whoever asks shows a token of his own.
template <class Ask>
base::Result<Response> ask_registrations(Call& call, const Ask& ask) {
  BASE_TRY(const auto house, call.house());
  auth::Clients clients(call.services.pool);
  auth::DynamicClients registrations({call.services.pool, clients, call.services.clock,
                                      call.services.random, call.services.config.public_url,
                                      house->provider->id_token_algorithms()});
  const auto authorization = call.request.header("authorization");
  const auth::DynamicClients::Answer answer = ask(registrations, authorization);
  if (const auto* refused = std::get_if<auth::OAuthError>(&answer)) {
    auto out = oauth_response(*refused, call.request);
    if (refused->status == 401)  // RFC 6750 §3
      out.set("WWW-Authenticate", "Bearer realm=\"xinyin\", error=\"invalid_token\"");
    return out;
  }
  const auto& good = std::get<auth::TokenReply>(answer);
  if (good.status == 204) return Response(204);
  return Response::json(good.json, good.status).set("Pragma", "no-cache");
}

}  // namespace

namespace handlers {

base::Result<Response> register_client(Call& call) {
  return ask_registrations(call, [&](auto& registrations, auto authorization) {
    return registrations.add(authorization, call.request.body);
  });
}

base::Result<Response> read_own_client(Call& call) {
  return ask_registrations(call, [&](auto& registrations, auto authorization) {
    return registrations.read(call.path("client"), authorization);
  });
}

base::Result<Response> replace_own_client(Call& call) {
  return ask_registrations(call, [&](auto& registrations, auto authorization) {
    return registrations.update(call.path("client"), authorization, call.request.body);
  });
}

base::Result<Response> remove_own_client(Call& call) {
  return ask_registrations(call, [&](auto& registrations, auto authorization) {
    return registrations.remove(call.path("client"), authorization);
  });
}

}  // namespace handlers
}  // namespace api
