// What the signer's configuration may say, and what profile = production refuses.
#include "hsm/signer_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace hsm {
namespace {

base::Result<SignerConfig> read(const std::string& more) {
  auto settings = base::Settings::from_text("token.label = t\ntoken.pin_file = pin\n" + more,
                                            "test.conf", "/etc/xinyin");
  return read_signer_config(*settings);
}

TEST(SignerConfigTest, TheServiceMayNotUseCaKeysAndOnlyItsOwnerMayConnect) {
  const auto config = read("");
  ASSERT_TRUE(config.ok()) << config.error().detail;
  ASSERT_EQ(config->doors.size(), 1u);
  const auto& door = config->doors[0];
  EXPECT_EQ(door.uids, std::set<uid_t>{::geteuid()});
  EXPECT_EQ(door.purposes.count(Purpose::seal), 1u);
  EXPECT_EQ(door.purposes.count(Purpose::root_ca), 0u);
  EXPECT_EQ(door.purposes.count(Purpose::issuing_ca), 0u);
  EXPECT_EQ(config->token.pin_file, "/etc/xinyin/pin");
  EXPECT_TRUE(config->oplog.sync);
}

TEST(SignerConfigTest, UsersAreNamesOrNumbers) {
  const auto config = read("socket.service_uids = root, 1234");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->doors[0].uids, (std::set<uid_t>{0, 1234}));
  EXPECT_NE(read("socket.service_uids = no-such-user").error().detail.find("no-such-user"),
            std::string::npos);
}

TEST(SignerConfigTest, ProductionRefusesWhatIsForDemonstrations) {
  const std::string production = "profile = production\nofficers.genesis = genesis.json\n";
  EXPECT_TRUE(read(production).ok());
  EXPECT_TRUE(read(production + "socket.officer = officer.sock").ok());
  EXPECT_FALSE(read("profile = production").ok()) << "keys that nobody governs";
  for (const auto* line :
       {"testing.fail_point = x", "token.writable_ok = true", "oplog.fsync = false",
        "socket.service_purposes = seal,root_ca", "socket.service_purposes = issuing_ca"}) {
    EXPECT_TRUE(read(line).ok()) << line;
    EXPECT_FALSE(read(production + line).ok()) << line;
  }
}

TEST(SignerConfigTest, WrongValuesAreNamed) {
  for (const auto* line : {"profile = test", "sessions = 0", "sessions = many", "unknown.key = 1",
                           "socket.service_purposes = everything", "token.writable_ok = yes"})
    EXPECT_EQ(read(line).error().key, "config.invalid") << line;
}

}  // namespace
}  // namespace hsm
