// RFC 9106; security.md §3.A.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::refusal_of;
using test_house::secret;

PasswordHasher::Config cheap() {
  return {1, 4, 64, 1, std::chrono::milliseconds(10000)};
}

TEST(PasswordHasherTest, MatchesWhatItMade) {
  base::SystemRandom random;
  PasswordHasher hasher(cheap(), random);
  const auto stored = hasher.hash(secret("hollow brig"));
  ASSERT_TRUE(stored.ok());
  EXPECT_TRUE(stored->starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << *stored;
  EXPECT_TRUE(*hasher.matches(secret("hollow brig"), *stored));
  EXPECT_FALSE(*hasher.matches(secret("hollow brih"), *stored));
  EXPECT_NE(*hasher.hash(secret("hollow brig")), *stored) << "a salt of its own each time";
}

// made-by: argon2 0~20171227 (Debian), e.g. `printf %s 'hollow brig' | argon2 somesalt12345678 -id
// -t 2 -k 19456 -p 1 -e`
TEST(PasswordHasherTest, Rfc9106_ReadsWhatTheReferenceProgramWrote) {
  base::SystemRandom random;
  PasswordHasher hasher(cheap(), random);
  for (const auto* stored : {
           "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$"
           "1uZjAm56wD722qANsljDYYetsV1NiNwpjl5nrLpVZ6w",
           "$argon2id$v=19$m=256,t=3,p=4$c29tZXNhbHQxMjM0NTY3OA$"
           "CJZiBVw77iVJmTk4hreIMDdn4OzWor/3L7HMv9CftLY",
       }) {
    EXPECT_TRUE(*hasher.matches(secret("hollow brig"), stored)) << stored;
    EXPECT_FALSE(*hasher.matches(secret("hollow bri"), stored)) << stored;
    EXPECT_FALSE(hasher.is_current(stored));
  }
}

TEST(PasswordHasherTest, NoAccountCostsTheSameWork) {
  base::SystemRandom random;
  PasswordHasher hasher(cheap(), random);
  EXPECT_FALSE(*hasher.matches(secret("hollow brig"), ""));
  EXPECT_EQ(hasher.runs(), 1U);
}

TEST(PasswordHasherTest, DamagedRecordsAreTold) {
  base::SystemRandom random;
  PasswordHasher hasher(cheap(), random);
  for (const auto* stored :
       {"x", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=999999999,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=064,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=64,t=99,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=64,t=1,p=1$c29t"}) {
    const auto answer = hasher.matches(secret("hollow brig"), stored);
    ASSERT_FALSE(answer.ok()) << stored;
    EXPECT_EQ(refusal_of(answer), "auth.credential_damaged");
  }
}

TEST(PasswordHasherTest, FullQueueIsRefusedWithATimeToComeBack) {
  base::SystemRandom random;
  // One worker, one place in the queue, and hashes long enough to fill both.
  PasswordHasher hasher({1, 1, 65'536, 8, std::chrono::milliseconds(60'000)}, random);
  std::atomic<int> done{0}, refused{0};
  std::vector<std::thread> tries;
  for (int i = 0; i < 6; ++i)
    tries.emplace_back([&] {
      const auto answer = hasher.matches(secret("hollow brig"), "");
      if (answer.ok()) {
        ++done;
      } else {
        ++refused;
        EXPECT_EQ(answer.error().code, base::Code::rate_limited);
        EXPECT_EQ(refusal_of(answer), "auth.busy");
        EXPECT_GT(answer.error().retry_after.value().count(), 0);
      }
    });
  for (auto& each : tries) each.join();
  EXPECT_EQ(done + refused, 6);
  EXPECT_GE(refused, 1);
  EXPECT_EQ(hasher.runs(), static_cast<std::uint64_t>(done)) << "refused ones cost no work";
}

TEST(PasswordHasherTest, WaitingEndsAtTheDeadline) {
  base::SystemRandom random;
  PasswordHasher hasher({1, 40, 65'536, 16, std::chrono::milliseconds(1)}, random);
  const auto answer = hasher.hash(secret("hollow brig"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(refusal_of(answer), "auth.busy");
}

}  // namespace
}  // namespace auth
