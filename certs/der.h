// DER, strictly: a check that bytes are one DER value and nothing else, and a small writer.
//
// OpenSSL's readers take BER in many places; two texts for one value are how a signed thing is made
// to look like two things. ITU-T X.690 §8, §10, §11.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"

namespace certs::der {

/// One value with nothing behind it: definite minimal lengths, minimal integers, booleans 00/FF, no
/// constructed strings, nesting at most 32.
bool is_strict(base::BytesView bytes);

/// How many octets the first value of `bytes` takes, whatever follows; 0 when none begins there.
std::size_t first_size(base::BytesView bytes);

/// Walks the values of bytes that is_strict() has let pass. Borrows them.
class Walk {
 public:
  explicit Walk(base::BytesView bytes) : left_(bytes) {}
  bool empty() const { return left_.empty(); }
  /// The tag octet of the next value; -1 at the end.
  int tag() const { return left_.empty() ? -1 : left_[0]; }
  /// The content of the next value when it has this tag octet; `whole` gets it with its header.
  std::optional<base::BytesView> take(std::uint8_t tag, base::BytesView* whole = nullptr);

 private:
  base::BytesView left_;
};

/// Dotted text of an object identifier's content octets; empty when they are none.
std::string dotted(base::BytesView oid);

/// One value: tag octet, length, content.
base::Bytes value(std::uint8_t tag, base::BytesView content);
base::Bytes value(std::uint8_t tag, std::initializer_list<base::BytesView> contents);

base::Bytes sequence(std::initializer_list<base::BytesView> contents);
base::Bytes set(std::initializer_list<base::BytesView> contents);
base::Bytes octets(base::BytesView content);
base::Bytes bits(base::BytesView content, int unused = 0);
/// A non-negative integer from big-endian octets.
base::Bytes integer(base::BytesView magnitude);
base::Bytes integer(std::int64_t number);
base::Bytes boolean(bool yes);
base::Bytes null();
/// Dotted decimal text of ours: a wrong one is a mistake of ours and stops the program.
base::Bytes oid(std::string_view dotted);
/// UTF8String.
base::Bytes utf8(std::string_view text);
base::Bytes printable(std::string_view text);
/// UTCTime through 2049, GeneralizedTime after. RFC 5280 §4.1.2.5.
base::Bytes time(base::Time at);
/// GeneralizedTime with a fraction to the microsecond without trailing zeros. RFC 3161 §2.4.2.
base::Bytes generalized_time(base::Time at, bool fraction);

}  // namespace certs::der
