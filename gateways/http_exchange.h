// One request to a system of somebody else, and its answer: the only way out over HTTP.
//
// The whole exchange has one deadline, however slowly bytes drip. No redirect is followed, nothing
// is kept open, heads and bodies have limits, https is verified against the given or the system's
// roots. RFC 9110, RFC 9112.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gateways/connection.h"

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
  Reach reach = Reach::configured;
  bool status_only = false;  ///< what the answer says behind its head is not read
  Resolver resolver = {};    ///< empty: the system's
};

struct HttpReply {
  int status = 0;
  std::string media_type;  ///< lower case, without parameters
  std::string body;
};

/// Errors: unavailable `gateways.http` whose detail says why: no connection, timeout, TLS, not
/// HTTP, too large; permission_denied `gateways.address`: an address that is none, or leads where
/// `reach` forbids.
base::Result<HttpReply> http_exchange(const HttpAsk& ask);

}  // namespace gateways
