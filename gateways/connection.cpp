#include "gateways/connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace gateways {
namespace {

using Steady = std::chrono::steady_clock;

struct Ssl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct SslContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

struct Prefix {
  std::array<std::uint8_t, 16> bytes;
  int bits;
};
bool within(const std::uint8_t* address, const Prefix& prefix) {
  const int whole = prefix.bits / 8, rest = prefix.bits % 8;
  if (std::memcmp(address, prefix.bytes.data(), static_cast<std::size_t>(whole)) != 0) return false;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (address[whole] & mask) == (prefix.bytes[static_cast<std::size_t>(whole)] & mask);
}

// IANA's registries of special-purpose addresses: https://www.iana.org/assignments/
// iana-ipv4-special-registry and iana-ipv6-special-registry; multicast beside them.
constexpr Prefix kSpecial4[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 31, 196}, 24},
    {{192, 52, 193}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{192, 175, 48}, 24},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
};
// Within 2000::/3, outside of which nothing is global unicast.
constexpr Prefix kSpecial6[] = {
    {{0x20, 0x01}, 23},                    // Teredo, benchmarks, ORCHID
    {{0x20, 0x01, 0x0d, 0xb8}, 32},        // documentation
    {{0x20, 0x02}, 16},                    // 6to4: holds an IPv4 address
    {{0x26, 0x20, 0x00, 0x4f, 0x80}, 48},  // AS112
    {{0x3f, 0xff}, 20},                    // documentation
};
constexpr Prefix kGlobal6{{0x20}, 3};

bool is_loopback_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    return reinterpret_cast<const std::uint8_t*>(&in)[0] == 127;
  }
  if (address->sa_family != AF_INET6) return false;
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr) != 0;
}

std::vector<SocketAddress> look_up(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::vector<SocketAddress> out;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return out;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    SocketAddress address;
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    out.push_back(address);
  }
  ::freeaddrinfo(found);
  return out;
}

/// Waits until `fd` is ready; false at the deadline.
bool wait_for(int fd, short what, Connection::Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()).count();
    if (left <= 0) return false;
    pollfd one{fd, what, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

base::UniqueFd connect_to(const SocketAddress& address, Connection::Deadline deadline) {
  base::UniqueFd fd(
      ::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fd;
  if (::connect(fd.get(), address.get(), address.size) == 0) return fd;
  int failure = errno;
  if (failure == EINPROGRESS && wait_for(fd.get(), POLLOUT, deadline)) {
    socklen_t size = sizeof failure;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0)
      return fd;
  }
  return base::UniqueFd();
}

/// A connection, plain or within TLS; nothing here waits past the deadline.
class Stream {
 public:
  Stream(base::UniqueFd fd, Connection::Deadline deadline)
      : owned_(std::move(fd)), fd_(owned_.get()), deadline_(deadline) {}

  /// Certificate and name verified, TLS 1.2 or better; what was wrong, or empty.
  std::string secure(const std::string& host, const std::string& roots_file) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION) != 1 ||
        (roots_file.empty()
             ? SSL_CTX_set_default_verify_paths(context_.get())
             : SSL_CTX_load_verify_locations(context_.get(), roots_file.c_str(), nullptr)) != 1)
      return "TLS cannot be set up";
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd_) != 1) return "TLS cannot be set up";
    in6_addr literal{};
    const bool is_address = ::inet_pton(AF_INET, host.c_str(), &literal) == 1 ||
                            ::inet_pton(AF_INET6, host.c_str(), &literal) == 1;
    auto* check = SSL_get0_param(ssl_.get());
    const bool named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) == 1
                                  : SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) == 1 &&
                                        SSL_set1_host(ssl_.get(), host.c_str()) == 1;
    if (!named) return "TLS cannot be set up";
    while (true) {
      ERR_clear_error();  // what another connection of this thread left would be taken for ours
      const int done = SSL_connect(ssl_.get());
      if (done == 1) return {};
      if (!again(done)) {
        const long judged = SSL_get_verify_result(ssl_.get());
        return judged == X509_V_OK ? "no TLS handshake"
                                   : std::string(X509_verify_cert_error_string(judged));
      }
    }
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto size = static_cast<int>(bytes.size());
      ERR_clear_error();
      const int sent =
          ssl_ ? SSL_write(ssl_.get(), bytes.data(), size)
               : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (ssl_
                     ? !again(sent)
                     : !(errno == EAGAIN || errno == EINTR) || !wait_for(fd_, POLLOUT, deadline_)) {
        return false;
      }
    }
    return true;
  }
  Connection::Deadline deadline() const { return deadline_; }
  /// More bytes behind `in`; false when there are none.
  bool receive(std::string& in) {
    char block[4096];
    while (true) {
      ERR_clear_error();
      const int got = ssl_ ? SSL_read(ssl_.get(), block, sizeof block)
                           : static_cast<int>(::recv(fd_, block, sizeof block, 0));
      if (got > 0) {
        in.append(block, static_cast<std::size_t>(got));
        return true;
      }
      if (!ssl_ && got == 0) return false;
      if (ssl_ ? !again(got)
               : !(errno == EAGAIN || errno == EINTR) || !wait_for(fd_, POLLIN, deadline_))
        return false;
    }
  }

 private:
  /// Whether TLS only waits for the other side, and it came in time.
  bool again(int done) {
    switch (SSL_get_error(ssl_.get(), done)) {
      case SSL_ERROR_WANT_READ:
        return wait_for(fd_, POLLIN, deadline_);
      case SSL_ERROR_WANT_WRITE:
        return wait_for(fd_, POLLOUT, deadline_);
      default:
        return false;
    }
  }

  const base::UniqueFd owned_;
  const int fd_;
  const Connection::Deadline deadline_;
  std::unique_ptr<SSL_CTX, SslContext> context_;
  std::unique_ptr<SSL, Ssl> ssl_;
};

}  // namespace

bool is_public_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&in);
    return std::none_of(std::begin(kSpecial4), std::end(kSpecial4),
                        [&](const Prefix& one) { return within(bytes, one); });
  }
  if (address->sa_family != AF_INET6) return false;
  const auto* bytes = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr;
  return within(bytes, kGlobal6) &&
         std::none_of(std::begin(kSpecial6), std::end(kSpecial6),
                      [&](const Prefix& one) { return within(bytes, one); });
}

std::optional<HttpTarget> read_http_url(const std::string& uri) {
  HttpTarget out;
  out.tls = uri.starts_with("https://");
  if (!out.tls && !uri.starts_with("http://")) return std::nullopt;
  auto rest = uri.substr(out.tls ? 8 : 7);
  const auto end = rest.find_first_of("/?");
  out.authority = rest.substr(0, end);
  out.path = end == std::string::npos ? "/" : rest.substr(end);
  if (out.path.front() == '?') out.path.insert(0, "/");
  for (const char c : uri)
    if (c <= ' ' || c > '~' || c == '#') return std::nullopt;
  if (out.authority.find('@') != std::string::npos) return std::nullopt;
  out.host = out.authority;
  out.port = out.tls ? 443 : 80;
  const auto colon = out.host.rfind(':');
  if (colon != std::string::npos && out.host.find(']', colon) == std::string::npos) {
    const auto port = out.host.substr(colon + 1);
    if (port.empty() || port.size() > 5 ||
        port.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    out.port = std::stoi(port);
    out.host.resize(colon);
  }
  if (out.host.size() > 2 && out.host.front() == '[')
    out.host = out.host.substr(1, out.host.size() - 2);
  if (out.host.empty() || out.port < 1 || out.port > 65'535) return std::nullopt;
  return out;
}

struct Connection::Impl {
  Impl(base::UniqueFd fd, Deadline deadline) : stream(std::move(fd), deadline) {}
  Stream stream;
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection::~Connection() = default;

base::Result<Connection> Connection::open(const HttpTarget& target, const Options& options) {
  const auto away = [&](std::string why) {
    return base::error(base::Code::unavailable, "gateways.http",
                       target.authority + ": " + std::move(why));
  };
  const auto forbidden = [&](const char* why) {
    return base::error(base::Code::permission_denied, "gateways.address",
                       target.authority + ": " + why);
  };
  const auto allowed = [&](const SocketAddress& address) {
    if (options.reach == Reach::configured) return true;
    if (is_loopback_address(address.get())) return options.reach == Reach::strangers_loopback;
    return target.tls && is_public_address(address.get());
  };
  const auto addresses = options.resolver ? options.resolver(target.host, target.port)
                                          : look_up(target.host, target.port);
  if (addresses.empty()) return away("its name leads to no address");
  // One that is forbidden forbids them all: such a name is an attack or a mistake.
  if (!std::all_of(addresses.begin(), addresses.end(), allowed))
    return forbidden("its name leads to an address of special use");

  base::UniqueFd fd;
  for (const auto& one : addresses)
    if (fd = connect_to(one, options.deadline); fd) break;
  if (!fd) return away(Steady::now() < options.deadline ? "no connection" : "timeout: no connection");
  SocketAddress peer;
  peer.size = sizeof peer.bytes;
  if (::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&peer.bytes), &peer.size) != 0 ||
      !allowed(peer))
    return forbidden("connected to an address of special use");

  auto impl = std::make_unique<Impl>(std::move(fd), options.deadline);
  if (target.tls)
    if (const auto wrong = impl->stream.secure(target.host, options.roots_file); !wrong.empty())
      return away(wrong);
  return Connection(std::move(impl));
}

bool Connection::send(std::string_view bytes) {
  return impl_->stream.send(bytes);
}
bool Connection::receive(std::string& in) {
  return impl_->stream.receive(in);
}
bool Connection::timed_out() const {
  return Steady::now() >= impl_->stream.deadline();
}

}  // namespace gateways
