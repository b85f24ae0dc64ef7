// The token in this process: keys, their attributes, the inventory, wrapping.
#include "hsm/token.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/encoding.h"
#include "hsm/inventory.h"
#include "hsm/public_key.h"
#include "tests/hsm/openssl.h"
#include "tests/support/token.h"

namespace hsm {
namespace {

class TokenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto keys = test::demonstration_keys();
    keys.push_back({"seal-rsa", Algorithm::rsa_3072, Purpose::seal});
    keys.push_back({"seal-rsa-4096", Algorithm::rsa_4096, Purpose::seal});
    keys.push_back({"seal-p384", Algorithm::ecdsa_p384, Purpose::seal});
    keys.push_back({"seal-ed25519", Algorithm::ed25519, Purpose::seal});
    token_ = std::make_unique<test::Token>(keys);
  }
  static void TearDownTestSuite() { token_.reset(); }
  static inline std::unique_ptr<test::Token> token_;
};

TEST_F(TokenTest, SignaturesOfBothAlgorithmsVerifyWithOpenssl) {
  for (const auto* label : {"seal-1", "seal-rsa"}) {
    const auto key = token_->key(label);
    const auto signature = key->sign(base::sha256(base::as_bytes("message")));
    ASSERT_TRUE(signature.ok()) << signature.error().detail;
    EXPECT_TRUE(test::openssl_verifies(key->info(), *signature, "message")) << label;
    EXPECT_FALSE(test::openssl_verifies(key->info(), *signature, "massage")) << label;
  }
}

TEST_F(TokenTest, SixteenThreadsShareFourSessions) {
  const auto key = token_->key("openid-1");
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        good += key->sign(base::sha256(base::as_bytes(std::to_string(i)))).ok() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 16 * 50);
}

TEST_F(TokenTest, IdsAreTheDigestOfThePublicKeyAndPurposesAreKept) {
  const auto keys = token_->open().keys();
  ASSERT_EQ(keys.size(), 11u);
  for (const auto& key : keys) {
    EXPECT_EQ(key.protection, Protection::token);
    if (key.algorithm == Algorithm::aes_256) continue;
    const auto digest = base::sha256(key.public_key);
    EXPECT_EQ(key.id.value(), base::to_hex(base::BytesView(digest).first(20)));
  }
  EXPECT_EQ(token_->open().info("issuing-ca")->purpose, Purpose::issuing_ca);
  EXPECT_TRUE(token_->open().findings().empty());
}

TEST_F(TokenTest, AWrappingKeySignsNothing) {
  EXPECT_EQ(token_->open().sign("data-wrap-1", base::Digest{}).error().key, "hsm.refused");
}

TEST_F(TokenTest, Pkcs11ToolFindsNoKeyThatMayLeaveOrDoMoreThanItsUse) {
  const auto listed =
      test::run({"pkcs11-tool", "--module", test::Token::module(), "--token-label", token_->label(),
                 "--login", "--pin", token_->pin(), "--list-objects"},
                {"SOFTHSM2_CONF=" + token_->softhsm_conf().string()});
  ASSERT_EQ(listed.status, 0) << listed.out;
  std::size_t private_keys = 0;
  std::istringstream lines(listed.out);
  bool in_private = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("Object;") != std::string::npos) {
      in_private = line.starts_with("Private Key Object");
      private_keys += in_private ? 1 : 0;
    } else if (in_private && line.find("Usage:") != std::string::npos) {
      EXPECT_NE(line.find("sign"), std::string::npos) << line;
      for (const auto* more : {"decrypt", "unwrap", "derive", "signRecover"})
        EXPECT_EQ(line.find(more), std::string::npos) << line;
    } else if (in_private && line.find("Access:") != std::string::npos) {
      EXPECT_NE(line.find("sensitive, always sensitive, never extractable, local"),
                std::string::npos)
          << line;
    }
  }
  EXPECT_EQ(private_keys, 10u) << listed.out;
}

TEST_F(TokenTest, AnUnknownLabelIsNotFound) {
  EXPECT_EQ(token_->open().key("nobody").error().code, base::Code::not_found);
}

TEST_F(TokenTest, WhatIsWrappedUnderOneNameIsNotUnwrappedUnderAnother) {
  auto& token = token_->open();
  const base::Secret secret(base::as_bytes("thirty-two bytes of a data key.."));
  const auto wrapped = token.wrap("data-key", secret);
  ASSERT_TRUE(wrapped.ok()) << wrapped.error().detail;
  const auto again = token.unwrap("data-key", *wrapped);
  ASSERT_TRUE(again.ok()) << again.error().detail;
  EXPECT_TRUE(again->equals(secret.reveal()));
  EXPECT_NE(*token.wrap("data-key", secret), *wrapped);  // a fresh IV each time

  EXPECT_EQ(token.unwrap("other", *wrapped).error().key, "hsm.bad_wrapping");
  for (std::size_t i = 0; i < wrapped->size(); ++i) {
    auto bent = *wrapped;
    bent[i] ^= 0x40;
    ASSERT_EQ(token.unwrap("data-key", bent).error().key, "hsm.bad_wrapping") << "byte " << i;
  }
  for (std::size_t size = 0; size < wrapped->size(); ++size)
    ASSERT_EQ(token.unwrap("data-key", base::BytesView(*wrapped).first(size)).error().key,
              "hsm.bad_wrapping");
  EXPECT_FALSE(token.wrap("n", base::Secret(base::Bytes(4097))).ok());
  EXPECT_TRUE(token.wrap("n", base::Secret(base::Bytes(4096))).ok());
  EXPECT_FALSE(token.wrap("n", base::Secret()).ok());
  EXPECT_EQ(token.condition(), Condition::up);  // garbage brought nothing down
  EXPECT_TRUE(token.sign("seal-1", base::Digest{}).ok());
}

/// The inventory as somebody might change it.
class InventoryTest : public testing::Test {
 protected:
  test::Token token_{{{"seal-1", Algorithm::ecdsa_p256, Purpose::seal},
                      {"seal-2", Algorithm::ecdsa_p256, Purpose::seal}}};
  Inventory inventory() { return *Inventory::from_file(token_.inventory()); }
  void save(const Inventory& changed) { ASSERT_TRUE(changed.save(token_.inventory()).ok()); }
};

TEST_F(InventoryTest, AKeyThatItDoesNotKnowIsNotUsed) {
  auto changed = inventory();
  changed.keys.pop_back();
  save(changed);
  EXPECT_EQ(token_.open().key("seal-2").error().key, "hsm.no_key");
  EXPECT_TRUE(token_.open().key("seal-1").ok());
  const auto findings = token_.open().findings();
  ASSERT_EQ(findings.size(), 2u);  // both halves
  EXPECT_EQ(findings[0].label, "seal-2");
}

TEST_F(InventoryTest, AKeyThatDriftedIsRefusedByName) {
  auto changed = inventory();
  changed.keys[0].attributes["extractable"] = true;
  save(changed);
  const auto refused = token_.open().key("seal-1");
  EXPECT_EQ(refused.error().key, "hsm.key_refused");
  EXPECT_NE(refused.error().detail.find("extractable is false, must be true"), std::string::npos);
  EXPECT_EQ(token_.open().sign("seal-1", base::Digest{}).error().key, "hsm.key_refused");
  EXPECT_TRUE(token_.open().sign("seal-2", base::Digest{}).ok());
}

TEST_F(InventoryTest, AnotherPublicKeyThanTheTokensIsRefused) {
  auto changed = inventory();
  std::swap(changed.keys[0].key.public_key, changed.keys[1].key.public_key);
  EXPECT_FALSE(Inventory::from_text(changed.text()).ok());  // the ids do not fit any more
  std::swap(changed.keys[0].key.id, changed.keys[1].key.id);
  save(changed);  // well-formed: two labels exchanged
  EXPECT_EQ(token_.open().key("seal-1").error().key, "hsm.key_refused");
}

TEST_F(InventoryTest, AnInventoryOfAnotherTokenIsRefused) {
  auto changed = inventory();
  changed.token_serial = "0000000000000000";
  save(changed);
  base::SystemRandom random;
  EXPECT_EQ(Token::open(token_.config(), random).error().key, "hsm.inventory");
}

TEST_F(InventoryTest, OneLoginInAProcess) {
  token_.open();
  base::SystemRandom random;
  EXPECT_EQ(Token::open(token_.config(), random).error().key, "hsm.in_use");
}

TEST_F(InventoryTest, AKeyKeepsTheTokenOpenAndClosingLetsAnotherIn) {
  auto key = token_.key("seal-1");
  token_.close();
  EXPECT_TRUE(key->sign(base::Digest{}).ok());
  key.reset();
  EXPECT_TRUE(token_.open().key("seal-1").ok());
}

TEST_F(InventoryTest, AWrongPinIsAnErrorOfItsOwn) {
  auto config = token_.config();
  config.pin = base::Secret(base::as_bytes("wrong-pin"));
  base::SystemRandom random;
  EXPECT_EQ(Token::open(std::move(config), random).error().key, "hsm.pin");
}

TEST_F(InventoryTest, ATokenThatGoesAwayIsDownAndMayBeOpenedAgain) {
  auto& token = token_.open();
  std::filesystem::rename(token_.tokens(), token_.directory() / "pulled");
  EXPECT_EQ(token.sign("seal-1", base::Digest{}).error().key, "hsm.unavailable");
  EXPECT_EQ(token.condition(), Condition::down);
  EXPECT_NE(token.reason().find("seal-1"), std::string::npos) << token.reason();
  token_.close();
  base::SystemRandom random;
  EXPECT_FALSE(Token::open(token_.config(), random).ok());
  std::filesystem::rename(token_.directory() / "pulled", token_.tokens());
  EXPECT_TRUE(token_.open().sign("seal-1", base::Digest{}).ok());
}

TEST_F(InventoryTest, RecheckNoticesAPulledTokenAndAChangedKey) {
  EXPECT_TRUE(token_.open().recheck().ok());
  std::filesystem::rename(token_.tokens(), token_.directory() / "pulled");
  EXPECT_FALSE(token_.open().recheck().ok());
  EXPECT_EQ(token_.open().condition(), Condition::down);
  std::filesystem::rename(token_.directory() / "pulled", token_.tokens());
}

/// The token's file with the private half of the only signing key: the largest one.
std::filesystem::path private_object(const test::Token& token) {
  std::filesystem::path largest;
  for (const auto& one : std::filesystem::recursive_directory_iterator(token.tokens()))
    if (one.path().extension() == ".object" && one.path().filename() != "token.object" &&
        (largest.empty() || std::filesystem::file_size(one) > std::filesystem::file_size(largest)))
      largest = one.path();
  return largest;
}

// Far from the statuses with which SoftHSM itself ends the process.
enum FlipOutcome { kRight = 100, kRefused, kRefusedByDigest, kWrong, kUnsound };

/// Opens and signs in a process of its own: a bent object may make SoftHSM hang or exit.
int outcome_in_child(const test::Token& token, const KeyInfo& key,
                     const std::filesystem::path& directory = {}) {
  std::fflush(nullptr);  // SoftHSM may end the child by exit(), which would say it all again
  const auto child = ::fork();
  if (child == 0) {
    ::alarm(5);
    base::SystemRandom random;
    auto config = token.config();
    config.directory = directory;
    const auto opened = Token::open(std::move(config), random);
    if (!opened.ok())
      ::_exit(opened.error().key == "hsm.token_files" ? kRefusedByDigest : kRefused);
    const auto digest = base::sha256(base::as_bytes("message"));
    const auto signature = (*opened)->sign(key.label, digest);
    if (!signature.ok()) ::_exit(kRefused);
    const auto check = SignatureCheck::make(key.algorithm, key.public_key);
    if (!(*check)->good(digest, *signature)) ::_exit(kWrong);
    // What signs must be what the inventory says, down to the attributes: SoftHSM itself is asked.
    const auto again = (*opened)->recheck();
    ::_exit(again.ok() && (*opened)->findings().empty() ? kRight : kUnsound);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const int outcome = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return outcome < kRight ? kRefused
                          : outcome;  // hung, crashed or ended by SoftHSM: nothing left it
}

TEST(FlippedTokenTest, Fault11_NoWrongSignatureAndNoUnsoundKeyComesOfABentObject) {
  test::Token token({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}});
  const auto key = token.key("seal-1")->info();
  token.close();
  const auto path = private_object(token);
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  const auto good = text.str();
  ASSERT_GT(good.size(), 500u);
  const auto write = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  std::map<int, int> seen;
  for (std::size_t at = 0; at < good.size(); at += 7) {
    auto bent = good;
    bent[at] = static_cast<char>(bent[at] ^ 0x01);
    write(bent);
    const int outcome = outcome_in_child(token, key);
    ASSERT_TRUE(outcome == kRight || outcome == kRefused) << "byte " << at << ": " << outcome;
    ++seen[outcome];
    // With the digests at hand it is refused before SoftHSM reads it.
    ASSERT_EQ(outcome_in_child(token, key, token.tokens()), kRefusedByDigest) << "byte " << at;
  }
  EXPECT_GT(seen[kRight], 0);
  EXPECT_GT(seen[kRefused], 0);
  for (const auto size : {std::size_t{0}, std::size_t{1}, good.size() / 2, good.size() - 1}) {
    write(good.substr(0, size));
    EXPECT_EQ(outcome_in_child(token, key), kRefused) << "cut to " << size;
    EXPECT_EQ(outcome_in_child(token, key, token.tokens()), kRefusedByDigest) << "cut to " << size;
  }
  write(good);
  EXPECT_EQ(outcome_in_child(token, key, token.tokens()), kRight);
}

TEST(TokenFilesTest, AChangedFileBringsAnOpenTokenDownByName) {
  test::Token token({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}});
  auto config = token.config();
  config.directory = token.tokens();
  base::SystemRandom random;
  const auto opened = Token::open(std::move(config), random);
  ASSERT_TRUE(opened.ok()) << opened.error().detail;
  ASSERT_TRUE((*opened)->recheck().ok());
  const auto path = private_object(token);
  std::ofstream(path, std::ios::binary | std::ios::app) << '!';
  EXPECT_FALSE((*opened)->recheck().ok());
  EXPECT_EQ((*opened)->condition(), Condition::down);
  EXPECT_NE((*opened)->reason().find(path.filename().string()), std::string::npos);
}

}  // namespace
}  // namespace hsm
