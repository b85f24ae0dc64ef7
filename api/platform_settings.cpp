#include "api/platform_settings.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "auth/jose.h"
#include "base/json.h"
#include "base/text.h"
#include "gateways/connection.h"

namespace api {
namespace {

constexpr std::size_t kMostFile = 256 * 1024;
constexpr std::size_t kMostPlatforms = 32;
constexpr std::size_t kMostText = 1'000;

constexpr std::array<std::string_view, 15> kMembers{
    "id",           "name_zh",       "name_en",
    "issuer",       "authorization_endpoint", "token_endpoint",
    "jwks_uri",     "client_id",     "token_endpoint_auth_method",
    "client_secret_file", "id_token_signed_response_alg",
    "authorization_response_iss_parameter_supported",
    "max_age_s",    "acr_two_kinds", "deadline_ms"};

base::Error wrong(const std::string& which, const std::string& why) {
  return base::error(base::Code::invalid_argument, "config.invalid", which + ": " + why);
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

/// An address that the browser or we go to: https, or http to this machine where that is allowed.
const char* trouble_of(const std::string& url, const PlatformRules& rules) {
  const auto target = gateways::read_http_url(url);
  if (!target || url.size() > kMostText) return "not https://host[:port]/path";
  const bool here = target->host == "127.0.0.1" || target->host == "localhost" ||
                    target->host == "::1" || target->host == "[::1]";
  if (!target->tls && !here) return "http only on this machine, for a simulator";
  if (rules.production && here) return "a simulator on this machine is not for production";
  return nullptr;
}

/// Members of one platform, each read once, with its form.
class Reader {
 public:
  explicit Reader(const rapidjson::Value& object) : object_(object) {}

  std::string text(const char* name, bool needed = true) {
    const auto at = object_.FindMember(name);
    if (at == object_.MemberEnd()) {
      if (needed) refuse(name, "missing");
      return {};
    }
    std::string value(base::json_text(object_, name));
    if (value.empty() || value.size() > kMostText || !base::is_utf8(value))
      refuse(name, "not a text of 1 to 1000 bytes");
    return value;
  }
  std::int64_t number(const char* name, std::int64_t fallback, std::int64_t least,
                      std::int64_t most) {
    if (!object_.HasMember(name)) return fallback;
    const auto value = base::json_int(object_, name);
    if (!value || *value < least || *value > most) refuse(name, "not a number in its range");
    return value.value_or(fallback);
  }
  bool truth(const char* name) {
    const auto at = object_.FindMember(name);
    if (at == object_.MemberEnd()) return false;
    if (!at->value.IsBool()) refuse(name, "not true or false");
    return at->value.IsTrue();
  }
  std::vector<std::string> words(const char* name) {
    std::vector<std::string> out;
    const auto at = object_.FindMember(name);
    if (at == object_.MemberEnd()) return out;
    if (!at->value.IsArray() || at->value.Size() > 16) {
      refuse(name, "not a list of at most 16 texts");
      return out;
    }
    for (const auto& each : at->value.GetArray()) {
      std::string word = each.IsString() ? std::string(each.GetString(), each.GetStringLength())
                                         : std::string();
      if (word.empty() || word.find(' ') != std::string::npos ||
          base::printable(word, 255) != word)
        refuse(name, "a word is wrong");
      out.push_back(std::move(word));
    }
    return out;
  }
  void refuse(const char* name, const std::string& why) {
    if (why_.empty()) why_ = std::string(name) + ": " + why;
  }
  const std::string& why() const { return why_; }

 private:
  const rapidjson::Value& object_;
  std::string why_;
};

base::Result<PlatformSettings> read_one(const rapidjson::Value& value,
                                        const std::filesystem::path& directory,
                                        const PlatformRules& rules) {
  if (!value.IsObject()) return wrong("a platform", "not an object");
  const std::string which(base::printable(base::json_text(value, "id"), 32));
  for (const auto& member : value.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (name != "roots_file" && std::find(kMembers.begin(), kMembers.end(), name) == kMembers.end())
      return wrong(which, "unknown member " + base::printable(name, 64));
  }
  Reader in(value);
  PlatformSettings out;
  out.id = in.text("id");
  if (!is_id(out.id)) in.refuse("id", "1 to 32 of a-z 0-9 -");
  out.name_zh = in.text("name_zh");
  out.name_en = in.text("name_en");
  if (base::length_code_points(out.name_zh) > 60 || base::length_code_points(out.name_en) > 60)
    in.refuse("name_zh", "more than 60 characters, or name_en");
  out.issuer = in.text("issuer");
  out.authorize_url = in.text("authorization_endpoint");
  out.token_url = in.text("token_endpoint");
  out.keys_url = in.text("jwks_uri");
  const auto address = [&](const char* name, const std::string& url) {
    if (const auto* trouble = trouble_of(url, rules)) in.refuse(name, trouble);
  };
  address("issuer", out.issuer);
  address("authorization_endpoint", out.authorize_url);
  address("token_endpoint", out.token_url);
  address("jwks_uri", out.keys_url);
  out.client_id = in.text("client_id");
  if (base::printable(out.client_id, 255) != out.client_id) in.refuse("client_id", "not plain");
  // What we sign to prove ourselves says client_id as its issuer: never our own (RFC 7523 §3).
  if (out.client_id == rules.public_url || out.issuer == rules.public_url)
    in.refuse("client_id", "our own address");
  if (value.HasMember("token_endpoint_auth_method"))
    out.auth_method = in.text("token_endpoint_auth_method");
  const bool by_key = out.auth_method == "private_key_jwt";
  if (!by_key && out.auth_method != "client_secret_basic" && out.auth_method != "client_secret_post")
    in.refuse("token_endpoint_auth_method",
              "client_secret_basic, client_secret_post or private_key_jwt");
  if (const auto file = in.text("client_secret_file", !by_key); !file.empty())
    out.secret_file = directory / file;
  if (by_key && !out.secret_file.empty())
    in.refuse("client_secret_file", "private_key_jwt takes none");
  if (value.HasMember("id_token_signed_response_alg"))
    out.algorithm = in.text("id_token_signed_response_alg");
  if ((" " + std::string(auth::kPlatformAlgorithms) + " ").find(" " + out.algorithm + " ") ==
          std::string::npos ||
      out.algorithm.find(' ') != std::string::npos)
    in.refuse("id_token_signed_response_alg", "one of " + std::string(auth::kPlatformAlgorithms));
  out.tells_issuer = in.truth("authorization_response_iss_parameter_supported");
  out.login_age = std::chrono::seconds(in.number("max_age_s", 300, 0, 86'400));
  out.two_kinds = in.words("acr_two_kinds");
  out.deadline = std::chrono::milliseconds(in.number("deadline_ms", 3'000, 100, 20'000));
  if (value.HasMember("roots_file")) out.roots_file = directory / in.text("roots_file");
  if (!in.why().empty()) return wrong(which, in.why());
  return out;
}

}  // namespace

base::Result<std::vector<PlatformSettings>> parse_platforms(std::string_view text,
                                                            const std::filesystem::path& directory,
                                                            const PlatformRules& rules) {
  const auto json = base::parse_json(text, {.bytes = kMostFile, .depth = 4});
  if (!json.ok()) return wrong("file", json.error().key);
  if (!json->IsArray() || json->Size() > kMostPlatforms)
    return wrong("file", "not a list of at most 32 platforms");
  std::vector<PlatformSettings> out;
  for (const auto& each : json->GetArray()) {
    BASE_TRY(auto one, read_one(each, directory, rules));
    for (const auto& other : out)
      if (other.id == one.id || other.issuer == one.issuer)
        return wrong(one.id, "another platform has this id or issuer");
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<std::vector<PlatformSettings>> read_platforms(const std::filesystem::path& file,
                                                           const PlatformRules& rules) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kMostFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof())) return wrong("file", "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_platforms(text, file.parent_path(), rules);
}

}  // namespace api
