// Exports of the audit trail as anyone may hand them in. First the octets as a file; then as the
// lines between a start and an end that are right, so that the fuzzer gets past digest and counts.
// A row or start that is accepted has one text.
#include <sstream>

#include "base/check.h"
#include "base/encoding.h"
#include "store/audit_export.h"

namespace {

store::AuditExportReport read(const std::string& text) {
  std::istringstream in(text);
  return store::verify_audit_export(in, [](const store::AuditExportStart&) {
    return store::AuditExpectations{
        [](const store::SignedHead& head) {
          base::check(head.signature().size() == 64, "a head without a signature");
          base::check(store::parse_head(head.jws).has_value(), "a head that does not parse again");
          return store::HeadVouch::good;
        },
        {{1, {}}}};
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto report = read(text);
  base::check(report.trail.rows >= 0 && report.trail.vouched >= report.trail.heads,
              "heads that fit were vouched for");
  const auto line = std::string_view(text).substr(0, text.find('\n'));
  if (const auto row = store::parse_audit_row(line))
    base::check(store::audit_line(*row) == line, "two texts for one row");
  if (const auto start = store::parse_audit_start(line))
    base::check(store::audit_line(*start) == line, "two texts for one start");

  const auto framed = store::audit_line(store::AuditExportStart{}) + "\n" + text;
  if (!framed.ends_with('\n')) return 0;
  const auto digest = base::to_hex(base::sha256(base::as_bytes(framed)));
  read(framed + R"({"end":{"rows":0,"heads":0,"last":0,"hash":")" + std::string(64, '0') +
       R"(","sha256":")" + digest + "\"}}\n");
  return 0;
}
