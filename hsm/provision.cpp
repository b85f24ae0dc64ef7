#include "hsm/provision.h"

#include <set>

#include "base/json.h"
#include "hsm/inventory.h"
#include "hsm/key_maker.h"
#include "hsm/matching.h"

namespace hsm {
namespace {

constexpr std::size_t kMostPlannedKeys = 1000;

using Tell = std::function<void(const ProvisionStep&)>;
using Outcome = ProvisionStep::Outcome;

base::Error bad_plan(const std::string& why) {
  auto failure = base::error(base::Code::invalid_argument, "hsm.plan", why);
  failure.args = {{"why", why}};
  return failure;
}

/// Anything at all in the token directory counts: a torn token leaves files.
base::Result<bool> nothing_in(const std::filesystem::path& directory) {
  std::error_code failed;
  const bool empty = std::filesystem::is_empty(directory, failed);
  if (!failed) return empty;
  auto failure = base::error(base::Code::unavailable, "hsm.token_directory", failed.message());
  failure.args = {{"path", directory.string()}, {"why", failed.message()}};
  return failure;
}

base::Result<void> ensure_token(const ProvisionConfig& config, const Tell& tell) {
  if (config.directory.empty()) return {};  // a device: initialised with its maker's tool
  BASE_TRY(const auto empty, nothing_in(config.directory));
  if (!empty) return {};
  if (config.so_pin.empty()) {
    auto failure = base::error(base::Code::unavailable, "hsm.no_so_pin", config.label);
    failure.args = {{"label", config.label}};
    return failure;
  }
  BASE_TRY_VOID(p11::initialise_token(config.module, config.label, config.so_pin, config.pin));
  tell({"token", config.label, Outcome::done, "initialised"});
  return {};
}

/// Before the module reads them: a bent object could end this process half-way.
base::Result<void> check_known_files(const ProvisionConfig& config) {
  std::error_code ignored;
  if (config.directory.empty() || !std::filesystem::exists(config.inventory, ignored)) return {};
  BASE_TRY(const auto inventory, Inventory::from_file(config.inventory));
  return check_files(config.directory, inventory.files);
}

base::Result<std::unique_ptr<KeyMaker>> open_maker(const ProvisionConfig& config,
                                                   base::Random& random) {
  TokenConfig opening;
  opening.module = config.module;
  opening.label = config.label;
  opening.serial = config.serial;
  opening.pin = config.pin.clone();
  auto maker = KeyMaker::open(std::move(opening), random);
  if (!maker.ok() && maker.error().key == "hsm.no_token" && !config.directory.empty()) {
    auto failure = base::error(base::Code::unavailable, "hsm.token_damaged", maker.error().detail);
    failure.args = {{"path", config.directory.string()}, {"why", maker.error().detail}};
    return failure;
  }
  return maker;
}

base::Result<Inventory> open_inventory(const ProvisionConfig& config, const KeyMaker& maker) {
  std::error_code ignored;
  if (!std::filesystem::exists(config.inventory, ignored))
    return Inventory{maker.label(), maker.serial(), {}, {}};
  BASE_TRY(auto inventory, Inventory::from_file(config.inventory));
  if (inventory.token_label == maker.label() && inventory.token_serial == maker.serial())
    return inventory;
  auto failure = base::error(base::Code::unavailable, "hsm.inventory");
  failure.detail = config.inventory.string() +
                   " was written for another token: " + inventory.token_label + " (" +
                   inventory.token_serial + ")";
  failure.args = {{"why", failure.detail}};
  return failure;
}

/// One planned key that the inventory does not know yet: adopted when it is there and sound, else
/// made.
base::Result<InventoryEntry> make_or_adopt(KeyMaker& maker, const PlannedKey& key, bool& made) {
  auto there = maker.adopt(key.label, key.algorithm, key.purpose);
  made = !there.ok() && there.error().code == base::Code::not_found;
  return made ? maker.generate(key.algorithm, key.label, key.purpose) : std::move(there);
}

base::Result<void> ensure_key(KeyMaker& maker, Inventory& inventory, const PlannedKey& key,
                              const std::filesystem::path& path, const Tell& tell) {
  if (const auto* known = inventory.find(key.label)) {
    if (known->key.algorithm == key.algorithm && known->key.purpose == key.purpose) return {};
    auto failure = base::error(base::Code::conflict, "hsm.half_made");
    failure.detail = "the inventory has it for another purpose or of another algorithm";
    failure.args = {{"label", key.label}, {"why", failure.detail}};
    return failure;
  }
  bool made = false;
  BASE_TRY(auto entry, make_or_adopt(maker, key, made));
  inventory.keys.push_back(std::move(entry));
  BASE_TRY_VOID(inventory.save(path));  // after each key: what is adopted stays adopted
  tell({"key", key.label, made ? Outcome::done : Outcome::kept,
        made ? "made in the token" : "was on the token and sound; adopted"});
  return {};
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::done:
      return "done";
    case Outcome::kept:
      return "kept";
    case Outcome::warning:
      return "warning";
    case Outcome::failed:
      return "failed";
  }
  base::fail("unknown Outcome");
}

base::Result<std::vector<PlannedKey>> plan_from_json(std::string_view json) {
  auto document = base::parse_json(json, {.bytes = 1 << 20, .depth = 8});
  if (!document.ok()) return bad_plan(document.error().key);
  if (!document->IsObject() || !document->HasMember("keys") || !(*document)["keys"].IsArray())
    return bad_plan("wanted: {\"keys\": [ … ]}");
  std::vector<PlannedKey> plan;
  std::set<std::string, std::less<>> labels;
  for (const auto& one : (*document)["keys"].GetArray()) {
    if (!one.IsObject() || one.MemberCount() != 3)
      return bad_plan("a key has label, algorithm and purpose, and nothing else");
    PlannedKey key;
    key.label = base::json_text(one, "label");
    const auto algorithm = algorithm_from(base::json_text(one, "algorithm"));
    const auto purpose = purpose_from(base::json_text(one, "purpose"));
    if (key.label.empty()) return bad_plan("a key without a label");
    if (!algorithm) return bad_plan("key " + key.label + ": unknown algorithm");
    if (!purpose) return bad_plan("key " + key.label + ": unknown purpose");
    if (!labels.insert(key.label).second) return bad_plan("key " + key.label + " is planned twice");
    key.algorithm = *algorithm;
    key.purpose = *purpose;
    plan.push_back(std::move(key));
    if (plan.size() > kMostPlannedKeys) return bad_plan("more than 1000 keys");
  }
  return plan;
}

base::Result<void> provision(ProvisionConfig config, const std::vector<PlannedKey>& plan,
                             base::Random& random, const Tell& tell) {
  BASE_TRY_VOID(ensure_token(config, tell));
  BASE_TRY_VOID(check_known_files(config));
  BASE_TRY(auto maker, open_maker(config, random));
  BASE_TRY(auto inventory, open_inventory(config, *maker));

  std::optional<base::Error> first;
  const auto failed = [&](const std::string& label, const base::Error& failure) {
    tell({"key", label, Outcome::failed, failure.key + ": " + failure.detail});
    if (!first) first = failure;
  };
  for (const auto& key : plan) {
    const bool known = inventory.find(key.label) != nullptr;
    if (auto done = ensure_key(*maker, inventory, key, config.inventory, tell); !done.ok())
      failed(key.label, done.error());
    else if (known)
      tell({"key", key.label, Outcome::kept, "in the inventory"});
  }
  if (inventory.keys.empty()) BASE_TRY_VOID(inventory.save(config.inventory));

  // What serving would say about the result, said now.
  BASE_TRY(const auto objects, maker->survey());
  const auto matching = match(inventory, objects);
  for (const auto& one : matching.keys) {
    if (one.refusal.empty()) continue;
    auto failure = base::error(base::Code::conflict, "hsm.half_made", one.refusal);
    failure.args = {{"label", one.entry->key.label}, {"why", one.refusal}};
    failed(one.entry->key.label, failure);
  }
  for (const auto& one : matching.unknown) tell({"debris", one.label, Outcome::warning, one.why});
  maker.reset();  // closed: SoftHSM writes no more
  if (!config.directory.empty()) {
    BASE_TRY(inventory.files, digest_files(config.directory));
    BASE_TRY_VOID(inventory.save(config.inventory));
  }
  if (first) return *first;
  tell({"inventory", config.label, Outcome::done,
        std::to_string(inventory.keys.size()) + " keys, token serial " + inventory.token_serial});
  return {};
}

base::Result<void> set_writable(const std::filesystem::path& directory, bool writable) {
  using std::filesystem::perms, std::filesystem::perm_options;
  if (directory.empty()) return {};
  const auto change = [&](const std::filesystem::path& path, std::error_code& failed) {
    std::filesystem::permissions(
        path,
        writable ? perms::owner_write
                 : perms::owner_write | perms::group_write | perms::others_write,
        (writable ? perm_options::add : perm_options::remove) | perm_options::nofollow, failed);
  };
  std::error_code failed;
  change(directory, failed);
  for (std::filesystem::recursive_directory_iterator it(directory, failed), end;
       !failed && it != end; it.increment(failed))
    change(it->path(), failed);
  if (!failed) return {};
  auto failure = base::error(base::Code::unavailable, "hsm.token_directory", failed.message());
  failure.args = {{"path", directory.string()}, {"why", failed.message()}};
  return failure;
}

}  // namespace hsm
