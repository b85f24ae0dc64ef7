// xinyin audit export: the trail into a file.
#include "api/cli/audit_file.h"
#include "api/cli/audit_keys.h"
#include "api/cli/audit_report.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"

namespace cli {
namespace {

constexpr std::int64_t kProgressRows = 100'000;

}  // namespace

base::Result<Answer> audit_export(Context& context, const AuditExportTo& what) {
  BASE_TRY(const auto* config, context.config());
  store::Pool pool({.conninfo = config->database.service,
                    .connections = 1,
                    .statement_deadline = std::chrono::minutes{1}});
  AuditKeys keys;
  BASE_TRY_VOID(keys.add_directory(config->pki_directory));
  store::AuditExportStart start;
  start.agency = config->agency.name;
  start.agency_code = config->agency.code;
  start.from = what.from;
  start.made_at = context.clock().now();
  for (const auto& [id, certificate] : keys.certificates())
    start.keys.push_back({id, certificate.public_key(), base::to_bytes(certificate.der())});

  std::int64_t told = what.from;
  std::optional<store::AuditExportEnd> written;
  const auto progress = [&](std::int64_t rows, std::int64_t of) {
    base::fail_point("audit.export_page");
    if (rows - told < kProgressRows) return;
    told = rows;
    context.say("  " + std::to_string(rows) + " / " + std::to_string(of));
  };
  const auto write = [&](const AuditOut& put) -> base::Result<void> {
    BASE_TRY(written, store::export_audit(pool, std::move(start), put, progress));
    return {};
  };
  BASE_TRY_VOID(write_audit_file(what.out, write));
  base::JsonWriter out;
  out.StartObject();
  out.member("file", what.out.string());
  out.member("first", what.from);
  out.member("last", written->last);
  out.member("rows", written->rows);
  out.member("heads", written->heads);
  out.member("hash", base::to_hex(written->hash));
  out.member("sha256", base::to_hex(written->sha256));
  out.EndObject();
  return Answer{out.text(),
                what.out.string() + "：" + std::to_string(written->rows) + " 条 rows，" +
                    std::to_string(written->heads) + " 个签名链首 signed heads\n链首 head " +
                    std::to_string(written->last) + ":" + base::to_hex(written->hash),
                kDone};
}

}  // namespace cli
