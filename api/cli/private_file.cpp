#include "api/cli/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace cli {

base::Error file_failure(const std::filesystem::path& file, std::string why) {
  auto failure = base::error(base::Code::unavailable, "auth.demo.file", file.string() + ": " + why);
  failure.args = {{"path", file.string()}, {"why", std::move(why)}};
  return failure;
}

base::Result<void> write_private(const std::filesystem::path& file, std::string_view content) {
  auto temporary = file;
  temporary += ".new";
  ::unlink(temporary.c_str());
  {
    const base::UniqueFd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return file_failure(temporary, std::strerror(errno));
    if (::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        ::fsync(fd.get()) != 0)
      return file_failure(temporary, std::strerror(errno));
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0)
    return file_failure(file, std::strerror(errno));
  return {};
}

}  // namespace cli
