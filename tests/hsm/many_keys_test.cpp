// Many keys in one token: calls into the module are counted, not seconds. The full ten thousand are
// tools/bench/keys_bench.cpp's.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "hsm/client.h"
#include "hsm/inventory.h"
#include "hsm/provision.h"
#include "hsm/token.h"
#include "test_paths.h"
#include "tests/hsm/openssl.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

constexpr std::size_t kPairs = 1500;
constexpr std::size_t kSlice = 256;     // keys that one recheck looks at
constexpr std::size_t kCallsAPair = 4;  // two halves, two templates each

std::string label_of(std::size_t number) {
  return "seal-" + std::to_string(number);
}

class ManyKeysTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (std::size_t i = 0; i < kPairs; ++i)
      plan_.push_back({label_of(i), Algorithm::ecdsa_p256, Purpose::seal});
    plan_.push_back({"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping});
    // In memory: what a disk's fsync costs is not the question here.
    const char* before = std::getenv("TMPDIR");
    const std::string kept = before != nullptr ? before : "";
    if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 1);
    token_ = std::make_unique<test::Token>(plan_);
    if (before != nullptr)
      ::setenv("TMPDIR", kept.c_str(), 1);
    else
      ::unsetenv("TMPDIR");
    ::setenv("P11_SHIM_CONTROL", "", 1);
    ::setenv("P11_SHIM_TRACE", trace_file().c_str(), 1);
  }
  static void TearDownTestSuite() {
    ::unsetenv("P11_SHIM_TRACE");
    token_.reset();
  }
  static std::filesystem::path trace_file() { return token_->directory() / "trace"; }

  static std::size_t pairs() { return plan_.size() - 1; }

  void SetUp() override {
    token_->point_softhsm_here();
    forget();
  }
  static void forget() { std::filesystem::remove(trace_file()); }
  /// Calls since forget(), by name.
  static std::map<std::string, std::size_t> calls() {
    std::map<std::string, std::size_t> out;
    std::ifstream file(trace_file());
    for (std::string line; std::getline(file, line);) ++out[line.substr(0, line.find(' '))];
    return out;
  }
  base::Result<std::unique_ptr<Token>> open() {
    auto config = token_->config();
    config.module = XINYIN_P11_SHIM;
    config.directory = token_->tokens();
    return Token::open(std::move(config), random_);
  }

  static inline std::vector<PlannedKey> plan_;
  static inline std::unique_ptr<test::Token> token_;
  base::SystemRandom random_;
};

TEST_F(ManyKeysTest, OpeningReadsEachObjectOnceAndAUseLooksForNothing) {
  const auto opened = open();
  ASSERT_TRUE(opened.ok()) << opened.error().detail;
  auto& token = **opened;
  EXPECT_EQ(token.keys().size(), pairs() + 1);
  EXPECT_TRUE(token.findings().empty());
  EXPECT_EQ(calls()["C_GetAttributeValue"], kCallsAPair * pairs() + 1);
  EXPECT_LE(calls()["C_FindObjects"], 2 * pairs() / 256 + 8);

  forget();
  for (const auto number : {std::size_t{0}, kPairs / 2, kPairs - 1}) {
    const auto key = token.key(label_of(number));
    ASSERT_TRUE(key.ok());
    EXPECT_TRUE(calls().empty());  // a look-up asks the token nothing
    ASSERT_TRUE((*key)->sign(base::Digest{}).ok());
    auto made = calls();
    EXPECT_EQ(made["C_SignInit"], 1u);
    EXPECT_EQ(made["C_Sign"], 1u);
    EXPECT_EQ(made["C_FindObjectsInit"] + made["C_GetAttributeValue"], 0u);
    forget();
  }
}

TEST_F(ManyKeysTest, ARecheckLooksAtASliceAndAllOfThemAtEverything) {
  const auto opened = open();
  ASSERT_TRUE(opened.ok()) << opened.error().detail;
  auto& token = **opened;
  const std::size_t round = (pairs() + 1 + kSlice - 1) / kSlice;
  std::size_t signatures = 0, attributes = 0;
  for (std::size_t i = 0; i < round; ++i) {
    forget();
    ASSERT_TRUE(token.recheck().ok());
    auto made = calls();
    EXPECT_LE(made["C_GetAttributeValue"], kCallsAPair * kSlice);
    EXPECT_EQ(made["C_FindObjectsInit"], 0u);
    attributes += made["C_GetAttributeValue"];
    signatures += made["C_Sign"];
  }
  EXPECT_EQ(attributes, kCallsAPair * pairs() + 1);
  EXPECT_EQ(signatures, pairs());  // each has signed once: no more from now on
  std::size_t wholes = 0;
  for (std::size_t i = round; i < 60; ++i) {
    forget();
    ASSERT_TRUE(token.recheck().ok());
    auto made = calls();
    EXPECT_EQ(made["C_Sign"], 0u);
    wholes += made["C_FindObjectsInit"] > 0 ? 1 : 0;
  }
  EXPECT_EQ(wholes, 1u);  // from time to time all at once, and what the inventory does not know
}

TEST_F(ManyKeysTest, OneMoreKeyIsMadeWithoutReadingAllForEach) {
  auto more = plan_;
  for (int i = 0; i < 5; ++i)
    more.push_back({"openid-" + std::to_string(i), Algorithm::ecdsa_p256, Purpose::openid});
  auto config = token_->provision_config();
  config.module = XINYIN_P11_SHIM;
  const auto done = hsm::provision(std::move(config), more, random_, [](const ProvisionStep&) {});
  ASSERT_TRUE(done.ok()) << done.error().detail;
  auto made = calls();
  EXPECT_EQ(made["C_GenerateKeyPair"], 5u);
  // All of them twice: before the first new key, and to say at the end what serving will find.
  EXPECT_LE(made["C_GetAttributeValue"], 2 * kCallsAPair * (pairs() + 10) + 100);
  plan_ = more;
}

TEST_F(ManyKeysTest, AClientAsksForOneKeyAndIsToldOfOne) {
  test::Signer::Options options;
  options.program = XINYIN_BIN_DIR "/xinyin-signer";
  test::Signer signer(*token_, std::move(options));
  Client client(signer.client(std::chrono::seconds(30)));
  EXPECT_EQ(client.keys()->size(), plan_.size());
  const auto key = client.key(label_of(kPairs / 3));
  ASSERT_TRUE(key.ok()) << key.error().detail;
  EXPECT_TRUE((*key)->sign(base::Digest{}).ok());
  EXPECT_EQ(client.key("nobody").error().key, "hsm.no_key");
}

TEST_F(ManyKeysTest, AKeyThatGoesIsNoticedWithinOneRound) {
  const auto opened = open();
  ASSERT_TRUE(opened.ok()) << opened.error().detail;
  auto& token = **opened;
  const auto gone = label_of(kPairs / 2);
  const auto aside = token_->directory() / "aside";
  std::filesystem::copy(token_->tokens(), aside, std::filesystem::copy_options::recursive);
  const auto deleted = test::run(
      {"pkcs11-tool", "--module", test::Token::module(), "--token-label", token_->label(),
       "--login", "--pin", token_->pin(), "--delete-object", "--type", "pubkey", "--label", gone},
      {"SOFTHSM2_CONF=" + token_->softhsm_conf().string()});
  ASSERT_EQ(deleted.status, 0) << deleted.out;
  const std::size_t round = (plan_.size() + kSlice - 1) / kSlice;
  std::size_t looks = 0;
  while (looks < round && token.recheck().ok()) ++looks;
  EXPECT_LT(looks, round);
  EXPECT_EQ(token.condition(), Condition::down);
  EXPECT_NE(token.reason().find(gone), std::string::npos) << token.reason();
  std::filesystem::remove_all(token_->tokens());
  std::filesystem::rename(aside, token_->tokens());
}

}  // namespace
}  // namespace hsm
