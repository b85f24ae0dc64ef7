// What `xinyin audit verify` says: a report of parts, each whole or with its first break named.
// Another trail to be checked by the same command is another part.
#pragma once

#include <string>
#include <vector>

#include "api/cli/commands.h"
#include "store/audit_export.h"

namespace cli {

struct AuditPart {
  std::string name;   ///< for machines: "chain", "signed_heads", "file"
  std::string title;  ///< for people
  std::string text;   ///< what was looked at
  std::vector<std::pair<std::string, std::string>> members;  ///< name -> JSON value
  std::optional<store::AuditBreak> broken;
};

/// Exit 11 when any part is broken.
Answer audit_answer(const std::vector<AuditPart>& parts);

/// The chain and its signed heads. `keys`: AuditKeys::source().
std::vector<AuditPart> parts_of(const store::AuditReport& report, const std::string& keys);
AuditPart file_part(const store::AuditExportReport& report);

/// The verbs; audit.cpp registers them.
struct AuditVerify {
  std::filesystem::path file;  ///< empty: the database
  std::vector<std::filesystem::path> keys;
  std::filesystem::path trust_list;
  std::string root_sha256;
  std::vector<std::string> heads;  ///< ROW:HASH, or a file with a signed head
  std::filesystem::path ledger;    ///< a copy of the officers' ledger, or
  std::filesystem::path minutes;   ///< minutes with it in them: looked at alone, no database
  std::string genesis;             ///< SHA-256 of the ledger's founding document, hex
};
base::Result<Answer> audit_verify(Context& context, const AuditVerify& what);

struct AuditExportTo {
  std::filesystem::path out;
  std::int64_t from = 1;
};
base::Result<Answer> audit_export(Context& context, const AuditExportTo& what);

struct AuditFilter {
  std::string act, actor, object, since, until;
  std::int64_t most = 50;
  bool newest = false;  ///< the last ones that fit, not the first
};
base::Result<Answer> audit_show(Context& context, const AuditFilter& filter);

}  // namespace cli
