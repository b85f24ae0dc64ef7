// The levels of what is issued, and the archive: judged by our own verifier, and by pdfsig, mutool,
// openssl and qpdf. ETSI EN 319 142-1 §5, §6; docs/pades.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "auth/actor_factory.h"
#include "base/encoding.h"
#include "base/fail_point.h"
#include "certs/crl.h"
#include "seal/archive.h"
#include "seal/issuer.h"
#include "seal/local_timestamps.h"
#include "tests/seal/support.h"
#include "tests/support/active_seal.h"
#include "tests/support/postgres.h"
#include "verify/pdf_evidence.h"

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

using base::Code;
using std::chrono::hours;
using verify::PadesLevel;

class LevelsTest : public ::testing::Test {
 protected:
  // pdfsig looks at the machine's clock.
  LevelsTest() : pki_(base::SystemClock().now()), timestamps_(pki_.timestamps()) {
    std::array<std::uint8_t, 32> secret{};
    random_.fill(secret);
    pepper_ = base::Secret(secret);
    cipher_ = std::make_unique<store::FieldCipher>(base::Secret(secret), random_);
    subject_ = base::to_hex(random_.bytes(16));
    pki_.write(directory_.path());
  }

  static test::Database& database() { return test::Database::shared(); }
  std::shared_ptr<const verify::Verifier> verifier() const {
    return std::make_shared<const verify::Verifier>(pki_.list());
  }
  std::unique_ptr<seal::Issuer> issuer(PadesLevel level, bool append = false) {
    auto made = seal::Issuer::create(
        {.pool = database().pool(),
         .documents = documents_,
         .verifier = [this] { return verifier(); },
         .timestamps = timestamps_,
         .code_pepper = pepper_,
         .cipher = *cipher_,
         .clock = pki_.clock(),
         .random = random_,
         .instance = "test-levels",
         .verify_address = test::kAddress},
        {.id = test::active_seal(database().pool(), pki_.clock(), random_),
         .agency = test::Pki::kAgency,
         .agency_code = test::Pki::kAgencyCode,
         .picture = {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
         .key = pki_.key("seal-1"),
         .certificate = pki_.certificate("seal-1"),
         .chain = {pki_.certificate("issuing-ca")},
         .pdf_level = level,
         .append_evidence = append});
    base::check(made.ok(), "no issuer");
    return std::move(made).value();
  }
  auth::Actor actor() const {
    return auth::ActorFactory::make({.subject = auth::SubjectId(subject_),
                                     .acting_for = auth::SubjectId(subject_),
                                     .client = auth::ClientId("portal"),
                                     .proofing = auth::Proofing::p2,
                                     .authentication = auth::Authentication::password,
                                     .authenticated_at = {},
                                     .scopes = "openid documents"});
  }
  base::Result<seal::Issued> issue(seal::Issuer& issuer, const std::string& key = "k-1") {
    auto draft = test::person_draft(3);
    draft.subject = subject_;
    return issuer.issue(actor(), draft, key);
  }
  seal::Issued issued(PadesLevel level, bool append = false) {
    auto out = issue(*issuer(level, append), "k-" + std::to_string(++requests_));
    base::check(out.ok(), out.ok() ? "" : (out.error().key + " " + out.error().detail).c_str());
    return std::move(out).value();
  }
  verify::Verdict judge(base::BytesView file) const {
    return verifier()->judge(file, pki_clock().now());
  }
  const base::Clock& pki_clock() const { return const_cast<test::Pki&>(pki_).clock(); }
  std::string file(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string pdfsig(base::BytesView pdf) {
    directory_.write("judged.pdf", pdf);
    const auto db = file("nss");
    if (!std::filesystem::exists(db)) {
      const auto ran = test::run("mkdir -p " + db + " && certutil -N -d sql:" + db +
                                     " --empty-password && certutil -A -d sql:" + db +
                                     " -n root -t C,C,C -i " + file("root.pem"),
                                 "libnss3-tools");
      EXPECT_EQ(ran.status, 0) << ran.output;
    }
    return test::run("pdfsig -nssdir " + db + " " + file("judged.pdf"), "poppler-utils").output;
  }
  std::string mutool(base::BytesView pdf) {
    directory_.write("judged.pdf", pdf);
    return test::run("mutool sign -v " + file("judged.pdf"), "mupdf-tools").output;
  }

  base::SystemRandom random_;
  test::TempDirectory directory_;
  base::Secret pepper_;
  std::unique_ptr<store::FieldCipher> cipher_;
  test::Pki pki_;
  seal::LocalTimestamps timestamps_;
  verify::Register documents_{database().pool()};
  std::string subject_;
  int requests_ = 0;
};

TEST_F(LevelsTest, EvidenceInsideWhatIsSignedLeavesTheDocumentWhole) {
  const auto document = issued(PadesLevel::lt);
  const auto verdict = judge(document.file());
  EXPECT_EQ(verdict.outcome, verify::Outcome::genuine);
  EXPECT_EQ(verdict.seals.at(0).level, PadesLevel::lt);
  EXPECT_TRUE(verdict.seals[0].whole_document);
  EXPECT_TRUE(verdict.reasons.empty());
  const auto says = pdfsig(document.file());
  EXPECT_THAT(says, HasSubstr("Signature is Valid."));
  EXPECT_THAT(says, HasSubstr("Total document signed"));
  EXPECT_THAT(says, HasSubstr("Certificate is Trusted."));
  const auto mupdf = mutool(document.file());
  EXPECT_THAT(mupdf, HasSubstr("The document is unchanged since signing."));
  EXPECT_EQ(test::run("qpdf --check " + file("judged.pdf"), "qpdf").status, 0);

  auto bare = pki_.list();
  bare.crls.clear();
  EXPECT_EQ(verify::Verifier(bare).judge(document.file(), pki_.clock().now()).outcome,
            verify::Outcome::genuine)
      << "the file carries what is needed";
}

/// The lists in the file, taken out by a program of others and judged by another.
TEST_F(LevelsTest, TheListsInTheFileAreThoseOfTheAuthorities) {
  directory_.write("sealed.pdf", issued(PadesLevel::lt).file());
  for (const std::string number : {"1", "2"}) {
    const auto ran =
        test::run("cd " + directory_.path().string() + " && mutool show -b sealed.pdf " +
                      "trailer/Root/DSS/CRLs/" + number + " > list.der && cat " +
                      "root.pem issuing.pem > ca.pem && " +
                      "openssl crl -inform DER -in list.der -noout -CAfile ca.pem",
                  "mupdf-tools openssl");
    EXPECT_THAT(ran.output, HasSubstr("verify OK"));
  }
  const auto all = test::run("cd " + directory_.path().string() +
                                 " && for i in 1 2 3 4; do mutool show -b sealed.pdf " +
                                 "trailer/Root/DSS/Certs/$i | openssl x509 -inform DER -noout "
                                 "-subject; done",
                             "mupdf-tools openssl");
  EXPECT_THAT(all.output, Not(HasSubstr("error")));
  EXPECT_EQ(std::count(all.output.begin(), all.output.end(), '\n'), 4)
      << "seal, issuing authority, root, time-stamp authority: " << all.output;
}

TEST_F(LevelsTest, EvidenceBehindTheSealIsTheSecondWay) {
  const auto document = issued(PadesLevel::lt, true);
  const auto verdict = judge(document.file());
  EXPECT_EQ(verdict.outcome, verify::Outcome::genuine);
  EXPECT_EQ(verdict.seals.at(0).level, PadesLevel::lt);
  EXPECT_THAT(verdict.reasons, ::testing::ElementsAre("verify.evidence_uncovered"));
  const auto says = pdfsig(document.file());
  EXPECT_THAT(says, HasSubstr("Signature is Valid."));
  EXPECT_THAT(says, HasSubstr("Not total document signed"));
}

TEST_F(LevelsTest, ADocumentStampCoversSealAndEvidence) {
  const auto document = issued(PadesLevel::lta);
  const auto verdict = judge(document.file());
  EXPECT_EQ(verdict.outcome, verify::Outcome::genuine);
  EXPECT_EQ(verdict.seals.at(0).level, PadesLevel::lta);
  EXPECT_EQ(verdict.document_stamps.size(), 1u);
  EXPECT_THAT(pdfsig(document.file()), HasSubstr("Signature is Valid."));
  // Token and stamped bytes are taken out by a program that is not ours.
  const auto ran = test::run(
      "cd " + directory_.path().string() +
          " && /usr/bin/python3 - <<'PY'\n"
          "import re\n"
          "pdf = open('judged.pdf','rb').read()\n"
          "m = list(re.finditer(rb'/DocTimeStamp.*?/ByteRange\\[(\\d+) (\\d+) (\\d+) (\\d+) *\\]', "
          "pdf, re.S))\n"
          "assert len(m) == 1\n"
          "a, b, c, d = map(int, m[0].groups())\n"
          "assert a == 0 and c + d == len(pdf)\n"
          "open('stamped','wb').write(pdf[:b] + pdf[c:])\n"
          "from asn1crypto import core\n"
          "raw = bytes.fromhex(pdf[b+1:c-1].decode())\n"
          "open('token.der','wb').write(core.Sequence.load(raw).dump())\n"
          "PY\n"
          "openssl ts -verify -data stamped -in token.der -token_in -CAfile root.pem -untrusted "
          "issuing.pem",
      "python3-asn1crypto openssl");
  EXPECT_THAT(ran.output, HasSubstr("Verification: OK")) << ran.output;
}

TEST_F(LevelsTest, WithoutListsItIsBaselineT) {
  const auto document = issued(PadesLevel::t);
  EXPECT_EQ(judge(document.file()).seals.at(0).level, PadesLevel::t);
  EXPECT_THAT(std::string(base::as_text(document.file())), Not(HasSubstr("/DSS")));
}

TEST_F(LevelsTest, AListThatIsNotInForceStopsIssuing) {
  const auto one = issuer(PadesLevel::lt);
  ASSERT_TRUE(issue(*one).ok());
  pki_.clock().set(pki_.start() + hours(24 * 8));
  const auto late = issue(*one, "k-late");
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().key, "seal.revocation_stale");
  EXPECT_EQ(late.error().code, Code::unavailable);
  pki_.clock().set(pki_.start() - hours(1));
  EXPECT_EQ(issue(*one, "k-early").error().key, "seal.revocation_stale") << "a list of tomorrow";
  pki_.clock().set(pki_.start() + hours(24 * 8));
  pki_.publish();
  EXPECT_TRUE(issue(*one, "k-late").ok()) << "a new list is taken up";
}

TEST_F(LevelsTest, ANewListGoesIntoTheNextDocument) {
  const auto one = issuer(PadesLevel::lt);
  const auto lists = [&](const seal::Issued& document) {
    auto pdf = verify::pdf::File::open(document.file(), {});
    return verify::pdf::evidence_of(*pdf)->revocation_lists;
  };
  const auto first = issue(*one, "k-1");
  const auto before = pki_.issuing_crl();
  EXPECT_THAT(lists(*first), ::testing::Contains(before));
  pki_.clock().set(pki_.start() + hours(1));
  pki_.publish();
  const auto second = issue(*one, "k-2");
  EXPECT_THAT(lists(*second), ::testing::Contains(pki_.issuing_crl()));
  EXPECT_THAT(lists(*second), Not(::testing::Contains(before)));
}

/// An authority of others (0064): what is needed to judge its stamps comes from the trust list.
TEST_F(LevelsTest, AForeignAuthorityCountsWithItsRevocationListAlone) {
  test::Pki foreign(base::SystemClock().now());
  auto list = pki_.list();
  const auto& theirs = foreign.list();
  list.roots.push_back(theirs.roots.at(0));
  list.intermediates.push_back(theirs.intermediates.at(0));
  for (const auto& entry : theirs.entries)
    if (entry.purpose == "timestamp") list.entries.push_back(entry);
  const seal::LocalTimestamps stamps(foreign.timestamps());
  const auto issue_with = [&](const certs::TrustList& trust, const std::string& key) {
    const auto judge = std::make_shared<const verify::Verifier>(trust);
    auto made = seal::Issuer::create(
        {.pool = database().pool(),
         .documents = documents_,
         .verifier = [judge] { return judge; },
         .timestamps = stamps,
         .code_pepper = pepper_,
         .cipher = *cipher_,
         .clock = pki_.clock(),
         .random = random_,
         .instance = "test-foreign",
         .verify_address = test::kAddress},
        {.id = test::active_seal(database().pool(), pki_.clock(), random_),
         .agency = test::Pki::kAgency,
         .agency_code = test::Pki::kAgencyCode,
         .picture = {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
         .key = pki_.key("seal-1"),
         .certificate = pki_.certificate("seal-1"),
         .chain = {pki_.certificate("issuing-ca")}});
    return issue(**made, key);
  };
  const auto without = issue_with(list, "k-without");
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().key, "seal.judged_bad");
  EXPECT_THAT(without.error().detail, HasSubstr("certs.no_revocation_data"));

  for (const auto& crl : theirs.crls) list.crls.push_back(crl);
  const auto with = issue_with(list, "k-with");
  ASSERT_TRUE(with.ok()) << with.error().detail;
  list.crls.clear();
  const auto verdict = verify::Verifier(list).judge(with->file(), pki_.clock().now());
  EXPECT_EQ(verdict.outcome, verify::Outcome::genuine) << "by the lists in the file";
  EXPECT_EQ(verdict.seals.at(0).level, PadesLevel::lt);
}

TEST_F(LevelsTest, PagesShareASealAtTheirEdges) {
  auto draft = test::person_draft(120);
  draft.subject = subject_;
  const auto one = issuer(PadesLevel::lt);
  const auto many = one->issue(actor(), draft, "k-many");
  ASSERT_TRUE(many.ok()) << many.error().detail;
  directory_.write("many.pdf", many->file());
  // The edges side by side, as of a stack fanned out, are one ring: in its middle row it begins at
  // the left, ends at the right, and higher up it is as much narrower as a circle is.
  const auto pages =
      test::run("cd " + directory_.path().string() +
                    " && pdftoppm -r 72 many.pdf page && /usr/bin/python3 - <<'PY'\n"
                    "import glob\n"
                    "pages = []\n"
                    "for name in sorted(glob.glob('page-*.ppm')):\n"
                    "    _, size, _, data = open(name, 'rb').read().split(b'\\n', 3)\n"
                    "    w, h = map(int, size.split())\n"
                    "    pages.append(data)\n"
                    "side = 42 / 25.4 * 72\n"
                    "cut = round(side / len(pages))\n"
                    "def red(data, x, y):\n"
                    "    r, g, b = data[(y * w + x) * 3:(y * w + x) * 3 + 3]\n"
                    "    return r > 150 and g < 120 and b < 120\n"
                    "def row(y):\n"
                    "    line = [red(p, w - cut + x, y) for p in pages for x in range(cut)]\n"
                    "    at = [i for i, one in enumerate(line) if one]\n"
                    "    return (at[0], len(line) - 1 - at[-1]) if at else None\n"
                    "middle = row(h // 2)\n"
                    "high = row(round(h / 2 - side * 0.4))\n"
                    "print(middle, high, len(pages))\n"
                    "assert max(middle) <= 3 and len(pages) > 2\n"
                    "assert abs(high[0] - side * 0.2) <= 4 and abs(high[1] - side * 0.2) <= 4\n"
                    "PY\n",
                "poppler-utils");
  EXPECT_EQ(pages.status, 0) << pages.output;
  const auto text = std::string(base::as_text(many->file()));
  std::size_t slices = 0;
  for (auto at = text.find("/Seal Do"); at != std::string::npos; at = text.find("/Seal Do", at + 1))
    ++slices;
  std::size_t count = 0;
  for (auto at = text.find("/Type/Page/"); at != std::string::npos;
       at = text.find("/Type/Page/", at + 1))
    ++count;
  EXPECT_GT(count, 1u);
  EXPECT_EQ(slices, count);
  EXPECT_THAT(std::string(base::as_text(issued(PadesLevel::lt).file())),
              Not(HasSubstr("/Seal Do")));
}

class ArchiveTest : public LevelsTest {
 protected:
  // Everything is due at once.
  static constexpr hours kAlways{24 * 365 * 40};
  seal::Archive archive(store::Pool* pool = nullptr, hours ahead = kAlways) {
    return seal::Archive(
        {pool != nullptr ? *pool : database().pool(), *cipher_, pki_.clock(), augmenter_, ahead});
  }
  void SetUp() override {
    database().sql(test::Role::superuser, "truncate seal.augmentation");
    // Documents of other tests are sealed under other keys: out of the way.
    database().sql(test::Role::superuser,
                   "insert into seal.augmentation (document, number, at, good_until, sha256) "
                   "select id, 0, '-infinity', 'infinity', sha256 from seal.document");
  }
  std::string revisions(const seal::Issued& document) {
    return database()
        .sql(test::Role::superuser, "select count(*) from seal.augmentation where document = '" +
                                        document.id().value() + "'")
        .at(0)
        .at(0);
  }
  seal::Augmenter augmenter_{{[this] { return verifier(); }, timestamps_, pki_.clock()}};
};

TEST_F(ArchiveTest, DocumentsGetAFurtherStampAndStayWhatTheyWere) {
  const auto document = issued(PadesLevel::lt);
  const auto quiet = archive(nullptr, hours(24)).turn(10);
  ASSERT_TRUE(quiet.ok()) << quiet.error().key;
  EXPECT_EQ(quiet->looked_at, 1);
  EXPECT_EQ(quiet->augmented, 0) << "its stamp has years to go";
  const auto done = archive().turn(10);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->augmented, 1) << done->why;
  EXPECT_EQ(done->failed, 0);

  const auto newest = archive().newest(document.id().value());
  ASSERT_TRUE(newest.ok());
  ASSERT_GT(newest->size(), document.file().size());
  EXPECT_TRUE(std::equal(document.file().begin(), document.file().end(), newest->begin()));
  const auto verdict = judge(*newest);
  EXPECT_EQ(verdict.outcome, verify::Outcome::genuine);
  EXPECT_EQ(verdict.seals.at(0).level, PadesLevel::lta);
  EXPECT_THAT(verdict.earlier_sha256, ::testing::Contains(base::sha256(document.file())));
  EXPECT_THAT(pdfsig(*newest), HasSubstr("Signature is Valid."));
  EXPECT_EQ(test::run("qpdf --check " + file("judged.pdf"), "qpdf").status, 0);

  const auto again = issuer(PadesLevel::lt)->fetch(actor(), document.id());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->file(), document.file()) << "what is given out stays byte for byte";
}

TEST_F(ArchiveTest, YearsOfStampsStandOverOneAnother) {
  const auto document = issued(PadesLevel::lta);
  ASSERT_EQ(archive().turn(10)->looked_at, 1);
  for (int year = 1; year <= 2; ++year) {
    pki_.clock().set(pki_.start() + hours(24 * 150 * year));
    pki_.publish();
    const auto done = archive().turn(10);
    ASSERT_TRUE(done.ok());
    EXPECT_EQ(done->augmented, 1) << done->why;
  }
  const auto verdict = judge(*archive().newest(document.id().value()));
  EXPECT_EQ(verdict.outcome, verify::Outcome::genuine);
  EXPECT_EQ(verdict.document_stamps.size(), 4u) << "two of them in the first turn and after it";
}

/// kill -9 in a loop: each document gets its further stamp exactly once.
TEST_F(ArchiveTest, StoppedAtAnyPointItGoesOn) {
  std::vector<seal::Issued> documents;
  for (int i = 0; i < 3; ++i) documents.push_back(issued(PadesLevel::lt));
  ASSERT_EQ(archive(nullptr, hours(24)).turn(10)->looked_at, 3);
  for (int round = 0; round < 3; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      store::Pool own({.conninfo = database().conninfo(), .connections = 1});
      base::arm_fail_point("archive.augmented");
      [[maybe_unused]] const auto never = archive(&own).turn(10);
      ::_exit(3);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    const auto one = archive().turn(1);
    ASSERT_TRUE(one.ok());
    EXPECT_EQ(one->augmented, 1) << one->why;
    pki_.clock().advance(std::chrono::seconds(1));
  }
  int total = 0;
  for (const auto& document : documents) total += std::stoi(revisions(document));
  EXPECT_EQ(total, 6) << "the look and one stamp of each";
}

/// An authority that has ended publishes no lists any more: its last one is enough for what it
/// certified, and the new stamp is by another.
TEST_F(ArchiveTest, AnEndedAuthorityDoesNotStopTheArchive) {
  const auto document = issued(PadesLevel::t);
  const auto now = pki_.start() + hours(24 * 30);
  pki_.clock().set(now);
  ASSERT_GT(now, certs::Crl::from_der(pki_.issuing_crl())->next_update());
  test::Pki other(now);
  auto list = pki_.list();
  const auto& theirs = other.list();
  list.roots.push_back(theirs.roots.at(0));
  list.intermediates.push_back(theirs.intermediates.at(0));
  list.crls.insert(list.crls.end(), theirs.crls.begin(), theirs.crls.end());
  for (const auto& entry : theirs.entries)
    if (entry.purpose == "timestamp") list.entries.push_back(entry);
  const auto judge = std::make_shared<const verify::Verifier>(list);
  const seal::LocalTimestamps stamps(other.timestamps());
  const seal::Augmenter augmenter({[judge] { return judge; }, stamps, pki_.clock()});
  const auto more = augmenter.augment(document.file());
  ASSERT_TRUE(more.ok()) << more.error().key << ' ' << more.error().detail;
  EXPECT_EQ(judge->judge(more->file, now).seals.at(0).level, PadesLevel::lta);
}

TEST_F(ArchiveTest, OnlyWhatIsGenuineIsStampedAgain) {
  const auto document = issued(PadesLevel::lt);
  auto changed = document.file();
  changed[2000] ^= 1;
  EXPECT_EQ(augmenter_.augment(changed).error().key, "seal.not_augmentable");
  EXPECT_EQ(augmenter_.augment(base::as_bytes("%PDF-1.7")).error().key, "seal.not_augmentable");
  pki_.clock().set(pki_.start() + hours(2));
  pki_.revoke(pki_.certificate("seal-1"), pki_.clock().now(), 1, pki_.start() - hours(1));
  EXPECT_EQ(augmenter_.augment(document.file()).error().key, "seal.not_augmentable");
}

}  // namespace
