// Forward-only migrations, embedded in the binary, each safe while the previous binary runs.
//
// store/migrations/NNNN_name.sql run in order of their numbers, each in its own transaction, once;
// what ran is recorded with its SHA-256 and a changed file is refused. An advisory lock keeps two
// runners apart. One schema per room; roles and grants are part of the migrations.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace store {

/// Roles of one installation. The owner migrates and owns; service reads and writes what it is
/// granted; verifier reads what public verification needs. The migrations name them literally:
/// xinyin_owner, xinyin_service, xinyin_verifier (created beforehand, see docs/operations.md).
struct Migrated {
  std::vector<std::string> ran;
  std::string newest;
};

/// `conninfo` is the owner's. `say` is told of each migration as it runs.
/// Errors: unavailable `store.unavailable`; conflict `store.migration_changed`; internal
/// `store.migration_failed` with the statement's position in `detail`.
base::Result<Migrated> migrate(const std::string& conninfo,
                               const std::function<void(std::string_view)>& say = {});

/// The names of those that migrate() would run now; changes nothing. Errors: as migrate().
base::Result<std::vector<std::string>> missing_migrations(const std::string& conninfo);

/// migrate() with other files than the binary's own (tests; a list in the order to run).
struct MigrationFile {
  std::string_view name;  ///< "0001_foundation.sql"
  std::string_view sql;
};
base::Result<Migrated> migrate_files(const std::string& conninfo,
                                     std::span<const MigrationFile> files,
                                     const std::function<void(std::string_view)>& say = {});

/// The newest migration this binary carries, e.g. "0006_seal".
std::string newest_migration();

/// SHA-256 (hex) over the names and bytes of all migrations that this binary carries.
std::string migrations_digest();

}  // namespace store
