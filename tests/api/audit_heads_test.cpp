// Signing the audit trail's head: when it is due, with whom, and what happens when it cannot be.
#include "api/audit_heads.h"

#include <gtest/gtest.h>

#include <thread>

#include "certs/signature.h"
#include "store/audit_chain.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres.h"
#include "tests/support/soft_key.h"

namespace {

using api::AuditHeads;
using Turn = AuditHeads::Turn;
using namespace std::chrono_literals;

class AuditHeadsTest : public testing::Test {
 protected:
  AuditHeads heads(AuditHeads::Pace pace = {60s, 100, 5s}) {
    return AuditHeads({.pool = database_.pool(),
                       .clock = clock_,
                       .key = [this]() -> base::Result<std::shared_ptr<const hsm::Key>> {
                         ++asked_;
                         if (!key_) return base::error(base::Code::not_found, "hsm.no_key");
                         return std::shared_ptr<const hsm::Key>(key_);
                       },
                       .actor = "system:test"},
                      pace);
  }
  void append(int count) {
    auto tx = database_.pool().begin().value();
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(store::audit(tx, {clock_.now(), "subject-1", "logout", "session-1", "ok"}).ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  static std::string outcome(const base::Result<Turn>& turn) {
    if (!turn.ok()) return turn.error().key;
    switch (*turn) {
      case Turn::nothing_new:
        return "nothing_new";
      case Turn::not_due:
        return "not_due";
      case Turn::resting:
        return "resting";
      case Turn::signed_now:
        return "signed";
      case Turn::other_was_first:
        return "other_was_first";
    }
    return "";
  }
  store::AuditReport verify() {
    return store::verify_audit(database_.pool(),
                               {[this](const store::SignedHead& head) {
                                  return certs::verify_signature(
                                             key_->info().public_key,
                                             base::sha256(base::as_bytes(head.signing_input())),
                                             head.signature())
                                             ? store::HeadVouch::good
                                             : store::HeadVouch::wrong_signature;
                                },
                                {}})
        .value();
  }

  test::Database database_;
  base::ManualClock clock_{base::from_unix_s(1'795'489'200)};
  std::shared_ptr<test::SoftKey> key_ =
      test::SoftKey::make("audit-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::audit);
  int asked_ = 0;
};

TEST_F(AuditHeadsTest, Ldt01_6_2_5e_NoRowWaitsLongerThanIsSaid) {
  auto mine = heads();
  EXPECT_EQ(outcome(mine.turn()), "nothing_new");
  append(3);
  EXPECT_EQ(outcome(mine.turn()), "not_due");
  EXPECT_EQ(mine.unsigned_rows(), 3);
  clock_.advance(60s);
  EXPECT_EQ(outcome(mine.turn()), "signed");
  const auto report = verify();
  EXPECT_TRUE(report.whole());
  EXPECT_EQ(report.vouched, 1);
  EXPECT_EQ(report.signed_seq, 3);
  EXPECT_EQ(report.rows, 4) << "and a row that tells of it";
  // Which is no reason for another.
  clock_.advance(3'600s);
  EXPECT_EQ(outcome(mine.turn()), "nothing_new");
  EXPECT_EQ(outcome(mine.turn(true)), "nothing_new");
}

TEST_F(AuditHeadsTest, NorAreThereMoreOfThem) {
  auto mine = heads({60s, 10, 5s});
  append(9);
  EXPECT_EQ(outcome(mine.turn()), "not_due");
  append(1);
  EXPECT_EQ(outcome(mine.turn()), "signed");
}

TEST_F(AuditHeadsTest, AClockThatWasSetBackDoesNotPutItOff) {
  auto mine = heads();
  append(1);
  clock_.set(clock_.now() - 24h);
  EXPECT_EQ(outcome(mine.turn()), "signed");
}

TEST_F(AuditHeadsTest, TheLastTurnSignsWhatIsThere) {
  auto mine = heads();
  append(1);
  EXPECT_EQ(outcome(mine.turn()), "not_due");
  EXPECT_EQ(outcome(mine.turn(true)), "signed");
}

TEST_F(AuditHeadsTest, ATokenThatIsAwayIsAskedAgainAfterARest) {
  auto mine = heads();
  append(1);
  clock_.advance(60s);
  key_->fail_with = base::error(base::Code::unavailable, "hsm.unavailable", "away");
  EXPECT_EQ(outcome(mine.turn()), "hsm.unavailable");
  EXPECT_EQ(outcome(mine.turn()), "resting");
  clock_.advance(5s);
  EXPECT_EQ(outcome(mine.turn()), "hsm.unavailable");
  EXPECT_EQ(outcome(mine.turn(true)), "hsm.unavailable") << "the last turn does not rest";
  key_->fail_with.reset();
  append(2);
  clock_.advance(5s);
  EXPECT_EQ(outcome(mine.turn()), "signed");
  EXPECT_EQ(verify().signed_seq, 3) << "what was written meanwhile is in it";
}

TEST_F(AuditHeadsTest, ATokenWithoutSuchAKeySignsNothing) {
  const auto key = std::exchange(key_, nullptr);
  auto mine = heads();
  append(1);
  clock_.advance(60s);
  EXPECT_EQ(outcome(mine.turn()), "hsm.no_key");
  clock_.advance(5s);
  key_ = key;  // one was made
  EXPECT_EQ(outcome(mine.turn()), "signed");
  EXPECT_EQ(asked_, 2);
}

TEST_F(AuditHeadsTest, AKeyForSomethingElseIsNotUsed) {
  append(1);
  for (const auto& other :
       {test::SoftKey::make("audit-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::seal),
        test::SoftKey::make("audit-1", hsm::Algorithm::rsa_3072, hsm::Purpose::audit)}) {
    key_ = other;
    auto mine = heads();
    EXPECT_EQ(outcome(mine.turn(true)), "api.audit_key");
  }
  EXPECT_EQ(store::audit_state(database_.pool())->signed_seq, 0);
}

TEST_F(AuditHeadsTest, ManyInstancesMakeOneRowOfHeads) {
  std::vector<std::thread> instances;
  std::atomic<int> done{0}, late{0}, other{0};
  for (int i = 0; i < 3; ++i)
    instances.emplace_back([&] {
      auto mine = heads({1s, 1, 5s});
      for (int n = 0; n < 20; ++n) {
        append(1);
        const auto said = outcome(mine.turn());
        if (said == "signed")
          ++done;
        else if (said == "other_was_first" || said == "nothing_new")
          ++late;
        else
          ++other;
      }
    });
  for (auto& one : instances) one.join();
  EXPECT_EQ(other, 0);
  const auto report = verify();
  EXPECT_TRUE(report.whole()) << (report.heads_break ? report.heads_break->key : "");
  EXPECT_EQ(report.vouched, done);
  EXPECT_EQ(report.rows, 60 + done);
}

}  // namespace
