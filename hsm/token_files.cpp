#include "hsm/token_files.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/digest.h"
#include "base/encoding.h"

namespace hsm {
namespace {

constexpr std::string_view kTokenItself = "token.object";  // rewritten at every login that may

base::Error failed_at(std::string key, const std::filesystem::path& path, const std::string& why) {
  auto failure = base::error(base::Code::unavailable, std::move(key), path.string() + ": " + why);
  failure.args = {{"path", path.string()}, {"why", why}};
  return failure;
}

std::optional<std::string> digest_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  return base::to_hex(base::sha256(base::as_bytes(bytes)));
}

}  // namespace

base::Result<FileDigests> digest_files(const std::filesystem::path& directory) {
  FileDigests digests;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator it(directory, failed), end;
       !failed && it != end; it.increment(failed)) {
    if (!it->is_regular_file() || it->path().extension() != ".object" ||
        it->path().filename() == kTokenItself)
      continue;
    const auto digest = digest_of(it->path());
    if (!digest) return failed_at("hsm.token_directory", it->path(), "cannot be read");
    digests.emplace(it->path().lexically_relative(directory).generic_string(), *digest);
  }
  if (failed) return failed_at("hsm.token_directory", directory, failed.message());
  return digests;
}

base::Result<void> check_files(const std::filesystem::path& directory,
                               const FileDigests& expected) {
  return FileWatch(directory, expected).check(true);
}

base::Result<void> FileWatch::check(bool all) {
  for (const auto& [name, digest] : expected_) {
    const auto path = directory_ / name;
    struct stat status {};
    Stamp now;
    if (::stat(path.c_str(), &status) == 0)
      now = {status.st_size, status.st_ino,
             status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec,
             status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
    // Stamped before it is read: what changes meanwhile is read again the next time.
    auto& seen = seen_[name];
    if (!all && now == seen) continue;
    const auto found = digest_of(path);
    if (found && *found != digest)
      return failed_at("hsm.token_files", path, "is not as it was when the token was provisioned");
    seen = now;
  }
  return {};
}

}  // namespace hsm
