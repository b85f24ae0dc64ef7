// The key ceremony from beginning to end: the real command line, the real signer, a real token, a
// real database; what comes of it is judged by openssl.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/secret.h"
#include "certs/chain.h"
#include "certs/pki_directory.h"
#include "hsm/client.h"
#include "tests/certs/support.h"
#include "tests/support/postgres.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace {

using Files = certs::PkiDirectory;

class CeremonyTest : public testing::Test {
 protected:
  CeremonyTest() {
    // A register of its own for each test: the ceremony asks it what there is already.
    database = std::make_unique<test::Database>();
    configure("");
  }
  static void SetUpTestSuite() {
    auto keys = test::demonstration_keys();
    keys.push_back({"ocsp-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::ocsp});
    token = new test::Token(keys);
    signer = new test::Signer(*token, {.program = XINYIN_BIN_DIR "/xinyin-signer"});
  }
  static void TearDownTestSuite() {
    delete signer;
    delete token;
  }

  void configure(const std::string& more) {
    test::write_file(directory / "xinyin.conf",
                     "database.service = " + database->conninfo() +
                         "\nsigner.socket = " + signer->socket().string() +
                         "\nsigner.officer_socket = " + signer->officer().socket.string() +
                         "\npki.directory = pki\nsecrets.code_pepper = secrets/code-pepper\n"
                         "secrets.data_key = secrets/data-key.wrapped\n" +
                         more);
  }
  test::Ran xinyin(const std::string& arguments, const std::string& before = "") {
    return test::shell(before + " " XINYIN_BIN_DIR "/xinyin --config " +
                       (directory / "xinyin.conf").string() + " " + arguments);
  }
  test::Ran ceremony(const std::string& before = "") {
    return xinyin("ceremony run " + plan, before);
  }
  std::string pem(std::string_view name) { return test::read_file(directory / "pki" / name); }
  std::int64_t count(const std::string& what) {
    return std::stoll(database->sql(test::Role::superuser, "select count(*) from " + what)[0][0]);
  }
  certs::TrustList list() {
    auto parsed = certs::TrustList::parse(test::read_file(directory / "pki" / Files::kTrustList));
    base::check(parsed.ok(), "the ceremony's trust list does not parse");
    return *parsed;
  }
  std::string serial_of(const char* name) {
    return certs::Certificate::from_pem(pem(name))->serial_hex();
  }

  static test::Token* token;
  static test::Signer* signer;
  std::unique_ptr<test::Database> database;
  test::Directory directory;
  std::string plan = XINYIN_SOURCE_DIR "/certs/demo_ceremony.json";
};
test::Token* CeremonyTest::token = nullptr;
test::Signer* CeremonyTest::signer = nullptr;

TEST(PkiTest, TheSmallPkiWorksWithKeysInAToken) {
  test::Token token;
  {
    test::Pki pki(token);
    EXPECT_EQ(pki.key("seal-1")->info().protection, hsm::Protection::token);
    EXPECT_EQ(certs::validate(pki.certificate("seal-1"), {}, pki.list(), certs::ChainPurpose::seal,
                              pki.start())
                  .answer,
              certs::ChainAnswer::trusted);
    const auto stamp = pki.timestamps().stamp(base::sha256({}));
    ASSERT_TRUE(stamp);
    EXPECT_EQ(certs::judge_timestamp(*stamp, base::sha256({}), pki.list()).chain.answer,
              certs::ChainAnswer::trusted);
  }
  token.close();
}

TEST_F(CeremonyTest, MakesAPkiThatOpensslVerifies) {
  const auto ran = ceremony();
  ASSERT_EQ(ran.exit, 0) << ran.out;
  const auto pki = (directory / "pki").string() + "/";
  for (const auto* name : {"root", "issuing"})
    EXPECT_EQ(test::shell("openssl crl -inform DER -in " + pki + name + ".crl -out " + pki + name +
                          ".crl.pem")
                  .exit,
              0);
  for (const auto* leaf : {"seal-1", "timestamp-1", "openid-1", "document-code-1", "ocsp-1"}) {
    const auto told =
        test::shell("openssl verify -x509_strict -crl_check_all -CAfile " + pki +
                    "root.pem -untrusted " + pki + "issuing.pem -CRLfile " + pki +
                    "root.crl.pem -CRLfile " + pki + "issuing.crl.pem " + pki + leaf + ".pem");
    EXPECT_EQ(told.exit, 0) << told.out;
  }
  const auto trusted = certs::validate(*certs::Certificate::from_pem(pem("seal-1.pem")), {}, list(),
                                       certs::ChainPurpose::seal, base::SystemClock().now());
  EXPECT_EQ(trusted.answer, certs::ChainAnswer::trusted) << trusted.reason;
  EXPECT_EQ(list().domain, "127.0.0.1:8080");
  EXPECT_EQ(count("certs.issued"), 7);
  EXPECT_EQ(count("audit.entry where act = 'ceremony.run'"), 1);
}

TEST_F(CeremonyTest, ASecondRunKeepsEverything) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto before = pem("seal-1.pem") + pem("root.pem") + pem(Files::kTrustList);
  const auto minutes = pem("ceremony/minutes.jsonl");
  const auto again = ceremony();
  EXPECT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(again.out.find("issued"), std::string::npos) << again.out;
  EXPECT_EQ(pem("seal-1.pem") + pem("root.pem") + pem(Files::kTrustList), before);
  EXPECT_EQ(pem("ceremony/minutes.jsonl"), minutes);
  EXPECT_EQ(count("certs.issued"), 7);
}

// security.md §4.3, fault 1: whatever is cut off, the next run makes whole, and nothing is out that
// the register does not know.
TEST_F(CeremonyTest, KilledAnywhereItIsMadeWholeByTheNextRun) {
  for (const auto* point :
       {"ceremony.issued", "ceremony.recorded", "publish.signed", "publish.recorded"}) {
    database = std::make_unique<test::Database>();
    std::filesystem::remove_all(directory / "pki");
    configure(std::string("testing.fail_point = ") + point + "\n");
    const auto killed = ceremony();
    EXPECT_EQ(killed.exit, 137) << point << "\n" << killed.out;
    for (const auto* name : {"root.pem", "issuing.pem", "seal-1.pem"})
      if (std::filesystem::exists(directory / "pki" / name)) {
        EXPECT_EQ(count("certs.issued where serial = '" + serial_of(name) + "'"), 1) << point;
      }
    configure("");
    const auto again = ceremony();
    ASSERT_EQ(again.exit, 0) << point << "\n" << again.out;
    EXPECT_EQ(list().entries.size(), 4u) << point;
    EXPECT_EQ(count("certs.issued"), 7) << point;
    EXPECT_EQ(xinyin("ceremony verify").exit, 0) << point;
    EXPECT_EQ(certs::validate(*certs::Certificate::from_pem(pem("seal-1.pem")), {}, list(),
                              certs::ChainPurpose::seal, base::SystemClock().now())
                  .answer,
              certs::ChainAnswer::trusted)
        << point;
  }
}

TEST_F(CeremonyTest, AFileThatIsGoneComesBackFromTheRegister) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto seal = pem("seal-1.pem");
  const auto root = pem("root.pem");
  std::filesystem::remove(directory / "pki/seal-1.pem");
  test::write_file(directory / "pki/root.pem", "rubbish");
  const auto again = ceremony();
  ASSERT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(pem("seal-1.pem"), seal);
  EXPECT_EQ(pem("root.pem"), root);
}

TEST_F(CeremonyTest, ARegisterThatIsGoneLearnsFromTheFiles) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto root = pem("root.pem");
  const auto sequence = list().sequence;
  database = std::make_unique<test::Database>();
  configure("");
  const auto again = ceremony();
  ASSERT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(pem("root.pem"), root);
  EXPECT_EQ(count("certs.issued"), 7);
  EXPECT_EQ(list().sequence, sequence + 1) << "relying parties have seen the old one";
}

TEST_F(CeremonyTest, ARootOfAnotherKeyIsNotReplaced) {
  test::Pki other;
  std::filesystem::create_directories(directory / "pki");
  test::write_file(directory / "pki/root.pem", other.certificate("root-ca").pem());
  const auto ran = ceremony();
  EXPECT_EQ(ran.exit, 9) << ran.out;
  EXPECT_NE(ran.out.find("cli.root_differs"), std::string::npos) << ran.out;
  EXPECT_EQ(pem("root.pem"), other.certificate("root-ca").pem());
}

TEST_F(CeremonyTest, TheMinutesAreAChain) {
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_EQ(xinyin("ceremony verify").exit, 0);
  const auto path = directory / "pki/ceremony/minutes.jsonl";
  const auto good = test::read_file(path);
  // The head is in the audit trail.
  const auto head = database->sql(test::Role::superuser,
                                  "select facts ->> 'minutes_head' from audit.entry "
                                  "where act = 'ceremony.run'");
  EXPECT_NE(good.find(head.at(0).at(0)), std::string::npos);
  const auto broken = [&](const std::string& text) {
    test::write_file(path, text);
    return xinyin("ceremony verify").exit;
  };
  for (std::size_t at = 5; at < good.size(); at += 397) {
    auto bent = good;
    bent[at] = static_cast<char>(bent[at] ^ 0x02);
    EXPECT_EQ(broken(bent), 11) << at;
  }
  const auto second = good.find('\n') + 1;
  EXPECT_EQ(broken(good.substr(second)), 11) << "first line gone";
  EXPECT_EQ(broken(good.substr(0, good.size() - 1)), 11) << "last line torn";
  EXPECT_EQ(broken(good + good.substr(0, second)), 11) << "a line repeated";
  // Nobody writes on to broken minutes.
  std::filesystem::remove(directory / "pki" / Files::kTrustList);
  EXPECT_EQ(ceremony().exit, 1);
  EXPECT_EQ(broken(good), 0);
  EXPECT_EQ(ceremony().exit, 0);
}

TEST_F(CeremonyTest, PublishRaisesTheSequence) {
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_EQ(list().sequence, 1);
  const auto young = xinyin("trust publish --if-older-than-hours 24 --json");
  EXPECT_EQ(young.exit, 0) << young.out;
  EXPECT_NE(young.out.find("\"published\":false"), std::string::npos) << young.out;
  EXPECT_EQ(list().sequence, 1);
  ASSERT_EQ(xinyin("trust publish").exit, 0);
  EXPECT_EQ(list().sequence, 2);
  test::write_file(directory / "pki" / Files::kTrustList, "torn");
  const auto again = xinyin("trust publish --if-older-than-hours 24");
  EXPECT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(list().sequence, 3);
}

TEST_F(CeremonyTest, ARevokedCertificateIsKnownAtOnceAndReplacedByTheNextRun) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto old = serial_of("openid-1.pem");
  const auto revoked = xinyin("cert revoke " + old + " --reason keyCompromise");
  ASSERT_EQ(revoked.exit, 0) << revoked.out;
  const auto crl = test::shell("openssl crl -inform DER -noout -text -in " +
                               (directory / "pki/issuing.crl").string())
                       .out;
  std::string upper = old;
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_NE(crl.find(upper), std::string::npos) << crl;
  EXPECT_EQ(xinyin("cert revoke " + old).exit, 9) << "twice";
  EXPECT_EQ(xinyin("cert revoke " + serial_of("root.pem")).exit, 3);
  EXPECT_EQ(xinyin("cert revoke 00ff").exit, 9);
  EXPECT_EQ(xinyin("cert revoke " + old + " --reason tea").exit, 2);
  const auto all = xinyin("cert list");
  EXPECT_NE(all.out.find("revoked"), std::string::npos) << all.out;
  const auto shown = xinyin("cert show " + old + " --json");
  EXPECT_NE(shown.out.find("\"revocation_reason\":1"), std::string::npos) << shown.out;
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_NE(serial_of("openid-1.pem"), old);
}

TEST_F(CeremonyTest, TrustShowComparesTheRoot) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto file = (directory / "pki" / Files::kTrustList).string();
  const auto root = base::to_hex(certs::Certificate::from_pem(pem("root.pem"))->sha256());
  const auto good = xinyin("trust show " + file + " --json --root " + root);
  EXPECT_EQ(good.exit, 0) << good.out;
  EXPECT_NE(good.out.find("\"root_pinned\":true"), std::string::npos) << good.out;
  EXPECT_EQ(xinyin("trust show " + file + " --root " + std::string(64, '0')).exit, 5);
  EXPECT_EQ(xinyin("trust show " + file + " --root 12").exit, 2);
  auto bent = pem(Files::kTrustList);
  bent[bent.size() - 20] = bent[bent.size() - 20] == 'A' ? 'B' : 'A';
  test::write_file(file, bent);
  EXPECT_EQ(xinyin("trust show " + file).exit, 5);
}

TEST_F(CeremonyTest, SecretsAreMadeOnceAndOpenInTheToken) {
  const auto made = xinyin("secrets create");
  ASSERT_EQ(made.exit, 0) << made.out;
  const auto pepper_file = directory / "secrets/code-pepper";
  const auto pepper = base::Secret::from_file(pepper_file);
  ASSERT_TRUE(pepper) << pepper.error().detail;
  EXPECT_EQ(base::from_hex(pepper->reveal_text())->size(), 32u);
  EXPECT_EQ(std::filesystem::status(pepper_file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto before = test::read_file(pepper_file);
  const auto again = xinyin("secrets create");
  EXPECT_EQ(again.exit, 9) << again.out;
  EXPECT_EQ(test::read_file(pepper_file), before);
  // What the service unwraps at its start is 32 octets that stand nowhere in the file.
  const auto wrapped = test::read_file(directory / "secrets/data-key.wrapped");
  hsm::Client client(signer->client());
  const auto key = client.unwrap("data-key", base::as_bytes(wrapped));
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(key->reveal().size(), 32u);
  EXPECT_EQ(wrapped.find(key->reveal_text()), std::string::npos);
  // Only what is missing, when asked to.
  std::filesystem::remove(directory / "secrets/data-key.wrapped");
  EXPECT_EQ(xinyin("secrets create").exit, 9);
  EXPECT_EQ(xinyin("secrets create --missing").exit, 0);
  EXPECT_EQ(test::read_file(pepper_file), before);
}

TEST_F(CeremonyTest, ProductionRefusesTheDemonstration) {
  configure("profile = production\npublic.url = https://si.example.gov.cn\n");
  const auto ran = ceremony();
  EXPECT_EQ(ran.exit, 3) << ran.out;
  EXPECT_NE(ran.out.find("cli.demonstration_plan"), std::string::npos) << ran.out;
  EXPECT_FALSE(std::filesystem::exists(directory / "pki"));
}

TEST_F(CeremonyTest, ThePlanIsReadStrictly) {
  const auto good = test::read_file(plan);
  plan = (directory / "plan.json").string();
  const auto exit_with = [&](std::string_view what, std::string_view by) {
    auto text = good;
    const auto at = text.find(what);
    base::check(at != std::string::npos, "the test looks for what is not there");
    text.replace(at, what.size(), by);
    test::write_file(plan, text);
    return xinyin("ceremony plan " + plan).exit;
  };
  EXPECT_EQ(exit_with("\"version\": 1", "\"version\": 1"), 0);
  EXPECT_EQ(exit_with("\"version\": 1", "\"version\": 2"), 2);
  EXPECT_EQ(exit_with("\"root.pem\"", "\"../root.pem\""), 2);
  EXPECT_EQ(exit_with("\"root.pem\"", "\"other.pem\""), 2);
  EXPECT_EQ(exit_with("\"key\": \"seal-1\"", "\"key\": \"seal-2\""), 2);
  EXPECT_EQ(exit_with("\"key\": \"seal-1\"", "\"key\": \"openid-1\""), 2);
  EXPECT_EQ(exit_with("演示人员乙", "演示人员甲"), 2) << "one person in two roles";
  EXPECT_EQ(exit_with("\"issuer\": \"root-ca\"", "\"issuer\": \"issuing-ca\""), 2);
  EXPECT_EQ(exit_with("\"list_life_hours\": 168", "\"list_life_hours\": 0"), 2);
  EXPECT_EQ(exit_with("{agency}", std::string(300, 'x')), 0) << "the issue itself refuses that";
  EXPECT_EQ(ceremony().exit, 2);
}

TEST_F(CeremonyTest, AMissingKeyIsNamed) {
  auto text = test::read_file(plan);
  for (std::size_t at; (at = text.find("seal-1\"")) != std::string::npos;)
    text.replace(at, 7, "seal-9\"");
  plan = (directory / "plan.json").string();
  test::write_file(plan, text);
  const auto ran = ceremony();
  EXPECT_EQ(ran.exit, 9) << ran.out;
  EXPECT_NE(ran.out.find("seal-9"), std::string::npos) << ran.out;
  EXPECT_FALSE(std::filesystem::exists(directory / "pki")) << "nothing was begun";
}

TEST_F(CeremonyTest, ASignerThatIsAwayIsItsOwnExitCode) {
  test::write_file(directory / "xinyin.conf",
                   "database.service = " + database->conninfo() +
                       "\nsigner.officer_socket = nobody.sock\npki.directory = pki\n");
  EXPECT_EQ(ceremony().exit, 6);
  configure("");
  test::write_file(directory / "xinyin.conf",
                   test::read_file(directory / "xinyin.conf") + "no.such.key = 1\n");
  const auto ran = ceremony();
  EXPECT_EQ(ran.exit, 2) << ran.out;
  EXPECT_NE(ran.out.find("no.such.key"), std::string::npos) << ran.out;
}

TEST_F(CeremonyTest, ADatabaseThatIsAwayMeansTryAgain) {
  test::write_file(directory / "xinyin.conf",
                   "database.service = host=/nonexistent dbname=x\nsigner.officer_socket = " +
                       signer->officer().socket.string() + "\npki.directory = pki\n");
  const auto ran = ceremony();
  EXPECT_EQ(ran.exit, 75) << ran.out;
}

TEST_F(CeremonyTest, JsonIsOneObjectOnStdout) {
  const auto ran = xinyin("ceremony run " + plan + " --json 2>/dev/null");
  ASSERT_EQ(ran.exit, 0) << ran.out;
  const auto answer = base::parse_json(ran.out);
  ASSERT_TRUE(answer) << ran.out;
  EXPECT_TRUE((*answer)["ok"].GetBool());
  EXPECT_EQ(base::json_text((*answer)["data"], "root_sha256").size(), 64u);
  EXPECT_EQ((*answer)["data"]["steps"].Size(), 8u);
  const auto failed = xinyin("cert show 00 --json 2>/dev/null");
  EXPECT_EQ(failed.exit, 9);
  const auto failure = base::parse_json(failed.out);
  ASSERT_TRUE(failure) << failed.out;
  EXPECT_FALSE((*failure)["ok"].GetBool());
  EXPECT_EQ(base::json_text(*failure, "error"), "certs.not_issued");
}

}  // namespace
