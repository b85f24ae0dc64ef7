#include "hsm/provision.h"

#include <map>
#include <set>

#include "base/json.h"
#include "hsm/inventory.h"
#include "hsm/key_maker.h"
#include "hsm/matching.h"

namespace hsm {
namespace {

constexpr std::size_t kMostPlannedKeys = 20'000;
constexpr std::size_t kSaveEvery = 64;  // keys: between saves a kill loses none, they are adopted

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
  opening.sm2 = config.sm2;
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
base::Result<InventoryEntry> make_or_adopt(KeyMaker& maker, const Inventory& inventory,
                                           const PlannedKey& key, bool& made) {
  auto there = maker.adopt(key.label, key.algorithm, key.purpose);
  made = !there.ok() && there.error().code == base::Code::not_found;
  if (!made) return there;
  const KeyInfo* wrapping = nullptr;
  for (const auto& one : inventory.keys)
    if (one.key.purpose == Purpose::key_wrapping) wrapping = &one.key;  // the newest
  return maker.generate(key.algorithm, key.label, key.purpose, wrapping);
}

base::Result<void> same_as_planned(const KeyInfo& known, const PlannedKey& key) {
  if (known.algorithm == key.algorithm && known.purpose == key.purpose) return {};
  auto failure = base::error(base::Code::conflict, "hsm.half_made");
  failure.detail = "the inventory has it for another purpose or of another algorithm";
  failure.args = {{"label", key.label}, {"why", failure.detail}};
  return failure;
}

std::string how_made(const InventoryEntry& entry, bool made) {
  if (entry.key.protection == Protection::wrapped) return "made and wrapped by a key of the token";
  return made ? "made in the token" : "was on the token and sound; adopted";
}

/// Keys one after the other. What is adopted stays adopted: a wrapped key, which is nowhere else,
/// is saved before the next one is made.
class Keys {
 public:
  Keys(KeyMaker& maker, Inventory& inventory, const std::filesystem::path& path, const Tell& tell)
      : maker_(maker), inventory_(inventory), path_(path), tell_(tell) {
    for (std::size_t i = 0; i < inventory_.keys.size(); ++i)
      known_.emplace(inventory_.keys[i].key.label, i);
  }
  base::Result<void> ensure(const PlannedKey& key) {
    if (const auto it = known_.find(key.label); it != known_.end()) {
      BASE_TRY_VOID(same_as_planned(inventory_.keys[it->second].key, key));
      tell_({"key", key.label, Outcome::kept, "in the inventory"});
      return {};
    }
    bool made = false;
    BASE_TRY(auto entry, make_or_adopt(maker_, inventory_, key, made));
    known_.emplace(key.label, inventory_.keys.size());
    const auto how = how_made(entry, made);
    const bool at_once = entry.key.protection == Protection::wrapped;
    inventory_.keys.push_back(std::move(entry));
    if (at_once || ++unsaved_ >= kSaveEvery) BASE_TRY_VOID(save());
    tell_({"key", key.label, made ? Outcome::done : Outcome::kept, how});
    return {};
  }
  base::Result<void> save() {
    unsaved_ = 0;
    return inventory_.save(path_);
  }

 private:
  KeyMaker& maker_;
  Inventory& inventory_;
  const std::filesystem::path& path_;
  const Tell& tell_;
  std::map<std::string, std::size_t, std::less<>> known_;
  std::size_t unsaved_ = 0;
};

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
  auto document = base::parse_json(json, {.bytes = 4 << 20, .depth = 8});
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
    if (plan.size() > kMostPlannedKeys) return bad_plan("more than 20,000 keys");
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
  Keys keys(*maker, inventory, config.inventory, tell);
  for (const auto& key : plan)
    if (const auto done = keys.ensure(key); !done.ok()) failed(key.label, done.error());
  BASE_TRY_VOID(keys.save());

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
