// The key ceremony from beginning to end: the real command line, three officers' cards, the real
// signer with an empty token, a real database; what comes of it is judged by openssl.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/secret.h"
#include "certs/path.h"
#include "hsm/algorithm.h"
#include "hsm/officers/minutes.h"
#include "tests/certs/ceremony_house.h"
#include "tests/certs/foreign_body.h"

namespace {

using Files = certs::PkiDirectory;
using test::CeremonyTest;
using test::kAll;
using test::kCertificates;
using test::kKeys;
using test::kSm2Certificates;
using test::kXinyin;

bool is_sm2(const certs::Certificate& certificate) {
  return hsm::good_form(hsm::Algorithm::sm2, certificate.public_key());
}

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

// GB/T 38540-2020: makers and sealers of national seals stand under an SM2 root, which the list
// names too.
TEST_F(CeremonyTest, MakesAnSm2LineBesideTheFirst) {
  const auto ran = ceremony();
  ASSERT_EQ(ran.exit, 0) << ran.out << signer->log();
  const auto pki = (directory / "pki").string() + "/";
  // Link by link: openssl verify gives -vfyopt to the certificate in question alone.
  for (const auto& [above, below] : {std::pair{"root-sm2", "issuing-sm2"},
                                     {"issuing-sm2", "seal-maker-1"},
                                     {"issuing-sm2", "seal-sm2-1"}}) {
    const auto told = test::shell(
        "openssl verify -x509_strict -partial_chain -vfyopt distid:1234567812345678 -CAfile " +
        pki + above + ".pem " + pki + below + ".pem");
    EXPECT_EQ(told.exit, 0) << told.out;
  }
  const auto trust = list();
  ASSERT_EQ(trust.roots.size(), 2u);
  EXPECT_FALSE(is_sm2(trust.roots[0])) << "the first signs the list";
  EXPECT_TRUE(is_sm2(trust.roots[1]));
  EXPECT_EQ(trust.crls.size(), 4u);
  EXPECT_EQ(base::as_text(trust.crls[2]), pem(Files::kRootSm2Crl));
  EXPECT_EQ(base::as_text(trust.crls[3]), pem(Files::kIssuingSm2Crl));
  const auto judged = [&](const char* file, certs::ChainPurpose purpose) {
    return certs::validate(*certs::Certificate::from_pem(pem(file)), {}, trust, purpose,
                           base::SystemClock().now())
        .reason;
  };
  EXPECT_EQ(judged("seal-maker-1.pem", certs::ChainPurpose::seal_maker), "certs.trusted");
  EXPECT_EQ(judged("seal-sm2-1.pem", certs::ChainPurpose::seal), "certs.trusted");
  EXPECT_EQ(judged("seal-maker-1.pem", certs::ChainPurpose::seal), "certs.wrong_purpose");
  EXPECT_EQ(judged("seal-sm2-1.pem", certs::ChainPurpose::seal_maker), "certs.wrong_purpose");
  // What is asked for later goes the same way: SM2 keys to the SM2 authority, under their own name.
  const auto id = request_of(xinyin("cert renew seal-sm2-1 --json 2>/dev/null"));
  ASSERT_EQ(carry(id, {"jia", "yi"}).exit, 0);
  const auto renewed = *certs::Certificate::from_pem(pem("seal-sm2-1.pem"));
  EXPECT_TRUE(certs::issued_by(renewed, trust.intermediates[1]));
  EXPECT_NE(renewed.common_name().find("国密"), std::string::npos);
  const auto serial = renewed.serial_hex();
  const auto revoked = xinyin("cert revoke " + serial + " --reason superseded");
  EXPECT_EQ(revoked.exit, 0) << revoked.out;
  const auto crl =
      test::shell("openssl crl -inform DER -noout -text -in " + pki + "issuing-sm2.crl").out;
  EXPECT_NE(crl.find("Signature Algorithm: SM2-with-SM3"), std::string::npos) << crl;
  EXPECT_NE(crl.find("Superseded"), std::string::npos) << crl;
}

// Issue 3, point 2: from an empty token to sealing-ready by three officers, in one scripted run.
TEST_F(CeremonyTest, MakesOfAnEmptyTokenAPkiThatOpensslVerifies) {
  EXPECT_EQ(keys(), 0);
  const auto ran = ceremony();
  ASSERT_EQ(ran.exit, 0) << ran.out << signer->log();
  const auto pki = (directory / "pki").string() + "/";
  for (const auto* name : {"root", "issuing"})
    EXPECT_EQ(test::shell("openssl crl -inform DER -in " + pki + name + ".crl -out " + pki + name +
                          ".crl.pem")
                  .exit,
              0);
  for (const auto* leaf :
       {"seal-1", "timestamp-1", "openid-1", "document-code-1", "ocsp-1", "audit-1"}) {
    const auto told =
        test::shell("openssl verify -x509_strict -crl_check_all -CAfile " + pki +
                    "root.pem -untrusted " + pki + "issuing.pem -CRLfile " + pki +
                    "root.crl.pem -CRLfile " + pki + "issuing.crl.pem " + pki + leaf + ".pem");
    EXPECT_EQ(told.exit, 0) << told.out;
  }
  EXPECT_EQ(list().domain, "127.0.0.1:8080");
  EXPECT_EQ(list().sequence, 1);
  EXPECT_EQ(count("audit.entry where act = 'ceremony.run'"), 1);
  // Ready to seal: the service's door signs with the new key.
  hsm::Client service(signer->client());
  const auto key = service.key("seal-1");
  ASSERT_TRUE(key.ok());
  EXPECT_TRUE((*key)->sign(base::sha256(base::as_bytes("document"))).ok());
  expect_whole("in one run");
}

TEST_F(CeremonyTest, ASecondRunKeepsEverythingAndAsksNoCardToSign) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto before = pem("seal-1.pem") + pem("root.pem") + pem(Files::kTrustList);
  const auto noted = test::read_file(minutes());
  const auto lines = ledger_text();
  const auto again = xinyin("ceremony run " + plan + " --card nobody.conf");
  EXPECT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(again.out.find("issued"), std::string::npos) << again.out;
  EXPECT_EQ(pem("seal-1.pem") + pem("root.pem") + pem(Files::kTrustList), before);
  EXPECT_EQ(test::read_file(minutes()), noted);
  EXPECT_EQ(ledger_text(), lines) << "the signer was asked for something";
}

// security.md §4.3, fault 1: whatever is cut off, the next run makes whole, nothing is out that the
// register does not come to know, and nothing is made or issued twice.
TEST_F(CeremonyTest, KilledAnywhereItIsMadeWholeByTheNextRun) {
  for (const auto* point : {"ceremony.issued", "signing.recorded", "ceremony.recorded",
                            "publish.signed", "publish.recorded", "ceremony.closed"}) {
    begin();
    configure(std::string("testing.fail_point = ") + point + "\n");
    const auto killed = ceremony();
    EXPECT_EQ(killed.exit, 137) << point << "\n" << killed.out;
    for (const auto* name : {"root.pem", "issuing.pem", "seal-1.pem"})
      if (std::filesystem::exists(directory / "pki" / name)) {
        EXPECT_EQ(count("certs.issued where serial = '" + serial_of(name) + "'"), 1) << point;
      }
    configure("");
    const auto again = ceremony();
    ASSERT_EQ(again.exit, 0) << point << "\n" << again.out << signer->log();
    expect_whole(point);
  }
}

TEST_F(CeremonyTest, ASignerKilledAnywhereIsMadeWholeByTheNextRun) {
  for (const auto* point :
       {"officers.executing", "officers.carried_out", "officers.done", "token_change.exchanged"}) {
    begin(point);
    const auto cut = ceremony();
    // Some ends of the worker are healed by its successor while the command line waits.
    EXPECT_NE(signer->log().find("worker ended"), std::string::npos) << point << "\n"
                                                                     << cut.out << signer->log();
    start_signer();
    configure("");
    const auto again = ceremony();
    ASSERT_EQ(again.exit, 0) << point << "\n" << again.out << signer->log();
    expect_whole(point);
  }
}

/// The same while certificates are signed: keys are there, the signer dies over the second act.
TEST_F(CeremonyTest, ASignerKilledOverCertificatesSignsThemOnce) {
  for (const auto* point : {"officers.executing", "officers.carried_out", "officers.done"}) {
    begin();
    const auto alone = ceremony({"jia"});
    EXPECT_EQ(alone.exit, 75) << alone.out;
    // The keys by hand, so that the signer lives through them.
    const auto listed = xinyin("request list --json 2>/dev/null");
    const auto at = listed.out.find("\"id\":\"");
    ASSERT_NE(at, std::string::npos) << listed.out;
    const auto made = carry(listed.out.substr(at + 6, 64), {"yi"});
    ASSERT_EQ(made.exit, 0) << made.out;
    start_signer(point);
    configure("");
    const auto cut = ceremony();
    EXPECT_NE(signer->log().find("worker ended"), std::string::npos) << point << "\n"
                                                                     << cut.out << signer->log();
    start_signer();
    configure("");
    const auto again = ceremony();
    ASSERT_EQ(again.exit, 0) << point << "\n" << again.out << signer->log();
    expect_whole(point);
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
  expect_whole("after the loss");
}

TEST_F(CeremonyTest, ARegisterThatIsGoneLearnsFromTheLedger) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto root = pem("root.pem");
  const auto sequence = list().sequence;
  database = std::make_unique<test::Database>();
  configure("");
  const auto again = ceremony();
  ASSERT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(pem("root.pem"), root);
  EXPECT_EQ(list().sequence, sequence + 1) << "relying parties have seen the old one";
  expect_whole("with a new register");
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

// ---- who may
// ---------------------------------------------------------------------------------------

TEST_F(CeremonyTest, OneCardCarriesNothingAndASecondGoesOnFromThere) {
  const auto alone = ceremony({"jia"});
  EXPECT_EQ(alone.exit, 75) << alone.out;
  EXPECT_NE(alone.out.find("cli.cards_missing"), std::string::npos) << alone.out;
  const auto twice = ceremony({"jia", "jia"});
  EXPECT_EQ(twice.exit, 75) << "the same card twice: " << twice.out;
  EXPECT_EQ(keys(), 0);
  EXPECT_FALSE(std::filesystem::exists(directory / "pki/root.pem"));
  const auto two = ceremony();
  ASSERT_EQ(two.exit, 0) << two.out;
  EXPECT_EQ(ledger_text().find("voted_already"), std::string::npos) << "a vote counts once";
  const auto lines = ledger_text();
  const std::string asked = R"(\"op\":\"key.generate\")";
  const auto first = lines.find(asked);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(lines.find(asked, first + 1), std::string::npos) << "one request, not one a run";
  expect_whole("after a lonely beginning");
}

TEST_F(CeremonyTest, AStrangersCardIsRefused) {
  const auto ran = ceremony({"wang", "jia"});
  EXPECT_EQ(ran.exit, 3) << ran.out;
  EXPECT_NE(ran.out.find("cli.unknown_card"), std::string::npos) << ran.out;
  EXPECT_EQ(keys(), 0);
  const auto strangers = cards->found(plan, {"jia", "yi", "wang"}, directory / "genesis.json");
  EXPECT_NE(strangers.exit, 0) << strangers.out;
  EXPECT_FALSE(std::filesystem::exists(directory / "genesis.json"));
  const auto absent = cards->found(plan, {"jia", "yi"}, directory / "genesis.json");
  EXPECT_EQ(absent.exit, 75) << absent.out;
  EXPECT_NE(absent.out.find("bing"), std::string::npos) << absent.out;
}

TEST_F(CeremonyTest, AnAuditorWitnessesAndHasNoVote) {
  auto text = test::read_file(plan);
  const std::string last = R"("title": "密钥管理员 crypto officer", "role": "officer"}
  ],)";
  const auto at = text.find(last);
  ASSERT_NE(at, std::string::npos);
  text.replace(at + last.size() - 5, 5,
               R"(,
    {"id": "wang", "person": "演示人员丁", "title": "审计员 auditor", "role": "auditor"}
  ],)");
  plan = (directory / "plan.json").string();
  test::write_file(plan, text);
  sha256 = digest_of(plan);
  const auto genesis = directory / "genesis.json";
  const auto found = cards->found(plan, {"jia", "yi", "bing", "wang"}, genesis);
  ASSERT_EQ(found.exit, 0) << found.out;
  begin("", genesis);
  EXPECT_EQ(ceremony({"wang", "jia"}).exit, 75) << "one officer and an auditor";
  EXPECT_EQ(keys(), 0);
  const auto listed = xinyin("request list --json 2>/dev/null");
  const auto id = listed.out.substr(listed.out.find("\"id\":\"") + 6, 64);
  const auto voted = xinyin("request approve " + id + cards->with({"wang"}) + " --confirm " + id);
  EXPECT_EQ(voted.exit, 3) << voted.out;
  EXPECT_NE(ledger_text().find("hsm.officers.no_vote"), std::string::npos)
      << "the attempt is written down";
  ASSERT_EQ(ceremony({"wang", "jia", "yi"}).exit, 0);
  const auto verified = xinyin("ceremony verify --json 2>/dev/null");
  EXPECT_NE(verified.out.find(R"("signed_by":["wang","jia","yi"])"), std::string::npos)
      << verified.out;
}

TEST_F(CeremonyTest, AnotherPlanThanWasReadAloudIsNotRun) {
  sha256.back() = sha256.back() == '0' ? '1' : '0';
  const auto ran = ceremony();
  EXPECT_EQ(ran.exit, 2) << ran.out;
  EXPECT_NE(ran.out.find("cli.plan_differs"), std::string::npos) << ran.out;
  // Without it each approval is typed, and nobody is there to type.
  const auto typed = xinyin("ceremony run " + plan + cards->with(kAll) + " </dev/null");
  EXPECT_EQ(typed.exit, 2) << typed.out;
  EXPECT_NE(typed.out.find("cli.confirm_wanted"), std::string::npos) << typed.out;
  EXPECT_EQ(keys(), 0);
}

TEST_F(CeremonyTest, NoPinIsSeenByOtherProcessesNorKept) {
  // strace shows what every program that is started gets; it needs no timing.
  const auto trace = (directory / "trace").string();
  const auto ran =
      test::shell("strace -f -v -s 4096 -e trace=execve -o " + trace + " " + kXinyin +
                  " --config " + (directory / "xinyin.conf").string() + " ceremony run " + plan +
                  cards->with(kAll) + " --confirm-plan " + sha256);
  ASSERT_EQ(ran.exit, 0) << ran.out;
  ASSERT_NE(test::read_file(trace).find("ceremony"), std::string::npos);
  EXPECT_EQ(test::read_file(trace).find("canary4711"), std::string::npos);
  EXPECT_EQ(ran.out.find("canary4711"), std::string::npos);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path()))
    if (entry.is_regular_file()) {
      EXPECT_EQ(test::read_file(entry.path()).find("canary4711"), std::string::npos)
          << entry.path();
    }
  EXPECT_EQ((ledger_text() + signer->log()).find("canary4711"), std::string::npos);
  EXPECT_EQ(test::read_file(signer->oplog()).find("canary4711"), std::string::npos);
  EXPECT_EQ(xinyin("card show --card " + cards->file("jia").string() + " --pin 123456").exit, 2)
      << "no PIN is taken from argv";
}

// ---- minutes
// -----------------------------------------------------------------------------------------

TEST_F(CeremonyTest, TheMinutesAreAChainThatEverybodySigned) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto good = test::read_file(minutes());
  // Checked with the file alone: no database, no signer, no PKI directory.
  const auto copy = directory / "copy.jsonl";
  const auto verify = [&](const std::string& text) {
    test::write_file(copy, text);
    return test::shell(kXinyin + " ceremony verify " + copy.string()).exit;
  };
  EXPECT_EQ(verify(good), 0);
  // The head is in the audit trail.
  const auto head = database->sql(test::Role::superuser,
                                  "select facts ->> 'minutes_head' from audit.entry "
                                  "where act = 'ceremony.run'");
  EXPECT_NE(good.find(head.at(0).at(0)), std::string::npos);
  const auto step = good.size() / 300;
  ASSERT_GT(step, 0u);
  for (std::size_t at = 5; at < good.size(); at += step) {
    auto bent = good;
    bent[at] = static_cast<char>(bent[at] ^ 0x02);
    EXPECT_EQ(verify(bent), 11) << at;
  }
  // And every byte of it, for the reader that stands behind the command.
  hsm::officers::MinutesReader reader;
  int bit = 0;
  for (std::size_t from = 0, end; (end = good.find('\n', from)) != good.npos; from = end + 1) {
    const auto line = good.substr(from, end - from);
    for (std::size_t at = 0; at < line.size(); ++at) {
      auto bent = line;
      bent[at] = static_cast<char>(bent[at] ^ (1 << (bit++ % 8)));
      ASSERT_FALSE(reader.take(bent).ok()) << reader.report().lines << ":" << at;
    }
    ASSERT_TRUE(reader.take(line).ok()) << line;
  }
  EXPECT_EQ(reader.report().signed_by, kAll);
  const auto second = good.find('\n') + 1;
  EXPECT_EQ(verify(good.substr(second)), 11) << "first line gone";
  EXPECT_EQ(verify(good.substr(0, good.size() - 1)), 11) << "last line torn";
  EXPECT_EQ(verify(good + good.substr(0, second)), 11) << "a line repeated";
  const auto last = good.rfind('\n', good.size() - 2) + 1;
  const auto without = test::shell(kXinyin + " ceremony verify --json " +
                                   [&] {
                                     test::write_file(copy, good.substr(0, last));
                                     return copy.string();
                                   }() +
                                   " 2>/dev/null")
                           .out;
  EXPECT_NE(without.find(R"("signed_by":["jia","yi"])"), std::string::npos) << without;
  // Nobody writes on to broken minutes.
  test::write_file(minutes(), good.substr(second));
  std::filesystem::remove(directory / "pki" / Files::kTrustList);
  EXPECT_NE(ceremony().exit, 0);
  EXPECT_EQ(test::read_file(minutes()), good.substr(second));
  test::write_file(minutes(), good);
  EXPECT_EQ(ceremony().exit, 0);
  EXPECT_EQ(xinyin("ceremony verify").exit, 0);
}

/// Whoever rewrites the minutes and all their hashes still lacks the officers' and the token's
/// keys.
TEST_F(CeremonyTest, MinutesWrittenAnewWithRightHashesDoNotHold) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto good = test::read_file(minutes());
  const auto rewritten = [&](const std::string& what, const std::string& by) {
    std::string out, prev(64, '0');
    for (std::size_t from = 0; from < good.size();) {
      const auto end = good.find('\n', from);
      auto line = good.substr(from, end - from);
      from = end + 1;
      if (const auto at = line.find(what); at != std::string::npos)
        line.replace(at, what.size(), by);
      const auto link = line.find("\"prev\":\"") + 8;
      line.replace(link, 64, prev);
      auto body = line.substr(0, line.rfind(",\"hash\":\"")) + "}";
      prev = base::to_hex(base::sha256(base::as_bytes(body)));
      out += body.substr(0, body.size() - 1) + ",\"hash\":\"" + prev + "\"}\n";
    }
    test::write_file(directory / "copy.jsonl", out);
    return test::shell(kXinyin + " ceremony verify " + (directory / "copy.jsonl").string());
  };
  EXPECT_EQ(rewritten("演示", "展示").exit, 11) << "the closing is signed by the officers";
  EXPECT_EQ(rewritten("needed", "nedeed").exit, 11);
}

// ---- after the ceremony
// ------------------------------------------------------------------------------

TEST_F(CeremonyTest, PublishRaisesTheSequence) {
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_EQ(list().sequence, 1);
  const auto young = xinyin("trust publish --if-older-than-hours 24 --json");
  EXPECT_EQ(young.exit, 0) << young.out;
  EXPECT_NE(young.out.find("\"published\":false"), std::string::npos) << young.out;
  EXPECT_EQ(list().sequence, 1);
  ASSERT_EQ(xinyin("trust publish").exit, 0) << "a renewal says nothing new";
  EXPECT_EQ(list().sequence, 2);
  test::write_file(directory / "pki" / Files::kTrustList, "torn");
  const auto again = xinyin("trust publish --if-older-than-hours 24");
  EXPECT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(list().sequence, 3) << "the register knows what was approved";
}

TEST_F(CeremonyTest, ARevokedCertificateIsKnownAtOnceAndReplacedByTheNextRun) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto old = serial_of("openid-1.pem");
  const auto revoked = xinyin("cert revoke " + old + " --reason superseded");
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
  EXPECT_NE(shown.out.find("\"revocation_reason\":4"), std::string::npos) << shown.out;
  const auto again = ceremony();
  ASSERT_EQ(again.exit, 0) << again.out;
  EXPECT_NE(serial_of("openid-1.pem"), old);
}

/// Carrying out once more what is done says what came of it, and mends what is missing; what came
/// later stays.
TEST_F(CeremonyTest, ExecutingAgainIssuesNothingAndPutsBackWhatIsMissing) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto first = pem("seal-1.pem");
  const auto asked = xinyin("cert renew seal-1 --json 2>/dev/null");
  EXPECT_EQ(asked.exit, 4) << asked.out;
  const auto id = request_of(asked);
  const auto alone = carry(id, {"jia"});
  EXPECT_EQ(alone.exit, 4) << "one approval: " << alone.out;
  ASSERT_EQ(carry(id, {"yi"}).exit, 0);
  const auto renewed = pem("seal-1.pem");
  EXPECT_NE(renewed, first);
  EXPECT_EQ(count("certs.issued"), kCertificates + 1);
  const auto lines = ledger_text();
  std::filesystem::remove(directory / "pki/seal-1.pem");
  const auto again = xinyin("request execute " + id + " --json 2>/dev/null");
  EXPECT_EQ(again.exit, 0) << again.out;
  EXPECT_TRUE(base::parse_json(again.out).ok()) << again.out;
  EXPECT_NE(again.out.find("seal-1.pem"), std::string::npos) << again.out;
  EXPECT_EQ(pem("seal-1.pem"), renewed);
  EXPECT_EQ(count("certs.issued"), kCertificates + 1);
  EXPECT_EQ(ledger_text(), lines);
  // The ceremony's own request, older than the renewal: nothing goes back.
  const auto all = xinyin("request list --all --json 2>/dev/null");
  const auto document = base::parse_json(all.out, {16 << 20, 12});
  ASSERT_TRUE(document.ok()) << all.out;
  for (const auto& one : (*document)["data"].GetArray())
    if (base::json_text(one, "id") != id) {
      EXPECT_EQ(xinyin("request execute " + std::string(base::json_text(one, "id"))).exit, 0);
    }
  EXPECT_EQ(pem("seal-1.pem"), renewed);
}

/// A list that waits keeps its one request, and lists renewed meanwhile do not overtake it.
TEST_F(CeremonyTest, AListThatWaitsIsAskedForOnce) {
  ASSERT_EQ(ceremony().exit, 0);
  ASSERT_EQ(carry(request_of(xinyin("cert renew seal-1 --json 2>/dev/null")), {"jia", "yi"}).exit,
            0);
  const auto first = xinyin("trust publish --json 2>/dev/null");
  EXPECT_EQ(first.exit, 4) << first.out;
  const auto id = request_of(first, "request");
  ASSERT_EQ(id.size(), 64u) << first.out;
  const auto approved = xinyin("request approve " + id + cards->with({"jia"}) + " --confirm " + id);
  EXPECT_EQ(approved.exit, 0) << approved.out;
  const auto second = xinyin("trust publish --json 2>/dev/null");
  EXPECT_EQ(request_of(second, "request"), id) << second.out;
  const auto before = list().sequence;
  ASSERT_EQ(carry(id, {"bing"}).exit, 0);
  EXPECT_GT(list().sequence, before);
  EXPECT_EQ(list().entries.size(), 8u);
  // What was revoked and renewed while it waited is in it.
  const auto crl = test::read_file(directory / "pki/issuing.crl");
  EXPECT_EQ(base::as_text(list().crls.at(1)), crl);
  EXPECT_EQ(xinyin("trust publish").exit, 0) << "nothing waits any more";
}

TEST_F(CeremonyTest, ACompromisedKeyStopsAtOnceAndTheListsSayFromWhenOn) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto since = base::to_rfc3339(
      std::chrono::floor<std::chrono::seconds>(base::SystemClock().now() - std::chrono::hours(1)));
  const auto id =
      request_of(xinyin("key compromise seal-1 --since " + since + " --json 2>/dev/null"));
  configure("testing.fail_point = compromise.revoked\n");
  EXPECT_EQ(carry(id, {"jia", "yi"}).exit, 137);
  hsm::Client service(signer->client());
  const auto key = service.key("seal-1");
  EXPECT_FALSE(key.ok() && (*key)->sign(base::sha256(base::as_bytes("x"))).ok());
  configure("");
  const auto again = xinyin("request execute " + id + " --json 2>/dev/null");
  ASSERT_EQ(again.exit, 0) << again.out;
  const auto crl = test::shell("openssl crl -inform DER -noout -text -in " +
                               (directory / "pki/issuing.crl").string())
                       .out;
  EXPECT_NE(crl.find("Key Compromise"), std::string::npos) << crl;
  EXPECT_NE(crl.find("Invalidity Date"), std::string::npos) << crl;
  const auto next = request_of(again, "next");
  ASSERT_EQ(next.size(), 64u) << again.out;
  ASSERT_EQ(carry(next, {"yi", "bing"}).exit, 0);
  const auto all = list();
  const auto entry = std::find_if(all.entries.begin(), all.entries.end(),
                                  [](const auto& one) { return one.purpose == "seal"; });
  ASSERT_NE(entry, all.entries.end());
  ASSERT_TRUE(entry->compromised_since);
  EXPECT_EQ(base::to_rfc3339(*entry->compromised_since), since);
}

/// The issuing authority's own key: the root alone tells it, the authority's list stays as it was,
/// nothing that it certified is taken any more, and a new authority goes on from there.
TEST_F(CeremonyTest, ACompromisedIssuingAuthorityIsRevokedByTheRootAlone) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto pki = (directory / "pki").string() + "/";
  const auto openssl = [&](const std::string& leaf, const std::string& authority,
                           const std::string& list) {
    for (const auto& name : {std::string("root.crl"), list})
      EXPECT_EQ(
          test::shell("openssl crl -inform DER -in " + pki + name + " -out " + pki + name + ".pem")
              .exit,
          0);
    return test::shell("openssl verify -x509_strict -crl_check_all -CAfile " + pki +
                       "root.pem -untrusted " + pki + authority + " -CRLfile " + pki +
                       "root.crl.pem -CRLfile " + pki + list + ".pem " + pki + leaf);
  };
  EXPECT_EQ(openssl("seal-1.pem", "issuing.pem", "issuing.crl").exit, 0);
  const auto frozen = pem(Files::kIssuingCrl);
  const auto serial = serial_of("issuing.pem");
  const auto sequence = list().sequence;
  const auto since = std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
  const auto id = request_of(xinyin("key compromise issuing-ca --since " + base::to_rfc3339(since) +
                                    " --json 2>/dev/null"));
  ASSERT_EQ(carry(id, {"jia"}).exit, 4) << "one officer declares nothing";
  ASSERT_EQ(carry(id, {"yi"}).exit, 0);

  // At once, before anybody approved a list: the root's list, the old one of the authority, and a
  // trust list with both.
  EXPECT_EQ(pem(Files::kIssuingCrl), frozen);
  const auto crl = test::shell("openssl crl -inform DER -noout -text -in " + pki + "root.crl").out;
  EXPECT_NE(crl.find("CA Compromise"), std::string::npos) << crl;
  EXPECT_NE(crl.find("Invalidity Date"), std::string::npos) << crl;
  const auto refused = openssl("seal-1.pem", "issuing.pem", "issuing.crl");
  EXPECT_NE(refused.exit, 0);
  EXPECT_NE(refused.out.find("certificate revoked"), std::string::npos) << refused.out;
  const auto at_once = list();
  EXPECT_GT(at_once.sequence, sequence);
  ASSERT_EQ(at_once.crls.size(), 4u);
  EXPECT_EQ(base::as_text(at_once.crls[0]), pem(Files::kRootCrl));
  EXPECT_EQ(base::as_text(at_once.crls[1]), frozen);
  const auto seal = *certs::Certificate::from_pem(pem("seal-1.pem"));
  const auto judged = [&](base::Time at) {
    return certs::validate(seal, {}, list(), certs::ChainPurpose::seal, at);
  };
  EXPECT_EQ(judged(since + std::chrono::seconds(2)).reason, "certs.authority_revoked");
  EXPECT_EQ(count("certs.revocation where reason = 2"), kCertificates - kSm2Certificates - 1)
      << "the authority, and all that it certified";

  // What the list that waits says needs one officer: it only stops.
  const auto again = xinyin("request execute " + id + " --json 2>/dev/null");
  ASSERT_EQ(again.exit, 0) << again.out;
  const auto next = request_of(again, "next");
  ASSERT_EQ(next.size(), 64u) << again.out;
  ASSERT_EQ(carry(next, {"bing"}).exit, 0);
  for (const auto& entry : list().entries) {
    if (is_sm2(entry.certificate)) {
      EXPECT_FALSE(entry.until) << "the SM2 authority certified it";
      continue;
    }
    ASSERT_TRUE(entry.until) << entry.purpose;
    EXPECT_EQ(*entry.until, std::max<base::Time>(since, entry.since)) << entry.purpose;
    EXPECT_FALSE(entry.compromised_since) << "its key is in nobody else's hands";
  }
  EXPECT_EQ(xinyin("trust publish").exit, 0) << "the root's list stays fresh";
  EXPECT_EQ(pem(Files::kIssuingCrl), frozen);
  const auto issued = xinyin("cert issue seal-1 --json 2>/dev/null");
  EXPECT_NE(issued.exit, 0);
  EXPECT_NE(issued.exit, 4) << "no officer is asked for what cannot be: " << issued.out;

  // A new authority; of the old one's work everything is still known.
  const auto made = [&](const std::string& label, const std::string& purpose) {
    const auto key = request_of(xinyin("key generate " + label + " --purpose " + purpose +
                                       " --activate --json 2>/dev/null"));
    ASSERT_EQ(carry(key, {"jia", "yi"}).exit, 0) << label;
    const auto certificate =
        request_of(xinyin("cert issue " + label + " --name 新" + label + " --json 2>/dev/null"));
    const auto signed_ = carry(certificate, {"jia", "yi"});
    ASSERT_EQ(signed_.exit, 0) << label << signed_.out;
  };
  made("issuing-2", "issuing_ca");
  made("seal-2", "seal");
  EXPECT_NE(serial_of("issuing.pem"), serial);
  const auto published = xinyin("trust publish --json 2>/dev/null");
  const auto wanted = request_of(published, "request");
  ASSERT_EQ(wanted.size(), 64u) << published.out;
  ASSERT_EQ(carry(wanted, {"yi", "bing"}).exit, 0);
  EXPECT_EQ(openssl("seal-2.pem", "issuing.pem", "issuing.crl").exit, 0);
  const auto after = list();
  EXPECT_EQ(after.intermediates.size(), 3u);
  EXPECT_EQ(after.crls.size(), 5u);
  EXPECT_EQ(base::as_text(after.crls[2]), frozen);
  EXPECT_EQ(after.entries.size(), 8u);
  EXPECT_EQ(judged(since + std::chrono::seconds(2)).reason, "certs.authority_revoked");
  EXPECT_EQ(certs::validate(*certs::Certificate::from_pem(pem("seal-2.pem")), {}, after,
                            certs::ChainPurpose::seal, base::SystemClock().now())
                .answer,
            certs::ChainAnswer::trusted);
}

/// A register that was restored from a backup is behind the ledger: the next lists go past what the
/// signer has signed, instead of being refused for ever.
TEST_F(CeremonyTest, NumbersOfListsGoPastWhatTheSignerHasSigned) {
  ASSERT_EQ(ceremony().exit, 0);
  ASSERT_EQ(xinyin("trust publish").exit, 0);
  ASSERT_EQ(xinyin("trust publish").exit, 0);
  database->sql(test::Role::superuser, "delete from certs.crl where number > 1");
  const auto again = xinyin("trust publish");
  EXPECT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(count("certs.crl where number = 4"), 4) << "of each root and issuing authority";
}

/// LD/T 01-2020 6.2.7; issue 3, point 1: one lets nobody in, and one is enough to stop.
TEST_F(CeremonyTest, OneOfficerAloneAdmitsNoCertificationBodyAndStopsOne) {
  ASSERT_EQ(ceremony().exit, 0);
  const auto now = std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
  test::ForeignBody foreign(now);
  const auto put = [&](const std::string& name, const std::string& text) {
    test::write_file(foreign.path() / name, text);
  };
  put("login.pem", foreign.leaf("login").pem());
  put("seal.pem", foreign.leaf("seal").pem());
  (void)foreign.crls();
  for (const auto* paper : {"licence", "qualification", "liability", "acceptance"})
    put(std::string(paper) + ".pdf", std::string("%PDF ") + paper);
  const auto until = base::to_rfc3339(now + std::chrono::hours(24 * 300));
  put("proposal.json",
      R"({"version":1,"name":"某电子认证公司","code":"91110000MA0000000A","contact":"张三",
      "licence":{"number":"ECP1","issuer":"工信部","from":"2020-01-01T00:00:00Z","until":")" +
          until + R"(","file":"licence.pdf"},
      "qualification":{"name":"电子政务电子认证服务 A1","until":")" +
          until + R"(","file":"qualification.pdf"},
      "liability":{"file":"liability.pdf"},"acceptance":{"file":"acceptance.pdf"},
      "uses":["seal","login"],"policies":[],"permitted":["directory:/C=CN"],
      "crl_urls":["http://crl.example.cn/sub.crl"],"anchors":["root.pem","sub.pem"],
      "samples":["login.pem","seal.pem"],"crls":["root.crl","sub.crl.pem"]})");
  const auto proposed = xinyin("ca propose " + (foreign.path() / "proposal.json").string());
  ASSERT_EQ(proposed.exit, 0) << proposed.out;
  const auto asked = xinyin("ca admit 1 --json 2>/dev/null");
  EXPECT_EQ(asked.exit, 4) << asked.out;
  const auto id = request_of(asked, "request");
  EXPECT_EQ(carry(id, {"bing"}).exit, 4);
  EXPECT_NE(ledger_text().find("hsm.officers.too_few_approvals: 1/2"), std::string::npos);
  ASSERT_EQ(xinyin("trust publish").exit, 0) << "the wish holds up no renewal";
  EXPECT_TRUE(list().bodies.empty());
  ASSERT_EQ(carry(id, {"jia"}).exit, 0);
  ASSERT_EQ(list().bodies.size(), 1u);
  const auto standing = [&] { return list().bodies.front().history.back().standing; };
  EXPECT_EQ(standing(), certs::Standing::admitted);
  EXPECT_EQ(count("audit.entry where act = 'body.admitted'"), 1);

  // While something new waits to be published beside it, too.
  ASSERT_EQ(carry(request_of(xinyin("cert renew seal-1 --json 2>/dev/null")), {"jia", "yi"}).exit,
            0);
  const auto stop = xinyin("ca suspend 1 --reason review --json 2>/dev/null");
  EXPECT_EQ(stop.exit, 4) << stop.out;
  ASSERT_EQ(carry(request_of(stop, "request"), {"bing"}).exit, 0);
  EXPECT_EQ(standing(), certs::Standing::suspended);
  EXPECT_EQ(list().entries.size(), 7u) << "what is new is not in it";
  const auto start = xinyin("ca resume 1 --json 2>/dev/null");
  const auto back = request_of(start, "request");
  EXPECT_EQ(carry(back, {"bing"}).exit, 4) << "starting again is not cheap";
  EXPECT_EQ(standing(), certs::Standing::suspended);
  ASSERT_EQ(carry(back, {"yi"}).exit, 0);
  EXPECT_EQ(standing(), certs::Standing::admitted);
  // Backwards in time it takes away what was good: two.
  const auto since = base::to_rfc3339(now - std::chrono::hours(1));
  const auto removed = xinyin("ca remove 1 --reason compromised --compromised-since " + since +
                              " --json 2>/dev/null");
  const auto gone = request_of(removed, "request");
  EXPECT_EQ(carry(gone, {"jia"}).exit, 4);
  ASSERT_EQ(carry(gone, {"bing"}).exit, 0);
  EXPECT_EQ(standing(), certs::Standing::removed);
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
  ASSERT_EQ(ceremony().exit, 0);
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
  EXPECT_EQ(exit_with("\"id\": \"yi\"", "\"id\": \"jia\""), 2) << "one person in two roles";
  EXPECT_EQ(exit_with("\"issuer\": \"root-ca\"", "\"issuer\": \"issuing-ca\""), 2);
  // The second line: SM2 from its root down, under names of its own, and nothing else below it.
  EXPECT_EQ(exit_with("\"root-sm2.pem\"", "\"root-2.pem\""), 2);
  EXPECT_EQ(exit_with("\"issuing-sm2.pem\"", "\"issuing-2.pem\""), 2);
  EXPECT_EQ(exit_with(R"("root-ca-sm2", "algorithm": "sm2")",
                      R"("root-ca-sm2", "algorithm": "ecdsa_p256")"),
            2);
  EXPECT_EQ(exit_with(R"("seal-maker-1", "algorithm": "sm2")",
                      R"("seal-maker-1", "algorithm": "ecdsa_p256")"),
            2)
      << "certified by the SM2 authority";
  EXPECT_EQ(exit_with(R"("seal-sm2-1", "issuer": "issuing-ca-sm2")",
                      R"("seal-sm2-1", "issuer": "issuing-ca")"),
            2);
  EXPECT_EQ(exit_with("\"list_life_hours\": 168", "\"list_life_hours\": 0"), 2);
  EXPECT_EQ(exit_with("{agency}", std::string(300, 'x')), 0) << "the issue itself refuses that";
  sha256 = digest_of(plan);
  EXPECT_EQ(ceremony().exit, 2);
}

TEST_F(CeremonyTest, AKeyThatDiffersFromThePlanIsNamed) {
  ASSERT_EQ(ceremony().exit, 0);
  auto text = test::read_file(plan);
  const std::string planned = R"("label": "ocsp-1", "algorithm": "ecdsa_p256")";
  text.replace(text.find(planned), planned.size(),
               R"("label": "ocsp-1", "algorithm": "ecdsa_p384")");
  plan = (directory / "plan.json").string();
  test::write_file(plan, text);
  sha256 = digest_of(plan);
  const auto ran = ceremony();
  EXPECT_EQ(ran.exit, 9) << ran.out;
  EXPECT_NE(ran.out.find("ocsp-1"), std::string::npos) << ran.out;
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
  configure("");
  ASSERT_EQ(ceremony().exit, 0);
  expect_whole("once it is back");
}

TEST_F(CeremonyTest, JsonIsOneObjectOnStdout) {
  const auto ran = xinyin("ceremony run " + plan + cards->with(kAll) + " --confirm-plan " + sha256 +
                          " --json 2>/dev/null");
  ASSERT_EQ(ran.exit, 0) << ran.out;
  const auto answer = base::parse_json(ran.out);
  ASSERT_TRUE(answer) << ran.out;
  EXPECT_TRUE((*answer)["ok"].GetBool());
  EXPECT_EQ(base::json_text((*answer)["data"], "root_sha256").size(), 64u);
  EXPECT_EQ((*answer)["data"]["steps"].Size(), kKeys + kCertificates + 1);
  for (const auto* good :
       {"officer list", "officer quorum show", "request list", "request list --all", "key list",
        "key attest seal-1", "cert list", "ceremony verify", "key suspend seal-1 --dry-run",
        "key rotate seal-1 --dry-run", "cert issue seal-1 --dry-run",
        "officer retire jia --dry-run", "officer quorum set --needs sign.root=2 --dry-run"}) {
    const auto said = xinyin(std::string(good) + " --json 2>/dev/null");
    EXPECT_EQ(said.exit, 0) << good << said.out;
    EXPECT_TRUE(base::parse_json(said.out, {16 << 20, 16}).ok()) << good << said.out;
  }
  const std::pair<const char*, const char*> bad[] = {
      {"cert show 00", "certs.not_issued"},
      {"cert issue nobody", "hsm.no_key"},
      {"cert issue data-wrap-1", "cli.no_profile"},
      {"cert issue", "cli.label_or_csr"},
      {"key rotate nobody", "hsm.officers.no_key"},
      {"key attest nobody", "hsm.officers.no_key"},
      {"key compromise seal-1 --since yesterday", "cli.bad_time"},
      {"request show 000000", "cli.request_name"},
      {"request execute 000000000000", "cli.request_name"},
      {"officer retire nobody", "hsm.officers.no_person"},
      {"officer retire jia", "hsm.officers.too_few"},
      {"officer quorum set --needs tea", "hsm.officers.policy"},
      {"officer quorum set --needs sign.root=1", "hsm.officers.policy"},
      {"officer quorum set --needs sign.root=3", "hsm.officers.too_few"}};
  for (const auto& [words, key] : bad) {
    const auto failed = xinyin(std::string(words) + " --json 2>/dev/null");
    EXPECT_NE(failed.exit, 0) << words;
    const auto failure = base::parse_json(failed.out);
    ASSERT_TRUE(failure) << words << failed.out;
    EXPECT_FALSE((*failure)["ok"].GetBool());
    EXPECT_EQ((*failure)["code"].GetInt(), failed.exit);
    EXPECT_EQ(base::json_text(*failure, "error"), key) << words << failed.out;
  }
}

}  // namespace
