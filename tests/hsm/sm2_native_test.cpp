// A module that speaks SM2 itself, by configuration: its key never leaves it, and is not wrapped.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/settings.h"
#include "hsm/inventory.h"
#include "hsm/provision.h"
#include "hsm/signer_config.h"
#include "tests/hsm/openssl.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

/// As the test module's comment tells them (tests/fakes/p11_sm2.cpp).
constexpr Sm2Native kNative{true, 0x80001001, 0x80001002, 0x80001003, false};

class Sm2NativeTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam())
      ::setenv("P11_SM2_DER", "1", 1);
    else
      ::unsetenv("P11_SM2_DER");
    sm2.der = GetParam();
  }
  void TearDown() override { ::unsetenv("P11_SM2_DER"); }

  base::Result<void> provision(const std::vector<PlannedKey>& plan) {
    auto config = token_.provision_config();
    config.module = XINYIN_P11_SM2;
    config.sm2 = sm2;
    return hsm::provision(std::move(config), plan, random_, [](const ProvisionStep&) {});
  }
  base::Result<std::unique_ptr<Token>> open() {
    auto config = token_.config();
    config.module = XINYIN_P11_SM2;
    config.sm2 = sm2;
    return Token::open(std::move(config), random_);
  }

  Sm2Native sm2 = kNative;
  test::Token token_{{{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}}};
  base::SystemRandom random_;
};

TEST_P(Sm2NativeTest, ItsKeyIsMadeAndUsedInTheTokenAndOpensslVerifies) {
  const auto done = provision({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal},
                               {"seal-sm2", Algorithm::sm2, Purpose::seal}});
  ASSERT_TRUE(done.ok()) << done.error().detail;
  const auto inventory = *Inventory::from_file(token_.inventory());
  const auto* entry = inventory.find("seal-sm2");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->key.protection, Protection::token);
  EXPECT_TRUE(entry->wrapped.empty());
  EXPECT_EQ(entry->attributes.at("never_extractable"), true);

  const auto token = open();
  ASSERT_TRUE(token.ok()) << token.error().detail;
  const auto key = (*token)->key("seal-sm2");
  ASSERT_TRUE(key.ok()) << key.error().detail;
  const auto signature = (*key)->sign_message(base::as_bytes("message"));
  ASSERT_TRUE(signature.ok()) << signature.error().detail;
  EXPECT_EQ(signature->size(), 64u);
  EXPECT_TRUE(test::openssl_verifies((*key)->info(), *signature, "message"));
  EXPECT_TRUE((*token)->recheck().ok());
  EXPECT_TRUE(all_passed((*token)->self_test()).ok());
}

TEST_P(Sm2NativeTest, WithoutTheConfigurationTheKeyIsRefusedByName) {
  ASSERT_TRUE(provision({{"seal-sm2", Algorithm::sm2, Purpose::seal}}).ok());
  sm2.native = false;
  const auto token = open();
  ASSERT_TRUE(token.ok()) << token.error().detail;
  EXPECT_EQ((*token)->key("seal-sm2").error().key, "hsm.key_refused");
  EXPECT_TRUE((*token)->key("seal-1").ok());
}

TEST_P(Sm2NativeTest, TheOtherFormOfSignaturesIsNeverReleased) {
  ASSERT_TRUE(provision({{"seal-sm2", Algorithm::sm2, Purpose::seal}}).ok());
  sm2.der = !sm2.der;
  const auto token = open();
  ASSERT_TRUE(token.ok()) << token.error().detail;
  const auto signature = (*token)->sign("seal-sm2", base::Digest{});
  ASSERT_FALSE(signature.ok());
}

INSTANTIATE_TEST_SUITE_P(Forms, Sm2NativeTest, testing::Bool(),
                         [](const auto& one) { return one.param ? "Der" : "Raw"; });

TEST(Sm2ConfigTest, NativeNeedsTheModulesNumbers) {
  const auto read = [](const std::string& more) {
    auto settings =
        base::Settings::from_text("token.label = t\ntoken.pin_file = /p\n" + more, "test");
    return read_signer_config(*settings);
  };
  EXPECT_FALSE(read("")->token.sm2.native);
  EXPECT_FALSE(read("socket.service_purposes = seal,key_wrapping\n").ok());
  EXPECT_FALSE(read("token.sm2 = native\n").ok());
  EXPECT_FALSE(read("token.sm2 = sdf\n").ok());
  EXPECT_FALSE(read("token.sm2_key_type = many\n").ok());
  const auto config = read(
      "token.sm2 = native\ntoken.sm2_key_type = 0x80001001\n"
      "token.sm2_generate_mechanism = 0x80001002\ntoken.sm2_sign_mechanism = 2147487747\n"
      "token.sm2_signature = der\n");
  ASSERT_TRUE(config.ok()) << config.error().detail;
  EXPECT_TRUE(config->token.sm2.native && config->token.sm2.der);
  EXPECT_EQ(config->token.sm2.key_type, 0x80001001u);
  EXPECT_EQ(config->token.sm2.sign_mechanism, 0x80001003u);
}

}  // namespace
}  // namespace hsm
