// Watches calls into a module that may hang: who goes in says so; somebody else looks how long ago.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

namespace hsm {

/// Thread-safe; each place is used by one thread at a time.
class Watch {
 public:
  using Steady = std::chrono::steady_clock;
  explicit Watch(std::size_t places) : until_(places) {}

  /// From construction to destruction the call may take `most`.
  class Inside {
   public:
    Inside(Watch& watch, std::size_t place, std::chrono::milliseconds most)
        : until_(watch.until_[place]) {
      until_ = (Steady::now() + most).time_since_epoch().count();
    }
    ~Inside() { until_ = 0; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    std::atomic<Steady::rep>& until_;
  };

  /// The first place whose call is overdue.
  std::optional<std::size_t> overdue() const {
    const auto now = Steady::now().time_since_epoch().count();
    for (std::size_t i = 0; i < until_.size(); ++i)
      if (const auto until = until_[i].load(); until != 0 && until < now) return i;
    return std::nullopt;
  }

 private:
  std::vector<std::atomic<Steady::rep>> until_;
};

}  // namespace hsm
