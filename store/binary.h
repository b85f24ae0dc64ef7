// PostgreSQL's binary forms of the types that the door speaks. Included by store/*.cpp alone.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "store/store.h"

namespace store {

/// Object ids of built-in types (src/include/catalog/pg_type.dat; stable across versions).
namespace oid {
inline constexpr unsigned int kBool = 16, kBytea = 17, kChar = 18, kName = 19, kInt8 = 20,
                              kInt2 = 21, kInt4 = 23, kText = 25, kJson = 114, kFloat4 = 700,
                              kFloat8 = 701, kUnknown = 705, kBpchar = 1042, kVarchar = 1043,
                              kDate = 1082, kTimestamptz = 1184, kUuid = 2950, kJsonb = 3802;
}  // namespace oid

/// A parameter as libpq takes it: points into the Param, or into itself; so it does not move.
class Bound {
 public:
  Bound() = default;
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;

  /// Errors: invalid_argument `store.value`: NUL in a text, a moment or date that PostgreSQL has
  /// not.
  base::Result<void> bind(const Param& param);
  const char* data() const { return data_; }  ///< null for a null
  int size() const { return size_; }

 private:
  void scalar(std::uint64_t value, int bytes);
  void point(std::string_view bytes);

  const char* data_ = nullptr;
  int size_ = 0;
  std::array<char, 8> scalar_{};
  std::string own_;
};

/// The type that a parameter is sent as; 0 for null.
unsigned int type_of(const Param& param);

bool is_text_type(unsigned int type);

// Decoders; `bytes` is what the server sent for one value of that type.
std::int64_t decode_integer(unsigned int type, std::string_view bytes);
double decode_real(unsigned int type, std::string_view bytes);
base::Time decode_time(std::string_view bytes);
base::Date decode_date(std::string_view bytes);
std::string format_uuid(std::string_view bytes);

}  // namespace store
