// Registering by oneself, as pages: choose, two steps of fields, user name and password, done.
// What is right and wrong stands in auth/registration.h. LD/T 01-2020 5.4.1.2–4.
#include "api/form_values.h"
#include "api/handlers.h"
#include "api/page_handlers.h"
#include "api/pages/registration_pages.h"
#include "api/problem.h"

namespace api {
namespace {

using auth::RegistrationStep;

std::string reference_of(const Call& call) {
  const auto cookie =
      call.request.cookie(cookie_wire_name(kRegistrationCookie, call.services.config.https));
  return cookie ? std::string(*cookie) : std::string();
}

base::Date today(const Call& call) {
  return base::china_date(call.services.clock.now());
}

Response page(Call& call, std::string html, int status = 200) {
  return Response::html(std::move(html), call.nonce(), status);
}

/// Kept as long as the registration is: whoever comes back with this browser goes on at once.
void give_registration(Response& on, std::string_view reference) {
  on.cookie({.name = std::string(kRegistrationCookie),
             .value = std::string(reference),
             .max_age = auth::Registration::Config{}.life});
}

void forget_cookie(Response& on) {
  on.cookie(
      {.name = std::string(kRegistrationCookie), .value = "", .max_age = std::chrono::seconds(0)});
}

Response to_step(RegistrationStep step) {
  return Response::redirect("/register/" + std::string(auth::to_text(step)));
}

base::Result<Response> start_page(Call& call, std::string return_to, const base::Error* problem) {
  BASE_TRY(const auto house, call.house());
  pages::RegisterPage shown{call.form_token(), std::move(return_to), {}, problem};
  const auto draft = house->registration->find(reference_of(call));
  shown.card = house->card_login->offered();
  if (draft.ok() && !draft->completed) shown.going = auth::to_text(draft->next(today(call)));
  auto answer = page(call, pages::register_start(pages_look(), shown),
                     problem == nullptr ? 200 : status_of(problem->code));
  if (problem != nullptr) {
    answer.note(problem->key);
    if (problem->retry_after) answer.retry_after(*problem->retry_after);
  }
  return answer;
}

/// The draft of this browser; nothing when there is none to go on with.
base::Result<std::optional<auth::RegistrationDraft>> draft_of(Call& call) {
  BASE_TRY(const auto house, call.house());
  auto draft = house->registration->find(reference_of(call));
  if (draft.ok() && !draft->completed) return std::optional(std::move(*draft));
  if (!draft.ok() && draft.error().code != base::Code::not_found) return std::move(draft).error();
  return std::optional<auth::RegistrationDraft>();
}

base::Result<Response> step_page(Call& call, RegistrationStep step) {
  BASE_TRY(const auto draft, draft_of(call));
  if (!draft) return Response::redirect("/register");
  const auto next = draft->next(today(call));
  if (step > next) return to_step(next);
  return page(call, pages::register_step(
                        pages_look(), {call.form_token(), reference_of(call), *draft, today(call)}, step, {}));
}

base::Result<Response> step_submit(Call& call, RegistrationStep step) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto draft, draft_of(call));
  if (!draft) return Response::redirect("/register");
  auth::FieldValues typed;
  for (const auto& field : auth::registration_fields(draft->kind))
    if (field.step == step) typed.emplace(field.name, form_text(form, field.name));
  BASE_TRY(const auto judged, house->registration->fill(reference_of(call), step, typed));
  if (judged.wrong.empty())
    return to_step(step == RegistrationStep::identity ? RegistrationStep::details
                                                      : RegistrationStep::account);
  BASE_TRY(const auto kept, house->registration->find(reference_of(call)));
  auto answer =
      page(call,
           pages::register_step(pages_look(),
                                {call.form_token(), reference_of(call), kept, today(call)}, step,
                                judged.wrong),
           400);
  answer.note(judged.wrong.front().key);
  return answer;
}

base::Result<Response> last_step_page(Call& call, const auth::RegistrationDraft& draft,
                                      pages::RegisterAccountPage shown) {
  BASE_TRY(const auto house, call.house());
  for (const auto kind : {auth::AgreementKind::service, auth::AgreementKind::privacy}) {
    BASE_TRY(auto agreement, house->agreements->current(kind));
    shown.agreements.push_back(std::move(agreement));
  }
  shown.today = today(call);
  auto answer = page(
      call,
      pages::register_account(pages_look(), {call.form_token(), reference_of(call), draft}, shown),
      shown.problem == nullptr ? 200 : status_of(shown.problem->code));
  if (shown.problem != nullptr) {
    answer.note(shown.problem->key);
    if (shown.problem->retry_after) answer.retry_after(*shown.problem->retry_after);
  }
  return answer;
}

}  // namespace

namespace handlers {

base::Result<Response> register_page(Call& call) {
  const auto wanted = only(call.request.query, "return_to").value_or("/");
  return start_page(call, std::string(is_own_return_path(wanted) ? wanted : "/"), nullptr);
}

base::Result<Response> register_start(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  auto return_to = form_text(form, "return_to");
  if (!is_own_return_path(return_to) || return_to.size() > 4096) return_to = "/";
  const auto kind = form_text(form, "kind");
  if (kind != "person" && kind != "unit")
    return base::error(base::Code::invalid_argument, "http.form", "kind");
  const auto reference = house->registration->start(
      kind == "unit" ? auth::SubjectKind::unit : auth::SubjectKind::person,
      call.request.client.network(), return_to);
  if (!reference.ok()) return start_page(call, return_to, &reference.error());
  auto answer = to_step(RegistrationStep::identity);
  give_registration(answer, *reference);
  return answer;
}

base::Result<Response> register_with_card(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  auto return_to = form_text(form, "return_to");
  if (!is_own_return_path(return_to) || return_to.size() > 4096) return_to = "/";
  const auto cookie = call.request.cookie(cookie_wire_name(kCardCookie, call.services.config.https));
  const auto holder = house->card_login->holder(cookie.value_or(""));
  if (!holder.ok()) {
    if (holder.error().code == base::Code::internal) return holder.error();
    return start_page(call, return_to, &holder.error());
  }
  const auto reference = house->registration->start(
      auth::ProvenIdentity{"social-card", holder->source, holder->transaction, holder->name,
                           holder->id_number},
      call.request.client.network(), return_to);
  auto answer = to_step(RegistrationStep::identity);
  if (reference.ok()) {
    give_registration(answer, *reference);
  } else {
    BASE_TRY(answer, start_page(call, return_to, &reference.error()));
  }
  answer.cookie(
      {.name = std::string(kCardCookie), .value = "", .max_age = std::chrono::seconds(0)});
  return answer;
}

base::Result<Response> register_resume(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto reference = auth::plain_reference(form_text(form, "reference"));
  const auto draft = house->registration->find(reference);
  if (!draft.ok()) return start_page(call, "/", &draft.error());
  if (draft->proven) {  // it stays where the card was shown
    const auto elsewhere = base::error(base::Code::not_found, "auth.registration.unknown");
    return start_page(call, "/", &elsewhere);
  }
  if (draft->completed) {
    const auto done = base::error(base::Code::conflict, "auth.registration.completed");
    return start_page(call, "/", &done);
  }
  auto answer = to_step(draft->next(today(call)));
  give_registration(answer, reference);
  return answer;
}

base::Result<Response> register_identity_page(Call& call) {
  return step_page(call, RegistrationStep::identity);
}
base::Result<Response> register_identity(Call& call) {
  return step_submit(call, RegistrationStep::identity);
}
base::Result<Response> register_details_page(Call& call) {
  return step_page(call, RegistrationStep::details);
}
base::Result<Response> register_details(Call& call) {
  return step_submit(call, RegistrationStep::details);
}

base::Result<Response> register_account_page(Call& call) {
  BASE_TRY(const auto draft, draft_of(call));
  if (!draft) return Response::redirect("/register");
  const auto next = draft->next(today(call));
  if (next != RegistrationStep::account) return to_step(next);
  return last_step_page(call, *draft, {});
}

base::Result<Response> register_complete(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto reference = reference_of(call);
  BASE_TRY(const auto draft, draft_of(call));
  if (!draft) return Response::redirect("/register");
  pages::RegisterAccountPage shown;
  shown.login_name = form_text(form, "login_name");
  auth::RegistrationEnd end;
  end.login_name = shown.login_name;
  end.accepted = form_acceptances(form);
  for (const auto& one : end.accepted) shown.ticked.emplace_back(auth::to_text(one.kind));
  end.password = form_secret(form, "password");
  if (!end.password.equals(form_secret(form, "password_again").reveal())) {
    auto differs = base::error(base::Code::invalid_argument, "auth.subject_invalid");
    differs.fields.push_back({"password_again", "web.register.password.differs"});
    shown.problem = &differs;
    return last_step_page(call, *draft, std::move(shown));
  }
  const auto done = house->registration->complete(reference, end);
  if (!done.ok()) {
    if (done.error().code == base::Code::internal || done.error().code == base::Code::unavailable)
      return done.error();
    shown.problem = &done.error();
    return last_step_page(call, *draft, std::move(shown));
  }
  auto answer = Response::redirect("/register/done?return_to=" + percent_encode(draft->return_to));
  forget_cookie(answer);
  return answer;
}

base::Result<Response> register_done_page(Call& call) {
  const auto wanted = only(call.request.query, "return_to").value_or("/");
  return page(call, pages::register_done(pages_look(), is_own_return_path(wanted) ? wanted : "/"));
}

base::Result<Response> register_discard(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->registration->discard(reference_of(call)));
  auto answer = Response::redirect("/register");
  forget_cookie(answer);
  return answer;
}

}  // namespace handlers
}  // namespace api
