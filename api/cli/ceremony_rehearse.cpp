// xinyin ceremony rehearse: the whole ceremony on things that are thrown away afterwards. The plan,
// the programs and the code are the real ones; cards, token, signer and database are made for it.
#include "api/cli/ceremony_verbs.h"
#include "api/cli/rehearsal.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cli {
namespace {

struct Options {
  std::filesystem::path plan, keep, signer, module = kSoftHsm;
  bool typed = false, dry_run = false;
};

/// What was rehearsed is also looked at as an auditor would, and must say that it was a rehearsal.
base::Result<void> look_at(const hsm::officers::MinutesReport& report, std::size_t people) {
  std::string why;
  if (report.broken_at)
    why = std::to_string(*report.broken_at) + ": " + report.why;
  else if (!report.rehearsal)
    why = "not marked as a rehearsal";
  else if (!report.closed || report.signed_by.size() != people)
    why = "not closed and signed by everybody";
  if (why.empty()) return {};
  return base::error(base::Code::internal, "cli.minutes_broken", why);
}

base::Result<Answer> rehearse(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  BASE_TRY(const auto plan, read_plan(options.plan, *config));
  if (options.dry_run) return plan_answer(plan, *config);
  BASE_TRY(const auto place, rehearsal_place());
  BASE_TRY_VOID(leave_nothing_at(place));
  context.say("演练，全部在一次性环境中进行 · a rehearsal, on things that are thrown away: " +
              place.string());
  BASE_TRY(const auto house,
           RehearsalHouse::build(context, *config, plan, place, {options.signer, options.module}));
  BASE_TRY(const auto founding, found(context, plan, house->cards()));
  BASE_TRY_VOID(house->start_signer(founding));
  Officer officer(house->config(), context);
  Ceremony ceremony(officer, plan, {house->cards(), !options.typed, true, options.module});
  BASE_TRY(const auto steps, ceremony.run());
  const auto& file = ceremony.minutes().file();
  BASE_TRY(const auto report, check_minutes(file));
  BASE_TRY_VOID(look_at(report, plan.roles.size()));
  if (!options.keep.empty()) {
    BASE_TRY(const auto text, certs::PkiDirectory(file.parent_path()).read("minutes.jsonl"));
    const certs::PkiDirectory there(options.keep.has_parent_path() ? options.keep.parent_path()
                                                                   : ".");
    BASE_TRY_VOID(there.write(options.keep.filename().string(), text));
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("rehearsal", true);
  out.member("plan_sha256", base::to_hex(plan.sha256));
  put_steps(out, steps);
  put_deviations(out, report);
  if (!options.keep.empty()) out.member("minutes", options.keep.string());
  out.EndObject();
  return Answer{
      out.text(),
      "演练完成，计划可行；一次性的卡、密码机、签名服务与数据库均已删除 · rehearsed: the "
      "plan works. Cards, token, signer and database of the rehearsal are gone" +
          (options.keep.empty() ? std::string()
                                : "\n演练记录（不能作为证据）minutes, evidence of nothing: " +
                                      options.keep.string()),
      kDone};
}

}  // namespace

void add_rehearse_verb(CLI::App& noun, Context& context) {
  const auto options = std::make_shared<Options>();
  auto* verb = noun.add_subcommand(
      "rehearse", "the whole ceremony on a throw-away token, cards, signer and database");
  verb->add_option("PLAN", options->plan, "plan file (JSON)")->required();
  verb->add_flag("--typed", options->typed, "each approval is typed, as in the ceremony itself");
  verb->add_option("--keep-minutes", options->keep, "file for a copy of the rehearsal's minutes");
  verb->add_option("--signer", options->signer, "xinyin-signer; the one beside this program");
  verb->add_option("--module", options->module, "SoftHSM's PKCS#11 module")->capture_default_str();
  verb->add_flag("--dry-run", options->dry_run, "print what the plan will do, do nothing");
  verb->callback([&context, options] { context.run([&] { return rehearse(context, *options); }); });
}

}  // namespace cli
