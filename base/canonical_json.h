// One text for one JSON value: RFC 8785 (JSON Canonicalization Scheme), for what is signed.
//
// Narrower than the scheme: numbers are integers of at most 53 bits and strings hold no control
// characters, so that no two libraries can disagree about either.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace base {

/// The canonical text. Errors: invalid_argument `json.not_canonical` for a value that has none
/// here (fractions, large numbers, control characters).
Result<std::string> canonical_json(const rapidjson::Value& value);

/// Reads a text and demands that it is the canonical one.
/// Errors: those of parse_json; invalid_argument `json.not_canonical`.
Result<rapidjson::Document> parse_canonical_json(std::string_view text, JsonLimits limits = {});

}  // namespace base
