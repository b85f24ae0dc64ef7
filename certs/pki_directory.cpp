#include "certs/pki_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace certs {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;

base::Error failed(const std::filesystem::path& file, std::string why) {
  auto failure = base::error(base::Code::unavailable, "certs.pki_file", file.string() + ": " + why);
  failure.args = {{"path", file.string()}, {"why", std::move(why)}};
  return failure;
}
base::Error failed(const std::filesystem::path& file, int number) {
  return failed(file, std::strerror(number));
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

bool PkiDirectory::has(std::string_view name) const {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path_ / name, ignored);
}

base::Result<std::string> PkiDirectory::read(std::string_view name) const {
  const auto file = path_ / name;
  const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed(file, errno);
  std::string content;
  char block[16384];
  for (;;) {
    const ssize_t got = ::read(fd.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(file, errno);
    if (got == 0) return content;
    content.append(block, static_cast<std::size_t>(got));
    if (content.size() > kMostBytes) return failed(file, "larger than 16 MiB");
  }
}

base::Result<Certificate> PkiDirectory::certificate(std::string_view name) const {
  BASE_TRY(const auto pem, read(name));
  return Certificate::from_pem(pem);
}

base::Result<void> PkiDirectory::write(std::string_view name, std::string_view content) const {
  std::error_code ignored;
  std::filesystem::create_directories(path_, ignored);
  const auto file = path_ / name;
  auto temporary = file;
  temporary += ".new";
  {
    const base::UniqueFd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) return failed(temporary, errno);
    if (!write_all(fd.get(), content) || ::fsync(fd.get()) != 0) return failed(temporary, errno);
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return failed(file, errno);
  const base::UniqueFd directory(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return failed(path_, errno);
  return {};
}

}  // namespace certs
