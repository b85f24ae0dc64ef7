#include "seal/ofd/drawing.h"

#include <charconv>

namespace seal::ofd {
namespace {

// The one graphics state that we have multiplies colours (seal/pdf/document.cpp); OFD has no such
// thing, and what lies beneath shines through instead.
constexpr int kMultiplied = 128;

base::Error mistake(std::string_view what) {
  return base::error(base::Code::internal, "seal.drawing", std::string(what));
}

struct State {
  Matrix matrix;
  pdf::Colour fill, stroke;
  double thickness = 1;
  int alpha = 255;
};

class Reading {
 public:
  Reading(std::string_view content, const Codes& codes) : rest_(content), codes_(codes) {}
  base::Result<std::vector<Item>> run();

 private:
  std::string_view token();
  base::Result<void> perform(std::string_view what);
  bool text(std::string_view what);
  bool path(std::string_view what);
  bool colour(std::string_view what);
  bool take(std::size_t wanted) const { return numbers_.size() == wanted; }
  void add(char kind, std::size_t points, std::size_t from = 0);
  void paint(Shape::Paint how);
  bool show();

  std::string_view rest_;
  const Codes& codes_;
  std::vector<double> numbers_;
  std::string_view name_, hexadecimal_;
  State now_;
  std::vector<State> saved_;
  std::vector<Segment> path_;
  Run run_;
  bool in_text_ = false;
  char font_ = 0;
  std::vector<Item> out_;
};

/// Numbers, names, hexadecimal strings and operators; a dictionary is passed over.
std::string_view Reading::token() {
  const auto begin = rest_.find_first_not_of(" \n\r\t");
  if (begin == std::string_view::npos) return {};
  rest_.remove_prefix(begin);
  std::size_t size = 1;
  if (rest_.starts_with("<<")) {
    size = std::min(rest_.size(), rest_.find(">>") + 2);
  } else if (rest_.front() == '<') {
    size = std::min(rest_.size(), rest_.find('>') + 1);
  } else {
    while (size < rest_.size() &&
           std::string_view(" \n\r\t/<[(").find(rest_[size]) == std::string_view::npos)
      ++size;
  }
  const auto out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

base::Result<std::vector<Item>> Reading::run() {
  for (auto one = token(); !one.empty(); one = token()) {
    const char c = one.front();
    if ((c >= '0' && c <= '9') || c == '-' || c == '.') {
      double value = 0;
      const auto [end, problem] = std::from_chars(one.data(), one.data() + one.size(), value);
      if (problem != std::errc() || end != one.data() + one.size()) return mistake(one);
      numbers_.push_back(value);
    } else if (c == '/') {
      name_ = one.substr(1);
    } else if (one.starts_with("<<")) {
      continue;
    } else if (c == '<') {
      hexadecimal_ = one.substr(1, one.size() - 2);
    } else {
      BASE_TRY_VOID(perform(one));
      numbers_.clear();
    }
  }
  return std::move(out_);
}

base::Result<void> Reading::perform(std::string_view what) {
  // Marked content says what something is, not how it looks (ISO 32000-1 14.6).
  if (what == "BDC" || what == "BMC" || what == "EMC") return {};
  if (what == "q") {
    saved_.push_back(now_);
  } else if (what == "Q" && !saved_.empty()) {
    now_ = saved_.back();
    saved_.pop_back();
  } else if (what == "cm" && take(6)) {
    const auto& n = numbers_;
    now_.matrix = joined({n[0], n[1], n[2], n[3], n[4], n[5]}, now_.matrix);
  } else if (what == "Do") {
    out_.emplace_back(Placed{std::string(name_), now_.matrix});
  } else if (!colour(what) && !text(what) && !path(what)) {
    return mistake(what);
  }
  return {};
}

bool Reading::colour(std::string_view what) {
  const auto& n = numbers_;
  if (what == "rg" && take(3))
    now_.fill = {n[0], n[1], n[2]};
  else if (what == "RG" && take(3))
    now_.stroke = {n[0], n[1], n[2]};
  else if (what == "g" && take(1))
    now_.fill = {n[0], n[0], n[0]};
  else if (what == "G" && take(1))
    now_.stroke = {n[0], n[0], n[0]};
  else if (what == "w" && take(1))
    now_.thickness = n[0];
  else if (what == "gs" && name_ == "G")
    now_.alpha = kMultiplied;
  else
    return false;
  return true;
}

bool Reading::text(std::string_view what) {
  const auto& n = numbers_;
  if (what == "BT") {
    in_text_ = true;
    run_ = {.matrix = now_.matrix, .text = {}, .colour = now_.fill, .alpha = now_.alpha};
  } else if (!in_text_) {
    return false;
  } else if (what == "Td" && take(2)) {
    run_.matrix = joined({1, 0, 0, 1, n[0], n[1]}, now_.matrix);
  } else if (what == "Tm" && take(6)) {
    run_.matrix = joined({n[0], n[1], n[2], n[3], n[4], n[5]}, now_.matrix);
  } else if (what == "Tc" && take(1)) {
    if (run_.text.empty()) run_.tracking = n[0];  // else it is set back for what follows
  } else if (what == "Tf" && take(1) && name_.size() == 2) {
    font_ = name_[1];
    run_.size = n[0];
    run_.face = font_ == 'T' ? pdf::Face::display : pdf::Face::body;
  } else if (what == "Tj") {
    return show();
  } else if (what == "ET") {
    in_text_ = false;
    if (!run_.text.empty()) out_.emplace_back(std::move(run_));
  } else {
    return false;
  }
  return true;
}

bool Reading::show() {
  const auto& known = font_ == 'A'   ? std::u32string_view(codes_.body.characters())
                      : font_ == 'T' ? std::u32string_view(codes_.display.characters())
                                     : codes_.extra;
  if (hexadecimal_.size() % 4 != 0) return false;
  for (; !hexadecimal_.empty(); hexadecimal_.remove_prefix(4)) {
    unsigned code = 0;
    const auto four = hexadecimal_.substr(0, 4);
    const auto [end, problem] = std::from_chars(four.data(), four.data() + 4, code, 16);
    if (problem != std::errc() || end != four.data() + 4 || code == 0 || code > known.size())
      return false;
    run_.text += known[code - 1];
  }
  return true;
}

/// So many points of the numbers, as they lie on the page.
void Reading::add(char kind, std::size_t points, std::size_t from) {
  Segment out{kind, {}};
  for (std::size_t i = 0; i < points; ++i) {
    const double x = numbers_[from + 2 * i], y = numbers_[from + 2 * i + 1];
    const auto& m = now_.matrix;
    out.at[2 * i] = m.a * x + m.c * y + m.e;
    out.at[2 * i + 1] = m.b * x + m.d * y + m.f;
  }
  path_.push_back(out);
}

bool Reading::path(std::string_view what) {
  if (what == "m" && take(2)) {
    add('M', 1);
  } else if (what == "l" && take(2)) {
    add('L', 1);
  } else if (what == "c" && take(6)) {
    add('B', 3);
  } else if (what == "h" && take(0)) {
    path_.push_back({'C', {}});
  } else if (what == "re" && take(4)) {
    const double x = numbers_[0], y = numbers_[1], right = x + numbers_[2], top = y + numbers_[3];
    numbers_ = {x, y, right, y, right, top, x, top};
    for (std::size_t i = 0; i < 4; ++i) add(i == 0 ? 'M' : 'L', 1, 2 * i);
    path_.push_back({'C', {}});
  } else if (what == "f") {
    paint(Shape::Paint::fill);
  } else if (what == "f*") {
    paint(Shape::Paint::fill_even_odd);
  } else if (what == "S") {
    paint(Shape::Paint::stroke);
  } else {
    return false;
  }
  return true;
}

/// Strokes that look alike and follow one another are one shape: a table is hundreds of lines.
void Reading::paint(Shape::Paint how) {
  const bool stroke = how == Shape::Paint::stroke;
  const auto colour = stroke ? now_.stroke : now_.fill;
  auto* last = out_.empty() ? nullptr : std::get_if<Shape>(&out_.back());
  if (stroke && last != nullptr && last->paint == how && last->colour == colour &&
      last->alpha == now_.alpha && last->thickness == now_.thickness)
    last->path.insert(last->path.end(), path_.begin(), path_.end());
  else
    out_.emplace_back(Shape{how, stroke ? now_.thickness : 0, colour, path_, now_.alpha});
  path_.clear();
}

}  // namespace

Matrix joined(const Matrix& inner, const Matrix& outer) {
  return {inner.a * outer.a + inner.b * outer.c,
          inner.a * outer.b + inner.b * outer.d,
          inner.c * outer.a + inner.d * outer.c,
          inner.c * outer.b + inner.d * outer.d,
          inner.e * outer.a + inner.f * outer.c + outer.e,
          inner.e * outer.b + inner.f * outer.d + outer.f};
}

base::Result<std::vector<Item>> read_drawing(std::string_view content, const Codes& codes) {
  return Reading(content, codes).run();
}

}  // namespace seal::ofd
