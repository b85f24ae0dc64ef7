// The audit trail as a file that anybody can check: JSON lines, one text a row; docs/audit.md has
// the format to the byte, so that others can write their own reader.
//
//   {"xinyin_audit_export":1,…}      the start: whose trail, from where, which keys
//   {"seq":…,…,"hash":"…"}           a row, with all that was hashed
//   {"signed_head":"…"}              a signed head of the row before
//   {"end":{…}}                      counts, and the digest of all lines before
//
// A line has exactly one text. Files come from strangers: lines are bounded, nothing is trusted.
#pragma once

#include <iosfwd>

#include "store/audit_chain.h"

namespace store {

struct AuditExportKey {
  std::string id;
  base::Bytes public_key;
  base::Bytes certificate;  ///< DER, empty when there is none
};

struct AuditExportStart {
  std::string agency, agency_code;
  std::int64_t from = 1;    ///< first row in the file
  base::Digest previous{};  ///< hash of the row before it
  base::Time made_at;
  std::vector<AuditExportKey> keys;  ///< of the signed heads; a claim, not trust
};

std::string audit_line(const AuditExportStart& start);
std::string audit_line(const AuditRow& row);
std::string audit_head_line(std::string_view jws);
/// Nothing when the line is not the one text of such a thing.
std::optional<AuditExportStart> parse_audit_start(std::string_view line);
std::optional<AuditRow> parse_audit_row(std::string_view line);

struct AuditExportEnd {
  std::int64_t rows = 0, heads = 0, last = 0;
  base::Digest hash{};    ///< of the last row
  base::Digest sha256{};  ///< of all lines before the end
};

/// Writes rows `start.from` to the trail's head as they stand, whole or not: it is for the reader
/// to judge. Takes `previous` and keys from the database, certificates from `start.keys`.
/// Errors: as Pool::run; not_found `store.audit_no_such_row` when the trail is shorter; those of
/// `out`.
base::Result<AuditExportEnd> export_audit(
    Pool& pool, AuditExportStart start,
    const std::function<base::Result<void>(std::string_view bytes)>& out,
    const AuditProgress& progress = {});

struct AuditExportReport {
  AuditExportStart start;
  AuditReport trail;
  std::optional<AuditBreak> file_break;  ///< form, counts, digest; `seq` is the line
  base::Digest sha256{};                 ///< of all lines before the end
  bool whole() const { return !file_break && trail.whole(); }
};

/// What is expected is known once the start was read: keys, perhaps.
using AuditExpectOf = std::function<AuditExpectations(const AuditExportStart&)>;

/// Reads an export line by line, in constant memory. Never fails: what is wrong is in the report.
AuditExportReport verify_audit_export(std::istream& in, const AuditExpectOf& expect = {},
                                      const std::function<void(std::int64_t rows)>& progress = {});

}  // namespace store
