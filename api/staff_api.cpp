// The console as JSON: people, and the trail. LD/T 01-2020 6.2.5.
#include "api/staff_api.h"

#include "api/account_api.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "api/staff_deeds.h"
#include "auth/staff.h"
#include "base/json.h"

namespace api {
namespace {

auth::SubjectId subject_of(const Call& call) {
  return auth::SubjectId(std::string(call.path("id")));
}

void put_lock(base::JsonWriter& w, const auth::AccountLock& lock) {
  w.member("at", base::to_rfc3339(lock.at));
  w.member("by", lock.by);
  put_text(w, "reason", lock.reason);
  put_time(w, "until", lock.until);
  put_time(w, "ended_at", lock.ended_at);
  put_text(w, "ended_by", lock.ended_by);
  put_text(w, "end_reason", lock.end_reason);
}

/// Names, numbers and telephones in part, as on the page.
void put_file(base::JsonWriter& w, const auth::PersonFile& file, base::Time now) {
  w.member("id", file.record.id.value());
  put_subject(w, file.record, file.login_name, Shown::in_part);
  put_time(w, "proofing_until", file.proofing_until);
  w.member("is_staff", file.is_staff);
  put_documents(w, file.documents, Shown::in_part);
  put_rows(w, "factors", file.factors, [&](const auto& one) { put_factor(w, one, now); });
  if (file.lock) {
    w.key("lock");
    w.StartObject();
    put_lock(w, *file.lock);
    w.EndObject();
  }
  put_rows(w, "locks", file.locks, [&](const auto& one) { put_lock(w, one); });
  w.member("sessions", file.sessions);
  w.member("mandates_given", file.mandates_given);
  w.member("mandates_received", file.mandates_received);
  put_texts(w, "merged", file.merged);
  put_rows(w, "signs", file.signs, [&](const auto& one) {
    w.member("at", base::to_rfc3339(one.at));
    w.member("kind", auth::to_text(one.kind));
    put_text(w, "network", one.network);
  });
  put_rows(w, "proofings", file.proofings, [&](const auto& one) {
    put_proofing(w, one);
    w.member("source", one.source);
  });
  put_rows(w, "changes", file.changes, [&](const auto& one) {
    w.member("at", base::to_rfc3339(one.at));
    w.member("by", one.by);
    w.member("field", one.field);
    w.member("from", auth::masked_change(one.field, one.from));
    w.member("to", auth::masked_change(one.field, one.to));
  });
  put_rows(w, "requests", file.requests, [&](const auto& one) {
    put_identity_request(w, one);
    w.member("asked_by", one.asked_by);
  });
  put_trace(w, file.trace);
}

/// Members of each kind of change, and no others.
base::Result<TypedChange> change_in(const Request& request) {
  BASE_TRY(const auto json, object_of(request, {"kind", "name", "id_type", "id_number", "country",
                                                "beside", "document", "duplicate", "factor"}));
  TypedChange out;
  out.what = base::json_text(json, "kind");
  const auto known =
      out.what == "name"     ? object_of(request, {"kind", "name"})
      : out.what == "unlink" ? object_of(request, {"kind", "document"})
      : out.what == "merge"  ? object_of(request, {"kind", "duplicate"})
      : out.what == "factor"
          ? object_of(request, {"kind", "factor"})
          : object_of(request, {"kind", "id_type", "id_number", "country", "beside"});
  if (!known.ok()) return known.error();
  for (const auto& member : json.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (name == "beside" ? !member.value.IsBool() : !member.value.IsString())
      return unknown_member(name);
  }
  const auto text = [&](const char* name) { return std::string(base::json_text(json, name)); };
  out.identity = {text("name"), text("id_type"), text("id_number"), text("country")};
  out.leads = !(json.HasMember("beside") && json["beside"].GetBool());
  out.document = text("document");
  out.duplicate = text("duplicate");
  out.factor = text("factor");
  return out;
}

}  // namespace

base::Result<void> staff_token(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const bool may,
           auth::is_staff(call.services.pool, call.actor->subject(), call.services.clock.now()));
  if (!may) return base::error(base::Code::not_found, "http.not_found");
  BASE_TRY(const auto login, house->provider->login_of(call.access_token));
  if (!login.session.empty()) return {};
  auto failure = base::error(base::Code::unauthenticated, "auth.login_not_fresh");
  failure.args = {{"acr_values", std::string(call.route.acr)}};
  return failure;
}

base::Result<void> staff_deed_token(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY_VOID(fresh_login(call));
  return {};
}

namespace handlers {

/// A number stands in the body and in no address.
base::Result<Response> find_person(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(auto typed, texts_of(call.request, {"login_name", "id_type", "id_number", "country"}));
  if (typed.contains("login_name") && typed.size() != 1) return unknown_member("login_name");
  BASE_TRY(const auto house, call.house());
  PeopleDesk desk(call, *house);
  const auto& staff = call.actor->subject();
  std::optional<auth::SubjectId> found;
  if (typed.contains("login_name")) {
    BASE_TRY(found, desk.files.find_login(staff, typed["login_name"]));
  } else {
    BASE_TRY(const auto document,
             typed_document(call, {{}, typed["id_type"], typed["id_number"], typed["country"]}));
    BASE_TRY(found, desk.files.find_document(staff, document));
  }
  if (!found) return base::error(base::Code::not_found, "auth.subject_unknown");
  return json_answer([&](auto& w) { w.member("id", found->value()); });
}

base::Result<Response> read_person(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto file,
           PeopleDesk(call, *house).files.open(call.actor->subject(), subject_of(call)));
  LoginNames names;
  BASE_TRY_VOID(put_login_names(*house, file, names));
  return json_answer([&](auto& w) {
    put_file(w, file, call.services.clock.now());
    put_names(w, names);
  });
}

base::Result<Response> lock_person(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(auto typed, texts_of(call.request, {"reason", "until"}));
  BASE_TRY(const auto until, lock_end(typed["until"]));
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(PeopleDesk(call, *house)
                    .locks.lock(subject_of(call), call.actor->subject(), typed["reason"], until));
  return Response(204);
}

base::Result<Response> unlock_person(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(auto typed, texts_of(call.request, {"reason"}));
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(PeopleDesk(call, *house)
                    .locks.unlock(subject_of(call), call.actor->subject(), typed["reason"]));
  return Response(204);
}

/// The code stands in this answer and nowhere else.
base::Result<Response> reset_person(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto code,
           PeopleDesk(call, *house).files.reset(call.actor->subject(), subject_of(call)));
  return json_answer([&](auto& w) { w.member("code", code); }, 201);
}

base::Result<Response> ask_for_person(Call& call) {
  BASE_TRY_VOID(staff_deed_token(call));
  BASE_TRY(const auto typed, change_in(call.request));
  const auto key = call.request.header("idempotency-key");
  BASE_TRY_VOID(auth::check_proposal_key(key));
  BASE_TRY(const auto change, typed_change(call, typed));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(
      const auto request,
      PeopleDesk(call, *house).requests.ask(subject_of(call), change, call.actor->subject(), key));
  return proposed_answer(request);
}

base::Result<Response> read_trail(Call& call) {
  BASE_TRY_VOID(staff_token(call));
  BASE_TRY(const auto house, call.house());
  auth::FieldValues asked;
  for (const auto* name : {"mode", "id", "from", "until", "before"})
    asked[name] = std::string(only(call.request.query, name).value_or("")).substr(0, 200);
  BASE_TRY(const auto found, search_trail(call, call.actor->subject(), std::move(asked)));
  LoginNames names;
  for (const auto& line : found.lines) BASE_TRY_VOID(put_login_name(*house, line.actor, names));
  return json_answer([&](auto& w) {
    put_rows(w, "lines", found.lines, [&](const auto& one) {
      w.member("seq", one.seq);
      w.member("at", base::to_rfc3339(one.at));
      w.member("actor", one.actor);
      w.member("act", one.act);
      w.member("object", one.object);
      w.member("outcome", one.outcome);
      put_raw(w, "facts", one.facts_json);
    });
    if (found.next > 0) w.member("next", found.next);
    put_names(w, names);
  });
}

}  // namespace handlers
}  // namespace api
