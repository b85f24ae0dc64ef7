#include "seal/seals.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/active_seal.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres.h"

namespace {

using seal::Seals;
using seal::SealState;
using test::kApplicant;
using test::kApprover;
using test::kOtherApprover;

class SealsTest : public testing::Test {
 protected:
  static test::Database& database() { return test::Database::shared(); }
  std::string applied() {
    const auto request = seals_.apply(test::seal_spec(id_), kApplicant);
    base::check(request.ok(), "cannot apply for a seal");
    return *request;
  }
  SealState state() { return (*seals_.find(id_))->state; }
  void approve(const base::Result<std::string>& request) { test::approve_by_two(seals_, request); }
  void make_active() {
    approve(applied());
    ASSERT_TRUE(seals_.made(id_, "<svg/>", {}, "system:test").ok());
    ASSERT_TRUE(seals_.activate(id_, kApplicant).ok());
  }
  std::vector<std::string> acts() {
    std::vector<std::string> out;
    const auto steps = seals_.history(id_);
    for (const auto& step : *steps) out.push_back(step.act + " " + step.state);
    return out;
  }

  base::ManualClock clock_{base::from_unix_s(1'795'489'200)};
  base::SystemRandom random_;
  Seals seals_{{database().pool(), clock_, random_}};
  const std::string id_ = test::fresh_seal_number(random_);
};

TEST_F(SealsTest, ASealIsThereWithTheSecondApprovalOfOthers) {
  const auto request = applied();
  EXPECT_EQ(seals_.approve(request, kApplicant).error().key, "seal.own_request");
  EXPECT_EQ(*seals_.approve(request, kApprover), Seals::Outcome::waiting);
  EXPECT_FALSE(seals_.find(id_)->has_value());
  EXPECT_EQ(seals_.approve(request, kApprover).error().key, "seal.approved_already");
  EXPECT_EQ(*seals_.approve(request, kOtherApprover), Seals::Outcome::done);
  EXPECT_EQ(state(), SealState::approved);
  EXPECT_EQ(seals_.approve(request, kOtherApprover).error().key, "seal.request_unknown");
  EXPECT_EQ(seals_.apply(test::seal_spec(id_), kApplicant).error().key, "seal.exists");
}

// Eight at once: counted one after the other, done once.
TEST_F(SealsTest, ApprovalsAtOnceAreCountedOneAfterTheOther) {
  const auto request = applied();
  std::atomic<int> done = 0, waiting = 0, others = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const auto outcome = seals_.approve(
          request, auth::SubjectId("0000000000000000000000000000000" + std::to_string(i)));
      if (!outcome.ok())
        ++others;
      else
        ++(*outcome == Seals::Outcome::done ? done : waiting);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(waiting, 1);
  EXPECT_EQ(others, 6);
  EXPECT_EQ(acts(), std::vector<std::string>{"apply approved"});
}

TEST_F(SealsTest, ItIsMadeOnceAndHandedOverOnce) {
  approve(applied());
  EXPECT_EQ(seals_.activate(id_, kApplicant).error().key, "seal.not_made");
  ASSERT_TRUE(seals_.made(id_, "<svg/>", {}, "system:test").ok());
  EXPECT_EQ(seals_.made(id_, "<svg></svg>", {}, "system:test").error().key, "seal.made");
  ASSERT_TRUE(seals_.activate(id_, kApplicant).ok());
  EXPECT_EQ(seals_.activate(id_, kApplicant).error().key, "seal.state");
  EXPECT_EQ((*seals_.find(id_))->svg, "<svg/>");
}

TEST_F(SealsTest, OneStopsItAtOnceAndTwoLetItGoOn) {
  make_active();
  EXPECT_EQ(seals_.suspend(id_, " ", kApprover.value()).error().key, "seal.reason");
  ASSERT_TRUE(seals_.suspend(id_, "丢失U盾", kApprover.value()).ok());
  EXPECT_EQ(state(), SealState::suspended);
  EXPECT_EQ(seals_.suspend(id_, "again", kApprover.value()).error().key, "seal.state");
  approve(seals_.ask(Seals::Ask::resume, id_, "已查明", kApplicant));
  EXPECT_EQ(state(), SealState::active);
  EXPECT_EQ(acts(), (std::vector<std::string>{"apply approved", "make approved", "activate active",
                                              "suspend suspended", "resume active"}));
  EXPECT_EQ((*seals_.history(id_))[3].reason, "丢失U盾");
}

TEST_F(SealsTest, WhatWasRevokedStaysRevoked) {
  make_active();
  EXPECT_EQ(seals_.ask(Seals::Ask::destroy, id_, "x", kApplicant).error().key, "seal.state");
  EXPECT_EQ(seals_.ask(Seals::Ask::resume, id_, "x", kApplicant).error().key, "seal.state");
  approve(seals_.ask(Seals::Ask::revoke, id_, "机构更名", kApplicant));
  EXPECT_EQ(state(), SealState::revoked);
  for (const auto what : {Seals::Ask::resume, Seals::Ask::revoke})
    EXPECT_EQ(seals_.ask(what, id_, "x", kApplicant).error().key, "seal.state");
  EXPECT_EQ(seals_.ask_policy(id_, R"({"kinds":["*"]})", "x", kApplicant).error().key,
            "seal.state");
  EXPECT_EQ(seals_.activate(id_, kApplicant).error().key, "seal.state");
  approve(seals_.ask(Seals::Ask::destroy, id_, "已销毁", kApplicant));
  EXPECT_EQ(state(), SealState::destroyed);
}

// What the database itself refuses, whoever asks.
TEST_F(SealsTest, TheDatabaseLetsNoSealComeBackOrChange) {
  make_active();
  approve(seals_.ask(Seals::Ask::revoke, id_, "x", kApplicant));
  constexpr store::Query kBack{"test.back", "update seal.seal set state = 'active' where id = $1"};
  constexpr store::Query kOther{
      "test.other",
      "update seal.seal set spec = jsonb_set(spec, '{name}', '\"another\"') where id = $1"};
  constexpr store::Query kSvg{"test.svg", "update seal.seal set svg = '<x/>' where id = $1"};
  constexpr store::Query kGone{"test.gone", "delete from seal.seal_event where seal = $1"};
  for (const auto& query : {kBack, kOther, kSvg})
    EXPECT_TRUE(store::is_violation(database().pool().run(query, {id_}).error(), "seal_forward"))
        << query.name;
  EXPECT_FALSE(database().pool().run(kGone, {id_}).ok());
}

TEST_F(SealsTest, APolicyChangesByTwoAndNothingElseDoes) {
  make_active();
  const auto before = (*seals_.find(id_))->spec;
  approve(seals_.ask_policy(id_, R"({"kinds":["a"],"per_day":5})", "收紧", kApplicant));
  const auto after = (*seals_.find(id_))->spec;
  EXPECT_EQ(after.policy.kinds, std::vector<std::string>{"a"});
  EXPECT_EQ(after.policy.per_day, 5);
  EXPECT_EQ(after.name, before.name);
  EXPECT_EQ(after.picture, before.picture);
}

TEST_F(SealsTest, ARequestIsRefusedWithdrawnOrRunsOut) {
  auto request = applied();
  EXPECT_EQ(seals_.apply(test::seal_spec(id_), kApplicant).error().key, "seal.request_open");
  EXPECT_EQ(seals_.refuse(request, "", kApprover).error().key, "seal.reason");
  ASSERT_TRUE(seals_.refuse(request, "样式不符", kApprover).ok());
  EXPECT_EQ(seals_.approve(request, kOtherApprover).error().key, "seal.request_unknown");
  request = applied();
  ASSERT_TRUE(seals_.refuse(request, "写错了", kApplicant).ok());
  request = applied();
  clock_.advance(std::chrono::hours(31 * 24));
  EXPECT_EQ(seals_.approve(request, kApprover).error().key, "seal.request_unknown");
  EXPECT_NE(applied(), request);
  const auto standing = database().sql(
      test::Role::superuser,
      "select string_agg(standing, ' ' order by asked_at, standing desc) from seal.seal_request "
      "where seal = '" +
          id_ + "'");
  EXPECT_EQ(standing[0][0], "withdrawn withdrawn refused open");
}

// What a request was about may have gone another way before the last approval.
TEST_F(SealsTest, WhatNoLongerFollowsIsNotDone) {
  make_active();
  ASSERT_TRUE(seals_.suspend(id_, "x", kApprover.value()).ok());
  const auto resume = seals_.ask(Seals::Ask::resume, id_, "x", kApplicant);
  ASSERT_TRUE(seals_.approve(*resume, kApprover).ok());
  constexpr store::Query kRevoke{"test.revoke",
                                 "update seal.seal set state = 'revoked' where id = $1"};
  ASSERT_TRUE(database().pool().run(kRevoke, {id_}).ok());
  EXPECT_EQ(seals_.approve(*resume, kOtherApprover).error().key, "seal.state");
  EXPECT_EQ(state(), SealState::revoked);
  EXPECT_EQ((*seals_.find_open(*resume))->approvals, 1);
}

}  // namespace
