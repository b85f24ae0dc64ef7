#include "hsm/officers/strict_der.h"

#include <optional>

namespace hsm::officers {
namespace {

constexpr int kMostDepth = 32;
constexpr std::uint8_t kConstructed = 0x20;

/// Takes the length's octets off the front.
std::optional<std::size_t> take_length(base::BytesView& in) {
  if (in.empty()) return std::nullopt;
  const std::uint8_t first = in[0];
  in = in.subspan(1);
  if (first < 0x80) return first;
  const std::size_t octets = first & 0x7f;
  if (octets == 0 || octets > 4 || in.size() < octets || in[0] == 0) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < octets; ++i) size = size << 8 | in[i];
  in = in.subspan(octets);
  if (size < 0x80) return std::nullopt;
  return size;
}

bool good_number(base::BytesView value) {
  if (value.empty()) return false;
  return value.size() == 1 ||
         !((value[0] == 0x00 && value[1] < 0x80) || (value[0] == 0xff && value[1] >= 0x80));
}

bool good_bits(base::BytesView value) {
  if (value.empty() || value[0] > 7 || (value.size() == 1 && value[0] != 0)) return false;
  return (value.back() & ((1 << value[0]) - 1)) == 0 || value.size() == 1;
}

bool good_primitive(std::uint8_t tag, base::BytesView value) {
  switch (tag) {
    case 0x01:
      return value.size() == 1 && (value[0] == 0x00 || value[0] == 0xff);
    case 0x02:
    case 0x0a:
      return good_number(value);
    case 0x03:
      return good_bits(value);
    case 0x05:
      return value.empty();
    default:
      return true;
  }
}

bool values(base::BytesView in, int depth, bool one) {
  if (depth > kMostDepth) return false;
  for (std::size_t count = 0; !in.empty(); ++count) {
    if (one && count == 1) return false;
    const std::uint8_t tag = in[0];
    in = in.subspan(1);
    const auto size = take_length(in);
    if ((tag & 0x1f) == 0x1f || tag == 0 || !size || *size > in.size()) return false;
    const auto value = in.first(*size);
    in = in.subspan(*size);
    const bool universal = (tag & 0xc0) == 0;
    const bool composed = (tag & kConstructed) != 0;
    // Sequences and sets are constructed, every other universal type is not.
    if (universal && composed != ((tag & 0x1f) == 0x10 || (tag & 0x1f) == 0x11)) return false;
    if (composed ? !values(value, depth + 1, false) : universal && !good_primitive(tag, value))
      return false;
  }
  return true;
}

}  // namespace

bool strict_der(base::BytesView bytes) {
  return !bytes.empty() && values(bytes, 0, true);
}

}  // namespace hsm::officers
