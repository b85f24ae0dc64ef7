// Logout tokens to the clients' own addresses, over HTTP. OpenID Connect Back-Channel Logout 1.0.
//
// The addresses come from clients, so they lead nowhere that a client could not reach by itself:
// the name is looked up once, every address of special use is refused (RFC 6890, IANA registries),
// and the address that is connected to is checked again, so that a name that changes its mind gains
// nothing. TLS with the system's roots; no redirect; a small answer, of which the status counts; a
// deadline for the whole.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "auth/logout_sender.h"

namespace gateways {

/// Whether an address may be reached from here on behalf of strangers: global unicast, nothing of
/// special use. IPv4 and IPv6; an IPv4 address within an IPv6 one is refused.
bool is_public_address(const sockaddr* address);

/// Thread-safe; each post has a connection of its own.
class LogoutClient final : public auth::LogoutSender {
 public:
  struct Address {
    sockaddr_storage bytes{};
    socklen_t size = 0;
  };
  using Resolver = std::function<std::vector<Address>(const std::string& host, int port)>;
  struct Config {
    std::chrono::milliseconds deadline{5'000};  ///< but for the look-up of the name
    bool loopback_allowed = false;  ///< for demonstrations alone: http and https at loopback
    std::string roots_file = {};    ///< PEM; empty: the system's
    Resolver resolver = {};         ///< empty: the system's
  };
  explicit LogoutClient(Config config);
  base::Result<int> post(const std::string& uri, const std::string& form) const override;

 private:
  const Config config_;
};

}  // namespace gateways
