// Faults of the token (security.md §4.3, faults 2 to 9), injected between signer and SoftHSM.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "hsm/client.h"
#include "hsm/key_maker.h"
#include "hsm/public_key.h"
#include "test_paths.h"
#include "tests/hsm/op_log_check.h"
#include "tests/hsm/wait_until.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

using std::chrono::milliseconds;

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

class FaultTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { token_ = std::make_unique<test::Token>(); }
  static void TearDownTestSuite() { token_.reset(); }

  void SetUp() override {
    rules("");
    std::filesystem::remove(trace_file());
  }
  std::filesystem::path rules_file() { return token_->directory() / "rules"; }
  std::filesystem::path trace_file() { return token_->directory() / "trace"; }
  /// Replaces the rules in one step: the shim never sees half of them.
  void rules(const std::string& text) {
    const auto beside = rules_file().string() + ".new";
    std::ofstream(beside) << text;
    std::filesystem::rename(beside, rules_file());
  }
  std::string trace() { return read(trace_file()); }

  void start(std::vector<std::string> settings = {}, bool wait = true) {
    test::Signer::Options options;
    options.program = XINYIN_BIN_DIR "/xinyin-signer";
    options.module = XINYIN_P11_SHIM;
    options.settings = std::move(settings);
    if (std::none_of(options.settings.begin(), options.settings.end(),
                     [](const auto& one) { return one.starts_with("token.recheck_ms"); }))
      options.settings.emplace_back(
          "token.recheck_ms = 3600000");  // the trace holds what tests cause
    options.environment = {"P11_SHIM_CONTROL=" + rules_file().string(),
                           "P11_SHIM_TRACE=" + trace_file().string()};
    options.wait = wait;
    signer_ = std::make_unique<test::Signer>(*token_, std::move(options));
    client_ = std::make_unique<Client>(signer_->client());
    if (!wait) return;
    key_ = *client_->key("seal-1");
    check_ = std::move(*SignatureCheck::make(key_->info().algorithm, key_->info().public_key));
  }
  /// Signs; whatever comes back must verify.
  base::Result<base::Bytes> sign(int i = 0) {
    const auto digest = base::sha256(base::as_bytes(std::to_string(i)));
    auto signature = key_->sign(digest);
    EXPECT_TRUE(!signature.ok() || check_->good(digest, *signature)) << "a wrong signature left";
    return signature;
  }
  std::string reason() {
    const auto health = client_->health();
    return health.ok() ? health->reason : health.error().detail;
  }
  bool token_up() {
    const auto health = client_->health();
    return health.ok() && health->token_up;
  }

  static inline std::unique_ptr<test::Token> token_;
  std::unique_ptr<test::Signer> signer_;
  std::unique_ptr<Client> client_;
  std::shared_ptr<const Key> key_;
  std::unique_ptr<SignatureCheck> check_;
};

TEST_F(FaultTest, Fault4_LostSessionsAreNotSeenOutside) {
  start();
  for (const auto* rule : {"C_SignInit rv=0xB3 every=5", "C_Sign rv=0xB3 every=5",
                           "C_SignInit rv=0x90 every=5", "C_Sign rv=0x91 when=after every=5"}) {
    rules(rule);
    for (int i = 0; i < 40; ++i) {
      const auto signature = sign(i);
      ASSERT_TRUE(signature.ok()) << rule << ": " << signature.error().detail;
    }
  }
  EXPECT_GE(count(trace(), "C_SignInit 0xb3"), 8u);  // they did happen
  EXPECT_EQ(count(trace(), "C_Login"), 1u);          // and took no new login
}

TEST_F(FaultTest, Fault5_ASignatureWhoseAnswerWasLostIsMadeAgain) {
  start();
  rules("C_Sign rv=0x06 when=after every=3");
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(sign(i).ok());
  EXPECT_GE(count(trace(), "C_Sign 0x6"), 10u);
}

TEST_F(FaultTest, AKeyThatWasNotFoundAtTheOpeningIsServedWhenItIsThereAgain) {
  rules("C_FindObjects short=1");
  start({"token.recheck_ms = 100"}, /*wait=*/false);
  EXPECT_TRUE(test::wait_until([&] { return token_up() && !reason().empty(); })) << reason();
  rules("");
  EXPECT_TRUE(test::wait_until([&] { return token_up() && reason().empty(); })) << reason();
  const auto keys = client_->keys();
  ASSERT_TRUE(keys.ok());
  for (const auto& key : *keys) {
    if (key.purpose != Purpose::seal) continue;
    EXPECT_TRUE((*client_->key(key.label))->sign_message(base::as_bytes("again")).ok())
        << key.label;
  }
}

TEST_F(FaultTest, ACallThatHangsHoldsBackNobodyElsesAnswer) {
  start({"sessions = 1", "watchdog_ms = 300000"});
  // The others wait while the first is signed: its line would be kept together with theirs.
  rules("C_Sign delay=300 nth=1\nC_Sign hang=rule nth=1");
  Client patient(signer_->client(std::chrono::minutes(2)));
  const auto key = *patient.key("seal-1");
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      EXPECT_TRUE(key->sign(base::sha256(base::as_bytes(std::to_string(i)))).ok());
      ++answered;
    });
  EXPECT_TRUE(test::wait_until([&] { return answered > 0; }));
  rules("");
  for (auto& thread : threads) thread.join();
}

TEST_F(FaultTest, Fault6_AWrongSignatureNeverLeavesAndTheSecondSuspendsTheKey) {
  start();
  rules("C_Sign corrupt=1 times=1");
  EXPECT_EQ(sign().error().key, "hsm.wrong_signature");
  rules("");
  EXPECT_TRUE(sign().ok());
  rules("C_Sign corrupt=1 times=1");
  EXPECT_EQ(sign().error().key, "hsm.wrong_signature");
  rules("");
  EXPECT_EQ(sign().error().key, "hsm.suspended");
  EXPECT_EQ(sign().error().code, base::Code::unavailable);
  EXPECT_TRUE((*client_->key("openid-1"))->sign(base::Digest{}).ok());  // others are not touched
  ASSERT_TRUE(test::wait_until([&] { return reason().find("seal-1") != std::string::npos; }));
  EXPECT_NE(reason().find("wrong signatures"), std::string::npos) << reason();
  EXPECT_EQ(count(read(signer_->oplog()), "hsm.wrong_signature"), 2u);

  // It stays suspended when the worker is replaced: only an officer lifts it.
  ASSERT_TRUE(
      test::wait_until([&] { return signer_->log().find("\"suspended\"") != std::string::npos; }));
  ASSERT_TRUE(
      test::wait_until([&] { return !read(signer_->oplog().string() + ".suspended").empty(); }));
  const auto worker = signer_->worker();
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  ASSERT_TRUE(test::wait_until([&] { return signer_->worker() != worker && token_up(); }));
  EXPECT_EQ(sign().error().key, "hsm.suspended");
}

TEST_F(FaultTest, Fault3_ADeviceErrorOnceIsRetried) {
  start();
  rules("C_Sign rv=0x30 every=4");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(sign(i).ok());
  EXPECT_TRUE(token_up());
}

TEST_F(FaultTest, Fault3_ADeviceThatFailsIsUnavailableAndComesBackWithoutRestart) {
  start();
  const auto worker = signer_->worker();
  for (const auto* rule : {"C_Sign rv=0x30", "C_SignInit rv=0xE0", "C_SignInit rv=0x05",
                           "C_SignInit rv=0x80000001", "C_OpenSession rv=0x32\nC_Sign rv=0x32"}) {
    rules(rule);
    const auto failed = sign();
    ASSERT_FALSE(failed.ok()) << rule;
    EXPECT_EQ(failed.error().key, "hsm.unavailable") << rule;
    EXPECT_EQ(failed.error().code, base::Code::unavailable);
    rules(std::string(rule) +
          "\nC_Initialize rv=0x30");  // opening again fails as well, for a while
    ASSERT_TRUE(test::wait_until([&] { return !token_up(); })) << rule;
    EXPECT_NE(reason().find("CKR"), std::string::npos) << reason();
    // At once, not at the deadline, which this test would not live to see.
    Client patient(signer_->client(std::chrono::hours(1)));
    EXPECT_EQ(patient.key("seal-1").error().key, "hsm.unavailable");
    rules("");
    EXPECT_TRUE(test::wait_until([&] { return sign().ok(); })) << rule << ": " << reason();
  }
  EXPECT_EQ(signer_->worker(), worker);
}

TEST_F(FaultTest, ALostLoginIsMadeOnceAgain) {
  start();
  const auto before = count(trace(), "C_Login");
  rules("C_SignInit rv=0x101 times=1");
  EXPECT_TRUE(sign().ok());
  EXPECT_EQ(count(trace(), "C_Login"), before + 1);
}

TEST_F(FaultTest, Fault7_AHangIsUnavailableAtTheDeadlineAndTheWatchdogReplacesTheWorker) {
  start({"watchdog_ms = 700"});
  const auto worker = signer_->worker();
  rules("C_Sign hang=1 nth=1");
  ClientConfig impatient = signer_->client(milliseconds(200));
  Client client(impatient);
  EXPECT_EQ((*client.key("seal-1"))->sign(base::Digest{}).error().key, "hsm.unavailable");
  EXPECT_TRUE(sign().ok());  // the other sessions serve meanwhile
  EXPECT_TRUE(
      test::wait_until([&] { return signer_->worker() != 0 && signer_->worker() != worker; }));
  rules("");
  EXPECT_TRUE(test::wait_until([&] { return sign().ok(); }));
  EXPECT_NE(signer_->log().find("does not come back"), std::string::npos);
}

TEST_F(FaultTest, Fault7_AHangOfAllSessionsIsCured) {
  start({"watchdog_ms = 500"});
  rules("C_Sign hang=1");
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      Client client(signer_->client(milliseconds(300)));
      const auto key = client.key("seal-1");
      if (!key.ok() || !(*key)->sign(base::Digest{}).ok()) ++refused;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 8);
  rules("");
  EXPECT_TRUE(test::wait_until([&] { return sign().ok(); }));
}

TEST_F(FaultTest, Fault2_AWorkerKilledBeforeOrAfterTheSignatureLosesNoRequest) {
  start();
  for (const auto* when : {"before", "after"}) {
    rules(std::string("C_Sign kill=") + when + " nth=3");  // the new worker counts anew
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(sign(i).ok()) << when << " " << i;
    rules("");
  }
  EXPECT_EQ(signer_->stop(), 0);
  EXPECT_NE(test::check_op_log(signer_->oplog()).find(" lines"), std::string::npos);
}

TEST_F(FaultTest, Fault9_ARefusedPinIsTriedOnceAndIsAnAlarm) {
  for (const auto* rv : {"0xA0", "0xA4"}) {
    std::filesystem::remove(trace_file());
    rules(std::string("C_Login rv=") + rv);
    start({}, /*wait=*/false);
    ASSERT_TRUE(test::wait_until([&] { return reason().find("ALARM") != std::string::npos; }))
        << reason();
    EXPECT_NE(reason().find("CKR_PIN"), std::string::npos) << reason();
    rules("");  // no second try, even now
    EXPECT_EQ(client_->key("seal-1").error().key, "hsm.unavailable");
    std::this_thread::sleep_for(milliseconds(600));  // longer than the first back-off
    EXPECT_EQ(count(trace(), "C_Login"), 1u) << rv;
    EXPECT_EQ(signer_->stop(), 0);
    signer_.reset();
  }
}

TEST_F(FaultTest, Fault9_NoMoreSessionsThanTheTokenAllowsIsNotFatal) {
  start();
  rules("C_OpenSession rv=0xB1");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sign(i).ok());  // the pooled ones go on
  EXPECT_TRUE(token_up());
}

TEST_F(FaultTest, ATokenThatIsAwayAtTheStartIsWaitedFor) {
  rules("C_Initialize rv=0x05");
  start({}, /*wait=*/false);
  ASSERT_TRUE(test::wait_until([&] { return reason().find("C_Initialize") != std::string::npos; }));
  EXPECT_EQ(client_->key("seal-1").error().key, "hsm.unavailable");
  rules("");
  EXPECT_TRUE(test::wait_until([&] { return client_->key("seal-1").ok(); }));
}

TEST_F(FaultTest, Fault10_AStuckSourceOfChanceKeepsTheTokenFromBeingServed) {
  rules("C_GenerateRandom stuck=1");
  start({}, /*wait=*/false);
  ASSERT_TRUE(test::wait_until([&] { return reason().find("hsm.self_test") != std::string::npos; }))
      << reason();
  EXPECT_NE(reason().find("random token: two readings are equal"), std::string::npos) << reason();
  EXPECT_EQ(client_->key("seal-1").error().key, "hsm.unavailable");
  rules("");
  EXPECT_TRUE(test::wait_until([&] { return client_->key("seal-1").ok(); }));
}

/// Making keys on a token that fails half-way, in this process.
class MakingFaultTest : public FaultTest {
 protected:
  void SetUp() override {
    FaultTest::SetUp();
    ::setenv("P11_SHIM_CONTROL", rules_file().c_str(), 1);
    ::setenv("P11_SHIM_TRACE", trace_file().c_str(), 1);
    token_->point_softhsm_here();
  }
  base::Result<std::unique_ptr<KeyMaker>> maker() {
    auto config = token_->config();
    config.module = XINYIN_P11_SHIM;
    return KeyMaker::open(std::move(config), random_);
  }
  base::SystemRandom random_;
};

TEST_F(MakingFaultTest, AKeyThatFailsBeforeItIsKeptLeavesNothing) {
  const auto open = maker();
  ASSERT_TRUE(open.ok()) << open.error().detail;
  const auto before = (*open)->survey()->size();
  for (const auto* rule : {"C_GenerateKeyPair rv=0x05", "C_SignInit rv=0x30", "C_Sign corrupt=1",
                           "C_SetAttributeValue rv=0x10", "C_CopyObject rv=0x54 nth=1"}) {
    rules(rule);
    EXPECT_EQ((*open)->generate(Algorithm::ecdsa_p256, "new", Purpose::seal).error().key,
              "hsm.generate")
        << rule;
    rules("");
    EXPECT_EQ((*open)->survey()->size(), before) << rule;
  }
  EXPECT_TRUE((*open)->generate(Algorithm::ecdsa_p256, "new", Purpose::seal).ok());
}

TEST_F(MakingFaultTest, AHalfThatWasKeptIsNamed) {
  const auto open = maker();
  ASSERT_TRUE(open.ok());
  rules("C_CopyObject rv=0x30 nth=2");
  EXPECT_FALSE((*open)->generate(Algorithm::ecdsa_p256, "half", Purpose::seal).ok());
  rules("");
  const auto adopted = (*open)->adopt("half", Algorithm::ecdsa_p256, Purpose::seal);
  EXPECT_EQ(adopted.error().key, "hsm.half_made");
  EXPECT_NE(adopted.error().detail.find("without its private half"), std::string::npos);
  EXPECT_EQ((*open)->generate(Algorithm::ecdsa_p256, "half", Purpose::seal).error().key,
            "hsm.label_taken");
}

}  // namespace
}  // namespace hsm
