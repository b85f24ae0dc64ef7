#include "api/cli/ceremony_plan.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "certs/pki_directory.h"
#include "certs/profiles.h"

namespace cli {
namespace {

base::Error bad(std::string why) {
  auto failure = base::error(base::Code::invalid_argument, "cli.bad_plan", why);
  failure.args = {{"why", std::move(why)}};
  return failure;
}

std::string filled(std::string_view text, std::string_view agency) {
  std::string out(text);
  const auto at = out.find("{agency}");
  if (at != std::string::npos) out.replace(at, 8, agency);
  return out;
}

/// A plain name: no directory, no surprise for a shell.
bool good_file(std::string_view name) {
  return name.size() > 4 && name.size() <= 64 && name.ends_with(".pem") && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

const rapidjson::Value* array(const rapidjson::Value& object, const char* name) {
  const auto found = object.FindMember(name);
  return found != object.MemberEnd() && found->value.IsArray() ? &found->value : nullptr;
}

base::Result<void> read_keys(const rapidjson::Value& from, CeremonyPlan& plan) {
  std::set<std::string> labels;
  for (const auto& item : from.GetArray()) {
    if (!item.IsObject()) return bad("keys: not an object");
    PlannedKey key;
    key.label = base::json_text(item, "label");
    const auto algorithm = hsm::algorithm_from(base::json_text(item, "algorithm"));
    const auto purpose = hsm::purpose_from(base::json_text(item, "purpose"));
    if (key.label.empty() || !labels.insert(key.label).second)
      return bad("keys: a label is missing or given twice");
    if (!algorithm || !purpose) return bad("keys: " + key.label + ": algorithm or purpose");
    key.algorithm = *algorithm;
    key.purpose = *purpose;
    plan.keys.push_back(std::move(key));
  }
  return {};
}

base::Result<void> read_certificates(const rapidjson::Value& from, std::string_view agency,
                                     CeremonyPlan& plan) {
  std::set<std::string> files;
  for (const auto& item : from.GetArray()) {
    if (!item.IsObject()) return bad("certificates: not an object");
    PlannedCertificate one;
    const auto profile = certs::profile_from(base::json_text(item, "profile"));
    if (!profile) return bad("certificates: unknown profile");
    one.profile = *profile;
    one.key = base::json_text(item, "key");
    one.issuer = base::json_text(item, "issuer");
    one.file = base::json_text(item, "file");
    one.common_name = filled(base::json_text(item, "common_name"), agency);
    if (!good_file(one.file) || !files.insert(one.file).second)
      return bad("certificates: " + one.key + ": file name");
    if (one.common_name.empty()) return bad("certificates: " + one.key + ": no common name");
    plan.certificates.push_back(std::move(one));
  }
  return {};
}

/// As a request for it would say: {"file","officers","threshold"}.
base::Result<void> read_backup(const rapidjson::Value& from, CeremonyPlan& plan) {
  if (!from.IsObject()) return bad("backup: not an object");
  auto read = hsm::officers::read_backup(from);
  if (!read.ok()) return bad("backup: " + read.error().detail);
  // One may be away when it is needed.
  if (read->threshold >= static_cast<int>(read->officers.size()))
    return bad("backup: threshold is less than the number of officers");
  for (const auto& id : read->officers)
    if (std::none_of(plan.roles.begin(), plan.roles.end(),
                     [&](const PlannedRole& role) { return role.id == id; }))
      return bad("backup: " + id + " has no role");
  plan.backup = std::move(*read);
  return {};
}

const PlannedKey* planned_key(const CeremonyPlan& plan, const std::string& label) {
  for (const auto& key : plan.keys)
    if (key.label == label) return &key;
  return nullptr;
}

/// Where the SM2 line begins in the certificates, when there is one: root, then issuing authority,
/// both with SM2 keys, which certify all other SM2 keys.
base::Result<std::optional<std::size_t>> second_line(const CeremonyPlan& plan) {
  const auto& all = plan.certificates;
  const auto sm2 = [&](std::size_t i) {
    const auto* key = planned_key(plan, all[i].key);
    return key != nullptr && key->algorithm == hsm::Algorithm::sm2;
  };
  for (std::size_t i = 2; i < all.size(); ++i) {
    if (all[i].profile != certs::Profile::root_ca) continue;
    if (i + 1 == all.size() || all[i + 1].profile != certs::Profile::issuing_ca || !sm2(i) ||
        !sm2(i + 1) || sm2(0) || sm2(1))
      return bad(
          "certificates: a second root has an SM2 key, and its issuing authority follows it");
    if (all[i].file != certs::PkiDirectory::kRootSm2 ||
        all[i + 1].file != certs::PkiDirectory::kIssuingSm2)
      return bad("certificates: root-sm2.pem and issuing-sm2.pem are their names");
    for (std::size_t before = 2; before < i; ++before)
      if (sm2(before)) return bad("certificates: the SM2 root stands before what it certifies");
    return std::optional(i);
  }
  return std::optional<std::size_t>{};
}

/// A key's purpose and the profile of its certificate have the same name.
base::Result<void> check(const CeremonyPlan& plan) {
  const auto& all = plan.certificates;
  if (all.size() < 2 || all[0].profile != certs::Profile::root_ca ||
      all[1].profile != certs::Profile::issuing_ca)
    return bad("certificates: the root comes first, then the issuing authority");
  if (all[0].file != certs::PkiDirectory::kRoot || all[1].file != certs::PkiDirectory::kIssuing)
    return bad("certificates: root.pem and issuing.pem are their names");
  BASE_TRY(const auto second, second_line(plan));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& one = all[i];
    const auto* key = planned_key(plan, one.key);
    if (key == nullptr) return bad("certificates: " + one.key + " is no planned key");
    if (hsm::to_string(key->purpose) != certs::to_string(one.profile))
      return bad("certificates: " + one.key + ": purpose and profile differ");
    const bool first_line = i < 2, in_second = second && (i == *second || i == *second + 1);
    if (!first_line && !in_second && certs::rule_of(one.profile).authority)
      return bad("certificates: one root and one issuing authority are known, and those of SM2");
    const bool sm2 = second && key->algorithm == hsm::Algorithm::sm2;
    const auto root = sm2 ? *second : 0;
    const std::string issuer = i == root ? "" : i == root + 1 ? all[root].key : all[root + 1].key;
    if (one.issuer != issuer) return bad("certificates: " + one.key + ": issuer");
  }
  return {};
}

}  // namespace

base::Result<CeremonyPlan> CeremonyPlan::parse(std::string_view json, std::string_view agency) {
  const auto document = base::parse_json(json, {64 << 10, 6});
  if (!document) return document.error();
  if (!document->IsObject() || base::json_int(*document, "version") != 1)
    return bad("not a plan of version 1");
  CeremonyPlan plan;
  plan.sha256 = base::sha256(base::as_bytes(json));
  plan.title = base::json_text(*document, "title");
  const auto demonstration = document->FindMember("demonstration");
  plan.demonstration = demonstration != document->MemberEnd() && demonstration->value.IsTrue();
  const auto* roles = array(*document, "roles");
  const auto* keys = array(*document, "keys");
  const auto* certificates = array(*document, "certificates");
  if (plan.title.empty() || roles == nullptr || keys == nullptr || certificates == nullptr)
    return bad("title, roles, keys and certificates are wanted");
  std::set<std::string> people;
  for (const auto& item : roles->GetArray()) {
    if (!item.IsObject()) return bad("roles: not an object");
    PlannedRole role;
    role.id = base::json_text(item, "id");
    role.person = base::json_text(item, "person");
    role.title = base::json_text(item, "title");
    const auto word = base::json_text(item, "role");
    if (role.id.empty() || role.person.empty() || role.title.empty() ||
        (word != "officer" && word != "auditor") || !people.insert(role.id).second)
      return bad("roles: each has an id of its own, a person, a title, and officer or auditor");
    role.role = word == "officer" ? hsm::officers::Role::officer : hsm::officers::Role::auditor;
    plan.roles.push_back(std::move(role));
  }
  if (std::count_if(plan.roles.begin(), plan.roles.end(), [](const PlannedRole& role) {
        return role.role == hsm::officers::Role::officer;
      }) < 3)
    return bad("roles: three officers at least");
  if (const auto policy = document->FindMember("policy"); policy != document->MemberEnd()) {
    BASE_TRY(plan.policy, hsm::officers::read_policy(policy->value));
  }
  if (const auto backup = document->FindMember("backup"); backup != document->MemberEnd())
    BASE_TRY_VOID(read_backup(backup->value, plan));
  plan.token = base::json_text(*document, "token");
  if (plan.token.empty() || plan.token.size() > 32) return bad("token: the token's label");
  BASE_TRY_VOID(read_keys(*keys, plan));
  BASE_TRY_VOID(read_certificates(*certificates, agency, plan));
  BASE_TRY_VOID(check(plan));
  const auto life = base::json_int(*document, "list_life_hours").value_or(24 * 7);
  if (life < 1 || life > 24 * 366) return bad("list_life_hours: 1 to 8784");
  plan.list_life = std::chrono::hours(life);
  return plan;
}

}  // namespace cli
