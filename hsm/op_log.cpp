#include "hsm/op_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/json.h"

namespace hsm {
namespace {

constexpr std::size_t kMostLineBytes = 8192;

const std::string& first_link() {
  static const std::string zeros(64, '0');
  return zeros;
}

base::Error bad(const std::filesystem::path& file, const std::string& why,
                base::Code code = base::Code::unavailable) {
  auto failure = base::error(code, "hsm.oplog", file.string() + ": " + why);
  failure.args = {{"why", failure.detail}};
  return failure;
}

std::string digest_of(std::string_view line) {
  return base::to_hex(base::sha256(base::as_bytes(line)));
}

void sync_directory(const std::filesystem::path& file) {
  const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const base::UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) (void)::fsync(folder.get());
}

}  // namespace

base::Result<std::unique_ptr<OpLog>> OpLog::open(OpLogConfig config, const base::Clock& clock) {
  std::unique_ptr<OpLog> log(new OpLog(std::move(config), clock));
  BASE_TRY_VOID(log->open_file());
  BASE_TRY_VOID(log->check_chain());
  return log;
}

base::Result<void> OpLog::open_file() {
  fd_ = base::UniqueFd(
      ::open(config_.file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_) return bad(config_.file, std::strerror(errno));
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
    return bad(config_.file, "another process writes it", base::Code::conflict);
  sync_directory(config_.file);
  return {};
}

base::Result<void> OpLog::check_chain() {
  std::string rest;
  std::array<char, 64 * 1024> buffer;
  std::uint64_t whole = 0, lines = 0;
  while (true) {
    const auto got =
        ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(whole + rest.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return bad(config_.file, std::strerror(errno));
    if (got == 0) break;
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t from = 0;
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', from)) {
      const auto text = std::string_view(rest).substr(from, end - from);
      ++lines;
      const auto wrong = [&](std::string_view why) {
        return bad(config_.file, "line " + std::to_string(lines) + " " + std::string(why));
      };
      const auto value = base::parse_json(text, {.bytes = kMostLineBytes, .depth = 2});
      if (!value.ok() || !value->IsObject()) return wrong("is not a JSON object");
      const auto number = base::json_int(*value, "n");
      const auto prev = base::json_text(*value, "prev");
      // The first line of a file that follows one put aside continues that one's chain.
      if (lines == 1 && number && *number > 0) {
        number_ = static_cast<std::uint64_t>(*number) - 1;
        last_ = number_ == 0 ? first_link() : std::string(prev);
      }
      if (number != static_cast<std::int64_t>(number_ + 1) || prev != last_)
        return wrong("does not follow from the line before it");
      ++number_;
      last_ = digest_of(text);
      whole += text.size() + 1;
      from = end + 1;
    }
    rest.erase(0, from);
    if (rest.size() > kMostLineBytes) return bad(config_.file, "a line without end");
  }
  if (lines == 0) last_ = first_link();
  size_ = whole;
  if (!rest.empty() && ::ftruncate(fd_.get(), static_cast<off_t>(whole)) != 0)
    return bad(config_.file, std::string("cutting off a torn line: ") + std::strerror(errno));
  return {};
}

std::string OpLog::line(const OpRecord& record) {
  base::JsonWriter out;
  out.StartObject();
  out.member("n", static_cast<std::int64_t>(++number_));
  out.member("time", base::to_rfc3339(clock_.now(), true));
  out.member("prev", last_);
  out.member("deed", record.deed);
  if (!record.door.empty()) out.member("door", record.door);
  if (record.uid >= 0) out.member("uid", record.uid);
  if (record.pid >= 0) out.member("pid", record.pid);
  if (!record.key.empty()) out.member("key", record.key);
  if (!record.subject.empty()) out.member("subject", record.subject);
  out.member("outcome", record.outcome);
  out.EndObject();
  auto text = out.text();
  last_ = digest_of(text);
  return text + "\n";
}

/// Keeps the chain across files: the next file's first line names the last line of this one.
bool OpLog::put_aside() {
  const auto aside = config_.file.string() + "." + std::to_string(number_);
  if (::fsync(fd_.get()) != 0 || ::rename(config_.file.c_str(), aside.c_str()) != 0) return false;
  base::UniqueFd next(
      ::open(config_.file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!next || ::flock(next.get(), LOCK_EX | LOCK_NB) != 0) return false;
  fd_ = std::move(next);
  size_ = 0;
  sync_directory(config_.file);
  return true;
}

bool OpLog::write(const std::vector<Pending>& batch) {
  if (size_ >= config_.most_bytes && !put_aside()) return false;
  const auto before_number = number_;
  const auto before_last = last_;
  std::string text;
  for (const auto& one : batch) text += line(one.record);
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto wrote = ::write(fd_.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) break;
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (rest.empty() && (!config_.sync || ::fdatasync(fd_.get()) == 0)) {
    size_ += text.size();
    return true;
  }
  // A full disk: what was written is taken back and the chain goes on from before. When even that
  // fails, or a sync did (what is on the disk is then unknown), the log is broken.
  const bool undone = !rest.empty() && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) == 0;
  number_ = before_number;
  last_ = before_last;
  const std::scoped_lock guard(lock_);
  broken_ = broken_ || !undone;
  return false;
}

void OpLog::add(OpRecord record, Done done) {
  {
    const std::scoped_lock guard(lock_);
    pending_.push_back({std::move(record), std::move(done)});
    if (writing_) return;
    writing_ = true;
  }
  while (true) {
    std::vector<Pending> batch;
    bool broken = false;
    {
      const std::scoped_lock guard(lock_);
      if (pending_.empty()) {
        writing_ = false;
        return;
      }
      batch.swap(pending_);
      broken = broken_;
    }
    const bool kept = !broken && write(batch);
    for (const auto& one : batch)
      if (one.done) one.done(kept);
    if (after_) after_();
  }
}

bool OpLog::broken() const {
  const std::scoped_lock guard(lock_);
  return broken_;
}

}  // namespace hsm
