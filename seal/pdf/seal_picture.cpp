#include "seal/pdf/seal_picture.h"

#include <array>
#include <cmath>
#include <numbers>

#include "base/text.h"
#include "seal/pdf/text.h"

namespace seal::pdf {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kEmMiddle = 380;  // of an ideograph's box over the baseline, in thousandths
// Measures of the round seal of 42 mm; others are scaled.
constexpr double kNominal_mm = 42;
constexpr double kRing_mm = 1.2;
constexpr double kStarRadius_mm = 7;
constexpr double kNameHeight_mm = 6.2;       // of the em box
constexpr double kNameInset_mm = 1.3;        // between ring and em box
constexpr double kNameArcMost = 1.25 * kPi;  // the lower third stays free for the caption
constexpr double kNamePitch_mm = 6.4;        // along the middle of the name, when there is room
constexpr double kCaptionHeight_mm = 4.1;
constexpr double kCaptionWidth_mm = 28.5;
constexpr double kCaptionMiddle_mm = -11.6;
// Of the oval one, in parts of its height.
constexpr double kOvalRing = 0.033, kOvalName = 0.17, kOvalInset = 0.035, kOvalCaption = 0.16;
constexpr double kOvalArcMost = 0.56;  // of the ellipse's length
constexpr double kOvalCaptionBelow = 0.19, kOvalCaptionWidth = 0.62;
// Of the square one, in parts of its shorter side.
constexpr double kSquareFrame = 0.05, kSquareInset = 0.045, kSquareGap = 0.03;

// An affine map of outlines (thousandths of an em) to points.
struct Map {
  double a, b, c, d, e, f;
  void operator()(std::string& out, double x, double y) const {
    // A hundredth of a point is four micrometres.
    put(out, std::round((a * x + c * y + e) * 100) / 100);
    put(out, std::round((b * x + d * y + f) * 100) / 100);
  }
};

void draw(std::string& out, const FontFace& face, std::uint16_t glyph, const Map& map) {
  for (const auto& [kind, p] : face.outline(glyph)) {
    switch (kind) {
      case PathStep::Kind::move:
        map(out, p[0], p[1]);
        out += "m ";
        break;
      case PathStep::Kind::line:
        map(out, p[0], p[1]);
        out += "l ";
        break;
      case PathStep::Kind::curve:
        map(out, p[0], p[1]);
        map(out, p[2], p[3]);
        map(out, p[4], p[5]);
        out += "c\n";
        break;
      case PathStep::Kind::close:
        out += "h\n";
        break;
    }
  }
  out += "f\n";
}

base::Result<std::vector<std::uint16_t>> glyphs_of(const FontFace& face, std::string_view text,
                                                   std::size_t most) {
  std::vector<std::uint16_t> out;
  for (const auto c : base::to_code_points(text)) {
    out.push_back(face.glyph(c));
    if (out.back() == 0) {
      auto failure = base::error(base::Code::invalid_argument, "seal.glyph", "in the seal's text");
      failure.args = {{"character", std::string(text)}};
      return failure;
    }
  }
  if (out.empty() || out.size() > most)
    return base::error(base::Code::invalid_argument, "seal.template",
                       "the seal's text is empty or too long: " + std::string(text));
  return out;
}

/// Which way a contour turns: a ring of two that turn against each other is one by either rule of
/// filling.
enum class Turn : std::int8_t { outer = 1, inner = -1 };

/// An ellipse round the middle (all in millimetres).
void ellipse(std::string& out, double cx_mm, double cy_mm, double rx_mm, double ry_mm, Turn turn) {
  constexpr double k = 0.5522847498;
  const double cx = mm(cx_mm), cy = mm(cy_mm), rx = mm(rx_mm), ry = mm(ry_mm);
  const double hx = rx * k, hy = ry * k;
  const auto point = [&](double x, double y) {
    put(out, cx + x);
    put(out, cy + y * static_cast<int>(turn));
  };
  point(rx, 0), out += "m ";
  point(rx, hy), point(hx, ry), point(0, ry), out += "c ";
  point(-hx, ry), point(-rx, hy), point(-rx, 0), out += "c ";
  point(-rx, -hy), point(-hx, -ry), point(0, -ry), out += "c ";
  point(hx, -ry), point(rx, -hy), point(rx, 0), out += "c h\n";
}

void rectangle(std::string& out, double x, double y, double width, double height, Turn turn) {
  // The inner one goes up its left side first.
  const double over = turn == Turn::outer ? width : 0, up = turn == Turn::outer ? 0 : height;
  for (const auto& [px, py, op] : {std::tuple{x, y, "m "},
                                   {x + over, y + up, "l "},
                                   {x + width, y + height, "l "},
                                   {x + width - over, y + height - up, "l h\n"}}) {
    put(out, mm(px));
    put(out, mm(py));
    out += op;
  }
}

void star(std::string& out, double middle_mm, double radius_mm) {
  const double inner = std::sin(kPi / 10) / std::sin(3 * kPi / 10);
  for (int i = 0; i < 10; ++i) {
    const double radius = mm(radius_mm) * (i % 2 == 0 ? 1 : inner), angle = kPi / 2 + i * kPi / 5;
    put(out, mm(middle_mm) + radius * std::cos(angle));
    put(out, mm(middle_mm) + radius * std::sin(angle));
    out += i == 0 ? "m " : "l ";
  }
  out += "h f\n";
}

/// Where a character's middle stands, and how far it is turned.
struct Stand {
  double x_mm, y_mm, turn;
};

/// One character with its middle there, `wide` and `high` points to a thousandth of an em.
void stand(std::string& out, const FontFace& face, std::uint16_t glyph, const Stand& at,
           double wide, double high) {
  const double cos = std::cos(at.turn), sin = std::sin(at.turn);
  const double ox = -face.advance(glyph) / 2.0 * wide, oy = -kEmMiddle * high;
  draw(out, face, glyph,
       {wide * cos, wide * sin, -high * sin, high * cos, mm(at.x_mm) + ox * cos - oy * sin,
        mm(at.y_mm) + ox * sin + oy * cos});
}

/// A line of text, its middle at (x, y), no wider than `most` (millimetres).
void line_of(std::string& out, const FontFace& face, const std::vector<std::uint16_t>& glyphs,
             double x_mm, double y_mm, double height_mm, double most_mm) {
  double total = 0;
  for (const auto glyph : glyphs) total += face.advance(glyph);
  const double high = mm(height_mm) / 1000;
  const double wide = std::min(high, mm(most_mm) / total);
  double x = mm(x_mm) - total * wide / 2;
  for (const auto glyph : glyphs) {
    draw(out, face, glyph, {wide, 0, 0, high, x, mm(y_mm) - kEmMiddle * high});
    x += face.advance(glyph) * wide;
  }
}

base::Result<std::string> draw_round(const FontFace& face, const SealPictureSpec& seal) {
  BASE_TRY(const auto name, glyphs_of(face, seal.text, 30));
  BASE_TRY(const auto below, glyphs_of(face, seal.caption, 14));
  const double scale = seal.width_mm / kNominal_mm, radius = seal.width_mm / 2;
  std::string out;
  ellipse(out, radius, radius, radius, radius, Turn::outer);
  ellipse(out, radius, radius, radius - kRing_mm * scale, radius - kRing_mm * scale, Turn::inner);
  out += "f*\n";
  star(out, radius, kStarRadius_mm * scale);

  // Each character stands on the arc, its box's middle on a radius; wide names are set narrower.
  const double tall = kNameHeight_mm * scale;
  const double middle = radius - (kRing_mm + kNameInset_mm) * scale - tall / 2;
  const auto count = static_cast<double>(name.size());
  const double step =
      std::min(kNamePitch_mm * scale / middle, kNameArcMost / std::max(1.0, count - 1));
  // The arc is shorter at the feet of the characters than at their heads: fit them there.
  const double foot = (middle - tall * 0.42) * step;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const double angle = kPi / 2 + step * (count - 1) / 2 - step * static_cast<double>(i);
    stand(out, face, name[i],
          {radius + middle * std::cos(angle), radius + middle * std::sin(angle), angle - kPi / 2},
          mm(std::min(tall, foot)) / 1000, mm(tall) / 1000);
  }
  line_of(out, face, below, radius, radius + kCaptionMiddle_mm * scale, kCaptionHeight_mm * scale,
          kCaptionWidth_mm * scale);
  return out;
}

/// Points of an ellipse by the length of its arc, from its top clockwise.
class Arc {
 public:
  Arc(double rx, double ry) : rx_(rx), ry_(ry) {
    for (std::size_t i = 1; i < lengths_.size(); ++i) {
      const double a = angle(i - 1), b = angle(i);
      lengths_[i] = lengths_[i - 1] +
                    std::hypot(rx * (std::sin(b) - std::sin(a)), ry * (std::cos(b) - std::cos(a)));
    }
  }
  double length() const { return lengths_.back(); }
  /// `at` may be below zero: to the left of the top.
  Stand at(double at) const {
    const double left = at < 0 ? -1 : 1;
    std::size_t i = 1;
    while (i + 1 < lengths_.size() && lengths_[i] < std::abs(at)) ++i;
    const double part = (std::abs(at) - lengths_[i - 1]) / (lengths_[i] - lengths_[i - 1]);
    const double t = left * (angle(i - 1) + part * (angle(i) - angle(i - 1)));
    // The normal of the ellipse there, turned from the upright.
    return {rx_ * std::sin(t), ry_ * std::cos(t),
            -std::atan2(ry_ * std::sin(t), rx_ * std::cos(t))};
  }

 private:
  static constexpr std::size_t kSteps = 1000;
  double angle(std::size_t i) const {
    return 2 * kPi * static_cast<double>(i) / static_cast<double>(kSteps);
  }
  double rx_, ry_;
  std::array<double, kSteps + 1> lengths_{};
};

base::Result<std::string> draw_oval(const FontFace& face, const SealPictureSpec& seal) {
  BASE_TRY(const auto name, glyphs_of(face, seal.text, 30));
  BASE_TRY(const auto across, glyphs_of(face, seal.caption, 14));
  const double rx = seal.width_mm / 2, ry = seal.height_mm / 2, high = seal.height_mm;
  std::string out;
  ellipse(out, rx, ry, rx, ry, Turn::outer);
  ellipse(out, rx, ry, rx - kOvalRing * high, ry - kOvalRing * high, Turn::inner);
  out += "f*\n";

  const double tall = kOvalName * high, inset = (kOvalRing + kOvalInset) * high + tall / 2;
  const Arc middle(rx - inset, ry - inset);
  const Arc feet(rx - inset - tall * 0.42, ry - inset - tall * 0.42);
  const auto count = static_cast<double>(name.size());
  const double step = std::min(tall * 1.08, kOvalArcMost * middle.length() / count);
  const double wide = std::min(tall, step * feet.length() / middle.length());
  for (std::size_t i = 0; i < name.size(); ++i) {
    auto at = middle.at(step * (static_cast<double>(i) - (count - 1) / 2));
    stand(out, face, name[i], {rx + at.x_mm, ry + at.y_mm, at.turn}, mm(wide) / 1000,
          mm(tall) / 1000);
  }
  line_of(out, face, across, rx, ry - kOvalCaptionBelow * high, kOvalCaption * high,
          kOvalCaptionWidth * seal.width_mm);
  return out;
}

// Characters in columns from the right, each column filled from top to bottom, as name seals are
// read.
base::Result<std::string> draw_square(const FontFace& face, const SealPictureSpec& seal) {
  BASE_TRY(const auto name, glyphs_of(face, seal.text, 16));
  const double side = std::min(seal.width_mm, seal.height_mm);
  const double frame = kSquareFrame * side, inset = frame + kSquareInset * side;
  std::string out;
  rectangle(out, 0, 0, seal.width_mm, seal.height_mm, Turn::outer);
  rectangle(out, frame, frame, seal.width_mm - 2 * frame, seal.height_mm - 2 * frame, Turn::inner);
  out += "f*\n";

  // As nearly square as the room for each character can be.
  const auto rows = std::min(
      name.size(), static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(name.size()) *
                                                                seal.height_mm / seal.width_mm))));
  const std::size_t columns = (name.size() + rows - 1) / rows;
  const double gap = kSquareGap * side;
  const double width = (seal.width_mm - 2 * inset + gap) / static_cast<double>(columns) - gap;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::size_t column = i / rows;
    const auto in_column = static_cast<double>(std::min(rows, name.size() - column * rows));
    const double height = (seal.height_mm - 2 * inset + gap) / in_column - gap;
    const double x =
        seal.width_mm - inset - width / 2 - static_cast<double>(column) * (width + gap);
    const double y = seal.height_mm - inset - height / 2 -
                     static_cast<double>(i - column * rows) * (height + gap);
    stand(out, face, name[i], {x, y, 0}, mm(width) / 1000, mm(height) / 1000);
  }
  return out;
}

}  // namespace

base::Result<std::string> draw_seal(const FontFace& face, const SealPictureSpec& seal) {
  switch (seal.shape) {
    case SealShape::round:
      return draw_round(face, seal);
    case SealShape::oval:
      return draw_oval(face, seal);
    case SealShape::square:
      return draw_square(face, seal);
  }
  base::fail("unknown SealShape");
}

std::string seal_svg(std::string_view operators, const SealPictureSpec& seal) {
  std::string paths, path;
  std::vector<std::string_view> operands;
  for (std::size_t at = 0; at < operators.size();) {
    const auto end = std::min(operators.find_first_of(" \n", at), operators.size());
    const auto word = operators.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (word == "f" || word == "f*") {
      paths += word == "f" ? "<path d=\"" : "<path fill-rule=\"evenodd\" d=\"";
      paths += path + "\"/>\n";
      path.clear();
    } else if (word == "m" || word == "l" || word == "c" || word == "h") {
      path += word == "m" ? 'M' : word == "l" ? 'L' : word == "c" ? 'C' : 'Z';
      for (const auto operand : operands) (path += operand) += ' ';
      operands.clear();
    } else {
      operands.push_back(word);
    }
  }
  // Points upward from the lower left corner become millimetres downward from the upper left one.
  std::string width, height, scale;
  put(width, seal.width_mm);
  put(height, seal.height_mm);
  put(scale, mm(seal.height_mm));
  const auto trimmed = [](std::string text) { return text.substr(0, text.size() - 1); };
  std::string box;
  put(box, mm(seal.width_mm));
  put(box, mm(seal.height_mm));
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + trimmed(width) + "mm\" height=\"" +
         trimmed(height) + "mm\" viewBox=\"0 0 " + trimmed(box) +
         "\">\n<g fill=\"#cc171c\" transform=\"matrix(1 0 0 -1 0 " + trimmed(scale) + ")\">\n" +
         paths + "</g>\n</svg>\n";
}

}  // namespace seal::pdf
