#include "hsm/officers/drill_report.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "hsm/officers/rules.h"

namespace hsm::officers {
namespace {

constexpr std::size_t kMostLabel = 64;
constexpr std::array<std::string_view, 3> kProofs{"signed", "unwrapped", "compared"};

base::Error bad(const std::string& why) {
  return refused(base::Code::invalid_argument, "hsm.officers.drill", why);
}

base::Result<DrillReport::Key> read_key(const rapidjson::Value& value) {
  if (!value.IsObject()) return bad("a key that is no object");
  DrillReport::Key key{std::string(base::json_text(value, "id")),
                       std::string(base::json_text(value, "label")),
                       std::string(base::json_text(value, "proof"))};
  const auto id = base::from_hex(key.id);
  if (!id || id->size() != 20) return bad("a key's id");
  if (key.label.empty() || key.label.size() > kMostLabel || base::printable(key.label) != key.label)
    return bad("a key's label");
  if (std::count(kProofs.begin(), kProofs.end(), key.proof) == 0)
    return bad(key.label + ": not proven");
  return key;
}

}  // namespace

base::Result<DrillReport> read_drill_report(std::string_view text) {
  const auto document = base::parse_json(text, {kMostDrillBytes, 6});
  if (!document.ok() || !document->IsObject()) return bad("not JSON");
  const rapidjson::Value* data = &*document;
  if (const auto ok = document->FindMember("ok"); ok != document->MemberEnd()) {
    const auto inside = document->FindMember("data");
    if (!ok->value.IsTrue() || inside == document->MemberEnd() || !inside->value.IsObject())
      return bad("the drill did not pass");
    data = &inside->value;
  }
  const auto backup = digest_from(base::json_text(*data, "sha256"));
  const auto keys = data->FindMember("keys");
  if (!backup || keys == data->MemberEnd() || !keys->value.IsArray())
    return bad("sha256 and keys are wanted: the answer of xinyin key drill --json");
  if (keys->value.Empty() || keys->value.Size() > kMostDrillKeys) return bad("number of keys");
  DrillReport out;
  out.backup = *backup;
  out.report = base::sha256(base::as_bytes(text));
  std::set<std::string> ids;
  for (const auto& one : keys->value.GetArray()) {
    BASE_TRY(auto key, read_key(one));
    if (!ids.insert(key.id).second) return bad(key.label + ": stands there twice");
    out.keys.push_back(std::move(key));
  }
  return out;
}

std::string prove_params(const DrillReport& report) {
  base::JsonWriter out;
  out.StartObject();
  out.member("backup", base::to_hex(report.backup));
  out.key("keys");
  out.StartArray();
  for (const auto& key : report.keys) out.string(key.id);
  out.EndArray();
  out.member("report", base::to_hex(report.report));
  out.EndObject();
  return out.text();
}

}  // namespace hsm::officers
