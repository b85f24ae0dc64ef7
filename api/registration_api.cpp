// Registering by oneself, as JSON: the same steps as the pages (api/registration_handlers.cpp), for
// programs that have a face of their own. LD/T 01-2020 5.4.1.2–4.
#include <algorithm>
#include <map>

#include "api/handlers.h"
#include "base/json.h"
#include "base/text.h"

namespace api {
namespace {

using auth::RegistrationStep;

base::Error unknown_member(std::string field) {
  auto error =
      base::error(base::Code::invalid_argument, "api.member", "unknown or not as expected");
  error.args = {{"member", base::printable(field, 64)}};
  error.fields = {{std::move(field), "api.member"}};
  return error;
}

/// An object whose members are all among `known`; what is not known is refused rather than ignored.
base::Result<rapidjson::Document> object_of(const Request& request,
                                            std::initializer_list<std::string_view> known) {
  BASE_TRY(auto json, base::parse_json(request.body, {.bytes = 64 * 1024, .depth = 5}));
  if (!json.IsObject()) return unknown_member("");
  for (const auto& member : json.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (std::find(known.begin(), known.end(), name) == known.end()) return unknown_member(name);
  }
  return json;
}

base::Result<std::string> text_member(const rapidjson::Value& object, const char* name) {
  const auto it = object.FindMember(name);
  if (it == object.MemberEnd() || !it->value.IsString()) return unknown_member(name);
  return std::string(it->value.GetString(), it->value.GetStringLength());
}

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

base::Result<std::vector<auth::Acceptance>> acceptances(const rapidjson::Value& json) {
  std::vector<auth::Acceptance> out;
  const auto it = json.FindMember("accept");
  if (it == json.MemberEnd()) return out;
  if (!it->value.IsArray() || it->value.Size() > 8) return unknown_member("accept");
  for (const auto& one : it->value.GetArray()) {
    if (!one.IsObject()) return unknown_member("accept");
    const auto kind = auth::agreement_kind(base::json_text(one, "kind"));
    const auto version = base::json_int(one, "version");
    if (!kind || !version || *version < 1 || *version > 1'000'000) return unknown_member("accept");
    out.push_back({*kind, static_cast<int>(*version), std::string(base::json_text(one, "sha256"))});
  }
  return out;
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
  BASE_TRY(auto password, text_member(json, "password"));
  end.password = base::Secret(base::as_bytes(password));
  base::wipe({reinterpret_cast<std::uint8_t*>(password.data()), password.size()});
  BASE_TRY(end.accepted, acceptances(json));
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
