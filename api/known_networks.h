// Networks from which somebody logged in lately, in memory: where logins queue they go first, so
// that passwords tried from everywhere else do not keep people from logging in.
//
// Per instance, as rate limits are; forgotten at a restart, when everybody queues as before. It
// lets nobody in and counts for nothing else: limits and the soft lock judge these networks as any
// other. docs/decisions/0132-logins-from-known-networks.md.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "api/http/address.h"

namespace api {

/// Thread-safe.
class KnownNetworks {
 public:
  using Steady = std::chrono::steady_clock;
  static constexpr std::chrono::hours kLife{24};
  /// Networks remembered; past it the half that was used longest ago is forgotten.
  static constexpr std::size_t kMost = 65'536;

  /// Somebody logged in from there.
  void add(const Address& client, Steady::time_point now);
  bool has(const Address& client, Steady::time_point now) const;

 private:
  mutable std::mutex mutex_;  // protects last_
  std::unordered_map<std::string, Steady::time_point> last_;
};

}  // namespace api
