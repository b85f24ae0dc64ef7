// The page where a person approves a device without a browser (RFC 8628 §3.3): the code is typed,
// or comes with the address; then it is shown again with who asks for what. Works without
// JavaScript.
#include "api/handlers.h"
#include "api/page_handlers.h"
#include "api/pages/auth_pages.h"
#include "api/problem.h"

namespace api::handlers {
namespace {

Response device_form(Call& call, std::string_view typed, const base::Error* problem) {
  auto out =
      Response::html(pages::device(pages_look(), {call.form_token(), std::string(typed), problem}),
                     call.nonce(), problem == nullptr ? 200 : status_of(problem->code));
  if (problem != nullptr) out.note(problem->key);
  return out;
}

}  // namespace

base::Result<Response> device_page(Call& call) {
  return device_form(call, only(call.request.query, "user_code").value_or(""), nullptr);
}

base::Result<Response> device_submit(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto typed = only(form, "user_code").value_or("");
  const auto decision = only(form, "decision");
  if (decision) {
    base::check(call.session.has_value(), "the route demands a session");
    const bool granted = *decision == "grant";
    const auto done = house->provider->decide_device(typed, granted, *call.session);
    if (!done.ok() && done.error().code != base::Code::not_found) return done.error();
    if (!done.ok()) return device_form(call, typed, &done.error());
    return Response::html(
        pages::message(pages_look(), granted ? "good" : "warn", "web.device.title",
                       granted ? "web.device.granted" : "web.device.refused"),
        call.nonce());
  }
  const auto asked = house->provider->device_request(typed);
  if (!asked.ok() && asked.error().code != base::Code::not_found) return asked.error();
  if (!asked.ok()) return device_form(call, typed, &asked.error());
  return Response::html(pages::device_confirm(pages_look(), {call.form_token(), asked->user_code,
                                                             asked->client_name, asked->scopes}),
                        call.nonce());
}

}  // namespace api::handlers
