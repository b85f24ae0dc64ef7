// A PostgreSQL of one's own, for a while: in a directory, behind a Unix socket that nobody else may
// reach, with the three roles and an empty, migrated database. For rehearsals; nothing in it is
// meant to survive.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/child.h"
#include "base/result.h"

namespace store {

/// For one thread.
class PrivateCluster {
 public:
  /// Makes everything in `directory`, which is empty and belongs to whoever calls. PostgreSQL does
  /// not run as root: root's runs as the account `postgres`, and the directory becomes that
  /// account's. Errors: unavailable `store.no_postgres` when the server's programs or the account
  /// are missing; `base.child`; those of migrate().
  static base::Result<std::unique_ptr<PrivateCluster>> start(
      const std::filesystem::path& directory);

  /// libpq conninfo of one of the three roles.
  std::string conninfo(const std::string& role) const;

 private:
  PrivateCluster(std::filesystem::path directory, base::Child server)
      : directory_(std::move(directory)), server_(std::move(server)) {}

  std::filesystem::path directory_;
  base::Child server_;
};

}  // namespace store
