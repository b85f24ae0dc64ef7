// A ceremony rehearsed on things that are thrown away: nothing of the real installation is reached
// for, nothing stays, and its minutes are no evidence.
#include <gtest/gtest.h>

#include <filesystem>

#include "test_paths.h"
#include "tests/certs/ceremony_house.h"
#include "tests/support/terminal.h"

namespace {

using test::kXinyin;

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  base::check(at != std::string::npos, "the test looks for what is not there: " + what);
  return text.replace(at, what.size(), by);
}

/// An installation whose every door is closed.
class RehearsalTest : public testing::Test {
 protected:
  RehearsalTest() {
    std::filesystem::create_directory(directory / "tmp");
    // As /tmp is: root's PostgreSQL runs as an account that must get through.
    for (const auto& folder : {directory.path(), directory / "tmp"})
      std::filesystem::permissions(folder, std::filesystem::perms::others_exec,
                                   std::filesystem::perm_options::add);
    configure("");
    auto text = replaced(test::read_file(XINYIN_SOURCE_DIR "/certs/demo_ceremony.json"),
                         R"("backup_before_use": false)", R"("backup_before_use": true)");
    test::write_file(directory / "plan.json",
                     replaced(text, R"("keys": [)",
                              R"("backup": {"file":"first","officers":["jia","yi","bing"],)"
                              R"("threshold":2}, "keys": [)"));
  }
  void configure(const std::string& more) {
    test::write_file(directory / "xinyin.conf",
                     "database.service = host=/nonexistent dbname=x\ndatabase.owner = "
                     "host=/nonexistent dbname=x\nsigner.socket = none\nsigner.officer_socket = "
                     "none\nsigner.backups = backups\npki.directory = pki\n" +
                         more);
  }
  test::Ran rehearse(const std::string& more) {
    return test::shell("TMPDIR=" + (directory / "tmp").string() + " " + kXinyin + " --config " +
                       (directory / "xinyin.conf").string() + " ceremony rehearse " +
                       (directory / "plan.json").string() + " " + more);
  }
  /// Neither files nor programs.
  void expect_nothing_left() {
    for (const auto& entry : std::filesystem::directory_iterator(directory / "tmp"))
      ADD_FAILURE() << "left behind: " << entry.path();
    EXPECT_TRUE(test::processes_showing((directory / "tmp").string()).empty());
    for (const auto* name : {"pki", "backups", "none"})
      EXPECT_FALSE(std::filesystem::exists(directory / name)) << name;
  }

  test::Directory directory;
};

TEST_F(RehearsalTest, TouchesNothingLeavesNothingAndIsNoEvidence) {
  const auto kept = (directory / "rehearsed.jsonl").string();
  const auto ran = rehearse("--json 2>/dev/null --keep-minutes " + kept);
  ASSERT_EQ(ran.exit, 0) << ran.out;
  expect_nothing_left();
  const auto told = base::parse_json(ran.out, {1 << 20, 8});
  ASSERT_TRUE(told.ok()) << ran.out;
  EXPECT_TRUE((*told)["data"]["rehearsal"].GetBool());
  for (const auto* outcome :
       {"generated", "backed_up", "drilled", "activated", "issued", "published"})
    EXPECT_NE(ran.out.find(outcome), std::string::npos) << outcome;
  // Whole, closed and signed, and yet no evidence, for either command.
  const auto verified = test::shell(kXinyin + " ceremony verify " + kept);
  EXPECT_EQ(verified.exit, 11) << verified.out;
  EXPECT_NE(verified.out.find("REHEARSAL"), std::string::npos) << verified.out;
  EXPECT_NE(verified.out.find("signed by: jia, yi, bing"), std::string::npos) << verified.out;
  const auto audited = test::shell(kXinyin + " audit verify --minutes " + kept);
  EXPECT_EQ(audited.exit, 11) << audited.out;
  EXPECT_NE(audited.out.find("rehearsal"), std::string::npos) << audited.out;
  // Without the mark, and with hashes that fit again, the officers' signatures are missing.
  std::string out, prev(64, '0');
  std::istringstream in(test::read_file(kept));
  for (std::string line; std::getline(in, line);) {
    if (const auto mark = line.find("\"rehearsal\":true,"); mark != line.npos) line.erase(mark, 17);
    line.replace(line.find("\"prev\":\"") + 8, 64, prev);
    const auto body = line.substr(0, line.rfind(",\"hash\":\"")) + "}";
    prev = base::to_hex(base::sha256(base::as_bytes(body)));
    out += body.substr(0, body.size() - 1) + ",\"hash\":\"" + prev + "\"}\n";
  }
  test::write_file(kept, out);
  EXPECT_EQ(test::shell(kXinyin + " ceremony verify " + kept).exit, 11);
}

TEST_F(RehearsalTest, FindsAPlanThatCannotWork) {
  // Each act needs as many officers as there are: one who is away would stop everything.
  test::write_file(directory / "plan.json", replaced(test::read_file(directory / "plan.json"),
                                                     R"("sign.root": 2)", R"("sign.root": 3)"));
  const auto ran = rehearse("--json 2>/dev/null");
  EXPECT_EQ(ran.exit, 12) << ran.out;
  expect_nothing_left();
  EXPECT_EQ(rehearse("--dry-run").exit, 0);
  const auto none = rehearse("--signer /nonexistent/xinyin-signer");
  EXPECT_EQ(none.exit, 75) << none.out;
  expect_nothing_left();
}

TEST_F(RehearsalTest, KilledInTheMiddleItLeavesNothing) {
  configure("testing.fail_point = ceremony.issued\n");
  const auto killed = rehearse("");
  EXPECT_EQ(killed.exit, 137) << killed.out;
  expect_nothing_left();
}

TEST_F(RehearsalTest, InterruptedAtTheTerminalItLeavesNothing) {
  test::Terminal terminal({"/usr/bin/env", "TMPDIR=" + (directory / "tmp").string(), kXinyin,
                           "--config", (directory / "xinyin.conf").string(), "ceremony", "rehearse",
                           (directory / "plan.json").string(), "--typed"});
  ASSERT_TRUE(terminal.sees("the last 6 characters (")) << terminal.shown();
  terminal.type("\x03");
  EXPECT_EQ(terminal.wait(), 130) << terminal.shown();
  expect_nothing_left();
}

}  // namespace
