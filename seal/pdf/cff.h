// Compact Font Format, writing only: Adobe Technical Notes 5176 (CFF) and 5177 (Type 2
// charstrings).
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "seal/pdf/font.h"

namespace seal::pdf {

/// The width operand is left out for glyphs of 1000, which is the Private DICT's default.
base::Bytes type2_charstring(std::span<const PathStep> outline, int advance);

/// A CID-keyed font (Adobe-Identity-0) whose glyph n has CID n; charstrings[0] is .notdef.
/// At least two charstrings.
base::Bytes cid_keyed_cff(std::string_view name, std::span<const base::BytesView> charstrings,
                          const std::array<int, 4>& bounds);

}  // namespace seal::pdf
