#include "certs/chain.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "certs/der.h"
#include "certs/oids.h"
#include "certs/path.h"
#include "tests/certs/support.h"

namespace {

using certs::ChainAnswer;
using certs::ChainPurpose;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::seconds;

class ChainTest : public testing::Test {
 protected:
  certs::ChainStatus judge(const certs::Certificate& leaf, base::Time at,
                           ChainPurpose purpose = ChainPurpose::seal) {
    return certs::validate(leaf, extra, pki.list(), purpose, at);
  }
  certs::ChainStatus judge(const certs::Certificate& leaf,
                           ChainPurpose purpose = ChainPurpose::seal) {
    return judge(leaf, pki.clock().now(), purpose);
  }
  const certs::Certificate& seal() { return pki.certificate("seal-1"); }

  test::Pki pki;
  std::vector<certs::Certificate> extra;
};

TEST_F(ChainTest, EachLeafIsTrustedForItsOwnPurposeAlone) {
  const std::pair<const char*, ChainPurpose> leaves[] = {
      {"seal-1", ChainPurpose::seal},
      {"timestamp-1", ChainPurpose::timestamp},
      {"openid-1", ChainPurpose::openid},
      {"document-code-1", ChainPurpose::document_code}};
  for (const auto& [label, own] : leaves) {
    for (const auto& [other_label, purpose] : leaves) {
      const auto status = judge(pki.certificate(label), purpose);
      if (purpose == own) {
        EXPECT_EQ(status.answer, ChainAnswer::trusted) << label << " " << status.reason;
        ASSERT_EQ(status.path.size(), 3u);
        ASSERT_TRUE(status.entry);
        EXPECT_EQ(status.entry->agency, test::Pki::kAgency);
        EXPECT_EQ(status.entry->agency_code, test::Pki::kAgencyCode);
      } else {
        EXPECT_EQ(status.answer, ChainAnswer::untrusted) << label << " for " << other_label;
      }
    }
    EXPECT_EQ(judge(pki.certificate(label), ChainPurpose::any).answer, ChainAnswer::trusted);
  }
}

TEST_F(ChainTest, WhatIsNotInTheListIsNotTrusted) {
  const auto leaf = pki.issue(certs::Profile::seal);
  EXPECT_EQ(judge(leaf.certificate).answer, ChainAnswer::untrusted);
  EXPECT_EQ(judge(leaf.certificate).reason, "certs.not_listed");
  pki.enlist(leaf.certificate, "seal");
  EXPECT_EQ(judge(leaf.certificate).answer, ChainAnswer::trusted);
}

TEST_F(ChainTest, ListedUnderAnotherPurposeIsNotListed) {
  const auto leaf = pki.issue(certs::Profile::seal);
  pki.enlist(leaf.certificate, "openid");
  EXPECT_EQ(judge(leaf.certificate).reason, "certs.not_listed");
}

TEST_F(ChainTest, ARenewedCertificateOfAListedKeyIsListed) {
  const auto again = pki.issuing().issue(certs::Profile::seal, pki.agency("续期"),
                                         pki.key("seal-1")->info().public_key);
  ASSERT_TRUE(again);
  EXPECT_EQ(judge(*again).answer, ChainAnswer::trusted);
}

TEST_F(ChainTest, AForeignRootWithOurNamesIsForeign) {
  const auto leaf = pki.foreign(certs::Profile::seal);
  EXPECT_EQ(leaf.certificate.issuer(), seal().issuer());
  const auto status = judge(leaf.certificate);
  EXPECT_EQ(status.answer, ChainAnswer::untrusted);
  EXPECT_EQ(status.reason, "certs.untrusted_root");
}

TEST_F(ChainTest, TheForeignAuthorityMayComeAlongAndHelpsNothing) {
  test::Pki other;
  extra = {other.certificate("issuing-ca"), other.certificate("root-ca")};
  EXPECT_EQ(judge(other.certificate("seal-1")).reason, "certs.untrusted_root");
}

// RFC 5280 §4.1.2.5: from notBefore through notAfter, inclusive.
TEST_F(ChainTest, Rfc5280_4_1_2_5_BothEndsAreIncluded) {
  // Judged without revocation data, which does not reach so far: what matters is which answer it
  // is.
  const auto first = seal().not_before();
  const auto last = seal().not_after();
  EXPECT_NE(judge(seal(), first).answer, ChainAnswer::not_yet_valid);
  EXPECT_EQ(judge(seal(), first - microseconds(1)).answer, ChainAnswer::not_yet_valid);
  EXPECT_NE(judge(seal(), last + microseconds(999'999)).answer, ChainAnswer::expired);
  EXPECT_EQ(judge(seal(), last + seconds(1)).answer, ChainAnswer::expired);
  EXPECT_EQ(judge(seal(), last + seconds(1)).reason, "certs.expired");
}

TEST_F(ChainTest, AnEndedCertificateIsExpiredNowAndWasGoodThen) {
  const auto leaf = pki.expired(certs::Profile::seal);
  pki.enlist(leaf.certificate, "seal");
  EXPECT_EQ(judge(leaf.certificate).answer, ChainAnswer::expired);
}

TEST_F(ChainTest, AnExpiredAuthorityEndsWhatItIssued) {
  const auto key = test::SoftKey::make("soft");
  auto in = test::authority_input(pki, "短命机构", *key);
  in.not_after = pki.start() + days(2);
  const auto authority = test::crooked(*pki.key("root-ca"), in);
  extra = {authority};
  const auto leaf_key = test::SoftKey::make("soft");
  auto leaf = test::leaf_input(pki, certs::Profile::seal, *leaf_key);
  leaf.issuer = certs::name_of(in.subject);
  leaf.issuer_key_id = certs::key_identifier(key->info().public_key);
  const auto certificate = test::crooked(*key, leaf);
  const auto at = [&](base::Time moment) { return judge(certificate, moment, ChainPurpose::any); };
  EXPECT_EQ(at(pki.start() + days(2)).answer, ChainAnswer::unsure) << "its CRL is missing";
  EXPECT_EQ(at(pki.start() + days(2) + seconds(1)).answer, ChainAnswer::expired);
}

TEST_F(ChainTest, RevokedCountsFromItsMomentOn) {
  const auto when = pki.start() + hours(1);
  pki.clock().set(pki.start() + hours(2));
  pki.revoke(seal(), when, 4);
  EXPECT_EQ(judge(seal(), when - microseconds(1)).answer, ChainAnswer::trusted);
  const auto status = judge(seal(), when);
  EXPECT_EQ(status.answer, ChainAnswer::revoked);
  EXPECT_EQ(status.reason, "certs.revoked");
  EXPECT_EQ(status.revoked_at, when);
  EXPECT_EQ(judge(seal(), pki.clock().now()).answer, ChainAnswer::revoked);
}

// RFC 5280 §5.3.2: the key was out of its owner's hand before anyone noticed.
TEST_F(ChainTest, Rfc5280_5_3_2_TheInvalidityDateComesFirst) {
  const auto stolen = pki.start() + hours(1);
  const auto noticed = pki.start() + hours(5);
  pki.clock().set(pki.start() + hours(6));
  pki.revoke(seal(), noticed, 1, stolen);
  EXPECT_EQ(judge(seal(), stolen - seconds(1)).answer, ChainAnswer::trusted);
  EXPECT_EQ(judge(seal(), stolen + seconds(1)).answer, ChainAnswer::revoked);
}

// 电子签名法 15: that a key is in other hands is told whatever the answer is, from the revocation
// list or from the entry, the earlier of both.
TEST_F(ChainTest, ACompromisedKeyIsNamedAsSuch) {
  const auto stolen = pki.start() + hours(1);
  pki.clock().set(pki.start() + hours(6));
  pki.revoke(seal(), pki.start() + hours(5), 1, stolen);
  EXPECT_EQ(judge(seal(), stolen - seconds(1)).compromised_since, stolen);
  const auto later = judge(seal(), stolen);
  EXPECT_EQ(later.reason, "certs.compromised");
  EXPECT_EQ(later.revoked_at, stolen);
  EXPECT_FALSE(judge(pki.certificate("openid-1"), ChainPurpose::openid).compromised_since);

  auto list = pki.list();
  list.entries[0].until = pki.start() + hours(5);
  list.entries[0].compromised_since = stolen - hours(1);
  const auto by_entry = certs::validate(seal(), {}, list, ChainPurpose::seal, stolen - seconds(1));
  EXPECT_EQ(by_entry.reason, "certs.compromised");
  EXPECT_EQ(by_entry.compromised_since, stolen - hours(1));
}

TEST_F(ChainTest, WhatARevokedAuthorityIssuedIsRevokedWithIt) {
  auto list = pki.list();
  const auto now = pki.clock().now();
  const auto crl = pki.root().crl(
      9, {{pki.certificate("issuing-ca").serial_hex(), now - hours(1), 2, std::nullopt}},
      now + days(1));
  ASSERT_TRUE(crl);
  pki.clock().advance(seconds(0));
  list.crls = {*crl, pki.issuing_crl()};
  const auto status = certs::validate(seal(), {}, list, ChainPurpose::seal, now);
  EXPECT_EQ(status.answer, ChainAnswer::revoked);
  EXPECT_EQ(status.reason, "certs.authority_revoked");
  EXPECT_EQ(certs::validate(seal(), {}, list, ChainPurpose::seal, now - hours(2)).answer,
            ChainAnswer::trusted);
}

TEST_F(ChainTest, WithoutRevocationDataNobodyCanBeSure) {
  auto list = pki.list();
  list.crls = {pki.root_crl()};
  EXPECT_EQ(certs::validate(seal(), {}, list, ChainPurpose::seal, pki.start()).answer,
            ChainAnswer::unsure);
  list.crls = {pki.issuing_crl()};
  EXPECT_EQ(certs::validate(seal(), {}, list, ChainPurpose::seal, pki.start()).answer,
            ChainAnswer::unsure);
  list.crls = {};
  EXPECT_EQ(certs::validate(seal(), {}, list, ChainPurpose::any, pki.start()).reason,
            "certs.no_revocation_data");
}

TEST_F(ChainTest, StaleRevocationDataIsNone) {
  const auto next = pki.list().next_update;
  EXPECT_EQ(judge(seal(), next).answer, ChainAnswer::trusted);
  EXPECT_EQ(judge(seal(), next + seconds(1)).answer, ChainAnswer::unsure);
}

TEST_F(ChainTest, AListMadeLaterSaysMoreAboutAnEarlierMoment) {
  pki.clock().advance(days(30));
  pki.publish();
  EXPECT_EQ(judge(seal(), pki.start()).answer, ChainAnswer::trusted);
}

TEST_F(ChainTest, ARevocationListByAnotherKeyIsNone) {
  test::Pki other;
  auto list = pki.list();
  list.crls = {pki.root_crl(), other.issuing_crl()};
  EXPECT_EQ(certs::validate(seal(), {}, list, ChainPurpose::seal, pki.start()).answer,
            ChainAnswer::unsure);
}

TEST_F(ChainTest, TheEntrysOwnTimesCount) {
  auto list = pki.list();
  auto& entry = list.entries.front();
  ASSERT_EQ(entry.purpose, "seal");
  entry.since = pki.start() + hours(1);
  entry.until = pki.start() + hours(3);
  const auto at = [&](base::Time moment) {
    return certs::validate(seal(), {}, list, ChainPurpose::seal, moment);
  };
  EXPECT_EQ(at(pki.start()).reason, "certs.not_yet_used");
  EXPECT_EQ(at(pki.start() + hours(2)).answer, ChainAnswer::trusted);
  EXPECT_EQ(at(pki.start() + hours(4)).answer, ChainAnswer::expired);
  EXPECT_EQ(at(pki.start() + hours(4)).reason, "certs.no_longer_used");
}

// RFC 3161 §2.3: the one purpose, and critical.
TEST_F(ChainTest, Rfc3161_2_3_ATimeStampKeyHasOnePurpose) {
  namespace der = certs::der;
  const auto key = test::SoftKey::make("soft");
  const auto in = test::leaf_input(pki, certs::Profile::timestamp, *key);
  const auto with = [&](const base::Bytes& uses, bool critical) {
    const auto certificate =
        test::crooked(*pki.key("issuing-ca"), in, [&](certs::TbsCertificate& tbs) {
          tbs.extensions.at(1) = certs::extension("2.5.29.37", critical, der::sequence({uses}));
        });
    auto list = pki.list();
    list.entries.push_back(
        {"timestamp", "a", "", certificate, pki.start() - days(1), std::nullopt});
    return certs::validate(certificate, {}, list, ChainPurpose::timestamp, pki.start()).answer;
  };
  const auto stamping = der::oid(certs::oid::kTimestampUse);
  auto both = stamping;
  base::append(both, der::oid(certs::oid::kSealUse));
  EXPECT_EQ(with(stamping, true), ChainAnswer::trusted);
  EXPECT_EQ(with(stamping, false), ChainAnswer::untrusted);
  EXPECT_EQ(with(both, true), ChainAnswer::untrusted);
}

TEST_F(ChainTest, AnAuthorityIsNoSealThoughItsUsagesSaySo) {
  namespace der = certs::der;
  const auto key = test::SoftKey::make("soft");
  const auto in = test::authority_input(pki, "又签发又盖章", *key);
  const auto certificate = test::crooked(*pki.key("root-ca"), in, [&](certs::TbsCertificate& tbs) {
    // digitalSignature beside keyCertSign and cRLSign.
    tbs.extensions.at(1) = certs::extension("2.5.29.15", true, base::Bytes{3, 2, 1, 0x86});
  });
  auto list = pki.list();
  list.entries.push_back({"seal", "a", "", certificate, pki.start() - days(1), std::nullopt});
  EXPECT_EQ(certs::validate(certificate, {}, list, ChainPurpose::any, pki.start()).answer,
            ChainAnswer::trusted)
      << "the frame of this test";
  EXPECT_EQ(certs::validate(certificate, {}, list, ChainPurpose::seal, pki.start()).reason,
            "certs.wrong_purpose");
}

TEST_F(ChainTest, AnAuthorityCannotAllowWhatItWasNotAllowed) {
  namespace der = certs::der;
  const auto key = test::SoftKey::make("soft");
  const auto in = test::authority_input(pki, "登录专用机构", *key);
  const auto authority = test::crooked(*pki.key("root-ca"), in, [&](certs::TbsCertificate& tbs) {
    tbs.extensions.at(2) =
        certs::extension("2.5.29.37", false, der::sequence({der::oid(certs::oid::kOpenidUse)}));
  });
  const auto leaf_key = test::SoftKey::make("soft");
  auto leaf = test::leaf_input(pki, certs::Profile::seal, *leaf_key);
  leaf.issuer = certs::name_of(in.subject);
  leaf.issuer_key_id = certs::key_identifier(key->info().public_key);
  const auto certificate = test::crooked(*key, leaf);
  auto list = pki.list();
  list.intermediates.push_back(authority);
  list.entries.push_back({"seal", "a", "", certificate, pki.start() - days(1), std::nullopt});
  EXPECT_EQ(certs::validate(certificate, {}, list, ChainPurpose::seal, pki.start()).reason,
            "certs.wrong_purpose");
}

TEST_F(ChainTest, Rfc5280_4_2_1_9_AnEndEntityIssuesNothing) {
  const auto leaf_key = test::SoftKey::make("soft");
  auto leaf = test::leaf_input(pki, certs::Profile::seal, *leaf_key);
  leaf.issuer = certs::name_of(pki.agency("测试电子印章"));
  leaf.issuer_key_id = certs::key_identifier(pki.key("seal-1")->info().public_key);
  const auto certificate = test::crooked(*pki.key("seal-1"), leaf);
  extra = {seal()};
  EXPECT_EQ(judge(certificate, ChainPurpose::any).answer, ChainAnswer::untrusted);
}

TEST_F(ChainTest, Rfc5280_4_2_1_9_PathLengthZeroMeansNoFurtherAuthority) {
  const auto key = test::SoftKey::make("soft");
  auto in = test::authority_input(pki, "越权机构", *key);
  const auto issuing = test::leaf_input(pki, certs::Profile::seal, *key);
  in.issuer = issuing.issuer;
  in.issuer_key_id = issuing.issuer_key_id;
  const auto authority = test::crooked(*pki.key("issuing-ca"), in);
  const auto leaf_key = test::SoftKey::make("soft");
  auto leaf = test::leaf_input(pki, certs::Profile::seal, *leaf_key);
  leaf.issuer = certs::name_of(in.subject);
  leaf.issuer_key_id = certs::key_identifier(key->info().public_key);
  const auto certificate = test::crooked(*key, leaf);
  extra = {authority};
  EXPECT_EQ(judge(certificate, ChainPurpose::any).reason, "certs.chain_invalid");
}

/// security.md §0.5: a pile of same-name authorities, none of which leads anywhere.
class CrowdTest : public ChainTest {
 protected:
  std::vector<certs::Certificate> crowd(int count) {
    const auto key = test::SoftKey::make("soft");
    std::vector<certs::Certificate> out;
    for (int i = 0; i < count; ++i) {
      // Each the same name, key and key identifier, another serial: each could be the next.
      auto in = test::authority_input(pki, "同名机构", *key);
      in.issuer = certs::name_of(in.subject);
      in.issuer_key_id = certs::key_identifier(key->info().public_key);
      out.push_back(test::crooked(*key, in));
    }
    crowd_key = key;
    return out;
  }
  std::shared_ptr<test::SoftKey> crowd_key;
};

TEST_F(CrowdTest, AHundredSameNameAuthoritiesAreSearchedWithBounds) {
  extra = crowd(100);
  const auto leaf_key = test::SoftKey::make("soft");
  auto in = test::leaf_input(pki, certs::Profile::seal, *leaf_key);
  in.issuer = certs::name_of({"同名机构", test::Pki::kAgency, "", "CN"});
  in.issuer_key_id = certs::key_identifier(crowd_key->info().public_key);
  const auto leaf = test::crooked(*crowd_key, in);
  EXPECT_EQ(judge(leaf, ChainPurpose::any).reason, "certs.untrusted_root");
}

TEST_F(CrowdTest, TheCrowdDoesNotHideAGoodPath) {
  // A thousand certificates that all claim to be our issuing authority come along.
  test::Pki other;
  for (int i = 0; i < 20; ++i) extra.push_back(test::Pki().certificate("issuing-ca"));
  for (int i = 0; i < 1000; ++i) extra.push_back(extra[static_cast<std::size_t>(i) % 20]);
  EXPECT_EQ(judge(seal()).answer, ChainAnswer::trusted);
}

TEST_F(ChainTest, ThreadsJudgeTheSameThingAtOnce) {
  // What is remembered is shared: run under the thread sanitizer this test means most.
  const auto token = *pki.timestamps().stamp(base::sha256({}));
  std::vector<std::thread> threads;
  std::atomic<int> trusted = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const auto list = certs::TrustList::parse(pki.jws());
        const auto& leaf = pki.certificate((i + j) % 2 == 0 ? "seal-1" : "openid-1");
        const auto purpose = (i + j) % 2 == 0 ? ChainPurpose::seal : ChainPurpose::openid;
        if (certs::validate(leaf, {}, *list, purpose, pki.start()).answer == ChainAnswer::trusted &&
            certs::judge_timestamp(token, base::sha256({}), *list).chain.answer ==
                ChainAnswer::trusted)
          ++trusted;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(trusted, 200);
}

// What is remembered is a fact about octets: it must not outlive the list that says whom to
// believe.
TEST_F(ChainTest, NothingRememberedMakesAStrangerTrusted) {
  EXPECT_EQ(judge(seal()).answer, ChainAnswer::trusted);
  test::Pki other;
  EXPECT_EQ(certs::validate(seal(), {}, other.list(), ChainPurpose::seal, pki.start()).answer,
            ChainAnswer::untrusted);
  EXPECT_EQ(judge(seal(), seal().not_after() + days(1)).answer, ChainAnswer::expired);
  EXPECT_EQ(judge(seal(), ChainPurpose::timestamp).answer, ChainAnswer::untrusted);
}

TEST_F(CrowdTest, TheBuilderStopsAtItsBounds) {
  const auto key = test::SoftKey::make("soft");
  // Cross-certified authorities, each certified by the root: paths without end but for the bounds.
  auto list = pki.list();
  const auto root_key = pki.key("root-ca");
  for (int i = 0; i < 60; ++i)
    list.intermediates.push_back(
        test::crooked(*root_key, test::authority_input(pki, "交叉机构", *key)));
  auto in = test::leaf_input(pki, certs::Profile::seal, *test::SoftKey::make("soft"));
  in.issuer = certs::name_of({"交叉机构", test::Pki::kAgency, "", "CN"});
  in.issuer_key_id = certs::key_identifier(key->info().public_key);
  const auto leaf = test::crooked(*key, in);
  std::size_t offered = 0;
  certs::each_path(leaf, {}, {list.roots, list.intermediates}, certs::PathLimits{},
                   [&](const auto& path) {
                     EXPECT_EQ(path.size(), 3u);
                     ++offered;
                     return false;
                   });
  EXPECT_EQ(offered, certs::PathLimits{}.paths);
}

}  // namespace
