#include "certs/health.h"

#include <gmock/gmock.h>

#include "certs/ocsp_register.h"
#include "certs/register.h"
#include "tests/certs/support.h"
#include "tests/support/postgres.h"

namespace {

using certs::Severity;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

class HealthTest : public testing::Test {
 protected:
  HealthTest() { pki.write(directory.path()); }
  std::vector<certs::Finding> found(bool ocsp = false) {
    const auto out =
        certs::health(database.pool(), certs::PkiDirectory(directory.path()), pki.clock(),
                      {.ocsp = ocsp, .bodies = true});
    EXPECT_TRUE(out) << out.error().detail;
    return *out;
  }
  /// "severity key label-or-file threshold" of each.
  std::vector<std::string> told(const std::vector<certs::Finding>& findings) {
    std::vector<std::string> out;
    for (const auto& one : findings) {
      const auto about = one.args.count("label") != 0  ? one.args.at("label")
                         : one.args.count("file") != 0 ? one.args.at("file")
                                                       : one.object;
      out.push_back(std::string(to_string(one.severity)) + " " +
                    one.key.substr(one.key.rfind('.') + 1) + " " + about + " " +
                    one.threshold.substr(0, one.threshold.find(' ')));
    }
    return out;
  }
  void at(base::Time time) {
    pki.clock().set(time);
    pki.publish();
    pki.write(directory.path());
  }

  test::Database& database = test::Database::shared();
  test::Pki pki;
  test::Directory directory;
};

TEST_F(HealthTest, AYoungInstallationIsWell) {
  EXPECT_THAT(told(found()), testing::IsEmpty());
  const auto in_use = certs::certificates_in_use(certs::PkiDirectory(directory.path()));
  EXPECT_EQ(in_use->size(), 6u);
}

TEST_F(HealthTest, EndsAreToldAtNinetySixtyAndThirtyDays) {
  // The time-stamp key signs for a year of the eleven that its certificate lives.
  const auto ends = certs::key_use_ends(pki.certificate("timestamp-1"));
  EXPECT_EQ(ends, pki.certificate("timestamp-1").not_before() + days(365));
  const auto of_timestamp = [&](base::Time now) {
    const auto all = certs::endings({{"timestamp-1", pki.certificate("timestamp-1")}}, now);
    return all.empty() ? std::string() : told(all).front();
  };
  EXPECT_EQ(of_timestamp(ends - days(91)), "");
  EXPECT_EQ(of_timestamp(ends - days(89)), "notice certificate_ends timestamp-1 90");
  EXPECT_EQ(of_timestamp(ends - days(59)), "warning certificate_ends timestamp-1 60");
  EXPECT_EQ(of_timestamp(ends - days(29)), "alarm certificate_ends timestamp-1 30");
  EXPECT_EQ(of_timestamp(ends + seconds(1)), "alarm certificate_over timestamp-1 0");
  // What lives ninety days is not ending all its life.
  const auto& openid = pki.certificate("openid-1");
  EXPECT_TRUE(certs::endings({{"openid-1", openid}}, openid.not_before()).empty());
  EXPECT_EQ(told(certs::endings({{"openid-1", openid}}, openid.not_after() - days(5))).front(),
            "alarm certificate_ends openid-1 30");
}

TEST_F(HealthTest, OfAFamilyTheSuccessorCounts) {
  const auto ends = certs::key_use_ends(pki.certificate("timestamp-1"));
  at(ends - days(10));
  EXPECT_THAT(told(found()), testing::Contains("alarm certificate_ends timestamp-1 30"));
  const auto next = pki.issue(certs::Profile::timestamp);
  test::write_file(directory / "timestamp-2.pem", next.certificate.pem());
  EXPECT_THAT(told(found()), testing::Not(testing::Contains(testing::HasSubstr("timestamp-1"))));
}

TEST_F(HealthTest, ListsThatAreNotRenewedAreTold) {
  pki.clock().advance(hours(24 * 4));
  EXPECT_THAT(told(found()), testing::UnorderedElementsAre("warning list_old root.crl half",
                                                           "warning list_old issuing.crl half",
                                                           "warning list_old trust-list.jws half"));
  pki.clock().advance(hours(24 * 2));
  EXPECT_THAT(told(found()), testing::Contains("alarm list_old issuing.crl late"));
  pki.clock().advance(hours(24 * 2));
  EXPECT_THAT(told(found()), testing::Contains("alarm list_over issuing.crl over"));
  test::write_file(directory / "issuing.crl", "nothing of the kind");
  EXPECT_THAT(told(found()), testing::Contains("alarm unreadable issuing.crl certs.crl_malformed"));
}

TEST_F(HealthTest, EachAlarmIsToldAndAuditedOnce) {
  pki.clock().advance(hours(24 * 4));
  const auto raised = [&] {
    const auto out = certs::raise_alarms(database.pool(), pki.clock(), found());
    EXPECT_TRUE(out) << out.error().detail;
    return out->size();
  };
  const auto audited = [&] {
    return database
        .sql(test::Role::superuser,
             "select 1 from audit.entry where act = 'pki.alarm' and object = 'root.crl'")
        .size();
  };
  const auto before = audited();
  EXPECT_EQ(raised(), 3u);
  EXPECT_EQ(raised(), 0u);
  EXPECT_EQ(audited(), before + 1);
  pki.clock().advance(hours(24 * 2));
  EXPECT_EQ(raised(), 3u) << "the next threshold";
}

TEST_F(HealthTest, MissingAnswersAboutRevocationAreTold) {
  auto tx = database.pool().begin();
  certs::CertificateRegister issued(*tx, pki.clock(), "officer:test");
  const auto& issuing = pki.certificate("issuing-ca");
  ASSERT_TRUE(issued.record({pki.certificate("seal-1"), certs::Profile::seal, "seal-1",
                             issuing.public_key_sha256(), test::Pki::kAgency,
                             test::Pki::kAgencyCode, pki.clock().now(), std::nullopt}));
  ASSERT_TRUE(tx->commit());
  ASSERT_EQ(found(true).size(), 1u);
  EXPECT_EQ(found(true)[0].key, "certs.health.ocsp_missing");
  EXPECT_EQ(found(true)[0].args.at("count"), "1");
  const auto leaf = pki.issue(certs::Profile::ocsp);
  certs::OcspRegister answers(database.pool(), pki.clock());
  ASSERT_TRUE(answers.renew(*certs::OcspResponder::create(leaf.key, leaf.certificate, issuing),
                            hours(24), 10));
  EXPECT_TRUE(found(true).empty());
}

}  // namespace
