#include "store/binary.h"

#include <bit>
#include <cstring>

#include "base/encoding.h"

namespace store {
namespace {

using std::chrono::days;
using std::chrono::microseconds;

/// PostgreSQL counts from 2000-01-01.
constexpr base::Date kEpoch{std::chrono::year{2000} / 1 / 1};
constexpr base::Time kEpochTime{kEpoch};
/// What a timestamptz can hold: 4713 BC to 294276 AD; a date goes further, our days do not need to.
constexpr base::Time kFirst{base::Date{std::chrono::year{-4712} / 1 / 1}};
constexpr base::Time kLast{base::Date{std::chrono::year{32767} / 12 / 31}};

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

base::Error refused(std::string_view why) {
  return base::error(base::Code::invalid_argument, "store.value", std::string(why));
}

}  // namespace

void Bound::scalar(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    scalar_[static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  data_ = scalar_.data();
  size_ = bytes;
}

void Bound::point(std::string_view bytes) {
  // An empty vector's data() may be null, which libpq would read as SQL null.
  data_ = bytes.empty() ? "" : bytes.data();
  size_ = static_cast<int>(bytes.size());
}

base::Result<void> Bound::bind(const Param& param) {
  constexpr std::size_t kMost = 1U << 30;  // PostgreSQL's own limit of a value
  const auto& value = param.value();
  if (std::holds_alternative<std::monostate>(value)) {
    data_ = nullptr;
    size_ = 0;
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    scalar(*flag ? 1 : 0, 1);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    scalar(static_cast<std::uint64_t>(*integer), 8);
  } else if (const auto* real = std::get_if<double>(&value)) {
    scalar(std::bit_cast<std::uint64_t>(*real), 8);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    if (text->find('\0') != std::string::npos) return refused("NUL in a text");
    if (text->size() >= kMost) return refused("a text of 1 GiB or more");
    point(*text);
  } else if (const auto* bytes = std::get_if<base::Bytes>(&value)) {
    if (bytes->size() >= kMost) return refused("a value of 1 GiB or more");
    point(base::as_text(*bytes));
  } else if (const auto* at = std::get_if<base::Time>(&value)) {
    if (*at < kFirst || *at > kLast) return refused("a moment outside -4712 to 32767");
    scalar(static_cast<std::uint64_t>((*at - kEpochTime).count()), 8);
  } else if (const auto* date = std::get_if<base::Date>(&value)) {
    if (*date < std::chrono::floor<days>(kFirst) || *date > std::chrono::floor<days>(kLast))
      return refused("a date outside -4712 to 32767");
    scalar(static_cast<std::uint32_t>((*date - kEpoch).count()), 4);
  } else {
    const auto& json = std::get<Json>(value).text;
    if (json.find('\0') != std::string::npos) return refused("NUL in a JSON text");
    if (json.size() >= kMost) return refused("a JSON text of 1 GiB or more");
    own_.reserve(json.size() + 1);
    own_.assign(1, '\x01');  // the version of jsonb's binary form
    own_ += json;
    point(own_);
  }
  return {};
}

unsigned int type_of(const Param& param) {
  struct {
    unsigned int operator()(std::monostate) const { return 0; }
    unsigned int operator()(bool) const { return oid::kBool; }
    unsigned int operator()(std::int64_t) const { return oid::kInt8; }
    unsigned int operator()(double) const { return oid::kFloat8; }
    unsigned int operator()(const std::string&) const { return oid::kText; }
    unsigned int operator()(const base::Bytes&) const { return oid::kBytea; }
    unsigned int operator()(base::Time) const { return oid::kTimestamptz; }
    unsigned int operator()(base::Date) const { return oid::kDate; }
    unsigned int operator()(const Json&) const { return oid::kJsonb; }
  } visitor;
  return std::visit(visitor, param.value());
}

bool is_text_type(unsigned int type) {
  switch (type) {
    case oid::kText:
    case oid::kVarchar:
    case oid::kBpchar:
    case oid::kName:
    case oid::kChar:
    case oid::kJson:
    case oid::kUnknown:
      return true;
    default:
      return false;
  }
}

std::int64_t decode_integer(unsigned int type, std::string_view bytes) {
  const auto raw = big_endian(bytes);
  switch (type) {
    case oid::kInt2:
      return static_cast<std::int16_t>(raw);
    case oid::kInt4:
      return static_cast<std::int32_t>(raw);
    case oid::kInt8:
      return static_cast<std::int64_t>(raw);
    default:
      base::fail("a column read as an integer is none (type " + std::to_string(type) + ")");
  }
}

double decode_real(unsigned int type, std::string_view bytes) {
  const auto raw = big_endian(bytes);
  switch (type) {
    case oid::kFloat4:
      return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
    case oid::kFloat8:
      return std::bit_cast<double>(raw);
    default:
      base::fail("a column read as a real is none (type " + std::to_string(type) + ")");
  }
}

base::Time decode_time(std::string_view bytes) {
  const auto raw = static_cast<std::int64_t>(big_endian(bytes));
  // The infinities are the ends of the range; past our own end we could not count.
  base::check(raw != INT64_MIN && raw <= INT64_MAX - kEpochTime.time_since_epoch().count(),
              "a moment was read that base::Time cannot hold");
  return kEpochTime + microseconds{raw};
}

base::Date decode_date(std::string_view bytes) {
  const auto raw = static_cast<std::int32_t>(big_endian(bytes));
  base::check(raw != INT32_MAX && raw != INT32_MIN, "an infinite date was read");
  return kEpoch + days{raw};
}

std::string format_uuid(std::string_view bytes) {
  auto text = base::to_hex(base::as_bytes(bytes));
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace store
