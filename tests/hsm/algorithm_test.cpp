// Every algorithm in the token of this process and through the signer: what is signed, how long,
// and by OpenSSL's own program whether it verifies.
#include "hsm/algorithm.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "hsm/client.h"
#include "hsm/inventory.h"
#include "hsm/public_key.h"
#include "test_paths.h"
#include "tests/hsm/openssl.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

std::string label_of(Algorithm algorithm) {
  std::string label = "seal-" + std::string(to_string(algorithm));
  for (auto& c : label)
    if (c == '_') c = '-';
  return label;
}

std::vector<Algorithm> signing_algorithms() {
  std::vector<Algorithm> all;
  for (const auto& facts : algorithm_facts())
    if (facts.scheme != Scheme::none) all.push_back(facts.algorithm);
  return all;
}

/// One key of each, and what wraps those that SoftHSM cannot hold.
std::vector<PlannedKey> every_kind() {
  std::vector<PlannedKey> plan{{"key-wrap-1", Algorithm::aes_256, Purpose::key_wrapping},
                               {"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping}};
  for (const auto algorithm : signing_algorithms())
    plan.push_back({label_of(algorithm), algorithm, Purpose::seal});
  return plan;
}

class AlgorithmTest : public testing::TestWithParam<Algorithm> {
 protected:
  static void SetUpTestSuite() { token_ = std::make_unique<test::Token>(every_kind()); }
  static void TearDownTestSuite() { token_.reset(); }

  const AlgorithmFacts& facts() const { return facts_of(GetParam()); }
  std::string label() const { return label_of(GetParam()); }
  std::shared_ptr<const Key> key() { return token_->key(label()); }

  static inline std::unique_ptr<test::Token> token_;
};

TEST_P(AlgorithmTest, OpensslVerifiesWhatItSignsOfAMessage) {
  // openssl pkeyutl cannot read an empty file; the empty message is SignatureCheck's below.
  for (const auto& message :
       {std::string("message"), std::string(1, '\0'), std::string(4096, 'x')}) {
    const auto signature = key()->sign_message(base::as_bytes(message));
    ASSERT_TRUE(signature.ok()) << signature.error().detail;
    EXPECT_EQ(signature->size(), facts().signature_size);
    EXPECT_TRUE(test::openssl_verifies(key()->info(), *signature, message)) << message.size();
    EXPECT_FALSE(test::openssl_verifies(key()->info(), *signature, message + "."));
  }
}

TEST_P(AlgorithmTest, ADigestIsSignedWhereTheInputIsOne) {
  const auto digest = base::sha256(base::as_bytes("message"));
  const auto signature = key()->sign(digest);
  if (facts().input_size == digest.size()) {
    ASSERT_TRUE(signature.ok()) << signature.error().detail;
    const auto check = SignatureCheck::make(GetParam(), key()->info().public_key);
    EXPECT_TRUE((*check)->good(digest, *signature));
  } else {
    EXPECT_EQ(signature.error().key, "hsm.input");
    EXPECT_EQ(signature.error().code, base::Code::invalid_argument);
  }
}

TEST_P(AlgorithmTest, AnotherLengthThanTheAlgorithmSignsIsRefused) {
  for (std::size_t size = 0; size <= 4200; size += size < 70 ? 1 : 1000) {
    const auto signature = token_->open().sign(label(), base::Bytes(size, 7));
    EXPECT_EQ(signature.ok(), good_input_size(GetParam(), size)) << size;
    if (!signature.ok()) {
      EXPECT_EQ(signature.error().key, "hsm.input");
    }
  }
}

TEST_P(AlgorithmTest, ACheckTakesOnlyItsOwnSignature) {
  const auto& info = key()->info();
  const auto input = *input_of(info, base::as_bytes("message"));
  const auto good = *token_->open().sign(label(), input);
  const auto check = SignatureCheck::make(info.algorithm, info.public_key);
  ASSERT_TRUE(check.ok()) << check.error().detail;
  EXPECT_TRUE((*check)->good(input, good));
  for (std::size_t at = 0; at < good.size(); at += 5) {
    auto bent = good;
    bent[at] ^= 0x10;
    EXPECT_FALSE((*check)->good(input, bent)) << at;
  }
  EXPECT_FALSE((*check)->good(input, base::BytesView(good).first(good.size() - 1)));
  EXPECT_FALSE((*check)->good(input, base::Bytes(good.size())));
  EXPECT_FALSE((*check)->good(base::Bytes(input.size()), good));
  for (const auto other : signing_algorithms())
    EXPECT_EQ(SignatureCheck::make(other, info.public_key).ok(), other == info.algorithm);
}

TEST_P(AlgorithmTest, WhatItIsStandsInTheInventoryAndIsToldToEverybody) {
  const auto inventory = Inventory::from_file(token_->inventory());
  ASSERT_TRUE(inventory.ok()) << inventory.error().detail;
  const auto* entry = inventory->find(label());
  ASSERT_NE(entry, nullptr);
  const bool wrapped = GetParam() == Algorithm::sm2;
  EXPECT_EQ(entry->key.protection, wrapped ? Protection::wrapped : Protection::token);
  EXPECT_EQ(entry->wrapped.empty(), !wrapped);
  EXPECT_EQ(token_->open().info(label())->protection, entry->key.protection);
  EXPECT_TRUE(good_form(GetParam(), entry->key.public_key));
  EXPECT_EQ(id_of(entry->key.public_key), entry->key.id);
  if (wrapped) return;
  EXPECT_EQ(entry->attributes.at("sensitive"), true);
  EXPECT_EQ(entry->attributes.at("never_extractable"), true);
  EXPECT_EQ(entry->attributes.at("extractable"), false);
  EXPECT_EQ(entry->attributes.at("sign"), true);
  EXPECT_EQ(entry->attributes.at("decrypt"), false);
  EXPECT_EQ(entry->attributes.at("derive"), false);
}

INSTANTIATE_TEST_SUITE_P(All, AlgorithmTest, testing::ValuesIn(signing_algorithms()),
                         [](const auto& one) { return std::string(to_string(one.param)); });

class SignerAlgorithmTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    token_ = std::make_unique<test::Token>(every_kind());
    test::Signer::Options options;
    options.program = XINYIN_BIN_DIR "/xinyin-signer";
    signer_ = std::make_unique<test::Signer>(*token_, std::move(options));
  }
  static void TearDownTestSuite() {
    signer_.reset();
    token_.reset();
  }
  static inline std::unique_ptr<test::Token> token_;
  static inline std::unique_ptr<test::Signer> signer_;
};

TEST_F(SignerAlgorithmTest, EveryAlgorithmSignsMessagesOverTheSocket) {
  Client client(signer_->client());
  for (const auto algorithm : signing_algorithms()) {
    const auto key = client.key(label_of(algorithm));
    ASSERT_TRUE(key.ok()) << key.error().detail;
    EXPECT_EQ((*key)->info().protection,
              algorithm == Algorithm::sm2 ? Protection::wrapped : Protection::token);
    const auto signature = (*key)->sign_message(base::as_bytes("message"));
    ASSERT_TRUE(signature.ok()) << signature.error().detail;
    EXPECT_TRUE(test::openssl_verifies((*key)->info(), *signature, "message"));
    EXPECT_EQ((*key)->sign(base::Digest{}).ok(), facts_of(algorithm).input_size == 32);
  }
  const auto ed25519 = *client.key(label_of(Algorithm::ed25519));
  EXPECT_TRUE(ed25519->sign_message(base::Bytes(4096)).ok());
  EXPECT_EQ(ed25519->sign_message(base::Bytes(4097)).error().key, "hsm.input");
}

TEST_F(SignerAlgorithmTest, AKeyThatWrapsKeysIsReachedByNoRequest) {
  Client client(signer_->client());
  EXPECT_EQ((*client.key("key-wrap-1"))->sign(base::Digest{}).error().key, "hsm.refused");
  // What it wrapped is not opened on request either: data-wrap-1 made all that unwrap takes.
  const auto inventory = *Inventory::from_file(token_->inventory());
  const auto* wrapped = inventory.find(label_of(Algorithm::sm2));
  const auto id = base::from_hex(wrapped->wrapped_by.value()).value();
  base::Bytes disguised{1};
  base::append(disguised, id);
  base::append(disguised, base::BytesView(wrapped->wrapped).subspan(1));
  EXPECT_EQ(client.unwrap("xinyin", disguised).error().key, "hsm.bad_wrapping");
  const auto data = *client.wrap("name", base::Secret(base::as_bytes("secret")));
  EXPECT_EQ(base::to_hex(base::BytesView(data).subspan(1, 20)),
            inventory.find("data-wrap-1")->key.id.value());
}

TEST(Sm2InputTest, TheStandardsExampleGivesItsDigest) {
  // GB/T 32918.5-2017 A.2: e of "message digest" under the default user id.
  const auto point = base::from_hex(
      "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
      "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13");
  EXPECT_EQ(base::to_hex(sm2_input(*point, base::as_bytes("message digest"))),
            "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640");
}

}  // namespace
}  // namespace hsm
