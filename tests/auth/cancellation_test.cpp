// 注销: asked for, thought over, erased. 个人信息保护法 47; docs/decisions/0084-cancellation.md.
#include "auth/cancellation.h"

#include <gmock/gmock.h>

#include <set>

#include "auth/agreements.h"
#include "auth/details.h"
#include "auth/identities.h"
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

constexpr store::Query kPasskeyRow{"test.passkey_row", R"sql(
  insert into auth.passkey (id, subject_id, digest, credential_id, algorithm, public_key,
    sign_count, user_verified, backup_eligible, backed_up, aaguid, attestation, transports,
    created_at)
  values ($1, $2, $3, $3, -7, $3, 0, true, false, false, substr($3, 1, 16), 'none', '', $4))sql"};
constexpr store::Query kCertificateRow{"test.certificate_row", R"sql(
  insert into auth.certificate (id, subject_id, body, issuer, serial, spki_sha256, sha256,
    holder_sealed, holder_lookup, not_before, not_after, bound_at)
  values ($1, $2, 1, 'CN=CA', $1, $3, $3, $3, $3, $4, $4, $4))sql"};

class CancellationTest : public testing::Test {
 protected:
  House house;
  Notices notices{{house.pool, house.cipher, house.clock}};
  Cancellation cancellation{{house.pool, notices, house.clock}};
  const std::string login_name = fresh_name(), number = fresh_number();
  SubjectId subject = make();

  SubjectId make() {
    return house.accounts
        .create({SubjectKind::person, "张小三", "cn-id", number, login_name, Proofing::p2},
                secret(kPassword))
        .value();
  }
  /// Something of his in every table that keeps things of people.
  void live() {
    const auto client = house.new_client();
    const auto session = house.new_session(subject);
    (void)house.tokens_for(client, session, "openid profile offline_access");
    auto tx = house.pool.begin().value();
    ASSERT_TRUE(put_details(tx, house.cipher, subject, {{"mobile", "13800138000"}},
                            house.clock.now())
                    .ok());
    ASSERT_TRUE(add_factor(tx, house.cipher, house.random,
                           {subject, FactorKind::recovery, "codes", {}}, subject.value(),
                           house.clock.now())
                    .ok());
    // Rows that stand on a factor's go with it, in whatever order they are erased.
    for (const auto kind : {FactorKind::passkey, FactorKind::certificate}) {
      const auto id = add_factor(tx, house.cipher, house.random, {subject, kind, "key", {}},
                                 subject.value(), house.clock.now());
      ASSERT_TRUE(id.ok());
      const auto bytes = house.random.bytes(32);
      if (kind == FactorKind::passkey) {
        ASSERT_TRUE(tx.run(kPasskeyRow, {*id, subject.value(), bytes, house.clock.now()}).ok());
      } else {
        ASSERT_TRUE(tx.run(kCertificateRow, {*id, subject.value(), bytes, house.clock.now()}).ok());
      }
    }
    ASSERT_TRUE(notices.password_changed(tx, subject).ok());
    ASSERT_TRUE(tx.commit().ok());
    house.sql("insert into auth.account_lock (subject_id, reason, by, at, ended_at) values ('" +
              subject.value() + "', 'reason', 'x', now(), now())");
  }
  std::string left(const std::string& table) {
    return house.sql("select count(*) from auth." + table + " where subject_id = '" +
                     subject.value() + "'");
  }
};

TEST_F(CancellationTest, Pipl47_NothingOfTheTablesIsLeftButWhatIsNamed) {
  live();
  ASSERT_TRUE(cancellation.ask(subject).ok());
  house.clock.advance(15 * 24h);
  EXPECT_EQ(cancellation.run_due().value(), 1);
  EXPECT_EQ(cancellation.run_due().value(), 0);
  // Every table of this room that has a subject, whoever adds one: what stays is named here with
  // why.
  const std::set<std::string> stays{
      "agreement_act",     // evidence of what was agreed to
      "cancellation",      // that it was asked for and done
      "identity_request",  // that staff decided, without what
      "proofing_consent",  // evidence of what was consented to
      "staff",             // whoever is staff cannot cancel; an old appointment is history
  };
  const auto tables = house.sql(
      "select string_agg(table_name, ' ' order by table_name) from information_schema.columns c "
      "join information_schema.tables t using (table_schema, table_name) "
      "where table_schema = 'auth' and column_name = 'subject_id' and table_type = 'BASE TABLE'");
  int seen = 0;
  std::istringstream names(tables);
  for (std::string table; names >> table; ++seen) {
    if (stays.contains(table)) continue;
    EXPECT_EQ(left(table), "0") << table;
  }
  EXPECT_GE(seen, 14);
  EXPECT_EQ(house.sql("select active || ' ' || octet_length(name_sealed) || ' ' || "
                      "octet_length(id_number_sealed) from auth.subject where id = '" +
                      subject.value() + "'"),
            "false 0 0");
}

TEST_F(CancellationTest, WhatHeHadIsDeadAndTheNumberIsFree) {
  live();
  const auto session = house.new_session(subject);
  const auto tokens = house.tokens_for(house.new_client(), session);
  ASSERT_TRUE(cancellation.ask(subject).ok());
  EXPECT_TRUE(house.provider.actor(tokens["access_token"].GetString()).ok()) << "not yet";
  house.clock.advance(15 * 24h);
  ASSERT_EQ(cancellation.run_due().value(), 1);
  EXPECT_FALSE(house.provider.actor(tokens["access_token"].GetString()).ok());
  EXPECT_EQ(refusal_of(house.accounts.log_in(login_name, secret(kPassword), "10.9.9.0/24")),
            "auth.login_failed");
  EXPECT_EQ(refusal_of(house.accounts.subject(subject)), "auth.subject_unknown");
  EXPECT_FALSE(house.accounts.find_by_number("cn-id", number).value().has_value());
  const auto again = make();
  EXPECT_NE(again, subject) << "who comes back is somebody new";
}

TEST_F(CancellationTest, NothingIsErasedBeforeItsDayOrAfterItWasWithdrawn) {
  const auto due = cancellation.ask(subject).value();
  EXPECT_EQ(due, house.clock.now() + 15 * 24h);
  house.clock.advance(24h);
  EXPECT_EQ(cancellation.ask(subject).value(), due) << "asked twice, the first moment stands";
  EXPECT_EQ(cancellation.run_due().value(), 0);
  EXPECT_EQ(house.sql("select auth.erase_subject('" + subject.value() + "', now())"), "f")
      << "not even by hand";
  ASSERT_TRUE(cancellation.withdraw(subject).ok());
  EXPECT_EQ(refusal_of(cancellation.withdraw(subject)), "auth.cancel.none");
  EXPECT_FALSE(cancellation.due(subject).value().has_value());
  house.clock.advance(30 * 24h);
  EXPECT_EQ(cancellation.run_due().value(), 0);
  EXPECT_TRUE(house.accounts.log_in(login_name, secret(kPassword), "10.9.8.0/24").ok());
  EXPECT_EQ(cancellation.ask(subject).value(), house.clock.now() + 15 * 24h) << "anew";
}

TEST_F(CancellationTest, StaffAreReleasedFirst) {
  house.sql("insert into auth.staff (subject_id, named_at, named_by) values ('" + subject.value() +
            "', now(), 'test')");
  EXPECT_EQ(refusal_of(cancellation.ask(subject)), "auth.cancel.staff");
}

}  // namespace
}  // namespace auth
