// A file that is there whole and synced, or not at all, and never in another's place. Private to
// this room.
#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hsm {

/// Written beside its place as "<path>.new", mode 0600, and linked there at the end.
class DurableFile {
 public:
  /// What a kill left as "<path>.new" is removed. Errors: conflict `hsm.file_exists`; unavailable
  /// `hsm.file`.
  static base::Result<DurableFile> create(const std::filesystem::path& path);
  DurableFile(DurableFile&& other) noexcept;
  DurableFile& operator=(DurableFile&&) = delete;
  ~DurableFile();  ///< without commit(): nothing is left

  base::Result<void> write(base::BytesView some);
  base::Result<void> commit();

 private:
  DurableFile(std::filesystem::path path, std::filesystem::path beside, base::UniqueFd fd);
  std::filesystem::path path_, beside_;
  base::UniqueFd fd_;
};

/// Errors: unavailable `hsm.file`.
base::Result<void> sync_directory(const std::filesystem::path& directory);
/// At most `most` bytes. Errors: unavailable `hsm.file`.
base::Result<base::Bytes> read_file(const std::filesystem::path& path, std::size_t most);
base::Error file_failed(const std::filesystem::path& path, const std::string& why);
base::Error file_exists(const std::filesystem::path& path);

}  // namespace hsm
