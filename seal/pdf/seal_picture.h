// Pictures of seals as vector paths. Round: ring, five-pointed star, the agency's name along the
// top inside the ring, a caption below the star; oval: the name along the upper edge, the caption
// across; square: characters in columns from the right, as name seals are read.
//
// Measures of the round one by the State Council's rule for official seals (1999): 42 mm, ring
// 1.2 mm, star 14 mm (GB/T 33481-2016 takes them over); other sizes are scaled from it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "seal/pdf/font.h"

namespace seal {

enum class SealShape : std::uint8_t { round, oval, square };

struct SealPictureSpec {
  SealShape shape = SealShape::round;
  double width_mm = 42, height_mm = 42;
  std::string text;     ///< along the edge; of a square one all of it
  std::string caption;  ///< below the star; of an oval one across the middle; square: empty
  bool operator==(const SealPictureSpec&) const = default;
};

}  // namespace seal

namespace seal::pdf {

/// Path operators in points, the seal's lower left corner at the origin, filled in the current
/// colour: m, l, c, h, f and f* alone. Errors: invalid_argument `seal.glyph`; `seal.template` (a
/// text that is empty or too long to be read).
base::Result<std::string> draw_seal(const FontFace& face, const SealPictureSpec& seal);

/// The same as a picture for browsers, in its size, without script or link.
std::string seal_svg(std::string_view operators, const SealPictureSpec& seal);

}  // namespace seal::pdf
