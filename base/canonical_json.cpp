#include "base/canonical_json.h"

#include <algorithm>
#include <vector>

namespace base {
namespace {

constexpr std::int64_t kMostNumber = (std::int64_t{1} << 53) - 1;

Error not_canonical(std::string_view why) {
  return error(Code::invalid_argument, "json.not_canonical", std::string(why));
}

/// RFC 8785 §3.2.3 orders names by UTF-16 code units; for what is below U+D800 and for ASCII that
/// is the order of the bytes. Other names are refused rather than ordered.
bool plain_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c > 0x1F && c != 0x7F; });
}

Result<void> write(const rapidjson::Value& value, std::string& out);

Result<void> write_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) return not_canonical("a control character");
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
  return {};
}

Result<void> write_object(const rapidjson::Value& value, std::string& out) {
  std::vector<rapidjson::Value::ConstMemberIterator> members;
  for (auto it = value.MemberBegin(); it != value.MemberEnd(); ++it) {
    if (!plain_name({it->name.GetString(), it->name.GetStringLength()}))
      return not_canonical("a member's name is not plain ASCII");
    members.push_back(it);
  }
  const auto name_of = [](const auto& it) {
    return std::string_view(it->name.GetString(), it->name.GetStringLength());
  };
  std::sort(members.begin(), members.end(),
            [&](const auto& a, const auto& b) { return name_of(a) < name_of(b); });
  out += '{';
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i > 0) out += ',';
    BASE_TRY_VOID(write_string(name_of(members[i]), out));
    out += ':';
    BASE_TRY_VOID(write(members[i]->value, out));
  }
  out += '}';
  return {};
}

Result<void> write(const rapidjson::Value& value, std::string& out) {
  if (value.IsString()) return write_string({value.GetString(), value.GetStringLength()}, out);
  if (value.IsObject()) return write_object(value, out);
  if (value.IsArray()) {
    out += '[';
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
      if (i > 0) out += ',';
      BASE_TRY_VOID(write(value[i], out));
    }
    out += ']';
  } else if (value.IsBool()) {
    out += value.GetBool() ? "true" : "false";
  } else if (value.IsNull()) {
    out += "null";
  } else if (value.IsInt64() && value.GetInt64() <= kMostNumber &&
             value.GetInt64() >= -kMostNumber) {
    out += std::to_string(value.GetInt64());
  } else {
    return not_canonical("a number that is not a small integer");
  }
  return {};
}

}  // namespace

Result<std::string> canonical_json(const rapidjson::Value& value) {
  std::string out;
  BASE_TRY_VOID(write(value, out));
  return out;
}

Result<rapidjson::Document> parse_canonical_json(std::string_view text, JsonLimits limits) {
  BASE_TRY(auto document, parse_json(text, limits));
  BASE_TRY(const auto canonical, canonical_json(document));
  if (canonical != text) return not_canonical("another spelling of the same value");
  return document;
}

}  // namespace base
