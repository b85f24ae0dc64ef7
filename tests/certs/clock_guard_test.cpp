// security.md §4.3, fault 19: a clock that jumps attests nothing.
#include "certs/clock_guard.h"

#include <gtest/gtest.h>

#include "certs/oids.h"
#include "certs/timestamp.h"
#include "certs/timestamp_record.h"
#include "tests/certs/support.h"
#include "tests/support/postgres.h"

namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Witness final : public certs::ClockWitness {
 public:
  base::Result<Seen> look() override {
    ++looks;
    if (away) return base::error(base::Code::unavailable, "store.unavailable");
    return Seen{clock.now(), attested};
  }
  base::Result<void> mark(base::Time at) override {
    if (away) return base::error(base::Code::unavailable, "store.unavailable");
    ++marks;
    if (!attested || *attested < at) attested = at;
    return {};
  }
  base::ManualClock clock;
  std::optional<base::Time> attested;
  bool away = false;
  int looks = 0, marks = 0;
};

class ClockGuardTest : public testing::Test {
 protected:
  /// Time goes by, for all alike.
  void pass(microseconds time) {
    clock.advance(time);
    steady.advance(time);
    witness.clock.advance(time);
  }
  std::string refusal() {
    const auto moment = guard.moment();
    return moment ? "" : moment.error().key;
  }
  base::ManualClock clock;
  base::ManualSteadyClock steady;
  Witness witness;
  certs::ClockGuard guard{clock, steady, witness};
};

TEST_F(ClockGuardTest, TimeThatGoesByIsAttested) {
  EXPECT_FALSE(guard.standing().sane) << "nothing was compared yet";
  for (int i = 0; i < 100; ++i) {
    const auto moment = guard.moment();
    ASSERT_TRUE(moment) << moment.error().detail;
    EXPECT_EQ(*moment, clock.now());
    pass(milliseconds(900));
  }
  EXPECT_TRUE(guard.standing().sane);
  EXPECT_LE(witness.looks, 11);
  EXPECT_LE(witness.marks, 51);
}

TEST_F(ClockGuardTest, AJumpIsRefusedUntilItIsUndone) {
  ASSERT_EQ(refusal(), "");
  for (const auto by : {microseconds(hours(1)), microseconds(-hours(1)),
                        microseconds(hours(24 * 3650)), microseconds(milliseconds(2'001))}) {
    clock.advance(by);
    EXPECT_EQ(refusal(), "certs.clock_jumped") << by.count();
    EXPECT_FALSE(guard.standing().sane);
    witness.clock.advance(by);  // the database's machine may be ours, and jump with it
    EXPECT_EQ(refusal(), "certs.clock_jumped") << by.count();
    clock.advance(-by);
    witness.clock.advance(-by);
    EXPECT_EQ(refusal(), "") << by.count();
  }
  clock.advance(seconds(2));
  EXPECT_EQ(refusal(), "") << "two seconds are no jump";
}

TEST_F(ClockGuardTest, AStoppedClockIsNoticed) {
  ASSERT_EQ(refusal(), "");
  steady.advance(seconds(3));
  EXPECT_EQ(refusal(), "certs.clock_jumped");
}

TEST_F(ClockGuardTest, TheDatabasesClockMustAgree) {
  witness.clock.advance(seconds(3));
  EXPECT_EQ(refusal(), "certs.clock_jumped");
  pass(seconds(1));
  EXPECT_EQ(refusal(), "certs.clock_jumped") << "and goes on being asked";
  witness.clock.advance(-seconds(2));
  EXPECT_EQ(refusal(), "");
  // It is asked again every ten seconds.
  witness.clock.advance(seconds(60));
  EXPECT_EQ(refusal(), "");
  pass(seconds(10));
  EXPECT_EQ(refusal(), "certs.clock_jumped");
}

TEST_F(ClockGuardTest, WithoutTheDatabaseAMinuteIsBelievedAndNoMore) {
  witness.away = true;
  EXPECT_EQ(refusal(), "certs.clock_unchecked") << "never compared";
  witness.away = false;
  ASSERT_EQ(refusal(), "");
  witness.away = true;
  pass(milliseconds(500));
  EXPECT_EQ(refusal(), "");
  pass(seconds(1));
  EXPECT_EQ(refusal(), "certs.clock_unchecked") << "the next moment cannot be marked";
  witness.away = false;
  EXPECT_EQ(refusal(), "");
}

TEST_F(ClockGuardTest, TimeDoesNotGoBackOverARestart) {
  pass(hours(1));
  ASSERT_EQ(refusal(), "");
  clock.advance(-hours(1));
  witness.clock.advance(-hours(1));
  certs::ClockGuard anew{clock, steady, witness};
  EXPECT_EQ(anew.moment().error().key, "certs.clock_jumped");
  pass(hours(1));
  EXPECT_TRUE(anew.moment()) << "the moment is reached again";
}

TEST_F(ClockGuardTest, TheAuthorityAttestsNothingElse) {
  test::Pki pki;
  base::SystemRandom random;
  clock.set(pki.clock().now());
  witness.clock.set(pki.clock().now());
  const certs::TimestampAuthority authority(pki.key("timestamp-1"), pki.certificate("timestamp-1"),
                                            {}, {certs::oid::kTimestampPolicy, milliseconds(1'000)},
                                            clock, random, &guard);
  const auto digest = base::sha256(base::as_bytes("内容"));
  ASSERT_TRUE(authority.stamp(digest));
  clock.advance(hours(1));
  EXPECT_EQ(authority.stamp(digest).error().key, "certs.clock_jumped");
  const auto told = authority.respond({});
  EXPECT_FALSE(told->stamped) << "a rejection";
  clock.advance(-hours(1));
  EXPECT_TRUE(authority.stamp(digest));
}

TEST(DatabaseWitnessTest, TellsItsTimeAndKeepsTheLatestMark) {
  auto& database = test::Database::shared();
  certs::DatabaseWitness witness(database.pool());
  const auto far = base::SystemClock().now() + hours(1);
  ASSERT_TRUE(witness.mark(far));
  ASSERT_TRUE(witness.mark(far - hours(2)));
  const auto seen = witness.look();
  ASSERT_TRUE(seen) << seen.error().detail;
  EXPECT_EQ(seen->attested, far);
  EXPECT_LT(std::chrono::abs(seen->now - base::SystemClock().now()), hours(1));
  // Not even the service's own role turns it back.
  database.sql(test::Role::service, "update certs.clock_mark set at = now() - interval '1 year'");
  EXPECT_EQ(witness.look()->attested, far);
  EXPECT_THROW(database.sql(test::Role::service, "delete from certs.clock_mark"),
               std::runtime_error);
}

TEST(TimestampRecordTest, WhatWasGivenIsKept) {
  auto& database = test::Database::shared();
  test::Pki pki;
  const auto authority = pki.certificate("timestamp-1").public_key_sha256();
  certs::TimestampAuthority::Stamped stamped{"41aa", "sha256", base::Bytes(32, 7),
                                             pki.clock().now()};
  ASSERT_TRUE(certs::record_timestamp(database.pool(), authority, stamped));
  EXPECT_EQ(certs::record_timestamp(database.pool(), authority, stamped).error().key,
            "certs.serial_taken");
  for (const auto* deed :
       {"delete from certs.given_timestamp", "update certs.given_timestamp set at = now()"})
    EXPECT_THROW(database.sql(test::Role::service, deed), std::runtime_error);
}

}  // namespace
