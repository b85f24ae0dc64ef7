#include "base/clock.h"

#include <cstdio>

namespace base {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr hours kChinaOffset{8};

struct Fields {
  int year;
  unsigned month, day;
  long hour, minute, second, micros;
};

Fields fields(Time at) {
  const auto day = floor<days>(at);
  const std::chrono::year_month_day ymd{day};
  const auto rest = at - day;
  return {static_cast<int>(ymd.year()),      static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day()),  floor<hours>(rest).count(),
          floor<minutes>(rest).count() % 60, floor<seconds>(rest).count() % 60,
          rest.count() % 1'000'000};
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::chrono::microseconds SystemSteadyClock::elapsed() const {
  timespec at{};
  clock_gettime(CLOCK_BOOTTIME, &at);
  return std::chrono::seconds(at.tv_sec) + std::chrono::microseconds(at.tv_nsec / 1000);
}

Time SystemClock::now() const {
  return floor<microseconds>(std::chrono::system_clock::now());
}

std::string to_rfc3339(Time at, bool micros) {
  const auto f = fields(at);
  char out[96];
  if (micros)
    std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02ld:%02ld:%02ld.%06ldZ", f.year, f.month,
                  f.day, f.hour, f.minute, f.second, f.micros);
  else
    std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02ld:%02ld:%02ldZ", f.year, f.month, f.day,
                  f.hour, f.minute, f.second);
  return out;
}

std::optional<Time> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':' || *hour > 23 || *minute > 59 || *second > 59)
    return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year{*year},
                                        std::chrono::month{static_cast<unsigned>(*month)},
                                        std::chrono::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok()) return std::nullopt;
  Time at = std::chrono::sys_days{ymd} + hours{*hour} + minutes{*minute} + seconds{*second};
  std::size_t next = 19;
  if (next < text.size() && text[next] == '.') {
    long scale = 100'000;
    std::size_t count = 0;
    for (++next; next < text.size() && text[next] >= '0' && text[next] <= '9'; ++next, ++count) {
      at += microseconds{(text[next] - '0') * scale};
      scale /= 10;
    }
    if (count == 0) return std::nullopt;
  }
  if (next >= text.size()) return std::nullopt;
  if ((text[next] == 'Z' || text[next] == 'z') && next + 1 == text.size()) return at;
  if ((text[next] != '+' && text[next] != '-') || next + 6 != text.size() || text[next + 3] != ':')
    return std::nullopt;
  const auto off_hour = digits(text, next + 1, 2), off_minute = digits(text, next + 4, 2);
  if (!off_hour || !off_minute || *off_hour > 23 || *off_minute > 59) return std::nullopt;
  const auto offset = hours{*off_hour} + minutes{*off_minute};
  return text[next] == '+' ? at - offset : at + offset;
}

std::int64_t to_unix_s(Time at) {
  return floor<seconds>(at).time_since_epoch().count();
}

Time from_unix_s(std::int64_t s) {
  return Time{seconds{s}};
}

Date china_date(Time at) {
  return floor<days>(at + kChinaOffset);
}

std::string to_iso_date(Date date) {
  const std::chrono::year_month_day ymd{date};
  char out[48];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
  return out;
}

std::string to_chinese_date(Date date) {
  const std::chrono::year_month_day ymd{date};
  return std::to_string(static_cast<int>(ymd.year())) + "年" +
         std::to_string(static_cast<unsigned>(ymd.month())) + "月" +
         std::to_string(static_cast<unsigned>(ymd.day())) + "日";
}

std::string to_china_time(Time at) {
  const auto f = fields(at + kChinaOffset);
  char out[96];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u %02ld:%02ld:%02ld", f.year, f.month, f.day, f.hour,
                f.minute, f.second);
  return out;
}

}  // namespace base
