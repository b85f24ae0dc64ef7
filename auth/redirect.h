// Addresses that a browser is sent to: what may be registered, and how answers are put on them. No
// I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace auth {

/// The host of a redirect URI that may be registered, or nothing: absolute, https (http for
/// loopback alone), lower-case host, no user, no fragment, no dot segments, printable ASCII, at
/// most 512 bytes. Comparison later is by string alone (RFC 9700 §4.1.3), so what is registered
/// must be plain.
std::optional<std::string> registrable_host(std::string_view uri);
bool is_loopback(std::string_view host);

/// Everything but unreserved characters as %XX (RFC 3986 §2.3).
std::string percent_encode(std::string_view text);
/// application/x-www-form-urlencoded of one value; nothing when an escape is broken.
std::optional<std::string> form_decode(std::string_view text);

using Pairs = std::vector<std::pair<std::string, std::string>>;
/// `uri` with `pairs` added to its query.
std::string with_query(std::string_view uri, const Pairs& pairs);

}  // namespace auth
