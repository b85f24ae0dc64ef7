// The OpenID endpoints on the wire: parameters in, answers out. What is right and wrong stands in
// auth/authorize.cpp and auth/token.cpp.
#include "api/handlers.h"
#include "api/page_handlers.h"
#include "api/problem.h"

namespace api {
namespace {

/// This request's address, to come back to: a form is written as a query.
std::string authorize_path(const Request& request, const Parameters& parameters) {
  auto out = std::string(auth::kAuthorizePath) + "?";
  if (request.method != Method::post) return out + request.raw_query;
  for (const auto& [name, value] : parameters)
    out += (out.back() == '?' ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  return out;
}

using ClientAnswer = std::variant<auth::TokenReply, auth::OAuthError>;

/// What a client asks with a form, proving who it is in the same request.
template <class Ask>
base::Result<Response> ask_as_client(Call& call, const Ask& ask) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(auto form, call.request.form());
  // A parameter in the query counts as a second one: the checks for duplicates then refuse it.
  form.insert(form.end(), call.request.query.begin(), call.request.query.end());
  const ClientAnswer reply = ask(*house->provider, form, call.request.header("authorization"));
  if (const auto* error = std::get_if<auth::OAuthError>(&reply))
    return oauth_response(*error, call.request);
  const auto& good = std::get<auth::TokenReply>(reply);
  return Response::json(good.json, good.status).set("Pragma", "no-cache");
}

}  // namespace

namespace handlers {

base::Result<Response> discovery(Call& call) {
  BASE_TRY(const auto house, call.house());
  return Response::json(house->provider->discovery())
      .set("Access-Control-Allow-Origin", "*")
      .cache({Cache::Kind::shared, std::chrono::seconds(300), false});
}

base::Result<Response> jwks(Call& call) {
  BASE_TRY(const auto house, call.house());
  return Response::json(house->provider->jwks())
      .set("Access-Control-Allow-Origin", "*")
      .cache({Cache::Kind::shared, std::chrono::seconds(300), false});
}

/// GET with the query, POST with a form body, never both mixed (OpenID Connect Core §3.1.2.1; case
/// 57).
base::Result<Response> authorize(Call& call) {
  BASE_TRY(const auto house, call.house());
  Parameters parameters = call.request.query;
  if (call.request.method == Method::post) {
    BASE_TRY(parameters, call.request.form());
    parameters.insert(parameters.end(), call.request.query.begin(), call.request.query.end());
  }
  BASE_TRY(auto session, call.find_session());
  if (session) {
    BASE_TRY(auto asked,
             ask_agreements(call, session->subject, authorize_path(call.request, parameters)));
    if (asked) {
      // Judged as if nobody were logged in, wherever its parameters stand: a wrong request is told
      // so, one with prompt=none that a login is needed, and only one that may show a page asks.
      BASE_TRY(const auto judged, house->provider->authorize(parameters, std::nullopt));
      if (std::holds_alternative<auth::AskLogin>(judged)) return std::move(*asked);
      return authorize_answer(call, judged);
    }
  }
  BASE_TRY(const auto answer, house->provider->authorize(parameters, session));
  return authorize_answer(call, answer);
}

base::Result<Response> token(Call& call) {
  return ask_as_client(call, [&](auto& provider, const auto& form, auto authorization) {
    return provider.token(form, authorization, call.proved());
  });
}

base::Result<Response> push(Call& call) {
  return ask_as_client(call, [&](auto& provider, const auto& form, auto authorization) {
    return provider.push(form, authorization, call.proved());
  });
}

base::Result<Response> begin_device(Call& call) {
  return ask_as_client(call, [&](auto& provider, const auto& form, auto authorization) {
    return provider.begin_device(form, authorization, call.proved());
  });
}

base::Result<Response> introspect(Call& call) {
  return ask_as_client(call, [&](auto& provider, const auto& form, auto authorization) {
    return provider.introspect(form, authorization, call.proved());
  });
}

base::Result<Response> revoke(Call& call) {
  return ask_as_client(call, [&](auto& provider, const auto& form, auto authorization) {
    return provider.revoke(form, authorization, call.proved());
  });
}

base::Result<Response> userinfo(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(auto claims, house->provider->userinfo(call.access_token, *call.actor));
  return Response::json(std::move(claims));
}

base::Result<Response> logout(Call& call) {
  BASE_TRY(const auto house, call.house());
  Parameters parameters = call.request.query;
  if (call.request.method == Method::post) {
    BASE_TRY(parameters, call.request.form());
  }
  BASE_TRY(const auto session, call.find_session());
  BASE_TRY(const auto answer, house->provider->end_session(parameters, session));
  return logout_answer(call, answer);
}

}  // namespace handlers
}  // namespace api
