// Auth over the real things: tokens signed by the real signer in a real token, and `xinyin demo
// seed` as the one command runs it.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "hsm/client.h"
#include "test_paths.h"
#include "tests/auth/house.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace auth {
namespace {

using namespace test_house;

class WholeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    token = new test::Token();
    signer = new test::Signer(*token, {.program = XINYIN_BIN_DIR "/xinyin-signer"});
  }
  static void TearDownTestSuite() {
    delete signer;
    delete token;
  }
  static test::Token* token;
  static test::Signer* signer;
};
test::Token* WholeTest::token = nullptr;
test::Signer* WholeTest::signer = nullptr;

TEST_F(WholeTest, TokensAreSignedInTheToken) {
  House house;
  hsm::Client client(signer->client());
  const auto key = client.key("openid-1");
  ASSERT_TRUE(key.ok()) << key.error().detail;
  Provider provider({std::string(kIssuer)},
                    {house.pool, house.accounts, *key, house.clock, house.random});
  const auto registered = house.new_client();
  const auto session = house.new_session(house.new_person(fresh_name()));
  const auto code = house.code_for(house.request(registered), session);
  const auto reply = provider.token(house.redemption(registered, code), registered.basic());
  ASSERT_EQ(house.error_of(reply), "");
  const auto access =
      std::string(base::json_text(json(std::get<TokenReply>(reply).json), "access_token"));
  EXPECT_TRUE(provider.actor(access).ok());
  EXPECT_FALSE(house.provider.actor(access).ok()) << "another key's tokens are not ours";
}

struct Ran {
  int exit = -1;
  std::string out;
};
Ran shell(const std::string& command) {
  Ran ran;
  std::array<char, 4096> buffer{};
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    ran.out.append(buffer.data(), got);
  const int status = pclose(pipe);
  ran.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

std::string read(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

class DemoSeedTest : public WholeTest {
 protected:
  DemoSeedTest() {
    char name[] = "/tmp/xinyin-seed-XXXXXX";
    directory = mkdtemp(name);
    hsm::Client client(signer->client());
    const auto wrapped = client.wrap("data-key", secret("0123456789abcdef0123456789abcdef"));
    EXPECT_TRUE(wrapped.ok());
    std::ofstream(directory / "data-key", std::ios::binary) << base::as_text(*wrapped);
    configure("");
  }
  ~DemoSeedTest() override { std::filesystem::remove_all(directory); }
  void configure(const std::string& more) {
    std::ofstream(directory / "xinyin.conf")
        << "database.service = " << database.conninfo()
        << "\nsigner.socket = " << signer->socket().string() << "\nsecrets.data_key = data-key\n"
        << more;
  }
  Ran seed(const std::string& more = "") {
    return shell(XINYIN_BIN_DIR "/xinyin --json --config " + (directory / "xinyin.conf").string() +
                 " demo seed --out " + out().string() + " --portal-secret " +
                 (directory / "portal-secret").string() + " " + more);
  }
  std::filesystem::path out() const { return directory / "seed.json"; }
  std::string count(const std::string& what) {
    return database.sql(test::Role::superuser, "select count(*) from " + what)[0][0];
  }

  test::Database database;  // of its own: names and numbers are the demonstration's
  std::filesystem::path directory;
};

TEST_F(DemoSeedTest, WhatIsWrittenLogsInAndTwiceIsOnce) {
  const auto first = seed();
  ASSERT_EQ(first.exit, 0) << first.out;
  struct stat about {};
  for (const auto& file : {out(), directory / "portal-secret"}) {
    ASSERT_EQ(::stat(file.c_str(), &about), 0) << file;
    EXPECT_EQ(about.st_mode & 0777, 0600U) << file;
  }
  const auto text = read(out());
  const auto made = json(text);
  base::ManualClock clock(
      std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
  base::SystemRandom random;
  const store::FieldCipher cipher(secret("0123456789abcdef0123456789abcdef"), random);
  PasswordHasher hasher({}, random);
  Accounts accounts({database.pool(), cipher, hasher, clock, random, {}});
  for (const auto* who : {"person", "unit", "staff_a", "staff_b", "staff_c"}) {
    const auto password = base::json_text(made[who], "password");
    EXPECT_GE(password.size(), 15U);
    EXPECT_TRUE(accounts.log_in(base::json_text(made[who], "username"), secret(password), who).ok())
        << who;
    EXPECT_EQ(first.out.find(password), std::string::npos) << "nothing secret is printed";
  }
  EXPECT_EQ(read(directory / "portal-secret"),
            std::string(base::json_text(made["portal_client"], "client_secret")) + "\n");
  EXPECT_EQ(count("auth.subject"), "5");
  EXPECT_EQ(count("auth.client"), "3");
  EXPECT_NE(count("services.contribution"), "0");
  EXPECT_EQ(count("auth.portal_approval"), "6") << "two for each client";

  const auto again = seed("--portal-redirect http://127.0.0.1:9100/callback");
  ASSERT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(count("auth.subject"), "5");
  const auto kept = json(read(out()));
  for (const auto* who : {"person", "unit"})
    EXPECT_EQ(base::json_text(kept[who], "password"), base::json_text(made[who], "password"));
  EXPECT_EQ(base::json_text(kept["portal_client"], "redirect_uri"),
            "http://127.0.0.1:9100/callback");

  std::filesystem::remove(out());
  ASSERT_EQ(seed().exit, 0);
  const auto fresh = json(read(out()));
  EXPECT_NE(base::json_text(fresh["person"], "password"),
            base::json_text(made["person"], "password"))
      << "a lost file: new passwords, no second person";
  EXPECT_EQ(count("auth.subject"), "5");
  EXPECT_TRUE(
      accounts
          .log_in("zhangxiaosan", secret(base::json_text(fresh["person"], "password")), "person")
          .ok());
}

// LD/T 01-2020 6.1.2e at the command line: one proposes, two others approve, the last one has the
// secret.
TEST_F(DemoSeedTest, StaffBringAPortalInAndStopIt) {
  ASSERT_EQ(seed().exit, 0);
  const auto made = json(read(out()));
  for (const auto* who : {"staff_a", "staff_b", "staff_c"}) {
    std::ofstream(directory / who) << base::json_text(made[who], "password") << "\n";
    std::filesystem::permissions(directory / who, std::filesystem::perms(0600));
  }
  const auto portal = [&](const std::string& who, const std::string& what) {
    return shell(XINYIN_BIN_DIR "/xinyin --json --config " + (directory / "xinyin.conf").string() +
                 " portal " + what + " --as " +
                 std::string(base::json_text(made[who.c_str()], "username")) + " --password-file " +
                 (directory / who).string());
  };
  std::ofstream(directory / "platform.json")
      << R"({"client_id":"a-platform","client_name":"某平台","kind":"third_party",)"
      << R"("operator":"某公司","agreement":{"number":"A-1","until":"2099-12-31"},)"
      << R"("redirect_uris":["https://platform.example/cb"],"scope":"openid"})";
  const auto file = (directory / "platform.json").string();
  ASSERT_EQ(portal("staff_a", "propose " + file + " --dry-run").exit, 0);
  EXPECT_EQ(json(portal("staff_a", "requests").out)["data"].Size(), 0U);
  const auto proposed = portal("staff_a", "propose " + file);
  ASSERT_EQ(proposed.exit, 0) << proposed.out;
  const std::string request(base::json_text(json(proposed.out)["data"], "request"));
  EXPECT_EQ(json(portal("staff_b", "requests").out)["data"][0]["request"].GetString(), request);
  const auto approve = "approve " + request + " --secret-out " + (directory / "secret").string();
  EXPECT_EQ(portal("staff_a", approve).exit, 3) << "his own";
  EXPECT_EQ(portal("staff_b", approve).exit, 4) << "another one is needed";
  EXPECT_FALSE(std::filesystem::exists(directory / "secret"));
  const auto done = portal("staff_c", approve);
  ASSERT_EQ(done.exit, 0) << done.out;
  struct stat about {};
  ASSERT_EQ(::stat((directory / "secret").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  const auto secret_text = read(directory / "secret").substr(0, 43);
  EXPECT_EQ(done.out.find(secret_text), std::string::npos);
  EXPECT_EQ(database.sql(test::Role::superuser,
                         "select encode(secret_digest, 'hex') from auth.client where id = "
                         "'a-platform'")[0][0],
            base::to_hex(base::sha256(base::as_bytes(secret_text))));
  const auto stopped = portal("staff_b", "suspend a-platform --reason test");
  EXPECT_EQ(stopped.exit, 0) << stopped.out;
  const auto shown = json(portal("staff_b", "show a-platform").out);
  EXPECT_EQ(base::json_text(shown["data"], "standing"), "stopped");
  EXPECT_EQ(shown["data"]["history"].Size(), 2U);
  const auto listed = portal("staff_c", "list --soon-days 3650");
  EXPECT_NE(listed.out.find("a-platform"), std::string::npos);
  EXPECT_EQ(portal("person", "list").exit, 2) << "no password file";
}

TEST_F(DemoSeedTest, ProductionRefusesIt) {
  configure("profile = production\npublic.url = https://id.example\n");
  const auto ran = seed();
  EXPECT_EQ(ran.exit, 3) << ran.out;
  EXPECT_NE(ran.out.find("auth.demo.production"), std::string::npos) << ran.out;
  EXPECT_FALSE(std::filesystem::exists(out()));
  EXPECT_EQ(count("auth.subject"), "0");
}

}  // namespace
}  // namespace auth
