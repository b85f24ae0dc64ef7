// xinyin officer list | enrol | retire | quorum: the people who govern the keys, and how many of
// them an act needs. Changes are requests, approved by the officers of before.
#include "api/cli/card_file.h"
#include "api/cli/issuing.h"
#include "api/cli/words.h"
#include "base/encoding.h"
#include "certs/pki_directory.h"

namespace cli {
namespace {

struct Options {
  std::string id, name, role = "officer", reason;
  std::filesystem::path certificate, share_key;
  std::vector<std::string> needed;
  int request_life_h = 0, destroy_grace_h = -1, list_life_h = 0, lists_per_day = 0;
  std::string backup_before_use;
  bool dry_run = false;
};

base::Result<Answer> list(Context& context) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  int voting = 0;
  for (const auto& one : governance.all()["people"].GetArray()) {
    const bool retired = one["retired"].GetBool(), may = one["may_vote"].GetBool();
    voting += may ? 1 : 0;
    out.StartObject();
    for (const auto* name : {"id", "name", "role", "not_after"})
      out.member(name, base::json_text(one, name));
    out.member("retired", retired);
    out.member("may_vote", may);
    out.EndObject();
    text += std::string(base::json_text(one, "id")) + "  " +
            std::string(base::json_text(one, "name")) + "  " +
            std::string(base::json_text(one, "role")) + "  " +
            (retired ? "已取消 retired"
             : may   ? "可表决 votes"
                     : "不表决 does not vote") +
            "  证书至 until " + std::string(base::json_text(one, "not_after")) + "\n";
  }
  out.EndArray();
  text += "可表决的管理员 officers who can vote: " + std::to_string(voting);
  return Answer{out.text(), text, kDone};
}

base::Result<Answer> quorum(Context& context) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  base::JsonWriter out;
  out.StartObject();
  std::string text;
  for (const auto& rule : governance.all()["rules"].GetArray()) {
    const auto name = std::string(base::json_text(rule, "name"));
    const auto needed = base::json_int(rule, "needed").value_or(0);
    out.member(name, needed);
    text += std::to_string(needed) + "  " + name +
            std::string(20 - std::min<std::size_t>(19, name.size()), ' ') +
            std::string(base::json_text(rule, "means")) + "\n";
  }
  for (const auto* name : {"request_life_h", "destroy_grace_h", "list_life_h"}) {
    const auto value = base::json_int(governance.policy(), name).value_or(0);
    out.member(name, value);
    text += std::string(name) + " = " + std::to_string(value) + "\n";
  }
  const auto lists = base::json_int(governance.all(), "lists_per_day").value_or(0);
  out.member("lists_per_day", lists);
  text += "lists_per_day = " + std::to_string(lists) + "\n";
  const bool backup = governance.policy()["backup_before_use"].GetBool();
  out.member("backup_before_use", backup);
  out.EndObject();
  text += std::string("backup_before_use = ") + (backup ? "true" : "false");
  return Answer{out.text(), text, kDone};
}

/// Asked for; or, with --dry-run, shown only.
base::Result<Answer> ask_for(Context& context, Officer& officer, const Governance& governance,
                             const hsm::officers::Wish& wish, bool dry_run) {
  if (dry_run) return Answer{wish.params_json, wish.op + "\n  " + wish.params_json, kDone};
  BASE_TRY(const auto record, ask(officer, governance, wish));
  return request_answer(record);
}

base::Result<Answer> enrol(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  const certs::PkiDirectory there(options.certificate.parent_path());
  BASE_TRY(const auto certificate, there.certificate(options.certificate.filename().string()));
  base::Bytes share;
  if (!options.share_key.empty()) {
    const certs::PkiDirectory beside(options.share_key.parent_path());
    BASE_TRY(const auto pem, beside.read(options.share_key.filename().string()));
    auto key = base::from_pem("PUBLIC KEY", pem);
    if (!key) return base::error(base::Code::invalid_argument, "hsm.public_key");
    share = std::move(*key);
  }
  base::JsonWriter out;
  out.StartObject();
  out.key("person");
  out.StartObject();
  out.member("certificate", base::to_base64(certificate.der()));
  out.member("id", options.id);
  out.member("name", options.name);
  out.member("role", options.role);
  out.member("share_key", base::to_base64(share));
  out.EndObject();
  out.EndObject();
  return ask_for(context, officer, governance, {"officer.enrol", out.text(), options.reason},
                 options.dry_run);
}

base::Result<Answer> retire(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  base::JsonWriter out;
  out.StartObject();
  out.member("id", options.id);
  out.EndObject();
  return ask_for(context, officer, governance, {"officer.retire", out.text(), options.reason},
                 options.dry_run);
}

base::Result<Answer> set_quorum(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(const auto governance, Governance::read(officer.signer));
  BASE_TRY(auto policy, hsm::officers::read_policy(governance.policy()));
  for (const auto& one : options.needed) {
    const auto equals = one.find('=');
    const auto count = equals == std::string::npos ? std::string() : one.substr(equals + 1);
    if (count.empty() || count.size() > 2 || count.find_first_not_of("0123456789") != count.npos) {
      auto failure = base::error(base::Code::invalid_argument, "hsm.officers.policy", one);
      failure.args = {{"why", one + ": ACT=NUMBER"}};
      return failure;
    }
    policy.needed.insert_or_assign(one.substr(0, equals), std::stoi(count));
  }
  if (options.request_life_h > 0) policy.request_life_h = options.request_life_h;
  if (options.destroy_grace_h >= 0) policy.destroy_grace_h = options.destroy_grace_h;
  if (options.list_life_h > 0) policy.list_life_h = options.list_life_h;
  if (options.lists_per_day > 0) policy.lists_per_day = options.lists_per_day;
  if (!options.backup_before_use.empty())
    policy.backup_before_use = options.backup_before_use == "true";
  base::JsonWriter out;
  hsm::officers::write_policy(out, policy);
  return ask_for(context, officer, governance, {"policy.set", out.text(), options.reason},
                 options.dry_run);
}

}  // namespace

void register_officers(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("officer", "the people who govern the keys");
  noun->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  const auto asking = [&](CLI::App* verb) {
    verb->add_option("--reason", options->reason, "shown to who approves");
    verb->add_flag("--dry-run", options->dry_run, "show the request, make none");
  };
  noun->add_subcommand("list", "who they are")->callback([&context] {
    context.run([&] { return list(context); });
  });
  auto* enrolled = noun->add_subcommand("enrol", "ask to admit a person, or renew a certificate");
  enrolled->add_option("ID", options->id, "a short name of a-z, 0-9, '-' and '.'")->required();
  enrolled->add_option("--name", options->name, "the person's name")->required();
  enrolled->add_option("--role", options->role, "officer votes, auditor witnesses")
      ->check(CLI::IsMember({"officer", "auditor"}))
      ->capture_default_str();
  enrolled->add_option("--certificate", options->certificate, "PEM, from xinyin card create")
      ->required();
  enrolled->add_option("--share-key", options->share_key, "PEM, the card's share key");
  asking(enrolled);
  enrolled->callback(
      [&context, options] { context.run([&] { return enrol(context, *options); }); });
  auto* retired = noun->add_subcommand("retire", "ask to take a person's vote away");
  retired->add_option("ID", options->id, "of the person")->required();
  asking(retired);
  retired->callback(
      [&context, options] { context.run([&] { return retire(context, *options); }); });
  auto* numbers = noun->add_subcommand("quorum", "how many officers each act needs");
  numbers->require_subcommand(1);
  numbers->add_subcommand("show", "the numbers in force")->callback([&context] {
    context.run([&] { return quorum(context); });
  });
  auto* set = numbers->add_subcommand("set", "ask to change them");
  set->add_option("--needs", options->needed, "ACT=NUMBER, as often as needed");
  set->add_option("--request-life-hours", options->request_life_h, "1 to 24");
  set->add_option("--destroy-grace-hours", options->destroy_grace_h, "0 to 8760");
  set->add_option("--list-life-hours", options->list_life_h, "1 to 2208");
  set->add_option("--lists-per-day", options->lists_per_day,
                  "2 to 100000: lists that a key signs without approval");
  set->add_option("--backup-before-use", options->backup_before_use, "true or false")
      ->check(CLI::IsMember({"true", "false"}));
  asking(set);
  set->callback(
      [&context, options] { context.run([&] { return set_quorum(context, *options); }); });
}

}  // namespace cli
