// The register in memory: answers known codes without the database, and when the database is gone.
//
// Filled at start and kept up by following change numbers. A code it does not know is asked of the
// register itself. Readers never block: the map is sharded, entries are immutable.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "verify/register.h"

namespace verify {

/// Thread-safe.
class Snapshot {
 public:
  Snapshot();
  ~Snapshot();

  std::shared_ptr<const Entry> find(const CodeDigest& code) const;
  std::shared_ptr<const Entry> find_by_file(const base::Digest& file_sha256) const;
  void apply(Entry entry);
  /// Reads what changed since the last call; returns how many entries. Call it from one thread.
  base::Result<std::size_t> follow(Register& documents);
  std::size_t size() const;
  std::int64_t newest_change() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace verify
