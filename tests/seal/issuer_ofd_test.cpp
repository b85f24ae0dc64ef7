// One issuing path for both formats: OFD under the national seal leaves by the same rules as PDF.
// LD/T 01-2020 5.4.2.4; GB/T 38540-2020.
#include <gtest/gtest.h>

#include "auth/actor_factory.h"
#include "base/encoding.h"
#include "seal/issuer.h"
#include "seal/local_timestamps.h"
#include "seal/seal_object.h"
#include "tests/seal/ses_house.h"
#include "tests/seal/support.h"
#include "tests/support/active_seal.h"
#include "tests/support/postgres.h"

namespace {

class IssuerOfdTest : public testing::Test {
 protected:
  IssuerOfdTest() {
    std::array<std::uint8_t, 32> secret{};
    random_.fill(secret);
    pepper_ = base::Secret(secret);
    cipher_ = std::make_unique<store::FieldCipher>(base::Secret(secret), random_);
    subject_ = base::to_hex(random_.bytes(16));
  }
  static store::Pool& pool() { return test::Database::shared().pool(); }
  std::shared_ptr<const verify::Verifier> verifier() {
    return std::make_shared<const verify::Verifier>(house_.trust());
  }
  /// The object of a seal of the register, made by the house's seal maker.
  base::Bytes object(int format = 4) {
    auto spec = seal::read_seal_spec(test::seal_spec("36000000000001", R"({"kinds":["*"]})",
                                                     R"({"pdf":"seal-1","ofd":"seal-sm2-1"})"));
    base::check(spec.ok(), "the spec");
    spec->format = format;
    auto draft = seal::object_draft(*spec, *test::faces().display, {*house_.sealer}, house_.now());
    base::check(draft.ok(), "the draft of the object");
    auto made = seal::make_seal(*draft, *house_.maker_key, *house_.maker);
    base::check(made.ok(), "the object");
    return *made;
  }
  std::unique_ptr<seal::Issuer> issuer(std::optional<seal::NationalSeal> national) {
    auto made = seal::Issuer::create(
        {.pool = pool(),
         .documents = documents_,
         .verifier = [this] { return verifier(); },
         .timestamps = timestamps_,
         .code_pepper = pepper_,
         .cipher = *cipher_,
         .clock = house_.pki.clock(),
         .random = random_,
         .instance = "test-ofd",
         .verify_address = test::kAddress},
        {.id = test::active_seal(pool(), house_.pki.clock(), random_),
         .agency = test::Pki::kAgency,
         .agency_code = test::Pki::kAgencyCode,
         .picture = {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
         .key = house_.pki.key("seal-1"),
         .certificate = house_.pki.certificate("seal-1"),
         .chain = {house_.pki.certificate("issuing-ca")},
         .national = std::move(national)});
    base::check(made.ok(), "no issuer");
    return std::move(*made);
  }
  std::unique_ptr<seal::Issuer> national_issuer(int format = 4) {
    return issuer(seal::NationalSeal{house_.sealer_key, *house_.sealer, object(format)});
  }
  seal::Draft draft(seal::Format format = seal::Format::ofd) {
    auto out = test::person_draft(6);
    out.subject = subject_;
    out.format = format;
    return out;
  }
  auth::Actor actor() {
    return auth::ActorFactory::make({.subject = auth::SubjectId(subject_),
                                     .acting_for = auth::SubjectId(subject_),
                                     .client = auth::ClientId("portal"),
                                     .proofing = auth::Proofing::p2,
                                     .authentication = auth::Authentication::password,
                                     .authenticated_at = {},
                                     .scopes = "openid documents"});
  }

  base::SystemRandom random_;
  base::Secret pepper_;
  std::unique_ptr<store::FieldCipher> cipher_;
  test::SesHouse house_;
  seal::LocalTimestamps timestamps_{house_.pki.timestamps()};
  verify::Register documents_{pool()};
  std::string subject_;
};

TEST_F(IssuerOfdTest, Ldt01_5_4_2_4_AnOfdLeavesSealedStampedAndRegistered) {
  for (const int format : {4, 5}) {
    const auto one = national_issuer(format);
    const auto issued = one->issue(actor(), draft(), "k-" + std::to_string(format));
    ASSERT_TRUE(issued.ok()) << issued.error().key << ' ' << issued.error().detail;
    EXPECT_EQ(issued->media_type(), "application/ofd");
    EXPECT_TRUE(issued->file_name().ends_with(".ofd"));
    const auto verdict = verifier()->judge(issued->file(), house_.now());
    EXPECT_EQ(verdict.outcome, verify::Outcome::genuine);
    EXPECT_EQ(verdict.kind, verify::FileKind::ofd);
    ASSERT_EQ(verdict.seals.size(), 1u);
    EXPECT_TRUE(verdict.seals[0].time_attested);
    EXPECT_TRUE(verdict.seals[0].whole_document);
    EXPECT_EQ(verdict.seals[0].seal_object->version, format);
    EXPECT_EQ(verdict.document_code, issued->code());
    const auto code = verify::DocumentCode::parse(issued->code());
    const auto entry = documents_.find(verify::digest_of(*code, pepper_));
    ASSERT_TRUE(entry.ok() && *entry);
    EXPECT_EQ((*entry)->file_sha256, base::sha256(issued->file()));
    // The same bytes again, as the same kind of file.
    const auto again = one->fetch(actor(), issued->id());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->file(), issued->file());
    EXPECT_EQ(again->media_type(), "application/ofd");
  }
}

// PDF and OFD of the same facts are two documents, each with a code of its own.
TEST_F(IssuerOfdTest, AnotherFormatIsAnotherDocument) {
  const auto one = national_issuer();
  const auto pdf = one->issue(actor(), draft(seal::Format::pdf), "k-1");
  ASSERT_TRUE(pdf.ok()) << pdf.error().detail;
  EXPECT_EQ(one->issue(actor(), draft(), "k-1").error().key, "seal.idempotency");
  const auto ofd = one->issue(actor(), draft(), "k-2");
  ASSERT_TRUE(ofd.ok());
  EXPECT_NE(ofd->code(), pdf->code());
  EXPECT_NE(ofd->id(), pdf->id());
}

TEST_F(IssuerOfdTest, WithoutANationalSealOnlyPdfLeaves) {
  const auto one = issuer(std::nullopt);
  EXPECT_EQ(one->issue(actor(), draft(), "k-1").error().key, "seal.format");
  EXPECT_TRUE(one->issue(actor(), draft(seal::Format::pdf), "k-1").ok());
}

// What our judge would not call genuine does not leave, whatever the key signed.
TEST_F(IssuerOfdTest, UnderARevokedCertificateNothingLeaves) {
  const auto one = national_issuer();
  house_.revoke(*house_.sealer, house_.now());
  const auto issued = one->issue(actor(), draft(), "k-1");
  ASSERT_FALSE(issued.ok());
  EXPECT_EQ(issued.error().key, "seal.judged_bad");
}

TEST_F(IssuerOfdTest, ASampleIsJudgedASampleInOfdToo) {
  const auto templates = seal::Templates::built_in();
  auto sample = (*templates)->sample("enrolment-certificate", random_);
  ASSERT_TRUE(sample.ok());
  sample->format = seal::Format::ofd;
  const auto nobody = auth::ActorFactory::make({.subject = auth::SubjectId("sample"),
                                                .acting_for = auth::SubjectId("sample"),
                                                .client = {},
                                                .authenticated_at = {},
                                                .scopes = "documents.samples"});
  const auto issued = national_issuer()->issue(nobody, *sample, "k-1");
  ASSERT_TRUE(issued.ok()) << issued.error().key << ' ' << issued.error().detail;
  EXPECT_EQ(verifier()->judge(issued->file(), house_.now()).outcome, verify::Outcome::sample);
}

}  // namespace
