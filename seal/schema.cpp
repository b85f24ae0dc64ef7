#include "seal/schema.h"

#include <rapidjson/pointer.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <mutex>

#include "base/json.h"
#include "seal/phrase.h"

namespace seal {
namespace {

using rapidjson::Value;

constexpr std::string_view kKnown[] = {
    "$schema", "title",    "description", "type", "properties", "required",
    "items",   "minItems", "maxItems",    "enum", "minLength",  "maxLength",
    "pattern", "minimum",  "maximum",     "$ref", "$defs",      "additionalProperties"};

base::Error wrong(const std::string& pointer, const std::string& why) {
  return base::error(base::Code::internal, "seal.template", pointer + ": " + why);
}

bool has(const Value& object, const char* name) {
  return object.HasMember(name);
}

/// Walks a schema and refuses what this subset does not have.
base::Result<void> check(const Value& schema, const std::string& at) {
  if (!schema.IsObject()) return wrong(at, "not an object");
  for (const auto& member : schema.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown))
      return wrong(at + "/" + std::string(name), "keyword not in the subset");
  }
  if (has(schema, "$ref")) {
    const auto ref = base::json_text(schema, "$ref");
    if (!ref.starts_with("#/$defs/") || schema.MemberCount() != 1)
      return wrong(at + "/$ref", "only #/$defs/…, and alone");
  } else if (!has(schema, "enum")) {
    const auto type = base::json_text(schema, "type");
    const auto has_bound = [&](const char* bound) {
      return has(schema, bound) && schema[bound].IsUint();
    };
    if (type == "object" &&
        !(has(schema, "additionalProperties") && schema["additionalProperties"].IsFalse() &&
          has(schema, "properties")))
      return wrong(at, "an object lists its properties and closes itself");
    if (type == "array" && !(has(schema, "items") && has_bound("maxItems")))
      return wrong(at, "an array needs items and maxItems");
    if (type == "string" && !has_bound("maxLength")) return wrong(at, "a text needs maxLength");
    if (type != "object" && type != "array" && type != "string" && type != "integer" &&
        type != "boolean")
      return wrong(at + "/type", "not object, array, string, integer or boolean");
  }
  if (has(schema, "pattern")) {
    const auto pattern = base::json_text(schema, "pattern");
    if (!pattern.starts_with('^') || !pattern.ends_with('$') ||
        pattern.find('\\') != std::string_view::npos)
      return wrong(at + "/pattern", "not anchored, or with an escape");
  }
  for (const auto* group : {"properties", "$defs"})
    if (has(schema, group)) {
      if (!schema[group].IsObject()) return wrong(at + "/" + group, "not an object");
      for (const auto& member : schema[group].GetObject())
        BASE_TRY_VOID(check(member.value, at + "/" + group + "/" + member.name.GetString()));
    }
  if (has(schema, "required") && !(schema["required"].IsArray() && has(schema, "properties")))
    return wrong(at + "/required", "not a list of properties");
  if (has(schema, "required"))
    for (const auto& one : schema["required"].GetArray())
      if (!one.IsString() || !schema["properties"].HasMember(one.GetString()))
        return wrong(at + "/required", "names no property");
  if (has(schema, "items")) BASE_TRY_VOID(check(schema["items"], at + "/items"));
  return {};
}

/// RapidJSON takes a dollar sign in a reference only as a URI writes it (RFC 6901 §6).
void escape_references(Value& schema, rapidjson::Document::AllocatorType& allocator) {
  if (schema.IsArray())
    for (auto& one : schema.GetArray()) escape_references(one, allocator);
  if (!schema.IsObject()) return;
  for (auto& member : schema.GetObject()) {
    if (member.name == "$ref" && member.value.IsString())
      member.value.SetString("#/%24defs/" + std::string(member.value.GetString()).substr(8),
                             allocator);
    else
      escape_references(member.value, allocator);
  }
}

}  // namespace

struct Schema::Compiled {
  explicit Compiled(const rapidjson::Document& text) : schema(text) {}
  rapidjson::SchemaDocument schema;
  // RapidJSON's patterns keep the state of their search in themselves: one search at a time.
  mutable std::mutex one_at_a_time;
};

base::Result<Schema> Schema::create(std::string_view json) {
  BASE_TRY(auto text, base::parse_json(json));
  BASE_TRY_VOID(check(text, "#"));
  if (has(text, "$defs"))
    for (const auto& one : text["$defs"].GetObject())
      if (has(one.value, "$ref")) return wrong("#/$defs", "a definition is no mere reference");
  escape_references(text, text.GetAllocator());
  Schema out;
  out.compiled_ = std::make_shared<const Compiled>(text);
  return out;
}

base::Result<void> Schema::validate(const Value& facts) const {
  const std::scoped_lock lock(compiled_->one_at_a_time);
  rapidjson::SchemaValidator validator(compiled_->schema);
  if (facts.Accept(validator)) return {};
  rapidjson::StringBuffer pointer;
  validator.GetInvalidDocumentPointer().Stringify(pointer);
  std::string at(pointer.GetString(), pointer.GetSize());
  return bad_fact(at.empty() ? "/" : at, validator.GetInvalidSchemaKeyword());
}

}  // namespace seal
