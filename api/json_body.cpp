#include "api/json_body.h"

#include <algorithm>

#include "base/text.h"

namespace api {

base::Error unknown_member(std::string field) {
  auto error =
      base::error(base::Code::invalid_argument, "api.member", "unknown or not as expected");
  error.args = {{"member", base::printable(field, 64)}};
  error.fields = {{std::move(field), "api.member"}};
  return error;
}

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

base::Result<auth::FieldValues> texts_of(const Request& request,
                                         std::initializer_list<std::string_view> known) {
  BASE_TRY(const auto json, object_of(request, known));
  auth::FieldValues out;
  for (const auto& member : json.GetObject()) {
    std::string name(member.name.GetString(), member.name.GetStringLength());
    if (!member.value.IsString()) return unknown_member(std::move(name));
    out.emplace(std::move(name),
                std::string(member.value.GetString(), member.value.GetStringLength()));
  }
  return out;
}

base::Result<base::Secret> secret_member(const rapidjson::Value& object, const char* name) {
  BASE_TRY(auto text, text_member(object, name));
  base::Secret out(base::as_bytes(text));
  base::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return out;
}

base::Error about_member(base::Error error, const char* name) {
  if (error.code != base::Code::unauthenticated) return error;
  error.code = base::Code::invalid_argument;
  error.fields = {{name, error.key}};
  return error;
}

base::Result<std::vector<auth::Acceptance>> acceptances_in(const rapidjson::Value& object) {
  std::vector<auth::Acceptance> out;
  const auto it = object.FindMember("accept");
  if (it == object.MemberEnd()) return out;
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

}  // namespace api
