// `xinyin key restore | drill | test-shares`: the real program with officers' cards.
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "test_paths.h"
#include "tests/hsm/backup_house.h"
#include "tests/hsm/openssl.h"
#include "tests/support/terminal.h"

namespace {

class BackupCommandTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { house_ = new test::BackupHouse(2, 3); }
  static void TearDownTestSuite() { delete house_; }
  BackupCommandTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-key-XXXXXX").string();
    base::check(::mkdtemp(pattern.data()) != nullptr, "no directory");
    place_ = pattern;
  }
  ~BackupCommandTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(place_, ignored);
  }
  std::vector<std::string> key(const std::string& verb, std::vector<std::string> more) {
    std::vector<std::string> all{
        XINYIN_BIN_DIR "/xinyin", "--json", "key", verb, "--backup", house_->file()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string card(int index, bool with_pin = true) {
    return house_->officers[static_cast<std::size_t>(index)]->settings(with_pin);
  }
  std::vector<std::string> restore(std::vector<std::string> more) {
    more.insert(more.end(),
                {"--into", place_ / "tokens", "--inventory", place_ / "inventory.json", "--ledger",
                 place_ / "ledger", "--pin-out", place_ / "pin", "--state-into", place_ / "state"});
    return key("restore", more);
  }
  bool nothing_left() { return std::filesystem::is_empty(place_); }
  static test::BackupHouse* house_;
  std::filesystem::path place_;
};
test::BackupHouse* BackupCommandTest::house_ = nullptr;

TEST_F(BackupCommandTest, TwoOfficersRestoreAndEveryKeyIsNamed) {
  const auto ran = test::run(restore({"--card", card(2), "--card", card(0)}));
  ASSERT_EQ(ran.status, 0) << ran.out;
  const auto answer = base::parse_json(ran.out.substr(ran.out.find("{\"ok\"")));
  ASSERT_TRUE(answer.ok()) << ran.out;
  const auto& keys = (*answer)["data"]["keys"];
  ASSERT_EQ(keys.Size(), test::demonstration_keys().size());
  for (const auto& one : keys.GetArray())
    EXPECT_NE(base::json_text(one, "proof"), "compared") << base::json_text(one, "label");
  EXPECT_EQ(base::json_text((*answer)["data"], "sha256"), house_->facts().sha256);
  EXPECT_EQ(ran.out.find(house_->token.pin()), std::string::npos);
  EXPECT_EQ(test::content_of(place_ / "pin"), house_->token.pin());
  // Another program finds the restored token and its keys.
  std::ofstream(place_ / "softhsm2.conf")
      << "directories.tokendir = " << (place_ / "tokens").string() << "\n";
  const auto listed = test::run(
      {"pkcs11-tool", "--module", test::Token::module(), "--token-label", house_->token.label(),
       "--login", "--pin", house_->token.pin(), "--list-objects", "--type", "privkey"},
      {"SOFTHSM2_CONF=" + (place_ / "softhsm2.conf").string()});
  EXPECT_NE(listed.out.find("seal-1"), std::string::npos) << listed.out;
}

TEST_F(BackupCommandTest, DryRunAsksForNoCardAndChangesNothing) {
  const auto ran = test::run(restore({"--card", "/nowhere", "--dry-run"}));
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_NE(ran.out.find("\"threshold\":2"), std::string::npos) << ran.out;
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupCommandTest, OneOfficerIsTooFew) {
  const auto ran = test::run(restore({"--card", card(1)}));
  EXPECT_EQ(ran.status, 3) << ran.out;
  EXPECT_NE(ran.out.find("Too few shares: 1 of 2"), std::string::npos) << ran.out;
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupCommandTest, AStrangersCardIsNamed) {
  test::Card stranger("card-stranger");
  const auto ran = test::run(restore({"--card", card(1), "--card", stranger.settings()}));
  EXPECT_EQ(ran.status, 3) << ran.out;
  EXPECT_NE(ran.out.find("hsm.wrong_officer"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("card-stranger"), std::string::npos) << ran.out;
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupCommandTest, AnAlteredFileIsAnIntegrityFailure) {
  auto bytes = test::content_of(house_->file());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(place_ / "bent", std::ios::binary) << bytes;
  auto arguments = key("drill", {"--card", card(1), "--card", card(2)});
  arguments[5] = place_ / "bent";
  const auto ran = test::run(arguments);
  EXPECT_EQ(ran.status, 7) << ran.out;
  EXPECT_NE(ran.out.find("\"detail\":\"chunk "), std::string::npos) << ran.out;
}

TEST_F(BackupCommandTest, ADrillProvesAndLeavesNothing) {
  const auto ran =
      test::run(key("drill", {"--card", card(0), "--card", card(1), "--place", place_.string()}));
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_NE(ran.out.find("\"proof\":\"signed\""), std::string::npos) << ran.out;
  EXPECT_TRUE(nothing_left());
  const auto in_memory = test::run(key("drill", {"--card", card(0), "--card", card(1)}));
  EXPECT_EQ(in_memory.status, 0) << in_memory.out;
  EXPECT_FALSE(std::filesystem::exists("/dev/shm/xinyin-drill-" + house_->facts().id));
}

TEST_F(BackupCommandTest, SharesAreTestedWithoutOpeningAnything) {
  auto ran = test::run(key("test-shares", {"--card", card(0), "--card", card(1)}));
  EXPECT_EQ(ran.status, 0) << ran.out;
  ran = test::run(key("test-shares", {"--card", card(0)}));
  EXPECT_EQ(ran.status, 3) << ran.out;
  EXPECT_NE(ran.out.find("hsm.too_few_shares"), std::string::npos) << ran.out;
}

// One officer after the other at the same keyboard; no PIN shows in any process meanwhile.
TEST_F(BackupCommandTest, OfficersTypeTheirPinsInOneSitting) {
  test::Terminal terminal(restore({"--card", card(0, false), "--card", card(1, false)}));
  ASSERT_TRUE(terminal.sees("PIN card-1")) << terminal.shown();
  terminal.type(house_->officers[0]->pin() + "\r");
  ASSERT_TRUE(terminal.sees("PIN card-2")) << terminal.shown();
  EXPECT_EQ(test::processes_showing(house_->officers[0]->pin()), std::vector<std::string>{});
  terminal.type(house_->officers[1]->pin() + "\r");
  EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
  for (const auto& officer : house_->officers)
    EXPECT_EQ(terminal.shown().find(officer->pin()), std::string::npos);
}

TEST_F(BackupCommandTest, AWrongPinEndsItAtOnce) {
  test::Terminal terminal(restore({"--card", card(0, false), "--card", card(1, false)}));
  ASSERT_TRUE(terminal.sees("PIN card-1"));
  terminal.type("not-the-pin\r");
  EXPECT_EQ(terminal.wait(), 6) << terminal.shown();
  EXPECT_NE(terminal.shown().find("hsm.card_pin"), std::string::npos) << terminal.shown();
  EXPECT_EQ(terminal.shown().find("PIN card-2"), std::string::npos);
  EXPECT_TRUE(nothing_left());
}

}  // namespace
