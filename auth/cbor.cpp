#include "auth/cbor.h"

#include <limits>

namespace auth {
namespace {

constexpr int kUnsigned = 0, kNegative = 1, kBytes = 2, kText = 3, kArray = 4, kMap = 5, kTag = 6,
              kSimple = 7;

}  // namespace

std::optional<base::BytesView> CborReader::take(std::uint64_t size) {
  if (!ok_ || size > bytes_.size() - at_) {
    ok_ = false;
    return std::nullopt;
  }
  const auto out = bytes_.subspan(at_, static_cast<std::size_t>(size));
  at_ += out.size();
  return out;
}

std::optional<CborReader::Head> CborReader::head() {
  const auto first = take(1);
  if (!first) return std::nullopt;
  const int kind = (*first)[0] >> 5, more = (*first)[0] & 31;
  if (more < 24) return Head{kind, static_cast<std::uint64_t>(more)};
  if (more > 27) {  // reserved, or of indefinite length
    ok_ = false;
    return std::nullopt;
  }
  const auto rest = take(std::uint64_t{1} << (more - 24));
  if (!rest) return std::nullopt;
  std::uint64_t value = 0;
  for (const auto byte : *rest) value = value << 8 | byte;
  // One text for one value. Floating-point numbers say nothing about lengths.
  constexpr std::uint64_t kLeast[] = {24, 1u << 8, 1u << 16, std::uint64_t{1} << 32};
  if (kind != kSimple && value < kLeast[more - 24]) {
    ok_ = false;
    return std::nullopt;
  }
  return Head{kind, value};
}

std::optional<std::uint64_t> CborReader::head_of(int kind) {
  const auto read = head();
  if (!read || read->kind != kind) {
    ok_ = false;
    return std::nullopt;
  }
  return read->value;
}

std::optional<std::int64_t> CborReader::integer() {
  const auto read = head();
  if (!read || (read->kind != kUnsigned && read->kind != kNegative) ||
      read->value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    ok_ = false;
    return std::nullopt;
  }
  const auto value = static_cast<std::int64_t>(read->value);
  return read->kind == kUnsigned ? value : -1 - value;
}

std::optional<base::BytesView> CborReader::byte_string() {
  const auto size = head_of(kBytes);
  return size ? take(*size) : std::nullopt;
}

std::optional<std::string_view> CborReader::text() {
  const auto size = head_of(kText);
  const auto bytes = size ? take(*size) : std::nullopt;
  return bytes ? std::optional(base::as_text(*bytes)) : std::nullopt;
}

std::optional<std::uint64_t> CborReader::array() {
  const auto count = head_of(kArray);
  if (count && *count > bytes_.size() - at_) ok_ = false;
  return ok_ ? count : std::nullopt;
}

std::optional<std::uint64_t> CborReader::map() {
  const auto count = head_of(kMap);
  if (count && *count > (bytes_.size() - at_) / 2) ok_ = false;
  return ok_ ? count : std::nullopt;
}

std::optional<base::BytesView> CborReader::skip(int depth) {
  const auto from = at_;
  const auto read = head();
  if (!read) return std::nullopt;
  if (read->kind == kBytes || read->kind == kText) {
    if (!take(read->value)) return std::nullopt;
  } else if (read->kind == kArray || read->kind == kMap) {
    const auto left = bytes_.size() - at_;
    if (depth == 0 || read->value > (read->kind == kMap ? left / 2 : left)) ok_ = false;
    const auto items = read->value * (read->kind == kMap ? 2 : 1);
    for (std::uint64_t i = 0; ok_ && i < items; ++i) skip(depth - 1);
  } else if (read->kind == kTag) {  // CTAP2 has none
    ok_ = false;
  }
  if (!ok_) return std::nullopt;
  return bytes_.subspan(from, at_ - from);
}

}  // namespace auth
