// The round red seal as vector paths: ring, five-pointed star, the agency's name along the top
// inside the ring, a caption below the star. Measures by the State Council's rule for official
// seals (1999): 42 mm, ring 1.2 mm, star 14 mm (GB/T 33481-2016 takes them over).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "seal/pdf/font.h"

namespace seal::pdf {

inline constexpr double kSealDiameter_mm = 42;

/// Path operators in points, the seal's lower left corner at the origin, filled in the current
/// colour. Errors: invalid_argument `seal.glyph`; `seal.template` (a name or caption too long to be
/// read).
base::Result<std::string> round_seal(const FontFace& face, std::string_view agency,
                                     std::string_view caption);

}  // namespace seal::pdf
