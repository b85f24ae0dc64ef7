// Signed request objects: RFC 9101, OpenID Connect Core §6.1; docs/decisions/0049-asking-safely.md.
//
// All that is asked stands in the object; parameters beside it are not looked at, but for
// client_id. The explicit type keeps an assertion of the same key from being taken for a request.
#include "auth/jose.h"
#include "auth/provider_impl.h"
#include "base/json.h"

namespace auth {
namespace {

constexpr std::string_view kRequestType = "oauth-authz-req+jwt";
constexpr std::int64_t kRequestLife_s = 3600;

bool is_about_the_object(std::string_view name) {
  return name == "iss" || name == "aud" || name == "exp" || name == "iat" || name == "nbf" ||
         name == "jti";
}

/// A member as the parameter that it stands for: text, a whole number, or JSON.
std::optional<std::string> parameter_of(const rapidjson::Value& value) {
  if (value.IsString()) return std::string(value.GetString(), value.GetStringLength());
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  if (!value.IsObject()) return std::nullopt;
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  value.Accept(writer);
  return std::string(text.GetString(), text.GetSize());
}

bool in_time(const rapidjson::Value& claims, std::int64_t now_s) {
  const auto expires = base::json_int(claims, "exp");
  if (!expires || now_s >= *expires || *expires - now_s > kRequestLife_s) return false;
  for (const auto* name : {"iat", "nbf"}) {
    if (!claims.HasMember(name)) continue;
    const auto at = base::json_int(claims, name);
    if (!at || *at > now_s + kSkew_s) return false;
  }
  return true;
}

}  // namespace

std::variant<Parameters, OAuthError> Provider::Impl::read_request_object(
    std::string_view text, const Client& client) const {
  const auto refuse = [](const char* key) { return OAuthError{"invalid_request_object", key}; };
  const auto jws = parse_foreign_jws(text, HeaderKey::refused);
  if (!jws.ok() || jws->type != kRequestType) return refuse("auth.request_object_form");
  if (client.keys.empty()) return refuse("auth.request_object_signature");
  const auto registered = ForeignKeys::parse(client.keys);
  if (!registered.ok() || !registered->verify(*jws)) return refuse("auth.request_object_signature");
  const auto& claims = jws->claims;
  if (base::json_text(claims, "iss") != client.id.value() ||
      base::json_text(claims, "client_id") != client.id.value())
    return refuse("auth.request_object_client");
  if (base::json_text(claims, "aud") != config.issuer)
    return refuse("auth.request_object_audience");
  if (!in_time(claims, base::to_unix_s(parts.clock.now())))
    return refuse("auth.request_object_time");
  Parameters out;
  for (const auto& member : claims.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (is_about_the_object(name)) continue;
    auto value = parameter_of(member.value);
    if (!value || name == "request" || name == "request_uri")
      return refuse("auth.request_object_form");
    out.emplace_back(name, std::move(*value));
  }
  return out;
}

}  // namespace auth
