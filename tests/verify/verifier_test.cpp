// Laws of the judge of files. The PDFs are made by tests/verify/pdf_maker.h and by the openssl and
// qpdf programs; pdfsig says what another reader thinks of the good ones. Attack classes: signature
// wrapping (SWA), universal forgery (USF), incremental saving (ISA), Mladenov et al. 2019; shadow
// attacks, Mainka et al. 2021. security.md 110–114.
#include "verify/verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/pki.h"
#include "tests/verify/pdf_maker.h"

namespace {

using certs::Profile;
using std::chrono::hours;
using test::append_revision;
using test::cms;
using test::CmsOptions;
using test::PdfOptions;
using test::sealed_pdf;
using verify::Answer;
using verify::Outcome;
using verify::Verdict;
using verify::Verifier;

class VerifierTest : public ::testing::Test {
 protected:
  test::Pki& pki() {
    static test::Pki shared;
    return shared;
  }
  base::Time now() { return pki().start() + hours(1); }
  static CmsOptions with_stamp(const test::Pki& of) {
    CmsOptions options;
    options.stamp = &of.timestamps();
    return options;
  }
  CmsOptions stamped() {
    CmsOptions options;
    options.stamp = &pki().timestamps();
    options.along = {pki().certificate("issuing-ca")};
    return options;
  }
  test::CmsMaker seal() { return cms(pki().key("seal-1"), pki().certificate("seal-1"), stamped()); }
  const std::string& good() {
    static const std::string pdf = sealed_pdf(seal());
    return pdf;
  }
  Verdict judge(std::string_view file, const certs::TrustList& trust, base::Time at) {
    return Verifier(trust).judge(base::as_bytes(file), at);
  }
  Verdict judge(std::string_view file) { return judge(file, pki().list(), now()); }
  Outcome outcome(std::string_view file) { return judge(file).outcome; }
  static bool says(const Verdict& verdict, std::string_view key) {
    const auto in = [&](const auto& keys) {
      return std::find(keys.begin(), keys.end(), key) != keys.end();
    };
    return in(verdict.reasons) || std::any_of(verdict.seals.begin(), verdict.seals.end(),
                                              [&](const auto& seal) { return in(seal.reasons); });
  }
  static std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
};

TEST_F(VerifierTest, AGoodSealIsGenuine) {
  const Verdict verdict = judge(good());
  ASSERT_EQ(verdict.outcome, Outcome::genuine)
      << ::testing::PrintToString(verdict.reasons)
      << ::testing::PrintToString(verdict.seals.at(0).reasons);
  EXPECT_EQ(verdict.kind, verify::FileKind::pdf);
  ASSERT_EQ(verdict.seals.size(), 1u);
  const auto& seal = verdict.seals[0];
  EXPECT_EQ(seal.intact, Answer::yes);
  EXPECT_EQ(seal.genuine, Answer::yes);
  EXPECT_EQ(seal.in_force, Answer::yes);
  EXPECT_TRUE(seal.whole_document);
  EXPECT_TRUE(seal.time_attested);
  EXPECT_EQ(seal.sealed_at, pki().start());
  EXPECT_EQ(seal.signer, std::string(test::Pki::kAgency) + " · 测试电子印章");
  EXPECT_EQ(seal.signer_code, test::Pki::kAgencyCode);
  EXPECT_TRUE(seal.reasons.empty());
  EXPECT_EQ(verdict.document_code, "1B20-8H44-RM2M-B1E6-0S57");
  EXPECT_EQ(verdict.sha256, base::sha256(base::as_bytes(good())));
}

TEST_F(VerifierTest, WithoutATimeStampTheTimeIsOnlyClaimed) {
  CmsOptions plain;
  plain.along = {pki().certificate("issuing-ca")};
  const auto file = sealed_pdf(cms(pki().key("seal-1"), pki().certificate("seal-1"), plain));
  const Verdict verdict = judge(file);
  EXPECT_EQ(verdict.outcome, Outcome::genuine);
  EXPECT_FALSE(verdict.seals.at(0).time_attested);
  EXPECT_EQ(verdict.seals.at(0).sealed_at, pki().start() - std::chrono::minutes(1));
  EXPECT_TRUE(says(verdict, "verify.seal.time_claimed"));
}

TEST_F(VerifierTest, AnUnsealedPdfIsUnsealedNotForged) {
  EXPECT_EQ(outcome(test::unsealed_pdf()), Outcome::unsealed);
}

TEST_F(VerifierTest, WhatIsNoPdfIsMalformed) {
  for (const std::string& file :
       {std::string(), std::string("hello"), std::string("%PDF-1.7"), std::string("PK\3\4"),
        " " + good(), "x" + good(), std::string(1000, '\0')})
    EXPECT_EQ(outcome(file), Outcome::malformed) << file.substr(0, 10);
  EXPECT_TRUE(says(judge(std::string(33 << 20, '%')), "verify.file.too_large"));
}

TEST_F(VerifierTest, NoByteCanBeChanged) {
  const std::string original = good();
  const Verifier verifier(pki().list());
  for (std::size_t at = 0; at < original.size(); ++at)
    for (const int flip : {0x01, 0x20}) {
      std::string file = original;
      file[at] = static_cast<char>(file[at] ^ flip);
      ASSERT_NE(verifier.judge(base::as_bytes(file), now()).outcome, Outcome::genuine)
          << "octet " << at << " of " << file.size() << " flipped by " << flip;
    }
}

TEST_F(VerifierTest, NoPrefixAndNoExtensionIsGenuine) {
  for (std::size_t size = 0; size < good().size(); size += 7)
    ASSERT_NE(outcome(good().substr(0, size)), Outcome::genuine) << size;
  for (const std::string tail : {"\n", " ", "%%EOF\n", "%%EOF", "x"})
    EXPECT_EQ(outcome(good() + tail), Outcome::altered) << tail;
  EXPECT_EQ(outcome(good() + std::string("\0", 1)), Outcome::altered);
  EXPECT_EQ(outcome(good() + good()), Outcome::altered);
  EXPECT_EQ(outcome(good() + std::string(5000, 'x')), Outcome::altered);
}

TEST_F(VerifierTest, IncrementalSavingIsSeenWhateverItChanges) {
  const std::map<std::string, std::map<int, std::string>> attacks{
      {"nothing at all", {}},
      {"an annotation on the page",
       {{3,
         "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [6 0 R 20 0 "
         "R] >>"},
        {20, "<< /Type /Annot /Subtype /FreeText /Rect [0 0 500 500] /Contents (other) >>"}}},
      {"another page content", {{4, "<< /Length 9 >>\nstream\nBT (x) Tj\nendstream"}}},
      {"another catalog",
       {{1, "<< /Type /Catalog /Pages 20 0 R /AcroForm << /Fields [6 0 R] /SigFlags 3 >> >>"},
        {20, "<< /Type /Pages /Kids [] /Count 0 >>"}}},
      {"a shadow field",
       {{1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R 20 0 R] /SigFlags 3 >> >>"},
        {20, "<< /FT /Tx /T (name) /V (somebody else) /Type /Annot /Subtype /Widget >>"}}},
      {"a second form without the seal",
       {{1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] >> >>"}}},
      {"no form at all", {{1, "<< /Type /Catalog /Pages 2 0 R >>"}}},
      {"the seal's own field renamed",
       {{6, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (other) /V 7 0 R /Rect [0 0 9 9] >>"}}},
      {"the code", {{5, "<< /XinyinCode (10123456789ABCDEFG8E) >>"}}},
      {"a font", {{20, "<< /Type /Font /Subtype /Type3 >>"}}}};
  for (const auto& [name, objects] : attacks) {
    const Verdict verdict = judge(append_revision(good(), objects));
    EXPECT_EQ(verdict.outcome, Outcome::altered) << name;
    EXPECT_TRUE(says(verdict, "verify.changed_after_sealing") ||
                says(verdict, "verify.pdf.loose_seal"))
        << name;
  }
  EXPECT_EQ(outcome(append_revision(good(), {{20, "<< /Type /Catalog /Pages 2 0 R >>"}}, "20 0 R")),
            Outcome::altered);
}

TEST_F(VerifierTest, UniversalForgeryFindsNoHole) {
  const std::string range = good().substr(good().find("/ByteRange"), 47);
  const std::string contents = good().substr(good().find("/Contents <"), 40);
  ASSERT_TRUE(range.ends_with("]")) << range;
  const auto with_range = [&](std::string text) {
    text.resize(range.size(), ' ');
    return replaced(good(), range, text);
  };
  for (const std::string text :
       {"", "/ByteRange null", "/ByteRange []", "/ByteRange [0 0 0 0]", "/ByteRange [0 -1 5 5]",
        "/ByteRange 5", "/ByteRange [(0) 1 2 3]", "/ByteRange [0 1 2]", "/ByteRange [0 1 2 3 4 5]",
        "/ByteRange [0 999999999999999 1 1]", "/ByteRange [0.0 100 200 300]", "/ByteRange 1 0 R",
        "/ByteRange [1 0 R 1 2 3]"})
    EXPECT_NE(outcome(with_range(text)), Outcome::genuine) << text;
  EXPECT_NE(outcome(replaced(good(), "/Contents <", "/Contents (")), Outcome::genuine);
  EXPECT_NE(outcome(replaced(good(), "/Contents <", "/Kontents <")), Outcome::genuine);
  EXPECT_NE(outcome(replaced(good(), "/V 7 0 R", "/V null ")), Outcome::genuine);
  EXPECT_EQ(outcome(replaced(good(), "/V 7 0 R", "/V (abc)")), Outcome::altered);
}

/// Builds a PDF whose signed bytes are what `range` says, sealed over exactly those.
class RangeTest : public VerifierTest {
 protected:
  using Ranges = std::array<std::size_t, 4>;
  std::string sealed_over(const std::function<Ranges(Ranges)>& change) {
    std::string pdf = good();
    const std::size_t open = pdf.find("/Contents <") + 10, close = pdf.find('>', open);
    const Ranges ranges = change({0, open, close + 1, pdf.size() - close - 1});
    const std::size_t from = pdf.find("/ByteRange");
    std::string text = "/ByteRange [" + std::to_string(ranges[0]) + " " +
                       std::to_string(ranges[1]) + " " + std::to_string(ranges[2]) + " " +
                       std::to_string(ranges[3]) + "]";
    text.resize(47, ' ');
    pdf.replace(from, 47, text);
    const std::string content = pdf.substr(ranges[0], ranges[1]) + pdf.substr(ranges[2], ranges[3]);
    const auto container = seal()(base::as_bytes(content));
    std::string hex;
    for (const auto octet : container) {
      constexpr char kDigits[] = "0123456789abcdef";
      hex += {kDigits[octet >> 4], kDigits[octet & 15]};
    }
    hex.resize(close - open - 1, '0');
    return pdf.replace(open + 1, hex.size(), hex);
  }
};

TEST_F(RangeTest, OnlyTheExactHoleIsTaken) {
  EXPECT_EQ(outcome(sealed_over([](Ranges r) { return r; })), Outcome::genuine);
  const std::map<std::string, std::function<Ranges(Ranges)>> tricks{
      {"begins late",
       [](Ranges r) {
         return Ranges{1, r[1] - 1, r[2], r[3]};
       }},
      {"hole too wide before",
       [](Ranges r) {
         return Ranges{0, r[1] - 1, r[2], r[3]};
       }},
      {"hole too wide behind",
       [](Ranges r) {
         return Ranges{0, r[1], r[2] + 1, r[3] - 1};
       }},
      {"hole too narrow before",
       [](Ranges r) {
         return Ranges{0, r[1] + 1, r[2], r[3]};
       }},
      {"hole too narrow behind",
       [](Ranges r) {
         return Ranges{0, r[1], r[2] - 1, r[3] + 1};
       }},
      {"ends early",
       [](Ranges r) {
         return Ranges{0, r[1], r[2], r[3] - 1};
       }},
      {"ends much too early",
       [](Ranges r) {
         return Ranges{0, r[1], r[2], 10};
       }},
      {"only the first part",
       [](Ranges r) {
         return Ranges{0, r[1], r[2], 0};
       }},
      {"only the second part",
       [](Ranges r) {
         return Ranges{0, 0, r[2], r[3]};
       }},
      {"the hole swallows the signature's dictionary", [](Ranges r) {
         return Ranges{0, r[1] - 200, r[2], r[3]};
       }}};
  for (const auto& [name, trick] : tricks)
    EXPECT_NE(outcome(sealed_over(trick)), Outcome::genuine) << name;
}

TEST_F(VerifierTest, SignatureWrappingIsRefused) {
  // The second signed part is moved to the end, something new is put between.
  const std::string pdf = good();
  const std::size_t open = pdf.find("/Contents <") + 10, close = pdf.find('>', open);
  const std::string injected = "\n4 0 obj\n<< /Length 0 >>\nstream\n\nendstream\nendobj\n";
  std::string moved = pdf.substr(0, close + 1) + " >>\nendobj\n" + injected + pdf.substr(close + 1);
  const std::size_t from = moved.find("/ByteRange");
  std::string text = "/ByteRange [0 " + std::to_string(open) + " " +
                     std::to_string(moved.size() - (pdf.size() - close - 1)) + " " +
                     std::to_string(pdf.size() - close - 1) + "]";
  text.resize(47, ' ');
  moved.replace(from, 47, text);
  EXPECT_NE(outcome(moved), Outcome::genuine);
}

TEST_F(VerifierTest, TheHoleIsWrittenOneWayOnly) {
  const std::size_t open = good().find("/Contents <") + 11;
  std::string mixed = good();
  for (std::size_t at = open; mixed[at] != '>'; ++at)
    if (mixed[at] >= 'a' && mixed[at] <= 'f') {
      mixed[at] = static_cast<char>(std::toupper(mixed[at]));
      break;
    }
  EXPECT_EQ(outcome(mixed), Outcome::altered);
  std::string padded = good();
  const std::size_t close = good().find('>', open);
  padded[close - 1] = '1';
  EXPECT_EQ(outcome(padded), Outcome::altered);
  padded = good();
  padded[close - 1] = padded[close - 2] = ' ';
  EXPECT_EQ(outcome(padded), Outcome::altered);
  PdfOptions upper;
  upper.upper_case = true;
  EXPECT_EQ(outcome(sealed_pdf(seal(), upper)), Outcome::genuine);
}

TEST_F(VerifierTest, TheContainerMustBeWhatAPadesSealIs) {
  const auto with = [&](auto change) {
    CmsOptions options = stamped();
    change(options);
    PdfOptions roomy;
    roomy.container_bytes = 9000;
    return outcome(
        sealed_pdf(cms(pki().key("seal-1"), pki().certificate("seal-1"), options), roomy));
  };
  ASSERT_EQ(with([](CmsOptions&) {}), Outcome::genuine);
  EXPECT_EQ(with([](CmsOptions& o) { o.signing_certificate = false; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.message_digest = false; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.content_type = false; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.twice = true; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.unordered = true; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.own_certificate = false; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.foreign_signing_certificate = true; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.wrong_stamp = true; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.unknown_unsigned = true; }), Outcome::undetermined);
  EXPECT_EQ(with([](CmsOptions& o) { o.digest_oid = "1.3.14.3.2.26"; }), Outcome::altered);
  EXPECT_EQ(with([](CmsOptions& o) { o.digest_oid = "2.16.840.1.101.3.4.2.3"; }), Outcome::altered);
  EXPECT_EQ(with([&](CmsOptions& o) { o.along.push_back(pki().certificate("openid-1")); }),
            Outcome::altered)
      << "a certificate that has nothing to do with it";
  PdfOptions other;
  other.sub_filter = "adbe.pkcs7.detached";
  EXPECT_EQ(outcome(sealed_pdf(seal(), other)), Outcome::not_trusted);
}

TEST_F(VerifierTest, WhoMayNotSealIsNotTrusted) {
  for (const char* label : {"openid-1", "timestamp-1", "document-code-1", "issuing-ca"})
    EXPECT_EQ(
        outcome(sealed_pdf(cms(pki().key(label), pki().certificate(label), with_stamp(pki())))),
        Outcome::not_trusted)
        << label;
  auto foreign = pki().foreign(Profile::seal);
  const auto verdict = judge(sealed_pdf(cms(foreign.key, foreign.certificate, CmsOptions{})));
  EXPECT_EQ(verdict.outcome, Outcome::not_trusted);
  EXPECT_EQ(verdict.seals.at(0).intact, Answer::yes);
  EXPECT_TRUE(verdict.seals.at(0).signer_code.empty()) << "nobody vouches for that";
}

TEST_F(VerifierTest, ASealThatIsNotInTheListIsNotTrusted) {
  test::Pki own;
  auto leaf = own.issue(Profile::seal);
  const auto file = sealed_pdf(cms(leaf.key, leaf.certificate, with_stamp(own)));
  EXPECT_EQ(judge(file, own.list(), own.start()).outcome, Outcome::not_trusted);
  own.enlist(leaf.certificate, "seal");
  EXPECT_EQ(judge(file, own.list(), own.start()).outcome, Outcome::genuine);
}

TEST_F(VerifierTest, RevocationCountsFromItsMoment) {
  test::Pki own;
  const auto& certificate = own.certificate("seal-1");
  const auto file = sealed_pdf(cms(own.key("seal-1"), certificate, with_stamp(own)));
  const auto unstamped = sealed_pdf(cms(own.key("seal-1"), certificate));
  test::Pki* before = &own;
  const auto later = own.start() + hours(2);
  own.clock().set(own.start() + hours(1));
  before->revoke(certificate, own.start() + hours(1), 4);
  EXPECT_EQ(judge(file, own.list(), later).outcome, Outcome::genuine) << "sealed before";
  const auto claimed = judge(unstamped, own.list(), later);
  EXPECT_EQ(claimed.outcome, Outcome::expired) << "whoever has the key may date back";
  EXPECT_TRUE(says(claimed, "certs.revoked"));
  const auto after = sealed_pdf(cms(own.key("seal-1"), certificate, with_stamp(own)));
  const auto verdict = judge(after, own.list(), later);
  EXPECT_EQ(verdict.outcome, Outcome::expired);
  EXPECT_TRUE(says(verdict, "certs.revoked"));
}

// 电子签名法 15; security.md §2.2: what a trusted time stamp puts before the cut-off stays good,
// all else falls, and the verdict says why.
TEST_F(VerifierTest, ACompromisedKeyCountsOnlyWhatWasStampedBefore) {
  test::Pki own;
  const auto& certificate = own.certificate("seal-1");
  const auto maker = [&](bool stamp) {
    return cms(own.key("seal-1"), certificate, stamp ? with_stamp(own) : CmsOptions());
  };
  const auto stamped_before = sealed_pdf(maker(true));
  const auto unstamped = sealed_pdf(maker(false));  // says that it is from before
  const auto cut_off = own.start() + hours(1);
  own.clock().set(own.start() + hours(2));
  const auto stamped_after = sealed_pdf(maker(true));
  const auto noticed = own.start() + hours(5);
  own.clock().set(noticed);
  own.revoke(certificate, noticed, 1, cut_off);
  const auto later = noticed + hours(1);
  const auto check = [&](const certs::TrustList& list) {
    const auto good = judge(stamped_before, list, later);
    EXPECT_EQ(good.outcome, Outcome::genuine);
    EXPECT_EQ(good.seals.at(0).compromised_since, cut_off) << "told, though it does not hurt";
    const auto after = judge(stamped_after, list, later);
    EXPECT_EQ(after.outcome, Outcome::expired);
    EXPECT_TRUE(says(after, "certs.compromised"));
    EXPECT_EQ(after.seals.at(0).compromised_since, cut_off);
    for (const auto at : {later, cut_off - std::chrono::minutes(30)}) {
      const auto claimed = judge(unstamped, list, at);
      EXPECT_EQ(claimed.outcome, Outcome::expired) << "whenever it is judged";
      EXPECT_TRUE(says(claimed, "verify.seal.compromised_unproven"));
      EXPECT_EQ(claimed.seals.at(0).compromised_since, cut_off);
    }
  };
  check(own.list());
  // By the entry alone: a list whose revocation lists are lost or do not reach.
  test::Pki fresh;
  auto list = own.list();
  list.crls[1] = [&] {
    own.clock().set(own.start());
    return *own.issuing().crl(99, {}, own.start() + std::chrono::days(1));
  }();
  list.entries[0].until = noticed;
  list.entries[0].compromised_since = cut_off;
  check(list);
}

TEST_F(VerifierTest, AStampByAStolenTimeStampKeyProvesNothing) {
  test::Pki own;
  const auto file = sealed_pdf(cms(own.key("seal-1"), own.certificate("seal-1"), with_stamp(own)));
  own.clock().set(own.start() + hours(2));
  EXPECT_EQ(judge(file, own.list(), own.clock().now()).outcome, Outcome::genuine);
  own.revoke(own.certificate("timestamp-1"), own.clock().now(), 1, own.start() + hours(1));
  const auto verdict = judge(file, own.list(), own.clock().now());
  EXPECT_EQ(verdict.outcome, Outcome::undetermined);
  EXPECT_TRUE(says(verdict, "certs.compromised"));
  EXPECT_TRUE(says(verdict, "verify.seal.timestamp_not_trusted"));
}

TEST_F(VerifierTest, AnExpiredCertificateDidNotSealInForce) {
  test::Pki own;
  auto leaf = own.expired(Profile::seal);
  own.enlist(leaf.certificate, "seal");
  const auto verdict =
      judge(sealed_pdf(cms(leaf.key, leaf.certificate, with_stamp(own))), own.list(), own.start());
  EXPECT_NE(verdict.outcome, Outcome::genuine);
  EXPECT_TRUE(verdict.outcome == Outcome::expired || verdict.outcome == Outcome::not_trusted);
}

TEST_F(VerifierTest, YearsLaterAStampedSealHoldsAndAClaimedOneIsUnproven) {
  CmsOptions plain;
  plain.along = {pki().certificate("issuing-ca")};
  const auto unstamped = sealed_pdf(cms(pki().key("seal-1"), pki().certificate("seal-1"), plain));
  const auto later = pki().certificate("seal-1").not_after() + hours(24 * 365);
  const auto stamped_verdict = judge(good(), pki().list(), later);
  EXPECT_EQ(stamped_verdict.outcome, Outcome::genuine);
  EXPECT_TRUE(says(stamped_verdict, "verify.trust_list_old"));
  EXPECT_EQ(judge(unstamped, pki().list(), later).outcome, Outcome::undetermined);
}

TEST_F(VerifierTest, WithoutRevocationDataNothingIsCertain) {
  certs::TrustList bare = pki().list();
  bare.crls.clear();
  const auto verdict = judge(good(), bare, now());
  EXPECT_EQ(verdict.outcome, Outcome::undetermined);
  EXPECT_TRUE(says(verdict, "certs.no_revocation_data"));
}

TEST_F(VerifierTest, ASealFromTheFutureIsNotTakenAtItsWord) {
  const auto verdict = judge(good(), pki().list(), pki().start() - hours(2));
  EXPECT_EQ(verdict.outcome, Outcome::undetermined);
  EXPECT_TRUE(says(verdict, "verify.seal.in_future"));
}

TEST_F(VerifierTest, ASecondSealOverTheFirstKeepsBoth) {
  test::Pki own;
  auto second = own.issue(Profile::seal, "第二枚印章");
  own.enlist(second.certificate, "seal");
  const CmsOptions options = with_stamp(own);
  const auto first_maker = cms(own.key("seal-1"), own.certificate("seal-1"), options);
  const auto second_maker = cms(second.key, second.certificate, options);
  const auto once = sealed_pdf(first_maker);
  const auto twice = test::countersigned_pdf(once, second_maker);
  const auto verdict = judge(twice, own.list(), own.start());
  EXPECT_EQ(verdict.outcome, Outcome::genuine)
      << ::testing::PrintToString(verdict.seals.at(0).reasons);
  ASSERT_EQ(verdict.seals.size(), 2u);
  EXPECT_FALSE(verdict.seals[0].whole_document);
  EXPECT_TRUE(verdict.seals[1].whole_document);
  EXPECT_EQ(judge(twice + "\n", own.list(), own.start()).outcome, Outcome::altered);

  // Whoever edits between the seals and has a seal of his own says so only for what he added.
  const std::map<std::string, std::map<int, std::string>> between{
      {"another content", {{4, "<< /Length 9 >>\nstream\nBT (x) Tj\nendstream"}}},
      {"another page tree", {{2, "<< /Type /Pages /Kids [] /Count 0 >>"}}},
      {"another code", {{5, "<< /XinyinCode (10123456789ABCDEFG8E) >>"}}},
      {"an annotation", {{20, "<< /Type /Annot /Subtype /FreeText /Rect [0 0 500 500] >>"}}},
      {"a text field", {{20, "<< /Type /Annot /Subtype /Widget /FT /Tx /V (x) >>"}}}};
  for (const auto& [name, objects] : between) {
    PdfOptions page;
    if (objects.contains(20)) page.more_annotations = " 20 0 R";
    const auto file = test::countersigned_pdf(append_revision(once, objects), second_maker, page);
    const auto edited = judge(file, own.list(), own.start());
    EXPECT_EQ(edited.outcome, Outcome::altered) << name;
    EXPECT_TRUE(says(edited, "verify.changed_between_seals")) << name;
  }

  auto stranger = own.foreign(Profile::seal);
  EXPECT_EQ(judge(test::countersigned_pdf(once, cms(stranger.key, stranger.certificate)),
                  own.list(), own.start())
                .outcome,
            Outcome::not_trusted);
}

TEST_F(VerifierTest, AnObjectThatWasMissingWhenSealedStaysMissing) {
  // Shadow attack, "hide and replace": a dangling reference is filled by the second signer.
  test::Pki own;
  auto second = own.issue(Profile::seal);
  own.enlist(second.certificate, "seal");
  PdfOptions options;
  options.extra_catalog = " /OpenAction 20 0 R";
  const auto once = sealed_pdf(cms(own.key("seal-1"), own.certificate("seal-1")), options);
  EXPECT_EQ(judge(once, own.list(), own.start()).outcome, Outcome::genuine);
  std::string twice =
      append_revision(once, {{20, "<< /S /JavaScript /JS (app.alert) >>"}}, "1 0 R", 30);
  twice = test::countersigned_pdf(twice, cms(second.key, second.certificate));
  EXPECT_EQ(judge(twice, own.list(), own.start()).outcome, Outcome::altered);
}

class OtherProgramsTest : public VerifierTest {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(::testing::TempDir()) / ("verify-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string at(const std::string& name) { return (directory_ / name).string(); }
  std::filesystem::path directory_;
};

TEST_F(OtherProgramsTest, SealsMadeByOpensslAreJudged) {
  for (const std::string kind : {"-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                                 "-algorithm RSA -pkeyopt rsa_keygen_bits:3072"}) {
    test::Pki own;
    std::optional<certs::Certificate> leaf;
    const auto maker =
        test::openssl_cms(directory_.string(), kind,
                          [&](base::BytesView spki) {
                            leaf = *own.issuing().issue(Profile::seal, own.agency("openssl"), spki);
                            return *leaf;
                          },
                          {own.certificate("issuing-ca")});
    PdfOptions options;
    options.claimed_time = "D:20261124110100+08'00'";
    const auto file = sealed_pdf(maker, options);
    EXPECT_EQ(judge(file, own.list(), now()).outcome, Outcome::not_trusted) << kind;
    own.enlist(*leaf, "seal");
    const auto verdict = judge(file, own.list(), now());
    EXPECT_EQ(verdict.outcome, Outcome::genuine)
        << kind << ::testing::PrintToString(verdict.seals.at(0).reasons);
  }
}

TEST_F(OtherProgramsTest, PdfsigAgreesOnTheGoodOne) {
  test::write_file(at("good.pdf"), good());
  const std::string says_pdfsig = test::run("pdfsig -nocert " + at("good.pdf") + " 2>&1");
  EXPECT_NE(says_pdfsig.find("Signature is Valid"), std::string::npos) << says_pdfsig;
  EXPECT_NE(says_pdfsig.find("Total document signed"), std::string::npos) << says_pdfsig;
  int status = -1;
  const std::string says_qpdf = test::run("qpdf --check " + at("good.pdf") + " 2>&1", &status);
  EXPECT_EQ(status, 0) << says_qpdf;
}

TEST_F(OtherProgramsTest, FilesThatQpdfWritesAreRead) {
  test::write_file(at("in.pdf"), test::unsealed_pdf());
  for (const std::string options :
       {"", "--object-streams=generate", "--linearize", "--compress-streams=y --qdf"}) {
    test::run("qpdf " + options + " " + at("in.pdf") + " " + at("out.pdf") + " 2>&1");
    const auto verdict = judge(test::read_file(at("out.pdf")));
    EXPECT_EQ(verdict.outcome, Outcome::unsealed) << options;
    EXPECT_EQ(verdict.document_code, "1B20-8H44-RM2M-B1E6-0S57") << options;
  }
  test::run("qpdf --encrypt a b 256 -- " + at("in.pdf") + " " + at("out.pdf") + " 2>&1");
  EXPECT_TRUE(says(judge(test::read_file(at("out.pdf"))), "verify.pdf.encrypted"));
  // Rewritten by another program, a sealed file is not what was sealed.
  test::write_file(at("in.pdf"), good());
  test::run("qpdf " + at("in.pdf") + " " + at("out.pdf") + " 2>&1");
  EXPECT_EQ(outcome(test::read_file(at("out.pdf"))), Outcome::altered);
}

}  // namespace
