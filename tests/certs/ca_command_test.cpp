// xinyin ca, from a proposal to the removal: the real command line, signer, token and database; the
// body is one that openssl runs. LD/T 01-2020 6.2.7.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/foreign.h"
#include "certs/pki_directory.h"
#include "test_paths.h"
#include "tests/certs/foreign_body.h"
#include "tests/support/postgres.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace {

class CaCommandTest : public testing::Test {
 protected:
  CaCommandTest() : token(std::make_unique<test::Token>()) {
    {
      // A PKI as a ceremony leaves it: keys in the token, certificates and lists in the directory.
      test::Pki pki(*token, now);
      pki.write(directory / "pki");
    }
    token->close();
    signer = std::make_unique<test::Signer>(
        *token, test::Signer::Options{.program = XINYIN_BIN_DIR "/xinyin-signer"});
    test::write_file(directory / "xinyin.conf",
                     "database.service = " + database.conninfo() +
                         "\nsigner.socket = " + signer->socket().string() +
                         "\nsigner.officer_socket = " + signer->officer().socket.string() +
                         "\npki.directory = pki\nsecrets.code_pepper = secrets/code-pepper\n"
                         "secrets.data_key = secrets/data-key.wrapped\n");
    login.emplace(foreign.leaf("login"));
    const auto seal = foreign.leaf("seal");
    crls = foreign.crls();
    put("login.pem", login->pem());
    put("seal.pem", seal.pem());
    for (const auto* paper : {"licence", "qualification", "liability", "acceptance"})
      put(std::string(paper) + ".pdf", std::string("%PDF ") + paper);
    put("proposal.json", proposal());
  }
  ~CaCommandTest() override { signer.reset(); }
  void put(const std::string& name, std::string_view text) {
    test::write_file(foreign.path() / name, text);
  }
  std::string proposal(const std::string& more = "") {
    const auto until = base::to_rfc3339(
        std::chrono::floor<std::chrono::seconds>(now + std::chrono::hours(24 * 300)));
    return R"({"version":1,"name":"某电子认证公司","code":"91110000MA0000000A","contact":"张三",
      "licence":{"number":"ECP1","issuer":"工信部","from":"2020-01-01T00:00:00Z","until":")" +
           until + R"(","file":"licence.pdf"},
      "qualification":{"name":"电子政务电子认证服务 A1","until":")" +
           until + R"(","file":"qualification.pdf"},
      "liability":{"file":"liability.pdf"},"acceptance":{"file":"acceptance.pdf"},
      "uses":["seal","login"],"policies":[],"permitted":["directory:/C=CN"],
      "crl_urls":["http://crl.example.cn/sub.crl"],)" +
           more + R"("anchors":["root.pem","sub.pem"],"samples":["login.pem","seal.pem"],
      "crls":["root.crl","sub.crl.pem"]})";
  }
  test::Ran xinyin(const std::string& arguments) {
    return test::shell(XINYIN_BIN_DIR "/xinyin --config " + (directory / "xinyin.conf").string() +
                       " " + arguments);
  }
  test::Ran propose() {
    return xinyin("ca propose " + (foreign.path() / "proposal.json").string());
  }
  certs::ForeignStatus judged() {
    const auto list = certs::TrustList::parse(
        test::read_file(directory / "pki" / certs::PkiDirectory::kTrustList));
    base::check(list.ok(), "the published list does not parse");
    return certs::judge_foreign(*login, {}, *list, certs::BodyUse::login, crls,
                                base::SystemClock().now() + std::chrono::seconds(3));
  }

  const base::Time now = std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
  test::Database database;
  test::Directory directory;
  std::unique_ptr<test::Token> token;
  std::unique_ptr<test::Signer> signer;
  test::ForeignBody foreign{now};
  std::optional<certs::Certificate> login;
  std::vector<base::Bytes> crls;
};

TEST_F(CaCommandTest, Ldt01_6_2_7_ABodysWholeLife) {
  const auto proposed = propose();
  ASSERT_EQ(proposed.exit, 0) << proposed.out;
  EXPECT_NE(proposed.out.find("检查通过"), std::string::npos) << proposed.out;
  EXPECT_EQ(judged().reason, "certs.body_unknown");
  EXPECT_EQ(xinyin("ca resume 1").exit, 9) << "nobody suspended it";
  EXPECT_EQ(xinyin("ca suspend 1 --reason review").exit, 9);

  const auto admitted = xinyin("ca admit 1");
  ASSERT_EQ(admitted.exit, 0) << admitted.out;
  EXPECT_EQ(judged().answer, certs::ChainAnswer::trusted) << judged().reason;
  EXPECT_EQ(xinyin("ca admit 1").exit, 9);
  ASSERT_EQ(xinyin("ca suspend 1 --reason review").exit, 0);
  EXPECT_EQ(judged().reason, "certs.body_suspended");
  EXPECT_EQ(xinyin("trust publish").exit, 0);
  EXPECT_EQ(judged().reason, "certs.body_suspended") << "a renewal changes nothing";
  ASSERT_EQ(xinyin("ca resume 1").exit, 0);
  EXPECT_EQ(judged().answer, certs::ChainAnswer::trusted);

  EXPECT_EQ(xinyin("ca remove 1").exit, 2) << "without a reason";
  EXPECT_EQ(xinyin("ca remove 1 --reason compromised").exit, 2) << "since when?";
  const auto since = base::to_rfc3339(now - std::chrono::hours(1));
  ASSERT_EQ(xinyin("ca remove 1 --reason compromised --compromised-since " + since).exit, 0);
  EXPECT_EQ(judged().reason, "certs.body_compromised");
  EXPECT_EQ(judged().revoked_at, now - std::chrono::hours(1));
  const auto shown = xinyin("--json ca show 1");
  const auto json = base::parse_json(shown.out.substr(0, shown.out.find('\n')));
  ASSERT_TRUE(json) << shown.out;
  EXPECT_EQ((*json)["data"]["history"].Size(), 5u);
  EXPECT_NE(xinyin("ca list").out.find("已取消"), std::string::npos);
}

TEST_F(CaCommandTest, PapersComeBackAsTheyWereHandedIn) {
  ASSERT_EQ(propose().exit, 0);
  const auto out = (directory / "paper.pdf").string();
  ASSERT_EQ(xinyin("ca paper 1 liability --out " + out).exit, 0);
  EXPECT_EQ(test::read_file(out), "%PDF liability");
  EXPECT_EQ(xinyin("ca paper 1 poem --out " + out).exit, 9);
  EXPECT_EQ(xinyin("ca show 2").exit, 9);
}

TEST_F(CaCommandTest, AFailedCheckIsToldAndNeverAdmitted) {
  foreign.revoke(*login);
  crls = foreign.crls(0);
  const auto proposed = propose();
  EXPECT_EQ(proposed.exit, 0) << proposed.out;
  EXPECT_NE(proposed.out.find("check failed: sample 1"), std::string::npos) << proposed.out;
  EXPECT_EQ(xinyin("ca admit 1").exit, 3);
  EXPECT_EQ(judged().body, 0);
  ASSERT_EQ(xinyin("ca remove 1 --reason other").exit, 0) << "turned down";
}

TEST_F(CaCommandTest, AProposalWithAMistakeIsRefused) {
  put("proposal.json", proposal(R"("exclude":["dns:bad.cn"],)"));
  const auto unknown = propose();
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_NE(unknown.out.find("unknown exclude"), std::string::npos) << unknown.out;
  put("proposal.json", proposal(R"("excluded":["bad.cn"],)"));
  EXPECT_EQ(propose().exit, 2);
  put("proposal.json", "{}");
  EXPECT_EQ(propose().exit, 2);
  std::filesystem::remove(foreign.path() / "liability.pdf");
  put("proposal.json", proposal());
  EXPECT_NE(propose().exit, 0);
}

}  // namespace
