// xinyin audit verify: walks the audit trail's hash chain; exit 11 names the first row that does
// not fit. LD/T 01-2020 6.2.5e.
#include "store/audit.h"

#include "api/cli/commands.h"
#include "base/json.h"

namespace cli {
namespace {

base::Result<Answer> verify(Context& context) {
  BASE_TRY(const auto* config, context.config());
  store::Config connection;
  connection.conninfo = config->database.service;
  connection.connections = 1;
  connection.statement_deadline = std::chrono::minutes{1};
  store::Pool pool(std::move(connection));
  BASE_TRY(const auto report, store::verify_audit(pool));
  base::JsonWriter out;
  out.StartObject();
  out.member("rows", report.rows);
  out.member("whole", !report.broken_at.has_value());
  if (report.broken_at) out.member("broken_at", *report.broken_at);
  out.EndObject();
  if (report.broken_at) {
    const auto row = std::to_string(*report.broken_at);
    return Answer{out.text(),
                  "审计链在第 " + row + " 条断开，此前 " + std::to_string(report.rows) +
                      " 条完好 · the audit chain is broken at row " + row,
                  kLogBroken};
  }
  return Answer{out.text(),
                "审计链完好，共 " + std::to_string(report.rows) + " 条 · the audit chain is whole",
                kDone};
}

}  // namespace

void register_audit(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("audit", "the audit trail");
  noun->require_subcommand(1);
  noun->add_subcommand("verify", "walk the hash chain from its first row to its last")
      ->callback([&context] { context.run([&] { return verify(context); }); });
}

}  // namespace cli
