#include "hsm/officers/minutes.h"

#include <algorithm>
#include <istream>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "hsm/officers/rules.h"

namespace hsm::officers {
namespace {

constexpr std::string_view kHashMember = ",\"hash\":\"";
constexpr std::size_t kHashTail = kHashMember.size() + 64 + 2;  // and "}
constexpr std::size_t kBlock = 64 << 10, kDepth = 12;

base::Error wrong(const std::string& why) {
  return refused(base::Code::invalid_argument, "hsm.officers.minutes", why);
}

std::string body_of(const Minute& minute) {
  base::JsonWriter out;
  out.StartObject();
  out.member("n", minute.n);
  out.member("at", base::to_rfc3339(minute.at, true));
  out.member("prev", base::to_hex(minute.prev));
  out.member("actor", minute.actor);
  out.member("step", minute.step);
  out.member("text", minute.text);
  out.key("data");
  out.RawValue(minute.data.data(), minute.data.size(), rapidjson::kObjectType);
  out.EndObject();
  return out.text();
}

std::string text_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

bool good_remark(std::string_view text) {
  return !text.empty() && text.size() <= kMostRemarkBytes &&
         base::shown(text, kMostRemarkBytes) == text;
}

base::Result<Deviation> read_deviation(const rapidjson::Value& data) {
  Deviation out;
  out.by = base::json_text(data, "by");
  out.happened = base::json_text(data, "happened");
  out.step = base::json_text(data, "step");
  out.why = base::json_text(data, "why");
  BASE_TRY(const auto text, deviation_data(out));
  if (text != text_of(data)) return wrong("a deviation with something else in it");
  return out;
}

}  // namespace

std::string Minute::line() const {
  const auto body = body_of(*this);
  return body.substr(0, body.size() - 1) + std::string(kHashMember) + base::to_hex(hash) + "\"}";
}

Minute make_minute(std::int64_t n, base::Time at, const base::Digest& prev, std::string_view actor,
                   std::string_view step, std::string_view text, std::string_view data) {
  Minute out{
      n, at, prev, std::string(actor), std::string(step), std::string(text), std::string(data), {}};
  out.hash = base::sha256(base::as_bytes(body_of(out)));
  return out;
}

base::Result<Minute> read_minute(std::string_view line) {
  if (line.size() < kHashTail || line.size() > kMostMinuteBytes) return wrong("its length");
  const auto body = std::string(line.substr(0, line.size() - kHashTail)) + "}";
  Minute out;
  out.hash = base::sha256(base::as_bytes(body));
  if (line.substr(line.size() - kHashTail) !=
      std::string(kHashMember) + base::to_hex(out.hash) + "\"}")
    return wrong("the hash does not fit the line");
  const auto document = base::parse_json(body, {kMostMinuteBytes, kDepth});
  if (!document || !document->IsObject()) return wrong("not JSON");
  const auto n = base::json_int(*document, "n");
  const auto at = base::parse_rfc3339(base::json_text(*document, "at"));
  const auto prev = digest_from(base::json_text(*document, "prev"));
  const auto data = document->FindMember("data");
  if (!n || !at || !prev || data == document->MemberEnd() || !data->value.IsObject())
    return wrong("a member is missing");
  out.n = *n;
  out.at = *at;
  out.prev = *prev;
  out.actor = base::json_text(*document, "actor");
  out.step = base::json_text(*document, "step");
  out.text = base::json_text(*document, "text");
  out.data = text_of(data->value);
  if (body_of(out) != body) return wrong("another spelling of the line");
  return out;
}

base::Result<std::string> deviation_data(const Deviation& deviation) {
  base::JsonWriter out;
  out.StartObject();
  for (const auto& [name, value] : {std::pair<const char*, const std::string&>{"by", deviation.by},
                                    {"happened", deviation.happened},
                                    {"step", deviation.step},
                                    {"why", deviation.why}}) {
    if (!good_remark(value))
      return refused(base::Code::invalid_argument, "hsm.officers.deviation", name);
    out.member(name, value);
  }
  out.EndObject();
  return out.text();
}

base::Result<void> MinutesReader::take(std::string_view line) {
  BASE_TRY(const auto minute, read_minute(line));
  if (minute.n != report_.lines + 1) return wrong("another number");
  if (minute.prev != report_.head) return wrong("it does not follow the line before it");
  if (report_.lines == 0 && minute.step != "open") return wrong("the first line opens nothing");
  BASE_TRY(const auto data, base::parse_json(minute.data, {kMostMinuteBytes, kDepth}));
  if (minute.step == "open") {
    BASE_TRY_VOID(open(data));
  } else if (minute.step == "ledger") {
    BASE_TRY_VOID(ledger(data));
  } else if (minute.step == "deviation") {
    BASE_TRY_VOID(deviation(minute, data));
  } else if (minute.step == "failed") {
    const auto step = base::json_text(data, "step"), error = base::json_text(data, "error");
    if (!good_remark(step) || !good_remark(error)) return wrong("a failure of nothing");
    report_.failures.push_back({minute.n, std::string(step), std::string(error), {}});
  } else if (minute.step == "repeated") {
    BASE_TRY_VOID(repeated(minute, data));
  } else if (minute.step == "signed") {
    BASE_TRY_VOID(signature(data));
  } else if (minute.step == "close") {
    closing_ = minute.hash;
    report_.signed_by.clear();
  }
  report_.closed = minute.step == "close" || minute.step == "signed";
  report_.lines = minute.n;
  report_.head = minute.hash;
  return {};
}

base::Result<void> MinutesReader::open(const rapidjson::Value& data) {
  if (!digest_from(base::json_text(data, "plan_sha256"))) return wrong("opened without a plan");
  const auto mark = data.FindMember("rehearsal");
  const bool rehearsal = mark != data.MemberEnd();
  if (rehearsal && !mark->value.IsTrue()) return wrong("a rehearsal that is none");
  if (report_.lines > 0 && rehearsal != report_.rehearsal)
    return wrong("a rehearsal and a ceremony in the same minutes");
  std::set<std::string, std::less<>> present;
  if (const auto roles = data.FindMember("roles");
      roles != data.MemberEnd() && roles->value.IsArray())
    for (const auto& role : roles->value.GetArray())
      if (role.IsObject()) present.emplace(base::json_text(role, "id"));
  report_.rehearsal = rehearsal;
  present_ = std::move(present);
  return {};
}

base::Result<void> MinutesReader::ledger(const rapidjson::Value& data) {
  const auto line = read_line(base::json_text(data, "line"));
  if (!line.ok()) return wrong("a line of the ledger: " + line.error().detail);
  if (line->n != report_.ledger_lines + 1 || line->prev != ledger_head_)
    return wrong("the ledger's lines do not follow each other");
  if (const auto taken = state_.apply(*line); !taken.ok())
    return wrong("the ledger breaks its rules: " + taken.error().key + " " + taken.error().detail);
  ledger_head_ = line->hash;
  report_.ledger_lines = line->n;
  report_.genesis = base::sha256(base::as_bytes(state_.genesis()));
  return {};
}

base::Result<void> MinutesReader::deviation(const Minute& minute, const rapidjson::Value& data) {
  auto read = read_deviation(data);
  if (!read.ok()) return wrong("a deviation: " + read.error().detail);
  if (present_.count(read->by) == 0) return wrong("a deviation told by nobody of the plan");
  read->n = minute.n;
  read->at = minute.at;
  report_.deviations.push_back(std::move(*read));
  return {};
}

base::Result<void> MinutesReader::repeated(const Minute& minute, const rapidjson::Value& data) {
  const auto n = base::json_int(data, "failed");
  const auto it = std::find_if(report_.failures.begin(), report_.failures.end(),
                               [&](const FailedStep& one) { return n && one.n == *n; });
  if (it == report_.failures.end() || it->repeated || it->step != base::json_text(data, "step"))
    return wrong("a step done over that had not failed");
  it->repeated = minute.n;
  return {};
}

base::Result<void> MinutesReader::signature(const rapidjson::Value& data) {
  const auto vote = read_vote(base::json_text(data, "vote"));
  if (!vote.ok()) return wrong("a signature: " + vote.error().detail);
  const auto& name = vote->vote.person;
  const auto person = state_.people().find(name);
  if (!report_.closed || person == state_.people().end() || !vote->by(person->second) ||
      vote->vote.decision != Decision::attest || !closing_ || vote->vote.request != *closing_)
    return wrong("a signature that is not by one of the people, under this closing");
  if (std::count(report_.signed_by.begin(), report_.signed_by.end(), name) != 0)
    return wrong("somebody signed twice");
  report_.signed_by.push_back(name);
  return {};
}

MinutesReport read_minutes(std::istream& in) {
  MinutesReader reader;
  const auto broken = [&](std::string why) {
    auto report = reader.report();
    report.broken_at = report.lines + 1;
    report.why = std::move(why);
    return report;
  };
  std::string text, block(kBlock, '\0');
  for (std::size_t all = 0; in;) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto got = static_cast<std::size_t>(in.gcount());
    all += got;
    text.append(block, 0, got);
    std::size_t from = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
      const auto taken = reader.take(std::string_view(text).substr(from, end - from));
      if (!taken.ok()) return broken(taken.error().detail);
      from = end + 1;
    }
    text.erase(0, from);
    if (text.size() > kMostMinuteBytes || all > kMostMinutesBytes) return broken("too long");
  }
  if (!text.empty()) return broken("no line end");
  if (reader.report().lines == 0) return broken("nothing is written");
  return reader.report();
}

}  // namespace hsm::officers
