// Our tokens judged by a program that is not ours: Authlib (Debian's python3-authlib).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "test_paths.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;

/// Whether Authlib takes the tokens of a client whose ID tokens are signed so, and no tampered
/// ones.
void judge(House& house, const char* algorithm) {
  const auto client = house.new_client_with([&](NewClient& c) { c.id_token_alg = algorithm; });
  const auto session = house.new_session(house.new_person(fresh_name()));
  const auto tokens = house.tokens_for(client, session);
  char name[] = "/tmp/xinyin-authlib-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::filesystem::path directory(name);
  const auto write = [&](const char* file, std::string_view text) {
    std::ofstream(directory / file) << text;
  };
  write("jwks.json", house.provider.jwks());
  write("id", base::json_text(tokens, "id_token"));
  write("access", base::json_text(tokens, "access_token"));
  const auto command = "/usr/bin/python3 " XINYIN_SOURCE_DIR "/tests/auth/judge_with_authlib.py " +
                       directory.string() + " " + std::string(kIssuer) + " " + client.id + " " +
                       std::to_string(base::to_unix_s(house.clock.now())) + " " + algorithm;
  EXPECT_EQ(std::system(command.c_str()), 0)
      << command << "\n(needs: apt-get install python3-authlib)";
  std::filesystem::remove_all(directory);
}

TEST(ForeignJudgeTest, AuthlibTakesTheTokensAndNotATamperedOne) {
  House house;
  judge(house, "ES256");
}

// OpenID Connect Core §15.1, Discovery §3: a client asks for another algorithm; keys follow each
// other, and whoever holds the key set of before or after is right.
TEST(ForeignJudgeTest, AuthlibTakesThemInEachAlgorithmAcrossARotation) {
  House house;
  const auto rsa = test::SoftKey::make("openid-rsa-1", hsm::Algorithm::rsa_3072);
  const auto edwards = test::SoftKey::make("openid-ed-1", hsm::Algorithm::ed25519);
  const auto next = test::SoftKey::make("openid-2");
  const auto spki = [](const auto& key) { return key->info().public_key; };
  ASSERT_TRUE(house.provider.take_keys({{house.key, rsa, edwards}, {spki(next)}}).ok());
  for (const auto* algorithm : {"ES256", "RS256", "EdDSA"}) judge(house, algorithm);
  ASSERT_TRUE(house.provider.take_keys({{next, rsa, edwards}, {spki(house.key)}}).ok());
  for (const auto* algorithm : {"ES256", "RS256", "EdDSA"}) judge(house, algorithm);
}

}  // namespace
}  // namespace auth
