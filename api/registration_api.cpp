// Registering by oneself, as JSON: the same steps as the pages (api/registration_handlers.cpp), for
// programs that have a face of their own. LD/T 01-2020 5.4.1.2–4.
#include <algorithm>
#include <map>

#include "api/handlers.h"
#include "api/json_body.h"

namespace api {
namespace {

using auth::RegistrationStep;

std::string_view kind_text(auth::SubjectKind kind) {
  return kind == auth::SubjectKind::unit ? "unit" : "person";
}

/// Where a registration stands: what is asked in each step, what has a value, which step is next.
/// Values are not told back: whoever typed them has them.
Response state_answer(Call& call, const auth::RegistrationDraft& draft, int status,
                      std::string_view reference) {
  base::JsonWriter w;
  w.StartObject();
  if (!reference.empty()) w.member("reference", reference);
  w.member("kind", kind_text(draft.kind));
  w.member("expires_at", base::to_rfc3339(draft.expires_at));
  w.member("completed", draft.completed);
  if (!draft.completed) {
    w.member("next", auth::to_text(draft.next(base::china_date(call.services.clock.now()))));
    w.key("fields");
    w.StartArray();
    for (const auto& field : auth::registration_fields(draft.kind)) {
      const auto it = draft.typed.find(field.name);
      w.StartObject();
      w.member("name", field.name);
      w.member("step", auth::to_text(field.step));
      w.member("required", field.required);
      w.member("given", it != draft.typed.end() && !it->second.empty());
      w.EndObject();
    }
    w.EndArray();
  }
  w.EndObject();
  return Response::json(w.text(), status);
}

}  // namespace

namespace handlers {

base::Result<Response> begin_registration(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"kind"}));
  BASE_TRY(const auto kind, text_member(json, "kind"));
  if (kind != "person" && kind != "unit") return unknown_member("kind");
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto reference,
           house->registration->start(
               kind == "unit" ? auth::SubjectKind::unit : auth::SubjectKind::person,
               call.request.client.network()));
  BASE_TRY(const auto draft, house->registration->find(reference));
  return state_answer(call, draft, 201, reference);
}

base::Result<Response> read_registration(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto draft, house->registration->find(call.path("reference")));
  return state_answer(call, draft, 200, {});
}

base::Result<Response> fill_registration(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"fields"}));
  const auto fields = json.FindMember("fields");
  if (fields == json.MemberEnd() || !fields->value.IsObject()) return unknown_member("fields");
  BASE_TRY(const auto house, call.house());
  const auto reference = call.path("reference");
  BASE_TRY(const auto draft, house->registration->find(reference));
  const auto all = auth::registration_fields(draft.kind);
  std::map<RegistrationStep, auth::FieldValues> typed;
  for (const auto& member : fields->value.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    const auto field =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    if (field == all.end() || !member.value.IsString()) return unknown_member(name);
    typed[field->step].emplace(
        name, std::string(member.value.GetString(), member.value.GetStringLength()));
  }
  auto wrong = base::error(base::Code::invalid_argument, "auth.subject_invalid");
  for (const auto& [step, values] : typed) {
    BASE_TRY(const auto judged, house->registration->fill(reference, step, values));
    wrong.fields.insert(wrong.fields.end(), judged.wrong.begin(), judged.wrong.end());
  }
  if (!wrong.fields.empty()) return wrong;
  BASE_TRY(const auto kept, house->registration->find(reference));
  return state_answer(call, kept, 200, {});
}

base::Result<Response> complete_registration(Call& call) {
  BASE_TRY(const auto json, object_of(call.request, {"login_name", "password", "accept"}));
  auth::RegistrationEnd end;
  end.how = "api";
  BASE_TRY(end.login_name, text_member(json, "login_name"));
  BASE_TRY(end.password, secret_member(json, "password"));
  BASE_TRY(end.accepted, acceptances_in(json));
  BASE_TRY(const auto house, call.house());
  BASE_TRY_VOID(house->registration->complete(call.path("reference"), end));
  base::JsonWriter w;
  w.StartObject();
  w.member("status", "received");
  for (const auto language : {base::Language::zh, base::Language::en})
    w.member(language == base::Language::zh ? "zh" : "en",
             base::message("web.register.done.text", language));
  w.EndObject();
  return Response::json(w.text(), 202);
}

base::Result<Response> read_agreement(Call& call) {
  const auto kind = auth::agreement_kind(call.path("kind"));
  if (!kind) return base::error(base::Code::not_found, "auth.agreement.none");
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto agreement, house->agreements->current(*kind));
  base::JsonWriter w;
  w.StartObject();
  w.member("kind", auth::to_text(agreement.kind));
  w.member("version", agreement.version);
  w.member("sha256", agreement.sha256);
  w.member("published_at", base::to_rfc3339(agreement.published_at));
  w.member("content", agreement.content);  // to the byte: the digest is of this text
  w.EndObject();
  return Response::json(w.text());
}

}  // namespace handlers
}  // namespace api
