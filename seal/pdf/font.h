// A font file opened once: which characters it has, how wide they are, and what they look like; and
// the small embedded fonts made of it for a document.
//
// A subset holds one glyph per character, numbered in the order given (its CID, from 1), as a
// CID-keyed CFF (Adobe Technical Note 5176) without hints, subroutines or tables nobody needs: what
// PDF calls CIDFontType0C (ISO 32000-1 9.9). Why not a general subsetter:
// docs/decisions/0030-fonts.md.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace seal::pdf {

/// Where Debian's fonts-noto-cjk puts them: the one of titles and seals, and the body's.
inline constexpr const char* kTitleFont = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc";
inline constexpr const char* kBodyFont = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";

/// One step of an outline, in thousandths of an em, y upward.
struct PathStep {
  enum class Kind : std::uint8_t { move, line, curve, close } kind;
  std::array<float, 6> at;  ///< move, line: x y; curve: two control points and the end
};

/// Thread-safe. Metrics and outlines are in thousandths of an em.
class FontFace {
 public:
  /// Opens a font file or, of a collection, its Simplified Chinese face.
  /// Errors: unavailable `seal.font` (args "path", "why").
  static base::Result<std::shared_ptr<const FontFace>> open(const std::string& path);
  ~FontFace();
  FontFace(const FontFace&) = delete;
  FontFace& operator=(const FontFace&) = delete;

  /// The glyph of a character; 0 when the font has none.
  std::uint16_t glyph(char32_t character) const;
  int advance(std::uint16_t glyph) const;
  std::vector<PathStep> outline(std::uint16_t glyph) const;
  /// Type 2 charstring of the glyph; made at first use and kept.
  std::shared_ptr<const base::Bytes> charstring(std::uint16_t glyph) const;
  /// A font file (OpenType) of these characters alone, found in it by their code points. Every
  /// character must be in the face.
  base::Bytes opentype(std::u32string_view characters) const;
  const std::string& postscript_name() const;
  int ascent() const;
  int descent() const;  ///< negative
  std::array<int, 4> bounds() const;

 private:
  struct Impl;
  explicit FontFace(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The font program whose CID n is characters[n-1]. Every character must be in the face.
base::Bytes subset(const FontFace& face, std::string_view name, std::u32string_view characters);

/// The CMap that turns those CIDs back into text (ISO 32000-1 9.10.3).
std::string to_unicode_cmap(std::u32string_view characters);

/// The W array of those CIDs, for a default width of 1000.
std::string widths_array(const FontFace& face, std::u32string_view characters);

}  // namespace seal::pdf
