#include "seal/pdf/seal_picture.h"

#include <cmath>
#include <numbers>

#include "base/text.h"
#include "seal/pdf/text.h"

namespace seal::pdf {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kRadius = kSealDiameter_mm / 2;
constexpr double kRing_mm = 1.2;
constexpr double kStarRadius_mm = 7;
constexpr double kNameHeight_mm = 6.2;       // of the em box
constexpr double kNameInset_mm = 1.3;        // between ring and em box
constexpr double kNameArcMost = 1.25 * kPi;  // the lower third stays free for the caption
constexpr double kNamePitch_mm = 6.4;        // along the middle of the name, when there is room
constexpr double kCaptionHeight_mm = 4.1;
constexpr double kCaptionWidth_mm = 28.5;
constexpr double kCaptionMiddle_mm = -11.6;
constexpr double kEmMiddle = 380;  // of an ideograph's box over the baseline, in thousandths

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

/// `turn` 1 or -1. A ring of two that turn against each other is one by either rule of filling.
void circle(std::string& out, double radius, int turn) {
  constexpr double k = 0.5522847498;
  const double m = mm(kRadius), r = mm(radius), h = r * k;
  const auto point = [&](double x, double y) {
    put(out, m + x);
    put(out, m + y * turn);
  };
  point(r, 0), out += "m ";
  point(r, h), point(h, r), point(0, r), out += "c ";
  point(-h, r), point(-r, h), point(-r, 0), out += "c ";
  point(-r, -h), point(-h, -r), point(0, -r), out += "c ";
  point(h, -r), point(r, -h), point(r, 0), out += "c h\n";
}

void star(std::string& out) {
  const double inner = std::sin(kPi / 10) / std::sin(3 * kPi / 10);
  for (int i = 0; i < 10; ++i) {
    const double radius = mm(kStarRadius_mm) * (i % 2 == 0 ? 1 : inner),
                 angle = kPi / 2 + i * kPi / 5;
    put(out, mm(kRadius) + radius * std::cos(angle));
    put(out, mm(kRadius) + radius * std::sin(angle));
    out += i == 0 ? "m " : "l ";
  }
  out += "h f\n";
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

}  // namespace

base::Result<std::string> round_seal(const FontFace& face, std::string_view agency,
                                     std::string_view caption) {
  BASE_TRY(const auto name, glyphs_of(face, agency, 30));
  BASE_TRY(const auto below, glyphs_of(face, caption, 14));
  std::string out;
  circle(out, kRadius, 1);
  circle(out, kRadius - kRing_mm, -1);
  out += "f*\n";
  star(out);

  // Each character stands on the arc, its box's middle on a radius; wide names are set narrower.
  const double middle = kRadius - kRing_mm - kNameInset_mm - kNameHeight_mm / 2;
  const auto count = static_cast<double>(name.size());
  const double step = std::min(kNamePitch_mm / middle, kNameArcMost / std::max(1.0, count - 1));
  const double height = mm(kNameHeight_mm) / 1000;
  // The arc is shorter at the feet of the characters than at their heads: fit them there.
  const double foot = (middle - kNameHeight_mm * 0.42) * step;
  const double width = std::min(height, mm(foot) / 1000);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const double angle = kPi / 2 + step * (count - 1) / 2 - step * static_cast<double>(i);
    const double turn = angle - kPi / 2, cos = std::cos(turn), sin = std::sin(turn);
    const double half = face.advance(name[i]) / 2.0;
    const double cx = mm(kRadius) + mm(middle) * std::cos(angle);
    const double cy = mm(kRadius) + mm(middle) * std::sin(angle);
    const double ox = -half * width, oy = -kEmMiddle * height;
    draw(out, face, name[i],
         {width * cos, width * sin, -height * sin, height * cos, cx + ox * cos - oy * sin,
          cy + ox * sin + oy * cos});
  }

  double total = 0;
  for (const auto glyph : below) total += face.advance(glyph);
  const double tall = mm(kCaptionHeight_mm) / 1000;
  const double wide = std::min(tall, mm(kCaptionWidth_mm) / total);
  double x = mm(kRadius) - total * wide / 2;
  for (const auto glyph : below) {
    draw(out, face, glyph,
         {wide, 0, 0, tall, x, mm(kRadius + kCaptionMiddle_mm) - kEmMiddle * tall});
    x += face.advance(glyph) * wide;
  }
  return out;
}

}  // namespace seal::pdf
