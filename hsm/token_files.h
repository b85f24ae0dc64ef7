// The files of a software token held against the digests taken when it was provisioned. SoftHSM
// does not authenticate its objects, and a bent one can make it hang, end the whole process, or
// sign wrongly (security.md §0.2): what has changed is refused by name before the module reads it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace hsm {

/// Path below the token directory -> hex of SHA-256.
using FileDigests = std::map<std::string, std::string, std::less<>>;

/// Of every key's file; the token's own object changes at logins. Errors: unavailable
/// `hsm.token_directory`.
base::Result<FileDigests> digest_files(const std::filesystem::path& directory);

/// A file that is missing passes: the inventory names the key that lacks it.
/// Errors: unavailable `hsm.token_files` naming the file.
base::Result<void> check_files(const std::filesystem::path& directory, const FileDigests& expected);

/// The same check again and again: a file is read only when its size, time or inode changed, or
/// when all are to be. Not thread-safe.
class FileWatch {
 public:
  FileWatch(std::filesystem::path directory, FileDigests expected)
      : directory_(std::move(directory)), expected_(std::move(expected)) {}
  /// Errors: as check_files.
  base::Result<void> check(bool all);

 private:
  struct Stamp {
    off_t size = -1;
    ino_t inode = 0;
    std::int64_t changed_ns = 0, written_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::filesystem::path directory_;
  FileDigests expected_;
  std::map<std::string, Stamp, std::less<>> seen_;
};

}  // namespace hsm
