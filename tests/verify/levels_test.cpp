// What a file brings along to be judged with, and what document time stamps prove. ETSI EN 319
// 142-1 §6 (levels), EN 319 102-1 §5.6 (past signatures); 电子签名法 15.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/pki.h"
#include "tests/support/soft_key.h"
#include "tests/verify/archive_maker.h"
#include "tests/verify/pdf_maker.h"
#include "verify/report.h"
#include "verify/verifier.h"

namespace {

using certs::Profile;
using std::chrono::hours;
using test::CmsOptions;
using test::DocumentStamp;
using test::sealed_pdf;
using test::Store;
using verify::Outcome;
using verify::PadesLevel;

class LevelsTest : public ::testing::Test {
 protected:
  test::Pki pki_;

  std::string sealed(bool with_stamp = true) {
    CmsOptions options;
    if (with_stamp) options.stamp = &pki_.timestamps();
    options.along = {pki_.certificate("issuing-ca")};
    return sealed_pdf(test::cms(pki_.key("seal-1"), pki_.certificate("seal-1"), options));
  }
  Store store() {
    return {.certificates = {base::to_bytes(pki_.certificate("issuing-ca").der()),
                             base::to_bytes(pki_.certificate("timestamp-1").der())},
            .lists = {pki_.root_crl(), pki_.issuing_crl()}};
  }
  std::string archived(std::string pdf, const certs::TimestampAuthority& authority) {
    DocumentStamp stamp;
    stamp.store = "/DSS 40 0 R";
    return test::with_document_stamp(test::with_store(std::move(pdf), store()), authority, stamp);
  }
  /// A second authority, which the list knows from now on.
  struct Second {
    test::Leaf leaf;
    std::unique_ptr<certs::TimestampAuthority> authority;
  };
  Second second() {
    Second out{pki_.issue(Profile::timestamp, "第二时间戳"), nullptr};
    pki_.enlist(out.leaf.certificate, "timestamp");
    out.authority = std::make_unique<certs::TimestampAuthority>(
        out.leaf.key, out.leaf.certificate, std::vector{pki_.certificate("issuing-ca")},
        certs::TimestampAuthority::Config{"1.2.3.4"}, pki_.clock(), random_);
    return out;
  }
  verify::Verdict judge(std::string_view file, const certs::TrustList& list) {
    return verify::Verifier(list).judge(base::as_bytes(file), pki_.clock().now());
  }
  verify::Verdict judge(std::string_view file) { return judge(file, pki_.list()); }
  static bool says(const std::vector<std::string>& reasons, std::string_view key) {
    return std::find(reasons.begin(), reasons.end(), key) != reasons.end();
  }
  base::SystemRandom random_;
};

TEST_F(LevelsTest, IsWhatIsFoundInTheFile) {
  EXPECT_EQ(judge(sealed(false)).seals.at(0).level, PadesLevel::b);
  EXPECT_EQ(judge(sealed()).seals.at(0).level, PadesLevel::t);
  EXPECT_EQ(judge(test::with_store(sealed(), store())).seals.at(0).level, PadesLevel::lt);
  EXPECT_EQ(judge(archived(sealed(), pki_.timestamps())).seals.at(0).level, PadesLevel::lta);
  auto lacking = store();
  lacking.lists.pop_back();
  EXPECT_EQ(judge(test::with_store(sealed(), lacking)).seals.at(0).level, PadesLevel::t);
  EXPECT_EQ(judge(test::with_document_stamp(sealed(), pki_.timestamps())).seals.at(0).level,
            PadesLevel::t)
      << "a stamp over nothing to judge with";
}

TEST_F(LevelsTest, EvidenceThatNothingCoversIsReported) {
  const auto verdict = judge(test::with_store(sealed(), store()));
  EXPECT_EQ(verdict.outcome, Outcome::genuine);
  EXPECT_FALSE(verdict.seals.at(0).whole_document);
  EXPECT_TRUE(says(verdict.reasons, "verify.evidence_uncovered"));
  const auto covered = judge(archived(sealed(), pki_.timestamps()));
  EXPECT_EQ(covered.outcome, Outcome::genuine);
  EXPECT_FALSE(says(covered.reasons, "verify.evidence_uncovered"));
  ASSERT_EQ(covered.document_stamps.size(), 1u);
  EXPECT_EQ(covered.document_stamps[0].at, pki_.start());
  const auto json = verify::to_json("x.pdf", covered, {});
  EXPECT_NE(json.find(R"("level":"B-LTA")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("document_stamps":[{"intact":"yes","trusted":"yes")"), std::string::npos);
}

TEST_F(LevelsTest, TheDocumentIsKnownByWhatItWasBefore) {
  const auto issued = sealed();
  const auto stored = test::with_store(issued, store());
  DocumentStamp stamp;
  stamp.store = "/DSS 40 0 R";
  const auto twice = test::with_document_stamp(stored, pki_.timestamps(), stamp);
  EXPECT_TRUE(judge(issued).earlier_sha256.empty());
  EXPECT_EQ(judge(twice).earlier_sha256, (std::vector{base::sha256(base::as_bytes(stored)),
                                                      base::sha256(base::as_bytes(issued))}));
}

TEST_F(LevelsTest, ListsInTheFileCountWhereTheTrustListKnowsNothing) {
  auto bare = pki_.list();
  bare.crls.clear();
  EXPECT_EQ(judge(sealed(), bare).outcome, Outcome::undetermined);
  const auto file = test::with_store(sealed(), store());
  EXPECT_EQ(judge(file, bare).outcome, Outcome::genuine);

  // Not those of another authority with the same names,
  test::Pki stranger;
  auto forged = store();
  forged.lists = {stranger.root_crl(), stranger.issuing_crl()};
  EXPECT_EQ(judge(test::with_store(sealed(), forged), bare).outcome, Outcome::undetermined);

  // nor those that do not reach to the moment.
  pki_.clock().set(pki_.start() + hours(24 * 30));
  pki_.publish();
  const auto late = sealed();
  auto bare_now = pki_.list();
  bare_now.crls.clear();
  auto old = store();
  const auto fresh = old.lists;
  pki_.clock().set(pki_.start());
  pki_.publish();
  old.lists = {pki_.root_crl(), pki_.issuing_crl()};
  pki_.clock().set(pki_.start() + hours(24 * 30));
  EXPECT_EQ(judge(test::with_store(late, old), bare_now).outcome, Outcome::undetermined);
  old.lists = fresh;
  EXPECT_EQ(judge(test::with_store(late, old), bare_now).outcome, Outcome::genuine);
}

/// Where both know something, the newer list counts: nobody can hide a revocation in a file.
TEST_F(LevelsTest, AnOldListInTheFileHidesNoRevocation) {
  const auto before = store();
  pki_.clock().set(pki_.start() + hours(1));
  pki_.revoke(pki_.certificate("seal-1"), pki_.start() + hours(1), 4);
  pki_.clock().set(pki_.start() + hours(2));
  EXPECT_EQ(judge(test::with_store(sealed(), before)).outcome, Outcome::expired);
}

TEST_F(LevelsTest, ADocumentStampAttestsTheTimeOfASealWithoutOne) {
  DocumentStamp stamp;
  const auto file = test::with_document_stamp(sealed(false), pki_.timestamps(), stamp);
  pki_.clock().set(pki_.certificate("seal-1").not_after() + hours(24));
  pki_.publish();
  const auto verdict = judge(file);
  EXPECT_EQ(verdict.outcome, Outcome::genuine)
      << ::testing::PrintToString(verdict.seals[0].reasons);
  EXPECT_TRUE(verdict.seals.at(0).time_attested);
  EXPECT_EQ(verdict.seals.at(0).sealed_at, pki_.start());
  EXPECT_TRUE(says(verdict.seals[0].reasons, "verify.seal.time_by_document_stamp"));
  EXPECT_NE(judge(sealed(false)).outcome, Outcome::genuine) << "by its own word";
}

/// Sealed last year, the certificate has ended since.
TEST_F(LevelsTest, WhatWasSealedInForceStaysGenuineWhenTheCertificateHasEnded) {
  const auto file = archived(sealed(), pki_.timestamps());
  pki_.clock().set(pki_.certificate("seal-1").not_after() + hours(24 * 365));
  pki_.publish();
  const auto verdict = judge(file);
  EXPECT_EQ(verdict.outcome, Outcome::genuine);
  EXPECT_EQ(verdict.seals.at(0).level, PadesLevel::lta);
}

TEST_F(LevelsTest, WhatWasSealedAfterTheKeyWasLostIsNotGenuineWhateverCoversIt) {
  pki_.clock().set(pki_.start() + hours(2));
  const auto after = archived(sealed(), pki_.timestamps());
  const auto claimed = test::with_document_stamp(sealed(false), pki_.timestamps());
  EXPECT_EQ(judge(after).outcome, Outcome::genuine) << "nobody knows yet";
  pki_.clock().set(pki_.start() + hours(24));
  pki_.revoke(pki_.certificate("seal-1"), pki_.clock().now(), 1, pki_.start() + hours(1));
  EXPECT_EQ(judge(after).outcome, Outcome::expired);
  EXPECT_EQ(judge(claimed).outcome, Outcome::expired) << "said to be from before";
}

/// The key of the time stamp was lost, but a stamp by another key covers it from before.
TEST_F(LevelsTest, ADocumentStampKeepsAnOlderStampWhoseKeyWasLostLater) {
  const auto other = second();
  const auto bare = sealed();
  pki_.clock().set(pki_.start() + hours(1));
  const auto kept = archived(bare, *other.authority);
  pki_.clock().set(pki_.start() + hours(3));
  pki_.revoke(pki_.certificate("timestamp-1"), pki_.clock().now(), 1, pki_.start() + hours(2));
  EXPECT_EQ(judge(bare).outcome, Outcome::undetermined);
  const auto verdict = judge(kept);
  EXPECT_EQ(verdict.outcome, Outcome::genuine)
      << ::testing::PrintToString(verdict.seals.at(0).reasons);
  EXPECT_EQ(verdict.seals.at(0).sealed_at, pki_.start());

  // Covered only after the loss: the stamp below could be anybody's. What is left is the moment of
  // the stamp above.
  const auto late = archived(bare, *other.authority);
  const auto too_late = judge(late);
  EXPECT_EQ(too_late.seals.at(0).sealed_at, pki_.start() + hours(3));
  EXPECT_TRUE(says(too_late.seals.at(0).reasons, "verify.seal.timestamp_not_trusted"));
}

TEST_F(LevelsTest, ADocumentStampByALostKeyProvesNothing) {
  const auto other = second();
  const auto file = archived(sealed(), *other.authority);
  pki_.clock().set(pki_.start() + hours(3));
  pki_.revoke(other.leaf.certificate, pki_.clock().now(), 1, pki_.start() + hours(2));
  const auto verdict = judge(file);
  EXPECT_EQ(verdict.outcome, Outcome::undetermined);
  EXPECT_EQ(verdict.document_stamps.at(0).trusted, verify::Answer::no);
}

TEST_F(LevelsTest, AStampThatIsOlderThanWhatItCoversIsNoticed) {
  const auto other = second();
  pki_.clock().set(pki_.start() + hours(2));
  const auto inner = sealed();
  pki_.clock().set(pki_.start() + hours(1));  // its clock was set back
  const auto file = archived(inner, *other.authority);
  pki_.clock().set(pki_.start() + hours(3));
  const auto verdict = judge(file);
  EXPECT_EQ(verdict.outcome, Outcome::undetermined);
  EXPECT_TRUE(says(verdict.seals.at(0).reasons, "verify.stamp.order"));
}

TEST_F(LevelsTest, StampsFollowOneAnother) {
  auto file = archived(sealed(), pki_.timestamps());
  pki_.clock().set(pki_.start() + hours(24));
  const auto other = second();
  DocumentStamp next;
  next.field = 62;
  next.other_fields = "60 0 R ";
  next.store = "/DSS 40 0 R";
  file = test::with_document_stamp(file, *other.authority, next);
  const auto verdict = judge(file);
  EXPECT_EQ(verdict.outcome, Outcome::genuine)
      << ::testing::PrintToString(verdict.document_stamps.at(0).reasons);
  ASSERT_EQ(verdict.document_stamps.size(), 2u);
  EXPECT_EQ(verdict.document_stamps[0].at, pki_.start());
  EXPECT_EQ(verdict.document_stamps[1].at, pki_.start() + hours(24));
}

TEST_F(LevelsTest, AStampWithoutASealSealsNothing) {
  const auto unsealed = test::unsealed_pdf();
  DocumentStamp stamp;
  stamp.objects[1] =
      "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [60 0 R] /SigFlags 3 >> >>";
  EXPECT_EQ(judge(test::with_document_stamp(unsealed, pki_.timestamps(), stamp)).outcome,
            Outcome::unsealed);
}

}  // namespace
