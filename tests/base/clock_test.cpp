#include "base/clock.h"

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(ClockTest, Rfc3339RoundTripsToTheMicrosecond) {
  const auto at = from_unix_s(1'790'000'000) + std::chrono::microseconds{123456};
  EXPECT_EQ(to_rfc3339(at, true), "2026-09-21T14:13:20.123456Z");
  EXPECT_EQ(parse_rfc3339("2026-09-21T14:13:20.123456Z"), at);
  EXPECT_EQ(parse_rfc3339("2026-09-21T22:13:20.123456+08:00"), at);
}

TEST(ClockTest, MalformedTimesAreRefused) {
  for (const auto* text :
       {"", "2026-09-21", "2026-02-29T00:00:00Z", "2026-09-21T24:00:00Z", "2026-09-21T14:13:20",
        "2026-09-21T14:13:20.Z", "2026-09-21T14:13:20Zx", "2026-09-21 14:13:20Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(ClockTest, DatesAreThoseOfChinaStandardTime) {
  const auto late = *parse_rfc3339("2026-11-24T16:30:00Z");
  EXPECT_EQ(to_iso_date(china_date(late)), "2026-11-25");
  EXPECT_EQ(to_chinese_date(china_date(late)), "2026年11月25日");
  EXPECT_EQ(to_china_time(late), "2026-11-25 00:30:00");
}

}  // namespace
}  // namespace base
