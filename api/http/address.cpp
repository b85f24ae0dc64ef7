#include "api/http/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace api {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string render(const std::array<unsigned char, 16>& bytes, bool v4) {
  char out[INET6_ADDRSTRLEN] = {};
  if (!inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data(), out, sizeof out)) return "?";
  return out;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  char copy[INET6_ADDRSTRLEN] = {};
  std::memcpy(copy, text.data(), text.size());
  Address out;
  if (inet_pton(AF_INET, copy, out.bytes_.data()) == 1) {
    out.v4_ = true;
    return out;
  }
  if (inet_pton(AF_INET6, copy, out.bytes_.data()) != 1) return std::nullopt;
  static constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(out.bytes_.data(), kMapped, sizeof kMapped) == 0) {
    std::copy(out.bytes_.begin() + 12, out.bytes_.end(), out.bytes_.begin());
    std::fill(out.bytes_.begin() + 4, out.bytes_.end(), static_cast<unsigned char>(0));
    out.v4_ = true;
  }
  return out;
}

std::string Address::text() const {
  return render(bytes_, v4_);
}

std::string Address::network() const {
  auto cut = bytes_;
  const std::size_t keep = v4_ ? 3 : 6;
  std::fill(cut.begin() + static_cast<std::ptrdiff_t>(keep), cut.end(),
            static_cast<unsigned char>(0));
  return render(cut, v4_) + (v4_ ? "/24" : "/48");
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network out;
  out.base_ = *address;
  const int most = address->is_v4() ? 32 : 128;
  out.bits_ = most;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, wrong] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.bits_);
    if (wrong != std::errc{} || end != digits.data() + digits.size() || digits.empty() ||
        out.bits_ < 0 || out.bits_ > most)
      return std::nullopt;
  }
  return out;
}

bool Network::contains(const Address& address) const {
  if (address.is_v4() != base_.is_v4()) return false;
  for (int bit = 0; bit < bits_; bit += 8) {
    const auto i = static_cast<std::size_t>(bit / 8);
    const int left = std::min(8, bits_ - bit);
    const auto mask = static_cast<unsigned char>(0xff << (8 - left));
    if ((address.bytes()[i] & mask) != (base_.bytes()[i] & mask)) return false;
  }
  return true;
}

std::optional<std::vector<Network>> parse_networks(std::string_view text) {
  std::vector<Network> out;
  while (!text.empty()) {
    const auto end = text.find_first_of(", \t");
    const auto one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (one.empty()) continue;
    const auto network = Network::parse(one);
    if (!network) return std::nullopt;
    out.push_back(*network);
  }
  return out;
}

bool any_contains(const std::vector<Network>& networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

Address client_of(const Address& peer, std::string_view forwarded_for,
                  const std::vector<Network>& trusted_proxies) {
  Address client = peer;
  while (any_contains(trusted_proxies, client) && !forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto last =
        comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1);
    const auto next = Address::parse(trim(last));
    if (!next) break;  // what a proxy did not write well is not believed
    client = *next;
    forwarded_for =
        comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
  }
  return client;
}

}  // namespace api
