// Authorities with keys of every algorithm: what they make is verified by OpenSSL's own program and
// read by certtool, and judged by our own path building.
#include <gtest/gtest.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <map>

#include "base/encoding.h"
#include "certs/authority.h"
#include "certs/chain.h"
#include "certs/crl.h"
#include "certs/lint.h"
#include "certs/oids.h"
#include "certs/openssl.h"
#include "certs/path.h"
#include "certs/signature.h"
#include "certs/tbs.h"
#include "hsm/algorithm.h"
#include "tests/certs/support.h"
#include "tests/support/soft_key.h"

namespace {

using certs::Profile;
using hsm::Algorithm;
using std::chrono::days;

std::vector<Algorithm> signing_algorithms() {
  std::vector<Algorithm> all;
  for (const auto& facts : hsm::algorithm_facts())
    if (facts.scheme != hsm::Scheme::none) all.push_back(facts.algorithm);
  return all;
}

/// How `openssl x509 -text` names keys and signatures of each.
struct Told {
  std::string_view key, signature;
};
Told told(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ecdsa_p256:
      return {"ASN1 OID: prime256v1", "Signature Algorithm: ecdsa-with-SHA256"};
    case Algorithm::ecdsa_p384:
      return {"ASN1 OID: secp384r1", "Signature Algorithm: ecdsa-with-SHA384"};
    case Algorithm::rsa_3072:
      return {"Public-Key: (3072 bit)", "Signature Algorithm: sha256WithRSAEncryption"};
    case Algorithm::rsa_4096:
      return {"Public-Key: (4096 bit)", "Signature Algorithm: sha256WithRSAEncryption"};
    case Algorithm::ed25519:
      return {"Public Key Algorithm: ED25519", "Signature Algorithm: ED25519"};
    case Algorithm::sm2:
      return {"ASN1 OID: SM2", "Signature Algorithm: SM2-with-SM3"};
    case Algorithm::aes_256:
      break;
  }
  return {};
}

class CertAlgorithmTest : public testing::TestWithParam<Algorithm> {
 protected:
  /// Made once: two of each algorithm will do, and RSA keys take their time.
  std::shared_ptr<test::SoftKey> key(const char* label) {
    static std::map<std::pair<Algorithm, std::string>, std::shared_ptr<test::SoftKey>> made;
    auto& one = made[{GetParam(), label}];
    if (!one) one = test::SoftKey::make(label, GetParam());
    return one;
  }
  std::string file(std::string_view name) { return (directory / name).string(); }
  std::string verify(const std::string& options) {
    return "openssl verify -x509_strict -attime " +
           std::to_string(base::to_unix_s(clock.now()) + 60) + " " +
           (GetParam() == Algorithm::sm2 ? "-vfyopt distid:1234567812345678 " : "") + options;
  }

  test::Directory directory;
  base::ManualClock clock{base::from_unix_s(test::Pki::kStart)};
  base::SystemRandom random;
};

TEST_P(CertAlgorithmTest, OpensslAcceptsTheChainAndTheRevocationList) {
  const auto root_key = key("one"), issuing_key = key("other"), leaf_key = root_key;
  certs::Authority self(root_key, std::nullopt, clock, random);
  const auto root =
      self.issue(Profile::root_ca, {"根", "机构", "", "CN"}, root_key->info().public_key);
  ASSERT_TRUE(root) << root.error().detail;
  certs::Authority authority(root_key, *root, clock, random);
  const auto issuing = authority.issue(Profile::issuing_ca, {"签发", "机构", "", "CN"},
                                       issuing_key->info().public_key);
  ASSERT_TRUE(issuing) << issuing.error().detail;
  certs::Authority below(issuing_key, *issuing, clock, random, "http://si.example.gov.cn/a.crl");
  const auto leaf = below.issue(Profile::seal, {"印章", "机构", test::Pki::kAgencyCode, "CN"},
                                leaf_key->info().public_key);
  ASSERT_TRUE(leaf) << leaf.error().detail;
  const auto crl = below.crl(1, {{leaf->serial_hex(), clock.now(), 1}}, clock.now() + days(7));
  ASSERT_TRUE(crl) << crl.error().detail;

  test::write_file(directory / "root.pem", root->pem());
  test::write_file(directory / "issuing.pem", issuing->pem());
  test::write_file(directory / "leaf.pem", leaf->pem());
  test::write_file(directory / "crl.pem", base::to_pem("X509 CRL", *crl));
  // Link by link: openssl verify gives -vfyopt to the certificate in question alone.
  for (const auto& [below_it, above_it] :
       {std::pair{"leaf.pem", "issuing.pem"}, {"issuing.pem", "root.pem"}}) {
    const auto good =
        test::shell(verify("-partial_chain -CAfile " + file(above_it) + " " + file(below_it)));
    EXPECT_EQ(good.exit, 0) << good.out;
  }
  if (GetParam() != Algorithm::sm2) {  // openssl's CRL check cannot be told an SM2 user id
    const auto listed = test::shell("openssl crl -noout -CAfile " + file("issuing.pem") + " -in " +
                                    file("crl.pem"));
    EXPECT_EQ(listed.exit, 0);
    EXPECT_NE(listed.out.find("verify OK"), std::string::npos) << listed.out;
  }
  const auto text = test::shell("openssl x509 -noout -text -in " + file("leaf.pem")).out;
  EXPECT_NE(text.find(told(GetParam()).key), std::string::npos) << text;
  EXPECT_NE(text.find(told(GetParam()).signature), std::string::npos) << text;

  // And by our own judging.
  EXPECT_TRUE(certs::issued_by(*leaf, *issuing));
  EXPECT_TRUE(certs::straight_path_holds({*leaf, *issuing, *root}, false));
  EXPECT_FALSE(certs::issued_by(*leaf, *root));
  const auto list = certs::Crl::from_der(*crl);
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_TRUE(list->signed_by(*issuing));
  EXPECT_TRUE(list->find(*leaf).has_value());
  auto bent = *crl;
  bent.back() ^= 1;
  if (const auto other = certs::Crl::from_der(bent)) {
    EXPECT_FALSE(other->signed_by(*issuing));
  }
}

TEST_P(CertAlgorithmTest, AChainOfItIsTrustedUntilItIsRevoked) {
  const auto root_key = key("one"), issuing_key = key("other");
  certs::Authority self(root_key, std::nullopt, clock, random);
  certs::TrustList list;
  list.sequence = 1;
  list.issued = clock.now();
  list.next_update = clock.now() + days(7);
  list.roots.push_back(
      *self.issue(Profile::root_ca, {"根", "机构", "", "CN"}, root_key->info().public_key));
  certs::Authority authority(root_key, list.roots[0], clock, random);
  list.intermediates.push_back(*authority.issue(Profile::issuing_ca, {"签发", "机构", "", "CN"},
                                                issuing_key->info().public_key));
  certs::Authority below(issuing_key, list.intermediates[0], clock, random);
  const auto leaf = *below.issue(Profile::seal, {"印章", "机构", test::Pki::kAgencyCode, "CN"},
                                 root_key->info().public_key);
  const auto soon = clock.now() + days(7);
  list.crls = {*authority.crl(1, {}, soon), *below.crl(1, {}, soon)};
  const auto answer = [&] {
    return certs::validate(leaf, {}, list, certs::ChainPurpose::any, clock.now()).answer;
  };
  EXPECT_EQ(answer(), certs::ChainAnswer::trusted);
  list.crls[1] = *below.crl(2, {{leaf.serial_hex(), clock.now(), 1}}, soon);
  EXPECT_EQ(answer(), certs::ChainAnswer::revoked);
  list.crls.pop_back();
  EXPECT_EQ(answer(), certs::ChainAnswer::unsure);
}

TEST_P(CertAlgorithmTest, ALeafWithSuchAKeyIsListedLikeAnyOther) {
  test::Pki pki;
  const auto leaf =
      pki.issuing().issue(Profile::seal, pki.agency("另一枚"), key("one")->info().public_key);
  ASSERT_TRUE(leaf) << leaf.error().detail;
  pki.enlist(*leaf, "seal");
  const auto read = certs::TrustList::parse(pki.jws());
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(certs::validate(*leaf, {}, *read, certs::ChainPurpose::seal, pki.clock().now()).answer,
            certs::ChainAnswer::trusted);
}

TEST_P(CertAlgorithmTest, ABentSignatureIsRefusedByOpensslAndByUs) {
  const auto root_key = key("one");
  certs::Authority self(root_key, std::nullopt, clock, random);
  const auto root =
      self.issue(Profile::root_ca, {"根", "机构", "", "CN"}, root_key->info().public_key);
  ASSERT_TRUE(root) << root.error().detail;
  auto der = base::to_bytes(root->der());
  der.back() ^= 1;
  const auto bent = certs::Certificate::from_der(der);
  ASSERT_TRUE(bent) << bent.error().detail;
  EXPECT_FALSE(certs::issued_by(*bent, *bent));
  test::write_file(directory / "bent.pem", bent->pem());
  EXPECT_NE(
      test::shell(verify("-check_ss_sig -CAfile " + file("bent.pem") + " " + file("bent.pem")))
          .exit,
      0);
}

TEST_P(CertAlgorithmTest, BareSignaturesAreJudgedByTheirKey) {
  const auto one = key("one"), other = key("other");
  const auto& spki = one->info().public_key;
  const auto message = base::as_bytes("x");
  const auto input = *hsm::input_of(one->info(), message);
  auto signature = *one->sign_message(message);
  EXPECT_TRUE(certs::verify_message(spki, message, signature));
  EXPECT_TRUE(certs::verify_input(spki, input, signature));
  // Who holds a SHA-256 digest gets no answer from a key that signs something else.
  base::Digest digest{};
  std::copy_n(input.begin(), std::min(input.size(), digest.size()), digest.begin());
  const bool of_digests =
      hsm::facts_of(GetParam()).scheme == hsm::Scheme::rsa || GetParam() == Algorithm::ecdsa_p256;
  EXPECT_EQ(certs::verify_signature(spki, digest, signature), of_digests);
  if (GetParam() == Algorithm::ed25519) {
    EXPECT_FALSE(certs::verify_signature(spki, digest, *one->sign_message(digest)));
  }
  EXPECT_FALSE(certs::verify_message(other->info().public_key, message, signature));
  EXPECT_FALSE(certs::verify_message(spki, base::as_bytes("y"), signature));
  EXPECT_FALSE(certs::verify_input(spki, base::Bytes(input.size()), signature));
  EXPECT_FALSE(certs::verify_input(spki, base::Bytes(20), signature));
  EXPECT_FALSE(certs::verify_message(spki, message, {}));
  EXPECT_FALSE(certs::verify_message({}, message, signature));
  for (const auto algorithm : {Algorithm::ecdsa_p256, Algorithm::ecdsa_p384, Algorithm::sm2})
    if (algorithm != GetParam()) {
      EXPECT_FALSE(certs::verify_message(test::SoftKey::make("k", algorithm)->info().public_key,
                                         message, signature));
    }
  signature[10] ^= 1;
  EXPECT_FALSE(certs::verify_message(spki, message, signature));
  EXPECT_FALSE(certs::verify_input(spki, input, signature));
}

TEST_P(CertAlgorithmTest, ATimeStampIsMadeOnlyByAKeyThatSignsItsDigest) {
  test::Pki pki;
  const certs::TimestampAuthority authority(
      key("one"), pki.certificate("timestamp-1"), {},
      {certs::oid::kTimestampPolicy, std::chrono::milliseconds(1)}, pki.clock(), random);
  const auto stamp = authority.stamp(base::sha256({}));
  const bool signs_sha256 =
      hsm::facts_of(GetParam()).scheme == hsm::Scheme::rsa || GetParam() == Algorithm::ecdsa_p256;
  EXPECT_EQ(stamp.ok(), signs_sha256);
  if (!stamp.ok()) {
    EXPECT_EQ(stamp.error().key, "hsm.input");
  }
}

INSTANTIATE_TEST_SUITE_P(All, CertAlgorithmTest, testing::ValuesIn(signing_algorithms()),
                         [](const auto& one) { return std::string(hsm::to_string(one.param)); });

TEST(Sm2SignatureTest, AnEcdsaSignatureOverTheSm2CurveIsNone) {
  // What a token makes of CKM_ECDSA and the SM2 curve: 64 bytes that look right.
  const certs::OwnedKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "SM2"));
  ASSERT_TRUE(key && EVP_PKEY_is_a(key.get(), "EC") == 1);
  const certs::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key.get(), nullptr));
  const auto digest = base::sm3(base::as_bytes("x"));
  base::Bytes der(80);
  std::size_t size = der.size();
  ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
  ASSERT_EQ(EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()), 1);
  const unsigned char* at = der.data();
  const certs::Owned<ECDSA_SIG, ECDSA_SIG_free> pair(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  ASSERT_TRUE(pair);
  base::Bytes raw(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw.data() + 32, 32);
  const auto spki = certs::encode([&](unsigned char** out) { return i2d_PUBKEY(key.get(), out); });
  EXPECT_FALSE(certs::verify_input(spki, digest, raw));
}

}  // namespace
