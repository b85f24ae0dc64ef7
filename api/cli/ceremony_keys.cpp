// The plan's keys: made, and, where the policy wants a proven backup before they are used, backed
// up, brought back from it in a drill, and only then activated. NIST SP 800-57 part 1 §7.
#include <algorithm>
#include <set>

#include "api/cli/backup.h"
#include "api/cli/ceremony_run.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "hsm/officers/drill_report.h"

namespace cli {
namespace {

using Outcome = CeremonyStep::Outcome;

std::string key_json(const hsm::KeyInfo& key) {
  base::JsonWriter out;
  out.StartObject();
  out.member("label", key.label);
  out.member("id", key.id.value());
  out.member("algorithm", hsm::to_string(key.algorithm));
  out.member("purpose", hsm::to_string(key.purpose));
  out.member("protection", hsm::to_string(key.protection));
  out.member("public_key", base::to_base64(key.public_key));
  out.EndObject();
  return out.text();
}

/// The result of a key.backup that is done.
struct Made {
  std::string file, sha256;
  std::set<std::string> keys;  ///< ids
};
Made made_of(const RequestRecord& record) {
  Made out;
  const auto result = base::parse_json(record.result_json, {4 << 20, 4});
  if (!result.ok() || !result->IsObject()) return out;
  out.file = base::json_text(*result, "file");
  out.sha256 = base::json_text(*result, "backup");
  if (const auto keys = result->FindMember("keys");
      keys != result->MemberEnd() && keys->value.IsArray())
    for (const auto& id : keys->value.GetArray())
      if (id.IsString()) out.keys.emplace(id.GetString(), id.GetStringLength());
  return out;
}

std::string backup_params(const hsm::officers::Backup& wanted, const std::string& file) {
  base::JsonWriter out;
  out.StartObject();
  out.member("file", file);
  out.key("officers");
  out.StartArray();
  for (const auto& id : wanted.officers) out.string(id);
  out.EndArray();
  out.member("threshold", wanted.threshold);
  out.EndObject();
  return out.text();
}

}  // namespace

base::Result<void> Ceremony::make_keys() {
  base::JsonWriter out;
  out.StartObject();
  out.member("activate", !governance_.policy()["backup_before_use"].GetBool());
  out.key("keys");
  out.StartArray();
  std::vector<std::string> missing;
  for (const auto& planned : plan_.keys) {
    if (const auto* known = governance_.key(planned.label)) {
      if (base::json_text(*known, "algorithm") != hsm::to_string(planned.algorithm) ||
          base::json_text(*known, "purpose") != hsm::to_string(planned.purpose))
        return about_key(base::Code::conflict, "cli.key_differs", planned.label);
      continue;
    }
    // From before there were officers: theirs to take over, not to be made beside it.
    if (keys_.count(planned.label) != 0)
      return about_key(base::Code::conflict, "cli.key_not_adopted", planned.label);
    missing.push_back(planned.label);
    out.StartObject();
    out.member("algorithm", hsm::to_string(planned.algorithm));
    out.member("label", planned.label);
    out.member("purpose", hsm::to_string(planned.purpose));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  if (!missing.empty()) {
    BASE_TRY(auto asked, ask(officer_, governance_, {"key.generate", out.text(), plan_.title}));
    BASE_TRY(const auto done, carry(std::move(asked)));
    BASE_TRY_VOID(look());
    for (const auto& label : missing) {
      const auto made = keys_.find(label);
      if (made == keys_.end()) return about_key(base::Code::not_found, "cli.key_missing", label);
      BASE_TRY_VOID(minutes_.note(
          "key",
          "密钥 " + label + "：" + std::string(hsm::to_string(made->second.algorithm)) + "，" +
              std::string(hsm::to_string(made->second.purpose)) + "，" +
              std::string(hsm::to_string(made->second.protection)) + "，" + made->second.id.value(),
          key_json(made->second)));
      tell(label, Outcome::generated, made->second.id.value());
    }
  }
  return {};
}

/// Planned keys that are not used yet; of them those that stand in no proven backup, when so asked.
std::vector<std::string> Ceremony::waiting(bool unproven) const {
  std::vector<std::string> out;
  for (const auto& planned : plan_.keys)
    if (const auto* key = governance_.key(planned.label);
        key != nullptr && base::json_text(*key, "state") == "pre_active" &&
        !(unproven && key->HasMember("backup_proven")))
      out.push_back(planned.label);
  return out;
}

/// A backup that this plan had made, that lies where it was put and holds these keys; or one made
/// now.
base::Result<std::filesystem::path> Ceremony::backup_with(const std::vector<std::string>& labels,
                                                          std::string& sha256) {
  std::set<std::string> names;
  const auto& folder = officer_.config.signer.backups;
  std::error_code ignored;
  for (const auto& one : governance_.all()["requests"].GetArray()) {
    if (base::json_text(one, "op") != "key.backup") continue;
    BASE_TRY(const auto record, find_request(officer_, base::json_text(one, "id")));
    BASE_TRY(const auto wanted, hsm::officers::read_backup(record.request.params()));
    names.insert(wanted.file);
    if (record.standing != "done" || record.request.reason != plan_.title) continue;
    const auto made = made_of(record);
    const bool all = std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
      return made.keys.count(std::string(base::json_text(*governance_.key(label), "id"))) != 0;
    });
    if (!all || !std::filesystem::exists(folder / made.file, ignored)) continue;
    sha256 = made.sha256;
    return folder / made.file;
  }
  auto name = plan_.backup->file;
  for (int n = 2; names.count(name) != 0; ++n) name = plan_.backup->file + "-" + std::to_string(n);
  BASE_TRY(auto asked, ask(officer_, governance_,
                           {"key.backup", backup_params(*plan_.backup, name), plan_.title}));
  BASE_TRY(const auto done, carry(std::move(asked)));
  base::fail_point("ceremony.backed_up");
  const auto made = made_of(done);
  BASE_TRY_VOID(
      minutes_.note("backup", "备份 " + made.file + "，SHA-256 " + made.sha256, done.result_json));
  tell(made.file, Outcome::backed_up, made.sha256);
  sha256 = made.sha256;
  return folder / made.file;
}

/// The policy wants proof first that keys can be restored: backup, drill with the officers' shares,
/// and its result on record.
base::Result<void> Ceremony::prove_backup() {
  const auto labels = waiting(true);
  if (labels.empty() || !governance_.policy()["backup_before_use"].GetBool()) return {};
  if (!plan_.backup) {
    std::string names;
    for (const auto& label : labels) names += (names.empty() ? "" : " ") + label;
    auto failure = base::error(base::Code::conflict, "cli.key_not_active", names);
    failure.args = {{"key", names}};
    return failure;
  }
  std::string sha256;
  BASE_TRY(const auto file, backup_with(labels, sha256));
  const auto& context = officer_.context;
  BASE_TRY(const auto drilled,
           hsm::drill(file, options_.module, drill_place(officer_.context, {}),
                      shares_of(officer_.context, options_.cards), officer_.context.random(),
                      [&](const std::string& line) { context.say("  " + line); }));
  if (drilled.sha256 != sha256) {
    auto failure = base::error(base::Code::conflict, "cli.backup_altered", file.string());
    failure.args = {{"path", file.string()}};
    return failure;
  }
  const auto report_text = drill_json(drilled);
  BASE_TRY(const auto report, hsm::officers::read_drill_report(report_text));
  BASE_TRY_VOID(open_minutes());
  base::JsonWriter data;
  data.StartObject();
  data.member("report", report_text);
  data.member("report_sha256", base::to_hex(report.report));
  data.EndObject();
  std::string shares;
  for (const auto& id : drilled.officers) shares += (shares.empty() ? "" : "、") + id;
  BASE_TRY_VOID(minutes_.note("drill",
                              "演练恢复备份 " + drilled.backup_id + "，份额 " + shares + "，" +
                                  std::to_string(drilled.keys.size()) +
                                  " 把密钥逐一验证，副本已销毁",
                              data.text()));
  tell(file.filename().string(), Outcome::drilled, base::to_hex(report.report));
  BASE_TRY(auto asked, ask(officer_, governance_,
                           {"backup.prove", hsm::officers::prove_params(report), plan_.title}));
  BASE_TRY(const auto done, carry(std::move(asked)));
  return look();
}

base::Result<void> Ceremony::activate() {
  const auto labels = waiting(false);
  if (labels.empty()) return {};
  BASE_TRY(const auto params, key_step_params(governance_, labels));
  BASE_TRY(auto asked, ask(officer_, governance_, {"key.activate", params, plan_.title}));
  BASE_TRY(const auto done, carry(std::move(asked)));
  for (const auto& label : labels) tell(label, Outcome::activated, "");
  return look();
}

}  // namespace cli
