#include "hsm/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hsm {
namespace {

std::filesystem::path directory_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

}  // namespace

base::Error file_failed(const std::filesystem::path& path, const std::string& why) {
  auto failure = base::error(base::Code::unavailable, "hsm.file", path.string() + ": " + why);
  failure.args = {{"path", path.string()}, {"why", why}};
  return failure;
}

base::Error file_exists(const std::filesystem::path& path) {
  auto failure = base::error(base::Code::conflict, "hsm.file_exists", path.string());
  failure.args = {{"path", path.string()}};
  return failure;
}

base::Result<void> sync_directory(const std::filesystem::path& directory) {
  const base::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return file_failed(directory, std::strerror(errno));
  return {};
}

base::Result<base::Bytes> read_file(const std::filesystem::path& path, std::size_t most) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return file_failed(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return file_failed(path, "is not a file");
  if (static_cast<std::uint64_t>(status.st_size) > most) return file_failed(path, "is too large");
  base::Bytes bytes(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = ::read(fd.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_failed(path, std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size != static_cast<std::size_t>(status.st_size))
    return file_failed(path, "changed while it was read");
  bytes.resize(size);
  return bytes;
}

DurableFile::DurableFile(std::filesystem::path path, std::filesystem::path beside,
                         base::UniqueFd fd)
    : path_(std::move(path)), beside_(std::move(beside)), fd_(std::move(fd)) {}

DurableFile::DurableFile(DurableFile&& other) noexcept
    : path_(std::move(other.path_)), beside_(std::move(other.beside_)), fd_(std::move(other.fd_)) {
  other.beside_.clear();
}

DurableFile::~DurableFile() {
  if (!beside_.empty()) ::unlink(beside_.c_str());
}

base::Result<DurableFile> DurableFile::create(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return file_exists(path);
  auto beside = path;
  beside += ".new";
  ::unlink(beside.c_str());
  base::UniqueFd fd(
      ::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return file_failed(beside, std::strerror(errno));
  return DurableFile(path, std::move(beside), std::move(fd));
}

base::Result<void> DurableFile::write(base::BytesView some) {
  while (!some.empty()) {
    const auto wrote = ::write(fd_.get(), some.data(), some.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return file_failed(beside_, std::strerror(errno));
    some = some.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

base::Result<void> DurableFile::commit() {
  if (::fsync(fd_.get()) != 0) return file_failed(beside_, std::strerror(errno));
  // A link never replaces what somebody put there meanwhile.
  if (::link(beside_.c_str(), path_.c_str()) != 0)
    return errno == EEXIST ? file_exists(path_) : file_failed(path_, std::strerror(errno));
  ::unlink(beside_.c_str());
  beside_.clear();
  return sync_directory(directory_of(path_));
}

}  // namespace hsm
