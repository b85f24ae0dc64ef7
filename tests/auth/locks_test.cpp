// 锁定与解锁: LD/T 01-2020 6.2.5c; docs/decisions/0150-locks.md.
#include "auth/locks.h"

#include <gtest/gtest.h>

#include "auth/details.h"
#include "auth/identity_requests.h"
#include "auth/staff.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::House;
using test_house::kPassword;
using test_house::refusal_of;
using test_house::secret;
using namespace std::chrono_literals;

class LocksTest : public testing::Test {
 protected:
  House house;
  Locks locks{{house.pool, house.cipher, house.clock}};
  const std::string login = fresh_name(), network = fresh_name("network");
  const SubjectId person = house.new_person(login);
  const SubjectId staff = house.new_staff();

  std::string log_in(std::string_view password = kPassword) {
    return refusal_of(house.accounts.log_in(login, secret(password), network));
  }
};

TEST_F(LocksTest, Ldt01_6_2_5c_ALockEndsSessionsAndTokensAtOnceAndByItselfAtItsEnd) {
  const auto client = house.new_client();
  const auto opened = house.sessions.open(person, Method::password).value();
  const auto tokens =
      house.tokens_for(client, opened.session, "openid profile documents offline_access");
  const std::string access(base::json_text(tokens, "access_token"));
  ASSERT_TRUE(house.provider.actor(access).ok());
  ASSERT_TRUE(locks.lock(person, staff, "挂失", house.clock.now() + 2h).ok());
  EXPECT_FALSE(house.sessions.find(opened.cookie)->has_value());
  EXPECT_FALSE(house.provider.actor(access).ok());
  EXPECT_EQ(refusal_of(house.sessions.open(person, Method::password)), "auth.locked_until");
  EXPECT_EQ(log_in(), "auth.locked_until");
  house.clock.advance(2h - 1s);
  EXPECT_EQ(log_in(), "auth.locked_until");
  house.clock.advance(1s);
  EXPECT_FALSE(locks.current(person)->has_value());
  EXPECT_EQ(log_in(), "") << "nobody had to do anything";
  const auto again = house.sessions.open(person, Method::password);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(house.sessions.find(again->cookie)->has_value());
  EXPECT_FALSE(house.provider.actor(access).ok()) << "what ended stays ended";
  const auto fresh = house.tokens_for(client, again->session);
  EXPECT_TRUE(house.provider.actor(base::json_text(fresh, "access_token")).ok());
  EXPECT_EQ(refusal_of(locks.unlock(person, staff, "over")), "auth.lock.none");
}

TEST_F(LocksTest, Ldt01_6_2_5c_TheReasonIsKeptInTheTrailAndNotToldAtTheLogin) {
  ASSERT_TRUE(locks.lock(person, staff, "case 2026-17").ok());
  const auto holds = locks.current(person).value();
  ASSERT_TRUE(holds.has_value());
  EXPECT_EQ(holds->reason, "case 2026-17");
  EXPECT_EQ(holds->by, staff.value());
  EXPECT_FALSE(holds->until.has_value());
  const auto told = house.accounts.log_in(login, secret(kPassword), network);
  ASSERT_FALSE(told.ok());
  EXPECT_EQ(told.error().key, "auth.locked");
  for (const auto& [name, value] : told.error().args) EXPECT_EQ(value.find("2026-17"), value.npos);
  ASSERT_TRUE(locks.unlock(person, staff, "case closed").ok());
  EXPECT_EQ(house.sql("select string_agg(act || ' ' || (facts ->> 'reason'), ', ' order by seq) from "
                      "audit.entry where object = '" +
                      person.value() + "' and act in ('subject.lock', 'subject.unlock')"),
            "subject.lock case 2026-17, subject.unlock case closed");
  const auto history = locks.history(person).value();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].end_reason, "case closed");
  EXPECT_EQ(history[0].ended_by, staff.value());
}

// An attacker who does not know the password learns nothing from the answer or from the work done.
TEST_F(LocksTest, Ldt01_6_2_5c_AWrongPasswordAtALockedAccountIsLikeAnyOther) {
  ASSERT_TRUE(locks.lock(person, staff, "reason").ok());
  const auto answer = [&](const std::string& name) {
    const auto before = house.hasher.runs();
    const auto said = house.accounts.log_in(name, secret("wrong-horse-battery"), network);
    EXPECT_EQ(house.hasher.runs(), before + 1) << name;
    return said.error().key + " " + std::to_string(said.error().args.size());
  };
  EXPECT_EQ(answer(login), answer(fresh_name("nobody")));
  EXPECT_EQ(answer(login), answer(login));
  EXPECT_EQ(house.sql("select actor || ' ' || outcome from audit.entry where object = '" +
                      person.value() + "' and act = 'login.password' order by seq desc limit 1"),
            "anonymous auth.login_failed");
}

TEST_F(LocksTest, WhoKnowsThePasswordIsNotSlowedDownForAsking) {
  ASSERT_TRUE(locks.lock(person, staff, "reason").ok());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(log_in(), "auth.locked") << i;
}

TEST_F(LocksTest, AnEndIsMovedWithoutLettingAnybodyInBetween) {
  ASSERT_TRUE(locks.lock(person, staff, "first", house.clock.now() + 1h).ok());
  ASSERT_TRUE(locks.lock(person, staff, "longer").ok());
  house.clock.advance(2h);
  EXPECT_EQ(log_in(), "auth.locked");
  const auto history = locks.history(person).value();
  ASSERT_EQ(history.size(), 2U);
  EXPECT_FALSE(history[0].ended_at.has_value());
  EXPECT_EQ(history[1].end_reason, "longer");
  // One that was over before the next had ended by itself.
  ASSERT_TRUE(locks.unlock(person, staff, "end").ok());
  ASSERT_TRUE(locks.lock(person, staff, "short", house.clock.now() + 1h).ok());
  const auto end = house.clock.now() + 1h;
  house.clock.advance(3h);
  EXPECT_EQ(locks.history(person)->front().ended_at, end);
  ASSERT_TRUE(locks.lock(person, staff, "again").ok());
  EXPECT_EQ(locks.history(person).value()[1].ended_at, end);
  EXPECT_EQ(locks.history(person).value()[1].ended_by, "");
}

TEST_F(LocksTest, OnlyStaffLocksNeverHimselfAndAlwaysWithAReason) {
  EXPECT_EQ(refusal_of(locks.lock(person, house.new_person(fresh_name()), "r")), "auth.staff.none");
  EXPECT_EQ(refusal_of(locks.lock(staff, staff, "r")), "auth.staff.own");
  for (const std::string& reason : {std::string(), std::string("  \n"), std::string(1001, 'x')})
    EXPECT_EQ(refusal_of(locks.lock(person, staff, reason)), "auth.request.reason");
  for (const auto* reason : {"11010519491231002X", "证件11010519491231002x遗失"})
    EXPECT_EQ(refusal_of(locks.lock(person, staff, reason)), "auth.request.reason.number");
  EXPECT_EQ(refusal_of(locks.lock(person, staff, "r", house.clock.now())), "auth.lock.until");
  EXPECT_EQ(refusal_of(locks.lock(SubjectId("nobody"), staff, "r")), "auth.subject_unknown");
  EXPECT_EQ(refusal_of(locks.unlock(SubjectId("nobody"), staff, "r")), "auth.subject_unknown");
  EXPECT_EQ(refusal_of(locks.unlock(person, staff, "r")), "auth.lock.none");
  EXPECT_EQ(log_in(), "");
  // Whoever is locked acts for nobody, though he is staff.
  ASSERT_TRUE(locks.lock(staff, house.new_staff(), "r").ok());
  EXPECT_EQ(refusal_of(locks.lock(person, staff, "r")), "auth.staff.none");
  EXPECT_FALSE(is_staff(house.pool, staff, house.clock.now()).value());
}

TEST_F(LocksTest, WhoWasMergedDoesNotComeBackByALockThatEnds) {
  ASSERT_TRUE(locks.lock(person, staff, "r", house.clock.now() + 1h).ok());
  IdentityRequests requests({house.pool, house.cipher, house.clock, house.random});
  IdentityChange merge;
  merge.kind = IdentityChange::Kind::merge;
  merge.duplicate = person;
  const auto request = requests.ask(house.new_person(fresh_name()), merge, staff).value();
  ASSERT_TRUE(requests.approve(request, house.new_staff()).ok());
  ASSERT_TRUE(requests.approve(request, house.new_staff()).ok());
  house.clock.advance(2h);
  EXPECT_EQ(log_in(), "auth.login_failed");
  EXPECT_EQ(refusal_of(house.sessions.open(person, Method::password)), "auth.login_failed");
  EXPECT_EQ(refusal_of(locks.unlock(person, staff, "r")), "auth.subject_unknown");
}

TEST_F(LocksTest, ThePersonIsToldByTextMessage) {
  auto tx = house.pool.begin().value();
  ASSERT_TRUE(put_details(tx, house.cipher, person, {{"mobile", "13800138000"}}, house.clock.now())
                  .ok());
  ASSERT_TRUE(tx.commit().ok());
  const auto messages = [&] {
    return house.sql("select count(*) from auth.text_message where subject_id = '" +
                     person.value() + "'");
  };
  ASSERT_TRUE(locks.lock(person, staff, "r").ok());
  EXPECT_EQ(messages(), "1");
  ASSERT_TRUE(locks.unlock(person, staff, "r").ok());
  EXPECT_EQ(messages(), "2");
}

}  // namespace
}  // namespace auth
