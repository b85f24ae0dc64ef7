// xinyin mandate: 授权代办 that staff record at a counter, both sides seen, and end. LD/T 01-2020
// 5.4.1.5, 6.2.2d.
#include "auth/mandates.h"

#include "api/cli/people.h"
#include "base/json.h"
#include "base/text.h"

namespace cli {
namespace {

struct Options {
  StaffLogin staff;
  std::string principal, agent, mandate, until, evidence;
  std::vector<std::string> items;
  int most_uses = 0;
  bool dry_run = false;
};

auth::Mandates mandates_of(People& people, Context& context) {
  return auth::Mandates(
      {people.pool, people.cipher, people.accounts, context.clock(), context.random()});
}

Answer id_answer(const char* name, const std::string& id, std::string text) {
  base::JsonWriter out;
  out.StartObject();
  out.member(name, id);
  out.EndObject();
  return Answer{out.text(), std::move(text), kDone};
}

base::Result<Answer> record(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  const auto last = options.until.size() == 10
                        ? base::parse_rfc3339(options.until + "T00:00:00+08:00")
                        : std::optional<base::Time>();
  if (!last) return base::error(base::Code::invalid_argument, "auth.mandate.day");
  auth::MandateTerms terms{options.items, context.clock().now(), *last + std::chrono::hours(24)};
  if (options.most_uses > 0) terms.most_uses = options.most_uses;
  if (options.dry_run)
    return id_answer("would_record", options.principal, "可以记录 · could be recorded");
  BASE_TRY(const auto id,
           mandates_of(*people, context)
               .record(auth::SubjectId(options.principal), auth::SubjectId(options.agent), terms,
                       staff, options.evidence));
  return id_answer("mandate", id, "已记录，即刻生效 · recorded, in force: " + id);
}

base::Result<Answer> end(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY(const auto staff, log_in_staff(*people, options.staff));
  if (options.dry_run) return id_answer("would_end", options.mandate, "可以终止 · could be ended");
  BASE_TRY_VOID(mandates_of(*people, context).end_by_staff(options.mandate, staff));
  return id_answer("mandate", options.mandate, "已终止，即刻生效 · ended, at once");
}

base::Result<Answer> list(Context& context, const Options& options) {
  BASE_TRY(const auto people, open_people(context));
  BASE_TRY_VOID(log_in_staff(*people, options.staff));
  auto mandates = mandates_of(*people, context);
  const auth::SubjectId subject(options.principal);
  BASE_TRY(auto all, mandates.given(subject));
  BASE_TRY(const auto received, mandates.received(subject));
  all.insert(all.end(), received.begin(), received.end());
  base::JsonWriter out;
  out.StartArray();
  std::string text;
  for (const auto& one : all) {
    out.StartObject();
    out.member("id", one.id);
    out.member("principal", one.principal.value());
    if (one.agent) out.member("agent", one.agent->value());
    out.member("agent_name", base::mask_name(one.agent_name));
    out.member("standing", to_text(one.standing));
    out.member("until", base::to_rfc3339(one.terms.until));
    out.EndObject();
    text += (text.empty() ? "" : "\n") + one.id + "  " + std::string(to_text(one.standing)) + "  " +
            one.principal.value() + " -> " + base::mask_name(one.agent_name);
  }
  out.EndArray();
  return Answer{out.text(), text.empty() ? "没有授权 · none" : text, kDone};
}

}  // namespace

void register_mandate(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("mandate", "who may act for whom: recorded at a counter, ended");
  noun->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  using Verb = base::Result<Answer> (*)(Context&, const Options&);
  const auto verb = [&](const char* name, const char* help, Verb run) {
    auto* out = add_staff_verb(*noun, name, help, o->staff);
    out->callback([&context, o, run] { context.run([&] { return run(context, *o); }); });
    return out;
  };
  auto* recording = verb("record", "both sides were seen at a counter: in force at once", record);
  recording->add_option("principal", o->principal, "subject id of whom is acted for")->required();
  recording->add_option("agent", o->agent, "subject id of who acts")->required();
  recording->add_option("--item", o->items, "service item, e.g. enrolment-certificate")->required();
  recording->add_option("--until", o->until, "last day, 2027-11-30")->required();
  recording->add_option("--uses", o->most_uses, "how often at most; 0: no limit")
      ->check(CLI::Range(0, 100'000));
  recording->add_option("--evidence", o->evidence, "number of the counter's record")->required();
  recording->add_flag("--dry-run", o->dry_run, "log in and check, change nothing");
  auto* ending = verb("end", "end a mandate, at once", end);
  ending->add_option("mandate", o->mandate, "id, from list")->required();
  ending->add_flag("--dry-run", o->dry_run, "log in and check, change nothing");
  verb("list", "given and received by a subject", list)
      ->add_option("subject", o->principal, "subject id, from person find")
      ->required();
}

}  // namespace cli
