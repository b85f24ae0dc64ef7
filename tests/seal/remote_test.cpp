#include "seal/remote.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/actor_factory.h"
#include "base/encoding.h"
#include "seal/local_timestamps.h"
#include "tests/seal/support.h"
#include "tests/support/active_seal.h"
#include "tests/support/postgres.h"

namespace {

using base::Code;

auth::Actor system_actor(const std::string& client = "core",
                         const std::string& scopes = "seal.remote", bool system = true) {
  return auth::ActorFactory::make({.subject = auth::SubjectId((system ? "client:" : "") + client),
                                   .acting_for = {},
                                   .client = auth::ClientId(client),
                                   .authenticated_at = {},
                                   .scopes = scopes});
}

base::Digest digest(std::string_view text) {
  return base::sha256(base::as_bytes(text));
}

class RemoteSealingTest : public testing::Test {
 protected:
  static store::Pool& pool() { return test::Database::shared().pool(); }
  seal::RemoteSealing& remote(
      const std::string& policy = R"({"kinds":["remote"],"uses":["remote"]})") {
    seal_ = test::active_seal(pool(), pki_.clock(), random_, policy);
    auto made = seal::RemoteSealing::create(
        {pool(), pki_.clock(), random_, timestamps_}, seal_.value(), pki_.key("seal-1"),
        pki_.certificate("seal-1"), {pki_.certificate("issuing-ca")});
    base::check(made.ok(), "no remote sealing");
    remote_ = std::move(*made);
    return *remote_;
  }
  int uses() {
    return std::stoi(test::Database::shared().sql(
        test::Role::superuser,
        "select count(*) from seal.remote_use where seal = '" + seal_.value() + "'")[0][0]);
  }

  base::SystemRandom random_;
  test::Pki pki_;
  seal::LocalTimestamps timestamps_{pki_.timestamps()};
  seal::SealId seal_;
  std::unique_ptr<seal::RemoteSealing> remote_;
};

TEST_F(RemoteSealingTest, WhatWasAuthorisedIsSignedOnceAndOthersJudgeIt) {
  auto& one = remote();
  const std::vector hashes{digest("one"), digest("two")};
  const auto grant = one.authorize(system_actor(), hashes);
  ASSERT_TRUE(grant.ok()) << grant.error().key;
  const auto signatures = one.sign_documents(system_actor(), grant->sad, hashes, true);
  ASSERT_TRUE(signatures.ok()) << signatures.error().key;
  ASSERT_EQ(signatures->size(), 2u);
  EXPECT_EQ(uses(), 2);
  const test::TempDirectory directory;
  const auto content = directory.write("content", base::as_bytes("one"));
  const auto other = directory.write("other", base::as_bytes("two"));
  const auto cms = directory.write("cms", (*signatures)[0]);
  const auto root = directory.write("root.pem", base::as_bytes(pki_.certificate("root-ca").pem()));
  const auto judged = [&](const std::filesystem::path& file) {
    return test::run("openssl cms -verify -binary -inform DER -in " + cms.string() + " -content " +
                         file.string() + " -CAfile " + root.string() + " -purpose any -attime " +
                         std::to_string(base::to_unix_s(pki_.clock().now())) + " -out /dev/null",
                     "openssl");
  };
  EXPECT_EQ(judged(content).status, 0) << judged(content).output;
  EXPECT_NE(judged(other).status, 0);
  EXPECT_EQ(one.sign_documents(system_actor(), grant->sad, hashes, true).error().key,
            "seal.remote.sad");
}

TEST_F(RemoteSealingTest, BareDigestsAreSignedAsTheyAre) {
  auto& one = remote();
  const std::vector hashes{digest("one")};
  const auto grant = one.authorize(system_actor(), hashes);
  const auto signatures = one.sign_hashes(system_actor(), grant->sad, hashes);
  ASSERT_TRUE(signatures.ok());
  const test::TempDirectory directory;
  const auto key = directory.write(
      "key.pem", base::as_bytes(base::to_pem("PUBLIC KEY", pki_.key("seal-1")->info().public_key)));
  const auto judged = test::run("openssl dgst -sha256 -verify " + key.string() + " -signature " +
                                    directory.write("signature", (*signatures)[0]).string() + " " +
                                    directory.write("content", base::as_bytes("one")).string(),
                                "openssl");
  EXPECT_EQ(judged.output, "Verified OK\n");
}

TEST_F(RemoteSealingTest, AnAuthorisationIsGoodForItsDigestsItsClientAndItsTimeAlone) {
  auto& one = remote();
  const std::vector hashes{digest("one"), digest("two")};
  const auto refused = [&](const auth::Actor& who, const std::string& sad,
                           const std::vector<base::Digest>& what) {
    const auto made = one.sign_hashes(who, sad, what);
    return made.ok() ? std::string("signed") : made.error().key;
  };
  const auto sad = one.authorize(system_actor(), hashes)->sad;
  EXPECT_EQ(refused(system_actor(), sad, {digest("one")}), "seal.remote.sad");
  EXPECT_EQ(refused(system_actor(), sad, {digest("two"), digest("one")}), "seal.remote.sad");
  EXPECT_EQ(refused(system_actor(), sad, {digest("one"), digest("other")}), "seal.remote.sad");
  EXPECT_EQ(refused(system_actor("another"), sad, hashes), "seal.remote.sad");
  EXPECT_EQ(refused(system_actor(), "", hashes), "seal.remote.sad");
  EXPECT_EQ(refused(system_actor(), base::to_base64url(base::Bytes(32, 1)), hashes),
            "seal.remote.sad");
  EXPECT_EQ(uses(), 0) << "nothing was signed";
  pki_.clock().advance(std::chrono::seconds(301));
  EXPECT_EQ(refused(system_actor(), sad, hashes), "seal.remote.sad");
  ASSERT_TRUE(one.sweep().ok());
  const auto fresh = one.authorize(system_actor(), hashes)->sad;
  EXPECT_EQ(refused(system_actor(), fresh, hashes), "signed");
}

TEST_F(RemoteSealingTest, APersonOrAnotherScopeNeverGetsThere) {
  auto& one = remote();
  const std::vector hashes{digest("one")};
  EXPECT_EQ(one.authorize(system_actor("core", "documents.issue"), hashes).error().key,
            "seal.scope");
  EXPECT_EQ(one.authorize(system_actor("core", "seal.remote", false), hashes).error().key,
            "seal.scope");
  EXPECT_EQ(one.authorize(system_actor(), {}).error().key, "seal.remote.hashes");
  EXPECT_EQ(one.authorize(system_actor(), std::vector<base::Digest>(201)).error().key,
            "seal.remote.hashes");
}

TEST_F(RemoteSealingTest, ThePolicyDecidesAndIsAskedAgainWhenItIsUsed) {
  const std::vector hashes{digest("one"), digest("two"), digest("three")};
  EXPECT_EQ(remote(R"({"kinds":["*"]})").authorize(system_actor(), hashes).error().key,
            "seal.policy.use");
  EXPECT_EQ(
      remote(R"({"kinds":["a"],"uses":["remote"]})").authorize(system_actor(), hashes).error().key,
      "seal.policy.kind");
  auto& limited = remote(R"({"kinds":["*"],"uses":["remote"],"per_hour":2})");
  const auto grant = limited.authorize(system_actor(), hashes);
  EXPECT_EQ(limited.sign_hashes(system_actor(), grant->sad, hashes).error().key,
            "seal.policy.limit");
  EXPECT_EQ(uses(), 0);
  auto& stopped = remote();
  const auto sad = stopped.authorize(system_actor(), hashes)->sad;
  seal::Seals seals({pool(), pki_.clock(), random_});
  ASSERT_TRUE(seals.suspend(seal_.value(), "x", "system:test").ok());
  EXPECT_EQ(stopped.sign_hashes(system_actor(), sad, hashes).error().key, "seal.not_active");
}

TEST_F(RemoteSealingTest, TooManyWithinAMinuteStopTheSeal) {
  auto& one = remote(R"({"kinds":["*"],"uses":["remote"],"stop_per_minute":2})");
  const std::vector hashes{digest("one"), digest("two"), digest("three")};
  const auto grant = one.authorize(system_actor(), hashes);
  EXPECT_EQ(one.sign_hashes(system_actor(), grant->sad, hashes).error().key, "seal.policy.stopped");
  EXPECT_EQ(one.authorize(system_actor(), hashes).error().key, "seal.not_active");
}

TEST_F(RemoteSealingTest, EightAtOnceGiveOneSignature) {
  auto& one = remote();
  const std::vector hashes{digest("one")};
  const auto sad = one.authorize(system_actor(), hashes)->sad;
  std::atomic<int> done = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const auto made = one.sign_hashes(system_actor(), sad, hashes);
      ++(made.ok() ? done : refused);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_EQ(uses(), 1);
}

}  // namespace
