// Setting text: characters to the codes of a document's fonts, measuring, breaking lines, and
// writing the content-stream operators that show it.
//
// Measures are points unless the name says otherwise; y goes upward from the bottom of the page.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "seal/pdf/font.h"

namespace seal::pdf {

constexpr double mm(double millimetres) {
  return millimetres * 72.0 / 25.4;
}

struct Colour {
  double red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;
};
inline constexpr Colour kInk{0.09, 0.10, 0.12};
inline constexpr Colour kGrey{0.40, 0.43, 0.47};
inline constexpr Colour kRule{0.72, 0.75, 0.79};
inline constexpr Colour kTint{0.949, 0.957, 0.969};
inline constexpr Colour kRed{0.80, 0.09, 0.11};

/// The body face sets everything, the display face what is printed on every copy (titles, the
/// seal).
enum class Face : std::uint8_t { body, display };
enum class Align : std::uint8_t { left, centre, right };

struct Style {
  double size = 9;
  Colour colour = kInk;
  Face face = Face::body;
  double tracking = 0;  ///< added after each character
};

/// Which code of which font shows a character. The common font is filled while a template is laid
/// out and then fixed; what a document needs beyond it goes to that document's own font.
class CharacterCodes {
 public:
  struct Code {
    char font = 'A';  ///< A common, B of the document, T display
    std::uint16_t cid = 0;
  };
  explicit CharacterCodes(char font) : font_(font), cids_(kCharacters) {}
  std::optional<Code> find(char32_t c) const {
    if (c >= kCharacters || cids_[c] == 0) return std::nullopt;
    return Code{font_, cids_[c]};
  }
  Code add(char32_t c);  ///< as it is when it is there already; c must be below 0x40000
  const std::u32string& characters() const { return characters_; }

 private:
  static constexpr char32_t kCharacters = 0x40000;
  char font_;
  std::vector<std::uint16_t> cids_;
  std::u32string characters_;
};

/// The few characters of one document that its template's font lacks.
class ExtraCodes {
 public:
  CharacterCodes::Code code(char32_t c);
  const std::u32string& characters() const { return characters_; }

 private:
  std::u32string characters_;
};

struct Faces {
  std::shared_ptr<const FontFace> body, display;
};

/// Content-stream text of one stream. A character without a glyph is kept as the stream's failure,
/// so that a layout reads straight and is asked once, at its end.
class Canvas {
 public:
  /// For a template: characters are added to the common codes.
  Canvas(const Faces& faces, CharacterCodes& body, CharacterCodes& display)
      : faces_(faces),
        growing_body_(&body),
        body_(body),
        growing_display_(&display),
        display_(display) {}
  /// For a document: the template's codes are fixed.
  Canvas(const Faces& faces, const CharacterCodes& body, const CharacterCodes& display,
         ExtraCodes& extra)
      : faces_(faces), body_(body), display_(display), extra_(&extra) {}

  double width(std::u32string_view text, const Style& style);
  /// One line with its baseline at y; x is its left, middle or right by `align`.
  void text(double x, double y, std::u32string_view text, const Style& style,
            Align align = Align::left);
  void text(double x, double y, std::string_view text, const Style& style,
            Align align = Align::left);
  /// Breaks text into lines no wider than `width`.
  std::vector<std::u32string> lines(std::u32string_view text, double width, const Style& style);

  void line(double x1, double y1, double x2, double y2, double thickness, const Colour& colour);
  void fill(double x, double y, double width, double height, const Colour& colour);
  void frame(double x, double y, double width, double height, double thickness,
             const Colour& colour);
  /// Draws a form or image of the page's resources, moved to (x, y).
  void place(std::string_view name, double x, double y);
  void place_scaled(std::string_view name, double x, double y, double width, double height);
  void raw(std::string_view operators) { out_ += operators; }

  const std::string& content() const { return out_; }
  /// The first character that no glyph was found for.
  std::optional<char32_t> missing() const { return missing_; }

 private:
  std::optional<CharacterCodes::Code> code(char32_t c, Face face);
  void set_fill(const Colour& colour);
  const FontFace& face(const Style& style) const {
    return style.face == Face::body ? *faces_.body : *faces_.display;
  }

  const Faces& faces_;
  CharacterCodes* growing_body_ = nullptr;
  const CharacterCodes& body_;
  CharacterCodes* growing_display_ = nullptr;
  const CharacterCodes& display_;
  ExtraCodes* extra_ = nullptr;
  std::string out_;
  std::optional<char32_t> missing_;
  std::optional<Colour> fill_;  // as the stream stands
};

/// Appends a number with at most three decimals and a blank.
void put(std::string& out, double value);
/// A PDF text string (UTF-16BE with its mark, in hexadecimal).
std::string text_string(std::string_view utf8);

}  // namespace seal::pdf
