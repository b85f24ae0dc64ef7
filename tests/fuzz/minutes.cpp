// Minutes of a ceremony, as a stranger hands them in years later: as they stand, once more with
// each line's own hash put right, and once more with numbers and chain put right too, as an editor
// would. A line that is taken has one text; one that is refused leaves nothing behind.
#include <sstream>

#include "base/check.h"
#include "base/encoding.h"
#include "base/json.h"
#include "hsm/officers/minutes.h"

namespace {

using namespace hsm::officers;

void take(MinutesReader& reader, std::string_view line) {
  const auto before = reader.report();
  const auto taken = reader.take(line);
  const auto& after = reader.report();
  if (taken.ok()) {
    base::check(read_minute(line)->line() == line, "a line with two spellings was taken");
    base::check(after.lines == before.lines + 1, "a line was taken and not counted");
    return;
  }
  base::check(after.head == before.head && after.lines == before.lines &&
                  after.ledger_lines == before.ledger_lines &&
                  after.deviations.size() == before.deviations.size() &&
                  after.failures.size() == before.failures.size() &&
                  after.signed_by == before.signed_by && after.closed == before.closed &&
                  after.rehearsal == before.rehearsal,
              "a line was refused and left something");
}

/// The line under the hash that fits it.
std::string rehashed(std::string_view line) {
  const auto tail = line.rfind(",\"hash\":\"");
  const auto body = std::string(line.substr(0, tail));
  return body + ",\"hash\":\"" + base::to_hex(base::sha256(base::as_bytes(body + "}"))) + "\"}";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string whole(reinterpret_cast<const char*>(data), size);
  std::istringstream in(whole);
  const auto report = read_minutes(in);
  base::check(report.broken_at || report.lines > 0, "nothing is good");
  base::check(!report.broken_at || *report.broken_at == report.lines + 1, "broken elsewhere");

  MinutesReader as_it_stands, fitting, mended;
  std::string_view text = whole;
  for (int lines = 0; !text.empty() && lines < 64; ++lines) {
    const auto end = text.find('\n');
    const auto one = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    take(as_it_stands, one);
    take(fitting, rehashed(one));
    const auto document = base::parse_json(one, {1 << 20, 14});
    if (!document.ok() || !document->IsObject()) continue;
    const auto found = document->FindMember("data");
    const auto at = base::parse_rfc3339(base::json_text(*document, "at"));
    if (found == document->MemberEnd() || !found->value.IsObject() || !at) continue;
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    found->value.Accept(writer);
    take(mended,
         make_minute(mended.report().lines + 1, *at, mended.report().head,
                     base::json_text(*document, "actor"), base::json_text(*document, "step"),
                     base::json_text(*document, "text"), {buffer.GetString(), buffer.GetSize()})
             .line());
  }
  return 0;
}
