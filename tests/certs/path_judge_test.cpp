// The door for any anchors: chains that the openssl command line made, partitioned and delta lists,
// a foreign authority as the anchor.
#include "certs/path_judge.h"

#include <gtest/gtest.h>

#include "certs/foreign.h"
#include "tests/certs/support.h"

namespace {

using certs::ChainAnswer;
using std::chrono::days;
using std::chrono::seconds;

/// `openssl ca` with a root, an authority below it and a leaf, all of one kind of key.
class OpensslChain : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    test::write_file(directory / "ca.cnf", std::string_view(R"(
[ca]
default_ca = issuing
[issuing]
dir = .
database = index.txt
serial = serial.txt
crlnumber = number.txt
default_days = 30
default_crl_days = 7
crl_extensions = list
default_md = default
[list]
authorityKeyIdentifier = keyid
[users]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@of_users
[of_users]
onlyuser = TRUE
[authorities]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@of_authorities
[of_authorities]
onlyCA = TRUE
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = email:zhang@example.com,DNS:person.example.com
)"));
    run("touch index.txt; echo 1000 > number.txt; echo 2000 > serial.txt");
    for (const char* name : {"root", "authority", "leaf"})
      run(std::string("openssl genpkey ") + GetParam() + " -out " + name + ".key");
    run("openssl req -x509 -new -key root.key -subj /C=CN/CN=root -config ca.cnf -extensions "
        "root " +
        id("sigopt") + " -days 60 -set_serial 1 -out root.pem");
    certify("authority", "root", 2);
    certify("leaf", "authority", 3);
    list("authority");
    list("root");
    now = certificate("leaf").not_before() + seconds(60);
  }

  bool sm2() const { return std::string_view(GetParam()).find("SM2") != std::string_view::npos; }
  std::string id(const std::string& option) const {
    return sm2() ? "-" + option + " distid:1234567812345678" : "";
  }
  void run(const std::string& command) {
    const auto ran = test::shell("cd " + directory.path().string() + " && (" + command + ")");
    ASSERT_EQ(ran.exit, 0) << command << "\n" << ran.out;
  }
  void certify(const std::string& name, const std::string& by, int serial) {
    run("openssl req -new -key " + name + ".key -subj /C=CN/CN=" + name + " -config ca.cnf " +
        id("sigopt") + " -out " + name + ".csr && openssl x509 -req -in " + name + ".csr -CA " +
        by + ".pem -CAkey " + by + ".key -set_serial " + std::to_string(serial) +
        " -days 30 -extfile ca.cnf -extensions " + name + " " + id("vfyopt") + " " + id("sigopt") +
        " -out " + name + ".pem");
  }
  void list(const std::string& by, const std::string& kind = "list") {
    run("openssl ca -config ca.cnf -gencrl -crlexts " + kind + " -keyfile " + by + ".key -cert " +
        by + ".pem " + id("sigopt") + " -out " + by + ".crl && openssl crl -in " + by +
        ".crl -outform DER -out " + by + ".crl.der");
  }
  certs::Certificate certificate(const std::string& name) {
    auto read = certs::Certificate::from_pem(test::read_file(directory / (name + ".pem")));
    EXPECT_TRUE(read) << name;
    return *read;
  }
  certs::Crl crl(const std::string& name) {
    auto read =
        certs::Crl::from_der(base::as_bytes(test::read_file(directory / (name + ".crl.der"))));
    EXPECT_TRUE(read) << (read ? "" : read.error().detail);
    return *read;
  }
  certs::PathStatus judge(const std::vector<certs::Crl>& crls, const std::string& anchor = "root",
                          certs::PathRules rules = {}) {
    const std::vector roots{certificate(anchor)}, extra{certificate("authority")};
    rules.one_of_extended_usages = {"1.3.6.1.5.5.7.3.2"};
    rules.one_of_key_usage = certs::kDigitalSignature;
    rules.end_entity = true;
    return certs::validate_path(certificate("leaf"), extra, {roots, {}}, crls, rules, now);
  }

  test::Directory directory;
  base::Time now;
};

TEST_P(OpensslChain, IsTrustedWithItsListsAndUnsureWithoutOne) {
  const auto status = judge({crl("root"), crl("authority")});
  EXPECT_EQ(status.answer, ChainAnswer::trusted) << status.reason;
  EXPECT_EQ(status.path.size(), 3u);
  EXPECT_EQ(judge({crl("root")}).reason, "certs.no_revocation_data");
  EXPECT_EQ(judge({}).answer, ChainAnswer::unsure);
  now += days(8);
  EXPECT_EQ(judge({crl("root"), crl("authority")}).answer, ChainAnswer::unsure) << "stale lists";
}

TEST_P(OpensslChain, EndsAtAnAnchorThatIsNotSelfSigned) {
  const auto status = judge({crl("authority")}, "authority");
  EXPECT_EQ(status.answer, ChainAnswer::trusted) << status.reason;
  EXPECT_EQ(status.path.size(), 2u);
}

TEST_P(OpensslChain, IsRevokedFromThenOn) {
  const auto before = now;
  run("openssl ca -config ca.cnf -revoke leaf.pem -keyfile authority.key -cert authority.pem "
      "-crl_reason keyCompromise " +
      id("sigopt"));
  list("authority");
  now = before + days(1);
  const auto status = judge({crl("root"), crl("authority")});
  EXPECT_EQ(status.answer, ChainAnswer::revoked);
  ASSERT_TRUE(status.entry_of_leaf);
  EXPECT_EQ(status.entry_of_leaf->reason, 1);
  now = certificate("leaf").not_before();
  const auto earlier = judge({crl("root"), crl("authority")});
  EXPECT_EQ(earlier.entry_of_leaf.has_value(), true);
}

// A list about a part of what an authority issued is no answer about the rest.
TEST_P(OpensslChain, Rfc5280_5_2_5_APartialListSpeaksOfItsPartAlone) {
  list("authority", "authorities");
  EXPECT_EQ(judge({crl("root"), crl("authority")}).answer, ChainAnswer::unsure);
  list("authority", "users");
  EXPECT_EQ(judge({crl("root"), crl("authority")}).answer, ChainAnswer::trusted);
  list("root", "users");
  EXPECT_EQ(judge({crl("root"), crl("authority")}).answer, ChainAnswer::unsure);
}

TEST_P(OpensslChain, Rfc5280_5_2_5_NorForAnAdmittedBody) {
  certs::TrustBody body;
  body.anchors = {certificate("root"), certificate("authority")};
  const auto by_body = [&] {
    const std::vector<base::Bytes> lists{base::to_bytes(crl("root").der()),
                                         base::to_bytes(crl("authority").der())};
    return certs::judge_by_body(certificate("leaf"), {}, body, certs::BodyUse::login, lists, now)
        .answer;
  };
  EXPECT_EQ(by_body(), ChainAnswer::trusted);
  list("authority", "authorities");
  EXPECT_EQ(by_body(), ChainAnswer::unsure);
}

TEST_P(OpensslChain, CarriesTheNamesItIsAskedFor) {
  const auto with = [&](certs::NameKind kind, const std::string& value) {
    certs::PathRules rules;
    rules.names = {{kind, value}};
    return judge({crl("root"), crl("authority")}, "root", rules).reason;
  };
  EXPECT_EQ(with(certs::NameKind::email, "zhang@example.com"), "certs.trusted");
  EXPECT_EQ(with(certs::NameKind::email, "li@example.com"), "certs.wrong_name");
  EXPECT_EQ(with(certs::NameKind::dns, "person.example.com"), "certs.trusted");
  EXPECT_EQ(with(certs::NameKind::dns, "leaf"), "certs.wrong_name") << "a common name is no name";
  EXPECT_EQ(with(certs::NameKind::ip, "127.0.0.1"), "certs.wrong_name");
}

TEST_P(OpensslChain, NeedsAPolicyWhenOneIsRequired) {
  certs::PathRules rules;
  rules.policies.required = true;
  EXPECT_EQ(judge({crl("root"), crl("authority")}, "root", rules).reason, "certs.chain_invalid");
}

INSTANTIATE_TEST_SUITE_P(Keys, OpensslChain,
                         testing::Values("-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                                         "-algorithm SM2",
                                         "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
                         [](const auto& one) {
                           const std::string_view kind = one.param;
                           return std::string(kind.find("SM2") != kind.npos   ? "Sm2"
                                              : kind.find("RSA") != kind.npos ? "Rsa"
                                                                              : "P256");
                         });

}  // namespace
