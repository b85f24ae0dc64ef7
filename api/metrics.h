// Counters and a latency histogram by route, in Prometheus' text form. Labels are route patterns
// and statuses: nothing that a client can choose.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace api {

/// Thread-safe; counting costs a few relaxed additions.
class Metrics {
 public:
  /// `labels`: one a route, e.g. "GET /v/{code}"; one more is kept for what matched no route.
  explicit Metrics(std::vector<std::string> labels);

  static constexpr std::size_t kNoRoute = static_cast<std::size_t>(-1);
  void count(std::size_t route, int status, std::chrono::microseconds took);

  struct Gauge {
    std::string name;  ///< with its labels, e.g. `xinyin_pool_queued{pool="pages"}`
    double value = 0;
  };
  /// Gauges are read when asked for.
  void watch(std::function<std::vector<Gauge>()> source);
  std::string text() const;

 private:
  static constexpr std::array<int, 20> kStatuses = {200, 201, 204, 303, 304, 400, 401,
                                                    403, 404, 405, 408, 409, 413, 415,
                                                    422, 429, 431, 500, 503, 0};
  static constexpr std::array<int, 11> kBounds_us = {
      100, 250, 500, 1'000, 2'500, 5'000, 10'000, 50'000, 250'000, 1'000'000, 5'000'000};
  struct Series {
    std::array<std::atomic<std::uint64_t>, kStatuses.size()> by_status{};
    std::array<std::atomic<std::uint64_t>, kBounds_us.size() + 1> buckets{};
    std::atomic<std::uint64_t> sum_us{0};
  };
  std::vector<std::string> labels_;
  std::unique_ptr<Series[]> series_;
  mutable std::mutex mutex_;  // protects sources_
  std::vector<std::function<std::vector<Gauge>()>> sources_;
};

}  // namespace api
