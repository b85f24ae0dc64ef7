// The only sources of time. No room reads the machine's clock of its own accord.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// A moment, UTC, to the microsecond (what PostgreSQL keeps).
using Time = std::chrono::sys_time<std::chrono::microseconds>;
/// A calendar date in the agency's time zone (China Standard Time, UTC+8, no summer time).
using Date = std::chrono::sys_days;

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

/// Counts on whatever is done to the machine's clock, while the machine sleeps too. Only
/// differences mean anything. Thread-safe.
class SteadyClock {
 public:
  virtual ~SteadyClock() = default;
  virtual std::chrono::microseconds elapsed() const = 0;
};

class SystemSteadyClock final : public SteadyClock {
 public:
  std::chrono::microseconds elapsed() const override;
};

/// "2026-11-24T03:00:00Z"; with `micros`, "2026-11-24T03:00:00.123456Z".
std::string to_rfc3339(Time at, bool micros = false);
/// Accepts what to_rfc3339 writes, and offsets ("+08:00").
std::optional<Time> parse_rfc3339(std::string_view text);

std::int64_t to_unix_s(Time at);
Time from_unix_s(std::int64_t seconds);

/// The date in China Standard Time; documents and pages show these.
Date china_date(Time at);
/// "2026-11-24"
std::string to_iso_date(Date date);
/// "2026年11月24日"
std::string to_chinese_date(Date date);
/// "2026-11-24 11:00:00" in China Standard Time.
std::string to_china_time(Time at);

}  // namespace base
