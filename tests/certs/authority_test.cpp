#include "certs/authority.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "certs/chain.h"
#include "certs/crl.h"
#include "certs/der.h"
#include "certs/oids.h"
#include "certs/signature.h"
#include "tests/certs/support.h"

namespace {

using certs::Profile;
using std::chrono::days;
using std::chrono::hours;

/// What we issue is judged by OpenSSL's own program.
class AuthorityTest : public testing::Test {
 protected:
  std::string file(std::string_view name) const { return (directory / name).string(); }
  std::string at() { return " -attime " + std::to_string(base::to_unix_s(pki.clock().now())); }
  /// openssl verify with everything that it can check.
  test::Ran verify(const std::string& leaf) {
    pki.write(directory.path());
    for (const auto* name : {"root", "issuing"})
      EXPECT_EQ(test::shell("openssl crl -inform DER -in " + file(std::string(name) + ".crl") +
                            " -out " + file(std::string(name) + ".crl.pem"))
                    .exit,
                0);
    return test::shell(
        "openssl verify -x509_strict -crl_check_all -extended_crl -check_ss_sig "
        "-policy_check -policy 2.5.29.32.0 -CAfile " +
        file("root.pem") + " -untrusted " + file("issuing.pem") + " -CRLfile " +
        file("root.crl.pem") + " -CRLfile " + file("issuing.crl.pem") + at() + " " + leaf);
  }

  test::Pki pki;
  test::Directory directory;
  base::SystemRandom random;
};

TEST_F(AuthorityTest, OpensslVerifiesEachLeaf) {
  for (const auto* label : {"seal-1", "timestamp-1", "openid-1", "document-code-1"}) {
    const auto told = verify(file(std::string(label) + ".pem"));
    EXPECT_EQ(told.exit, 0) << told.out;
  }
}

TEST_F(AuthorityTest, OpensslSeesARevocation) {
  pki.revoke(pki.certificate("seal-1"), pki.clock().now(), 1, pki.clock().now() - hours(3));
  const auto told = verify(file("seal-1.pem"));
  EXPECT_NE(told.exit, 0);
  EXPECT_NE(told.out.find("certificate revoked"), std::string::npos) << told.out;
  EXPECT_EQ(verify(file("openid-1.pem")).exit, 0);
  const auto text =
      test::shell("openssl crl -inform DER -noout -text -in " + file("issuing.crl")).out;
  EXPECT_NE(text.find("Key Compromise"), std::string::npos) << text;
  EXPECT_NE(text.find("Invalidity Date"), std::string::npos) << text;
  EXPECT_NE(text.find("X509v3 CRL Number: \n                2"), std::string::npos) << text;
}

// security.md §2.1, profile by profile, as another program reads it.
TEST_F(AuthorityTest, TheProfilesAreWhatTheDesignSays) {
  pki.write(directory.path());
  const auto text = [&](const char* name) {
    return test::shell("openssl x509 -noout -text -in " + file(name)).out;
  };
  const auto has = [&](const char* name, std::initializer_list<const char*> parts) {
    const auto all = text(name);
    for (const auto* part : parts)
      EXPECT_NE(all.find(part), std::string::npos) << name << " lacks " << part << "\n" << all;
  };
  has("root.pem", {"Basic Constraints: critical\n                CA:TRUE, pathlen:1",
                   "Key Usage: critical\n                Certificate Sign, CRL Sign\n"});
  EXPECT_EQ(text("root.pem").find("Extended Key Usage"), std::string::npos);
  has("issuing.pem", {"CA:TRUE, pathlen:0", "Certificate Policies", "Authority Key Identifier"});
  has("seal-1.pem", {"Key Usage: critical\n                Digital Signature, Non Repudiation\n",
                     "1.3.6.1.5.5.7.3.36", "2.25.102262581555112947325161223313624548636.2.1",
                     "NTRCN-12360000MB0000001X", "Private Key Usage Period"});
  EXPECT_EQ(text("seal-1.pem").find("CA:TRUE"), std::string::npos);
  has("timestamp-1.pem", {"Extended Key Usage: critical\n                Time Stamping\n"});
  has("openid-1.pem", {"Key Usage: critical\n                Digital Signature\n"});
}

// The kinds that came with the authority's services, as another program reads them.
TEST_F(AuthorityTest, TheServicesProfilesAreWhatTheDesignSays) {
  certs::Authority issuing(pki.key("issuing-ca"), pki.certificate("issuing-ca"), pki.clock(),
                           random, "http://si.example.gov.cn/v1/pki/issuing.crl",
                           "http://si.example.gov.cn/v1/pki/ocsp");
  pki.write(directory.path());
  const auto key = test::SoftKey::make("soft");
  const auto text = [&](Profile profile, const certs::Subject& subject) {
    const auto made = issuing.issue(profile, subject, key->info().public_key);
    EXPECT_TRUE(made) << made.error().detail;
    if (!made) return std::string();
    test::write_file(directory / "leaf.pem", made->pem());
    const auto told = verify(file("leaf.pem"));
    EXPECT_EQ(told.exit, 0) << told.out;
    return test::shell("openssl x509 -noout -text -in " + file("leaf.pem")).out;
  };
  using testing::AllOf;
  using testing::HasSubstr;
  using testing::Not;
  const std::string arc = "2.25.102262581555112947325161223313624548636.2.";
  const std::string signs = "Key Usage: critical\n                Digital Signature\n";
  const auto asked = HasSubstr("OCSP - URI:http://si.example.gov.cn/v1/pki/ocsp\n");
  EXPECT_THAT(text(Profile::ocsp, pki.agency("应答")),
              AllOf(HasSubstr(signs), HasSubstr("OCSP Signing\n"), HasSubstr("OCSP No Check"),
                    Not(HasSubstr("OCSP - URI")), HasSubstr("/v1/pki/issuing.crl")));
  EXPECT_THAT(text(Profile::seal_maker, pki.agency("制章")),
              AllOf(HasSubstr(arc + "4\n"), HasSubstr("NTRCN-"), asked));
  EXPECT_THAT(text(Profile::officer, pki.agency("安全员")),
              AllOf(HasSubstr(arc + "5, TLS Web Client Authentication\n"), asked));
  auto person = pki.agency("张*三");
  person.serial_number = "P-7f3a9c21d0";
  person.organization_id = "";
  EXPECT_THAT(text(Profile::person_login, person),
              AllOf(HasSubstr(signs), HasSubstr("serialNumber = P-7f3a9c21d0"),
                    HasSubstr("Extended Key Usage: \n                TLS Web Client "
                              "Authentication\n")));
  auto unit = pki.agency("某单位");
  unit.serial_number = "U-000017d0";
  EXPECT_THAT(text(Profile::unit_login, unit), HasSubstr("NTRCN-12360000MB0000001X"));
  certs::Subject server;
  server.dns_names = {"si.example.gov.cn"};
  server.ip_addresses = {"192.0.2.7", "2001:db8::7"};
  EXPECT_THAT(text(Profile::tls_server, server),
              AllOf(HasSubstr("Subject: \n"),
                    HasSubstr("Subject Alternative Name: critical\n                "
                              "DNS:si.example.gov.cn, IP Address:192.0.2.7, IP "
                              "Address:2001:DB8:0:0:0:0:0:7\n")));
  EXPECT_THAT(text(Profile::audit, pki.agency("审计")), HasSubstr(arc + "6\n"));
  EXPECT_THAT(text(Profile::log, pki.agency("日志")), HasSubstr(arc + "7\n"));
}

// RFC 5280 §4.2.1.12: an authority certified before a use was known does not give it out.
TEST_F(AuthorityTest, AnAuthorityAllowsOnlyWhatItMay) {
  auto input = test::authority_input(pki, "旧机构", *test::SoftKey::make("soft"));
  const auto key = test::SoftKey::make("soft");
  input.public_key = key->info().public_key;
  const auto old = test::crooked(*pki.key("root-ca"), input, [](certs::TbsCertificate& tbs) {
    for (auto& one : tbs.extensions) {
      const auto id = certs::der::oid("2.5.29.37");
      if (std::search(one.begin(), one.end(), id.begin(), id.end()) == one.end()) continue;
      one = certs::extension("2.5.29.37", false,
                             certs::der::sequence({certs::der::oid(certs::oid::kSealUse)}));
    }
  });
  certs::Authority authority(key, old, pki.clock(), random);
  EXPECT_EQ(authority.issue(Profile::ocsp, pki.agency("应答"), key->info().public_key).error().key,
            "certs.wrong_issuer");
}

TEST_F(AuthorityTest, SubjectsSayWhatTheirProfileNeedsAndNoMore) {
  const auto key = test::SoftKey::make("soft");
  const auto refused = [&](Profile profile, const certs::Subject& subject) {
    const auto made = pki.issuing().issue(profile, subject, key->info().public_key);
    return !made && made.error().key == "certs.bad_subject";
  };
  EXPECT_TRUE(refused(Profile::person_login, pki.agency("无序号")));
  auto person = pki.agency("张三");
  person.serial_number = "11010519491231002X";
  EXPECT_TRUE(refused(Profile::person_login, person));
  person.serial_number = "P_7f3a9c21d0";
  EXPECT_TRUE(refused(Profile::person_login, person));
  auto named = pki.agency("11010519491231002X");
  named.serial_number = "P-7f3a9c21d0";
  EXPECT_TRUE(refused(Profile::person_login, named));
  EXPECT_TRUE(refused(Profile::tls_server, pki.agency("服务器")));
  EXPECT_TRUE(refused(Profile::tls_server, {}));
  for (const auto* bad : {"*.example.gov.cn", "localhost", "A.example", "-a.example", "a..b",
                          "192.0.2.7", "a.example/"}) {
    certs::Subject server;
    server.dns_names = {bad};
    EXPECT_TRUE(refused(Profile::tls_server, server)) << bad;
  }
  auto sealed = pki.agency("章");
  sealed.dns_names = {"si.example.gov.cn"};
  EXPECT_TRUE(refused(Profile::seal, sealed));
}

// docs/decisions/0011-certificate-profiles.md: what pdfsig asks NSS about a signer.
TEST_F(AuthorityTest, NssTakesTheSealForASignerAndTheOpenidKeyForNone) {
  test::Pki present(base::SystemClock().now());  // certutil goes by the machine's clock
  present.write(directory.path());
  const auto nss = "sql:" + directory.path().string();
  const auto add = [&](const char* name, const char* trust, const char* from) {
    const auto ran =
        test::shell("certutil -A -d " + nss + " -n " + name + " -t " + trust + " -i " + file(from));
    EXPECT_EQ(ran.exit, 0) << ran.out << "mend it with: apt-get install -y libnss3-tools";
  };
  ASSERT_EQ(test::shell("certutil -N -d " + nss + " --empty-password").exit, 0);
  add("root", "CT,C,C", "root.pem");
  add("issuing", ",,", "issuing.pem");
  add("seal", ",,", "seal-1.pem");
  add("openid", ",,", "openid-1.pem");
  const auto judged = [&](const char* name) {
    return test::shell("certutil -V -e -d " + nss + " -u S -n " + name).out;
  };
  EXPECT_NE(judged("seal").find("certificate is valid"), std::string::npos) << judged("seal");
  EXPECT_NE(judged("openid").find("Certificate type not approved"), std::string::npos)
      << judged("openid");
}

TEST_F(AuthorityTest, SerialsAreSixteenRandomPositiveOctets) {
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const auto serial = pki.issue(Profile::seal).certificate.serial_hex();
    EXPECT_EQ(serial.size(), 32u);
    EXPECT_LT(serial[0], '8');
    EXPECT_TRUE(seen.insert(serial).second);
  }
}

TEST_F(AuthorityTest, NothingOutlivesItsIssuer) {
  const auto leaf = pki.issue(Profile::timestamp);  // 11 years under an authority of 10
  EXPECT_EQ(leaf.certificate.not_after(), pki.certificate("issuing-ca").not_after());
}

TEST_F(AuthorityTest, AnEndedAuthorityIssuesNothing) {
  pki.clock().set(pki.certificate("issuing-ca").not_after() + days(1));
  const auto refused = pki.issuing().issue(Profile::openid, pki.agency("晚了"),
                                           pki.key("openid-1")->info().public_key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().key, "certs.issuer_expired");
}

TEST_F(AuthorityTest, TheRootIssuesAuthoritiesAndAnAuthorityIssuesLeaves) {
  const auto& spki = pki.key("seal-1")->info().public_key;
  EXPECT_EQ(pki.root().issue(Profile::seal, pki.agency("越级"), spki).error().key,
            "certs.wrong_issuer");
  EXPECT_EQ(pki.issuing().issue(Profile::issuing_ca, {"越级", "机构", "", "CN"}, spki).error().key,
            "certs.wrong_issuer");
  EXPECT_EQ(pki.issuing().issue(Profile::root_ca, {"越级", "机构", "", "CN"}, spki).error().key,
            "certs.wrong_issuer");
}

TEST_F(AuthorityTest, ACertificateThatIsNotTheKeysIsRefused) {
  certs::Authority crossed(pki.key("root-ca"), pki.certificate("issuing-ca"), pki.clock(), random);
  EXPECT_EQ(crossed.issue(Profile::seal, pki.agency("错"), pki.key("seal-1")->info().public_key)
                .error()
                .key,
            "certs.wrong_issuer");
}

TEST_F(AuthorityTest, BadSubjectsAndKeysAreRefused) {
  const auto& spki = pki.key("seal-1")->info().public_key;
  const auto key_of = [&](certs::Subject subject) {
    const auto made = pki.issuing().issue(Profile::seal, subject, spki);
    return made ? std::string("issued") : made.error().key;
  };
  EXPECT_EQ(key_of(pki.agency("好")), "issued");
  EXPECT_EQ(key_of({"", "机构", test::Pki::kAgencyCode, "CN"}), "certs.bad_subject");
  EXPECT_EQ(key_of({"名", "机构", "", "CN"}), "certs.bad_subject") << "an agency has a code";
  EXPECT_EQ(key_of({"名", "机构", "1234", "CN"}), "certs.bad_subject");
  EXPECT_EQ(key_of({"名", "", test::Pki::kAgencyCode, "CN"}), "certs.bad_subject");
  EXPECT_EQ(key_of({"a\nb", "机构", test::Pki::kAgencyCode, "CN"}), "certs.bad_subject");
  EXPECT_EQ(key_of({"\xff", "机构", test::Pki::kAgencyCode, "CN"}), "certs.bad_subject");
  EXPECT_EQ(key_of({"名", "机构", test::Pki::kAgencyCode, "中国"}), "certs.bad_subject");
  EXPECT_EQ(pki.issuing().issue(Profile::seal, pki.agency("名"), base::Bytes{1, 2, 3}).error().key,
            "certs.bad_public_key");
}

TEST_F(AuthorityTest, AWeakKeyIsStoppedByTheLintBeforeAnythingIsSigned) {
  struct Counting final : hsm::Key {
    explicit Counting(std::shared_ptr<const hsm::Key> key_in) : key(std::move(key_in)) {}
    const hsm::KeyInfo& info() const override { return key->info(); }
    base::Result<base::Bytes> sign(const base::Digest& digest) const override {
      ++signatures;
      return key->sign(digest);
    }
    std::shared_ptr<const hsm::Key> key;
    mutable int signatures = 0;
  };
  const auto counting = std::make_shared<Counting>(pki.key("issuing-ca"));
  certs::Authority authority(counting, pki.certificate("issuing-ca"), pki.clock(), random);
  // P-224, from NIST's generator point: well formed, too weak for us.
  const auto weak = base::from_hex(
      "304e301006072a8648ce3d020106052b81040021033a0004b70e0cbd6bb4bf7f321390b94a03c1d356c211223432"
      "80d6"
      "115c1d21bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34");
  const auto refused = authority.issue(Profile::openid, pki.agency("弱"), *weak);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().key, "certs.lint");
  EXPECT_NE(refused.error().detail.find("key-strong"), std::string::npos);
  EXPECT_EQ(counting->signatures, 0);
}

TEST_F(AuthorityTest, AWrongSignatureOfTheDeviceDoesNotLeave) {
  const auto key = test::SoftKey::make("crooked");
  certs::Authority self(key, std::nullopt, pki.clock(), random);
  const certs::Subject name{"根", "机构", "", "CN"};
  auto root = self.issue(Profile::root_ca, name, key->info().public_key);
  ASSERT_TRUE(root);
  key->corrupt = true;
  EXPECT_EQ(self.issue(Profile::root_ca, name, key->info().public_key).error().key,
            "certs.wrong_signature");
  certs::Authority authority(key, *root, pki.clock(), random);
  EXPECT_EQ(authority.crl(1, {}, pki.clock().now() + days(1)).error().key, "certs.wrong_signature");
}

TEST_F(AuthorityTest, ADeviceThatIsAwayIsToldAsSuch) {
  const auto key = test::SoftKey::make("away");
  key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  certs::Authority self(key, std::nullopt, pki.clock(), random);
  const auto refused =
      self.issue(Profile::root_ca, {"根", "机构", "", "CN"}, key->info().public_key);
  EXPECT_EQ(refused.error().code, base::Code::unavailable);
}

TEST_F(AuthorityTest, TheAddressOfTheRevocationListIsInTheLeaf) {
  certs::Authority authority(pki.key("issuing-ca"), pki.certificate("issuing-ca"), pki.clock(),
                             random, "http://si.example.gov.cn/issuing.crl");
  const auto leaf =
      authority.issue(Profile::seal, pki.agency("有地址"), pki.key("seal-1")->info().public_key);
  ASSERT_TRUE(leaf) << leaf.error().detail;
  test::write_file(directory / "leaf.pem", leaf->pem());
  const auto text =
      test::shell("openssl x509 -noout -ext crlDistributionPoints -in " + file("leaf.pem")).out;
  EXPECT_NE(text.find("URI:http://si.example.gov.cn/issuing.crl"), std::string::npos) << text;
}

}  // namespace
