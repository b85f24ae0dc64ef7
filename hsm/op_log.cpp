#include "hsm/op_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/json.h"

namespace hsm {
namespace {

constexpr std::size_t kMostLineBytes = 8192;
// So much is written and synced at once, and so much may a crash have left half written.
constexpr std::size_t kMostWriteBytes = 64 * 1024;

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
  fd_ =
      base::UniqueFd(::open(config_.file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_) return bad(config_.file, std::strerror(errno));
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
    return bad(config_.file, "another process writes it", base::Code::conflict);
  sync_directory(config_.file);
  return {};
}

OpLog::~OpLog() {
  if (fd_ && prepared_ > size_) (void)!::ftruncate(fd_.get(), static_cast<off_t>(size_));
}

base::Result<void> OpLog::check_chain() {
  std::string rest;
  std::array<char, 64 * 1024> buffer;
  std::uint64_t whole = 0, lines = 0;
  bool torn = false;
  while (!torn) {
    const auto got =
        ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(whole + rest.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return bad(config_.file, std::strerror(errno));
    if (got == 0) break;
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t from = 0;
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', from)) {
      const auto text = std::string_view(rest).substr(from, end - from);
      torn = text.find('\0') != std::string_view::npos;
      if (torn) break;
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
    torn = torn || rest.find('\0') != std::string::npos;
    if (!torn && rest.size() > kMostLineBytes) return bad(config_.file, "a line without end");
  }
  if (lines == 0) last_ = first_link();
  size_ = prepared_ = whole;
  return cut_off_torn(whole);
}

/// What follows the last line is room, and perhaps what a crash left of one write, its pages in any
/// order. More than that was lost in another way, and acknowledged lines with it.
base::Result<void> OpLog::cut_off_torn(std::uint64_t end) {
  std::array<char, 64 * 1024> buffer;
  for (auto at = end;;) {
    const auto got = ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return bad(config_.file, std::strerror(errno));
    if (got == 0) break;
    const auto part = std::string_view(buffer.data(), static_cast<std::size_t>(got));
    const auto last = part.find_last_not_of('\0');
    if (last != std::string_view::npos && at + last >= end + kMostWriteBytes)
      return bad(config_.file, "lines are missing after line " + std::to_string(number_));
    at += part.size();
  }
  if (::ftruncate(fd_.get(), static_cast<off_t>(end)) != 0)
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
  if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0 || ::fsync(fd_.get()) != 0 ||
      ::rename(config_.file.c_str(), aside.c_str()) != 0)
    return false;
  base::UniqueFd next(::open(config_.file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!next || ::flock(next.get(), LOCK_EX | LOCK_NB) != 0) return false;
  fd_ = std::move(next);
  size_ = prepared_ = 0;
  sync_directory(config_.file);
  return true;
}

bool OpLog::put(std::uint64_t at, std::string_view text) {
  // Synced by the write itself: one call, and nothing but these bytes is waited for.
  const int how = config_.sync ? RWF_DSYNC : 0;
  while (!text.empty()) {
    iovec part{const_cast<char*>(text.data()), text.size()};
    const auto wrote = ::pwritev2(fd_.get(), &part, 1, static_cast<off_t>(at), how);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
    at += static_cast<std::uint64_t>(wrote);
  }
  return true;
}

/// Room for so many bytes. Zeros are written, not only reserved: a reserved block's first use is a
/// change of metadata again.
bool OpLog::prepare(std::uint64_t bytes) {
  if (size_ + bytes <= prepared_) return true;
  if (config_.room_bytes == 0) {
    prepared_ = size_ + bytes;  // grows by the write itself
    return true;
  }
  const std::string zeros(std::max(bytes, config_.room_bytes), '\0');
  if (!put(prepared_, zeros)) return false;
  prepared_ += zeros.size();
  return true;
}

/// Keeps the first of these, as many as go in one write.
OpLog::Written OpLog::write(std::span<const Pending> batch) {
  if (size_ >= config_.most_bytes && !put_aside()) return {batch.size(), false};
  const auto before_number = number_;
  const auto before_last = last_;
  std::string text;
  std::size_t lines = 0;
  while (lines < batch.size() && text.size() + kMostLineBytes <= kMostWriteBytes)
    text += line(batch[lines++].record);
  if (prepare(text.size()) && put(size_, text)) {
    size_ += text.size();
    return {lines, true};
  }
  // A full disk: what was written is taken back and the chain goes on from before. When even that
  // fails the log is broken, and also when the disk failed otherwise: what is on it is then
  // unknown.
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  const bool undone = full && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) == 0;
  if (undone) prepared_ = size_;
  number_ = before_number;
  last_ = before_last;
  const std::scoped_lock guard(lock_);
  broken_ = broken_ || !undone;
  return {lines, false};
}

void OpLog::add(OpRecord record, Done done, std::size_t coming) {
  {
    const std::scoped_lock guard(lock_);
    pending_.push_back({std::move(record), std::move(done)});
    if (pending_.size() < coming) return;
  }
  keep();
}

void OpLog::keep() {
  {
    const std::scoped_lock guard(lock_);
    if (writing_ || pending_.empty()) return;
    writing_ = true;
  }
  while (true) {
    std::vector<Pending> batch;
    {
      const std::scoped_lock guard(lock_);
      if (pending_.empty()) {
        writing_ = false;
        return;
      }
      batch.swap(pending_);
    }
    for (std::span<const Pending> rest(batch); !rest.empty();) {
      const auto written = broken() ? Written{rest.size(), false} : write(rest);
      for (const auto& one : rest.first(written.lines))
        if (one.done) one.done(written.kept);
      if (after_) after_();
      rest = rest.subspan(written.lines);
    }
  }
}

bool OpLog::broken() const {
  const std::scoped_lock guard(lock_);
  return broken_;
}

}  // namespace hsm
