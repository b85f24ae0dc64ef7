#include "certs/admission.h"

#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "certs/oids.h"
#include "tests/certs/foreign_body.h"

namespace {

using std::chrono::days;
using std::chrono::hours;

class AdmissionTest : public testing::Test {
 protected:
  static base::Time now() {
    static const base::Time moment =
        std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
    return moment;
  }
  static test::ForeignBody& foreign() {
    static test::ForeignBody body(now());
    return body;
  }
  void SetUp() override {
    body = foreign().body();
    static const std::vector<certs::Certificate> kSamples{foreign().leaf("login"),
                                                          foreign().leaf("seal")};
    samples = kSamples;
    crls = foreign().crls();
  }
  certs::AdmissionReport check(base::Time at = now()) {
    return certs::check_admission(body, samples, crls, at);
  }
  /// "object/rule" of what failed.
  std::set<std::string> failed(const certs::AdmissionReport& report) {
    std::set<std::string> out;
    for (const auto& one : report.checks)
      if (!one.passed) out.insert(one.object + "/" + one.rule);
    return out;
  }
  /// A root that a test bent, in place of the body's.
  std::set<std::string> with_root(const std::string& key, const std::string& extensions,
                                  const std::string& more = "-sha256 -days 3650") {
    test::write_file(
        foreign().path() / "bent.cnf",
        std::string_view("[req]\ndistinguished_name=dn\nx509_extensions=x\n[dn]\n[x]\n" +
                         extensions));
    const auto ran = test::shell("cd " + foreign().path().string() +
                                 " && openssl req -x509 -config bent.cnf -newkey " + key +
                                 " -nodes -keyout bent.key -out bent.pem -subj /CN=bent " + more);
    EXPECT_EQ(ran.exit, 0) << ran.out;
    auto root = certs::Certificate::from_pem(test::read_file(foreign().path() / "bent.pem"));
    EXPECT_TRUE(root);
    body.anchors = {*root};
    auto out = failed(check(now() + hours(1)));
    std::set<std::string> of_anchor;
    for (const auto& one : out)
      if (one.starts_with("anchor")) of_anchor.insert(one.substr(one.find('/') + 1));
    return of_anchor;
  }

  certs::TrustBody body;
  std::vector<certs::Certificate> samples;
  std::vector<base::Bytes> crls;
};

constexpr const char* kGood =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
    "subjectKeyIdentifier=hash\n";
constexpr const char* kP256 = "ec -pkeyopt ec_paramgen_curve:P-256";

TEST_F(AdmissionTest, AGoodBodyPasses) {
  const auto report = check();
  EXPECT_TRUE(report.passed()) << report.json();
  EXPECT_GE(report.checks.size(), 2 * 9 + 2 * 4 + 2 + 2u);
  EXPECT_TRUE(base::parse_json(report.json()));
}

TEST_F(AdmissionTest, EachRuleRefusesWhatBreaksIt) {
  using Set = std::set<std::string>;
  EXPECT_EQ(with_root(kP256, kGood), Set{});
  EXPECT_EQ(with_root("rsa:1024", kGood), Set{"key-size"});
  EXPECT_EQ(with_root("ec -pkeyopt ec_paramgen_curve:secp256k1", kGood), Set{"key-size"});
  EXPECT_EQ(with_root(kP256, kGood, "-sha1 -days 3650"), Set{"signature-algorithm"});
  EXPECT_EQ(with_root(kP256, kGood, "-sha256 -days 12000"), Set{"validity"});
  EXPECT_EQ(with_root(kP256, "keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"),
            Set{"basic-constraints"});
  EXPECT_EQ(with_root(kP256,
                      "basicConstraints=CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                      "subjectKeyIdentifier=hash\n"),
            Set{"basic-constraints"});
  EXPECT_EQ(with_root(kP256,
                      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
                      "subjectKeyIdentifier=hash\n"),
            Set{"key-usage"});
  EXPECT_EQ(with_root(kP256,
                      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,"
                      "cRLSign\nsubjectKeyIdentifier=none\n"),
            Set{"subject-key-id"});
  EXPECT_EQ(with_root(kP256, std::string(kGood) + "1.2.3.4=critical,ASN1:NULL\n"),
            Set{"extensions"});
  EXPECT_EQ(with_root(kP256, std::string(kGood) + "nameConstraints=permitted;DNS:example.cn\n"),
            Set{"extensions"});
}

TEST_F(AdmissionTest, AnAuthorityBelowNobodyIsRefused) {
  body.anchors = {foreign().sub()};
  EXPECT_TRUE(failed(check()).count("anchor 1/signed"));
  body.anchors.clear();
  EXPECT_FALSE(check().passed());
}

TEST_F(AdmissionTest, RevocationListsAreLookedAt) {
  crls.clear();
  const auto none = failed(check());
  EXPECT_TRUE(none.count("body/crl"));
  EXPECT_TRUE(none.count("sample 1/judged")) << "nothing is known to be good without them";
  crls = foreign().crls(24 * 40, 24 * 60);
  EXPECT_EQ(failed(check()), (std::set<std::string>{"crl 1/age", "crl 2/age"}));
  crls = foreign().crls();
  crls.push_back(test::Pki(now()).issuing_crl());
  EXPECT_EQ(failed(check()), std::set<std::string>{"crl 3/signed"});
  crls.back() = {1, 2, 3};
  EXPECT_EQ(failed(check()), std::set<std::string>{"crl 3/form"});
}

TEST_F(AdmissionTest, EachUseNeedsAGoodSample) {
  samples.pop_back();
  EXPECT_EQ(failed(check()), std::set<std::string>{"use seal/sample"});
  samples.clear();
  EXPECT_EQ(failed(check()), (std::set<std::string>{"use login/sample", "use seal/sample"}));
  samples = {foreign().leaf("login"), foreign().leaf("seal"), foreign().leaf("server", "/CN=w")};
  EXPECT_EQ(failed(check()), std::set<std::string>{"sample 3/judged"});
  body.limits.permitted = {"directory:/C=CN"};
  samples.pop_back();
  EXPECT_TRUE(check().passed());
  body.limits.permitted = {"directory:/C=DE"};
  EXPECT_FALSE(check().passed());
}

}  // namespace
