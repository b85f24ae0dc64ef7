// Internet addresses and networks: who is at the other end, and whom we trust to say so.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace api {

/// An IPv4 or IPv6 address without a port. IPv4-mapped IPv6 addresses are IPv4. A value type.
class Address {
 public:
  Address() = default;
  /// "192.0.2.1", "2001:db8::1"; nothing for anything else (no ports, zones or brackets).
  static std::optional<Address> parse(std::string_view text);

  bool is_v4() const { return v4_; }
  std::string text() const;
  /// The network as logs and limits know it: /24 for IPv4, /48 for IPv6; e.g. "192.0.2.0/24".
  std::string network() const;
  const std::array<unsigned char, 16>& bytes() const { return bytes_; }
  bool operator==(const Address&) const = default;

 private:
  std::array<unsigned char, 16> bytes_{};
  bool v4_ = false;
};

/// "192.0.2.0/24", "::1/128", or one address.
class Network {
 public:
  static std::optional<Network> parse(std::string_view text);
  bool contains(const Address& address) const;

 private:
  Address base_;
  int bits_ = 0;
};

/// Networks separated by commas or spaces; nothing when one of them is not a network.
std::optional<std::vector<Network>> parse_networks(std::string_view text);
bool any_contains(const std::vector<Network>& networks, const Address& address);

/// Who really asks: the peer itself, unless it is a trusted proxy; then the rightmost address of
/// X-Forwarded-For that is not a trusted proxy (RFC 7239 §5.2 in its older clothes).
Address client_of(const Address& peer, std::string_view forwarded_for,
                  const std::vector<Network>& trusted_proxies);

}  // namespace api
