// The real signer with officers: nothing sensitive without their votes, everything once, whoever is
// killed when.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "base/encoding.h"
#include "base/json.h"
#include "hsm/client.h"
#include "hsm/officers/state.h"
#include "test_paths.h"
#include "tests/hsm/openssl.h"
#include "tests/hsm/wait_until.h"
#include "tests/support/officers.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace hsm::officers {
namespace {

const std::filesystem::path kProgram = XINYIN_BIN_DIR "/xinyin-signer";
constexpr auto kLong = std::chrono::seconds(60);

class GovernedSigner : public testing::Test {
 protected:
  GovernedSigner()
      : token_(std::vector<PlannedKey>{}),
        people_{test::Officer("an"), test::Officer("bo"), test::Officer("chen")} {
    std::ofstream(token_.directory() / "genesis.json")
        << test::genesis(people_, test::small_policy(), token_.label(), clock_.now()) << "\n";
  }

  test::Signer& start(const std::string& fail_point = {}, bool wait = true) {
    signer_.reset();
    test::Signer::Options options;
    options.program = kProgram;
    options.wait = wait;
    options.settings = {"token.directory = " + token_.tokens().string(), "token.writable_ok = true",
                        "token.recheck_ms = 200",
                        "officers.genesis = " + (token_.directory() / "genesis.json").string(),
                        "officers.ledger = " + ledger().string()};
    if (!fail_point.empty()) options.settings.push_back("testing.fail_point = " + fail_point);
    signer_ = std::make_unique<test::Signer>(token_, std::move(options));
    return *signer_;
  }
  std::filesystem::path ledger() const { return token_.directory() / "ledger.jsonl"; }

  Client officer() { return Client(signer_->officer(kLong)); }
  Client service() { return Client(signer_->client(kLong)); }

  rapidjson::Document state() {
    auto told = officer().officers("state");
    base::check(told.ok(), "no state: " + (told.ok() ? "" : told.error().detail));
    return std::move(base::parse_json(*told)).value();
  }
  std::string text(const std::string& op, const std::string& params) {
    const auto world = base::from_hex(base::json_text(state(), "world")).value();
    base::Digest digest{};
    std::copy(world.begin(), world.end(), digest.begin());
    const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now());
    return *request_text({op, params, "test"}, "operator", "", digest, now,
                         now + std::chrono::hours(2), random_.bytes(16));
  }
  /// Asked and approved by `votes` of the officers; its name.
  std::string asked(const std::string& op, const std::string& params, std::size_t votes) {
    const auto request = text(op, params);
    const auto taken = officer().officers("submit", request);
    EXPECT_TRUE(taken.ok()) << taken.error().key << " " << taken.error().detail;
    const auto id = base::sha256(base::as_bytes(request));
    for (std::size_t i = 0; i < votes; ++i) {
      const auto voted = officer().officers("vote", people_[i].vote(id, now()));
      EXPECT_TRUE(voted.ok()) << voted.error().key;
    }
    return base::to_hex(id);
  }
  base::Result<std::string> execute(const std::string& id) {
    return officer().officers("execute", id);
  }
  void make(const std::string& label, const std::string& purpose) {
    const auto done = execute(asked("key.generate", generate(label, purpose), 2));
    ASSERT_TRUE(done.ok()) << done.error().key << " " << done.error().detail << signer_->log();
  }
  static std::string generate(const std::string& label, const std::string& purpose) {
    const std::string algorithm = purpose == "data_wrapping" ? "aes_256" : "ecdsa_p256";
    return R"({"activate":true,"keys":[{"algorithm":")" + algorithm + R"(","label":")" + label +
           R"(","purpose":")" + purpose + R"("}]})";
  }
  std::string step(const std::string& label) {
    const auto told = state();
    for (const auto& key : told["keys"].GetArray())
      if (base::json_text(key, "label") == label)
        return R"({"keys":[{"id":")" + std::string(base::json_text(key, "id")) + R"(","label":")" +
               label + R"(","state":")" + std::string(base::json_text(key, "state")) + R"("}]})";
    return "{}";
  }
  base::Time now() const { return std::chrono::floor<std::chrono::seconds>(clock_.now()); }
  std::string key_state(const std::string& label) {
    const auto told = state();
    for (const auto& key : told["keys"].GetArray())
      if (base::json_text(key, "label") == label) return std::string(base::json_text(key, "state"));
    return "unknown";
  }
  std::string signs(const std::string& label) {
    auto client = service();
    const auto key = client.key(label);
    if (!key.ok()) return key.error().key;
    const auto signature = (*key)->sign(base::sha256(base::as_bytes("message")));
    if (!signature.ok()) return signature.error().key;
    return test::openssl_verifies((*key)->info(), *signature, "message") ? "" : "does not verify";
  }
  std::string ledger_text() const {
    std::ifstream file(ledger(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  /// Everything in the file checked again from its first line.
  void expect_ledger_holds() {
    signer_->stop();
    State again;
    const auto opened =
        LedgerFile::open(ledger(), [&](const Line& line) { return again.apply(line); });
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
  }

  base::SystemClock clock_;
  base::SystemRandom random_;
  test::Token token_;
  std::vector<test::Officer> people_;
  std::unique_ptr<test::Signer> signer_;
};

TEST_F(GovernedSigner, KeysAreMadeByTwoAndUsedFromThenOnWithoutARestart) {
  start();
  EXPECT_EQ(signs("seal-1"), "hsm.no_key");
  const auto id = asked("key.generate", generate("seal-1", "seal"), 1);
  EXPECT_EQ(execute(id).error().key, "hsm.officers.too_few_approvals");
  EXPECT_EQ(signs("seal-1"), "hsm.no_key");
  make("seal-2", "seal");
  EXPECT_EQ(signs("seal-2"), "");
  make("audit-1", "audit");
  make("seal-3", "seal");
  EXPECT_EQ(signs("seal-2"), "");
  EXPECT_EQ(signs("seal-3"), "");
  EXPECT_EQ(state()["uncovered"].GetInt64(), 0) << "the ledger is signed from audit-1 on";
  EXPECT_NE(ledger_text().find("hsm.officers.too_few_approvals"), std::string::npos)
      << "the refusal is written down";
  expect_ledger_holds();
}

TEST_F(GovernedSigner, TheServiceDoorTakesNoRequestOfOfficers) {
  start();
  auto client = service();
  EXPECT_TRUE(client.officers("state").ok());
  for (const auto* verb : {"submit", "vote", "execute", "content"})
    EXPECT_EQ(client.officers(verb, "x").error().key, "hsm.refused") << verb;
}

TEST_F(GovernedSigner, AnAuthoritysKeySignsNoDigestThroughAnyDoor) {
  start();
  make("root-ca", "root_ca");
  for (auto* door : {"service", "officer"}) {
    Client client(std::string(door) == "service" ? signer_->client(kLong)
                                                 : signer_->officer(kLong));
    const auto key = client.key("root-ca");
    ASSERT_TRUE(key.ok());
    EXPECT_EQ((*key)->sign(base::sha256(base::as_bytes("x"))).error().key, "hsm.refused") << door;
  }
}

TEST_F(GovernedSigner, AStoppedKeyIsRefusedAtOnceAndComesBackByTwo) {
  start();
  make("seal-1", "seal");
  ASSERT_TRUE(execute(asked("key.suspend", step("seal-1"), 1)).ok());
  EXPECT_EQ(signs("seal-1"), "hsm.key_state");
  const auto alone = asked("key.resume", step("seal-1"), 1);
  EXPECT_EQ(execute(alone).error().key, "hsm.officers.too_few_approvals");
  EXPECT_EQ(signs("seal-1"), "hsm.key_state");
  start();
  EXPECT_EQ(signs("seal-1"), "hsm.key_state") << "a restart releases nothing";
  ASSERT_TRUE(officer()
                  .officers("vote", people_[2].vote(
                                        [&] {
                                          base::Digest id{};
                                          const auto bytes = *base::from_hex(alone);
                                          std::copy(bytes.begin(), bytes.end(), id.begin());
                                          return id;
                                        }(),
                                        now()))
                  .ok())
      << "approvals survive restarts";
  ASSERT_TRUE(execute(alone).ok());
  EXPECT_EQ(signs("seal-1"), "");
}

TEST_F(GovernedSigner, ADestroyedKeyIsGoneFromTheTokenAndTheOthersStay) {
  start();
  make("seal-1", "seal");
  make("seal-2", "seal");
  ASSERT_TRUE(execute(asked("key.deactivate", step("seal-1"), 2)).ok());
  EXPECT_EQ(signs("seal-1"), "hsm.key_state");
  const auto done = execute(asked("key.destroy", step("seal-1"), 2));
  ASSERT_TRUE(done.ok()) << done.error().detail;
  EXPECT_EQ(signs("seal-1"), "hsm.no_key");
  EXPECT_EQ(signs("seal-2"), "");
  EXPECT_EQ(key_state("seal-1"), "destroyed");
  EXPECT_FALSE(std::filesystem::exists(token_.tokens().string() + ".next"))
      << "nothing of the old token is left";
}

TEST_F(GovernedSigner, TwoExecutorsAtOnceOneDeed) {
  start();
  const auto id = asked("key.generate", generate("seal-1", "seal"), 2);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Client client(signer_->officer(kLong));
      if (client.officers("execute", id).ok()) ++good;
    });
  for (auto& one : threads) one.join();
  EXPECT_EQ(good, 4) << "whoever comes later is told what came of it";
  EXPECT_EQ(signs("seal-1"), "");
  std::size_t count = 0;
  for (auto at = ledger_text().find("\"kind\":\"executing\""); at != std::string::npos;
       at = ledger_text().find("\"kind\":\"executing\"", at + 1))
    ++count;
  EXPECT_EQ(count, 1u);
}

class KilledSigner : public GovernedSigner, public testing::WithParamInterface<const char*> {};

/// `kill -9` at each step of an approved act: it is finished at the next start, once, and the token
/// is whole.
TEST_P(KilledSigner, AnApprovedActIsFinishedOnce) {
  start();
  make("seal-1", "seal");
  const auto id = asked("key.generate", generate("seal-2", "seal"), 2);
  start(GetParam());
  Client hasty(signer_->officer(std::chrono::seconds(3)));
  // It died before it could answer; a client that asks again may reach the next worker.
  (void)hasty.officers("execute", id);
  start();
  EXPECT_TRUE(test::wait_until([&] { return key_state("seal-2") == "active"; })) << signer_->log();
  EXPECT_TRUE(test::wait_until([&] { return signs("seal-2").empty(); })) << signs("seal-2");
  EXPECT_EQ(signs("seal-1"), "");
  const auto again = execute(id);
  EXPECT_TRUE(again.ok()) << again.error().key;
  std::size_t count = 0;
  const auto text = ledger_text();
  for (auto at = text.find("\"kind\":\"done\""); at != std::string::npos;
       at = text.find("\"kind\":\"done\"", at + 1))
    ++count;
  EXPECT_EQ(count, 2u);
  expect_ledger_holds();
}
INSTANTIATE_TEST_SUITE_P(Steps, KilledSigner,
                         testing::Values("officers.executing", "officers.carried_out",
                                         "officers.done", "token_change.exchanged"),
                         [](const auto& one) {
                           std::string name = one.param;
                           for (auto& c : name)
                             if (c == '.') c = '_';
                           return name;
                         });

TEST_F(GovernedSigner, AnInventoryThatTheOfficersDidNotLeaveIsRefused) {
  start();
  make("seal-1", "seal");
  signer_->stop();
  std::ofstream(token_.inventory(), std::ios::app) << "\n";
  start({}, false);
  EXPECT_EQ(signer_->wait(), 78);
  EXPECT_NE(signer_->log().find("hsm.officers.inventory"), std::string::npos) << signer_->log();
}

TEST_F(GovernedSigner, AnotherFoundingIsRefused) {
  start();
  make("seal-1", "seal");
  signer_->stop();
  const std::vector<test::Officer> others{test::Officer("x"), test::Officer("y"),
                                          test::Officer("z")};
  std::ofstream(token_.directory() / "genesis.json")
      << test::genesis(others, test::small_policy(), token_.label(), clock_.now());
  start({}, false);
  EXPECT_EQ(signer_->wait(), 78);
  EXPECT_NE(signer_->log().find("hsm.officers.genesis"), std::string::npos) << signer_->log();
}

TEST_F(GovernedSigner, AShortenedLedgerNoLongerFitsTheToken) {
  start();
  make("seal-1", "seal");
  const auto before = ledger_text();
  make("seal-2", "seal");
  signer_->stop();
  std::ofstream(ledger(), std::ios::trunc) << before;
  start({}, false);
  EXPECT_EQ(signer_->wait(), 78);
  EXPECT_NE(signer_->log().find("hsm.officers.inventory"), std::string::npos) << signer_->log();
}

}  // namespace
}  // namespace hsm::officers
