// Passkeys in the browser: adding one, logging in with one, showing one as the second step. Each is
// two requests: the first makes the question and gives a page whose script asks the authenticator,
// the second takes its answer. W3C Web Authentication Level 3 §7; LD/T 01-2020 6.2.6.
#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/auth_pages.h"
#include "api/pages/security_pages.h"
#include "api/problem.h"
#include "api/sign_in.h"

namespace api {
namespace {

constexpr std::string_view kSecurityPath = "/account/security";

/// What a question before any login is bound to: this browser.
std::string browser_of(Call& call) {
  return "browser:" + call.form_token();
}

base::Result<auth::Passkeys*> passkeys(Call& call) {
  BASE_TRY(const auto house, call.house());
  if (!house->passkeys) return base::error(base::Code::not_found, "http.not_found", "no passkeys");
  return house->passkeys.get();
}

Response ask(Call& call, pages::PasskeyPage shown) {
  shown.csrf = call.form_token();
  return Response::html(pages::passkey(pages_look(), shown), call.nonce(), 200,
                        origins_in(call, shown.return_to));
}

/// What the person can mend is told on a page that leads back.
base::Result<Response> refused(Call& call, const base::Error& problem, const std::string& back) {
  if (problem.code == base::Code::internal || problem.code == base::Code::unavailable)
    return problem;
  auto answer = Response::html(pages::passkey_refused(pages_look(), problem, back), call.nonce(),
                               status_of(problem.code));
  answer.note(problem.key);
  return answer;
}

}  // namespace

namespace handlers {

base::Result<Response> login_passkey(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  BASE_TRY(const auto keys, passkeys(call));
  BASE_TRY(auto options, keys->begin_login(std::nullopt, browser_of(call)));
  return ask(call, {.options = std::move(options),
                    .action = "/login/passkey/finish",
                    .return_to = return_to,
                    .back = "/login?return_to=" + percent_encode(return_to)});
}

base::Result<Response> login_passkey_finish(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  BASE_TRY(const auto keys, passkeys(call));
  const auto who = keys->finish_login(std::nullopt, browser_of(call), form_text(form, "answer"));
  if (!who.ok()) return refused(call, who.error(), "/login?return_to=" + percent_encode(return_to));
  return after_first_step(call, who->subject, auth::Method::passkey_verified, return_to);
}

base::Result<Response> second_passkey(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  BASE_TRY(const auto keys, passkeys(call));
  BASE_TRY(const auto at, at_second_step(call));
  if (!at) return Response::redirect("/login?return_to=" + percent_encode(return_to), 303);
  BASE_TRY(auto options, keys->begin_login(at->subject, at->binding));
  return ask(call, {.options = std::move(options),
                    .action = "/login/second/passkey/finish",
                    .return_to = return_to,
                    .back = "/login/second?return_to=" + percent_encode(return_to)});
}

base::Result<Response> second_passkey_finish(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  BASE_TRY(const auto keys, passkeys(call));
  BASE_TRY(const auto at, at_second_step(call));
  if (!at) return Response::redirect("/login?return_to=" + percent_encode(return_to), 303);
  const auto who = keys->finish_login(at->subject, at->binding, form_text(form, "answer"));
  if (!who.ok())
    return refused(call, who.error(), "/login/second?return_to=" + percent_encode(return_to));
  const auto method = who->user_verified ? auth::Method::passkey_verified : auth::Method::passkey;
  return after_second_step(call, *at, method, return_to);
}

base::Result<Response> security_passkey(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_fresh_login(call, kSecurityPath));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto keys, passkeys(call));
  const auto& session = *call.session;
  BASE_TRY(const auto login_name, house->own_account->login_name(session.subject));
  BASE_TRY(auto options, keys->begin_enrolment(session.subject, login_name, session.id));
  return ask(call, {.options = std::move(options),
                    .action = "/account/security/passkey/finish",
                    .return_to = own_return_path(form_text(form, "return_to")),
                    .label = form_text(form, "label"),
                    .back = std::string(kSecurityPath),
                    .creates = true});
}

base::Result<Response> security_passkey_finish(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_fresh_login(call, kSecurityPath));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto keys, passkeys(call));
  const auto& session = *call.session;
  const auto made = keys->finish_enrolment(session.subject, session.id, form_text(form, "answer"),
                                           form_text(form, "label"));
  if (!made.ok()) return refused(call, made.error(), std::string(kSecurityPath));
  return factor_added(call, auth::FactorKind::passkey,
                      own_return_path(form_text(form, "return_to")));
}

}  // namespace handlers
}  // namespace api
