// The register in memory: answers known codes without the database, and when the database is gone.
//
// Filled at start and kept up by following the register. A code it does not know is asked of the
// register itself. Readers take no lock and never wait: two open hash tables of pointers to packed
// entries that never change, swapped one by one. A packed entry takes some 350 bytes, tables
// included.
#pragma once

#include <memory>
#include <optional>

#include "verify/register.h"

namespace verify {

/// Thread-safe: any number of readers beside one writer at a time (writers wait for each other).
class Snapshot {
 public:
  Snapshot();
  ~Snapshot();

  /// Null when unknown. Each call unpacks a copy.
  std::shared_ptr<const Entry> find(const CodeDigest& code) const;
  std::shared_ptr<const Entry> find_by_file(const base::Digest& file_sha256) const;
  /// Takes an entry in, unless a later change of the same document is there. (What this instance
  /// just issued may be put in at once, with `change` 0: it yields to whatever the register says.)
  void apply(const Entry& entry);
  /// Reads what changed since the last call; returns how many entries. Call it from one thread.
  /// When the database turns out to be another one than before (restored, failed over), reads it
  /// whole and forgets what is not there. On an error what is known stays and the next call goes
  /// on. Errors: store's.
  base::Result<std::size_t> follow(Register& documents);
  std::size_t size() const;
  std::int64_t newest_change() const;  ///< the highest change number seen
  std::size_t memory_bytes() const;    ///< of tables and packed entries, those outdated included

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace verify
