#include "api/rate_limits.h"

#include <algorithm>
#include <vector>

namespace api {
namespace {

/// /24 of IPv4, /48 of IPv6, with the class: one bucket.
std::uint64_t key_of(Rate rate, const Address& client) {
  std::uint64_t key = static_cast<std::uint64_t>(rate) << 1 | (client.is_v4() ? 1u : 0u);
  const std::size_t bytes = client.is_v4() ? 3 : 6;
  for (std::size_t i = 0; i < bytes; ++i) key = key << 8 | client.bytes()[i];
  return key;
}

}  // namespace

RateLimits::RateLimits(const Config::Limits& per_minute) : per_minute_(per_minute) {}

int RateLimits::per_minute(Rate rate) const {
  switch (rate) {
    case Rate::none:
      return 0;
    case Rate::lookup:
      return per_minute_.lookup;
    case Rate::login:
      return per_minute_.login;
    case Rate::token:
      return per_minute_.token;
    case Rate::issue:
      return per_minute_.issue;
    case Rate::upload:
      return per_minute_.upload;
    case Rate::ocsp:
      return per_minute_.ocsp;
    case Rate::ocsp_live:
      return per_minute_.ocsp_live;
    case Rate::timestamp:
      return per_minute_.timestamp;
    case Rate::registration:
      return per_minute_.registration;
  }
  return 0;
}

std::optional<std::chrono::seconds> RateLimits::take(Rate rate, const Address& client,
                                                     Steady::time_point now) {
  const double most = per_minute(rate);
  if (most <= 0) return std::nullopt;
  const auto key = key_of(rate, client);
  auto& shard = shards_[(key ^ (key >> 17)) % kShards];
  const std::lock_guard hold(shard.mutex);
  if (shard.buckets.size() >= kMost) {
    std::vector<Steady::time_point> ages;
    ages.reserve(shard.buckets.size());
    for (const auto& [k, bucket] : shard.buckets) ages.push_back(bucket.filled);
    const auto middle = ages.begin() + static_cast<std::ptrdiff_t>(ages.size() / 2);
    std::nth_element(ages.begin(), middle, ages.end());
    std::erase_if(shard.buckets, [&](const auto& entry) { return entry.second.filled <= *middle; });
  }
  const auto [it, fresh] = shard.buckets.try_emplace(key, Bucket{most, now});
  auto& bucket = it->second;
  const std::chrono::duration<double> passed = now - bucket.filled;
  bucket.tokens = std::min(most, bucket.tokens + passed.count() * most / 60.0);
  bucket.filled = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const double wait = (1 - bucket.tokens) * 60.0 / most;
  return std::chrono::seconds(static_cast<std::int64_t>(wait) + 1);
}

}  // namespace api
