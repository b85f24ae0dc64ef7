#include "seal/pdf/cff.h"

#include <cmath>

namespace seal::pdf {
namespace {

constexpr int kDefaultWidth = 1000;
constexpr int kStack = 48;  // Type 2 argument stack limit

void put16(base::Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

// Numbers of a charstring; outlines stay far inside 16 bits.
void put_number(base::Bytes& out, int value) {
  if (value >= -107 && value <= 107) {
    out.push_back(static_cast<std::uint8_t>(value + 139));
  } else if (value >= 108 && value <= 1131) {
    out.push_back(static_cast<std::uint8_t>(247 + ((value - 108) >> 8)));
    out.push_back(static_cast<std::uint8_t>(value - 108));
  } else if (value >= -1131 && value <= -108) {
    out.push_back(static_cast<std::uint8_t>(251 + ((-value - 108) >> 8)));
    out.push_back(static_cast<std::uint8_t>(-value - 108));
  } else {
    out.push_back(28);
    put16(out, static_cast<std::uint16_t>(value));
  }
}

// Writes operators, joining runs of them while the stack allows it. Lines and curves that begin or
// end straight up or across have shorter forms, which alternate their direction within a run.
class Charstring {
 public:
  explicit Charstring(int advance) {
    if (advance != kDefaultWidth) {
      put_number(out_, advance);
      depth_ = 1;
    }
  }
  void move(int dx, int dy) {
    flush();
    put_number(out_, dx);
    put_number(out_, dy);
    out_.push_back(kMoveTo);
    depth_ = 0;
  }
  void line(int dx, int dy) {
    if (dx == 0 || dy == 0) {
      begin_alternating(dy == 0 ? kHorizontalLine : kVerticalLine, kHorizontalLine, kVerticalLine,
                        1);
      put_number(out_, dy == 0 ? dx : dy);
      return;
    }
    begin(kLine, 2);
    put_number(out_, dx);
    put_number(out_, dy);
  }
  void curve(const std::array<int, 6>& d) {
    const bool across = d[1] == 0 && d[4] == 0, up = d[0] == 0 && d[5] == 0;
    if (across || up) {
      begin_alternating(across ? kAcrossCurve : kUpCurve, kAcrossCurve, kUpCurve, 4);
      for (const auto value : {across ? d[0] : d[1], d[2], d[3], across ? d[5] : d[4]})
        put_number(out_, value);
      return;
    }
    begin(kCurve, 6);
    for (const auto value : d) put_number(out_, value);
  }
  base::Bytes finish() {
    flush();
    out_.push_back(kEnd);
    return std::move(out_);
  }

 private:
  enum Op : std::uint8_t {
    kNone = 0,
    kLine = 5,
    kHorizontalLine = 6,
    kVerticalLine = 7,
    kCurve = 8,
    kEnd = 14,
    kMoveTo = 21,
    kUpCurve = 30,
    kAcrossCurve = 31,
  };
  void begin(Op op, int operands) {
    if (pending_ != op || depth_ + operands > kStack) flush();
    pending_ = op;
    depth_ += operands;
  }
  void begin_alternating(Op now, Op one, Op other, int operands) {
    const bool goes_on =
        (pending_ == one || pending_ == other) && last_ != now && depth_ + operands <= kStack;
    if (!goes_on) {
      flush();
      pending_ = now;
    }
    last_ = now;
    depth_ += operands;
  }
  void flush() {
    if (pending_ == kNone) return;
    out_.push_back(pending_);
    pending_ = kNone;
    depth_ = 0;
  }
  base::Bytes out_;
  Op pending_ = kNone;  // written when its run ends
  Op last_ = kNone;     // the direction of a run's last piece
  int depth_ = 0;
};

// INDEX with four-byte offsets where one would do costs a few bytes; two sizes are enough.
void put_index(base::Bytes& out, std::span<const base::BytesView> items) {
  put16(out, items.size());
  if (items.empty()) return;
  std::size_t total = 1;
  for (const auto& item : items) total += item.size();
  const int size = total < 0x100 ? 1 : total < 0x10000 ? 2 : 4;
  out.push_back(static_cast<std::uint8_t>(size));
  const auto put_offset = [&](std::size_t offset) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
      out.push_back(static_cast<std::uint8_t>(offset >> shift));
  };
  std::size_t offset = 1;
  put_offset(offset);
  for (const auto& item : items) put_offset(offset += item.size());
  for (const auto& item : items) base::append(out, item);
}

// DICT operands of a fixed five bytes, so that offsets can be known before they are written.
void put_fixed(base::Bytes& out, std::size_t value) {
  out.push_back(29);
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
void put_escaped(base::Bytes& out, std::uint8_t op) {
  out.push_back(12);
  out.push_back(op);
}

struct Offsets {
  std::size_t charset = 0, fd_select = 0, charstrings = 0, fd_array = 0;
};

base::Bytes top_dict(const Offsets& at, std::size_t glyphs, const std::array<int, 4>& bounds) {
  base::Bytes out;
  put_number(out, 391);  // "Adobe" and "Identity": the first strings of our own
  put_number(out, 392);
  put_number(out, 0);
  put_escaped(out, 30);  // ROS
  for (const auto value : bounds) put_number(out, value);
  out.push_back(5);  // FontBBox
  put_fixed(out, glyphs);
  put_escaped(out, 34);  // CIDCount
  put_fixed(out, at.charset);
  out.push_back(15);
  put_fixed(out, at.fd_select);
  put_escaped(out, 37);
  put_fixed(out, at.charstrings);
  out.push_back(17);
  put_fixed(out, at.fd_array);
  put_escaped(out, 36);
  return out;
}

}  // namespace

base::Bytes type2_charstring(std::span<const PathStep> outline, int advance) {
  Charstring out(advance);
  int x = 0, y = 0;
  const auto delta = [&](float to_x, float to_y) {
    const int nx = static_cast<int>(std::lround(to_x)), ny = static_cast<int>(std::lround(to_y));
    const std::array<int, 2> d{nx - x, ny - y};
    x = nx;
    y = ny;
    return d;
  };
  for (const auto& step : outline) {
    const auto& p = step.at;
    switch (step.kind) {
      case PathStep::Kind::move: {
        const auto d = delta(p[0], p[1]);
        out.move(d[0], d[1]);
        break;
      }
      case PathStep::Kind::line: {
        const auto d = delta(p[0], p[1]);
        if (d[0] != 0 || d[1] != 0) out.line(d[0], d[1]);
        break;
      }
      case PathStep::Kind::curve: {
        const auto a = delta(p[0], p[1]);
        const auto b = delta(p[2], p[3]);
        const auto c = delta(p[4], p[5]);
        out.curve({a[0], a[1], b[0], b[1], c[0], c[1]});
        break;
      }
      case PathStep::Kind::close:  // a charstring closes its contours by itself
        break;
    }
  }
  return out.finish();
}

base::Bytes cid_keyed_cff(std::string_view name, std::span<const base::BytesView> charstrings,
                          const std::array<int, 4>& bounds) {
  const auto glyphs = charstrings.size();
  base::check(glyphs >= 2 && glyphs <= 0xffff, "a subset has one to 65534 characters");
  base::Bytes private_dict;
  put_number(private_dict, kDefaultWidth);
  private_dict.push_back(20);  // defaultWidthX
  put_number(private_dict, 0);
  private_dict.push_back(21);  // nominalWidthX

  const base::BytesView name_item[] = {base::as_bytes(name)};
  const base::BytesView strings[] = {base::as_bytes("Adobe"), base::as_bytes("Identity")};
  base::Bytes head{1, 0, 4, 4};
  put_index(head, name_item);
  base::Bytes after_top;
  put_index(after_top, strings);
  put_index(after_top, {});  // no global subroutines

  base::Bytes charset{2};  // one range of two-byte CIDs
  put16(charset, 1);
  put16(charset, glyphs - 2);
  base::Bytes fd_select{3};
  put16(fd_select, 1);
  put16(fd_select, 0);
  fd_select.push_back(0);
  put16(fd_select, glyphs);
  base::Bytes shapes;
  put_index(shapes, charstrings);

  Offsets at;
  const auto top_size =
      2 + 1 + 2 + top_dict(at, glyphs, bounds).size();  // an INDEX of one small item
  at.charset = head.size() + top_size + after_top.size();
  at.fd_select = at.charset + charset.size();
  at.charstrings = at.fd_select + fd_select.size();
  const auto private_at = at.charstrings + shapes.size();
  at.fd_array = private_at + private_dict.size();

  const auto top = top_dict(at, glyphs, bounds);
  const base::BytesView top_item[] = {top};
  base::Bytes out = std::move(head);
  put_index(out, top_item);
  for (const auto* part : {&after_top, &charset, &fd_select, &shapes, &private_dict})
    base::append(out, *part);
  base::Bytes font_dict;
  put_fixed(font_dict, private_dict.size());
  put_fixed(font_dict, private_at);
  font_dict.push_back(18);  // Private
  const base::BytesView font_item[] = {font_dict};
  put_index(out, font_item);
  return out;
}

}  // namespace seal::pdf
