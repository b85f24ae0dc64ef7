// JSON Schema (draft 2020-12) of what a document's facts must be: a strict subset, validated by
// RapidJSON.
//
// Taken are type, properties, required, additionalProperties, items, minItems, maxItems, enum,
// minLength, maxLength, pattern, minimum, maximum, $defs and $ref to them, with title, description
// and $schema as words for people: the keywords that mean the same to RapidJSON (draft 4) and in
// 2020-12. Every object must close itself with additionalProperties false, every array and text
// must have a most. Patterns are anchored and hold no more than RapidJSON and ECMA-262 agree on.
#pragma once

#include <rapidjson/document.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace seal {

/// Immutable, thread-safe.
class Schema {
 public:
  /// Errors: internal `seal.template`, whose detail names the JSON pointer.
  static base::Result<Schema> create(std::string_view json);
  /// Errors: invalid_argument `seal.facts` (args "pointer" of the value, "rule": the keyword).
  base::Result<void> validate(const rapidjson::Value& facts) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace seal
