// A ZIP file taken apart, as strictly as a sealed container needs it. APPNOTE 6.3.10 §4; GB/T
// 33190-2016 5.
//
// Two readers could see two documents in one archive: one goes by the central directory, another by
// the local headers, one takes the first of two equal names, another the last. So there is one
// reading only: the local entries fill the file from its first octet to the central directory
// without a gap, the directory says of each what its header says, no two names are the same on any
// file system, and what is unpacked is what was promised.
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace verify::ofd {

struct ZipLimits {
  std::size_t entries = 10'000;
  std::size_t unpacked = 64 << 20;  ///< octets, all entries together
  /// How much larger than packed an entry may be, once it is larger than `small_entry` octets.
  std::size_t ratio = 200;
  std::size_t small_entry = 1 << 20;
};

/// Immutable.
class Zip {
 public:
  /// Everything is unpacked, its CRC compared. Errors: invalid_argument, each its own:
  /// `verify.ofd.zip_none` (no end record where it belongs: not a ZIP file, or something behind
  /// it), `verify.ofd.zip_gap` (octets before, between or behind the entries, or overlapping ones),
  /// `verify.ofd.zip_structure`, `verify.ofd.zip_mismatch` (header and directory disagree),
  /// `verify.ofd.zip_name`, `verify.ofd.zip_duplicate`, `verify.ofd.zip_encrypted`,
  /// `verify.ofd.zip_unsupported` (method, ZIP64, several disks, links, fields that rename),
  /// `verify.ofd.zip_damaged` (does not unpack, or CRC), `verify.ofd.zip_bomb`,
  /// `verify.ofd.zip_too_many`.
  static base::Result<Zip> read(base::BytesView file, const ZipLimits& limits = {});

  /// By name ("Doc_0/Document.xml"); directories are left out.
  const std::map<std::string, base::Bytes, std::less<>>& entries() const { return entries_; }
  /// Null when there is none.
  const base::Bytes* find(std::string_view name) const {
    const auto at = entries_.find(name);
    return at == entries_.end() ? nullptr : &at->second;
  }
  /// The name of the entry that some file systems would take this path for: itself, or in another
  /// case or normal form. There is one at most. Null when there is none.
  const std::string* spelled(std::string_view path) const;

 private:
  std::map<std::string, base::Bytes, std::less<>> entries_;
  std::map<std::string, std::string> folded_;  ///< -> name
};

}  // namespace verify::ofd
