// How often one network may ask: token buckets by rate class and client network, in memory.
//
// Per instance on purpose: what must hold across instances (password tries) is counted in the
// database by its room; this keeps one network from crowding the others out of this one.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "api/config.h"
#include "api/http/address.h"
#include "api/routes.h"

namespace api {

/// Thread-safe.
class RateLimits {
 public:
  using Steady = std::chrono::steady_clock;
  explicit RateLimits(const Config::Limits& per_minute);
  /// Takes one; when there is none left, how long to wait.
  std::optional<std::chrono::seconds> take(Rate rate, const Address& client,
                                           Steady::time_point now);

 private:
  struct Bucket {
    double tokens = 0;
    Steady::time_point filled;
  };
  static constexpr std::size_t kShards = 16;
  /// Networks remembered per shard; past it the longest untouched half is forgotten.
  static constexpr std::size_t kMost = 8'192;
  struct Shard {
    std::mutex mutex;  // protects buckets
    std::unordered_map<std::uint64_t, Bucket> buckets;
  };
  int per_minute(Rate rate) const;

  const Config::Limits per_minute_;
  std::array<Shard, kShards> shards_;
};

}  // namespace api
