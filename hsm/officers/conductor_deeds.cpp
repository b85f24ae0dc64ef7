// What is done once enough officers have signed for it; each gives what came of it, for the ledger.
#include <algorithm>
#include <filesystem>

#include "base/encoding.h"
#include "hsm/backup.h"
#include "hsm/inventory.h"
#include "hsm/officers/conductor.h"
#include "hsm/officers/rules.h"

namespace hsm::officers {

using base::Code;

base::Result<std::string> Conductor::carry_out(const Request& request, bool& changes_token) {
  changes_token = request.op == "key.generate" || request.op == "key.destroy";
  if (request.op == "sign") return sign_items(request);
  if (request.op == "key.generate") return make_keys(request);
  if (request.op == "key.destroy") return destroy_keys(request);
  if (request.op == "key.adopt") return adopt_keys(request);
  if (request.op == "key.backup") return back_up(request);
  if (request.op == "key.resume") {
    BASE_TRY(const auto step, read_key_step(request.params(), false));
    for (const auto& one : step.keys) keeper_->forgive(one.label);
  }
  return std::string("{}");  // the ledger's own business
}

base::Result<base::Bytes> Conductor::sign(const std::string& label, const KeyId& id,
                                          base::BytesView message) const {
  BASE_TRY(const auto token, keeper_->token());
  BASE_TRY(const auto key, token->key(label));
  if (key->info().id != id) return refused(Code::not_found, "hsm.officers.no_key", label);
  const std::scoped_lock one(signing_);
  auto signature = [&] {
    const Watch::Inside inside(*watch_, watch_place_, config_.watchdog);
    return key->sign_message(message);
  }();
  if (!signature.ok()) keeper_->look_again();  // nobody else may notice that the token is down
  return signature;
}

base::Result<std::string> Conductor::sign_items(const Request& request) {
  BASE_TRY(const auto wanted, read_sign(request.params()));
  base::JsonWriter out;
  out.StartObject();
  out.key("signatures");
  out.StartArray();
  for (const auto& item : wanted.items) {
    BASE_TRY(const auto signature, sign(item.label, item.id, item.content));
    out.string(base::to_base64(signature));
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::make_keys(const Request& request) {
  BASE_TRY(const auto wanted, read_generate(request.params()));
  TokenWish wish;
  for (const auto& one : wanted.keys) wish.make.push_back({one.label, one.algorithm, one.purpose});
  BASE_TRY(const auto change, prepare_change(place_, wish));
  const auto health = keeper_->health();
  base::JsonWriter out;
  out.StartObject();
  out.member("inventory", base::to_hex(change.inventory));
  out.key("keys");
  out.RawValue(change.keys_json.data(), change.keys_json.size(), rapidjson::kArrayType);
  out.member("token_label", health.label);
  out.member("token_serial", health.serial);
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::adopt_keys(const Request& request) {
  BASE_TRY(const auto wanted, read_adopt(request.params()));
  if (digest_of_file(place_.inventory) != wanted.inventory)
    return refused(Code::conflict, "hsm.officers.inventory", place_.inventory.string());
  BASE_TRY(const auto inventory, Inventory::from_file(place_.inventory));
  base::JsonWriter out;
  out.StartObject();
  out.member("inventory", base::to_hex(wanted.inventory));
  out.key("keys");
  out.StartArray();
  for (const auto& [one, id] : wanted.keys) {
    const auto* entry = inventory.find(one.label);
    if (entry == nullptr || entry->key.id != id || entry->key.algorithm != one.algorithm ||
        entry->key.purpose != one.purpose)
      return refused(Code::not_found, "hsm.officers.no_key", one.label);
    out.StartObject();
    out.member("algorithm", to_string(entry->key.algorithm));
    out.member("id", entry->key.id.value());
    out.member("label", entry->key.label);
    out.member("protection", to_string(entry->key.protection));
    out.member("purpose", to_string(entry->key.purpose));
    out.member("spki", base::to_base64(entry->key.public_key));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::destroy_keys(const Request& request) {
  BASE_TRY(const auto step, read_key_step(request.params(), false));
  TokenWish wish;
  for (const auto& one : step.keys) wish.destroy.push_back(one.label);
  BASE_TRY(const auto change, prepare_change(place_, wish));
  base::JsonWriter out;
  out.StartObject();
  out.member("inventory", base::to_hex(change.inventory));
  out.EndObject();
  return out.text();
}

base::Result<std::string> Conductor::back_up(const Request& request) {
  BASE_TRY(const auto wanted, read_backup(request.params()));
  BackupPlan plan;
  plan.token_directory = place_.directory;
  plan.inventory = place_.inventory;
  plan.ledger = config_.officers.ledger;
  plan.state = {{"genesis.json", config_.officers.genesis}};
  plan.threshold = wanted.threshold;
  plan.file = config_.officers.backups / (wanted.file + ".xbk");
  {
    const std::scoped_lock lock(lock_);
    plan.ledger_head = base::to_hex(ledger_->head());
    for (const auto& id : wanted.officers) {
      const auto& person = state_.people().find(id)->second;
      plan.officers.push_back({person.id, person.name, person.share_key});
    }
  }
  BASE_TRY(plan.pin, base::Secret::from_file(place_.pin_file));
  {
    BASE_TRY(const auto token, keeper_->token());
    BASE_TRY(plan.probe, make_probe(*token, random_));
  }
  std::error_code ignored;
  std::filesystem::create_directories(config_.officers.backups, ignored);
  BASE_TRY(const auto facts, backup(plan, random_, clock_));
  base::JsonWriter out;
  out.StartObject();
  out.member("backup", facts.sha256);
  out.member("bytes", static_cast<std::int64_t>(facts.bytes));
  out.member("file", plan.file.filename().string());
  out.member("id", facts.id);
  out.member("inventory", facts.inventory_sha256);
  out.key("keys");
  out.StartArray();
  for (const auto& key : facts.keys) out.string(key.id.value());
  out.EndArray();
  out.EndObject();
  return out.text();
}

}  // namespace hsm::officers
