// Laws about bodies of others: LD/T 01-2020 6.2.7.
#include "certs/foreign.h"

#include <gtest/gtest.h>

#include "certs/name_limits.h"
#include "tests/certs/foreign_body.h"

namespace {

using certs::BodyUse;
using certs::ChainAnswer;
using certs::Standing;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

class ForeignTest : public testing::Test {
 protected:
  static base::Time now() {
    static const base::Time moment =
        std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
    return moment;
  }
  /// One for all tests: keys take their time. Nothing of it is revoked but `revoked()`.
  static test::ForeignBody& foreign() {
    static test::ForeignBody body(now());
    return body;
  }
  static const certs::Certificate& login() {
    static const auto leaf = foreign().leaf("login");
    return leaf;
  }
  static const certs::Certificate& seal() {
    static const auto leaf = foreign().leaf("seal", "/C=CN/O=乙公司/CN=合同专用章");
    return leaf;
  }
  void SetUp() override {
    login();
    seal();
    crls = foreign().crls();
    body = foreign().body();
  }
  certs::ForeignStatus judge(const certs::Certificate& leaf, BodyUse use, base::Time at = now()) {
    pki.admit({body});
    const auto list = certs::TrustList::parse(pki.jws());
    EXPECT_TRUE(list);
    return certs::judge_foreign(leaf, extra, *list, use, crls, at);
  }
  void then(Standing standing, base::Time since, std::string reason = "",
            std::optional<base::Time> invalid_since = std::nullopt) {
    body.history.push_back({standing, since, std::move(reason), invalid_since});
  }

  test::Pki pki{now()};
  certs::TrustBody body;
  std::vector<base::Bytes> crls;
  std::vector<certs::Certificate> extra;
};

TEST_F(ForeignTest, Ldt01_6_2_7_AnAdmittedBodysCertificatesServe) {
  const auto status = judge(login(), BodyUse::login);
  EXPECT_EQ(status.answer, ChainAnswer::trusted) << status.reason;
  EXPECT_EQ(status.body, 1);
  EXPECT_EQ(status.body_name, "某电子认证公司");
  EXPECT_EQ(status.path.size(), 3u);
  EXPECT_EQ(judge(seal(), BodyUse::seal).answer, ChainAnswer::trusted);
  EXPECT_TRUE(foreign().openssl_accepts(login(), "sslclient"));
  EXPECT_TRUE(foreign().openssl_accepts(seal(), "smimesign"));
}

TEST_F(ForeignTest, Ldt01_6_2_7_WithoutAdmissionNothingIsBelieved) {
  certs::TrustList list = pki.list();
  const auto status = certs::judge_foreign(login(), {}, list, BodyUse::login, crls, now());
  EXPECT_EQ(status.answer, ChainAnswer::untrusted);
  EXPECT_EQ(status.reason, "certs.body_unknown");
  // Its own chain brought along helps nothing.
  extra = {foreign().sub(), foreign().root()};
  EXPECT_EQ(certs::judge_foreign(login(), extra, list, BodyUse::login, crls, now()).reason,
            "certs.body_unknown");
  // And none of our own judging takes it for ours.
  pki.admit({body});
  EXPECT_EQ(certs::validate(seal(), extra, pki.list(), certs::ChainPurpose::any, now()).answer,
            ChainAnswer::untrusted);
}

TEST_F(ForeignTest, EachUseIsAdmittedByItself) {
  body.uses = {"seal"};
  EXPECT_EQ(judge(login(), BodyUse::login).reason, "certs.body_not_for_this");
  EXPECT_EQ(judge(seal(), BodyUse::seal).answer, ChainAnswer::trusted);
  body.uses = {"login"};
  EXPECT_EQ(judge(seal(), BodyUse::seal).reason, "certs.body_not_for_this");
}

TEST_F(ForeignTest, TheCertificateMustBeForThatUse) {
  EXPECT_EQ(judge(login(), BodyUse::seal).reason, "certs.wrong_purpose");
  EXPECT_EQ(judge(seal(), BodyUse::login).reason, "certs.wrong_purpose");
  const auto server = foreign().leaf("server", "/CN=www.example.cn");
  EXPECT_EQ(judge(server, BodyUse::login).reason, "certs.wrong_purpose");
  EXPECT_FALSE(foreign().openssl_accepts(server, "sslclient"));
  EXPECT_EQ(judge(foreign().leaf("either"), BodyUse::login).answer, ChainAnswer::trusted);
  EXPECT_EQ(judge(foreign().leaf("authority"), BodyUse::login).reason, "certs.wrong_purpose");
}

TEST_F(ForeignTest, OurPoliciesLimitIt) {
  body.limits.policies = {test::ForeignBody::kPolicy};
  EXPECT_EQ(judge(login(), BodyUse::login).answer, ChainAnswer::trusted);
  EXPECT_EQ(judge(foreign().leaf("other_policy"), BodyUse::login).reason, "certs.body_policy");
  EXPECT_EQ(judge(foreign().leaf("either"), BodyUse::login).reason, "certs.body_policy");
}

TEST_F(ForeignTest, OurNameLimitsHold) {
  body.limits.permitted = {"directory:/C=CN/O=乙公司"};
  EXPECT_EQ(judge(login(), BodyUse::login).answer, ChainAnswer::trusted);
  const auto other = foreign().leaf("login", "/C=CN/O=丙公司/CN=王五");
  EXPECT_EQ(judge(other, BodyUse::login).reason, "certs.body_names");
  EXPECT_EQ(judge(foreign().leaf("login", "/C=CN/CN=王五"), BodyUse::login).reason,
            "certs.body_names");
  body.limits.permitted = {"email:example.cn"};
  EXPECT_EQ(judge(login(), BodyUse::login).answer, ChainAnswer::trusted);
  body.limits.permitted = {"email:example.com"};
  EXPECT_EQ(judge(login(), BodyUse::login).reason, "certs.body_names");
  body.limits = {{}, {}, {"directory:/C=CN/O=乙公司"}};
  EXPECT_EQ(judge(login(), BodyUse::login).reason, "certs.body_names");
  EXPECT_EQ(judge(other, BodyUse::login).answer, ChainAnswer::trusted);
}

TEST_F(ForeignTest, NameLimitsHaveAForm) {
  for (const auto* good : {"directory:/C=CN", "directory:/C=CN/O=乙公司", "dns:example.cn",
                           "email:example.cn", "uri:.example.cn"})
    EXPECT_TRUE(certs::is_name_limit(good)) << good;
  for (const auto* bad : {"", "directory:", "directory:C=CN", "directory:/",
                          "directory:/C=", "directory:/X=1", "directory:/C=CHN", "directory:/C=CN/",
                          "dns:", "dns:EXAMPLE", "email:a b", "ip:10.0.0.0", "other:x"})
    EXPECT_FALSE(certs::is_name_limit(bad)) << bad;
  EXPECT_FALSE(certs::within_limits(login(), std::vector<std::string>{"nonsense"}, {}));
}

// 6.2.7: 过期、废止时及时更换.
TEST_F(ForeignTest, Ldt01_6_2_7_SuspendedMeansNotNowAndGoodBefore) {
  then(Standing::suspended, now() - hours(1), "review");
  const auto status = judge(login(), BodyUse::login);
  EXPECT_EQ(status.answer, ChainAnswer::untrusted);
  EXPECT_EQ(status.reason, "certs.body_suspended");
  EXPECT_EQ(status.body_reason, "review");
  EXPECT_EQ(judge(seal(), BodyUse::seal).reason, "certs.body_suspended");
  // A signature of then, whose moment a trusted time stamp gives.
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - hours(1) - seconds(1)).answer,
            ChainAnswer::trusted);
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - hours(1)).reason, "certs.body_suspended");
  then(Standing::admitted, now() - seconds(10));
  EXPECT_EQ(judge(seal(), BodyUse::seal).answer, ChainAnswer::trusted);
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - seconds(30)).reason, "certs.body_suspended");
}

TEST_F(ForeignTest, Ldt01_6_2_7_RemovedMeansNotFromThenOn) {
  then(Standing::removed, now() - hours(2), "ceased");
  const auto status = judge(seal(), BodyUse::seal);
  EXPECT_EQ(status.reason, "certs.body_removed");
  EXPECT_EQ(status.body_reason, "ceased");
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - hours(3)).answer, ChainAnswer::trusted);
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - days(3)).answer, ChainAnswer::not_yet_valid);
}

TEST_F(ForeignTest, ACompromisedBodyVouchesForNothingFromThatDayOn) {
  then(Standing::removed, now() - hours(2), "compromised", now() - hours(20));
  const auto status = judge(seal(), BodyUse::seal, now() - hours(3));
  EXPECT_EQ(status.answer, ChainAnswer::revoked);
  EXPECT_EQ(status.reason, "certs.body_compromised");
  EXPECT_EQ(status.revoked_at, now() - hours(20));
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - hours(20)).reason, "certs.body_compromised");
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - hours(20) - seconds(1)).answer,
            ChainAnswer::trusted);
}

TEST_F(ForeignTest, NothingBeforeAdmissionAndNothingAfterExpiry) {
  body.history = {{Standing::admitted, now() - hours(1), "", std::nullopt}};
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - hours(2)).reason, "certs.body_not_yet_admitted");
  body.expiry = now();
  EXPECT_EQ(judge(seal(), BodyUse::seal).reason, "certs.body_expired");
  EXPECT_EQ(judge(seal(), BodyUse::seal, now() - seconds(1)).answer, ChainAnswer::trusted);
}

TEST_F(ForeignTest, ItsRevocationListsCount) {
  test::ForeignBody other(now());
  body = other.body();
  const auto good = other.leaf("login");
  const auto bad = other.leaf("login");
  other.revoke(bad);
  crls = other.crls();
  EXPECT_EQ(judge(good, BodyUse::login).answer, ChainAnswer::trusted);
  EXPECT_TRUE(other.openssl_accepts(good, "sslclient"));
  // openssl took the moment of revocation from its own clock.
  const auto later = now() + hours(1);
  EXPECT_EQ(judge(bad, BodyUse::login, later).answer, ChainAnswer::revoked);
  EXPECT_FALSE(other.openssl_accepts(bad, "sslclient"));
  // Those of another body say nothing, and old ones do not either.
  crls = foreign().crls();
  EXPECT_EQ(judge(good, BodyUse::login).answer, ChainAnswer::unsure);
  crls = other.crls(100, 72);
  EXPECT_EQ(judge(good, BodyUse::login).reason, "certs.no_revocation_data");
  crls.clear();
  EXPECT_EQ(judge(good, BodyUse::login).answer, ChainAnswer::unsure);
}

TEST_F(ForeignTest, AStaleListIsNoListForToday) {
  pki.admit({body});
  const auto at = pki.list().next_update + seconds(1);
  crls = foreign().crls(1, 24 * 30);
  const auto status = certs::judge_foreign(login(), {}, pki.list(), BodyUse::login, crls, at);
  EXPECT_EQ(status.answer, ChainAnswer::unsure);
  EXPECT_EQ(status.reason, "certs.trust_list_stale");
}

TEST_F(ForeignTest, ExpiredCertificatesAreExpired) {
  const auto brief = foreign().leaf("login", "/C=CN/O=乙公司/CN=短", 1);
  EXPECT_EQ(judge(brief, BodyUse::login).answer, ChainAnswer::trusted);
  EXPECT_EQ(judge(brief, BodyUse::login, now() + hours(25)).answer, ChainAnswer::expired);
}

// Two records of one body: what was renewed counts beside what ran out.
TEST_F(ForeignTest, TheBestStandingOfTwoRecordsCounts) {
  auto renewed = body;
  renewed.number = 2;
  body.expiry = now() - hours(1);
  pki.admit({body, renewed});
  const auto status = certs::judge_foreign(login(), {}, pki.list(), BodyUse::login, crls, now());
  EXPECT_EQ(status.answer, ChainAnswer::trusted);
  EXPECT_EQ(status.body, 2);
}

}  // namespace
