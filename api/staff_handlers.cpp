#include "api/staff_handlers.h"

#include "api/form_values.h"
#include "api/page_handlers.h"
#include "api/pages/staff_pages.h"
#include "api/problem.h"
#include "api/sign_in.h"
#include "api/staff_deeds.h"
#include "auth/staff.h"

namespace api {
namespace {

constexpr std::string_view kHome = "/staff";
constexpr std::string_view kTrailPath = "/staff/trail";

std::string person_path(std::string_view id) {
  return "/staff/people/" + percent_encode(id);
}

/// What may be told after a deed, by the word in the address.
std::string_view done_key(std::string_view word) {
  if (word == "locked") return "web.staff.done.locked";
  if (word == "unlocked") return "web.staff.done.unlocked";
  if (word == "asked") return "web.staff.done.asked";
  return {};
}

base::Result<Response> show_home(Call& call, pages::StaffHome shown) {
  BASE_TRY(const auto house, call.house());
  begin_staff(call, shown);
  BASE_TRY(const auto people, PeopleDesk(call, *house).requests.open());
  shown.people = people.size();
  BASE_TRY(const auto portals, PortalDesk(call).portals.open());
  shown.portals = portals.size();
  return staff_answer(call, pages::staff_home(pages_look(), shown), shown.problem);
}

base::Result<Response> show_person(Call& call, pages::StaffPerson shown) {
  BASE_TRY(const auto house, call.house());
  begin_staff(call, shown);
  BASE_TRY(shown.file,
           PeopleDesk(call, *house)
               .files.open(call.session->subject, auth::SubjectId(std::string(call.path("id")))));
  BASE_TRY_VOID(put_login_names(*house, shown.file, shown.names));
  return staff_answer(call, pages::staff_person(pages_look(), shown), shown.problem);
}

/// What a deed was refused for, on the person's page and with what was typed.
base::Result<Response> refused(Call& call, const base::Error& problem, const Parameters& form) {
  if (!is_told_on_page(problem)) return problem;
  pages::StaffPerson shown;
  shown.problem = &problem;
  for (const auto* name : {"reason", "until", "name", "id_type", "duplicate"})
    shown.typed.emplace(name, form_text(form, name));
  return show_person(call, std::move(shown));
}

/// A deed to the person of the address: by staff, with a login just made.
template <class Deed>
base::Result<Response> at_person(Call& call, const Deed& deed) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_staff_deed(call, person_path(call.path("id"))));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  return deed(form, *house, auth::SubjectId(std::string(call.path("id"))), call.session->subject);
}

Response done(Call& call, std::string_view word) {
  return Response::redirect(person_path(call.path("id")) + "?done=" + std::string(word), 303);
}

TypedIdentity typed_identity(const Parameters& form) {
  return {form_text(form, "name"), form_text(form, "id_type"), form_text(form, "id_number"),
          form_text(form, "country")};
}

}  // namespace

base::Result<std::optional<Response>> ask_staff(Call& call, std::string_view return_to) {
  BASE_TRY(const auto house, call.house());
  base::check(call.session.has_value(), "the route demands a session");
  const auto& session = *call.session;
  const auto now = call.services.clock.now();
  BASE_TRY(const bool may, auth::is_staff(call.services.pool, session.subject, now));
  if (!may) return base::error(base::Code::not_found, "http.not_found");
  if (session.authentication >= auth::Authentication::two_factor) return std::optional<Response>();
  BASE_TRY(auto factors, auth::factors_of(call.services.pool, *house->cipher, session.subject));
  const auto back = "return_to=" + percent_encode(return_to);
  return std::optional(
      Response::redirect(auth::second_steps(std::move(factors), session.methods, now).empty()
                             ? "/account/security?done=staff&" + back
                             : "/login/second?" + back));
}

base::Result<std::optional<Response>> ask_staff_deed(Call& call, std::string_view return_to) {
  BASE_TRY(auto asked, ask_staff(call, return_to));
  if (asked) return asked;
  return ask_fresh_login(call, return_to);
}

void begin_staff(Call& call, pages::StaffPage& shown) {
  base::check(call.session.has_value(), "the route demands a session");
  shown.csrf = call.session->csrf;
  shown.staff = call.session->subject.value();
}

Response staff_answer(Call& call, std::string html, const base::Error* problem) {
  auto answer = Response::html(std::move(html), call.nonce(),
                               problem == nullptr ? 200 : status_of(problem->code));
  if (problem != nullptr) answer.note(problem->key);
  return answer;
}

bool is_told_on_page(const base::Error& problem) {
  return problem.code != base::Code::internal && problem.code != base::Code::unavailable &&
         problem.key != "auth.subject_unknown" && problem.key != "auth.staff.none";
}

namespace handlers {

base::Result<Response> staff_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, kHome));
  if (asked) return std::move(*asked);
  return show_home(call, {});
}

/// A number stands in the body of the request and in no address, and the answer is an address with
/// none.
base::Result<Response> staff_find(Call& call) {
  BASE_TRY(const auto form, call.request.form());
  BASE_TRY(auto asked, ask_staff(call, kHome));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  PeopleDesk desk(call, *house);
  const auto& staff = call.session->subject;
  const auto login_name = form_text(form, "login_name");
  const auto told = [&](const base::Error& problem) -> base::Result<Response> {
    pages::StaffHome shown;
    shown.problem = &problem;
    shown.typed.emplace("login_name", login_name);
    shown.typed.emplace("id_type", form_text(form, "id_type"));
    return show_home(call, std::move(shown));
  };
  std::optional<auth::SubjectId> found;
  if (!login_name.empty()) {
    BASE_TRY(found, desk.files.find_login(staff, login_name));
  } else {
    const auto document = typed_document(call, typed_identity(form));
    if (!document.ok()) return told(document.error());
    BASE_TRY(found, desk.files.find_document(staff, *document));
  }
  if (!found) return told(base::error(base::Code::not_found, "auth.subject_unknown"));
  return Response::redirect(person_path(found->value()), 303);
}

base::Result<Response> staff_person_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, person_path(call.path("id"))));
  if (asked) return std::move(*asked);
  pages::StaffPerson shown;
  shown.done = done_key(only(call.request.query, "done").value_or(""));
  return show_person(call, std::move(shown));
}

base::Result<Response> staff_lock(Call& call) {
  return at_person(
      call, [&](auto& form, auto& house, auto subject, auto& staff) -> base::Result<Response> {
        const auto until = lock_end(form_text(form, "until"));
        if (!until.ok()) return refused(call, until.error(), form);
        const auto locked =
            PeopleDesk(call, house).locks.lock(subject, staff, form_text(form, "reason"), *until);
        if (!locked.ok()) return refused(call, locked.error(), form);
        return done(call, "locked");
      });
}

base::Result<Response> staff_unlock(Call& call) {
  return at_person(
      call, [&](auto& form, auto& house, auto subject, auto& staff) -> base::Result<Response> {
        const auto unlocked =
            PeopleDesk(call, house).locks.unlock(subject, staff, form_text(form, "reason"));
        if (!unlocked.ok()) return refused(call, unlocked.error(), form);
        return done(call, "unlocked");
      });
}

/// The code stands in this answer and nowhere else: no redirect could carry it.
base::Result<Response> staff_reset(Call& call) {
  return at_person(
      call, [&](auto& form, auto& house, auto subject, auto& staff) -> base::Result<Response> {
        const auto code = PeopleDesk(call, house).files.reset(staff, subject);
        if (!code.ok()) return refused(call, code.error(), form);
        pages::StaffOnce shown;
        begin_staff(call, shown);
        shown.title = "web.staff.reset.code";
        shown.text = "web.staff.reset.code.help";
        shown.value = *code;
        shown.back = person_path(subject.value());
        return Response::html(pages::staff_once(pages_look(), shown), call.nonce());
      });
}

base::Result<Response> staff_ask(Call& call) {
  return at_person(
      call, [&](auto& form, auto& house, auto subject, auto& staff) -> base::Result<Response> {
        const auto change =
            typed_change(call, {form_text(form, "what"), typed_identity(form),
                                form_text(form, "beside") != "yes", form_text(form, "document"),
                                form_text(form, "duplicate"), form_text(form, "factor")});
        if (!change.ok()) return refused(call, change.error(), form);
        const auto request = PeopleDesk(call, house).requests.ask(subject, *change, staff);
        if (!request.ok()) return refused(call, request.error(), form);
        return done(call, "asked");
      });
}

base::Result<Response> staff_trail_page(Call& call) {
  BASE_TRY(auto asked, ask_staff(call, kTrailPath));
  if (asked) return std::move(*asked);
  BASE_TRY(const auto house, call.house());
  pages::StaffTrail shown;
  begin_staff(call, shown);
  std::string query;
  for (const auto* name : {"mode", "id", "from", "until", "before"}) {
    auto value = std::string(only(call.request.query, name).value_or("")).substr(0, 200);
    if (!value.empty() && name != std::string_view("before"))
      query += (query.empty() ? "?" : "&") + std::string(name) + "=" + percent_encode(value);
    shown.typed.emplace(name, std::move(value));
  }
  auto found = search_trail(call, call.session->subject, shown.typed);
  if (!found.ok() && !is_told_on_page(found.error())) return found.error();
  if (!found.ok()) {
    shown.problem = &found.error();
  } else {
    shown.found = std::move(*found);
    for (const auto& line : shown.found.lines)
      BASE_TRY_VOID(put_login_name(*house, line.actor, shown.names));
    if (shown.found.next > 0)
      shown.next = std::string(kTrailPath) + query + (query.empty() ? "?" : "&") +
                   "before=" + std::to_string(shown.found.next);
  }
  return staff_answer(call, pages::staff_trail(pages_look(), shown), shown.problem);
}

}  // namespace handlers
}  // namespace api
