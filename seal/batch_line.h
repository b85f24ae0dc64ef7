// One line of a batch: whose document, of which kind, with which facts. docs/batches.md.
//   {"kind": "acceptance-notice", "subject": {"id_type": "cn-id", "id_number": "…"}, "facts": {…}}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace seal {

struct BatchLine {
  std::string kind, id_type = "cn-id", id_number;
  std::string facts_json;
};

inline constexpr std::size_t kMostLineBytes = 256 << 10;

/// A member that is not known is refused. Errors: invalid_argument `seal.batch.line` with the
/// member as field; those of base::parse_json.
base::Result<BatchLine> read_batch_line(std::string_view json);

/// The lines of a text, without their ends; empty ones are lines.
std::vector<std::string_view> lines_of(std::string_view text);

}  // namespace seal
