#include "seal/pdf/text.h"

#include <cmath>

#include "base/text.h"

namespace seal::pdf {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

void put_hex16(std::string& out, unsigned value) {
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(value >> shift) & 15];
}

// 行首行尾禁则 (GB/T 15834-2011 5.1): what may not begin a line, and what may not end one.
bool may_not_begin(char32_t c) {
  return std::u32string_view(U"、。，．：；？！）》」』】〕〉”’…—·～%‰℃,.:;?!)]}").find(c) !=
         std::u32string_view::npos;
}
bool may_not_end(char32_t c) {
  return std::u32string_view(U"（《「『【〔〈“‘([{￥$").find(c) != std::u32string_view::npos;
}
// Letters and digits of one word or number stay together.
bool in_word(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c >= 0xc0 && c < 0x250) || c == '/' || c == '-' || c == '_' || c == '\'' || c == '@';
}
bool may_break(char32_t before, char32_t after) {
  if (after == ' ' || may_not_begin(after) || may_not_end(before)) return false;
  return !(in_word(before) && in_word(after));
}

}  // namespace

void put(std::string& out, double value) {
  auto thousandths = std::llround(value * 1000);
  if (thousandths < 0) {
    out += '-';
    thousandths = -thousandths;
  }
  out += std::to_string(thousandths / 1000);
  if (const auto rest = static_cast<unsigned>(thousandths % 1000); rest != 0) {
    out += '.';
    out += static_cast<char>('0' + rest / 100);
    if (rest % 100 != 0) out += static_cast<char>('0' + rest / 10 % 10);
    if (rest % 10 != 0) out += static_cast<char>('0' + rest % 10);
  }
  out += ' ';
}

std::string text_string(std::string_view utf8) {
  std::string out = "<FEFF";
  for (const auto c : base::to_code_points(utf8)) {
    if (c >= 0x10000) {
      put_hex16(out, 0xd7c0 + (static_cast<unsigned>(c) >> 10));
      put_hex16(out, 0xdc00 + (static_cast<unsigned>(c) & 0x3ff));
    } else {
      put_hex16(out, static_cast<unsigned>(c));
    }
  }
  return out + '>';
}

CharacterCodes::Code CharacterCodes::add(char32_t c) {
  base::check(c < kCharacters, "a character beyond those that fonts hold");
  if (cids_[c] == 0) {
    characters_ += c;
    cids_[c] = static_cast<std::uint16_t>(characters_.size());
  }
  return {font_, cids_[c]};
}

CharacterCodes::Code ExtraCodes::code(char32_t c) {
  auto at = characters_.find(c);
  if (at == std::u32string::npos) {
    at = characters_.size();
    characters_ += c;
  }
  return {'B', static_cast<std::uint16_t>(at + 1)};
}

std::optional<CharacterCodes::Code> Canvas::code(char32_t c, Face which) {
  const auto& codes = which == Face::body ? body_ : display_;
  if (const auto known = codes.find(c)) return known;
  const auto& drawn = which == Face::body ? *faces_.body : *faces_.display;
  if (drawn.glyph(c) == 0) {
    if (!missing_) missing_ = c;
    return std::nullopt;
  }
  if (auto* growing = which == Face::body ? growing_body_ : growing_display_)
    return growing->add(c);
  base::check(which == Face::body, "the display face sets only what a template knows");
  return extra_->code(c);
}

double Canvas::width(std::u32string_view text, const Style& style) {
  const auto& drawn = face(style);
  int total = 0;
  for (const auto c : text) total += drawn.advance(drawn.glyph(c));
  const auto gaps = text.empty() ? 0.0 : static_cast<double>(text.size() - 1);
  return total * style.size / 1000 + gaps * style.tracking;
}

void Canvas::set_fill(const Colour& colour) {
  if (fill_ == colour) return;
  fill_ = colour;
  put(out_, colour.red);
  put(out_, colour.green);
  put(out_, colour.blue);
  out_ += "rg\n";
}

void Canvas::text(double x, double y, std::string_view utf8, const Style& style, Align align) {
  text(x, y, base::to_code_points(utf8), style, align);
}

void Canvas::text(double x, double y, std::u32string_view text, const Style& style, Align align) {
  if (text.empty()) return;
  if (align != Align::left) x -= width(text, style) * (align == Align::right ? 1 : 0.5);
  set_fill(style.colour);
  out_ += "BT ";
  if (style.tracking != 0) {
    put(out_, style.tracking);
    out_ += "Tc ";
  }
  put(out_, x);
  put(out_, y);
  out_ += "Td ";
  char font = 0;
  for (const auto c : text) {
    const auto shown = code(c, style.face);
    if (!shown) continue;
    if (shown->font != font) {
      if (font != 0) out_ += ">Tj ";
      font = shown->font;
      out_ += "/F";
      out_ += font;
      out_ += ' ';
      put(out_, style.size);
      out_ += "Tf <";
    }
    put_hex16(out_, shown->cid);
  }
  if (font != 0) out_ += ">Tj ";
  if (style.tracking != 0) out_ += "0 Tc ";
  out_ += "ET\n";
}

std::vector<std::u32string> Canvas::lines(std::u32string_view text, double most,
                                          const Style& style) {
  std::vector<std::u32string> out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = begin, fits = begin;
    double used = -style.tracking;
    const auto& drawn = face(style);
    for (; end < text.size(); ++end) {
      used += drawn.advance(drawn.glyph(text[end])) * style.size / 1000 + style.tracking;
      if (used > most + 0.01) break;
      if (end + 1 == text.size() || may_break(text[end], text[end + 1])) fits = end + 1;
    }
    if (end == text.size()) fits = end;
    // A word wider than the line is cut where the line ends; one character at least goes forward.
    if (fits == begin) fits = std::max(end, begin + 1);
    auto line = text.substr(begin, fits - begin);
    while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
    out.emplace_back(line);
    begin = fits;
    while (begin < text.size() && text[begin] == ' ') ++begin;
  }
  if (out.empty()) out.emplace_back();
  return out;
}

void Canvas::line(double x1, double y1, double x2, double y2, double thickness,
                  const Colour& colour) {
  put(out_, colour.red);
  put(out_, colour.green);
  put(out_, colour.blue);
  out_ += "RG ";
  put(out_, thickness);
  out_ += "w ";
  put(out_, x1);
  put(out_, y1);
  out_ += "m ";
  put(out_, x2);
  put(out_, y2);
  out_ += "l S\n";
}

void Canvas::fill(double x, double y, double width, double height, const Colour& colour) {
  set_fill(colour);
  for (const auto value : {x, y, width, height}) put(out_, value);
  out_ += "re f\n";
}

void Canvas::frame(double x, double y, double width, double height, double thickness,
                   const Colour& colour) {
  put(out_, colour.red);
  put(out_, colour.green);
  put(out_, colour.blue);
  out_ += "RG ";
  put(out_, thickness);
  out_ += "w ";
  for (const auto value : {x, y, width, height}) put(out_, value);
  out_ += "re S\n";
}

void Canvas::place(std::string_view name, double x, double y) {
  out_ += "q 1 0 0 1 ";
  put(out_, x);
  put(out_, y);
  out_ += "cm /";
  out_ += name;
  out_ += " Do Q\n";
}

void Canvas::place_scaled(std::string_view name, double x, double y, double width, double height) {
  out_ += "q ";
  put(out_, width);
  out_ += "0 0 ";
  put(out_, height);
  put(out_, x);
  put(out_, y);
  out_ += "cm /";
  out_ += name;
  out_ += " Do Q\n";
}

}  // namespace seal::pdf
