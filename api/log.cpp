#include "api/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace api {
namespace {

constexpr std::size_t kWriteAt = 64 * 1024;
constexpr std::size_t kMostWaiting = 8u << 20;

/// Values are ASCII without control bytes already, or made so here; only quotes and backslashes are
/// left.
void put(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":\"");
  bool plain = true;
  for (const char c : value)
    plain = plain && static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f;
  const std::string cleaned = plain ? std::string() : base::printable(value, 400);
  for (const char c : plain ? value.substr(0, 400) : std::string_view(cleaned)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void put(std::string& out, std::string_view name, std::int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(",\"").append(name).append("\":").append(digits, end);
}

}  // namespace

Log::Log(const base::Clock& clock) : clock_(clock), writer_([this] { run(); }) {}

Log::Log(const base::Clock& clock, base::UniqueFd file)
    : clock_(clock), file_(std::move(file)), fd_(file_.get()), writer_([this] { run(); }) {}

Log::~Log() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  writer_.join();
  flush();
}

base::Result<base::UniqueFd> Log::open(const std::filesystem::path& file) {
  base::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (fd) return fd;
  auto error = base::error(base::Code::unavailable, "api.log_file", std::strerror(errno));
  error.args = {{"path", file.string()}, {"why", std::strerror(errno)}};
  return error;
}

void Log::request(const RequestLine& line) {
  std::string out = "{\"time\":\"" + base::to_rfc3339(clock_.now(), true) + "\"";
  out.reserve(320);
  put(out, "event", "request");
  put(out, "id", line.id);
  put(out, "method", line.method);
  put(out, "route", line.route);
  put(out, "status", line.status);
  put(out, "bytes", static_cast<std::int64_t>(line.bytes));
  put(out, "us", line.took.count());
  put(out, "network", line.network);
  if (!line.error.empty()) put(out, "error", line.error);
  if (!line.detail.empty()) put(out, "detail", line.detail);
  out += "}\n";
  add(std::move(out));
}

void Log::event(std::string_view event, std::string_view detail, bool trouble) {
  std::string out = "{\"time\":\"" + base::to_rfc3339(clock_.now(), true) + "\"";
  put(out, "event", event);
  if (trouble) put(out, "level", "trouble");
  if (!detail.empty()) put(out, "detail", detail);
  out += "}\n";
  add(std::move(out));
  wake_.notify_one();
}

void Log::add(std::string line) {
  bool wake = false;
  {
    const std::lock_guard hold(mutex_);
    if (waiting_.size() + line.size() > kMostWaiting) {
      ++dropped_;
      return;
    }
    wake = waiting_.size() < kWriteAt && waiting_.size() + line.size() >= kWriteAt;
    waiting_ += line;
  }
  if (wake) wake_.notify_one();
}

void Log::flush() {
  const std::lock_guard one_writer(write_mutex_);
  std::string out;
  {
    const std::lock_guard hold(mutex_);
    out.swap(waiting_);
  }
  for (std::size_t done = 0; done < out.size();) {
    const auto wrote = ::write(fd_, out.data() + done, out.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      const std::lock_guard hold(mutex_);
      ++dropped_;
      return;
    }
    done += static_cast<std::size_t>(wrote);
  }
}

std::size_t Log::dropped() const {
  const std::lock_guard hold(mutex_);
  return dropped_;
}

void Log::run() {
  for (;;) {
    bool last = false;
    {
      std::unique_lock hold(mutex_);
      wake_.wait_for(hold, std::chrono::milliseconds(200),
                     [this] { return stopping_ || waiting_.size() >= kWriteAt; });
      last = stopping_;
    }
    flush();
    if (last) return;
  }
}

}  // namespace api
