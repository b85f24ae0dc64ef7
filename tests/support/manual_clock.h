// A clock that a test moves.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace base {

/// Thread-safe.
class ManualClock final : public Clock {
 public:
  /// 2026-11-24T03:00:00Z, a Tuesday morning in China, unless told.
  explicit ManualClock(Time at = from_unix_s(1'795'489'200)) : at_(at.time_since_epoch().count()) {}
  Time now() const override { return Time{std::chrono::microseconds{at_.load()}}; }
  void set(Time at) { at_ = at.time_since_epoch().count(); }
  void advance(std::chrono::microseconds by) { at_ += by.count(); }

 private:
  std::atomic<std::int64_t> at_;
};

/// Thread-safe.
class ManualSteadyClock final : public SteadyClock {
 public:
  std::chrono::microseconds elapsed() const override {
    return std::chrono::microseconds{at_.load()};
  }
  void advance(std::chrono::microseconds by) { at_ += by.count(); }

 private:
  std::atomic<std::int64_t> at_{0};
};

}  // namespace base
