#include "api/known_networks.h"

#include <algorithm>
#include <vector>

namespace api {

void KnownNetworks::add(const Address& client, Steady::time_point now) {
  auto network = client.network();
  const std::lock_guard hold(mutex_);
  if (last_.size() >= kMost && !last_.contains(network)) {
    std::vector<Steady::time_point> ages;
    ages.reserve(last_.size());
    for (const auto& [name, at] : last_) ages.push_back(at);
    const auto middle = ages.begin() + static_cast<std::ptrdiff_t>(ages.size() / 2);
    std::nth_element(ages.begin(), middle, ages.end());
    std::erase_if(last_, [&](const auto& entry) { return entry.second <= *middle; });
  }
  last_.insert_or_assign(std::move(network), now);
}

bool KnownNetworks::has(const Address& client, Steady::time_point now) const {
  const auto network = client.network();
  const std::lock_guard hold(mutex_);
  const auto found = last_.find(network);
  return found != last_.end() && now - found->second < kLife;
}

}  // namespace api
