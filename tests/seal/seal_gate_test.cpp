#include "seal/seal_gate.h"

#include <gtest/gtest.h>

#include <thread>

#include "auth/actor_factory.h"
#include "tests/support/active_seal.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres.h"

namespace {

using base::Code;
using seal::SealUse;

auth::Actor actor(auth::Proofing proofing = auth::Proofing::p2,
                  auth::Authentication authentication = auth::Authentication::password,
                  const std::string& client = "portal") {
  return auth::ActorFactory::make({.subject = auth::SubjectId("person"),
                                   .acting_for = auth::SubjectId("person"),
                                   .client = auth::ClientId(client),
                                   .proofing = proofing,
                                   .authentication = authentication,
                                   .authenticated_at = {},
                                   .scopes = "documents"});
}

class SealGateTest : public testing::Test {
 protected:
  static store::Pool& pool() { return test::Database::shared().pool(); }
  seal::SealGate& gate(const std::string& policy) {
    id_ = test::active_seal(pool(), clock_, random_, policy);
    gate_ = std::make_unique<seal::SealGate>(seal::SealGate::Parts{pool(), clock_, random_},
                                             id_.value());
    return *gate_;
  }
  /// One use, committed when it is allowed.
  std::string use(std::uint8_t stripe = 0) {
    auto tx = pool().begin();
    base::check(tx.ok(), "no transaction");
    const auto counted = gate_->count(*tx, clock_.now(), stripe);
    if (!counted.ok()) return counted.error().key;
    return tx->commit().ok() ? "ok" : "commit";
  }
  std::string refusals() {
    return test::Database::shared().sql(
        test::Role::superuser,
        "select count(*) from audit.entry where act = 'seal.refuse_use' and object = '" +
            id_.value() + "'")[0][0];
  }

  base::ManualClock clock_;  // 11 o'clock in China
  base::SystemRandom random_;
  seal::SealId id_;
  std::unique_ptr<seal::SealGate> gate_;
};

TEST_F(SealGateTest, EachPartOfThePolicyRefusesByItself) {
  const auto key = [&](const std::string& policy, const auth::Actor& who = actor(),
                       SealUse use = SealUse::own, const char* kind = "a") {
    const auto may = gate(policy).may(who, kind, use);
    return may.ok() ? std::string("ok") : may.error().key;
  };
  EXPECT_EQ(key(R"({"kinds":["*"]})"), "ok");
  EXPECT_EQ(key(R"({"kinds":["b","c"]})"), "seal.policy.kind");
  EXPECT_EQ(key(R"({"kinds":["*"]})", actor(), SealUse::batch), "seal.policy.use");
  EXPECT_EQ(key(R"({"kinds":["*"]})", actor(), SealUse::remote), "seal.policy.use");
  EXPECT_EQ(key(R"({"kinds":["*"],"clients":["other"]})"), "seal.policy.client");
  EXPECT_EQ(key(R"({"kinds":["*"],"proofing":"P3"})"), "seal.policy.level");
  EXPECT_EQ(key(R"({"kinds":["*"],"authentication":"A2"})"), "seal.policy.level");
  EXPECT_EQ(key(R"({"kinds":["*"],"proofing":"P3","authentication":"A3"})",
                actor(auth::Proofing::p3, auth::Authentication::hardware)),
            "ok");
  EXPECT_EQ(key(R"({"kinds":["*"],"hours":"12:00-13:00"})"), "seal.policy.hours");
  EXPECT_EQ(key(R"({"kinds":["*"],"hours":"11:00-13:00"})"), "ok");
}

TEST_F(SealGateTest, TellsWhenItsHoursBeginAgain) {
  auto refused = gate(R"({"kinds":["*"],"hours":"12:30-13:00"})").may(actor(), "a", SealUse::own);
  EXPECT_EQ(refused.error().retry_after, std::chrono::minutes(90));
  refused = gate(R"({"kinds":["*"],"hours":"08:00-10:00"})").may(actor(), "a", SealUse::own);
  EXPECT_EQ(refused.error().retry_after, std::chrono::hours(21));
}

TEST_F(SealGateTest, AnUnknownSealOrOneOutsideItsValiditySealsNothing) {
  seal::SealGate none({pool(), clock_, random_}, "");
  EXPECT_EQ(none.may(actor(), "a", SealUse::own).error().key, "seal.none");
  gate(R"({"kinds":["*"]})");
  clock_.advance(std::chrono::hours(24 * 366 * 9));
  EXPECT_EQ(gate_->may(actor(), "a", SealUse::own).error().key, "seal.not_valid");
  EXPECT_EQ(use(), "seal.not_valid");
}

TEST_F(SealGateTest, ALimitHoldsOverAllStripesUntilItsSpanIsOver) {
  gate(R"({"kinds":["*"],"per_hour":3,"per_day":5})");
  EXPECT_EQ(use(0), "ok");
  EXPECT_EQ(use(1), "ok");
  EXPECT_EQ(use(2), "ok");
  EXPECT_EQ(use(3), "seal.policy.limit");
  EXPECT_EQ(use(0), "seal.policy.limit");  // what was refused is not counted
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(use(0), "ok");
  EXPECT_EQ(use(17), "ok");
  auto tx = pool().begin();
  const auto refused = gate_->count(*tx, clock_.now(), 5);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
  EXPECT_EQ(refused.error().args[1].second, "24 h");
  // 12 o'clock in China; the day ends in twelve hours.
  EXPECT_EQ(refused.error().retry_after, std::chrono::hours(12));
  clock_.advance(std::chrono::hours(12));
  EXPECT_EQ(use(0), "ok");
}

TEST_F(SealGateTest, ManyAtOnceAreAllCounted) {
  gate(R"({"kinds":["*"],"per_day":1000})");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) EXPECT_EQ(use(static_cast<std::uint8_t>(t + i * 4)), "ok");
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(test::Database::shared().sql(
                test::Role::superuser, "select span, sum(uses) from seal.seal_use where seal = '" +
                                           id_.value() + "' group by span order by span"),
            (std::vector<std::vector<std::string>>{{"d", "100"}, {"h", "100"}, {"m", "100"}}));
}

// A flood of refusals is a row an hour in the trail, not a flood of rows.
TEST_F(SealGateTest, RefusalsAreNotedOnceAnHour) {
  gate(R"({"kinds":["b"]})");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(gate_->may(actor(), "a", SealUse::own).ok());
  EXPECT_EQ(refusals(), "1");
  clock_.advance(std::chrono::minutes(61));
  EXPECT_FALSE(gate_->may(actor(), "a", SealUse::own).ok());
  EXPECT_EQ(refusals(), "2");
}

TEST_F(SealGateTest, StoppingTwiceIsStoppingOnce) {
  gate(R"({"kinds":["*"]})");
  EXPECT_TRUE(gate_->stop().ok());
  EXPECT_TRUE(gate_->stop().ok());
  EXPECT_EQ(use(), "seal.not_active");
}

TEST_F(SealGateTest, OldSpansGo) {
  gate(R"({"kinds":["*"]})");
  EXPECT_EQ(use(), "ok");
  clock_.advance(std::chrono::hours(24 * 41));
  ASSERT_TRUE(gate_->forget_old().ok());
  EXPECT_EQ(test::Database::shared().sql(
                test::Role::superuser,
                "select span from seal.seal_use where seal = '" + id_.value() + "'"),
            (std::vector<std::vector<std::string>>{{"d"}}));
}

}  // namespace
