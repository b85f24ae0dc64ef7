#include "api/cli/audit_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "api/cli/audit_keys.h"
#include "base/unique_fd.h"

namespace cli {
namespace {

base::Result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return audit_file_failed(file, std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

/// The name, on the disk too. Some file systems cannot sync a directory; the file itself is kept.
base::Result<void> put_in_place(const std::filesystem::path& part,
                                const std::filesystem::path& file) {
  if (::rename(part.c_str(), file.c_str()) != 0)
    return audit_file_failed(file, std::strerror(errno));
  const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const base::UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) (void)::fsync(folder.get());
  return {};
}

}  // namespace

base::Result<void> write_audit_file(
    const std::filesystem::path& file,
    const std::function<base::Result<void>(const AuditOut&)>& write) {
  const std::filesystem::path part = file.string() + ".part";
  const base::UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return audit_file_failed(part, std::strerror(errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return audit_file_failed(part, "another export writes it");
  if (::ftruncate(fd.get(), 0) != 0) return audit_file_failed(part, std::strerror(errno));
  const auto written =
      write([&](std::string_view bytes) { return write_all(fd.get(), bytes, part); });
  if (!written.ok()) {
    ::unlink(part.c_str());
    return written.error();
  }
  if (::fsync(fd.get()) != 0) return audit_file_failed(part, std::strerror(errno));
  return put_in_place(part, file);
}

}  // namespace cli
