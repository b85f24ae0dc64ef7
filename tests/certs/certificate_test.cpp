#include "certs/certificate.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "certs/crl.h"
#include "certs/der.h"
#include "tests/certs/support.h"

namespace {

class CertificateTest : public testing::Test {
 protected:
  test::Pki pki;
};

TEST_F(CertificateTest, SaysWhatOpensslSays) {
  test::Directory directory;
  const auto& seal = pki.certificate("seal-1");
  test::write_file(directory / "seal.pem", seal.pem());
  const auto told = test::shell(
      "openssl x509 -noout -serial -fingerprint -sha256 -subject -issuer "
      "-nameopt RFC2253,-esc_msb,utf8 -in " +
      (directory / "seal.pem").string());
  ASSERT_EQ(told.exit, 0) << told.out;
  std::string fingerprint;
  for (const auto octet : seal.sha256()) {
    char two[8];
    std::snprintf(two, sizeof two, "%s%02X", fingerprint.empty() ? "" : ":", octet);
    fingerprint += two;
  }
  std::string serial = seal.serial_hex();
  for (auto& c : serial) c = static_cast<char>(std::toupper(c));
  EXPECT_NE(told.out.find("serial=" + serial), std::string::npos) << told.out;
  EXPECT_NE(told.out.find(fingerprint), std::string::npos) << told.out;
  EXPECT_NE(told.out.find("subject=" + seal.subject()), std::string::npos) << told.out;
  EXPECT_NE(told.out.find("issuer=" + seal.issuer()), std::string::npos) << told.out;
  EXPECT_EQ(seal.common_name(), "测试电子印章");
  EXPECT_EQ(seal.organization(), test::Pki::kAgency);
}

TEST_F(CertificateTest, ReadsBackWhatItWrites) {
  const auto& seal = pki.certificate("seal-1");
  const auto again = certs::Certificate::from_pem(seal.pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sha256(), seal.sha256());
}

TEST_F(CertificateTest, RefusesWhatIsNotExactlyOneCertificate) {
  const auto der = base::to_bytes(pki.certificate("seal-1").der());
  auto longer = der;
  longer.push_back(0);
  EXPECT_FALSE(certs::Certificate::from_der(longer));
  for (std::size_t size = 0; size < der.size(); ++size)
    EXPECT_FALSE(certs::Certificate::from_der(base::BytesView(der).first(size))) << size;
  EXPECT_FALSE(certs::Certificate::from_der(base::Bytes(70'000, 0x30)));
  EXPECT_EQ(certs::Certificate::from_pem("no pem").error().key, "certs.malformed");
}

TEST_F(CertificateTest, ARevocationListIsReadStrictlyToo) {
  const auto der = pki.issuing_crl();
  ASSERT_TRUE(certs::Crl::from_der(der));
  for (std::size_t size = 0; size < der.size(); ++size)
    EXPECT_FALSE(certs::Crl::from_der(base::BytesView(der).first(size))) << size;
  EXPECT_FALSE(certs::Crl::from_der(pki.certificate("seal-1").der()));
  const auto crl = *certs::Crl::from_der(der);
  EXPECT_TRUE(crl.signed_by(pki.certificate("issuing-ca")));
  EXPECT_FALSE(crl.signed_by(pki.certificate("root-ca")));
  EXPECT_FALSE(crl.signed_by(pki.foreign(certs::Profile::seal).certificate));
}

// RFC 5280 §5.2.5: a partial list that is taken for a whole one hides revocations.
TEST_F(CertificateTest, Rfc5280_5_2_5_APartialListIsReadAsPartial) {
  namespace der = certs::der;
  const auto& key = *pki.key("issuing-ca");
  const auto in = test::leaf_input(pki, certs::Profile::seal, key);
  const auto now = pki.clock().now();
  const auto list = [&](const base::Bytes& more, int number = 1) {
    const auto numbered = certs::extension("2.5.29.20", false, der::integer(number));
    const auto extensions = der::value(0xA0, der::sequence({numbered, more}));
    const auto tbs =
        der::sequence({der::integer(1), certs::signature_algorithm(in.algorithm), in.issuer,
                       der::time(now), der::time(now + std::chrono::days(7)), extensions});
    return certs::assemble(tbs, in.algorithm, *key.sign(base::sha256(tbs)));
  };
  const auto point = [](const base::Bytes& content) {
    return certs::extension("2.5.29.28", true, der::sequence({content}));
  };
  const auto& seal = pki.certificate("seal-1");
  const auto whole = *certs::Crl::from_der(list({}));
  EXPECT_EQ(whole.reasons_covered(seal), certs::Crl::kAllReasons);
  // onlyContainsCACerts: nothing about a seal.
  const auto authorities = *certs::Crl::from_der(list(point(der::value(0x82, base::Bytes{0xFF}))));
  EXPECT_EQ(authorities.reasons_covered(seal), 0u);
  // onlyContainsUserCerts.
  const auto users = *certs::Crl::from_der(list(point(der::value(0x81, base::Bytes{0xFF}))));
  EXPECT_EQ(users.reasons_covered(seal), certs::Crl::kAllReasons);
  EXPECT_EQ(users.reasons_covered(pki.certificate("issuing-ca")), 0u);
  // onlySomeReasons: keyCompromise.
  const auto some = *certs::Crl::from_der(list(point(der::value(0x83, base::Bytes{6, 0x40}))));
  EXPECT_EQ(some.reasons_covered(seal), 0x2u);
  // Of attribute certificates, and of a kind that is not known: no list.
  EXPECT_FALSE(certs::Crl::from_der(list(point(der::value(0x85, base::Bytes{0xFF})))));
  EXPECT_FALSE(certs::Crl::from_der(list(certs::extension("1.2.3.4", true, der::null()))));
  // A delta list completes the list that it names, or a later one before it, and no other.
  const auto delta =
      *certs::Crl::from_der(list(certs::extension("2.5.29.27", true, der::integer(2)), 5));
  EXPECT_TRUE(delta.is_delta());
  EXPECT_FALSE(whole.is_delta());
  EXPECT_FALSE(delta.completes(whole)) << "list 1 is older than its base, 2";
  EXPECT_TRUE(delta.completes(*certs::Crl::from_der(list({}, 2))));
  EXPECT_TRUE(delta.completes(*certs::Crl::from_der(list({}, 4))));
  EXPECT_FALSE(delta.completes(*certs::Crl::from_der(list({}, 5))));
  EXPECT_FALSE(delta.completes(users)) << "another partition";
}

}  // namespace
