#include "auth/client_metadata.h"

#include <algorithm>
#include <array>

#include "auth/clients.h"
#include "base/json.h"

namespace auth {
namespace {

constexpr std::size_t kListMost = 20;
constexpr std::size_t kTextMost = 1024;  // bytes

constexpr std::array kMethods{"client_secret_basic", "client_secret_post", "private_key_jwt",
                              "none"};
/// Members of NewClient beside the names of metadata, where they differ.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"id", "client_id"},
    {"name", "client_name"},
    {"scopes", "scope"},
    {"machine_scopes", "machine_scope"},
    {"keys", "jwks"},
    {"secret", "token_endpoint_auth_method"},
    {"id_token_alg", "id_token_signed_response_alg"},
    {"agreement_until", "agreement"},
};
/// Understood, and then judged or refused: what RFC 7591 names and we do not do is no unknown.
constexpr std::string_view kMembers =
    "client_id client_name kind operator agreement redirect_uris post_logout_redirect_uris scope "
    "grant_types response_types token_endpoint_auth_method token_endpoint_auth_signing_alg jwks "
    "id_token_signed_response_alg subject_type application_type backchannel_logout_uri "
    "backchannel_logout_session_required require_pushed_authorization_requests "
    "require_signed_request_object dpop_bound_access_tokens fapi2 machine_scope resource sector "
    "jwks_uri sector_identifier_uri request_uris software_statement "
    "id_token_encrypted_response_alg userinfo_signed_response_alg "
    "userinfo_encrypted_response_alg request_object_encryption_alg";
/// Addresses that we would have to fetch, signatures of others, encryption: refused, not dropped,
/// for a client that is told nothing would wait for what never comes.
constexpr std::string_view kNotHere =
    "jwks_uri sector_identifier_uri request_uris software_statement "
    "id_token_encrypted_response_alg userinfo_signed_response_alg "
    "userinfo_encrypted_response_alg request_object_encryption_alg";

std::string to_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  value.Accept(writer);
  return {text.GetString(), text.GetSize()};
}

/// Reads members one by one; what is wrong with any of them is in `invalid`.
class Reader {
 public:
  explicit Reader(const rapidjson::Value& json) : json_(json) {}

  void wrong(std::string_view name, const char* key = "auth.metadata.form") {
    invalid.fields.push_back({std::string(name), key});
  }
  const rapidjson::Value* find(const char* name) const {
    const auto at = json_.FindMember(name);
    return at == json_.MemberEnd() || at->value.IsNull() ? nullptr : &at->value;
  }
  void text(const char* name, std::string& out) {
    const auto* value = find(name);
    if (value == nullptr) return;
    if (!value->IsString() || value->GetStringLength() > kTextMost) return wrong(name);
    out.assign(value->GetString(), value->GetStringLength());
  }
  void flag(const char* name, bool& out) {
    const auto* value = find(name);
    if (value == nullptr) return;
    if (!value->IsBool()) return wrong(name);
    out = value->GetBool();
  }
  void list(const char* name, std::vector<std::string>& out) {
    const auto* value = find(name);
    if (value == nullptr) return;
    if (!value->IsArray() || value->Size() > kListMost) return wrong(name);
    out.clear();
    for (const auto& each : value->GetArray()) {
      if (!each.IsString() || each.GetStringLength() > kTextMost) return wrong(name);
      out.emplace_back(each.GetString(), each.GetStringLength());
    }
  }
  /// A list of words, kept with a blank between them.
  void words(const char* name, std::string& out) {
    if (find(name) == nullptr) return;
    std::vector<std::string> all;
    list(name, all);
    out.clear();
    for (const auto& each : all) {
      if (each.empty() || each.find(' ') != std::string::npos) return wrong(name);
      out += (out.empty() ? "" : " ") + each;
    }
  }
  /// A member that may say nothing else than what is so anyway.
  void only(const char* name, std::string_view value) {
    std::string said(value);
    text(name, said);
    if (said != value) wrong(name, "auth.metadata.not_here");
  }

  base::Error invalid = base::error(base::Code::invalid_argument, "auth.metadata");

 private:
  const rapidjson::Value& json_;
};

void read_agreement(Reader& in, NewClient& out) {
  const auto* agreement = in.find("agreement");
  if (agreement == nullptr) return;
  if (!agreement->IsObject()) return in.wrong("agreement");
  for (const auto& member : agreement->GetObject())
    if (member.name != "number" && member.name != "until") return in.wrong("agreement");
  out.agreement = base::json_text(*agreement, "number");
  const auto until = base::json_text(*agreement, "until");
  if (!until.empty()) {
    out.agreement_until = end_of_day(until);
    if (!out.agreement_until) in.wrong("agreement", "auth.metadata.date");
  }
}

void read_proof(Reader& in, NewClient& out) {
  in.text("token_endpoint_auth_method", out.auth_method);
  if (const auto* keys = in.find("jwks")) {
    if (keys->IsObject())
      out.keys = to_text(*keys);
    else
      in.wrong("jwks");
  }
  if (out.auth_method.empty())  // RFC 7591 §2: the default, but for who brings keys
    out.auth_method = out.keys.empty() ? "client_secret_basic" : "private_key_jwt";
  if (std::find(kMethods.begin(), kMethods.end(), out.auth_method) == kMethods.end())
    return in.wrong("token_endpoint_auth_method", "auth.metadata.auth_method");
  const bool by_key = out.auth_method == "private_key_jwt";
  if (by_key && out.keys.empty()) in.wrong("jwks", "auth.client.keys");
  if (out.auth_method == "none" && !out.keys.empty())
    in.wrong("token_endpoint_auth_method", "auth.metadata.auth_method");
}

void read_logins(Reader& in, NewClient& out) {
  in.list("redirect_uris", out.redirect_uris);
  in.list("post_logout_redirect_uris", out.post_logout_redirect_uris);
  in.text("scope", out.scopes);
  out.grant_types = "authorization_code";  // RFC 7591 §2
  in.words("grant_types", out.grant_types);
  std::string types = has_scope(out.grant_types, "authorization_code") ? "code" : "";
  const auto wanted = types;
  in.words("response_types", types);
  if (types != wanted) in.wrong("response_types", "auth.response_type");
  in.text("id_token_signed_response_alg", out.id_token_alg);
  in.text("backchannel_logout_uri", out.backchannel_logout_uri);
  in.flag("backchannel_logout_session_required", out.backchannel_session);
  in.only("subject_type", "pairwise");
  std::string application = "web";
  in.text("application_type", application);
  if (application != "web" && application != "native")
    in.wrong("application_type", "auth.metadata.not_here");
}

}  // namespace

bool wants_secret(const NewClient& client) {
  return client.auth_method == "client_secret_basic" || client.auth_method == "client_secret_post";
}

std::string_view metadata_name(std::string_view field) {
  for (const auto& [ours, theirs] : kNames)
    if (ours == field) return theirs;
  return field;
}

std::optional<base::Time> end_of_day(std::string_view date) {
  if (date.size() != 10) return std::nullopt;
  const auto begin = base::parse_rfc3339(std::string(date) + "T00:00:00+08:00");
  if (!begin || base::to_iso_date(base::china_date(*begin)) != date) return std::nullopt;
  return *begin + std::chrono::hours(24);
}

base::Result<NewClient> read_client_metadata(std::string_view text, UnknownMembers unknown) {
  BASE_TRY(const auto json, base::parse_json(text, {.bytes = kMetadataMost, .depth = 6}));
  if (!json.IsObject()) return base::error(base::Code::invalid_argument, "json.malformed");
  Reader in(json);
  for (const auto& member : json.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (has_scope(kNotHere, name) && !member.value.IsNull())
      in.wrong(name, "auth.metadata.not_here");
    else if (unknown == UnknownMembers::refused && !has_scope(kMembers, name))
      in.wrong(name, "auth.metadata.unknown");
  }
  NewClient out;
  std::string id;
  in.text("client_id", id);
  out.id = ClientId(id);
  in.text("client_name", out.name);
  in.text("kind", out.kind);
  in.text("operator", out.operator_name);
  read_agreement(in, out);
  read_logins(in, out);
  read_proof(in, out);
  in.flag("require_pushed_authorization_requests", out.require_pushed);
  in.flag("require_signed_request_object", out.require_signed);
  in.flag("dpop_bound_access_tokens", out.require_dpop);
  in.flag("fapi2", out.fapi2);
  in.text("machine_scope", out.machine_scopes);
  in.text("resource", out.resource);
  in.text("sector", out.sector);
  if (!in.invalid.fields.empty()) return std::move(in.invalid);
  return out;
}

std::string client_metadata(const NewClient& client) {
  base::JsonWriter out;
  const auto list = [&](const char* name, const std::vector<std::string>& all) {
    if (all.empty()) return;
    out.key(name);
    out.StartArray();
    for (const auto& each : all) out.string(each);
    out.EndArray();
  };
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.member(name, std::string_view(value));
  };
  const auto flag = [&](const char* name, bool value) {
    if (value) out.member(name, true);
  };
  out.StartObject();
  text("client_id", client.id.value());
  text("client_name", client.name);
  out.member("kind", client.kind);
  text("operator", client.operator_name);
  if (!client.agreement.empty() || client.agreement_until) {
    out.key("agreement");
    out.StartObject();
    text("number", client.agreement);
    text("until", agreement_last_day(client));
    out.EndObject();
  }
  list("redirect_uris", client.redirect_uris);
  list("post_logout_redirect_uris", client.post_logout_redirect_uris);
  text("scope", client.scopes);
  out.key("grant_types");  // none, too, says something: the default is another
  out.StartArray();
  for (const auto& each : split_scopes(client.grant_types)) out.string(each);
  out.EndArray();
  if (has_scope(client.grant_types, "authorization_code")) list("response_types", {"code"});
  text("token_endpoint_auth_method", client.auth_method);
  if (!client.keys.empty()) {
    out.key("jwks");
    out.RawValue(client.keys.data(), client.keys.size(), rapidjson::kObjectType);
  }
  out.member("id_token_signed_response_alg", client.id_token_alg);
  out.member("subject_type", "pairwise");
  text("backchannel_logout_uri", client.backchannel_logout_uri);
  flag("backchannel_logout_session_required", client.backchannel_session);
  flag("require_pushed_authorization_requests", client.require_pushed);
  flag("require_signed_request_object", client.require_signed);
  flag("dpop_bound_access_tokens", client.require_dpop);
  flag("fapi2", client.fapi2);
  text("machine_scope", client.machine_scopes);
  text("resource", client.resource);
  text("sector", client.sector);
  out.EndObject();
  return out.text();
}

std::string agreement_last_day(const NewClient& client) {
  if (!client.agreement_until) return {};
  return base::to_iso_date(
      base::china_date(*client.agreement_until - std::chrono::microseconds(1)));
}

}  // namespace auth
