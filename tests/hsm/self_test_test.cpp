// Self-tests: what they cover, and that a source of chance or a key that fails is not served.
#include "hsm/self_test.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "hsm/key_maker.h"
#include "hsm/provision.h"
#include "hsm/token.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

base::Result<void> healthy(std::function<void(std::span<std::uint8_t>)> fill) {
  return all_passed({random_health("x", [&](std::span<std::uint8_t> out) {
    fill(out);
    return base::Result<void>();
  })});
}

TEST(SelfTestTest, EveryAlgorithmHasItsKnownAnswer) {
  base::SystemRandom random;
  const auto results = self_test(random);
  EXPECT_TRUE(all_passed(results).ok()) << all_passed(results).error().detail;
  std::set<std::string> names;
  for (const auto& one : results) EXPECT_TRUE(names.insert(one.name).second) << one.name;
  for (const auto* name : {"sha256", "sha384", "sm3", "ecdsa_p256 verify", "ecdsa_p384 verify",
                           "rsa_3072 verify", "rsa_4096 verify", "ed25519 verify", "sm2 verify",
                           "sm2 sign", "aes_256 gcm", "random system"})
    EXPECT_EQ(names.count(name), 1u) << name;
}

TEST(SelfTestTest, AFailedOneIsNamed) {
  const auto failed = all_passed({{"a", true, ""}, {"b", false, "why"}, {"c", false, "how"}});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().key, "hsm.self_test");
  EXPECT_EQ(failed.error().detail, "b: why; c: how");
}

TEST(SelfTestTest, ASoundSourceIsNotRefused) {
  base::SystemRandom random;
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(healthy([&](std::span<std::uint8_t> out) { random.fill(out); }).ok());
}

TEST(SelfTestTest, AStuckRepeatingOrBiasedSourceIsRefused) {
  base::SystemRandom random;
  const auto why = [](const base::Result<void>& result) {
    return result.ok() ? "" : result.error().detail;
  };
  // Always the same reading, though it looks random.
  const auto reading = random.bytes(4096);
  EXPECT_EQ(why(healthy([&](auto out) { std::copy_n(reading.begin(), out.size(), out.begin()); })),
            "x: two readings are equal");
  // A run of one octet: SP 800-90B 4.4.1.
  for (const std::size_t length : {5u, 6u}) {
    const auto result = healthy([&](std::span<std::uint8_t> out) {
      random.fill(out);
      for (std::size_t i = 1; i < out.size(); ++i)
        if (out[i] == out[i - 1]) out[i] = static_cast<std::uint8_t>(out[i] + 1);
      out[99] = static_cast<std::uint8_t>(out[100] + 1);
      for (std::size_t i = 0; i < length; ++i) out[100 + i] = out[100];
      out[100 + length] = static_cast<std::uint8_t>(out[100] + 1);
    });
    EXPECT_EQ(result.ok(), length < 6) << why(result);
  }
  // One octet far too often, never in a row: SP 800-90B 4.4.2.
  const auto biased = healthy([&](std::span<std::uint8_t> out) {
    random.fill(out);
    for (std::size_t i = 0; i < out.size(); i += 8) out[i] = 7;
  });
  EXPECT_NE(why(biased).find("one octet"), std::string::npos) << why(biased);
  const auto away = random_health("x", [](std::span<std::uint8_t>) {
    return base::Result<void>(base::error(base::Code::unavailable, "hsm.unavailable", "gone"));
  });
  EXPECT_FALSE(away.passed);
}

class StuckRandom final : public base::Random {
 public:
  void fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), 0x5a); }
};

/// Between us and SoftHSM stands the module that breaks on command.
class TokenSelfTest : public testing::Test {
 protected:
  void SetUp() override {
    rules("");
    ::setenv("P11_SHIM_CONTROL", (token_.directory() / "rules").c_str(), 1);
    ::setenv("P11_SHIM_TRACE", (token_.directory() / "trace").c_str(), 1);
    token_.point_softhsm_here();
  }
  void rules(const std::string& text) {
    const auto path = (token_.directory() / "rules").string();
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  std::size_t calls(std::string_view name) {
    std::ifstream file(token_.directory() / "trace");
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);)
      count += line.starts_with(std::string(name) + " ") ? 1 : 0;
    return count;
  }
  TokenConfig config() {
    auto config = token_.config();
    config.module = XINYIN_P11_SHIM;
    return config;
  }

  test::Token token_{{{"key-wrap-1", Algorithm::aes_256, Purpose::key_wrapping},
                      {"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping},
                      {"seal-1", Algorithm::ecdsa_p256, Purpose::seal},
                      {"seal-ed", Algorithm::ed25519, Purpose::seal},
                      {"seal-sm2", Algorithm::sm2, Purpose::seal}}};
  base::SystemRandom random_;
};

TEST_F(TokenSelfTest, Fault10_AStuckTokenServesNothingAndMakesNoKeys) {
  rules("C_GenerateRandom stuck=1");
  const auto stuck = Token::open(config(), random_);
  ASSERT_FALSE(stuck.ok());
  EXPECT_EQ(stuck.error().key, "hsm.self_test");
  EXPECT_EQ(stuck.error().code, base::Code::unavailable);
  EXPECT_NE(stuck.error().detail.find("random token"), std::string::npos);
  EXPECT_EQ(KeyMaker::open(config(), random_).error().key, "hsm.self_test");
  rules("");
  EXPECT_TRUE(Token::open(config(), random_).ok());
}

TEST_F(TokenSelfTest, AStuckSystemSourceKeepsThePinFromEverything) {
  StuckRandom stuck;
  const auto refused = Token::open(config(), stuck);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "hsm.self_test");
  EXPECT_NE(refused.error().detail.find("random system"), std::string::npos);
  EXPECT_EQ(calls("C_Login"), 0u);
}

TEST_F(TokenSelfTest, OnDemandEveryKeyInUseIsTried) {
  const auto token = Token::open(config(), random_);
  ASSERT_TRUE(token.ok()) << token.error().detail;
  const auto results = (*token)->self_test();
  EXPECT_TRUE(all_passed(results).ok()) << all_passed(results).error().detail;
  std::set<std::string> names;
  for (const auto& one : results) names.insert(one.name);
  for (const auto* name : {"random token", "key key-wrap-1", "key data-wrap-1", "key seal-1",
                           "key seal-ed", "key seal-sm2"})
    EXPECT_EQ(names.count(name), 1u) << name;
}

TEST_F(TokenSelfTest, OnDemandAStuckTokenGoesDown) {
  const auto token = Token::open(config(), random_);
  ASSERT_TRUE(token.ok()) << token.error().detail;
  rules("C_GenerateRandom stuck=1");
  EXPECT_FALSE(all_passed((*token)->self_test()).ok());
  EXPECT_EQ((*token)->condition(), Condition::down);
  EXPECT_NE((*token)->reason().find("random token"), std::string::npos);
  EXPECT_EQ((*token)->sign("seal-1", base::Digest{}).error().key, "hsm.unavailable");
}

TEST_F(TokenSelfTest, AKeyThatSignsWronglyIsSuspendedByNameAndTheOthersServe) {
  const auto token = Token::open(config(), random_);
  ASSERT_TRUE(token.ok()) << token.error().detail;
  rules("C_Sign corrupt=1 times=1");
  const auto results = (*token)->self_test();
  const auto failed = all_passed(results);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().detail.find("key seal-1"), std::string::npos) << failed.error().detail;
  EXPECT_EQ((*token)->condition(), Condition::up);
  EXPECT_EQ((*token)->sign("seal-1", base::Digest{}).error().key, "hsm.suspended");
  EXPECT_TRUE((*token)->key("seal-ed").ok());
}

TEST_F(TokenSelfTest, TheFirstRecheckTriesWhatHasNotSignedYetAndTheNextNothing) {
  const auto token = Token::open(config(), random_);
  ASSERT_TRUE(token.ok()) << token.error().detail;
  ASSERT_TRUE((*token)->sign("seal-1", base::Digest{}).ok());
  ASSERT_EQ(calls("C_Sign"), 1u);
  ASSERT_TRUE((*token)->recheck().ok());
  EXPECT_EQ(calls("C_Sign"), 2u);  // seal-ed; seal-sm2 is opened by C_Decrypt
  const auto opened = calls("C_Decrypt");
  EXPECT_GE(opened, 1u);
  ASSERT_TRUE((*token)->recheck().ok());
  EXPECT_EQ(calls("C_Sign"), 2u);
  EXPECT_EQ(calls("C_Decrypt"), opened);
}

}  // namespace
}  // namespace hsm
