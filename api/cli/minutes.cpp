#include "api/cli/minutes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/json.h"
#include "base/text.h"

namespace cli {
namespace {

using hsm::officers::Deviation;
using hsm::officers::MinutesReport;

constexpr std::size_t kBlock = 64 << 10;

base::Error file_failure(const std::filesystem::path& file, std::string why) {
  auto failure =
      base::error(base::Code::unavailable, "cli.minutes_file", file.string() + ": " + why);
  failure.args = {{"path", file.string()}, {"why", std::move(why)}};
  return failure;
}

/// The file is one process's while this lives.
class Locked {
 public:
  explicit Locked(int fd) : fd_(fd) {
    while ((good_ = ::flock(fd_, LOCK_EX) == 0) == false && errno == EINTR) {
    }
  }
  ~Locked() { ::flock(fd_, LOCK_UN); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  bool good() const { return good_; }

 private:
  int fd_;
  bool good_ = false;
};

}  // namespace

base::Result<MinutesReport> check_minutes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return file_failure(file, std::strerror(errno));
  auto report = hsm::officers::read_minutes(in);
  if (in.bad()) return file_failure(file, std::strerror(errno));
  return report;
}

std::vector<std::string> deviation_lines(const MinutesReport& report) {
  std::vector<std::string> out;
  for (const auto& one : report.deviations)
    out.push_back("偏差 deviation (" + std::to_string(one.n) + "，" + base::to_china_time(one.at) +
                  ") 步骤 step: " + one.step + "；发生 what happened: " + one.happened +
                  "；原因 why: " + one.why + "；陈述人 told by " + one.by);
  for (const auto& one : report.failures)
    out.push_back("步骤失败 step failed (" + std::to_string(one.n) + ") " + one.step + ": " +
                  one.error + "；" +
                  (one.repeated
                       ? "其后重做完成 done over, ended at line " + std::to_string(*one.repeated)
                       : std::string("未见重做 not done over")));
  return out;
}

void put_deviations(base::JsonWriter& out, const MinutesReport& report) {
  out.key("deviations");
  out.StartArray();
  for (const auto& one : report.deviations) {
    out.StartObject();
    out.member("line", one.n);
    out.member("at", base::to_rfc3339(one.at));
    out.member("step", one.step);
    out.member("happened", one.happened);
    out.member("why", one.why);
    out.member("by", one.by);
    out.EndObject();
  }
  out.EndArray();
  out.key("failures");
  out.StartArray();
  for (const auto& one : report.failures) {
    out.StartObject();
    out.member("line", one.n);
    out.member("step", one.step);
    out.member("error", one.error);
    if (one.repeated) out.member("repeated", *one.repeated);
    out.EndObject();
  }
  out.EndArray();
}

Minutes::Minutes(std::filesystem::path file, const base::Clock& clock, std::string actor)
    : file_(std::move(file)), clock_(clock), actor_(std::move(actor)) {}

base::Result<void> Minutes::open(bool to_write) {
  std::error_code ignored;
  if (to_write) std::filesystem::create_directories(file_.parent_path(), ignored);
  const int how = to_write ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY;
  fd_ = base::UniqueFd(::open(file_.c_str(), how | O_CLOEXEC, 0644));
  if (!fd_ && !(errno == ENOENT && !to_write)) return file_failure(file_, std::strerror(errno));
  return {};
}

/// What others wrote since, read and checked. Under the lock.
base::Result<void> Minutes::catch_up() {
  const bool first = size_ == 0;
  std::string text, block(kBlock, '\0');
  while (true) {
    const auto got =
        ::pread(fd_.get(), block.data(), block.size(), size_ + static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_failure(file_, std::strerror(errno));
    text.append(block, 0, static_cast<std::size_t>(got));
    if (got == 0) break;
    if (text.size() > hsm::officers::kMostMinutesBytes) return file_failure(file_, "too long");
  }
  for (std::size_t from = 0; from < text.size();) {
    const auto end = text.find('\n', from);
    const auto line = std::string_view(text).substr(from, end - from);
    const auto taken = end == std::string::npos
                           ? base::Result<void>(base::error(base::Code::invalid_argument,
                                                            "hsm.officers.minutes", "no line end"))
                           : reader_.take(line);
    if (!taken.ok())
      return base::error(
          base::Code::internal, "cli.minutes_broken",
          file_.string() + ":" + std::to_string(report().lines + 1) + ": " + taken.error().detail);
    if (!first) {
      const auto minute = hsm::officers::read_minute(line);
      told_ += std::to_string(minute->n) + ". " + base::to_china_time(minute->at) + " " +
               base::shown(minute->text, 1 << 16) + "\n";
    }
    from = end + 1;
  }
  size_ += static_cast<std::int64_t>(text.size());
  return {};
}

base::Result<void> Minutes::look() {
  if (!fd_) BASE_TRY_VOID(open(false));
  if (!fd_) return {};
  const auto done = [&]() -> base::Result<void> {
    const Locked lock(fd_.get());
    return lock.good() ? catch_up() : file_failure(file_, std::strerror(errno));
  }();
  if (!begun_) fd_.reset();
  return done;
}

base::Result<void> Minutes::append(std::string_view step, std::string_view text,
                                   std::string_view data) {
  const auto minute = hsm::officers::make_minute(report().lines + 1, clock_.now(), report().head,
                                                 actor_, step, text, data);
  const auto line = minute.line();
  // Nothing is written that its readers would refuse.
  if (const auto taken = reader_.take(line); !taken.ok()) return taken.error();
  const auto whole = line + "\n";
  if (::write(fd_.get(), whole.data(), whole.size()) != static_cast<ssize_t>(whole.size()) ||
      ::fsync(fd_.get()) != 0)
    return file_failure(file_, std::strerror(errno));
  size_ += static_cast<std::int64_t>(whole.size());
  told_ += std::to_string(minute.n) + ". " + base::to_china_time(minute.at) + " " +
           std::string(text) + "\n";
  return {};
}

base::Result<void> Minutes::note(std::string_view step, std::string_view text,
                                 std::string_view data_json) {
  if (!begun_) BASE_TRY_VOID(open(true));
  const Locked lock(fd_.get());
  if (!lock.good()) return file_failure(file_, std::strerror(errno));
  BASE_TRY_VOID(catch_up());
  begun_ = true;
  return append(step, text, data_json);
}

base::Result<void> Minutes::note(const Deviation& deviation) {
  BASE_TRY(const auto data, hsm::officers::deviation_data(deviation));
  BASE_TRY_VOID(look());
  if (report().lines == 0) return base::error(base::Code::conflict, "cli.minutes_not_begun");
  return note("deviation",
              "【偏差 DEVIATION】步骤 " + deviation.step + "：" + deviation.happened + "；原因 " +
                  deviation.why + "；陈述人 " + deviation.by,
              data);
}

}  // namespace cli
