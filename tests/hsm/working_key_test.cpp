// Working keys, judged by OpenSSL's own program. docs/decisions/0133-working-keys.md
#include "hsm/working_key.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/encoding.h"
#include "hsm/public_key.h"
#include "tests/hsm/openssl.h"

namespace hsm {
namespace {

TEST(WorkingKeyTest, ItSignsWhatOthersVerify) {
  const auto made = WorkingKey::make("openid-working", Purpose::openid).value();
  const auto& info = made.key->info();
  EXPECT_EQ(to_string(info.protection), "working");
  EXPECT_EQ(info.id, id_of(info.public_key));
  EXPECT_EQ(made.scalar.reveal().size(), 32U);
  const std::string_view message = "the text of a token";
  const auto signature = made.key->sign_message(base::as_bytes(message)).value();
  EXPECT_EQ(signature.size(), 64U);
  EXPECT_TRUE(test::openssl_verifies(info, signature, message));
  EXPECT_FALSE(test::openssl_verifies(info, signature, "the text of a Token"));
}

TEST(WorkingKeyTest, OpenedAgainItIsTheSameKey) {
  const auto made = WorkingKey::make("a", Purpose::openid).value();
  const auto& spki = made.key->info().public_key;
  const auto again = WorkingKey::open("a", Purpose::openid, spki, made.scalar);
  ASSERT_TRUE(again.ok()) << again.error().detail;
  const auto signature = (*again)->sign_message(base::as_bytes("m")).value();
  EXPECT_TRUE(test::openssl_verifies(made.key->info(), signature, "m"));
}

TEST(WorkingKeyTest, AScalarThatIsNotItsIsRefused) {
  const auto one = WorkingKey::make("a", Purpose::openid).value();
  const auto two = WorkingKey::make("b", Purpose::openid).value();
  EXPECT_NE(one.key->info().public_key, two.key->info().public_key);
  const auto refuse = [&](const base::Secret& scalar) {
    return WorkingKey::open("a", Purpose::openid, one.key->info().public_key, scalar).error().key;
  };
  EXPECT_EQ(refuse(two.scalar), "hsm.working_key");
  EXPECT_EQ(refuse(base::Secret(base::Bytes(32))), "hsm.working_key") << "zero";
  EXPECT_EQ(refuse(base::Secret(base::Bytes(32, 0xff))), "hsm.working_key") << "past the order";
  EXPECT_EQ(refuse(base::Secret(base::Bytes(31, 1))), "hsm.working_key");
  EXPECT_EQ(refuse(base::Secret(base::Bytes(33, 1))), "hsm.working_key");
}

TEST(WorkingKeyTest, ManyThreadsSignWithOne) {
  const auto made = WorkingKey::make("a", Purpose::openid).value();
  const auto check = SignatureCheck::make(Algorithm::ecdsa_p256, made.key->info().public_key).value();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto digest = base::sha256(base::as_bytes(std::to_string(t * 100 + i)));
        const auto signature = made.key->sign(digest);
        if (signature.ok() && check->good(digest, *signature)) ++good;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

}  // namespace
}  // namespace hsm
