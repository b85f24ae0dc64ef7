// 我的账户: what a person sees and changes of his own account, and agreements that he is asked for
// again. LD/T 01-2020 6.2.4, 6.2.5.
#include "api/form_values.h"
#include "api/handlers.h"
#include "api/page_handlers.h"
#include "api/pages/account_pages.h"
#include "api/problem.h"
#include "api/sign_in.h"
#include "auth/details.h"

namespace api {
namespace {

/// What may be told after a deed, by the word in the address.
std::string_view done_key(std::string_view word) {
  if (word == "saved") return "web.account.saved";
  if (word == "password") return "web.account.password.done";
  if (word == "session") return "web.account.session.ended";
  if (word == "consent") return "web.account.consent.revoked";
  if (word == "asked") return "web.account.asked";
  if (word == "cancel") return "web.account.cancel.asked";
  if (word == "kept") return "web.account.cancel.withdrawn";
  if (word == "privacy") return "web.account.privacy.withdrawn";
  return {};
}

Response done(std::string_view word) {
  return Response::redirect("/account?done=" + std::string(word));
}

base::Result<Response> show_account(Call& call, pages::AccountPage shown) {
  BASE_TRY(const auto house, call.house());
  base::check(call.session.has_value(), "the route demands a session");
  const auto& subject = call.session->subject;
  shown.csrf = call.session->csrf;
  BASE_TRY(shown.person, house->accounts->subject(subject));
  auto& own = *house->own_account;
  BASE_TRY(shown.login_name, own.login_name(subject));
  BASE_TRY(shown.details, auth::details_of(call.services.pool, *house->cipher, subject));
  BASE_TRY(shown.documents, auth::documents_of(call.services.pool, *house->cipher, subject));
  BASE_TRY(shown.sessions, own.sessions(subject, call.session->id));
  BASE_TRY(shown.consents, own.consents(subject));
  BASE_TRY(shown.acts, house->agreements->acts(subject));
  BASE_TRY(shown.trace, own.trace(subject));
  BASE_TRY(shown.ends_at, house->cancellation->due(subject));
  auth::IdentityRequests requests(
      {call.services.pool, *house->cipher, call.services.clock, call.services.random});
  BASE_TRY(shown.requests, requests.of(subject));
  BASE_TRY(shown.staff, requests.is_staff(subject));
  auto answer = Response::html(pages::account(pages_look(), shown), call.nonce(),
                               shown.problem == nullptr ? 200 : status_of(shown.problem->code));
  if (shown.problem != nullptr) {
    answer.note(shown.problem->key);
    if (shown.problem->retry_after) answer.retry_after(*shown.problem->retry_after);
  }
  return answer;
}

/// A refusal is told on the page, in its place; what is not the person's doing is an error page.
base::Result<Response> refused(Call& call, const base::Error& problem, pages::AccountPage shown) {
  if (problem.code == base::Code::internal || problem.code == base::Code::unavailable)
    return problem;
  shown.problem = &problem;
  return show_account(call, std::move(shown));
}

base::Result<Response> show_agreements(Call& call, std::string return_to,
                                       const base::Error* problem) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(auto pending, house->agreements->pending(call.session->subject));
  if (pending.empty()) return Response::redirect(return_to);
  const pages::AgreementPage shown{call.session->csrf, std::move(return_to), std::move(pending),
                                   problem};
  auto answer = Response::html(pages::agreement(pages_look(), shown), call.nonce(),
                               problem == nullptr ? 200 : status_of(problem->code));
  if (problem != nullptr) answer.note(problem->key);
  return answer;
}

std::string own_path(std::string wanted) {
  return is_own_return_path(wanted) && wanted != "/" ? wanted : "/account";
}

}  // namespace

base::Result<std::optional<Response>> ask_agreements(Call& call, const auth::SubjectId& subject,
                                                     std::string_view return_to) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto pending, house->agreements->pending(subject));
  if (pending.empty()) return std::optional<Response>();
  return std::optional(Response::redirect("/agreement?return_to=" + percent_encode(return_to)));
}

base::Result<Response> account_refused(Call& call, const base::Error& problem) {
  return refused(call, problem, {});
}

namespace handlers {

base::Result<Response> agreement_page(Call& call) {
  return show_agreements(
      call, own_path(std::string(only(call.request.query, "return_to").value_or(""))), nullptr);
}

base::Result<Response> agreement_submit(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto return_to = own_path(form_text(form, "return_to"));
  const auto accepted = form_acceptances(form);
  const auto recorded =
      house->agreements->accept_pending(call.session->subject, accepted, "login");
  if (!recorded.ok()) {
    const auto& key = recorded.error().key;
    if (key != "auth.agreement.needed" && key != "auth.agreement.changed") return recorded.error();
    return show_agreements(call, return_to, &recorded.error());
  }
  return Response::redirect(return_to);
}

base::Result<Response> account_page(Call& call) {
  pages::AccountPage shown;
  shown.done = done_key(only(call.request.query, "done").value_or(""));
  return show_account(call, std::move(shown));
}

base::Result<Response> account_details(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto person, house->accounts->subject(call.session->subject));
  pages::AccountPage shown;
  for (const auto& field : auth::registration_fields(person.kind)) {
    if (field.step != auth::RegistrationStep::details) continue;
    auto value = form_text(form, field.name);
    if (value.size() > field.most) value.resize(field.most);
    if (!value.empty()) shown.typed.emplace(field.name, std::move(value));
  }
  if (shown.typed.empty()) return Response::redirect("/account");
  if (auth::needs_fresh_login(shown.typed)) {
    BASE_TRY(auto asked, ask_fresh_login(call, "/account"));
    if (asked) return std::move(*asked);
  }
  BASE_TRY(const auto judged, house->own_account->change_details(person, shown.typed));
  if (judged.wrong.empty()) return done("saved");
  auto problem = base::error(base::Code::invalid_argument, "auth.subject_invalid");
  problem.fields = judged.wrong;
  return refused(call, problem, std::move(shown));
}

base::Result<Response> account_password(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto current = form_secret(form, "current"), next = form_secret(form, "password");
  pages::AccountPage shown;
  shown.password_refused = true;
  if (!next.equals(form_secret(form, "password_again").reveal()))
    return refused(call, base::error(base::Code::invalid_argument, "web.register.password.differs"),
                   std::move(shown));
  const auto changed = house->accounts->change_password(
      call.session->subject, current, next, call.request.client.network(), call.session->id);
  if (!changed.ok()) return refused(call, changed.error(), std::move(shown));
  return done("password");
}

base::Result<Response> account_end_session(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto ended =
      house->own_account->end_session(call.session->subject, form_text(form, "session"));
  if (!ended.ok()) return refused(call, ended.error(), {});
  return done("session");
}

base::Result<Response> account_revoke_consent(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto revoked =
      house->own_account->revoke_consent(call.session->subject, form_text(form, "client"));
  if (!revoked.ok()) return refused(call, revoked.error(), {});
  return done("consent");
}

/// 个人信息保护法 47: by the person, with a login just made.
base::Result<Response> account_cancel(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  if (form_text(form, "sure") != "yes")
    return refused(call, base::error(base::Code::invalid_argument, "web.cancel.tick"), {});
  BASE_TRY(auto asked, ask_fresh_login(call, "/account"));
  if (asked) return std::move(*asked);
  const auto due = house->cancellation->ask(call.session->subject);
  if (!due.ok()) return refused(call, due.error(), {});
  return done("cancel");
}

base::Result<Response> account_keep(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto kept = house->cancellation->withdraw(call.session->subject);
  if (!kept.ok()) return refused(call, kept.error(), {});
  return done("kept");
}

base::Result<Response> account_withdraw_privacy(Call& call) {
  BASE_TRY(const auto house, call.house());
  const auto withdrawn = house->agreements->withdraw_privacy(call.session->subject, "account");
  if (!withdrawn.ok()) return refused(call, withdrawn.error(), {});
  return done("privacy");
}

}  // namespace handlers
}  // namespace api
