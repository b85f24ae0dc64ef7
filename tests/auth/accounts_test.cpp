// Registration and login: security.md §3.A, LD/T 01-2020 5.4.1.3–4, 6.2.1.
#include "auth/accounts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "store/audit_chain.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::fresh_number;
using test_house::House;
using test_house::kPassword;
using test_house::refusal_of;
using test_house::secret;
using namespace std::chrono_literals;

class AccountsTest : public testing::Test {
 protected:
  NewSubject person(std::string_view number = {}) {
    return {SubjectKind::person,
            "张小三",
            "cn-id",
            number.empty() ? fresh_number() : std::string(number),
            fresh_name(),
            Proofing::p1};
  }
  std::string log_in(std::string_view name, std::string_view password,
                     std::string_view network = {}) {
    const auto answer =
        house.accounts.log_in(name, secret(password), network.empty() ? here : network);
    return answer.ok() ? "" : answer.error().key;
  }
  std::string audits(std::string_view act, std::string_view outcome) {
    return house.sql("select count(*) from audit.entry where act = '" + std::string(act) +
                     "' and outcome = '" + std::string(outcome) + "'");
  }
  House house;
  const std::string here = fresh_name("network");  // counted by itself
};

TEST_F(AccountsTest, WhatWasRegisteredIsRead) {
  auto wanted = person("11010519491231002x");
  house.sql(
      "delete from auth.credential; delete from auth.account; delete from auth.session; "
      "delete from auth.consent; delete from auth.authorization_grant; "
      "delete from auth.subject");
  const auto id = house.accounts.create(wanted, secret(kPassword));
  ASSERT_TRUE(id.ok()) << id.error().key;
  const auto record = house.accounts.subject(*id);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->name, "张小三");
  EXPECT_EQ(record->id_number, "11010519491231002X");
  EXPECT_EQ(record->proofing, Proofing::p1);
  EXPECT_EQ(record->kind, SubjectKind::person);
  EXPECT_EQ(**house.accounts.find_by_login(wanted.login_name), *id);
  EXPECT_EQ(**house.accounts.find_by_number("cn-id", "11010519491231002X"), *id);
  EXPECT_EQ(**house.accounts.find_by_number("cn-id", "110105491231002"), *id) << "15 digits";
  EXPECT_FALSE(house.accounts.find_by_number("uscc", "11010519491231002X")->has_value());
  EXPECT_EQ(refusal_of(house.accounts.subject(SubjectId("nobody"))), "auth.subject_unknown");
}

TEST_F(AccountsTest, Ldt01_6_2_1_OnePersonIsOneSubject) {
  const auto number = fresh_number();
  ASSERT_TRUE(house.accounts.create(person(number), secret(kPassword)).ok());
  EXPECT_EQ(refusal_of(house.accounts.create(person(number), secret(kPassword))),
            "auth.subject_exists");
  auto same_name = person();
  same_name.login_name = fresh_name("Taken");
  ASSERT_TRUE(house.accounts.create(same_name, secret(kPassword)).ok());
  same_name.id_number = fresh_number();
  EXPECT_EQ(refusal_of(house.accounts.create(same_name, secret(kPassword))),
            "auth.login_name_taken");
}

TEST_F(AccountsTest, Ldt01_6_2_1_OnePersonAtOnceFromManyPortalsIsOneSubject) {
  const auto number = fresh_number();
  std::atomic<int> made{0}, existed{0};
  std::vector<NewSubject> wanted;
  for (int i = 0; i < 16; ++i) wanted.push_back(person(number));
  std::vector<std::thread> portals;
  for (int t = 0; t < 4; ++t)
    portals.emplace_back([&, t] {
      for (int i = t; i < 16; i += 4) {
        const auto done =
            house.accounts.create(wanted[static_cast<std::size_t>(i)], secret(kPassword));
        if (done.ok()) ++made;
        if (!done.ok() && done.error().key == "auth.subject_exists") ++existed;
      }
    });
  for (auto& each : portals) each.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(existed, 15);
}

TEST_F(AccountsTest, EachWrongFieldIsNamed) {
  NewSubject wrong{SubjectKind::person,  " ",        "cn-id",
                   "110101199003076631", "12345678", Proofing::p0};
  const auto done = house.accounts.create(wrong, secret("short"));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(refusal_of(done), "auth.subject_invalid");
  std::vector<std::string> named;
  for (const auto& field : done.error().fields) named.push_back(field.field + "=" + field.key);
  EXPECT_EQ(named, (std::vector<std::string>{
                       "name=auth.name.form", "login_name=auth.login_name.form",
                       "id_number=auth.id_number.check", "password=auth.password.too_short"}));
}

TEST_F(AccountsTest, LoginNamesAreOneFormAndNoPersonalNumbers) {
  EXPECT_EQ(normal_login_name("ZhangXiaoSan"), "zhangxiaosan");
  EXPECT_EQ(normal_login_name("ｚｈａｎｇ３"), "zhang3");
  for (const auto* bad : {"abc", "13800138000", "11010519491231002x", "11010519491231002X",
                          "张小三张小三", "a b c d", "a'or'1'='1", "", "zhang\n"})
    EXPECT_FALSE(normal_login_name(bad).has_value()) << bad;
}

TEST_F(AccountsTest, NamesKeepTheirWritingWithOneMiddleDot) {
  EXPECT_EQ(normal_name(SubjectKind::person, " 阿依古丽•买买提 "), "阿依古丽·买买提");
  EXPECT_EQ(normal_name(SubjectKind::person, "𠮷野家"), "𠮷野家");
  EXPECT_EQ(normal_name(SubjectKind::person, "SUHARTO"), "SUHARTO");
  EXPECT_FALSE(normal_name(SubjectKind::person, "张\n三").has_value());
  EXPECT_FALSE(normal_name(SubjectKind::person, "张\u202e三").has_value());
  EXPECT_FALSE(normal_name(SubjectKind::person, std::string(51, 'a')).has_value());
  EXPECT_TRUE(normal_name(SubjectKind::unit, std::string(120, 'a')).has_value());
}

TEST_F(AccountsTest, A9_UnknownNameAndWrongPasswordAreOneAnswerAndOneWork) {
  const auto name = fresh_name();
  house.new_person(name);
  const auto work = [&](std::string_view who) {
    const auto before = house.hasher.runs();
    const auto answer = house.accounts.log_in(who, secret("wrong-wrong-wrong"), here);
    EXPECT_EQ(answer.error().code, base::Code::unauthenticated);
    EXPECT_EQ(refusal_of(answer), "auth.login_failed");
    EXPECT_TRUE(answer.error().detail.empty());
    EXPECT_FALSE(answer.error().retry_after.has_value());
    return house.hasher.runs() - before;
  };
  EXPECT_EQ(work(name), 1U);
  EXPECT_EQ(work(fresh_name("nobody")), 1U);
  EXPECT_EQ(work("' or 1=1 --"), 1U);
  EXPECT_EQ(work(""), 1U);
}

TEST_F(AccountsTest, A3_AMegabyteIsRefusedWithoutWork) {
  const auto before = house.hasher.runs();
  EXPECT_EQ(log_in(fresh_name(), std::string(1 << 20, 'a')), "auth.password.too_long");
  EXPECT_EQ(house.hasher.runs(), before);
}

TEST_F(AccountsTest, LoginNameAndPasswordAreNormalised) {
  const auto name = fresh_name("norm");
  NewSubject wanted = person();
  wanted.login_name = name;
  ASSERT_TRUE(house.accounts.create(wanted, secret("caf\u00e9 hollow brig anvil")).ok());
  std::string upper = name;
  upper[0] = 'N';
  EXPECT_EQ(log_in(upper, "cafe\u0301 hollow brig anvil"), "");
}

TEST_F(AccountsTest, A12_FailuresDelayAndTimePassesAgain) {
  const auto name = fresh_name();
  house.new_person(name);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(log_in(name, "wrong"), "auth.login_failed") << i;
  const auto blocked = house.accounts.log_in(name, secret(kPassword), here);
  EXPECT_EQ(refusal_of(blocked), "auth.login_slow");
  ASSERT_FALSE(blocked.ok());
  EXPECT_EQ(blocked.error().code, base::Code::rate_limited);
  EXPECT_EQ(blocked.error().retry_after, 3s);
  house.clock.advance(3s);
  EXPECT_EQ(log_in(name, kPassword), "");
  EXPECT_EQ(log_in(name, "wrong"), "auth.login_failed") << "a success starts the count again";
}

TEST_F(AccountsTest, A12_PastAHundredOneTryADay) {
  const auto name = fresh_name();
  house.new_person(name);
  int tries = 0;
  for (; tries < 100; ++tries) {
    ASSERT_EQ(log_in(name, "wrong", "net-" + std::to_string(tries)), "auth.login_failed") << tries;
    house.clock.advance(10s);
  }
  EXPECT_EQ(log_in(name, kPassword, "net-new"), "auth.login_slow");
  house.clock.advance(std::chrono::hours(24));
  EXPECT_EQ(log_in(name, kPassword, "net-new"), "");
}

TEST_F(AccountsTest, A12_StrangersCannotKeepTheOwnerOut) {
  const auto name = fresh_name();
  house.new_person(name);
  ASSERT_EQ(log_in(name, kPassword, "home"), "");
  for (int i = 0; i < 110; ++i) {
    log_in(name, "wrong", "stranger-" + std::to_string(i));
    house.clock.advance(10s);
  }
  EXPECT_EQ(log_in(name, kPassword, "cafe"), "auth.login_slow");
  EXPECT_EQ(log_in(name, kPassword, "home"), "") << "where the owner was before, he comes in";
}

TEST_F(AccountsTest, A13_OneNetworkCannotTryManyNames) {
  const auto network = fresh_name("net");
  int let = 0;
  for (int i = 0; i < 200; ++i)
    if (log_in(fresh_name("nobody"), "wrong", network) == "auth.login_failed") ++let;
  EXPECT_EQ(let, 30);
  house.clock.advance(16min);
  EXPECT_EQ(log_in(fresh_name("nobody"), "wrong", network), "auth.login_failed");
}

TEST_F(AccountsTest, A14_TheCountOutlivesTheProcessAndIsShared) {
  const auto name = fresh_name();
  house.new_person(name);
  for (int i = 0; i < 8; ++i) log_in(name, "wrong");
  House other;
  EXPECT_EQ(refusal_of(other.accounts.log_in(name, secret(kPassword), here)), "auth.login_slow");
}

TEST_F(AccountsTest, A15_FiftyTriesAtOnceDoNotPassTheLimit) {
  const auto name = fresh_name();
  house.new_person(name);
  std::atomic<int> looked_at{0}, slowed{0};
  std::vector<std::thread> tries;
  for (int t = 0; t < 10; ++t)
    tries.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto answer = log_in(name, "wrong", here);
        if (answer == "auth.login_failed") ++looked_at;
        if (answer == "auth.login_slow") ++slowed;
      }
    });
  for (auto& each : tries) each.join();
  EXPECT_EQ(looked_at, 8);
  EXPECT_EQ(slowed, 42);
}

TEST_F(AccountsTest, ABusyHasherIsNoFailureOfThePerson) {
  House costly({1, 1, 65'536, 3, 60s});
  House busy({1, 1, 65'536, 3, 1ms});
  const auto name = fresh_name();
  costly.new_person(name);
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(refusal_of(busy.accounts.log_in(name, secret("wrong"), here)), "auth.busy");
  EXPECT_EQ(log_in(name, kPassword, here), "");
}

TEST_F(AccountsTest, CostlierSettingsRenewTheHashAtTheNextLogin) {
  const auto name = fresh_name();
  const auto id = house.new_person(name);
  const auto sealed =
      "select md5(sealed) from auth.credential where subject_id = '" + id.value() + "'";
  const auto before = house.sql(sealed);
  House costlier({1, 40, 128, 1, 10s});
  ASSERT_TRUE(costlier.accounts.log_in(name, secret(kPassword), here).ok());
  const auto after = house.sql(sealed);
  EXPECT_NE(before, after);
  ASSERT_TRUE(costlier.accounts.log_in(name, secret(kPassword), here).ok());
  EXPECT_EQ(house.sql(sealed), after);
}

TEST_F(AccountsTest, A7_A8_ChangeNeedsTheOldOneAndEndsOtherSessions) {
  const auto name = fresh_name();
  const auto id = house.new_person(name);
  const auto client = house.new_client();
  const auto kept = house.sessions.open(id, Method::password).value();
  const auto other = house.sessions.open(id, Method::password).value();
  const auto kept_tokens = house.tokens_for(client, kept.session);
  const auto other_tokens = house.tokens_for(client, other.session);
  const std::string replacement = "quartz-lantern-ferry-moss";
  const auto change = [&](std::string_view current, std::string_view wanted) {
    const auto done =
        house.accounts.change_password(id, secret(current), secret(wanted), here, kept.session.id);
    return done.ok() ? "" : done.error().key;
  };
  EXPECT_EQ(change("wrong-wrong-wrong", replacement), "auth.login_failed");
  EXPECT_EQ(change(kPassword, "tiny"), "auth.password.too_short");
  EXPECT_EQ(change(kPassword, replacement), "");
  EXPECT_EQ(log_in(name, kPassword), "auth.login_failed");
  EXPECT_EQ(log_in(name, replacement), "");
  EXPECT_TRUE(house.sessions.find(kept.cookie)->has_value());
  EXPECT_FALSE(house.sessions.find(other.cookie)->has_value());
  EXPECT_TRUE(house.provider.actor(base::json_text(kept_tokens, "access_token")).ok());
  EXPECT_FALSE(house.provider.actor(base::json_text(other_tokens, "access_token")).ok());
  ASSERT_TRUE(house.accounts.replace_password(id, secret(kPassword), "officer:7").ok());
  EXPECT_FALSE(house.sessions.find(kept.cookie)->has_value());
  EXPECT_EQ(log_in(name, kPassword), "");
}

TEST_F(AccountsTest, A33_SwitchedOffMeansNoLoginNoSessionNoToken) {
  const auto name = fresh_name();
  const auto id = house.new_person(name);
  const auto opened = house.sessions.open(id, Method::password).value();
  const auto tokens = house.tokens_for(house.new_client(), opened.session);
  house.lock(id);
  EXPECT_EQ(log_in(name, kPassword), "auth.locked") << "he proved himself";
  EXPECT_EQ(log_in(name, "wrong"), "auth.login_failed") << "no oracle";
  EXPECT_FALSE(house.sessions.find(opened.cookie)->has_value());
  EXPECT_FALSE(house.provider.actor(base::json_text(tokens, "access_token")).ok());
  house.unlock(id);
  EXPECT_EQ(log_in(name, kPassword), "");
  EXPECT_FALSE(house.sessions.find(opened.cookie)->has_value()) << "what ended stays ended";
}

TEST_F(AccountsTest, Ldt01_6_2_5e_LoginsAreInTheAuditChain) {
  const auto name = fresh_name();
  const auto id = house.new_person(name);
  const auto good = audits("login.password", "ok");
  const auto bad = audits("login.password", "auth.login_failed");
  log_in(name, kPassword);
  log_in(name, "wrong");
  EXPECT_EQ(std::stoi(audits("login.password", "ok")), std::stoi(good) + 1);
  EXPECT_EQ(std::stoi(audits("login.password", "auth.login_failed")), std::stoi(bad) + 1);
  EXPECT_EQ(house.sql("select actor from audit.entry where object = '" + id.value() +
                      "' and act = 'login.password' order by seq desc limit 1"),
            "anonymous");
  const auto report = store::verify_audit(house.pool);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->whole());
}

}  // namespace
}  // namespace auth
