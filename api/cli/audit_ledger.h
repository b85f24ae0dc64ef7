// The officers' ledger as a part of what `xinyin audit verify` says: the mirror in the database, a
// copy in a file, or the minutes of a ceremony, replayed from the first line with public material
// only.
#pragma once

#include <filesystem>
#include <optional>

#include "api/cli/audit_report.h"
#include "store/store.h"

namespace cli {

/// A copy of the signer's ledger, or what `export-ledger` wrote. `genesis`: SHA-256 of the founding
/// document, from elsewhere. Errors: unavailable `cli.audit_file`.
base::Result<AuditPart> ledger_file_part(Context& context, const std::filesystem::path& file,
                                         const std::optional<base::Digest>& genesis);
/// Minutes with the ledger in them. Errors: as check_minutes.
base::Result<AuditPart> minutes_part(Context& context, const std::filesystem::path& file,
                                     const std::optional<base::Digest>& genesis);
/// The mirror, the audit rows that tell of it, and the signer's own answer when there is one.
/// Errors: those of the database.
base::Result<AuditPart> ledger_mirror_part(Context& context, store::Pool& pool,
                                           const std::filesystem::path& signer_socket,
                                           const std::optional<base::Digest>& genesis);

/// Writes the mirror's lines as they stand, whole or not.
/// Errors: those of the database; unavailable `cli.audit_file`.
base::Result<Answer> export_ledger(Context& context, const std::filesystem::path& out);

}  // namespace cli
