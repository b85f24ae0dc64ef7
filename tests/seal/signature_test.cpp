// The signature, judged by OpenSSL, NSS (pdfsig) and our token's time stamp by `openssl ts`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "seal/local_timestamps.h"
#include "tests/seal/support.h"

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

class SignatureTest : public ::testing::TestWithParam<hsm::Algorithm> {
 protected:
  // pdfsig looks at the machine's clock.
  SignatureTest() : pki_(base::SystemClock().now()) {
    pki_.write(directory_.path());
    if (GetParam() == hsm::Algorithm::ecdsa_p256) {
      key_ = pki_.key("seal-1");
      certificate_ = pki_.certificate("seal-1");
    } else {
      key_ = test::SoftKey::make("seal-rsa", GetParam());
      certificate_ = *pki_.issuing().issue(certs::Profile::seal, pki_.agency("RSA 电子印章"),
                                           key_->info().public_key);
    }
  }
  test::Sample sealed(bool with_stamp = true) {
    return test::sealed_sample(test::person_draft(12), *key_, *certificate_, pki_, with_stamp);
  }
  std::string file(const std::string& name) const { return (directory_.path() / name).string(); }

  // An NSS database in which our test root is trusted.
  std::string trusting_nss() {
    const auto db = file("nss");
    if (std::filesystem::exists(db)) return db;
    const auto ran = test::run("mkdir -p " + db + " && certutil -N -d sql:" + db +
                                   " --empty-password && certutil -A -d sql:" + db +
                                   " -n root -t C,C,C -i " + file("root.pem"),
                               "libnss3-tools");
    EXPECT_EQ(ran.status, 0) << ran.output;
    return db;
  }

  test::TempDirectory directory_;
  test::Pki pki_;
  std::shared_ptr<const hsm::Key> key_;
  std::optional<certs::Certificate> certificate_;
};

INSTANTIATE_TEST_SUITE_P(Keys, SignatureTest,
                         ::testing::Values(hsm::Algorithm::ecdsa_p256, hsm::Algorithm::rsa_3072,
                                           hsm::Algorithm::rsa_4096),
                         [](const auto& one) {
                           return one.param == hsm::Algorithm::rsa_3072   ? "Rsa3072"
                                  : one.param == hsm::Algorithm::rsa_4096 ? "Rsa4096"
                                                                          : "EcdsaP256";
                         });

TEST_P(SignatureTest, PdfsigCallsItValidAndWhole) {
  const auto sample = sealed();
  directory_.write("sealed.pdf", sample.file);
  const auto ran =
      test::run("pdfsig -nssdir " + trusting_nss() + " " + file("sealed.pdf"), "poppler-utils");
  EXPECT_THAT(ran.output, HasSubstr("Signature is Valid."));
  EXPECT_THAT(ran.output, HasSubstr("Total document signed"));
  EXPECT_THAT(ran.output, HasSubstr("ETSI.CAdES.detached"));
  EXPECT_THAT(ran.output, HasSubstr("Certificate is Trusted."));
}

TEST_P(SignatureTest, PdfsigRefusesAChangedByte) {
  auto sample = sealed();
  for (const auto at : {std::size_t{1000}, sample.contents_begin - 50, sample.contents_end + 20}) {
    auto changed = sample.file;
    changed[at] ^= 1;
    directory_.write("changed.pdf", changed);
    const auto ran =
        test::run("pdfsig -nssdir " + trusting_nss() + " " + file("changed.pdf"), "poppler-utils");
    EXPECT_THAT(ran.output, Not(HasSubstr("Signature is Valid."))) << at;
  }
}

TEST_P(SignatureTest, OpensslVerifiesItAsCades) {
  const auto sample = sealed();
  directory_.write("cms.der", sample.cms);
  base::Bytes content(sample.file.begin(),
                      sample.file.begin() + static_cast<std::ptrdiff_t>(sample.contents_begin));
  content.insert(content.end(),
                 sample.file.begin() + static_cast<std::ptrdiff_t>(sample.contents_end),
                 sample.file.end());
  directory_.write("content", content);
  const auto verify = "openssl cms -verify -cades -binary -inform DER -purpose any -in " +
                      file("cms.der") + " -content " + file("content") + " -CAfile " +
                      file("root.pem") + " -out /dev/null";
  const auto ran = test::run(verify, "openssl");
  EXPECT_EQ(ran.status, 0) << ran.output;
  content[500] ^= 1;
  directory_.write("content", content);
  EXPECT_NE(test::run(verify, "openssl").status, 0);
}

TEST_P(SignatureTest, HasTheAttributesThatPadesWantsAndNoOthers) {
  const auto sample = sealed();
  directory_.write("cms.der", sample.cms);
  const auto ran =
      test::run("openssl cms -cmsout -print -noout -inform DER -in " + file("cms.der"), "openssl");
  EXPECT_THAT(ran.output, HasSubstr("contentType"));
  EXPECT_THAT(ran.output, HasSubstr("messageDigest"));
  EXPECT_THAT(ran.output, HasSubstr("signingCertificateV2"));
  EXPECT_THAT(ran.output, HasSubstr("id-smime-aa-timeStampToken"));
  EXPECT_THAT(ran.output, Not(HasSubstr("signingTime")));
  EXPECT_EQ(ran.status, 0);
}

TEST_P(SignatureTest, OpensslVerifiesTheTimeStampOverTheSignature) {
  const auto sample = sealed();
  directory_.write("cms.der", sample.cms);
  // The token and the signature value are taken out by a program that is not ours.
  const auto ran = test::run(
      "cd " + directory_.path().string() +
          " && /usr/bin/python3 - <<'PY'\n"
          "from asn1crypto import cms\n"
          "c = cms.ContentInfo.load(open('cms.der','rb').read(), strict=True)\n"
          "s = c['content']['signer_infos'][0]\n"
          "open('value','wb').write(s['signature'].native)\n"
          "t = [a for a in s['unsigned_attrs'] if a['type'].native == "
          "'signature_time_stamp_token']\n"
          "assert len(t) == 1 and len(s['unsigned_attrs']) == 1\n"
          "open('token.der','wb').write(t[0]['values'][0].dump())\n"
          "assert s['signed_attrs'].dump(force=True) == s['signed_attrs'].dump()\n"
          "PY\n"
          "openssl ts -verify -data value -in token.der -token_in -CAfile root.pem -untrusted "
          "issuing.pem",
      "python3-asn1crypto openssl");
  EXPECT_THAT(ran.output, HasSubstr("Verification: OK")) << ran.output;
}

TEST_P(SignatureTest, WithoutAStampItIsBaselineB) {
  const auto sample = sealed(false);
  directory_.write("cms.der", sample.cms);
  const auto ran =
      test::run("openssl cms -cmsout -print -noout -inform DER -in " + file("cms.der"), "openssl");
  EXPECT_THAT(ran.output, Not(HasSubstr("timeStampToken")));
}

TEST_P(SignatureTest, ACertificateOfAnotherKeyIsRefused) {
  const auto frame = seal::CmsFrame::create(key_->info(), pki_.certificate("timestamp-1"), {});
  ASSERT_FALSE(frame.ok());
  EXPECT_EQ(frame.error().key, "seal.certificate");
}

TEST_P(SignatureTest, TheReservedPlaceIsNeverTooSmall) {
  const auto frame = seal::CmsFrame::create(key_->info(), *certificate_, {});
  for (int i = 0; i < 50; ++i) {
    const auto digest = base::sha256(base::as_bytes(std::to_string(i)));
    const auto value = frame->signature_value(*key_->sign(digest));
    EXPECT_LE(frame->finish(digest, value, base::Bytes(4608)).size(), frame->most_bytes(4608));
  }
}

/// One digest for the whole file and all of the container: a key that signs another is refused.
TEST(CmsFrameTest, AKeyThatDoesNotSignSha256IsRefused) {
  test::Pki pki;
  const auto key = test::SoftKey::make("seal-384", hsm::Algorithm::ecdsa_p384);
  const auto frame = seal::CmsFrame::create(key->info(), pki.certificate("seal-1"), {});
  ASSERT_FALSE(frame.ok());
  EXPECT_EQ(frame.error().key, "seal.algorithm");
  EXPECT_EQ(frame.error().code, base::Code::invalid_argument);
}

TEST(LocalTimestampsTest, AnAuthorityThatIsAwayIsUnavailable) {
  test::Pki pki;
  auto key =
      test::SoftKey::make("timestamp-2", hsm::Algorithm::ecdsa_p256, hsm::Purpose::timestamp);
  key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable", "gone");
  base::SystemRandom random;
  certs::TimestampAuthority authority(key, pki.certificate("timestamp-1"), {}, {"1.2.3.4"},
                                      pki.clock(), random);
  const auto token = seal::LocalTimestamps(authority).stamp({});
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.error().code, base::Code::unavailable);
  EXPECT_EQ(token.error().key, "seal.timestamp");
}

}  // namespace
