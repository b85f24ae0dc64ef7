// What a page shows, apart from any file format: read back from the content streams that the layout
// writes, so that PDF and OFD show the very same thing.
//
// Only the operators that seal/pdf writes are known (ISO 32000-1 annex A); another one is a mistake
// of ours and an error. Points, y upward. docs/decisions/0174-ofd-from-the-same-layout.md
#pragma once

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "seal/pdf/text.h"

namespace seal::ofd {

/// x' = a x + c y + e, y' = b x + d y + f
struct Matrix {
  double a = 1, b = 0, c = 0, d = 1, e = 0, f = 0;
  bool upright() const { return b == 0 && c == 0 && a == d && a > 0; }
};

/// `inner` first, then `outer`.
Matrix joined(const Matrix& inner, const Matrix& outer);

/// One line of text; its origin is the matrix's e, f.
struct Run {
  Matrix matrix;
  std::u32string text;
  double size = 0, tracking = 0;
  pdf::Face face = pdf::Face::body;
  pdf::Colour colour;
  int alpha = 255;  ///< 0 is not seen at all
};

struct Segment {
  char kind = 'M';  ///< M move, L line, B curve, C close: as OFD writes them
  std::array<double, 6> at{};
};

struct Shape {
  enum class Paint : std::uint8_t { fill, fill_even_odd, stroke } paint = Paint::fill;
  double thickness = 0;  ///< of a stroke; of a filled shape, of the line round it
  pdf::Colour colour;
  std::vector<Segment> path = {};
  int alpha = 255;
};

/// A form or a picture of the page's resources.
struct Placed {
  std::string name;
  Matrix matrix;
};

using Item = std::variant<Run, Shape, Placed>;

/// What the codes of the fonts stand for.
struct Codes {
  const pdf::CharacterCodes& body;
  const pdf::CharacterCodes& display;
  std::u32string_view extra;
};

/// Errors: internal `seal.drawing` (detail: the operator).
base::Result<std::vector<Item>> read_drawing(std::string_view content, const Codes& codes);

}  // namespace seal::ofd
