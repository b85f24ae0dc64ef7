// xinyin ceremony plan | found | rehearse | run | note | verify: the key ceremony.
#include <map>

#include "api/cli/ceremony_verbs.h"
#include "base/encoding.h"
#include "base/json.h"
#include "certs/profiles.h"

namespace cli {
namespace {

constexpr std::size_t kMostPlan = 64 << 10;

std::string uses_text(const certs::ProfileRule& rule) {
  const auto years = rule.life.count() / 365;
  return (years > 0 ? std::to_string(years) + " 年 years"
                    : std::to_string(rule.life.count()) + " 天 days");
}

base::Result<Answer> plan(Context& context, const std::filesystem::path& file) {
  BASE_TRY(const auto* config, context.config());
  BASE_TRY(const auto plan, read_plan(file, *config));
  return plan_answer(plan, *config);
}

struct RunOptions {
  std::filesystem::path plan, out, module = kSoftHsm;
  std::vector<std::filesystem::path> cards;
  std::string confirm;
  bool dry_run = false;
};

struct NoteOptions {
  hsm::officers::Deviation deviation;
  bool dry_run = false;
};

std::vector<CardOptions> card_options(const RunOptions& options) {
  std::vector<CardOptions> out;
  for (const auto& card : options.cards) {
    CardOptions one;
    one.card = card;
    out.push_back(std::move(one));
  }
  return out;
}

/// The plan was read aloud and its digest typed; or nobody has looked yet.
base::Result<bool> confirmed(const RunOptions& options, const CeremonyPlan& plan) {
  if (options.confirm.empty()) return false;
  if (options.confirm == base::to_hex(plan.sha256)) return true;
  return base::error(base::Code::invalid_argument, "cli.plan_differs", base::to_hex(plan.sha256));
}

base::Result<Answer> found_now(Context& context, const RunOptions& options) {
  if (options.dry_run) return plan(context, options.plan);
  BASE_TRY(const auto* config, context.config());
  BASE_TRY(const auto plan, read_plan(options.plan, *config));
  context.say(plan.title);
  context.say("  计划 plan SHA-256 " + base::to_hex(plan.sha256));
  BASE_TRY(const auto body, found(context, plan, card_options(options)));
  const certs::PkiDirectory there(options.out.has_parent_path() ? options.out.parent_path() : ".");
  BASE_TRY_VOID(there.write(options.out.filename().string(), body + "\n"));
  const auto document = base::parse_json(body, {1 << 20, 3});
  const auto digest =
      base::to_hex(base::sha256(base::as_bytes(base::json_text(*document, "document"))));
  base::JsonWriter out;
  out.StartObject();
  out.member("file", options.out.string());
  out.member("genesis_sha256", digest);
  out.EndObject();
  return Answer{out.text(),
                "创始文件 founding file " + options.out.string() + "\n文档 SHA-256 " + digest +
                    "\n请写入签名服务配置 put it into the signer's configuration: "
                    "officers.genesis",
                kDone};
}

base::Result<Answer> run(Context& context, const RunOptions& options) {
  if (options.dry_run) return plan(context, options.plan);
  BASE_TRY(const auto* config, context.config());
  BASE_TRY(const auto plan, read_plan(options.plan, *config));
  BASE_TRY(const bool sure, confirmed(options, plan));
  context.say(plan.title);
  context.say("  计划 plan SHA-256 " + base::to_hex(plan.sha256));
  Officer officer(*config, context);
  Ceremony ceremony(officer, plan, {card_options(options), sure, false, options.module});
  BASE_TRY(const auto steps, ceremony.run());
  base::JsonWriter out;
  out.StartObject();
  out.member("plan_sha256", base::to_hex(plan.sha256));
  put_steps(out, steps);
  BASE_TRY(const auto root, officer.pki.certificate(certs::PkiDirectory::kRoot));
  const auto fingerprint = base::to_hex(root.sha256());
  out.member("root_sha256", fingerprint);
  if (ceremony.minutes().begun())
    out.member("minutes_head", base::to_hex(ceremony.minutes().report().head));
  out.EndObject();
  return Answer{out.text(), "根证书 SHA-256 · root certificate " + fingerprint, kDone};
}

/// Somebody who is there says what went otherwise than planned; `run` may be going on meanwhile.
base::Result<Answer> note(Context& context, const NoteOptions& options) {
  const auto& deviation = options.deviation;
  BASE_TRY(const auto data, hsm::officers::deviation_data(deviation));
  BASE_TRY(const auto* config, context.config());
  Minutes minutes(config->pki_directory / "ceremony" / "minutes.jsonl", context.clock(),
                  officer_name());
  if (options.dry_run) {
    BASE_TRY_VOID(minutes.look());
    return Answer{data, "将记入 would be noted: " + data, kDone};
  }
  BASE_TRY_VOID(minutes.note(deviation));
  const auto& report = minutes.report();
  base::JsonWriter out;
  out.StartObject();
  out.member("line", report.lines);
  out.member("head", base::to_hex(report.head));
  put_deviations(out, report);
  out.EndObject();
  return Answer{out.text(),
                "已记入第 " + std::to_string(report.lines) +
                    " 行；在场人员在仪式结束时（再次 xinyin ceremony run）签署 · noted; those who "
                    "are present sign it when the ceremony is closed, by the next run if it is not "
                    "going on",
                kDone};
}

/// Good evidence: whole, of the real thing, closed, and signed by somebody.
base::Result<Answer> verify(Context& context, std::filesystem::path file) {
  if (file.empty()) {
    BASE_TRY(const auto* config, context.config());
    file = config->pki_directory / "ceremony" / "minutes.jsonl";
  }
  BASE_TRY(const auto report, check_minutes(file));
  base::JsonWriter out;
  out.StartObject();
  out.member("lines", report.lines);
  out.member("head", base::to_hex(report.head));
  out.member("rehearsal", report.rehearsal);
  out.member("ledger_lines", report.ledger_lines);
  out.member("genesis_sha256", base::to_hex(report.genesis));
  out.member("closed", report.closed);
  out.key("signed_by");
  out.StartArray();
  std::string names;
  for (const auto& person : report.signed_by) {
    out.string(person);
    names += (names.empty() ? "" : ", ") + person;
  }
  out.EndArray();
  put_deviations(out, report);
  if (report.broken_at) {
    out.member("broken_at", *report.broken_at);
    out.member("why", report.why);
  }
  out.EndObject();
  std::string text;
  if (report.rehearsal)
    text =
        "【演练】本记录出自演练，不能作为证据 · THIS WAS A REHEARSAL: it is evidence of nothing\n";
  for (const auto& line : deviation_lines(report)) text += line + "\n";
  if (report.broken_at)
    return Answer{out.text(),
                  text + "记录在第 " + std::to_string(*report.broken_at) +
                      " 行断裂 · broken at this line: " + report.why,
                  kLogBroken};
  text += "记录完整，" + std::to_string(report.lines) + " 行，账本 " +
          std::to_string(report.ledger_lines) + " 行 · whole; head " + base::to_hex(report.head) +
          "\n创始文档 founding document SHA-256 " + base::to_hex(report.genesis) +
          "\n签名 signed by: " + (names.empty() ? "无 nobody" : names) +
          (report.closed ? "" : "\n尚未结束 · not closed");
  const bool good = report.closed && !report.signed_by.empty() && !report.rehearsal;
  return Answer{out.text(), text, good ? kDone : kLogBroken};
}

}  // namespace

base::Result<CeremonyPlan> read_plan(const std::filesystem::path& file, const Config& config) {
  const certs::PkiDirectory directory(file.parent_path());
  BASE_TRY(const auto json, directory.read(file.filename().string()));
  if (json.size() > kMostPlan) {
    auto failure = base::error(base::Code::invalid_argument, "cli.bad_plan", "larger than 64 KiB");
    failure.args = {{"why", "larger than 64 KiB"}};
    return failure;
  }
  return CeremonyPlan::parse(json, config.agency.name);
}

Answer plan_answer(const CeremonyPlan& plan, const Config& config) {
  base::JsonWriter out;
  out.StartObject();
  out.member("title", plan.title);
  out.member("plan_sha256", base::to_hex(plan.sha256));
  out.member("demonstration", plan.demonstration);
  std::string text = plan.title + "\nSHA-256 " + base::to_hex(plan.sha256) + "\n";
  for (const auto& role : plan.roles)
    text += "  " + role.title + "：" + role.person + "  (" + role.id + ", " +
            std::string(hsm::officers::to_string(role.role)) + ")\n";
  text += "密码机 token " + plan.token + " 中的密钥 · keys in it, made if missing:\n";
  out.key("keys");
  out.StartArray();
  for (const auto& key : plan.keys) {
    out.string(key.label);
    text += "  " + key.label + "  " + std::string(hsm::to_string(key.algorithm)) + "  " +
            std::string(hsm::to_string(key.purpose)) + "\n";
  }
  out.EndArray();
  if (plan.backup) {
    out.key("backup");
    out.StartObject();
    out.member("file", plan.backup->file);
    out.member("threshold", plan.backup->threshold);
    out.EndObject();
    text += "启用前备份并演练 · backed up and drilled before use: " + plan.backup->file + "，" +
            std::to_string(plan.backup->threshold) + "/" +
            std::to_string(plan.backup->officers.size()) + "\n";
    for (const auto& id : plan.backup->officers) text += "  " + id + "\n";
  }
  text += "证书 · certificates, into " + config.pki_directory.string() + ":\n";
  out.key("certificates");
  out.StartArray();
  for (const auto& one : plan.certificates) {
    out.string(one.file);
    text += "  " + one.file + "  " + one.common_name + "  (" +
            std::string(certs::to_string(one.profile)) + ", " +
            uses_text(certs::rule_of(one.profile)) + ")\n";
  }
  out.EndArray();
  out.EndObject();
  text +=
      "然后 · then: root.crl, issuing.crl, trust-list.jws；每一步由管理员以本人的卡签署 · every "
      "step approved with officers' own cards\n"
      "执行 · to run it without typing each approval: --confirm-plan " +
      base::to_hex(plan.sha256);
  return Answer{out.text(), text, kDone};
}

void put_steps(base::JsonWriter& out, const std::vector<CeremonyStep>& steps) {
  out.key("steps");
  out.StartArray();
  for (const auto& step : steps) {
    out.StartObject();
    out.member("what", step.what);
    out.member("outcome", to_string(step.outcome));
    out.member("detail", step.detail);
    out.EndObject();
  }
  out.EndArray();
}

void register_ceremony(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("ceremony",
                                  "the key ceremony: people, keys, certificates, lists, minutes");
  noun->require_subcommand(1);
  const auto file = std::make_shared<std::filesystem::path>();
  auto* planned = noun->add_subcommand("plan", "print what a plan will do");
  planned->add_option("PLAN", *file, "plan file (JSON)")->required();
  planned->callback([&context, file] { context.run([&] { return plan(context, *file); }); });
  add_rehearse_verb(*noun, context);
  const auto options = std::make_shared<RunOptions>();
  const auto with_cards = [&](CLI::App* verb) {
    verb->add_option("PLAN", options->plan, "plan file (JSON)")->required();
    verb->add_option("--card", options->cards, "card files of those present, one after the other")
        ->required();
    verb->add_flag("--dry-run", options->dry_run, "print what the plan will do, do nothing");
  };
  auto* founding =
      noun->add_subcommand("found", "write the founding file, signed with every person's card");
  with_cards(founding);
  founding->add_option("--out", options->out, "the file, for officers.genesis")->required();
  founding->callback(
      [&context, options] { context.run([&] { return found_now(context, *options); }); });
  auto* running = noun->add_subcommand("run", "run a plan; a second run keeps what is good");
  with_cards(running);
  running->add_option("--confirm-plan", options->confirm,
                      "the plan's SHA-256, read aloud; else each approval is typed");
  running->callback([&context, options] { context.run([&] { return run(context, *options); }); });
  running
      ->add_option("--module", options->module, "the software token's PKCS#11 module, for drills")
      ->capture_default_str();
  const auto remark = std::make_shared<NoteOptions>();
  auto* noted = noun->add_subcommand(
      "note", "write into the minutes what went otherwise than planned; run may be going on");
  noted->add_option("--step", remark->deviation.step, "what was being done")->required();
  noted->add_option("--happened", remark->deviation.happened, "what happened instead")->required();
  noted->add_option("--why", remark->deviation.why, "why, and what was done about it")->required();
  noted->add_option("--by", remark->deviation.by, "id of who says so, as in the plan")->required();
  noted->add_flag("--dry-run", remark->dry_run, "show the line's data, write nothing");
  noted->callback([&context, remark] { context.run([&] { return note(context, *remark); }); });
  auto* verified = noun->add_subcommand("verify", "check the chain of the minutes");
  verified->add_option("MINUTES", *file, "minutes.jsonl; the PKI directory's when left out");
  verified->callback([&context, file] { context.run([&] { return verify(context, *file); }); });
}

}  // namespace cli
