// PDF objects, and a strict reader of them. ISO 32000-1 §7.2, §7.3.
//
// Written for bytes that strangers send: no recovery, no guessing, a limit on depth and on the
// number of values, and a dictionary that names a key twice is refused, for two readers could read
// it differently.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace verify::pdf {

struct Reference {
  std::int64_t number = 0;
  std::int64_t generation = 0;
  auto operator<=>(const Reference&) const = default;
};

enum class Type { null, boolean, integer, real, name, string, array, dictionary, reference };

inline constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

struct Member;

struct Object {
  Type type = Type::null;
  bool boolean = false;
  bool hex = false;  ///< a string that is written in hexadecimal
  std::int64_t integer = 0;
  Reference reference;
  std::string text;             ///< of names and strings, decoded; of reals, as written
  std::vector<Object> items;    ///< of an array
  std::vector<Member> members;  ///< of a dictionary, in their order
  /// Where it stands in the file, end exclusive; kNowhere when it came out of an object stream.
  std::size_t begin = kNowhere, end = kNowhere;

  bool is(Type wanted) const { return type == wanted; }
  bool is_name(std::string_view wanted) const { return type == Type::name && text == wanted; }
  /// Null when there is none.
  const Object* member(std::string_view key) const;
  bool operator==(const Object& other) const;  ///< the same value, wherever it stands
};

struct Member {
  std::string first;  ///< the key
  Object second;
};

/// What the reading of one file may use up, all its parts together.
struct Budget {
  std::size_t values;    ///< parsed values left
  std::size_t octets;    ///< that may still be looked at: overlapping objects cost each time
  std::size_t unpacked;  ///< octets that may still come out of streams
  int depth;             ///< of nesting
};

/// A position in bytes; reads forward. A function that says false has said so for good: the input
/// is refused.
class Reader {
 public:
  /// `in_file`: positions are file offsets and are noted in objects.
  Reader(base::BytesView bytes, Budget& budget, bool in_file, std::size_t at = 0)
      : bytes_(bytes), budget_(budget), in_file_(in_file), at_(at) {}

  std::size_t at() const { return at_; }
  void skip_space();                    ///< white space and comments
  bool keyword(std::string_view word);  ///< skips space, then takes `word`, which must end there
  bool number(std::int64_t& out);       ///< skips space, then a non-negative integer
  /// Skips space, then one value.
  bool value(Object& out) { return value(out, 0); }

 private:
  bool value(Object& out, int depth);
  bool array(Object& out, int depth);
  bool dictionary(Object& out, int depth);
  bool name(std::string& out);
  bool literal(std::string& out);
  bool hexadecimal(std::string& out);
  bool numeric(Object& out);
  bool integer_or_reference(Object& out);
  int peek(std::size_t ahead = 0) const {
    return at_ + ahead < bytes_.size() ? bytes_[at_ + ahead] : -1;
  }

  base::BytesView bytes_;
  Budget& budget_;
  bool in_file_;
  std::size_t at_;
};

bool is_space(int c);
bool is_delimiter(int c);

}  // namespace verify::pdf
