#include "auth/claims_request.h"

#include <algorithm>
#include <optional>

#include "auth/clients.h"

namespace auth {
namespace {

using rapidjson::Value;

constexpr std::size_t kVerifiedMost = 5;   // elements of verified_claims
constexpr std::size_t kEvidenceMost = 10;  // elements of evidence

base::Error malformed(const char* why) {
  return base::error(base::Code::invalid_argument, "auth.verified_claims.form", why);
}

const Value* member(const Value& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto at = object.FindMember(name);
  return at == object.MemberEnd() ? nullptr : &at->value;
}

bool is_text(const Value& value, std::string_view text) {
  return value.IsString() && std::string_view(value.GetString(), value.GetStringLength()) == text;
}

/// Whether what is asked of a claim holds of `text`: nothing asked, or one of the values.
bool fulfils(const Value& asked, std::string_view text) {
  if (const auto* value = member(asked, "value"); value != nullptr && !is_text(*value, text))
    return false;
  if (const auto* values = member(asked, "values")) {
    if (!values->IsArray()) return false;
    const auto list = values->GetArray();
    if (std::none_of(list.begin(), list.end(),
                     [&](const Value& one) { return is_text(one, text); }))
      return false;
  }
  return true;
}

/// Whether the moment is no older than asked, in seconds.
bool is_young(const Value& asked, base::Time at, base::Time now) {
  if (!fulfils(asked, base::to_rfc3339(at))) return false;
  const auto* most = member(asked, "max_age");
  return most == nullptr || (most->IsInt64() && now - at <= std::chrono::seconds(most->GetInt64()));
}

/// IDA 1.0 §6.1: "purpose" has 3 to 300 characters.
bool good_purpose(const Value& asked) {
  const auto* purpose = member(asked, "purpose");
  return purpose == nullptr || (purpose->IsString() && purpose->GetStringLength() >= 3 &&
                                purpose->GetStringLength() <= 300);
}

bool is_leaf(const Value& asked) {
  return (asked.IsNull() || asked.IsObject()) && good_purpose(asked);
}

/// IDA 1.0 §5: a trust framework must be asked for, and one claim at least.
base::Result<void> check_verified(const Value& one) {
  if (!one.IsObject()) return malformed("not an object");
  const auto* verification = member(one, "verification");
  const auto* claims = member(one, "claims");
  if (verification == nullptr || !verification->IsObject()) return malformed("verification");
  if (claims == nullptr || !claims->IsObject() || claims->ObjectEmpty()) return malformed("claims");
  if (!good_purpose(one)) return malformed("purpose");
  const auto* framework = member(*verification, "trust_framework");
  if (framework == nullptr || !is_leaf(*framework)) return malformed("trust_framework");
  for (const auto* name : {"assurance_level", "time"})
    if (const auto* leaf = member(*verification, name); leaf != nullptr && !is_leaf(*leaf))
      return malformed(name);
  if (const auto* evidence = member(*verification, "evidence");
      evidence != nullptr && !evidence->IsNull()) {
    if (!evidence->IsArray() || evidence->Empty() || evidence->Size() > kEvidenceMost)
      return malformed("evidence");
    for (const auto& each : evidence->GetArray())
      if (!each.IsObject() || member(each, "type") == nullptr || !is_leaf(*member(each, "type")))
        return malformed("evidence");
  }
  for (const auto& claim : claims->GetObject())
    if (!is_leaf(claim.value)) return malformed("claims");
  return {};
}

base::Result<void> check_all_verified(const Value& asked) {
  if (!asked.IsArray()) return check_verified(asked);
  if (asked.Empty() || asked.Size() > kVerifiedMost) return malformed("how many");
  for (const auto& one : asked.GetArray()) BASE_TRY_VOID(check_verified(one));
  return {};
}

void add_word(std::string& words, std::string_view word) {
  if (!has_scope(words, word)) words += (words.empty() ? "" : " ") + std::string(word);
}

/// One element of the answer, or nothing when what was asked does not hold.
struct Verified {
  std::string verification, claims;
};
std::optional<Verified> answer(const Value& asked, const KnownOfPerson& known) {
  if (known.evidence.empty()) return std::nullopt;
  const auto& verification = *member(asked, "verification");
  const auto& best = known.evidence.front();
  const auto level = "p" + std::to_string(static_cast<int>(best.level));
  base::JsonWriter out;
  out.StartObject();
  if (!fulfils(*member(verification, "trust_framework"), kTrustFramework)) return std::nullopt;
  out.member("trust_framework", kTrustFramework);
  if (const auto* leaf = member(verification, "assurance_level")) {
    if (!fulfils(*leaf, level)) return std::nullopt;
    out.member("assurance_level", level);
  }
  if (const auto* leaf = member(verification, "time")) {
    if (!is_young(*leaf, best.at, known.now)) return std::nullopt;
    out.member("time", base::to_rfc3339(best.at));
  }
  if (const auto* wanted = member(verification, "evidence"); wanted != nullptr) {
    std::vector<std::string> types;
    const auto add = [&](const Value& type) {  // each kind once: what of it is nobody's here
      const auto before = types.size();
      for (const auto& one : known.evidence)
        if (fulfils(type, one.type) &&
            std::find(types.begin(), types.end(), one.type) == types.end())
          types.push_back(one.type);
      return types.size() > before ||
             std::any_of(types.begin(), types.end(),
                         [&](const std::string& each) { return fulfils(type, each); });
    };
    const Value any;
    if (wanted->IsNull()) add(any);
    if (wanted->IsArray())
      for (const auto& each : wanted->GetArray())
        if (!add(*member(each, "type"))) return std::nullopt;
    out.key("evidence");
    out.StartArray();
    for (const auto& type : types) {
      out.StartObject();
      out.member("type", type);
      out.EndObject();
    }
    out.EndArray();
  }
  out.EndObject();
  const auto* name = member(*member(asked, "claims"), "name");
  if (name == nullptr || !fulfils(*name, known.name)) return std::nullopt;
  base::JsonWriter claims;
  claims.StartObject();
  claims.member("name", known.name);
  claims.EndObject();
  return Verified{out.text(), claims.text()};
}

void put_verified(base::JsonWriter& out, const Value& asked, const KnownOfPerson& known) {
  std::vector<Verified> all;
  if (asked.IsArray()) {
    for (const auto& one : asked.GetArray())
      if (auto told = answer(one, known)) all.push_back(std::move(*told));
  } else if (auto told = answer(asked, known)) {
    all.push_back(std::move(*told));
  }
  if (all.empty()) return;
  out.key("verified_claims");
  if (asked.IsArray()) out.StartArray();
  for (const auto& one : all) {
    out.StartObject();
    out.key("verification");
    out.RawValue(one.verification.data(), one.verification.size(), rapidjson::kObjectType);
    out.key("claims");
    out.RawValue(one.claims.data(), one.claims.size(), rapidjson::kObjectType);
    out.EndObject();
  }
  if (asked.IsArray()) out.EndArray();
}

std::string_view text_of(SubjectKind kind) {
  return kind == SubjectKind::unit ? "unit" : "person";
}

}  // namespace

base::Result<ClaimsRequest> read_claims_request(const Value& claims, std::string_view scopes) {
  ClaimsRequest out;
  bool any = false;
  base::JsonWriter kept;
  kept.StartObject();
  for (const auto* part : {"id_token", "userinfo"}) {
    const auto* asked = member(claims, part);
    if (asked == nullptr || asked->IsNull()) continue;
    if (!asked->IsObject()) return base::error(base::Code::invalid_argument, "auth.claims", part);
    kept.key(part);
    kept.StartObject();
    for (const auto* name : {"name", "subject_kind"}) {
      const auto* one = member(*asked, name);
      if (one == nullptr) continue;
      if (!is_leaf(*one)) return base::error(base::Code::invalid_argument, "auth.claims", name);
      if (!has_scope(scopes, "profile")) add_word(out.words, "claim." + std::string(name));
      any = true;
      kept.key(name);
      one->Accept(kept);
    }
    if (const auto* verified = member(*asked, "verified_claims")) {
      BASE_TRY_VOID(check_all_verified(*verified));
      add_word(out.words, "verified_claims");
      any = true;
      kept.key("verified_claims");
      verified->Accept(kept);
    }
    kept.EndObject();
  }
  kept.EndObject();
  if (any) out.kept = kept.text();
  return out;
}

void put_claims(base::JsonWriter& out, std::string_view kept, const char* part,
                const KnownOfPerson& known) {
  const auto json = base::parse_json(kept, {.bytes = 16 * 1024, .depth = 12});
  if (!json.ok()) return;
  const auto* asked = member(*json, part);
  if (asked == nullptr) return;
  const bool told = std::string_view(part) == "userinfo" && has_scope(known.scopes, "profile");
  if (const auto* name = member(*asked, "name"); name && !told && fulfils(*name, known.name))
    out.member("name", known.name);
  if (const auto* kind = member(*asked, "subject_kind");
      kind && !told && fulfils(*kind, text_of(known.kind)))
    out.member("subject_kind", text_of(known.kind));
  if (const auto* verified = member(*asked, "verified_claims")) put_verified(out, *verified, known);
}

}  // namespace auth
