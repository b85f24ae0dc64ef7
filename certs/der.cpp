#include "certs/der.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include <cstdio>
#include <memory>

#include "base/check.h"

namespace certs::der {
namespace {

using base::Bytes;
using base::BytesView;

constexpr int kMostDepth = 32;

struct Header {
  std::uint8_t tag = 0;
  std::size_t size = 0;     ///< of tag and length
  std::size_t content = 0;  ///< of what follows
};

bool read_header(BytesView in, Header& out) {
  if (in.size() < 2) return false;
  out.tag = in[0];
  std::size_t at = 1;
  if ((out.tag & 0x1F) == 0x1F) {  // high tag numbers: least 31, minimal, at most two octets
    if (in[1] < 0x1F) return false;
    if ((in[1] & 0x80) != 0 && (in[1] == 0x80 || in.size() < 3 || (in[2] & 0x80) != 0))
      return false;
    at += (in[1] & 0x80) != 0 ? 2 : 1;
  }
  if (at >= in.size()) return false;
  const std::uint8_t first = in[at++];
  if (first < 0x80) {
    out.content = first;
  } else {
    const std::size_t count = first & 0x7F;
    if (count == 0 || count > 4 || at + count > in.size() || in[at] == 0) return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | in[at++];
    if (length < 0x80) return false;
    out.content = length;
  }
  out.size = at;
  return out.content <= in.size() - at;
}

bool good_primitive(std::uint8_t tag, BytesView content) {
  switch (tag) {
    case 0x01:
      return content.size() == 1 && (content[0] == 0 || content[0] == 0xFF);
    case 0x02:
    case 0x0A:
      return !content.empty() &&
             !(content.size() > 1 && ((content[0] == 0 && content[1] < 0x80) ||
                                      (content[0] == 0xFF && content[1] >= 0x80)));
    case 0x03: {
      if (content.empty() || content[0] > 7) return false;
      if (content.size() == 1) return content[0] == 0;
      return (content.back() & ((1U << content[0]) - 1)) == 0;
    }
    case 0x05:
      return content.empty();
    case 0x06:
      return !content.empty() && (content.back() & 0x80) == 0;
    default:
      return true;
  }
}

/// Walks the values that fill `in` exactly.
bool strict_values(BytesView in, int depth, bool just_one) {
  if (depth > kMostDepth) return false;
  std::size_t count = 0;
  while (!in.empty()) {
    Header header;
    if (!read_header(in, header)) return false;
    const BytesView content = in.subspan(header.size, header.content);
    const bool constructed = (header.tag & 0x20) != 0;
    const bool universal = (header.tag & 0xC0) == 0;
    if (universal && header.tag == 0x00) return false;
    const std::uint8_t number = header.tag & 0x1F;
    const bool container = number == 0x10 || number == 0x11 || number == 0x08 || number == 0x0B;
    if (universal && constructed != container) return false;
    if (constructed ? !strict_values(content, depth + 1, false)
                    : universal && !good_primitive(header.tag, content))
      return false;
    in = in.subspan(header.size + header.content);
    if (just_one && ++count == 1 && !in.empty()) return false;
  }
  return true;
}

void append_length(Bytes& out, std::size_t length) {
  if (length < 0x80) {
    out.push_back(static_cast<std::uint8_t>(length));
    return;
  }
  int count = 1;
  while (length >> (8 * count) != 0) ++count;
  out.push_back(static_cast<std::uint8_t>(0x80 | count));
  for (int i = count - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
}

std::string digits_of(base::Time at, bool long_year) {
  std::string text;
  for (const char c : base::to_rfc3339(at))
    if (c >= '0' && c <= '9') text += c;
  return long_year ? text : text.substr(2);
}

}  // namespace

bool is_strict(BytesView bytes) {
  return !bytes.empty() && strict_values(bytes, 0, true);
}

std::size_t first_size(BytesView bytes) {
  Header header;
  return read_header(bytes, header) ? header.size + header.content : 0;
}

std::optional<BytesView> Walk::take(std::uint8_t tag, BytesView* whole) {
  Header header;
  if (!read_header(left_, header) || header.tag != tag) return std::nullopt;
  const auto all = left_.first(header.size + header.content);
  if (whole != nullptr) *whole = all;
  left_ = left_.subspan(all.size());
  return all.subspan(header.size);
}

std::string dotted(BytesView oid) {
  constexpr std::size_t kMost = 64;
  if (oid.empty() || oid.size() > kMost) return {};
  const auto encoded = value(0x06, oid);
  const unsigned char* at = encoded.data();
  const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> object(
      d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(encoded.size())), ASN1_OBJECT_free);
  ERR_clear_error();
  char text[512];
  const int size = object ? OBJ_obj2txt(text, sizeof text, object.get(), 1) : 0;
  if (size <= 0 || size >= static_cast<int>(sizeof text)) return {};
  return {text, static_cast<std::size_t>(size)};
}

Bytes value(std::uint8_t tag, std::initializer_list<BytesView> contents) {
  std::size_t size = 0;
  for (const auto& part : contents) size += part.size();
  Bytes out;
  out.reserve(size + 6);
  out.push_back(tag);
  append_length(out, size);
  for (const auto& part : contents) base::append(out, part);
  return out;
}

Bytes value(std::uint8_t tag, BytesView content) {
  return value(tag, {content});
}
Bytes sequence(std::initializer_list<BytesView> contents) {
  return value(0x30, contents);
}
Bytes set(std::initializer_list<BytesView> contents) {
  return value(0x31, contents);
}
Bytes octets(BytesView content) {
  return value(0x04, content);
}

Bytes bits(BytesView content, int unused) {
  const std::uint8_t head[] = {static_cast<std::uint8_t>(unused)};
  return value(0x03, {head, content});
}

Bytes integer(BytesView magnitude) {
  while (magnitude.size() > 1 && magnitude[0] == 0) magnitude = magnitude.subspan(1);
  static constexpr std::uint8_t kZero[] = {0};
  if (magnitude.empty()) return value(0x02, BytesView(kZero));
  if ((magnitude[0] & 0x80) != 0) return value(0x02, {BytesView(kZero), magnitude});
  return value(0x02, magnitude);
}

Bytes integer(std::int64_t number) {
  base::check(number >= 0, "der::integer of a negative number");
  Bytes magnitude(8);
  for (int i = 0; i < 8; ++i)
    magnitude[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
  return integer(magnitude);
}

Bytes boolean(bool yes) {
  const std::uint8_t content[] = {static_cast<std::uint8_t>(yes ? 0xFF : 0)};
  return value(0x01, BytesView(content));
}

Bytes null() {
  return value(0x05, BytesView{});
}

Bytes oid(std::string_view dotted) {
  const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> object(
      OBJ_txt2obj(std::string(dotted).c_str(), 1), ASN1_OBJECT_free);
  base::check(object != nullptr, "der::oid of a text that is none");
  return value(0x06, BytesView(OBJ_get0_data(object.get()), OBJ_length(object.get())));
}

Bytes utf8(std::string_view text) {
  return value(0x0C, base::as_bytes(text));
}
Bytes printable(std::string_view text) {
  return value(0x13, base::as_bytes(text));
}

Bytes time(base::Time at) {
  using std::chrono::sys_days;
  static constexpr base::Time kYear2050 = sys_days{std::chrono::year{2050} / 1 / 1};
  const bool long_year = at >= kYear2050;
  return value(long_year ? 0x18 : 0x17, base::as_bytes(digits_of(at, long_year) + "Z"));
}

Bytes generalized_time(base::Time at, bool fraction) {
  std::string text = digits_of(at, true);
  const auto micros = (at - std::chrono::floor<std::chrono::seconds>(at)).count();
  if (fraction && micros != 0) {
    char digits[16];
    std::snprintf(digits, sizeof digits, ".%06d", static_cast<int>(micros));
    std::string tail = digits;
    while (tail.back() == '0') tail.pop_back();
    text += tail;
  }
  return value(0x18, base::as_bytes(text + "Z"));
}

}  // namespace certs::der
