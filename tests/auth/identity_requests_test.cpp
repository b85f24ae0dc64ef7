// Changes of identity, duplicates, staff, resets: LD/T 01-2020 6.2.1, 6.2.5.
#include "auth/identity_requests.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/activation.h"
#include "auth/own_account.h"
#include "auth/passkeys.h"
#include "tests/auth/house.h"
#include "tests/auth/soft_authenticator.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::fresh_number;
using test_house::House;
using test_house::kPassword;
using test_house::refusal_of;
using test_house::secret;
using test_house::SoftAuthenticator;
using Kind = IdentityChange::Kind;
using Outcome = IdentityRequests::Outcome;

class IdentityRequestsTest : public testing::Test {
 protected:
  SubjectId staff_member() {
    const auto id = house.new_person(fresh_name("staff"));
    EXPECT_TRUE(requests.name_staff(id, "system:test").ok());
    return id;
  }
  IdentityDocument citizen(const std::string& number) {
    return *read_identity_document(SubjectKind::person, "cn-id", number, "",
                                   base::china_date(house.clock.now()));
  }
  std::string ask(const SubjectId& subject, const IdentityChange& change, const SubjectId& by) {
    const auto id = requests.ask(subject, change, by);
    EXPECT_TRUE(id.ok()) << id.error().key;
    return id.ok() ? *id : "";
  }
  static IdentityChange rename(std::string name) {
    IdentityChange out;
    out.name = std::move(name);
    return out;
  }
  static IdentityChange merge_of(const SubjectId& duplicate) {
    IdentityChange out;
    out.kind = Kind::merge;
    out.duplicate = duplicate;
    return out;
  }
  IdentityChange document(const IdentityDocument& which) {
    IdentityChange out;
    out.kind = Kind::document;
    out.document = which;
    return out;
  }
  House house;
  IdentityRequests requests{{house.pool, house.cipher, house.clock, house.random}};
  const std::string login = fresh_name();
  const SubjectId person = house.new_person(login, "张小三");
};

TEST_F(IdentityRequestsTest, Ldt01_6_2_5a_ANameChangesWithAnotherOnesApprovalAlone) {
  const auto one = staff_member(), two = staff_member();
  const auto request = ask(person, rename("张大三"), one);
  EXPECT_EQ(house.accounts.subject(person)->name, "张小三") << "asking changes nothing";
  EXPECT_EQ(refusal_of(requests.approve(request, one)), "auth.staff.own") << "he asked for it";
  EXPECT_EQ(refusal_of(requests.approve(request, person)), "auth.staff.none");
  EXPECT_EQ(refusal_of(requests.ask(person, rename("张四"), two)), "auth.request.open");
  ASSERT_EQ(*requests.approve(request, two), Outcome::done);
  EXPECT_EQ(house.accounts.subject(person)->name, "张大三");
  EXPECT_EQ(refusal_of(requests.approve(request, two)), "auth.request.unknown") << "it is done";
  EXPECT_EQ(house.sql("select fields from auth.subject_change where subject_id = '" +
                      person.value() + "'"),
            "name");
  EXPECT_EQ(requests.of(person)->front().standing, "done");
}

TEST_F(IdentityRequestsTest, StaffDecideNothingOfTheirOwn) {
  const auto one = staff_member();
  const auto own = ask(one, rename("新名"), one);
  EXPECT_EQ(refusal_of(requests.approve(own, one)), "auth.staff.own");
  EXPECT_EQ(refusal_of(requests.refuse(own, one, "no")), "auth.staff.own");
  const auto two = staff_member();
  // What another one asked for him concerns him all the same.
  house.clock.advance(std::chrono::seconds(1));
  IdentityChange passport = document(citizen(fresh_number()));
  EXPECT_EQ(refusal_of(requests.approve(ask(one, passport, two), one)), "auth.staff.own");
  EXPECT_EQ(refusal_of(requests.refuse(own, two, " ")), "auth.request.reason");
  ASSERT_TRUE(requests.refuse(own, two, "材料不符").ok());
  EXPECT_EQ(requests.of(one)->back().reason, "材料不符");
  ASSERT_TRUE(requests.end_staff(two, "system:test").ok());
  const auto next = ask(person, rename("张五"), person);
  EXPECT_EQ(refusal_of(requests.approve(next, two)), "auth.staff.none");
}

TEST_F(IdentityRequestsTest, Ldt01_6_2_5b_ADocumentIsLinkedAndOneThatIsAnothersIsNot) {
  const auto staff = staff_member();
  const auto number = fresh_number();
  ASSERT_EQ(*requests.approve(ask(person, document(citizen(number)), person), staff),
            Outcome::done);
  EXPECT_EQ(*house.accounts.find_by_number("cn-id", number), person);
  EXPECT_EQ(house.accounts.subject(person)->id_number, number);
  // Asked for by a person, it tells him nothing of others; the approval finds out.
  house.clock.advance(std::chrono::seconds(1));
  const auto other = house.new_person(fresh_name());
  const auto others = house.accounts.subject(other)->id_number;
  const auto request = ask(person, document(citizen(others)), person);
  EXPECT_EQ(refusal_of(requests.approve(request, staff)), "auth.document_linked");
  EXPECT_EQ(*house.accounts.find_by_number("cn-id", others), other);
  EXPECT_EQ(requests.of(person)->front().standing, "open") << "nothing of it was done";
  EXPECT_EQ(requests.of(person)->front().approvals, 0);
}

TEST_F(IdentityRequestsTest, Ldt01_6_2_1_ADuplicateIsMergedByTwoOfTheStaff) {
  const auto twice = house.new_person(fresh_name());
  const auto number = house.accounts.subject(twice)->id_number;
  const auto session = house.new_session(twice);
  const auto one = staff_member(), two = staff_member(), three = staff_member();
  EXPECT_EQ(refusal_of(requests.ask(person, merge_of(person), one)), "auth.request.self");
  const auto request = ask(person, merge_of(twice), one);
  EXPECT_EQ(refusal_of(requests.approve(request, one)), "auth.staff.own");
  ASSERT_EQ(*requests.approve(request, two), Outcome::waiting);
  EXPECT_EQ(refusal_of(requests.approve(request, two)), "auth.staff.twice");
  EXPECT_EQ(*house.accounts.find_by_number("cn-id", number), twice) << "one approval does nothing";
  ASSERT_EQ(*requests.approve(request, three), Outcome::done);
  EXPECT_EQ(*house.accounts.find_by_number("cn-id", number), person);
  EXPECT_EQ(documents_of(house.pool, house.cipher, person)->size(), 2U);
  EXPECT_EQ(
      house.sql("select count(*) from auth.session where subject_id = '" + twice.value() + "'"),
      "0");
  EXPECT_EQ(house.sql("select merged_into from auth.subject where id = '" + twice.value() + "'"),
            person.value());
  EXPECT_EQ(refusal_of(requests.ask(twice, rename("又一"), one)), "auth.subject_unknown");
  EXPECT_EQ(refusal_of(house.accounts.create(
                {SubjectKind::person, "张小三", "cn-id", number, fresh_name(), Proofing::p0},
                secret(kPassword))),
            "auth.subject_exists");
}

TEST_F(IdentityRequestsTest, Ldt01_6_2_1_FactorsOfTheMergedEndAndMayBeAddedToTheOneThatStays) {
  Notices notices{{house.pool, house.cipher, house.clock}};
  Passkeys passkeys{{house.pool, house.cipher, house.clock, house.random, notices,
                     Passkeys::party_of(test_house::kIssuer, "信印")}};
  const auto twice = house.new_person(fresh_name());
  SoftAuthenticator key("ES256");
  const auto enrol = [&](const SubjectId& who) {
    const auto session = house.new_session(who).id;
    const auto options = passkeys.begin_enrolment(who, "zhang.san", session);
    EXPECT_TRUE(options.ok());
    return passkeys.finish_enrolment(who, session, key.registration(key.create(*options)), "钥匙");
  };
  const auto show = [&] {
    const auto options = passkeys.begin_login(std::nullopt, "browser");
    EXPECT_TRUE(options.ok());
    return passkeys.finish_login(std::nullopt, "browser", key.assertion(key.get(*options)));
  };
  ASSERT_TRUE(enrol(twice).ok());
  EXPECT_EQ(refusal_of(enrol(person)), "auth.passkey.known");
  const auto lookup = house.cipher.lookup("auth/test", fresh_name("card"));
  const auto card = [&](const SubjectId& who) -> base::Result<void> {
    BASE_TRY(auto tx, house.pool.begin());
    BASE_TRY_VOID(add_factor(tx, house.cipher, house.random,
                             {who, FactorKind::social_card, "card", base::as_bytes("x"), lookup},
                             who.value(), house.clock.now()));
    BASE_TRY_VOID(add_factor(tx, house.cipher, house.random,
                             {who, FactorKind::sms, "138****8000", base::as_bytes("13800138000")},
                             who.value(), house.clock.now()));
    return tx.commit();
  };
  ASSERT_TRUE(card(twice).ok());
  EXPECT_EQ(refusal_of(card(person)), "auth.factor.taken");

  const auto one = staff_member(), two = staff_member(), three = staff_member();
  const auto request = ask(person, merge_of(twice), one);
  ASSERT_EQ(*requests.approve(request, two), Outcome::waiting);
  EXPECT_EQ(factors_of(house.pool, house.cipher, twice)->size(), 3U) << "one approval does nothing";
  ASSERT_EQ(*requests.approve(request, three), Outcome::done);
  EXPECT_TRUE(factors_of(house.pool, house.cipher, twice)->empty());
  EXPECT_TRUE(factors_of(house.pool, house.cipher, person)->empty()) << "nothing moved";
  EXPECT_FALSE(show().ok()) << "it logs in to nothing";
  EXPECT_FALSE(
      find_factor(house.pool, house.cipher, FactorKind::social_card, lookup)->has_value());
  EXPECT_EQ(house.sql("select count(*) from audit.entry where act = 'factor.remove' and actor = '" +
                      three.value() + "' and object = '" + twice.value() + "'"),
            "3");
  EXPECT_EQ(house.sql("select count(*) from auth.text_message where subject_id = '" +
                      twice.value() + "'"),
            "1")
      << "told at the number that was confirmed there";

  ASSERT_TRUE(enrol(person).ok());
  EXPECT_EQ(show()->subject, person);
  EXPECT_EQ(refusal_of(card(person)), "");
}

TEST_F(IdentityRequestsTest, TwoApprovalsAtOnceAreTwoNotThree) {
  const auto twice = house.new_person(fresh_name());
  const auto request = ask(person, merge_of(twice), person);
  std::vector<SubjectId> staff;
  for (int i = 0; i < 6; ++i) staff.push_back(staff_member());
  std::atomic<int> done{0}, waiting{0}, late{0};
  std::vector<std::thread> threads;
  for (const auto& one : staff)
    threads.emplace_back([&] {
      const auto answer = requests.approve(request, one);
      if (!answer.ok())
        ++late;
      else
        ++(*answer == Outcome::done ? done : waiting);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done.load(), 1);
  EXPECT_EQ(waiting.load(), 1);
  EXPECT_EQ(late.load(), 4);
}

TEST_F(IdentityRequestsTest, ARequestThatNobodyDecidesRunsOut) {
  const auto staff = staff_member();
  const auto request = ask(person, rename("张六"), person);
  house.clock.advance(std::chrono::hours(24 * 31));
  EXPECT_EQ(refusal_of(requests.approve(request, staff)), "auth.request.unknown");
  EXPECT_TRUE(requests.open()->empty() || requests.open()->front().id != request);
  ask(person, rename("张七"), person);
}

TEST_F(IdentityRequestsTest, Ldt01_6_2_5d_ACodeSetsOnePasswordOnce) {
  Activation activation({house.pool, house.accounts, house.clock, house.random});
  const auto old = activation.issue(person, "staff:test");
  const auto code = activation.issue(person, "staff:test");
  ASSERT_TRUE(old.ok() && code.ok());
  const auto session = house.new_session(person);
  const auto next = secret("umber-falcon-drift-ninety");
  EXPECT_EQ(refusal_of(activation.redeem(login, *old, next)), "auth.activation.unknown")
      << "a newer one voids it";
  EXPECT_EQ(refusal_of(activation.redeem(fresh_name(), *code, next)), "auth.activation.unknown");
  EXPECT_EQ(refusal_of(activation.redeem(login, std::string(32, '0'), next)),
            "auth.activation.unknown");
  EXPECT_EQ(refusal_of(activation.redeem(login, *code, secret("short"))),
            "auth.password.too_short");
  EXPECT_EQ(house.sql("select count(*) from auth.activation where position('" + *code +
                      "' in encode(digest, 'hex')) > 0"),
            "0")
      << "kept as digest alone";
  ASSERT_EQ(refusal_of(activation.redeem(login, code->substr(0, 8) + "-" + code->substr(8), next)),
            "");
  EXPECT_EQ(refusal_of(activation.redeem(login, *code, next)), "auth.activation.unknown");
  EXPECT_TRUE(house.accounts.log_in(login, next, fresh_name("network")).ok());
  EXPECT_EQ(house.sql("select count(*) from auth.session where id = '" + session.id + "'"), "0");
  const auto late = activation.issue(person, "staff:test");
  const std::string left =
      "select count(*) from auth.activation where subject_id = '" + person.value() + "'";
  ASSERT_TRUE(activation.sweep().ok());
  EXPECT_EQ(house.sql(left), "1") << "one that is good is not swept";
  house.clock.advance(std::chrono::hours(25));
  EXPECT_EQ(refusal_of(activation.redeem(login, *late, next)), "auth.activation.unknown");
  ASSERT_TRUE(activation.sweep().ok());
  EXPECT_EQ(house.sql(left), "0");
}

}  // namespace
}  // namespace auth
