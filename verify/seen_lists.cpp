#include "verify/seen_lists.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/json.h"
#include "base/unique_fd.h"

namespace verify {
namespace {

constexpr std::size_t kMostRoots = 1024;
constexpr std::size_t kMostBytes = 1 << 20;

base::Error malformed() {
  return base::error(base::Code::invalid_argument, "verify.seen.malformed");
}

base::Error failed(const std::filesystem::path& file, int number) {
  auto failure = base::error(base::Code::unavailable, "verify.seen.file");
  failure.args = {{"path", file.string()}, {"why", std::strerror(number)}};
  return failure;
}

/// Nothing when there is no such file.
base::Result<std::optional<std::string>> read(const std::filesystem::path& file) {
  const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  if (!fd) return failed(file, errno);
  std::string content;
  char block[16'384];
  for (;;) {
    const ssize_t got = ::read(fd.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(file, errno);
    if (got == 0) return std::optional(std::move(content));
    content.append(block, static_cast<std::size_t>(got));
    if (content.size() > kMostBytes) return malformed();
  }
}

/// All or nothing.
base::Result<void> write(const std::filesystem::path& file, std::string_view content) {
  auto temporary = file;
  temporary += ".new";
  {
    const base::UniqueFd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return failed(temporary, errno);
    while (!content.empty()) {
      const ssize_t written = ::write(fd.get(), content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed(temporary, errno);
      content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd.get()) != 0) return failed(temporary, errno);
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return failed(file, errno);
  return {};
}

}  // namespace

base::Result<SeenLists> SeenLists::parse(std::string_view text) {
  const auto document = base::parse_json(text, {kMostBytes, 4});
  if (!document || !document->IsObject() || base::json_int(*document, "version") != 1)
    return malformed();
  const auto seen = document->FindMember("seen");
  if (seen == document->MemberEnd() || !seen->value.IsArray() || seen->value.Size() > kMostRoots)
    return malformed();
  SeenLists out;
  for (const auto& item : seen->value.GetArray()) {
    const auto root = base::from_hex(base::json_text(item, "root_sha256"));
    const auto sequence = base::json_int(item, "sequence").value_or(0);
    const auto issued = base::parse_rfc3339(base::json_text(item, "issued"));
    if (!root || root->size() != 32 || sequence < 1 || !issued) return malformed();
    base::Digest digest{};
    std::copy(root->begin(), root->end(), digest.begin());
    out.seen_[digest] = {sequence, *issued};
  }
  // Nobody else writes this file: what is not in our form was not written by us.
  if (out.text() != text) return malformed();
  return out;
}

std::string SeenLists::text() const {
  base::JsonWriter out;
  out.StartObject();
  out.member("version", 1);
  out.key("seen");
  out.StartArray();
  for (const auto& [root, seen] : seen_) {
    out.StartObject();
    out.member("root_sha256", base::to_hex(root));
    out.member("sequence", seen.sequence);
    out.member("issued", base::to_rfc3339(seen.issued));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.text() + "\n";
}

base::Result<bool> SeenLists::take(const certs::TrustList& list) {
  const auto root = list.roots.at(0).sha256();
  const auto found = seen_.find(root);
  if (found == seen_.end()) {
    // An old one is never given up for a new one: whoever floods us with roots gains nothing.
    if (seen_.size() >= kMostRoots) return base::error(base::Code::unavailable, "verify.seen.full");
    seen_[root] = {list.sequence, list.issued};
    return true;
  }
  auto& seen = found->second;
  const auto refuse = [&](const char* key) {
    auto failure = base::error(base::Code::conflict, key);
    failure.args = {{"seen", std::to_string(seen.sequence)},
                    {"given", std::to_string(list.sequence)}};
    return failure;
  };
  if (list.sequence < seen.sequence) return refuse("verify.seen.older");
  if (list.sequence == seen.sequence && list.issued != seen.issued)
    return refuse("verify.seen.other");
  const bool newer = list.sequence > seen.sequence;
  seen = {list.sequence, list.issued};
  return newer;
}

base::Result<void> remember(const std::filesystem::path& file, const certs::TrustList& list) {
  std::error_code ignored;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), ignored);
  auto lock = file;
  lock += ".lock";
  const base::UniqueFd held(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!held) return failed(lock, errno);
  while (::flock(held.get(), LOCK_EX) != 0)
    if (errno != EINTR) return failed(lock, errno);
  BASE_TRY(const auto before, read(file));
  SeenLists state;
  if (before) {
    BASE_TRY(state, SeenLists::parse(*before));
  }
  BASE_TRY(const bool changed, state.take(list));
  return changed ? write(file, state.text()) : base::Result<void>();
}

}  // namespace verify
