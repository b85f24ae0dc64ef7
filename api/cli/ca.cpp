// xinyin ca propose | list | show | paper | admit | suspend | resume | remove: the certification
// bodies of others. LD/T 01-2020 6.2.7.
//
// admit and resume let somebody in: the signer signs such a list only with two officers' approval.
// suspend and remove stop: one is enough.
#include <fstream>

#include "api/cli/ca_proposal.h"
#include "api/cli/issuing.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/messages.h"

namespace cli {
namespace {

using certs::BodyRecord;
using certs::Standing;

struct Options {
  std::filesystem::path file;
  std::int64_t number = 0;
  std::string kind, reason, compromised_since;
  bool dry_run = false;
};

std::string standing_word(Standing standing) {
  return base::message("certs.standing." + std::string(to_string(standing)), base::Language::zh) +
         " " + std::string(to_string(standing));
}

void put(base::JsonWriter& out, const char* name, const std::vector<std::string>& values) {
  out.key(name);
  out.StartArray();
  for (const auto& value : values) out.string(value);
  out.EndArray();
}

void put(base::JsonWriter& out, const BodyRecord& record) {
  const auto& body = record.body;
  out.StartObject();
  out.member("number", body.number);
  out.member("name", body.name);
  out.member("code", body.code);
  out.member("licence", body.licence);
  out.member("licence_issuer", record.licence_issuer);
  out.member("licence_until", base::to_rfc3339(record.licence_until));
  if (record.qualification_until) {
    out.member("qualification", record.qualification);
    out.member("qualification_until", base::to_rfc3339(*record.qualification_until));
  }
  out.member("contact", record.contact);
  out.member("expiry", base::to_rfc3339(body.expiry));
  out.member("proposed_by", record.proposed_by);
  put(out, "uses", body.uses);
  put(out, "policies", body.limits.policies);
  put(out, "permitted", body.limits.permitted);
  put(out, "excluded", body.limits.excluded);
  put(out, "crl_urls", body.crl_urls);
  put(out, "ocsp_urls", record.ocsp_urls);
  out.key("anchors");
  out.StartArray();
  for (const auto& anchor : body.anchors) out.string(base::to_hex(anchor.sha256()));
  out.EndArray();
  out.key("papers");
  out.StartArray();
  for (const auto& paper : record.papers) {
    out.StartObject();
    out.member("kind", paper.kind);
    out.member("file_name", paper.file_name);
    out.member("size", paper.size);
    out.member("sha256", base::to_hex(paper.sha256));
    out.EndObject();
  }
  out.EndArray();
  out.member("check_passed", record.check_passed);
  out.key("check");
  out.RawValue(record.check_report.c_str(), record.check_report.size(), rapidjson::kObjectType);
  certs::write_history(out, body.history);
  if (record.wish) {
    out.member("wish", record.wish->id);
    out.key("wanted");
    certs::write_step(out, record.wish->step);
  }
  out.EndObject();
}

std::string line(const BodyRecord& record, base::Time now) {
  const auto& body = record.body;
  std::string out = std::to_string(body.number) + "  " + body.code + "  " + body.name + "  " +
                    standing_word(body.history.back().standing);
  if (now >= body.expiry) out += "  已过期 expired";
  if (record.wish)
    out += "  → " + standing_word(record.wish->step.standing) + " (待发布 not published yet)";
  if (!record.check_passed) out += "  检查未通过 check failed";
  return out + "  " + base::to_rfc3339(body.expiry);
}

/// A read of the register.
base::Result<Answer> look(Context& context,
                          const std::function<base::Result<Answer>(certs::Bodies&)>& at) {
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(auto tx, officer.pool.begin(store::Mode::read_only));
  certs::Bodies bodies(tx, context.clock(), officer.name);
  return at(bodies);
}

base::Result<Answer> propose(Context& context, const Options& options) {
  BASE_TRY(const auto proposal, CaProposal::read(options.file));
  const auto report = certs::check_admission(proposal.record.body, proposal.samples, proposal.crls,
                                             context.clock().now());
  for (const auto& check : report.checks)
    if (!check.passed)
      context.warn("检查未通过 check failed: " + check.object + ", " + check.rule + " (" +
                   check.clause + "): " + check.found);
  if (options.dry_run)
    return Answer{report.json(),
                  proposal.record.body.name + (report.passed()
                                                   ? "  检查通过，未登记 check passed, not recorded"
                                                   : "  检查未通过 check failed"),
                  kDone};
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  BASE_TRY(auto tx, officer.pool.begin());
  certs::Bodies bodies(tx, context.clock(), officer.name);
  BASE_TRY(const auto number, bodies.propose(proposal.record, proposal.papers, report));
  BASE_TRY_VOID(tx.commit());
  base::JsonWriter out;
  out.StartObject();
  out.member("number", number);
  out.member("check_passed", report.passed());
  out.key("check");
  const auto json = report.json();
  out.RawValue(json.c_str(), json.size(), rapidjson::kObjectType);
  out.EndObject();
  return Answer{out.text(),
                "已登记 recorded, " + std::to_string(number) + "  " + proposal.record.body.name +
                    (report.passed() ? "  检查通过 check passed"
                                     : "  检查未通过，不能准入 check failed, cannot be admitted"),
                kDone};
}

base::Result<Answer> list(Context& context) {
  return look(context, [&](certs::Bodies& bodies) -> base::Result<Answer> {
    BASE_TRY(const auto records, bodies.list());
    base::JsonWriter out;
    out.StartArray();
    std::string text;
    for (const auto& record : records) {
      put(out, record);
      text += (text.empty() ? "" : "\n") + line(record, context.clock().now());
    }
    out.EndArray();
    return Answer{out.text(), text, kDone};
  });
}

base::Result<Answer> show(Context& context, std::int64_t number) {
  return look(context, [&](certs::Bodies& bodies) -> base::Result<Answer> {
    BASE_TRY(const auto record, bodies.find(number));
    base::JsonWriter out;
    put(out, record);
    std::string text = line(record, context.clock().now());
    for (const auto& step : record.body.history)
      text += "\n  " + base::to_rfc3339(step.since) + "  " + standing_word(step.standing) +
              (step.reason.empty() ? "" : "  " + step.reason);
    for (const auto& anchor : record.body.anchors)
      text += "\n  anchor " + base::to_hex(anchor.sha256()) + "  " + anchor.subject();
    for (const auto& paper : record.papers)
      text += "\n  " + paper.kind + " " + base::to_hex(paper.sha256) + "  " + paper.file_name +
              " (" + std::to_string(paper.size) + ")";
    return Answer{out.text(), text, kDone};
  });
}

base::Result<Answer> paper(Context& context, const Options& options) {
  return look(context, [&](certs::Bodies& bodies) -> base::Result<Answer> {
    BASE_TRY(const auto paper, bodies.paper(options.number, options.kind));
    std::ofstream out(options.file, std::ios::binary | std::ios::trunc);
    out << base::as_text(paper.content);
    out.close();
    if (!out) {
      auto failure = base::error(base::Code::unavailable, "certs.pki_file", options.file.string());
      failure.args = {{"path", options.file.string()}, {"why", "cannot be written"}};
      return failure;
    }
    base::JsonWriter said;
    said.StartObject();
    said.member("file_name", paper.file_name);
    said.member("sha256", base::to_hex(base::sha256(paper.content)));
    said.EndObject();
    return Answer{said.text(), paper.file_name + " → " + options.file.string(), kDone};
  });
}

/// What an officer wants is written down first and takes effect with the list that carries it.
/// Asked for again, as after a signer that was away, the same wish goes on.
base::Result<Answer> put_to(Context& context, std::int64_t number, certs::BodyStanding step,
                            bool dry_run) {
  if (dry_run)
    return look(context, [&](certs::Bodies& bodies) -> base::Result<Answer> {
      BASE_TRY(const auto record, bodies.find(number));
      base::JsonWriter out;
      put(out, record);
      return Answer{out.text(),
                    line(record, context.clock().now()) + "\n  → " + standing_word(step.standing) +
                        "，并发布信任列表 · and a new trust list",
                    kDone};
    });
  BASE_TRY(const auto* config, context.config());
  Officer officer(*config, context);
  std::optional<certs::BodyWish> wish;
  bool in_no_list = false;
  {
    BASE_TRY(auto tx, officer.pool.begin());
    certs::Bodies bodies(tx, context.clock(), officer.name);
    BASE_TRY(const auto record, bodies.find(number));
    BASE_TRY(wish, bodies.wish(number, std::move(step)));
    in_no_list = record.body.history.back().standing == Standing::proposed &&
                 wish->step.standing == Standing::removed;
    if (in_no_list) BASE_TRY_VOID(bodies.settle(wish->id, std::nullopt));
    BASE_TRY_VOID(tx.commit());
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("number", number);
  out.member("standing", to_string(wish->step.standing));
  out.member("since", base::to_rfc3339(wish->step.since));
  std::string text = std::to_string(number) + "  " + standing_word(wish->step.standing);
  bool waits = false;
  if (!in_no_list) {
    BASE_TRY(const auto outcome, publish_lists(officer, std::chrono::hours(24 * 7),
                                               "认证机构 body " + std::to_string(number) + " → " +
                                                   std::string(to_string(wish->step.standing)),
                                               wish->id));
    waits = outcome.waiting.has_value();
    if (waits) {
      out.member("request", outcome.waiting->id);
      text += "\n" + request_answer(*outcome.waiting).text;
    } else if (outcome.published) {
      const auto sequence = std::to_string(outcome.published->sequence);
      out.member("sequence", outcome.published->sequence);
      text += "，已发布第 " + sequence + " 期信任列表 · published in list " + sequence;
    }
  }
  out.EndObject();
  return Answer{out.text(), text, waits ? kWaiting : kDone};
}

base::Result<Answer> stop(Context& context, const Options& options, Standing standing) {
  certs::BodyStanding step{standing, {}, options.reason, std::nullopt};
  if (!options.compromised_since.empty()) {
    step.invalid_since = base::parse_rfc3339(options.compromised_since);
    if (!step.invalid_since) return base::error(base::Code::invalid_argument, "cli.bad_time");
  }
  return put_to(context, options.number, std::move(step), options.dry_run);
}

/// `resume` is for who was suspended, `admit` for who was proposed: each says what it means.
base::Result<Answer> start(Context& context, std::int64_t number, Standing from, bool dry_run) {
  BASE_TRY_VOID(look(context, [&](certs::Bodies& bodies) -> base::Result<Answer> {
    BASE_TRY(const auto record, bodies.find(number));
    const auto now = record.body.history.back().standing;
    if (now != from)
      return base::error(base::Code::conflict, "certs.body_step", std::string(to_string(now)));
    return Answer{};
  }));
  return put_to(context, number, {Standing::admitted, {}, "", std::nullopt}, dry_run);
}

}  // namespace

void register_ca(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("ca", "certification bodies of others (LD/T 01-2020 6.2.7)");
  noun->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  const auto verb = [&](const char* name, const char* help, auto deed) {
    auto* made = noun->add_subcommand(name, help);
    made->callback(
        [&context, options, deed] { context.run([&] { return deed(context, *options); }); });
    return made;
  };
  const auto numbered = [&](CLI::App* made) {
    made->add_option("NUMBER", options->number, "as `ca list` shows it")->required();
    return made;
  };
  const auto dry = [&](CLI::App* made) {
    made->add_flag("--dry-run", options->dry_run, "say what would be done, do nothing");
    return made;
  };
  dry(verb("propose", "check a body and record it with its papers", propose))
      ->add_option("FILE", options->file, "proposal, JSON (docs/operations.md)")
      ->required();
  verb("list", "all of them", [](Context& c, const Options&) { return list(c); });
  numbered(verb("show", "one of them, with its check and history",
                [](Context& c, const Options& o) { return show(c, o.number); }));
  auto* papers = numbered(verb("paper", "write one of its papers to a file", paper));
  papers->add_option("KIND", options->kind, "licence, qualification, liability, acceptance")
      ->required();
  papers->add_option("--out", options->file, "file to write")->required();
  dry(numbered(verb("admit", "let a proposed body in (two officers), and publish",
                    [](Context& c, const Options& o) {
                      return start(c, o.number, Standing::proposed, o.dry_run);
                    })));
  dry(numbered(verb("resume", "let a suspended body in again (two officers), and publish",
                    [](Context& c, const Options& o) {
                      return start(c, o.number, Standing::suspended, o.dry_run);
                    })));
  const auto stopping = [&](CLI::App* made) {
    dry(made);
    made->add_option("--reason", options->reason,
                     "ordered, licence_ended, compromised, ceased, replaced, review, other")
        ->required()
        ->check(CLI::IsMember(
            {"ordered", "licence_ended", "compromised", "ceased", "replaced", "review", "other"}));
    return made;
  };
  stopping(
      numbered(verb("suspend", "stop a body for the time being, and publish",
                    [](Context& c, const Options& o) { return stop(c, o, Standing::suspended); })));
  stopping(
      numbered(verb("remove", "stop a body for ever, and publish",
                    [](Context& c, const Options& o) { return stop(c, o, Standing::removed); })))
      ->add_option("--compromised-since", options->compromised_since,
                   "with --reason compromised: nothing of it counts from this time on (RFC 3339)");
}

}  // namespace cli
