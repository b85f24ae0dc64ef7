// The second step of a login, and 登录与安全: the factors that somebody adds and removes.
// LD/T 01-2020 6.2.5b, 6.2.6.
#include "api/sign_in.h"

#include <algorithm>

#include "api/body_trust.h"
#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/auth_pages.h"
#include "api/pages/security_pages.h"
#include "api/problem.h"

namespace api {
namespace {

constexpr std::string_view kSecurityPath = "/account/security";

std::optional<std::string_view> sign_in_cookie(Call& call) {
  return call.request.cookie(cookie_wire_name(kSignInCookie, call.services.config.https));
}

void end_sign_in(Response& on) {
  on.cookie({.name = std::string(kSignInCookie), .value = "", .max_age = std::chrono::seconds(0)});
}

/// Logged in: agreements first, then on.
base::Result<Response> logged_in(Call& call, const auth::Sessions::Opened& opened,
                                 const std::string& return_to) {
  BASE_TRY(auto asked, ask_agreements(call, opened.session.subject, return_to));
  // At the address for certificates no page but the one that asks for them is shown.
  auto answer = asked ? std::move(*asked)
                : return_to == "/" && call.at_mtls() ? Response::redirect("/account", 303)
                : return_to == "/"
                    ? Response::html(pages::message(pages_look(), "good", "web.login.done",
                                                    "web.login.done.text"),
                                     call.nonce())
                    : Response::redirect(return_to, 303);
  call.give_session(answer, opened.cookie);
  end_sign_in(answer);
  return answer;
}

std::string second_path(std::string_view return_to) {
  return "/login/second?return_to=" + percent_encode(return_to);
}

/// Logged in by this step, or on to the next.
base::Result<Response> go_on(Call& call, const auth::SignIn::Step& step,
                             const std::string& return_to) {
  if (step.opened) return logged_in(call, *step.opened, return_to);
  auto answer = Response::redirect(second_path(return_to), 303);
  answer.cookie({.name = std::string(kSignInCookie), .value = step.pending});
  return answer;
}

base::Result<Response> show_second(Call& call, const AtSecondStep& at, std::string return_to,
                                   bool sent, const base::Error* problem) {
  pages::SecondPage shown;
  BASE_TRY(const auto house, call.house());
  BASE_TRY(auto steps, house->sign_in->steps(at.subject, at.proven));
  shown.steps = std::move(steps.factors);
  shown.password = steps.password;
  shown.csrf = call.form_token();
  shown.return_to = std::move(return_to);
  shown.raise = at.raise;
  shown.sent = sent;
  shown.problem = problem;
  auto answer = Response::html(pages::second(pages_look(), shown), call.nonce(),
                               problem == nullptr ? 200 : status_of(problem->code),
                               origins_in(call, shown.return_to));
  if (problem != nullptr) {
    answer.note(problem->key);
    if (problem->retry_after) answer.retry_after(*problem->retry_after);
  }
  return answer;
}

/// What the person did not do is an error page, the rest is told where he typed.
bool is_for_the_page(const base::Error& problem) {
  return problem.code != base::Code::internal &&
         (problem.code != base::Code::unavailable || problem.key.starts_with("auth.sms."));
}

base::Result<void> check_code(Call& call, const AtSecondStep& at, std::string_view method,
                              std::string_view code) {
  BASE_TRY(const auto house, call.house());
  const auto network = call.request.client.network();
  if (method == "totp") return house->own_codes->check_totp(at.subject, code, network);
  if (method == "recovery") return house->own_codes->check_recovery_code(at.subject, code, network);
  if (method == "sms")
    return house->phone_factor->check_step(at.subject, at.binding, code, network);
  return base::error(base::Code::invalid_argument, "http.form", "unknown method");
}

std::string_view done_key(std::string_view word) {
  if (word == "added") return "web.security.done.added";
  if (word == "removed") return "web.security.done.removed";
  if (word == "linked") return "web.security.done.linked";
  if (word == "renamed") return "web.security.done.renamed";
  if (word == "staff") return "web.staff.second_needed";
  return {};
}

base::Result<Response> show_security(Call& call, pages::SecurityPage shown) {
  BASE_TRY(const auto house, call.house());
  base::check(call.session.has_value(), "the route demands a session");
  const auto& subject = call.session->subject;
  shown.csrf = call.session->csrf;
  shown.passkeys = house->passkeys != nullptr;
  shown.texts = house->sms->offered();
  shown.platforms = platform_choices(*house);
  BASE_TRY(shown.factors, auth::factors_of(call.services.pool, *house->cipher, subject));
  BASE_TRY(shown.certificates, house->certificates->list(subject));
  shown.bodies = bodies_log_in(call.services);
  BASE_TRY(shown.recovery_left, house->own_codes->recovery_codes_left(subject));
  const auto* problem = shown.problem;
  auto answer = Response::html(pages::security(pages_look(), shown, call.services.clock.now()),
                               call.nonce(), problem == nullptr ? 200 : status_of(problem->code));
  if (problem != nullptr) {
    answer.note(problem->key);
    if (problem->retry_after) answer.retry_after(*problem->retry_after);
  }
  return answer;
}

/// The page with what was refused, in its place.
base::Result<Response> refused(Call& call, const base::Error& problem, pages::SecurityPage shown) {
  if (!is_for_the_page(problem)) return problem;
  shown.problem = &problem;
  return show_security(call, std::move(shown));
}

std::string security_path(std::string_view done, std::string_view return_to) {
  auto out = std::string(kSecurityPath) + "?done=" + std::string(done);
  if (return_to != "/" && !return_to.empty()) out += "&return_to=" + percent_encode(return_to);
  return out;
}

/// A change of what somebody logs in with: after a login just made, with its form.
template <class Change>
base::Result<Response> change_factors(Call& call, const Change& change) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_fresh_login(call, kSecurityPath));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  return change(form, *house, *call.session);
}

/// Where the page leads on to; empty when nowhere.
std::string way_on(std::string_view wanted) {
  const auto own = own_return_path(wanted);
  return own == "/" ? std::string() : own;
}

}  // namespace

std::string own_return_path(std::string_view wanted) {
  return is_own_return_path(wanted) ? std::string(wanted) : "/";
}

base::Result<Response> after_first_step(Call& call, const auth::SubjectId& subject,
                                        auth::Methods proven, const std::string& return_to) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto step, house->sign_in->begin(subject, proven, call.request.client.network()));
  return go_on(call, step, return_to);
}

base::Result<std::optional<AtSecondStep>> at_second_step(Call& call) {
  BASE_TRY(const auto house, call.house());
  if (const auto cookie = sign_in_cookie(call)) {
    BASE_TRY(const auto pending, house->sign_in->find(*cookie));
    if (pending)
      return std::optional(AtSecondStep{pending->subject, pending->proven, pending->id, false});
  }
  BASE_TRY(const auto session, call.find_session());
  if (!session) return std::optional<AtSecondStep>();
  return std::optional(AtSecondStep{session->subject, session->methods, session->id, true});
}

base::Result<Response> after_second_step(Call& call, const AtSecondStep& at, auth::Method proven,
                                         const std::string& return_to) {
  BASE_TRY(const auto house, call.house());
  if (at.raise) {
    const auto cookie =
        call.request.cookie(cookie_wire_name(kSessionCookie, call.services.config.https));
    BASE_TRY(const auto opened, house->sessions->raise(cookie.value_or(""), proven));
    return logged_in(call, opened, return_to);
  }
  BASE_TRY(const auto step, house->sign_in->finish(sign_in_cookie(call).value_or(""), proven,
                                                   call.request.client.network()));
  return go_on(call, step, return_to);
}

base::Result<Response> factor_added(Call& call, auth::FactorKind kind, std::string_view return_to) {
  BASE_TRY(const auto house, call.house());
  auto answer = Response::redirect(security_path("added", return_to), 303);
  BASE_TRY(const auto factors,
           auth::factors_of(call.services.pool, *house->cipher, call.session->subject));
  const auto now = call.services.clock.now();
  const bool counts = std::any_of(factors.begin(), factors.end(), [&](const auto& factor) {
    return factor.kind == kind && factor.usable_from <= now;
  });
  if (!counts) return answer;
  const auto cookie =
      call.request.cookie(cookie_wire_name(kSessionCookie, call.services.config.https));
  BASE_TRY(const auto raised, house->sessions->raise(cookie.value_or(""), *auth::method_of(kind)));
  call.give_session(answer, raised.cookie);
  return answer;
}

base::Result<std::optional<Response>> ask_fresh_login(Call& call, std::string_view return_to) {
  BASE_TRY(const auto house, call.house());
  const auto& session = *call.session;
  BASE_TRY(const auto steps, house->sign_in->steps(session.subject, session.methods));
  switch (auth::lack_of(steps, session.authenticated_at, call.services.clock.now())) {
    case auth::LoginLack::nothing:
      break;
    case auth::LoginLack::second_step:
      return std::optional(Response::redirect(second_path(return_to)));
    case auth::LoginLack::new_login:
      return std::optional(
          Response::redirect("/login?fresh=1&return_to=" + percent_encode(return_to)));
  }
  return std::optional<Response>();
}

namespace handlers {

base::Result<Response> second_page(Call& call) {
  const auto return_to = own_return_path(only(call.request.query, "return_to").value_or("/"));
  BASE_TRY(const auto at, at_second_step(call));
  if (!at) return Response::redirect("/login?return_to=" + percent_encode(return_to));
  const bool sent = only(call.request.query, "sent").has_value();
  return show_second(call, *at, return_to, sent, nullptr);
}

base::Result<Response> second_submit(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  BASE_TRY(const auto at, at_second_step(call));
  if (!at) return Response::redirect("/login?return_to=" + percent_encode(return_to));
  const auto method = form_text(form, "method");
  const auto checked = check_code(call, *at, method, form_text(form, "code"));
  if (!checked.ok()) {
    if (!is_for_the_page(checked.error())) return checked.error();
    return show_second(call, *at, return_to, false, &checked.error());
  }
  const auto kind = auth::factor_kind(method);
  base::check(kind && auth::method_of(*kind), "check_code knows factors only");
  return after_second_step(call, *at, *auth::method_of(*kind), return_to);
}

/// Behind a certificate: the password is the other kind of proof. LD/T 01-2020 5.4.1.3b.
base::Result<Response> second_password(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto at, at_second_step(call));
  if (!at) return Response::redirect("/login?return_to=" + percent_encode(return_to));
  BASE_TRY(const auto login_name, house->own_account->login_name(at->subject));
  const auto who = house->accounts->log_in(login_name, form_secret(form, "password"),
                                           call.request.client.network());
  if (!who.ok()) {
    if (!is_for_the_page(who.error())) return who.error();
    return show_second(call, *at, return_to, false, &who.error());
  }
  base::check(*who == at->subject, "a login name is one person's");
  return after_second_step(call, *at, auth::Method::password, return_to);
}

base::Result<Response> second_send(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto return_to = own_return_path(form_text(form, "return_to"));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto at, at_second_step(call));
  if (!at) return Response::redirect("/login?return_to=" + percent_encode(return_to));
  const auto sent =
      house->phone_factor->send_step(at->subject, at->binding, call.request.client.network());
  if (!sent.ok()) {
    if (!is_for_the_page(sent.error())) return sent.error();
    return show_second(call, *at, return_to, false, &sent.error());
  }
  return Response::redirect(second_path(return_to) + "&sent=1", 303);
}

base::Result<Response> security_page(Call& call) {
  pages::SecurityPage shown;
  shown.done = done_key(only(call.request.query, "done").value_or(""));
  shown.return_to = way_on(only(call.request.query, "return_to").value_or(""));
  return show_security(call, std::move(shown));
}

base::Result<Response> security_begin_totp(Call& call) {
  return change_factors(call, [&](auto& form, auto& house, auto& session) -> base::Result<Response> {
    BASE_TRY(const auto login_name, house.own_account->login_name(session.subject));
    pages::SecurityPage shown;
    shown.return_to = way_on(form_text(form, "return_to"));
    shown.offer = house.own_codes->offer_totp(session.subject, session.id, login_name);
    return show_security(call, std::move(shown));
  });
}

base::Result<Response> security_add_totp(Call& call) {
  return change_factors(call, [&](auto& form, auto& house, auto& session) -> base::Result<Response> {
    const auto token = form_text(form, "offer");
    pages::SecurityPage shown;
    shown.return_to = way_on(form_text(form, "return_to"));
    shown.label = form_text(form, "label");
    const auto done = house.own_codes->add_totp(session.subject, session.id, token,
                                                form_text(form, "code"), shown.label);
    if (done.ok()) return factor_added(call, auth::FactorKind::totp, shown.return_to);
    BASE_TRY(const auto login_name, house.own_account->login_name(session.subject));
    shown.offer = house.own_codes->same_offer(session.subject, session.id, token, login_name);
    return refused(call, done.error(), std::move(shown));
  });
}

base::Result<Response> security_send_phone(Call& call) {
  return change_factors(call, [&](auto& form, auto& house, auto& session) -> base::Result<Response> {
    pages::SecurityPage shown;
    shown.return_to = way_on(form_text(form, "return_to"));
    shown.phone = form_text(form, "phone");
    const auto sent =
        house.phone_factor->offer(session.id, shown.phone, call.request.client.network());
    if (!sent.ok()) return refused(call, sent.error(), std::move(shown));
    shown.sent = true;
    return show_security(call, std::move(shown));
  });
}

base::Result<Response> security_confirm_phone(Call& call) {
  return change_factors(call, [&](auto& form, auto& house, auto& session) -> base::Result<Response> {
    pages::SecurityPage shown;
    shown.return_to = way_on(form_text(form, "return_to"));
    shown.phone = form_text(form, "phone");
    shown.sent = true;
    const auto done = house.phone_factor->confirm(session.subject, session.id, shown.phone,
                                                  form_text(form, "code"));
    if (!done.ok()) return refused(call, done.error(), std::move(shown));
    return factor_added(call, auth::FactorKind::sms, shown.return_to);
  });
}

/// The codes stand in this answer and nowhere else: no redirect could carry them.
base::Result<Response> security_make_recovery(Call& call) {
  return change_factors(call, [&](auto&, auto& house, auto& session) -> base::Result<Response> {
    auto made = house.own_codes->make_recovery_codes(session.subject);
    if (!made.ok()) return refused(call, made.error(), {});
    pages::SecurityPage shown;
    shown.codes = std::move(*made);
    return show_security(call, std::move(shown));
  });
}

base::Result<Response> security_remove(Call& call) {
  return change_factors(call, [&](auto& form, auto& house, auto& session) -> base::Result<Response> {
    const auto removed = house.own_codes->remove(session.subject, form_text(form, "factor"));
    if (!removed.ok()) return refused(call, removed.error(), {});
    return Response::redirect(security_path("removed", ""), 303);
  });
}

base::Result<Response> security_rename(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto renamed = auth::rename_factor(call.services.pool, call.session->subject,
                                           form_text(form, "factor"), form_text(form, "label"));
  if (!renamed.ok()) return refused(call, renamed.error(), {});
  return Response::redirect(security_path("renamed", ""), 303);
}

}  // namespace handlers
}  // namespace api
