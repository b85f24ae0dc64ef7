// Logging in with an e-social-security card: the code, and the wait for the telephone.
// LD/T 01-2020 5.4.1.4b.
#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/auth_pages.h"
#include "api/problem.h"
#include "api/sign_in.h"
#include "auth/card_login.h"
#include "base/text.h"

namespace api {
namespace {

constexpr std::string_view kPath = "/login/card";

std::string cookie_in(Call& call) {
  return std::string(
      call.request.cookie(cookie_wire_name(kCardCookie, call.services.config.https)).value_or(""));
}

Response end_try(Response answer) {
  answer.cookie(
      {.name = std::string(kCardCookie), .value = "", .max_age = std::chrono::seconds(0)});
  return answer;
}

/// The way to begin, with what went wrong before, if something did.
Response start_page(Call& call, std::string return_to, const base::Error* problem) {
  pages::CardPage shown{call.form_token(), std::move(return_to), {}, problem};
  shown.registers = problem != nullptr && problem->key == "auth.card.unknown";
  auto answer = Response::html(pages::card_login(pages_look(), shown), call.nonce(),
                               problem == nullptr ? 200 : status_of(problem->code));
  if (problem != nullptr) answer.note(problem->key);
  return answer;
}

}  // namespace

namespace handlers {

/// Asked again and again while the telephone is at it: the page loads itself anew, without a script.
base::Result<Response> card_page(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto return_to = own_return_path(only(call.request.query, "return_to").value_or("/"));
  if (!house->card_login->offered()) return base::error(base::Code::not_found, "api.not_found");
  const auto cookie = cookie_in(call);
  if (cookie.empty()) return start_page(call, return_to, nullptr);
  const auto who = house->card_login->result(cookie);
  if (!who.ok()) {
    if (who.error().code == base::Code::internal) return who.error();
    auto answer = start_page(call, return_to, &who.error());
    // Who confirmed and has no account may go on to register: the try is his for ten minutes.
    return who.error().key == "auth.card.unknown" ? std::move(answer) : end_try(std::move(answer));
  }
  if (*who) {
    BASE_TRY(auto answer, after_first_step(call, **who, auth::Method::social_card, return_to));
    return end_try(std::move(answer));
  }
  BASE_TRY(const auto address, house->card_login->address(cookie));
  BASE_TRY(auto drawing, pages::qr_drawing(address));
  pages::CardPage shown{call.form_token(), return_to, std::move(drawing), nullptr};
  auto answer = Response::html(pages::card_login(pages_look(), shown), call.nonce());
  answer.set("Refresh", "3");
  return answer;
}

base::Result<Response> card_begin(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  const auto network = call.request.client.network();
  // What the holder reads on his telephone before he confirms: where, and from which network.
  const auto shown = call.services.config.agency.name + " " + call.services.config.public_url +
                     " " + base::printable(network, 64);
  const auto begun = house->card_login->begin(
      shown, call.services.config.public_url + "/login/card/confirmed", network);
  if (!begun.ok()) {
    if (begun.error().code == base::Code::internal) return begun.error();
    return start_page(call, return_to, &begun.error());
  }
  auto answer =
      Response::redirect(std::string(kPath) + "?return_to=" + percent_encode(return_to), 303);
  answer.cookie({.name = std::string(kCardCookie), .value = begun->cookie});
  return answer;
}

/// Where the card's platform leaves the telephone: nothing to do there, and nothing to be had.
base::Result<Response> card_confirmed(Call& call) {
  return Response::html(
      pages::message(pages_look(), "good", "web.card.confirmed", "web.card.confirmed.text"),
      call.nonce());
}

}  // namespace handlers
}  // namespace api
