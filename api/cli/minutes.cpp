#include "api/cli/minutes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/encoding.h"
#include "base/json.h"
#include "hsm/officers/state.h"

namespace cli {
namespace {

constexpr std::string_view kHashMember = ",\"hash\":\"";
constexpr std::size_t kMostLine = 16 << 20;
constexpr std::size_t kHashTail = kHashMember.size() + 64 + 2;  // and "}

base::Error file_failure(const std::filesystem::path& file, std::string why) {
  auto failure =
      base::error(base::Code::unavailable, "cli.minutes_file", file.string() + ": " + why);
  failure.args = {{"path", file.string()}, {"why", std::move(why)}};
  return failure;
}

/// Replays what the lines say. Says what is wrong, or nothing.
class Contents {
 public:
  std::string take(const rapidjson::Value& line, const base::Digest& hash, MinutesReport& report) {
    const auto step = base::json_text(line, "step");
    const auto data = line.FindMember("data");
    if (data == line.MemberEnd() || !data->value.IsObject()) return "no data";
    if (step == "ledger") return ledger(base::json_text(data->value, "line"), report);
    if (step == "signed") return signature(base::json_text(data->value, "vote"), report);
    report.closed = step == "close";
    if (report.closed) {
      closing_ = hash;
      report.signed_by.clear();
    }
    return {};
  }

 private:
  std::string ledger(std::string_view text, MinutesReport& report) {
    report.closed = false;
    const auto line = hsm::officers::read_line(text);
    if (!line.ok()) return "a line of the ledger: " + line.error().detail;
    if (line->n != report.ledger_lines + 1 || line->prev != ledger_head_)
      return "the ledger's lines do not follow each other";
    if (const auto taken = state_.apply(*line); !taken.ok())
      return "the ledger breaks its rules: " + taken.error().key + " " + taken.error().detail;
    ledger_head_ = line->hash;
    report.ledger_lines = line->n;
    report.genesis = base::sha256(base::as_bytes(state_.genesis()));
    return {};
  }
  std::string signature(std::string_view jws, MinutesReport& report) const {
    const auto vote = hsm::officers::read_vote(jws);
    if (!vote.ok()) return "a signature: " + vote.error().detail;
    const auto person = state_.people().find(vote->vote.person);
    if (person == state_.people().end() || !vote->by(person->second) ||
        vote->vote.decision != hsm::officers::Decision::attest || !closing_ ||
        vote->vote.request != *closing_)
      return "a signature that is not by one of the people, under this closing";
    report.signed_by.push_back(vote->vote.person);
    return {};
  }

  hsm::officers::State state_;
  base::Digest ledger_head_{};
  std::optional<base::Digest> closing_;
};

/// What is wrong with a line, or nothing; moves `head` on.
std::string wrong_with(const std::string& line, std::int64_t n, base::Digest& head,
                       Contents& contents, MinutesReport& report) {
  if (line.size() < kHashTail) return "too short";
  const auto body = line.substr(0, line.size() - kHashTail) + "}";
  const auto tail = line.substr(line.size() - kHashTail);
  const auto digest = base::sha256(base::as_bytes(body));
  if (tail != std::string(kHashMember) + base::to_hex(digest) + "\"}")
    return "the hash does not fit the line";
  const auto document = base::parse_json(line, {kMostLine, 12});
  if (!document || !document->IsObject()) return "not JSON";
  if (base::json_int(*document, "n") != n) return "another number";
  if (base::json_text(*document, "prev") != base::to_hex(head))
    return "does not follow the line before";
  head = digest;
  return contents.take(*document, digest, report);
}

}  // namespace

base::Result<MinutesReport> check_minutes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return file_failure(file, std::strerror(errno));
  MinutesReport report;
  Contents contents;
  std::string line;
  while (std::getline(in, line)) {
    auto why = wrong_with(line, report.lines + 1, report.head, contents, report);
    if (why.empty() && in.eof()) why = "no line end";
    if (!why.empty()) {
      report.broken_at = report.lines + 1;
      report.why = std::move(why);
      return report;
    }
    ++report.lines;
  }
  return report;
}

Minutes::Minutes(std::filesystem::path file, const base::Clock& clock, std::string actor)
    : file_(std::move(file)), clock_(clock), actor_(std::move(actor)) {}

base::Result<void> Minutes::open() {
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  if (std::filesystem::exists(file_, ignored)) {
    BASE_TRY(const auto report, check_minutes(file_));
    if (report.broken_at)
      return base::error(
          base::Code::internal, "cli.minutes_broken",
          file_.string() + ":" + std::to_string(*report.broken_at) + ": " + report.why);
    n_ = report.lines;
    ledger_lines_ = report.ledger_lines;
    head_ = report.head;
  }
  fd_ = base::UniqueFd(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd_) return file_failure(file_, std::strerror(errno));
  return {};
}

base::Result<void> Minutes::note(std::string_view step, std::string_view text,
                                 std::string_view data_json) {
  if (!fd_) BASE_TRY_VOID(open());
  const auto at = clock_.now();
  base::JsonWriter out;
  out.StartObject();
  out.member("n", n_ + 1);
  out.member("at", base::to_rfc3339(at, true));
  out.member("prev", base::to_hex(head_));
  out.member("actor", actor_);
  out.member("step", step);
  out.member("text", text);
  out.key("data");
  out.RawValue(data_json.data(), data_json.size(), rapidjson::kObjectType);
  out.EndObject();
  const auto body = out.text();
  const auto digest = base::sha256(base::as_bytes(body));
  const std::string line =
      body.substr(0, body.size() - 1) + std::string(kHashMember) + base::to_hex(digest) + "\"}\n";
  if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fsync(fd_.get()) != 0)
    return file_failure(file_, std::strerror(errno));
  head_ = digest;
  ++n_;
  told_ += std::to_string(n_) + ". " + base::to_china_time(at) + " " + std::string(text) + "\n";
  return {};
}

}  // namespace cli
