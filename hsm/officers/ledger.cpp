#include "hsm/officers/ledger.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/canonical_json.h"
#include "base/encoding.h"

namespace hsm::officers {
namespace {

constexpr std::size_t kMostPage = 1 << 20;

base::Error bad(const std::string& why, base::Code code = base::Code::unavailable) {
  auto failure = base::error(code, "hsm.officers.ledger", why);
  failure.args = {{"why", why}};
  return failure;
}

/// With hash and signature, or without: what the hash is over.
std::string text_of(const Line& line, bool whole) {
  std::string out = "{\"at\":\"" + base::to_rfc3339(line.at, true) + "\",\"body\":" + line.body;
  if (whole) out += ",\"hash\":\"" + base::to_hex(line.hash) + "\"";
  out += ",\"kind\":\"" + line.kind + "\",\"n\":" + std::to_string(line.n) + ",\"prev\":\"" +
         base::to_hex(line.prev) + "\"";
  if (whole && !line.signature.empty()) out += ",\"sig\":\"" + line.signature + "\"";
  return out + ",\"v\":1}";
}

bool digest_from(std::string_view text, base::Digest& out) {
  const auto bytes = base::from_hex(text);
  if (!bytes || bytes->size() != out.size()) return false;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return true;
}

}  // namespace

std::string Line::text() const {
  return text_of(*this, true);
}

std::string Line::signing_input() const {
  return "xinyin-ledger/1 " + base::to_hex(hash);
}

Line make_line(std::int64_t n, base::Time at, std::string_view kind, std::string_view body,
               const base::Digest& prev) {
  Line line;
  line.n = n;
  line.at = at;
  line.kind = kind;
  line.body = body;
  line.prev = prev;
  line.hash = base::sha256(base::as_bytes(text_of(line, false)));
  return line;
}

std::string ledger_body(const base::JsonWriter& out) {
  const auto document = base::parse_json(out.text(), {kMostLineBytes, 12});
  base::check(document.ok(), "a ledger body of our own is not JSON");
  auto text = base::canonical_json(*document);
  base::check(text.ok(), "a ledger body of our own has no canonical form");
  return std::move(text).value();
}

base::Result<Line> read_line(std::string_view text) {
  const auto wrong = [](std::string_view why) {
    return bad(std::string(why), base::Code::invalid_argument);
  };
  auto document = base::parse_canonical_json(text, {kMostLineBytes, 12});
  if (!document.ok()) return wrong("not canonical JSON");
  const auto& value = *document;
  if (!value.IsObject() || base::json_int(value, "v") != 1) return wrong("not a line of version 1");
  Line line;
  const auto n = base::json_int(value, "n");
  const auto at = base::parse_rfc3339(base::json_text(value, "at"));
  const auto body = value.FindMember("body");
  if (!n || *n < 1 || !at || body == value.MemberEnd() || !body->value.IsObject())
    return wrong("a member is missing");
  line.n = *n;
  line.at = *at;
  line.kind = base::json_text(value, "kind");
  line.signature = base::json_text(value, "sig");
  BASE_TRY(line.body, base::canonical_json(body->value));
  if (!digest_from(base::json_text(value, "prev"), line.prev) ||
      !digest_from(base::json_text(value, "hash"), line.hash))
    return wrong("a digest");
  if (line.text() != text) return wrong("another spelling");
  if (base::sha256(base::as_bytes(text_of(line, false))) != line.hash)
    return wrong("the hash does not fit");
  return line;
}

base::Result<std::unique_ptr<LedgerFile>> LedgerFile::open(
    const std::filesystem::path& file, const std::function<base::Result<void>(const Line&)>& each) {
  std::unique_ptr<LedgerFile> ledger(new LedgerFile(file));
  ledger->fd_ = base::UniqueFd(
      ::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!ledger->fd_) return bad(file.string() + ": " + std::strerror(errno));
  if (::flock(ledger->fd_.get(), LOCK_EX | LOCK_NB) != 0)
    return bad(file.string() + ": another process holds it", base::Code::conflict);
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (const base::UniqueFd held(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); held)
    (void)::fsync(held.get());
  BASE_TRY_VOID(ledger->load(each));
  return ledger;
}

base::Result<void> LedgerFile::load(const std::function<base::Result<void>(const Line&)>& each) {
  std::string rest;
  std::array<char, 64 * 1024> buffer;
  while (true) {
    const auto got = ::pread(fd_.get(), buffer.data(), buffer.size(),
                             static_cast<off_t>(size_ + static_cast<std::int64_t>(rest.size())));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return bad(file_.string() + ": " + std::strerror(errno));
    if (got == 0) break;
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t from = 0;
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', from)) {
      const auto where = file_.string() + ": line " + std::to_string(lines_ + 1) + ": ";
      const auto line = read_line(std::string_view(rest).substr(from, end - from));
      if (!line.ok()) return bad(where + line.error().detail);
      if (line->n != lines_ + 1 || line->prev != head_)
        return bad(where + "does not follow from the line before it");
      if (const auto taken = each(*line); !taken.ok())
        return bad(where + taken.error().key + " " + taken.error().detail);
      offsets_.push_back(size_);
      size_ += static_cast<std::int64_t>(end - from + 1);
      ++lines_;
      head_ = line->hash;
      from = end + 1;
    }
    rest.erase(0, from);
    if (rest.size() > kMostLineBytes) return bad(file_.string() + ": a line without end");
  }
  if (!rest.empty() && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
    return bad(file_.string() + ": cutting off a torn line: " + std::strerror(errno));
  return {};
}

base::Result<void> LedgerFile::append(const Line& line) {
  if (broken_) return bad(file_.string() + ": broken");
  base::check(line.n == lines_ + 1 && line.prev == head_, "a ledger line that does not follow");
  const auto text = line.text() + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto wrote = ::write(fd_.get(), rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) break;
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  const int why = errno;
  if (!rest.empty() || ::fdatasync(fd_.get()) != 0) {
    // After a failed sync it is unknown what the disk holds.
    broken_ = rest.empty() || ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0;
    return bad(file_.string() + ": " + std::strerror(why));
  }
  offsets_.push_back(size_);
  size_ += static_cast<std::int64_t>(text.size());
  ++lines_;
  head_ = line.hash;
  return {};
}

base::Result<std::vector<std::string>> LedgerFile::read(std::int64_t from, std::size_t most) const {
  std::vector<std::string> out;
  std::size_t total = 0;
  for (auto n = std::max<std::int64_t>(1, from); n <= lines_ && out.size() < most; ++n) {
    const auto begin = offsets_[static_cast<std::size_t>(n - 1)];
    const auto end = n < lines_ ? offsets_[static_cast<std::size_t>(n)] : size_;
    std::string text(static_cast<std::size_t>(end - begin - 1), '\0');
    if (::pread(fd_.get(), text.data(), text.size(), static_cast<off_t>(begin)) !=
        static_cast<ssize_t>(text.size()))
      return bad(file_.string() + ": cannot be read back");
    total += text.size();
    if (total > kMostPage && !out.empty()) break;
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace hsm::officers
