// Our tokens judged by a program that is not ours: Authlib (Debian's python3-authlib).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;

TEST(ForeignJudgeTest, AuthlibTakesTheTokensAndNotATamperedOne) {
  House house;
  const auto client = house.new_client();
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
                       std::to_string(base::to_unix_s(house.clock.now()));
  EXPECT_EQ(std::system(command.c_str()), 0)
      << command << "\n(needs: apt-get install python3-authlib)";
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace auth
