// The single fields of seals: taken off a walk, each in its one form. Inside this room.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "certs/der.h"

namespace verify::ses::fields {

inline constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kBits = 0x03, kOctets = 0x04,
                              kOid = 0x06, kUtf8 = 0x0C, kPrintable = 0x13, kIa5 = 0x16,
                              kUtcTime = 0x17, kGeneralizedTime = 0x18, kSequence = 0x30,
                              kTagged0 = 0xA0;

/// nullptr, or the message key of what is wrong.
using Problem = const char*;
inline constexpr Problem kFine = nullptr;

#define SES_TRY(expression) \
  if (const Problem ses_problem = (expression); ses_problem != kFine) return ses_problem

/// From 0 to 2^31 - 1.
Problem integer(certs::der::Walk& from, std::int64_t& out);
/// Printable ASCII, not empty: what people read must not turn text round or end it. `most` in
/// bytes.
Problem ascii(certs::der::Walk& from, std::uint8_t tag, std::size_t most, std::string& out);
/// UTF8String without control characters, not empty.
Problem utf8(certs::der::Walk& from, std::size_t most, std::string& out);
/// UTCTime or GeneralizedTime. X.690 §11.7, §11.8.
Problem time(certs::der::Walk& from, std::uint8_t tag, base::Time& out);
/// A BIT STRING of whole octets.
Problem bits(certs::der::Walk& from, base::BytesView& out);
/// SM2 with SM3.
Problem algorithm(certs::der::Walk& from);
/// Do the first octets look like a picture of this type?
bool is_picture(std::string_view type, base::BytesView data);

}  // namespace verify::ses::fields
