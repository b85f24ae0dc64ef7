#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <set>

namespace base {
namespace {

/// Walks the text once before the document is built: depth, and members named twice.
class Gate : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Gate> {
 public:
  explicit Gate(std::size_t depth) : most_(depth) {}

  bool StartObject() {
    members_.emplace_back();
    return members_.size() + arrays_ <= most_ || (too_deep = true, false);
  }
  bool EndObject(rapidjson::SizeType) {
    members_.pop_back();
    return true;
  }
  bool StartArray() {
    ++arrays_;
    return members_.size() + arrays_ <= most_ || (too_deep = true, false);
  }
  bool EndArray(rapidjson::SizeType) {
    --arrays_;
    return true;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    return members_.back().insert(std::string(text, size)).second || (duplicate = true, false);
  }

  bool too_deep = false;
  bool duplicate = false;

 private:
  std::size_t most_;
  std::size_t arrays_ = 0;
  std::vector<std::set<std::string>> members_;
};

constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

}  // namespace

Result<rapidjson::Document> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes) return error(Code::invalid_argument, "json.too_large");
  if (text.starts_with("\xef\xbb\xbf"))
    return error(Code::invalid_argument, "json.malformed", "byte order mark");
  // RapidJSON takes a NUL for the end: what stands behind it would go unread.
  if (text.find('\0') != std::string_view::npos)
    return error(Code::invalid_argument, "json.malformed", "NUL byte");
  Gate gate(limits.depth);
  rapidjson::Reader reader;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(stream);
  const auto walked = reader.Parse<kFlags>(input, gate);
  if (gate.too_deep) return error(Code::invalid_argument, "json.too_deep");
  if (gate.duplicate) return error(Code::invalid_argument, "json.duplicate_member");
  if (walked.IsError())
    return error(Code::invalid_argument, "json.malformed",
                 std::string(rapidjson::GetParseError_En(walked.Code())) + " at byte " +
                     std::to_string(walked.Offset()));
  rapidjson::Document document;
  document.Parse<kFlags>(text.data(), text.size());
  if (document.HasParseError()) return error(Code::invalid_argument, "json.malformed");
  return document;
}

std::string_view json_text(const rapidjson::Value& object, const char* name) {
  if (!object.IsObject()) return {};
  const auto it = object.FindMember(name);
  if (it == object.MemberEnd() || !it->value.IsString()) return {};
  return {it->value.GetString(), it->value.GetStringLength()};
}

std::optional<std::int64_t> json_int(const rapidjson::Value& object, const char* name) {
  if (!object.IsObject()) return std::nullopt;
  const auto it = object.FindMember(name);
  if (it == object.MemberEnd() || !it->value.IsInt64()) return std::nullopt;
  return it->value.GetInt64();
}

void JsonWriter::key(std::string_view name) {
  Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}

void JsonWriter::string(std::string_view value) {
  String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void JsonWriter::member(std::string_view name, std::string_view value) {
  key(name);
  string(value);
}

void JsonWriter::member(std::string_view name, std::int64_t value) {
  key(name);
  Int64(value);
}

void JsonWriter::member(std::string_view name, bool value) {
  key(name);
  Bool(value);
}

}  // namespace base
