// Stops asking a system that does not answer: after a few failures in a row it is left alone for a
// while, then one question finds out. People are told at once instead of waiting for a deadline.
#pragma once

#include <chrono>
#include <mutex>

#include "base/clock.h"

namespace gateways {

/// Thread-safe.
class Breaker {
 public:
  struct Config {
    int failures = 5;                             ///< in a row, and it is left alone
    std::chrono::microseconds pause{10'000'000};  ///< so long
  };
  Breaker(const base::SteadyClock& clock, Config config) : clock_(clock), config_(config) {}

  /// Whether to ask now. After the pause one caller gets yes, and the others wait for what it
  /// finds.
  bool may_ask() {
    const std::lock_guard hold(mutex_);
    if (failures_ < config_.failures) return true;
    const auto now = clock_.elapsed();
    if (now < closed_until_) return false;
    closed_until_ = now + config_.pause;
    return true;
  }
  void answered() {
    const std::lock_guard hold(mutex_);
    failures_ = 0;
  }
  void failed() {
    const std::lock_guard hold(mutex_);
    if (++failures_ >= config_.failures) closed_until_ = clock_.elapsed() + config_.pause;
  }

 private:
  const base::SteadyClock& clock_;
  const Config config_;
  std::mutex mutex_;  // protects both below
  int failures_ = 0;
  std::chrono::microseconds closed_until_{0};
};

}  // namespace gateways
