// xinyin key prove-backup | adopt: what officers put on record about keys that stand in the token.
#include <algorithm>

#include "api/cli/backup.h"
#include "api/cli/governance.h"
#include "base/encoding.h"
#include "certs/pki_directory.h"
#include "hsm/inventory.h"
#include "hsm/officers/drill_report.h"

namespace cli {
namespace {

struct Options {
  std::filesystem::path file, inventory;
  std::vector<std::string> labels;
  std::string reason;
  bool dry_run = false;
};

base::Error about(base::Code code, std::string key, const std::string& what) {
  auto failure = base::error(code, std::move(key), what);
  failure.args = {{"key", what}};
  return failure;
}

base::Result<std::string> text_of(const std::filesystem::path& file) {
  const certs::PkiDirectory there(file.has_parent_path() ? file.parent_path() : ".");
  return there.read(file.filename().string());
}

base::Result<Answer> prove(Context& context, const Options& options) {
  BASE_TRY(const auto text, text_of(options.file));
  BASE_TRY(const auto report, hsm::officers::read_drill_report(text));
  for (const auto& key : report.keys)
    context.say("  " + key.label + "  " + key.id + "  " + key.proof);
  return ask_for(context, {"backup.prove", hsm::officers::prove_params(report), options.reason},
                 options.dry_run);
}

/// Is this key what the serving token shows under that name?
bool served(const std::vector<hsm::KeyInfo>& keys, const hsm::KeyInfo& key) {
  return std::any_of(keys.begin(), keys.end(), [&](const hsm::KeyInfo& one) {
    return one.label == key.label && one.id == key.id && one.public_key == key.public_key;
  });
}

base::Result<Answer> adopt(Context& context, const Options& options) {
  BASE_TRY(const auto text, text_of(options.inventory));
  BASE_TRY(const auto inventory, hsm::Inventory::from_text(text));
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  BASE_TRY(const auto keys, officer.signer.keys());
  for (const auto& label : options.labels) {
    if (inventory.find(label) == nullptr)
      return about(base::Code::not_found, "cli.key_not_listed", label);
    if (governance.key(label) != nullptr)
      return about(base::Code::conflict, "cli.key_known", label);
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("inventory", base::to_hex(base::sha256(base::as_bytes(text))));
  out.key("keys");
  out.StartArray();
  int count = 0;
  for (const auto& entry : inventory.keys) {
    const auto& key = entry.key;
    const bool named = std::count(options.labels.begin(), options.labels.end(), key.label) != 0;
    if (options.labels.empty() ? governance.key(key.label) != nullptr : !named) continue;
    // Another token's inventory would be refused only when it is carried out.
    if (!served(keys, key)) return about(base::Code::conflict, "cli.key_not_served", key.label);
    out.StartObject();
    out.member("algorithm", hsm::to_string(key.algorithm));
    out.member("id", key.id.value());
    out.member("label", key.label);
    out.member("purpose", hsm::to_string(key.purpose));
    out.EndObject();
    ++count;
  }
  out.EndArray();
  out.EndObject();
  if (count == 0) return base::error(base::Code::not_found, "cli.nothing_to_adopt");
  return ask_for(context, {"key.adopt", out.text(), options.reason}, options.dry_run);
}

}  // namespace

void add_proof_verbs(CLI::App& noun, Context& context) {
  const auto options = std::make_shared<Options>();
  const auto asking = [&](CLI::App* verb) {
    verb->add_option("--reason", options->reason, "shown to who approves");
    verb->add_flag("--dry-run", options->dry_run, "show the request, make none");
  };
  auto* proven = noun.add_subcommand(
      "prove-backup", "ask to record that a drill proved a backup: its keys may then be activated");
  proven->add_option("REPORT", options->file, "what xinyin key drill --json printed")->required();
  asking(proven);
  proven->callback([&context, options] { context.run([&] { return prove(context, *options); }); });
  auto* adopted = noun.add_subcommand(
      "adopt", "ask to take over keys that stood in the token before there were officers");
  adopted->add_option("LABEL", options->labels, "of the keys; all that the ledger does not know");
  adopted->add_option("--inventory", options->inventory, "the signer's token.inventory")
      ->required();
  asking(adopted);
  adopted->callback([&context, options] { context.run([&] { return adopt(context, *options); }); });
}

}  // namespace cli
