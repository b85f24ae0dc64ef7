#include "api/metrics.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace api {
namespace {

std::string number(double value) {
  char out[32];
  std::snprintf(out, sizeof out, "%.10g", value);
  return out;
}

}  // namespace

Metrics::Metrics(std::vector<std::string> labels)
    : labels_(std::move(labels)), series_(new Series[labels_.size() + 1]) {}

void Metrics::count(std::size_t route, int status, std::chrono::microseconds took) {
  auto& series = series_[std::min(route, labels_.size())];
  std::size_t at = 0;
  while (at + 1 < kStatuses.size() && kStatuses[at] != status) ++at;
  series.by_status[at].fetch_add(1, std::memory_order_relaxed);
  std::size_t bucket = 0;
  while (bucket < kBounds_us.size() && took.count() > kBounds_us[bucket]) ++bucket;
  series.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  series.sum_us.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())),
                          std::memory_order_relaxed);
}

void Metrics::watch(std::function<std::vector<Gauge>()> source) {
  const std::lock_guard hold(mutex_);
  sources_.push_back(std::move(source));
}

std::string Metrics::text() const {
  std::string out =
      "# HELP xinyin_http_requests_total Requests answered, by route and status.\n"
      "# TYPE xinyin_http_requests_total counter\n";
  const auto label = [&](std::size_t i) {
    return "route=\"" + (i < labels_.size() ? labels_[i] : std::string("none")) + "\"";
  };
  for (std::size_t i = 0; i <= labels_.size(); ++i)
    for (std::size_t s = 0; s < kStatuses.size(); ++s) {
      const auto n = series_[i].by_status[s].load(std::memory_order_relaxed);
      if (n == 0) continue;
      out += "xinyin_http_requests_total{" + label(i) + ",status=\"" +
             (kStatuses[s] ? std::to_string(kStatuses[s]) : "other") + "\"} " + std::to_string(n) +
             "\n";
    }
  out +=
      "# HELP xinyin_http_request_seconds Time from a request's head to its answer.\n"
      "# TYPE xinyin_http_request_seconds histogram\n";
  for (std::size_t i = 0; i <= labels_.size(); ++i) {
    std::uint64_t sum = 0;
    for (const auto& bucket : series_[i].buckets) sum += bucket.load(std::memory_order_relaxed);
    if (sum == 0) continue;
    std::uint64_t below = 0;
    for (std::size_t b = 0; b <= kBounds_us.size(); ++b) {
      below += series_[i].buckets[b].load(std::memory_order_relaxed);
      const auto bound = b < kBounds_us.size() ? number(kBounds_us[b] / 1e6) : std::string("+Inf");
      out += "xinyin_http_request_seconds_bucket{" + label(i) + ",le=\"" + bound + "\"} " +
             std::to_string(below) + "\n";
    }
    out += "xinyin_http_request_seconds_sum{" + label(i) + "} " +
           number(static_cast<double>(series_[i].sum_us.load(std::memory_order_relaxed)) / 1e6) +
           "\n";
    out += "xinyin_http_request_seconds_count{" + label(i) + "} " + std::to_string(below) + "\n";
  }
  const std::lock_guard hold(mutex_);
  for (const auto& source : sources_) {
    std::string named;
    for (const auto& gauge : source()) {
      const auto name = gauge.name.substr(0, gauge.name.find('{'));
      if (name != named) out += "# TYPE " + name + " gauge\n";
      named = name;
      out += gauge.name + " " + number(gauge.value) + "\n";
    }
  }
  return out;
}

}  // namespace api
