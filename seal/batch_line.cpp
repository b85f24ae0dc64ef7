#include "seal/batch_line.h"

#include "base/json.h"
#include "base/text.h"

namespace seal {
namespace {

base::Error wrong(std::string_view member) {
  auto failure = base::error(base::Code::invalid_argument, "seal.batch.line");
  failure.fields.push_back({base::printable(member, 64), "seal.batch.line"});
  failure.args = {{"member", base::printable(member, 64)}};
  return failure;
}

bool text_in(const rapidjson::Value& value, std::string& out) {
  if (!value.IsString() || value.GetStringLength() == 0) return false;
  out.assign(value.GetString(), value.GetStringLength());
  return true;
}

}  // namespace

base::Result<BatchLine> read_batch_line(std::string_view json) {
  BASE_TRY(const auto document, base::parse_json(json, {kMostLineBytes, 12}));
  if (!document.IsObject()) return wrong("/");
  BatchLine out;
  for (const auto& member : document.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (name == "kind") {
      if (!text_in(member.value, out.kind)) return wrong("/kind");
    } else if (name == "subject") {
      if (!member.value.IsObject()) return wrong("/subject");
      for (const auto& one : member.value.GetObject()) {
        const std::string which(one.name.GetString(), one.name.GetStringLength());
        auto* into = which == "id_type"     ? &out.id_type
                     : which == "id_number" ? &out.id_number
                                            : nullptr;
        if (into == nullptr || !text_in(one.value, *into)) return wrong("/subject/" + which);
      }
    } else if (name == "facts") {
      if (!member.value.IsObject()) return wrong("/facts");
      base::JsonWriter facts;
      member.value.Accept(facts);
      out.facts_json = facts.text();
    } else {
      return wrong("/" + name);
    }
  }
  if (out.kind.empty()) return wrong("/kind");
  if (out.id_number.empty()) return wrong("/subject/id_number");
  if (out.facts_json.empty()) return wrong("/facts");
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

}  // namespace seal
