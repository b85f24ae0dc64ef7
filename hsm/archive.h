// The encrypted half of a backup: named pieces in a stream of chunks. Private to this room.
//
// Chunk: kind (0 more follow, 1 the last), length (4 octets), AES-256-GCM ciphertext of at most 64
// KiB and tag. The IV holds the chunk's number and kind, the header's digest is bound: a chunk
// moved, left out, doubled or cut off is found, and named by its number. Inside: name length (2
// octets), name, size (8 octets), content, SHA-256; a name of length 0 ends it.
#pragma once

#include <functional>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "base/secret.h"

namespace hsm {

inline constexpr std::size_t kChunkBytes = 64 * 1024;
inline constexpr std::size_t kMostEntryBytes = 1u << 30, kMostEntries = 200'000;

/// Takes the bytes of the file, in order. Errors of it end the writing.
using Sink = std::function<base::Result<void>(base::BytesView)>;
/// Gives up to `out.size()` further bytes of the file; 0 at its end.
using Source = std::function<base::Result<std::size_t>(std::span<std::uint8_t> out)>;

/// A name that stays below the place it is written to: no "..", nothing absolute, nothing odd.
bool good_entry_name(std::string_view name);

class ArchiveWriter {
 public:
  ArchiveWriter(base::Secret key, const base::Digest& bound, Sink sink);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  base::Result<void> begin(std::string_view name, std::uint64_t size);
  base::Result<void> content(base::BytesView some);
  /// After exactly `size` bytes; gives their digest.
  base::Result<base::Digest> end();
  base::Result<void> finish();

 private:
  base::Result<void> put(base::BytesView bytes);
  base::Result<void> flush(bool last);

  base::Secret key_;
  base::Digest bound_;
  Sink sink_;
  base::Bytes clear_;  // wiped
  std::uint32_t chunk_ = 0;
  std::uint64_t left_ = 0;
  base::Sha256 digest_;
};

class ArchiveReader {
 public:
  ArchiveReader(base::Secret key, const base::Digest& bound, Source source);

  struct Entry {
    std::string name;
    std::uint64_t size = 0;
  };
  /// For each entry `begin` says where its content goes; its digest has been compared when `end` is
  /// called. Errors: conflict `hsm.backup_altered` naming the chunk or the entry; those of the
  /// calls.
  base::Result<void> read(const std::function<base::Result<Sink>(const Entry&)>& begin,
                          const std::function<base::Result<void>(const Entry&)>& end);

 private:
  base::Result<void> fill();
  base::Result<void> take(std::span<std::uint8_t> out);

  base::Secret key_;
  base::Digest bound_;
  Source source_;
  base::Secret clear_;
  std::size_t used_ = 0;
  std::uint32_t chunk_ = 0;
  bool last_ = false;
};

}  // namespace hsm
