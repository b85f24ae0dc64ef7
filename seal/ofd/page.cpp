#include "seal/ofd/page.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace seal::ofd {
namespace {

constexpr double kMm = 25.4 / 72;           // of a point
constexpr double kRise = 1.0, kFall = 0.4;  // of a line's box, in ems over and under the baseline

std::string numbers(std::initializer_list<double> values) {
  std::string out;
  for (const double value : values) {
    if (!out.empty()) out += ' ';
    out += number(value);
  }
  return out;
}

std::string utf8(char32_t c) {
  std::string out;
  const auto put = [&](unsigned value) { out += static_cast<char>(value); };
  const auto value = static_cast<unsigned>(c);
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xc0 | value >> 6);
  } else if (value < 0x10000) {
    put(0xe0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3f));
  } else {
    put(0xf0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3f));
    put(0x80 | (value >> 6 & 0x3f));
  }
  if (value >= 0x80) put(0x80 | (value & 0x3f));
  return out;
}

std::string colour(std::string_view element, const pdf::Colour& what, int alpha) {
  const auto part = [](double value) { return std::to_string(std::lround(value * 255)); };
  std::string out = "<ofd:" + std::string(element) + " Value=\"" + part(what.red) + ' ' +
                    part(what.green) + ' ' + part(what.blue) + '"';
  if (alpha != 255) out += " Alpha=\"" + std::to_string(alpha) + '"';
  return out + "/>";
}

/// "g 4 3.1 g 2 1.5": equal steps are counted (GB/T 33190-2016 11.3).
std::string steps(const std::vector<std::string>& each) {
  std::string out;
  for (std::size_t i = 0; i < each.size();) {
    auto end = i + 1;
    while (end < each.size() && each[end] == each[i]) ++end;
    if (!out.empty()) out += ' ';
    if (end - i > 1) out += "g " + std::to_string(end - i) + ' ';
    out += each[i];
    i = end;
  }
  return out;
}

int points_of(char kind) {
  return kind == 'B' ? 3 : kind == 'C' ? 0 : 1;
}

}  // namespace

std::string escaped(std::string_view utf8) {
  std::string out;
  for (const char c : utf8) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out;
}

std::string number(double value) {
  std::string out;
  pdf::put(out, value);
  out.pop_back();
  return out == "-0" ? "0" : out;
}

void PageWriter::begin(std::string_view element, double left, double top, double right,
                       double bottom) {
  out_ += "<ofd:" + std::string(element) + " ID=\"" + std::to_string(ids_.next()) +
          "\" Boundary=\"" + numbers({left, top, right - left, bottom - top}) + '"';
}

void PageWriter::text(const Run& run, Fonts& fonts) {
  const bool display = run.face == pdf::Face::display;
  const auto& face = display ? *fonts.faces.display : *fonts.faces.body;
  const bool own = !display && std::any_of(run.text.begin(), run.text.end(),
                                           [&](char32_t c) { return !fonts.body.find(c); });
  if (own)
    for (const auto c : run.text)
      if (fonts.own.find(c) == std::u32string::npos) fonts.own += c;

  const auto& m = run.matrix;
  const double scale = m.upright() ? m.a : 1;
  std::vector<std::string> advances;
  std::string shown;
  double width = 0;
  for (std::size_t i = 0; i < run.text.size(); ++i) {
    const double step =
        (face.advance(face.glyph(run.text[i])) * run.size / 1000 + run.tracking) * scale * kMm;
    if (i + 1 < run.text.size()) advances.push_back(number(step));
    shown += utf8(run.text[i]);
    width += step;
  }
  const double size = run.size * scale * kMm, edge = size / 4;
  const double x = m.e * kMm, y = (height_ - m.f) * kMm;
  std::string transform;
  if (m.upright()) {
    begin("TextObject", x - edge, y - kRise * size, x + width + edge, y + kFall * size);
  } else {
    // Turned: the box is drawn about the origin of the text and turned with it.
    const double reach = (width + 2 * size) * std::max(std::hypot(m.a, m.b), std::hypot(m.c, m.d));
    begin("TextObject", x - reach, y - reach, x + reach, y + reach);
    transform = " CTM=\"" + numbers({m.a, -m.b, -m.c, m.d, reach, reach}) + '"';
  }
  out_ += " Font=\"" +
          std::to_string(display ? fonts.display_id
                         : own   ? fonts.own_id
                                 : fonts.common_id) +
          "\" Size=\"" + number(size) + '"' + transform + '>' +
          colour("FillColor", run.colour, run.alpha) + "<ofd:TextCode X=\"" +
          (m.upright() ? number(edge) : "0") + "\" Y=\"" +
          (m.upright() ? number(kRise * size) : "0") + '"';
  if (!advances.empty()) out_ += " DeltaX=\"" + steps(advances) + '"';
  out_ += '>' + escaped(shown) + "</ofd:TextCode></ofd:TextObject>\n";
}

void PageWriter::shape(const Shape& shape) {
  if (shape.path.empty()) return;
  double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
  for (const auto& [kind, at] : shape.path) {
    for (int i = 0; i < points_of(kind); ++i) {
      const double x = at[static_cast<std::size_t>(2 * i)] * kMm,
                   y = (height_ - at[static_cast<std::size_t>(2 * i + 1)]) * kMm;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  }
  const bool stroke = shape.paint == Shape::Paint::stroke;
  const double edge = shape.thickness * kMm / 2;
  left -= edge, top -= edge, right += edge, bottom += edge;
  begin("PathObject", left, top, right, bottom);
  if (edge > 0)
    out_ += " LineWidth=\"" + number(shape.thickness * kMm) + '"';
  else
    out_ += " Stroke=\"false\"";
  if (!stroke) out_ += " Fill=\"true\"";
  if (shape.paint == Shape::Paint::fill_even_odd) out_ += " Rule=\"Even-Odd\"";
  out_ += '>';
  if (edge > 0) out_ += colour("StrokeColor", shape.colour, shape.alpha);
  if (!stroke) out_ += colour("FillColor", shape.colour, shape.alpha);
  out_ += "<ofd:AbbreviatedData>";
  for (const auto& [kind, at] : shape.path) {
    out_ += kind;
    out_ += ' ';
    for (int i = 0; i < points_of(kind); ++i)
      out_ += numbers({at[static_cast<std::size_t>(2 * i)] * kMm - left,
                       (height_ - at[static_cast<std::size_t>(2 * i + 1)]) * kMm - top}) +
              ' ';
  }
  out_.pop_back();
  out_ += "</ofd:AbbreviatedData></ofd:PathObject>\n";
}

void PageWriter::symbol(const base::Bytes& rows, int modules, int quiet, double x, double y,
                        double side) {
  const double unit = side / (modules + 2 * quiet);
  const auto square = [&](double left, double bottom, double width, double height) {
    return std::array<Segment, 5>{Segment{'M', {left, bottom}},
                                  Segment{'L', {left + width, bottom}},
                                  Segment{'L', {left + width, bottom + height}},
                                  Segment{'L', {left, bottom + height}}, Segment{'C', {}}};
  };
  // The quiet zone stays white, whatever stands around it.
  Shape field{.colour = {1, 1, 1}}, dark{.colour = {0, 0, 0}};
  for (const auto& one : square(x, y, side, side)) field.path.push_back(one);
  const auto stride = static_cast<std::size_t>(modules + 7) / 8;
  const auto is_dark = [&](int row, int column) {
    return column < modules &&
           (rows[static_cast<std::size_t>(row) * stride + static_cast<std::size_t>(column) / 8] >>
                (7 - column % 8) &
            1) != 0;
  };
  for (int row = 0; row < modules; ++row)
    for (int column = 0; column < modules; ++column) {
      if (!is_dark(row, column)) continue;
      const int begin = column;
      while (is_dark(row, column)) ++column;
      for (const auto& one : square(x + (quiet + begin) * unit, y + side - (quiet + row + 1) * unit,
                                    (column - begin) * unit, unit))
        dark.path.push_back(one);
    }
  shape(field);
  shape(dark);
}

std::string PageWriter::finish(double width_mm, double height_mm) {
  const auto layer = std::to_string(ids_.next());
  std::string out(kXml);
  out += "<ofd:Page" + std::string(kXmlns) + "><ofd:Area><ofd:PhysicalBox>" +
         numbers({0, 0, width_mm, height_mm}) +
         "</ofd:PhysicalBox></ofd:Area><ofd:Content><ofd:Layer ID=\"" + layer +
         "\" Type=\"Body\">\n" + out_ + "</ofd:Layer></ofd:Content></ofd:Page>\n";
  out_.clear();
  return out;
}

}  // namespace seal::ofd
