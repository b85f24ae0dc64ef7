// Names that may stand in a certificate, and one kind that may not.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace certs {

/// Lower case, labels of letters, digits and inner hyphens, at most 63 and 253 long, two labels or
/// more, no wildcard. RFC 5280 §4.2.1.6, RFC 1034 §3.5.
bool is_dns_name(std::string_view name);

/// 4 or 16 octets of an IPv4 or IPv6 address in its text form; nothing for other text.
std::optional<base::Bytes> ip_octets(std::string_view text);

/// 8 to 64 of A-Z, a-z, 0-9 and '-'.
bool is_pseudonym(std::string_view text);

/// A resident identity number (GB 11643: 17 digits and a check character that fits, or the old 15
/// digits with a date) stands somewhere in `text`. Certificates are public for ever: none in them.
bool holds_identity_number(std::string_view text);

}  // namespace certs
