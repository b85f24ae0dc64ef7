#include "api/identity_handlers.h"

#include "api/account_export.h"
#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/account_pages.h"
#include "api/pages/auth_pages.h"
#include "api/problem.h"
#include "auth/activation.h"
#include "auth/identity_requests.h"

namespace api {
namespace {

Response activation_answer(Call& call, std::string login_name, const base::Error* problem) {
  auto answer = Response::html(
      pages::activate(pages_look(), {call.form_token(), std::move(login_name), problem}),
      call.nonce(), problem == nullptr ? 200 : status_of(problem->code));
  if (problem != nullptr) {
    answer.note(problem->key);
    if (problem->retry_after) answer.retry_after(*problem->retry_after);
  }
  return answer;
}

}  // namespace

base::Result<std::string> ask_identity(Call& call, const auth::SubjectId& subject, bool renamed,
                                       const TypedIdentity& typed) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto person, house->accounts->subject(subject));
  auth::IdentityChange change;
  if (renamed) {
    change.name = typed.name;
  } else {
    change.kind = auth::IdentityChange::Kind::document;
    BASE_TRY(change.document, auth::read_identity_document(
                                  person.kind, typed.id_type, typed.id_number, typed.country,
                                  base::china_date(call.services.clock.now())));
  }
  auth::IdentityRequests requests(
      {call.services.pool, *house->cipher, call.services.clock, call.services.random});
  return requests.ask(subject, change, subject);
}

namespace handlers {

base::Result<Response> account_ask_identity(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  const auto asked = ask_identity(call, call.session->subject, form_text(form, "what") == "name",
                                  {form_text(form, "name"), form_text(form, "id_type"),
                                   form_text(form, "id_number"), form_text(form, "country")});
  if (!asked.ok()) return account_refused(call, asked.error());
  return Response::redirect("/account?done=asked");
}

base::Result<Response> account_export(Call& call) {
  return account_file(call, call.session->subject);
}

base::Result<Response> activate_page(Call& call) {
  return activation_answer(call, {}, nullptr);
}

base::Result<Response> activate_submit(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(const auto house, call.house());
  const auto login_name = form_text(form, "login_name");
  const auto password = form_secret(form, "password");
  if (!password.equals(form_secret(form, "password_again").reveal())) {
    const auto differs = base::error(base::Code::invalid_argument, "web.register.password.differs");
    return activation_answer(call, login_name, &differs);
  }
  auth::Activation activation(
      {call.services.pool, *house->accounts, call.services.clock, call.services.random});
  const auto done = activation.redeem(login_name, form_text(form, "code"), password);
  if (!done.ok()) {
    if (done.error().code == base::Code::internal || done.error().code == base::Code::unavailable)
      return done.error();
    return activation_answer(call, login_name, &done.error());
  }
  return Response::html(
      pages::message(pages_look(), "good", "web.activate.done", "web.activate.done.text"),
      call.nonce());
}

}  // namespace handlers
}  // namespace api
