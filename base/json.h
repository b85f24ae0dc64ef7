// JSON: RapidJSON behind a strict door. Refuses what two readers could read differently.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

struct JsonLimits {
  std::size_t bytes = 1 << 20;
  std::size_t depth = 32;
};

/// Errors: invalid_argument `json.malformed`, `json.duplicate_member`, `json.too_large`,
/// `json.too_deep`; the text must be UTF-8 with nothing behind the value.
Result<rapidjson::Document> parse_json(std::string_view text, JsonLimits limits = {});

/// Members of an object; nothing when absent or of another type.
std::string_view json_text(const rapidjson::Value& object, const char* name);
std::optional<std::int64_t> json_int(const rapidjson::Value& object, const char* name);

/// JsonWriter w; w.StartObject(); w.member("a", "b"); … w.text()
class JsonWriter : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  JsonWriter() : Writer(buffer_) {}
  void member(std::string_view name, std::string_view value);
  void member(std::string_view name, const char* value) { member(name, std::string_view(value)); }
  void member(std::string_view name, std::int64_t value);
  void member(std::string_view name, int value) { member(name, static_cast<std::int64_t>(value)); }
  void member(std::string_view name, bool value);
  void key(std::string_view name);
  void string(std::string_view value);
  std::string text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  rapidjson::StringBuffer buffer_;
};

}  // namespace base
