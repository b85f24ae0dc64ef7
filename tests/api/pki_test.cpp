// The authority's services over HTTP: answers about revocation and time stamps, asked and judged by
// OpenSSL's program.
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "certs/ocsp_register.h"
#include "certs/oids.h"
#include "certs/register.h"
#include "tests/api/house.h"

namespace {

using certs::Profile;
using std::chrono::hours;
using std::chrono::seconds;
using test::Answer;
using testing::HasSubstr;
using testing::Not;

class PkiServiceTest : public testing::Test {
 protected:
  explicit PkiServiceTest(const test::House::Options& options = {}) : house_(options) {
    char name[] = "/tmp/xinyin-pki-XXXXXX";
    base::check(::mkdtemp(name) != nullptr, "no temporary directory");
    directory_ = name;
    // OpenSSL goes by the machine's clock.
    pki().clock().set(std::chrono::floor<seconds>(base::SystemClock().now()) - seconds(5));
    pki().write(directory_);
    const auto leaf = pki().issue(Profile::ocsp, "应答");
    responder_ = std::make_shared<const certs::OcspResponder>(
        *certs::OcspResponder::create(leaf.key, leaf.certificate, pki().certificate("issuing-ca")));
    house_.services().responder.set(responder_);
  }
  ~PkiServiceTest() override { std::filesystem::remove_all(directory_); }
  test::Pki& pki() { return house_.pki(); }
  std::string file(const std::string& name) const { return (directory_ / name).string(); }
  std::string run(const std::string& command, int* exit = nullptr) {
    const auto status = std::system((command + " > " + file("out") + " 2>&1").c_str());  // NOLINT
    if (exit != nullptr) *exit = status;
    std::ifstream in(file("out"), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& name, std::string_view bytes) {
    std::ofstream(file(name), std::ios::binary) << bytes;
  }
  std::string read(const std::string& name) {
    std::ifstream in(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void record(const std::string& label, Profile profile) {
    auto tx = test::Database::shared().pool().begin();
    certs::CertificateRegister issued(*tx, pki().clock(), "officer:test");
    ASSERT_TRUE(
        issued.record({pki().certificate(label), profile, label, issuer(), test::Pki::kAgency,
                       test::Pki::kAgencyCode, pki().clock().now(), std::nullopt}));
    ASSERT_TRUE(tx->commit());
  }
  void revoke(const std::string& label) {
    auto tx = test::Database::shared().pool().begin();
    certs::CertificateRegister issued(*tx, pki().clock(), "officer:test");
    ASSERT_TRUE(issued.revoke(
        issuer(), {pki().certificate(label).serial_hex(), pki().clock().now(), 1, std::nullopt}));
    ASSERT_TRUE(tx->commit());
  }
  base::Digest issuer() { return pki().certificate("issuing-ca").public_key_sha256(); }
  int renew() {
    certs::OcspRegister answers(test::Database::shared().pool(), pki().clock());
    const auto made = answers.renew(*responder_, hours(24), 100);
    EXPECT_TRUE(made) << made.error().detail;
    return *made;
  }
  std::string query(const std::string& options) {
    int exit = 0;
    const auto told = run("openssl ocsp -issuer " + file("issuing.pem") + " " + options +
                              " -reqout " + file("request"),
                          &exit);
    EXPECT_EQ(exit, 0) << told;
    return read("request");
  }
  Answer post(const std::string& request) {
    return house_.ask("POST", "/v1/pki/ocsp", "Content-Type: application/ocsp-request\r\n",
                      request);
  }
  Answer get(const std::string& request, const std::string& fields = {}) {
    return house_.get(
        "/v1/pki/ocsp/" + api::percent_encode(base::to_base64(base::as_bytes(request))), fields);
  }
  /// "good", "revoked keyCompromise", "malformedrequest (1)", …, by OpenSSL's program.
  std::string said(const Answer& answer, const std::string& label = "seal-1") {
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("content-type"), "application/ocsp-response");
    write("answer", answer.body);
    const auto told = run("openssl ocsp -respin " + file("answer") + " -no_nonce " + " -issuer " +
                          file("issuing.pem") + " -cert " + file(label + ".pem") + " -CAfile " +
                          file("root.pem") + " -verify_other " + file("issuing.pem"));
    const auto mark = told.find("Responder Error: ");
    if (mark != std::string::npos) return told.substr(mark + 17, told.find('\n', mark) - mark - 17);
    EXPECT_THAT(told, HasSubstr("Response verify OK"));
    EXPECT_THAT(told, Not(HasSubstr("WARNING: Status times invalid")));
    if (told.find(": good") != std::string::npos) return "good";
    const auto reason = told.find("Reason: ");
    if (reason == std::string::npos) return told;
    return "revoked " + told.substr(reason + 8, told.find('\n', reason) - reason - 8);
  }

  test::House house_;
  std::filesystem::path directory_;
  std::shared_ptr<const certs::OcspResponder> responder_;
};

// RFC 5019 §6.2: what a cache needs.
TEST_F(PkiServiceTest, Rfc5019_AnAnswerThatLiesReadyMayBeKept) {
  record("seal-1", Profile::seal);
  ASSERT_EQ(renew(), 1);
  const auto request = query("-no_nonce -cert " + file("seal-1.pem"));
  const auto answer = get(request);
  EXPECT_EQ(said(answer), "good");
  EXPECT_EQ(answer.header("cache-control"), "public, max-age=86400");
  EXPECT_THAT(answer.header("expires"), testing::MatchesRegex("..., .. ... .... ..:..:.. GMT"));
  EXPECT_TRUE(answer.has("last-modified"));
  const auto tag = answer.header("etag");
  ASSERT_FALSE(tag.empty());
  EXPECT_EQ(get(request).body, answer.body) << "the same octets";
  EXPECT_EQ(post(request).body, answer.body);
  const auto same = get(request, "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(same.body.empty());
  EXPECT_EQ(get(request, "If-None-Match: \"0\"\r\n").status, 200);
  pki().clock().advance(hours(1));
  EXPECT_EQ(get(request).header("cache-control"), "public, max-age=82800");
}

// RFC 6960 A.1: the base64 stands in the path, slashes and all.
TEST_F(PkiServiceTest, Rfc6960_A_1_SlashesOfBase64ArePartOfTheRequest) {
  std::string with_slash, encoded;
  for (int serial = 1; encoded.find('/') == std::string::npos; ++serial) {
    with_slash = query("-no_nonce -sha256 -serial " + std::to_string(serial * 7'919));
    encoded = base::to_base64(base::as_bytes(with_slash));
    ASSERT_LT(serial, 200);
  }
  EXPECT_EQ(house_.get("/v1/pki/ocsp/" + encoded).header("content-type"),
            "application/ocsp-response");
  EXPECT_EQ(get(with_slash).header("content-type"), "application/ocsp-response") << "as %2F";
  for (const auto* bad : {"../health/live", "..%2f..%2fhealth%2flive", "a%00", "a%5c", "a?b=c%"})
    EXPECT_EQ(house_.get(std::string("/v1/pki/ocsp/") + bad).status, 400) << bad;
  EXPECT_EQ(said(house_.get("/v1/pki/ocsp/abcd")), "malformedrequest (1)");
  EXPECT_EQ(house_.get("/v1/pki/ocspx/a%2fb").status, 400) << "elsewhere they stay hidden slashes";
}

TEST_F(PkiServiceTest, Http10IsTakenForWhatChecksCertificates) {
  record("seal-1", Profile::seal);
  test::RawClient client(house_.port());
  const auto request = query("-no_nonce -cert " + file("seal-1.pem"));
  client.send(
      "POST /v1/pki/ocsp HTTP/1.0\r\nHost: si.test\r\nContent-Type: "
      "application/ocsp-request\r\nContent-Length: " +
      std::to_string(request.size()) + "\r\n\r\n" + request);
  const auto answer = client.read();
  EXPECT_EQ(said(answer), "good");
  EXPECT_EQ(answer.header("connection"), "close");
}

TEST_F(PkiServiceTest, WhatIsRevokedIsToldAtOnce) {
  record("seal-1", Profile::seal);
  ASSERT_EQ(renew(), 1);
  const auto request = query("-no_nonce -cert " + file("seal-1.pem"));
  EXPECT_EQ(said(get(request)), "good");
  revoke("seal-1");
  EXPECT_EQ(said(get(request)), "revoked keyCompromise") << "signed for this question";
  ASSERT_EQ(renew(), 1);
  EXPECT_EQ(said(get(request)), "revoked keyCompromise") << "and lies ready";
}

// RFC 6960 §2.2: never good, and no other list is to be asked.
TEST_F(PkiServiceTest, Rfc6960_2_2_WhatNobodyIssuedIsRevoked) {
  const auto answer = get(query("-no_nonce -cert " + file("seal-1.pem")));
  EXPECT_EQ(said(answer), "revoked certificateHold");
  EXPECT_EQ(answer.header("cache-control"), "public, max-age=3600");
  record("openid-1", Profile::openid);
  EXPECT_EQ(said(get(query("-no_nonce -cert " + file("openid-1.pem"))), "openid-1"), "good")
      << "issued a moment ago, before its answer was made";
}

TEST_F(PkiServiceTest, WhatIsNotOursOrNotOneQuestionIsRefused) {
  const auto about_root = run("openssl ocsp -issuer " + file("root.pem") + " -cert " +
                              file("issuing.pem") + " -no_nonce -reqout " + file("request"));
  EXPECT_EQ(said(post(read("request"))), "unauthorized (6)") << about_root;
  EXPECT_EQ(said(post("nothing of the kind")), "malformedrequest (1)");
  EXPECT_EQ(
      said(post(query("-no_nonce -cert " + file("seal-1.pem") + " -cert " + file("openid-1.pem")))),
      "malformedrequest (1)");
}

class PkiLimitTest : public PkiServiceTest {
 protected:
  static test::House::Options options() {
    test::House::Options out;
    out.limits.ocsp_live = 2;
    return out;
  }
  PkiLimitTest() : PkiServiceTest(options()) {}
};

// RFC 9654: a nonce is answered live, RFC 5019 §4: or not at all.
TEST_F(PkiLimitTest, Rfc9654_ANonceIsAnsweredWithinTheRate) {
  record("seal-1", Profile::seal);
  ASSERT_EQ(renew(), 1);
  const auto text = [&](const Answer& answer) {
    write("answer", answer.body);
    return run("openssl ocsp -noverify -resp_text -respin " + file("answer"));
  };
  for (int i = 0; i < 2; ++i) {
    const auto answer = post(query("-nonce -cert " + file("seal-1.pem")));
    EXPECT_EQ(said(answer), "good");
    const auto compared =
        run("openssl ocsp -respin " + file("answer") + " -reqin " + file("request") + " -CAfile " +
            file("root.pem") + " -verify_other " + file("issuing.pem"));
    EXPECT_THAT(compared, testing::AllOf(HasSubstr("Response verify OK"), Not(HasSubstr("once"))));
    EXPECT_THAT(text(answer), HasSubstr("OCSP Nonce"));
    EXPECT_EQ(answer.header("cache-control"), "no-store");
  }
  const auto ready = post(query("-nonce -cert " + file("seal-1.pem")));
  EXPECT_THAT(text(ready), Not(HasSubstr("OCSP Nonce")));
  EXPECT_THAT(text(ready), HasSubstr("Cert Status: good"));
  // What must be signed now and may not be: later, not a guess.
  EXPECT_EQ(said(post(query("-no_nonce -serial 77"))), "trylater (3)");
}

class KeylessPkiTest : public PkiServiceTest {
 protected:
  static test::House::Options options() {
    test::House::Options out;
    out.upstairs = false;
    out.verify_only = true;
    return out;
  }
  KeylessPkiTest() : PkiServiceTest(options()) { house_.services().responder.set(nullptr); }
};

TEST_F(KeylessPkiTest, APublicVerifierServesWhatLiesReady) {
  record("seal-1", Profile::seal);
  ASSERT_EQ(renew(), 1);
  EXPECT_EQ(said(get(query("-no_nonce -cert " + file("seal-1.pem")))), "good");
  EXPECT_EQ(get(query("-nonce -cert " + file("seal-1.pem"))).status, 200);
  EXPECT_EQ(said(get(query("-no_nonce -serial 77"))), "unauthorized (6)");
  revoke("seal-1");
  EXPECT_EQ(said(get(query("-no_nonce -cert " + file("seal-1.pem")))), "unauthorized (6)")
      << "it has no key, but it does not say good";
}

TEST(PkiWithoutDatabaseTest, NothingIsSaidThatIsNotKnown) {
  test::House house({.upstairs = false, .database = false});
  char name[] = "/tmp/xinyin-pki-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const std::filesystem::path directory(name);
  house.pki().write(directory);
  const auto command = "openssl ocsp -no_nonce -issuer " + (directory / "issuing.pem").string() +
                       " -cert " + (directory / "seal-1.pem").string() + " -reqout " +
                       (directory / "request").string();
  ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT
  std::ifstream in(directory / "request", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto answer =
      house.ask("POST", "/v1/pki/ocsp", "Content-Type: application/ocsp-request\r\n", bytes);
  EXPECT_EQ(base::to_hex(base::as_bytes(answer.body)), "30030a0103") << "try later";
  std::filesystem::remove_all(directory);
}

TEST_F(PkiServiceTest, Rfc3161_3_4_OpensslVerifiesAStampOverHttp) {
  write("data", "电子印章 e-seal");
  const auto ask = [&](const std::string& options) {
    run("openssl ts -query -data " + file("data") + " " + options + " -out " + file("query"));
    return house_.ask("POST", "/v1/pki/tsa", "Content-Type: application/timestamp-query\r\n",
                      read("query"));
  };
  const auto recorded = [&] {
    return test::Database::shared()
        .sql(test::Role::superuser,
             "select 1 from certs.given_timestamp where tsa = '\\x" +
                 base::to_hex(pki().certificate("timestamp-1").public_key_sha256()) + "'")
        .size();
  };
  for (const auto* options : {"-sha256 -cert", "-sha512 -cert -no_nonce"}) {
    const auto before = recorded();
    const auto answer = ask(options);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("content-type"), "application/timestamp-reply");
    EXPECT_EQ(answer.header("cache-control"), "no-store");
    write("reply", answer.body);
    EXPECT_THAT(run("openssl ts -verify -in " + file("reply") + " -queryfile " + file("query") +
                    " -CAfile " + file("root.pem") + " -untrusted " + file("issuing.pem")),
                HasSubstr("Verification: OK"));
    EXPECT_EQ(recorded(), before + 1);
  }
  const auto before = recorded();
  const auto rejected = ask("-sha1");
  EXPECT_EQ(rejected.status, 200);
  write("reply", rejected.body);
  EXPECT_THAT(run("openssl ts -reply -text -in " + file("reply")), HasSubstr("Rejected"));
  EXPECT_EQ(recorded(), before) << "nothing was attested";
}

class NoMatch final : public certs::ClockWitness {
 public:
  explicit NoMatch(const base::Clock& clock) : clock_(clock) {}
  base::Result<Seen> look() override { return Seen{clock_.now() + hours(1)}; }
  base::Result<void> mark(base::Time) override { return {}; }

 private:
  const base::Clock& clock_;
};

// security.md §4.3, fault 19.
TEST_F(PkiServiceTest, AClockThatJumpedAttestsNothing) {
  const base::ManualSteadyClock steady;
  NoMatch witness(pki().clock());
  certs::ClockGuard guard(pki().clock(), steady, witness);
  house_.services().upstairs.get()->authority = std::make_unique<certs::TimestampAuthority>(
      pki().key("timestamp-1"), pki().certificate("timestamp-1"), std::vector<certs::Certificate>{},
      certs::TimestampAuthority::Config{certs::oid::kTimestampPolicy,
                                        std::chrono::milliseconds(1'000)},
      pki().clock(), house_.random(), &guard);
  write("data", "x");
  run("openssl ts -query -sha256 -data " + file("data") + " -out " + file("query"));
  const auto answer = house_.ask("POST", "/v1/pki/tsa",
                                 "Content-Type: application/timestamp-query\r\n", read("query"));
  write("reply", answer.body);
  EXPECT_THAT(run("openssl ts -reply -text -in " + file("reply")),
              HasSubstr("the TSA's time source is not available"));
}

}  // namespace
