// One connection to a system of somebody else: where it may lead, TLS, and one deadline for all of
// it, however slowly bytes drip, in the handshake too (which no library's blocking socket holds).
//
// A name is looked up once; what it leads to is judged, connected to, and judged again at the other
// end, so that a name that changes its mind gains nothing (DNS rebinding).
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace gateways {

/// Whether an address may be reached from here on behalf of strangers: global unicast, nothing of
/// special use (IANA's registries, RFC 6890). IPv4 and IPv6; an IPv4 address within an IPv6 one is
/// refused.
bool is_public_address(const sockaddr* address);

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};
using Resolver = std::function<std::vector<SocketAddress>(const std::string& host, int port)>;

/// Where a connection may lead.
enum class Reach {
  configured,          ///< an operator wrote the address down: anywhere
  strangers,           ///< it came from somebody else: public addresses alone, and TLS
  strangers_loopback,  ///< the same, and this machine, TLS or not: for demonstrations
};

/// What an address says, taken apart; nothing when it is not http(s)://host[:port][/path], plain
/// ASCII, without user and fragment.
struct HttpTarget {
  bool tls = false;
  std::string host, authority, path;  ///< path: with the query; "/" when there is none
  int port = 0;
};
std::optional<HttpTarget> read_http_url(const std::string& url);

class Connection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  struct Options {
    Deadline deadline;
    Reach reach = Reach::configured;
    std::string roots_file = {};  ///< PEM; empty: the system's
    Resolver resolver = {};       ///< empty: the system's; its wait is not within the deadline
  };
  /// Errors: permission_denied `gateways.address`; unavailable `gateways.http` with why.
  static base::Result<Connection> open(const HttpTarget& target, const Options& options);
  Connection(Connection&&) noexcept;
  ~Connection();

  /// False when the other side did not take it all in time.
  bool send(std::string_view bytes);
  /// More bytes behind `in`; false when the other side has ended or the deadline has passed.
  bool receive(std::string& in);
  bool timed_out() const;

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gateways
