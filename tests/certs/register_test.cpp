#include "certs/register.h"

#include <gtest/gtest.h>

#include "certs/publisher.h"
#include "store/audit.h"
#include "tests/certs/support.h"
#include "tests/support/audit_away.h"
#include "tests/support/postgres.h"

namespace {

using certs::CertificateRegister;
using certs::Profile;
using std::chrono::hours;

class RegisterTest : public testing::Test {
 protected:
  /// Each test has authorities of its own, so one database serves all.
  base::Result<void> with(const std::function<base::Result<void>(CertificateRegister&)>& deed) {
    BASE_TRY(auto tx, database.pool().begin());
    CertificateRegister issued(tx, pki.clock(), "officer:test");
    BASE_TRY_VOID(deed(issued));
    return tx.commit();
  }
  certs::Issued row(const std::string& label, Profile profile) {
    return {pki.certificate(label),
            profile,
            label,
            pki.certificate("issuing-ca").public_key_sha256(),
            test::Pki::kAgency,
            test::Pki::kAgencyCode,
            pki.clock().now(),
            std::nullopt};
  }
  std::size_t audited(const std::string& act, const std::string& object) {
    return database
        .sql(test::Role::superuser,
             "select 1 from audit.entry where act = '" + act + "' and object = '" + object + "'")
        .size();
  }

  test::Database& database = test::Database::shared();
  test::Pki pki;
  base::SystemRandom random;
};

TEST_F(RegisterTest, WhatIsRecordedIsFoundAndAudited) {
  const auto serial = pki.certificate("seal-1").serial_hex();
  ASSERT_TRUE(with([&](auto& issued) { return issued.record(row("seal-1", Profile::seal)); }));
  EXPECT_EQ(audited("certificate.issue", serial), 1u);
  ASSERT_TRUE(with([&](auto& issued) -> base::Result<void> {
    BASE_TRY(const auto found, issued.find(serial));
    EXPECT_EQ(found.certificate.sha256(), pki.certificate("seal-1").sha256());
    EXPECT_EQ(found.profile, Profile::seal);
    EXPECT_EQ(found.label, "seal-1");
    EXPECT_EQ(found.agency, test::Pki::kAgency);
    EXPECT_FALSE(found.revoked);
    return {};
  }));
}

TEST_F(RegisterTest, Ldt01_6_2_5e_WhatCannotBeToldIsNotDone) {
  const auto issuer = pki.certificate("issuing-ca").public_key_sha256();
  const auto serial = pki.certificate("seal-1").serial_hex();
  ASSERT_TRUE(with([&](auto& issued) { return issued.record(row("seal-1", Profile::seal)); }));
  const auto tables = [&] {
    return database.sql(test::Role::superuser,
                        "select (select count(*) from certs.issued), (select count(*) from "
                        "certs.revocation), (select count(*) from certs.crl), (select count(*) "
                        "from certs.trust_list)");
  };
  const auto before = tables();
  {
    const test::AuditAway away(database);
    EXPECT_FALSE(
        with([&](auto& issued) { return issued.record(row("openid-1", Profile::openid)); }));
    EXPECT_FALSE(with([&](auto& issued) {
      return issued.revoke(issuer, {serial, pki.start(), 1, {}});
    }));
    EXPECT_FALSE(
        with([&](auto& issued) { return issued.record_crl(issuer, 1, pki.issuing_crl()); }));
    EXPECT_FALSE(
        with([&](auto& issued) { return issued.record_trust_list(pki.list(), pki.jws()); }));
  }
  EXPECT_EQ(tables(), before);
}

TEST_F(RegisterTest, ASerialIsGivenOutOnce) {
  ASSERT_TRUE(with([&](auto& issued) { return issued.record(row("openid-1", Profile::openid)); }));
  const auto again =
      with([&](auto& issued) { return issued.record(row("openid-1", Profile::openid)); });
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().key, "certs.serial_taken");
  EXPECT_EQ(audited("certificate.issue", pki.certificate("openid-1").serial_hex()), 1u);
}

TEST_F(RegisterTest, RevocationIsForIssuedOnesAndOnce) {
  const auto serial = pki.certificate("seal-1").serial_hex();
  const auto issuer = pki.certificate("issuing-ca").public_key_sha256();
  const certs::Authority::Revocation revocation{serial, pki.start(), 1, pki.start() - hours(2)};
  const auto revoke = [&] {
    return with([&](auto& issued) { return issued.revoke(issuer, revocation); });
  };
  EXPECT_EQ(revoke().error().key, "certs.not_issued");
  ASSERT_TRUE(with([&](auto& issued) { return issued.record(row("seal-1", Profile::seal)); }));
  ASSERT_TRUE(revoke());
  EXPECT_EQ(revoke().error().key, "certs.already_revoked");
  EXPECT_EQ(audited("certificate.revoke", serial), 1u);
  ASSERT_TRUE(with([&](auto& issued) -> base::Result<void> {
    BASE_TRY(const auto all, issued.revocations(issuer));
    EXPECT_EQ(all.size(), 1u);
    EXPECT_EQ(all.at(0).serial_hex, serial);
    EXPECT_EQ(all.at(0).at, pki.start());
    EXPECT_EQ(all.at(0).reason, 1);
    EXPECT_EQ(all.at(0).invalid_since, pki.start() - hours(2));
    BASE_TRY(const auto found, issued.find(serial));
    EXPECT_TRUE(found.revoked);
    return {};
  }));
}

TEST_F(RegisterTest, NumbersOfRevocationListsOnlyRise) {
  const auto issuer = pki.certificate("issuing-ca").public_key_sha256();
  const auto record = [&](std::int64_t number) {
    return with([&](auto& issued) { return issued.record_crl(issuer, number, pki.issuing_crl()); });
  };
  const auto next = [&] {
    std::int64_t number = 0;
    EXPECT_TRUE(with([&](auto& issued) -> base::Result<void> {
      BASE_TRY(number, issued.next_crl_number(issuer));
      return {};
    }));
    return number;
  };
  EXPECT_EQ(next(), 1);
  ASSERT_TRUE(record(1));
  ASSERT_TRUE(record(5));
  EXPECT_EQ(record(5).error().key, "certs.number_taken");
  EXPECT_EQ(record(4).error().key, "certs.number_taken");
  EXPECT_EQ(next(), 6);
}

TEST_F(RegisterTest, TheTrustListsSequenceNeverFalls) {
  const auto record = [&](std::int64_t sequence) {
    auto list = pki.list();
    list.sequence = sequence;
    return with([&](auto& issued) { return issued.record_trust_list(list, "jws"); });
  };
  ASSERT_TRUE(record(1'000));
  EXPECT_EQ(record(1'000).error().key, "certs.number_taken");
  EXPECT_EQ(record(999).error().key, "certs.number_taken");
  ASSERT_TRUE(record(1'001));
}

TEST_F(RegisterTest, TwoPublishersDoNotBothGetANumber) {
  const auto issuer = pki.certificate("issuing-ca").public_key_sha256();
  auto& pool = database.pool();
  auto one = pool.begin();
  auto two = pool.begin();
  ASSERT_TRUE(one && two);
  CertificateRegister first(*one, pki.clock(), "officer:one");
  CertificateRegister second(*two, pki.clock(), "officer:two");
  EXPECT_EQ(*first.next_crl_number(issuer), *second.next_crl_number(issuer));
  ASSERT_TRUE(first.record_crl(issuer, 1, pki.issuing_crl()));
  ASSERT_TRUE(one->commit());
  EXPECT_EQ(second.record_crl(issuer, 1, pki.issuing_crl()).error().key, "certs.number_taken");
}

TEST_F(RegisterTest, TheServiceCannotRewriteHistory) {
  ASSERT_TRUE(with([&](auto& issued) { return issued.record(row("seal-1", Profile::seal)); }));
  for (const auto* table : {"issued", "revocation", "crl", "trust_list"}) {
    for (const std::string deed : {"delete from certs.", "truncate certs."})
      EXPECT_THROW(database.sql(test::Role::service, deed + table), std::runtime_error) << table;
    EXPECT_THROW(database.sql(test::Role::verifier, std::string("select * from certs.") + table),
                 std::runtime_error)
        << table;
  }
  EXPECT_THROW(database.sql(test::Role::service, "update certs.issued set label = 'x'"),
               std::runtime_error);
  EXPECT_THROW(database.sql(test::Role::service, "update certs.revocation set reason = 0"),
               std::runtime_error);
}

TEST_F(RegisterTest, PublishingMakesListsThatFitTheRegister) {
  ASSERT_TRUE(with([&](auto& issued) -> base::Result<void> {
    BASE_TRY_VOID(issued.record(row("seal-1", Profile::seal)));
    BASE_TRY_VOID(issued.record(row("timestamp-1", Profile::timestamp)));
    return issued.revoke(pki.certificate("issuing-ca").public_key_sha256(),
                         {pki.certificate("seal-1").serial_hex(), pki.start(), 4, std::nullopt});
  }));
  const certs::PublishParts parts{pki.key("root-ca"),
                                  pki.key("issuing-ca"),
                                  pki.certificate("root-ca"),
                                  pki.certificate("issuing-ca"),
                                  "si.example.gov.cn",
                                  hours(24),
                                  5'000'000};
  ASSERT_TRUE(with([&](auto& issued) -> base::Result<void> {
    BASE_TRY(const auto published, certs::publish(issued, parts, pki.clock(), random));
    EXPECT_EQ(published.list.sequence, 5'000'000) << "past what relying parties have seen";
    EXPECT_EQ(published.list.entries.size(), 2u);
    const auto list = certs::TrustList::parse(published.jws);
    EXPECT_TRUE(list);
    EXPECT_EQ(certs::validate(pki.certificate("seal-1"), {}, *list, certs::ChainPurpose::seal,
                              pki.clock().now())
                  .answer,
              certs::ChainAnswer::revoked);
    EXPECT_EQ(certs::validate(pki.certificate("timestamp-1"), {}, *list,
                              certs::ChainPurpose::timestamp, pki.clock().now())
                  .answer,
              certs::ChainAnswer::trusted);
    BASE_TRY(const auto next, issued.next_trust_list_sequence());
    EXPECT_EQ(next, 5'000'001);
    return {};
  }));
  EXPECT_EQ(audited("trust_list.publish", "5000000"), 1u);
}

TEST_F(RegisterTest, ADamagedRowIsToldAsSuch) {
  ASSERT_TRUE(with([&](auto& issued) { return issued.record(row("seal-1", Profile::seal)); }));
  const auto serial = pki.certificate("seal-1").serial_hex();
  database.sql(test::Role::superuser,
               "update certs.issued set der = 'x'::bytea where serial = '" + serial + "'");
  EXPECT_EQ(with([&](auto& issued) -> base::Result<void> {
              BASE_TRY(const auto found, issued.find(serial));
              return {};
            })
                .error()
                .key,
            "certs.register_damaged");
  database.sql(test::Role::superuser, "delete from certs.issued where serial = '" + serial + "'");
}

}  // namespace
