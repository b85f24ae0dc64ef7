// The desk of staff: LD/T 01-2020 6.2.5a, b, d, e; docs/decisions/0151-staff-desk.md.
#include "auth/staff_desk.h"

#include <gtest/gtest.h>

#include "auth/activation.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::fresh_number;
using test_house::House;
using test_house::kPassword;
using test_house::refusal_of;
using test_house::secret;
using Outcome = IdentityRequests::Outcome;

class StaffDeskTest : public testing::Test {
 protected:
  House house;
  StaffDesk desk{{house.pool, house.cipher, house.accounts, house.clock, house.random}};
  IdentityRequests requests{{house.pool, house.cipher, house.clock, house.random}};
  const std::string login = fresh_name(), network = fresh_name("network");
  const SubjectId person = house.new_person(login, "张小三");
  const SubjectId staff = house.new_staff(), other = house.new_staff();

  std::string last(const std::string& column) {
    return house.sql("select " + column + " from audit.entry where actor = '" + staff.value() +
                     "' order by seq desc limit 1");
  }
  std::string totp_of_person() {
    auto tx = house.pool.begin().value();
    const auto id = add_factor(tx, house.cipher, house.random,
                               {person, FactorKind::totp, "app", base::as_bytes("secret")},
                               person.value(), house.clock.now());
    EXPECT_TRUE(id.ok());
    EXPECT_TRUE(tx.commit().ok());
    return *id;
  }
};

TEST_F(StaffDeskTest, Ldt01_6_2_5e_WhoeverLooksIsInTheTrailAndNoNumberIs) {
  const auto number = house.accounts.subject(person)->id_number;
  const auto today = base::china_date(house.clock.now());
  const auto document = read_identity_document(SubjectKind::person, "cn-id", number, "", today);
  EXPECT_EQ(*desk.find_document(staff, *document), person);
  EXPECT_EQ(last("act || ' ' || object || ' ' || outcome"), "staff.find " + person.value() + " ok");
  EXPECT_EQ(last("facts::text").find(number), std::string::npos);
  const auto free =
      read_identity_document(SubjectKind::person, "cn-id", fresh_number(), "", today);
  EXPECT_FALSE(desk.find_document(staff, *free)->has_value());
  EXPECT_EQ(last("outcome"), "auth.subject_unknown");
  EXPECT_EQ(*desk.find_login(staff, login), person);
  EXPECT_EQ(last("facts ->> 'by'"), "login_name");
  ASSERT_TRUE(desk.open(staff, person).ok());
  EXPECT_EQ(last("act || ' ' || object"), "staff.view " + person.value());
}

TEST_F(StaffDeskTest, WhoIsNotStaffSeesNothing) {
  const auto stranger = house.new_person(fresh_name());
  EXPECT_EQ(refusal_of(desk.find_login(stranger, login)), "auth.staff.none");
  EXPECT_EQ(refusal_of(desk.open(stranger, person)), "auth.staff.none");
  EXPECT_EQ(refusal_of(desk.reset(stranger, person)), "auth.staff.none");
  IdentityChange change;
  change.name = "王五";
  EXPECT_EQ(refusal_of(requests.ask(person, change, stranger)), "auth.staff.none");
  EXPECT_EQ(refusal_of(desk.open(staff, SubjectId("nobody"))), "auth.subject_unknown");
}

TEST_F(StaffDeskTest, Ldt01_6_2_5a_TheHistoryHasOldAndNew) {
  IdentityChange change;
  change.name = "张大三";
  ASSERT_EQ(*requests.approve(requests.ask(person, change, staff).value(), other, "seen"),
            Outcome::done);
  const auto file = desk.open(staff, person).value();
  ASSERT_EQ(file.changes.size(), 1U);
  EXPECT_EQ(file.changes[0].field, "name");
  EXPECT_EQ(file.changes[0].from, "张小三");
  EXPECT_EQ(file.changes[0].to, "张大三");
  EXPECT_EQ(file.changes[0].by, other.value());
  EXPECT_EQ(house.sql("select facts ->> 'reason' from audit.entry where act = 'identity.approve' "
                      "and object = '" +
                      person.value() + "'"),
            "seen");
}

// With a code for a new password in one clerk's hands the second factor is what still stands
// between him and the account: he cannot take it off alone.
TEST_F(StaffDeskTest, Ldt01_6_2_5b_ALostFactorGoesWithTwoOfTheStaffAndItsSessionsEnd) {
  const auto factor = totp_of_person();
  const auto session = house.sessions.open(person, Method::password).value();
  IdentityChange change;
  change.kind = IdentityChange::Kind::factor;
  change.factor_id = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(refusal_of(requests.ask(person, change, staff)), "auth.factor.unknown");
  change.factor_id = factor;
  const auto request = requests.ask(person, change, staff).value();
  EXPECT_EQ(refusal_of(requests.approve(request, staff)), "auth.staff.own");
  EXPECT_EQ(desk.open(staff, person)->factors.size(), 1U);
  EXPECT_TRUE(desk.open(staff, person)->factors[0].secret.empty());
  ASSERT_EQ(*requests.approve(request, other), Outcome::done);
  EXPECT_TRUE(desk.open(staff, person)->factors.empty());
  EXPECT_FALSE(house.sessions.find(session.cookie)->has_value());
  EXPECT_EQ(requests.of(person)->front().change.factor_id, factor);
}

TEST_F(StaffDeskTest, Ldt01_6_2_5d_ResettingGivesACodeAndNoPassword) {
  EXPECT_EQ(refusal_of(desk.reset(staff, staff)), "auth.staff.own");
  const auto code = desk.reset(staff, person).value();
  EXPECT_EQ(refusal_of(house.accounts.log_in(login, secret(kPassword), network)), "")
      << "nothing changes before the person comes";
  Activation activation({house.pool, house.accounts, house.clock, house.random});
  ASSERT_TRUE(activation.redeem(login, code, secret("gravel-lantern-otter-9")).ok());
  EXPECT_EQ(refusal_of(house.accounts.log_in(login, secret("gravel-lantern-otter-9"), network)), "");
}

TEST_F(StaffDeskTest, Ldt01_6_2_5e_GuessesAtAnAccountAreShown) {
  EXPECT_TRUE(desk.open(staff, person)->signs.empty());
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(house.accounts.log_in(login, secret("wrong-horse-battery"), network).ok());
  const auto signs = desk.open(staff, person)->signs;
  ASSERT_EQ(signs.size(), 1U);
  EXPECT_EQ(signs[0].kind, SignKind::guesses);
  EXPECT_EQ(signs[0].network, network);
}

}  // namespace
}  // namespace auth
