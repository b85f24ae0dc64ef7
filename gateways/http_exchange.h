// One request to a system of somebody else, and its answer: the only way out over HTTP.
//
// The whole exchange has one deadline, however slowly bytes drip. No redirect is followed, nothing
// is kept open, heads and bodies have limits, https is verified against the given or the system's
// roots. RFC 9110, RFC 9112.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace gateways {

struct HttpAsk {
  std::string method = "POST";
  std::string url;  ///< http://… or https://…, no user, no fragment
  std::vector<std::pair<std::string, std::string>> fields = {};  ///< beside Host and lengths
  std::string content_type = {};
  std::string body = {};
  std::chrono::milliseconds deadline{3'000};
  std::size_t most_body = 64 << 10;
  std::filesystem::path roots_file = {};  ///< PEM; empty: the system's
  /// The address comes from somebody else: what is connected to must be a public address, whatever
  /// the name said a moment before (private, loopback, link-local, multicast… are refused).
  bool public_only = false;
};

struct HttpReply {
  int status = 0;
  std::string media_type;  ///< lower case, without parameters
  std::string body;
};

/// Errors: unavailable `gateways.http` whose detail says why: no connection, deadline, TLS, not
/// HTTP, too large; permission_denied `gateways.http_address` for an address that is not public.
base::Result<HttpReply> http_exchange(const HttpAsk& ask);

/// Whether an address (text form, IPv4 or IPv6) is none of the special-use ones: IANA's registries
/// for IPv4 and IPv6, and IPv4 addresses inside IPv6 forms.
bool is_public_address(std::string_view address);

}  // namespace gateways
