// xinyin audit verify | export | export-ledger | head | show | tail: the audit trail, for auditors
// and officers. LD/T 01-2020 6.2.5e; docs/audit.md.
#include "api/cli/audit_ledger.h"
#include "api/cli/audit_report.h"
#include "base/json.h"

namespace cli {
namespace {

/// The newest signed head, to be kept where those who run this database cannot reach it.
base::Result<Answer> head(Context& context) {
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service, .connections = 1});
  BASE_TRY(const auto state, store::audit_state(pool));
  if (state.signed_seq == 0) return base::error(base::Code::not_found, "cli.audit_no_head");
  base::JsonWriter out;
  out.StartObject();
  out.member("seq", state.signed_seq);
  out.member("signed_head", state.signed_jws);
  out.EndObject();
  return Answer{out.text(), state.signed_jws, kDone};
}

void add_verify(CLI::App& noun, Context& context) {
  const auto what = std::make_shared<AuditVerify>();
  auto* verb = noun.add_subcommand(
      "verify", "walk the chain and its signed heads; exit 11 names the first break");
  verb->add_option("FILE", what->file, "an export; the database when left out");
  verb->add_option("--key", what->keys, "PEM of a public key or certificate that signs heads");
  verb->add_option("--trust", what->trust_list, "signed trust list that names these keys");
  verb->add_option("--root", what->root_sha256, "SHA-256 of the trust list's root certificate");
  verb->add_option("--head", what->heads,
                   "a head kept elsewhere, ROW:HASH or a file: the trail must still hold it");
  verb->add_option("--ledger", what->ledger, "a copy of the officers' ledger, checked by itself");
  verb->add_option("--minutes", what->minutes, "a ceremony's minutes, checked by themselves");
  verb->add_option("--genesis", what->genesis, "SHA-256 of the ledger's founding document");
  verb->callback([&context, what] { context.run([&] { return audit_verify(context, *what); }); });
}

void add_export(CLI::App& noun, Context& context) {
  const auto what = std::make_shared<AuditExportTo>();
  auto* verb = noun.add_subcommand("export", "write the trail to a file that anybody can check");
  verb->add_option("--out", what->out, "file to write; appears when it is complete")->required();
  verb->add_option("--from", what->from, "first row")->check(CLI::PositiveNumber);
  verb->callback([&context, what] { context.run([&] { return audit_export(context, *what); }); });
}

void add_export_ledger(CLI::App& noun, Context& context) {
  const auto file = std::make_shared<std::filesystem::path>();
  auto* verb = noun.add_subcommand(
      "export-ledger", "write the officers' ledger to a file, line by line as it stands");
  verb->add_option("--out", *file, "file to write; appears when it is complete")->required();
  verb->callback([&context, file] { context.run([&] { return export_ledger(context, *file); }); });
}

void add_filters(CLI::App* verb, AuditFilter& filter) {
  verb->add_option("--act", filter.act, "an act, or the part before a dot: document, login");
  verb->add_option("--actor", filter.actor, "who did it");
  verb->add_option("--object", filter.object, "what it was done to");
  verb->add_option("--since", filter.since, "RFC 3339 time");
  verb->add_option("--until", filter.until, "RFC 3339 time");
  verb->add_option("-n,--most", filter.most, "at most so many rows")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
}

void add_show(CLI::App& noun, Context& context) {
  const auto first = std::make_shared<AuditFilter>();
  auto* show = noun.add_subcommand("show", "print rows, from the oldest that fits");
  add_filters(show, *first);
  show->callback([&context, first] { context.run([&] { return audit_show(context, *first); }); });
  const auto last = std::make_shared<AuditFilter>();
  last->newest = true;
  last->most = 20;
  auto* tail = noun.add_subcommand("tail", "print the newest rows that fit");
  add_filters(tail, *last);
  tail->callback([&context, last] { context.run([&] { return audit_show(context, *last); }); });
}

}  // namespace

void register_audit(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("audit", "the audit trail");
  noun->require_subcommand(1);
  add_verify(*noun, context);
  add_export(*noun, context);
  add_export_ledger(*noun, context);
  noun->add_subcommand("head", "print the newest signed head, to be kept elsewhere")
      ->callback([&context] { context.run([&] { return head(context); }); });
  add_show(*noun, context);
}

}  // namespace cli
