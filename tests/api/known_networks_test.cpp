// Logins from known networks go first: issue 4, spraying; docs/decisions/0132.
#include "api/known_networks.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "api/http/workers.h"

namespace api {
namespace {

using namespace std::chrono_literals;

Address address(const std::string& text) {
  return Address::parse(text).value();
}

TEST(KnownNetworksTest, ANetworkIsKnownForADayAfterItsLastLogin) {
  KnownNetworks known;
  const auto now = KnownNetworks::Steady::now();
  EXPECT_FALSE(known.has(address("192.0.2.7"), now));
  known.add(address("192.0.2.7"), now);
  EXPECT_TRUE(known.has(address("192.0.2.200"), now + 23h)) << "the same /24";
  EXPECT_FALSE(known.has(address("192.0.3.7"), now));
  EXPECT_FALSE(known.has(address("2001:db8::1"), now));
  EXPECT_FALSE(known.has(address("192.0.2.7"), now + 24h));
}

TEST(KnownNetworksTest, ManyNetworksForgetTheOldestOnly) {
  KnownNetworks known;
  const auto now = KnownNetworks::Steady::now();
  const auto nth = [](std::size_t n) {
    return address("10." + std::to_string(n >> 8 & 255) + "." + std::to_string(n & 255) + ".1");
  };
  for (std::size_t n = 0; n < KnownNetworks::kMost; ++n)
    known.add(nth(n), now + std::chrono::milliseconds(n));
  const auto later = now + 2min;
  known.add(address("192.0.2.7"), later);
  EXPECT_TRUE(known.has(address("192.0.2.7"), later));
  EXPECT_TRUE(known.has(nth(KnownNetworks::kMost - 1), later));
  EXPECT_FALSE(known.has(nth(0), later));
}

TEST(WorkersTest, WhatGoesFirstIsBegunBeforeOthersAndHasRoomOfItsOwn) {
  Workers pool("test", 1, 2);
  std::promise<void> begun, go;
  std::vector<std::string> order;
  ASSERT_TRUE(pool.submit([&] {
    begun.set_value();
    go.get_future().wait();
  }));
  begun.get_future().wait();  // the one thread is taken
  const auto note = [&](const char* name) { return [&order, name] { order.emplace_back(name); }; };
  EXPECT_TRUE(pool.submit(note("stranger 1")));
  EXPECT_TRUE(pool.submit(note("stranger 2")));
  EXPECT_FALSE(pool.submit(note("stranger 3"))) << "full";
  EXPECT_TRUE(pool.submit(note("known 1"), true));
  EXPECT_TRUE(pool.submit(note("known 2"), true));
  EXPECT_FALSE(pool.submit(note("known 3"), true)) << "bounded as well";
  EXPECT_EQ(pool.queued(), 4U);
  go.set_value();
  pool.stop();
  EXPECT_EQ(order, (std::vector<std::string>{"known 1", "known 2", "stranger 1", "stranger 2"}));
}

}  // namespace
}  // namespace api
