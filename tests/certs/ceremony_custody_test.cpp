// Keys that are used only once a backup of them was proven, keys that were there before there were
// officers, and what went otherwise than planned: by the real command line over the real signer.
#include <gtest/gtest.h>

#include "test_paths.h"
#include "tests/certs/ceremony_house.h"
#include "tests/support/terminal.h"

namespace {

using test::kAll;
using test::kKeys;
using test::kXinyin;

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  base::check(at != std::string::npos, "the test looks for what is not there: " + what);
  return text.replace(at, what.size(), by);
}

class CeremonyCustodyTest : public test::CeremonyTest {
 protected:
  /// The demonstration's plan under a policy that wants a proven backup first.
  void want_backup(const std::string& section) {
    auto text = replaced(test::read_file(XINYIN_SOURCE_DIR "/certs/demo_ceremony.json"),
                         R"("backup_before_use": false)", R"("backup_before_use": true)");
    if (!section.empty())
      text = replaced(text, R"("keys": [)", "\"backup\": " + section + ",\n  \"keys\": [");
    use(text);
    std::filesystem::remove(directory / "genesis.json");
    const auto found = cards->found(plan, kAll, directory / "genesis.json");
    ASSERT_EQ(found.exit, 0) << found.out;
    begin("", directory / "genesis.json");
  }
  void use(const std::string& text) {
    plan = (directory / "plan.json").string();
    test::write_file(plan, text);
    sha256 = digest_of(plan);
  }
  /// Requests of an act, whole, in the order in which they were made.
  std::vector<rapidjson::Document> requests(const std::string& op) {
    hsm::Client client(signer->officer());
    const auto state = base::parse_json(client.officers("state").value(), {16 << 20, 12});
    std::vector<rapidjson::Document> out;
    for (const auto& one : (*state)["requests"].GetArray())
      if (base::json_text(one, "op") == op)
        out.push_back(std::move(*base::parse_json(
            client.officers("request", base::json_text(one, "id")).value(), {16 << 20, 12})));
    return out;
  }
  /// How many keys are in that state, and stand in a proven backup.
  std::pair<int, int> in_state(const std::string& wanted) {
    hsm::Client client(signer->officer());
    const auto state = base::parse_json(client.officers("state").value(), {16 << 20, 12});
    int all = 0, proven = 0;
    for (const auto& key : (*state)["keys"].GetArray()) {
      if (base::json_text(key, "state") != wanted) continue;
      ++all;
      proven += key.HasMember("backup_proven") ? 1 : 0;
    }
    return {all, proven};
  }
  /// The data of the minutes' lines of a step.
  std::vector<std::string> noted(const std::string& step) {
    std::vector<std::string> out;
    std::istringstream in(test::read_file(minutes()));
    for (std::string line; std::getline(in, line);) {
      const auto document = base::parse_json(line, {16 << 20, 14});
      if (document.ok() && base::json_text(*document, "step") == step) {
        rapidjson::StringBuffer buffer;
        rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
        (*document)["data"].Accept(writer);
        out.emplace_back(buffer.GetString(), buffer.GetSize());
      }
    }
    return out;
  }
  rapidjson::Document verified() {
    const auto told = xinyin("ceremony verify --json 2>/dev/null");
    auto answer = base::parse_json(told.out, {16 << 20, 12});
    base::check(answer.ok(), told.out);
    return std::move(*answer);
  }
  static std::string hex_of(std::string_view text) {
    return base::to_hex(base::sha256(base::as_bytes(text)));
  }
  const std::string kThree = R"({"file":"founding","officers":["jia","yi","bing"],"threshold":2})";
};

// Issue 3: the policy wants a proven backup before a key is used, and the ceremony carries it.
TEST_F(CeremonyCustodyTest, BacksUpDrillsAndProvesBeforeAnyKeyIsUsed) {
  ASSERT_NO_FATAL_FAILURE(want_backup(kThree));
  const auto ran = ceremony();
  ASSERT_EQ(ran.exit, 0) << ran.out << signer->log();
  EXPECT_EQ(in_state("active"), (std::pair<int, int>{kKeys, kKeys}));
  const auto file = directory / "backups" / "founding.xbk";
  const auto proofs = requests("backup.prove");
  ASSERT_EQ(proofs.size(), 1u);
  const auto proof = hsm::officers::read_request(base::json_text(proofs[0], "request"));
  EXPECT_EQ(base::json_text(proof->params(), "backup"), hex_of(test::read_file(file)));
  // The report that officers approved stands in the minutes, and tells of every key.
  const auto drills = noted("drill");
  ASSERT_EQ(drills.size(), 1u);
  const auto drill = base::parse_json(drills[0], {1 << 20, 6});
  const auto report = base::json_text(*drill, "report");
  EXPECT_EQ(base::json_text(proof->params(), "report"), hex_of(report));
  EXPECT_EQ((*base::parse_json(report, {1 << 20, 6}))["keys"].Size(), kKeys);
  EXPECT_EQ(proof->params()["keys"].Size(), kKeys);
  for (const auto* op : {"key.backup", "backup.prove", "key.activate"}) {
    const auto all = requests(op);
    ASSERT_EQ(all.size(), 1u) << op;
    EXPECT_EQ(base::json_text(all[0], "standing"), "done") << op;
    EXPECT_GE(all[0]["approvals"].Size(), 2u) << op;
  }
  // The backup is good for two other cards as well, by the verb that officers have for it.
  const auto again = xinyin("key drill --backup " + file.string() + cards->with({"yi", "bing"}));
  EXPECT_EQ(again.exit, 0) << again.out;
  expect_whole("backed up first");
}

TEST_F(CeremonyCustodyTest, TheBackupOfAPlanIsReadStrictly) {
  const auto demo = test::read_file(XINYIN_SOURCE_DIR "/certs/demo_ceremony.json");
  const auto told = [&](const std::string& section) {
    use(replaced(demo, R"("keys": [)", "\"backup\": " + section + ", \"keys\": ["));
    return xinyin("ceremony plan " + plan);
  };
  const auto good = told(kThree);
  EXPECT_EQ(good.exit, 0);
  EXPECT_NE(good.out.find("founding，2/3"), good.out.npos) << good.out;
  for (const auto& [what, by] :
       {std::pair<std::string, std::string>{"\"threshold\":2", "\"threshold\":1"},
        {"\"threshold\":2", "\"threshold\":3"},
        {"\"threshold\":2", "\"threshold\":2,\"more\":1"},
        {"\"bing\"", "\"wang\""},
        {"\"bing\"", "\"yi\""},
        {",\"bing\"", ""},
        {"founding", "../founding"}})
    EXPECT_EQ(told(replaced(kThree, what, by)).exit, 2) << by;
  EXPECT_EQ(told("[]").exit, 2);
}

TEST_F(CeremonyCustodyTest, KilledAfterTheBackupTheNextRunDrillsThatOne) {
  ASSERT_NO_FATAL_FAILURE(want_backup(kThree));
  configure("testing.fail_point = ceremony.backed_up\n");
  EXPECT_EQ(ceremony().exit, 137);
  EXPECT_EQ(in_state("active").first, 0) << "used before a backup was proven";
  configure("");
  const auto again = ceremony();
  ASSERT_EQ(again.exit, 0) << again.out;
  EXPECT_EQ(requests("key.backup").size(), 1u) << "backed up twice";
  expect_whole("after a kill");
}

TEST_F(CeremonyCustodyTest, ABackupThatWasTouchedProvesNothing) {
  ASSERT_NO_FATAL_FAILURE(want_backup(kThree));
  configure("testing.fail_point = ceremony.backed_up\n");
  EXPECT_EQ(ceremony().exit, 137);
  configure("");
  const auto file = directory / "backups" / "founding.xbk";
  const auto good = test::read_file(file);
  auto bent = good;
  bent[bent.size() / 2] = static_cast<char>(bent[bent.size() / 2] ^ 1);
  std::filesystem::remove(file);
  test::write_file(file, bent);
  const auto ran = ceremony();
  EXPECT_NE(ran.exit, 0) << ran.out;
  EXPECT_EQ(in_state("active").first, 0);
  // Gone altogether, another is made, and what failed is told as done over.
  std::filesystem::remove(file);
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_TRUE(std::filesystem::exists(directory / "backups" / "founding-2.xbk"));
  const auto told = verified();
  ASSERT_EQ(told["data"]["failures"].Size(), 1u);
  EXPECT_EQ(base::json_text(told["data"]["failures"][0], "step"), "backup");
  EXPECT_TRUE(told["data"]["failures"][0].HasMember("repeated"));
  expect_whole("with another backup");
}

// The same by hand, verb by verb, where the plan leaves it to the officers.
TEST_F(CeremonyCustodyTest, WithoutABackupInThePlanOfficersProveOneByHand) {
  ASSERT_NO_FATAL_FAILURE(want_backup(""));
  const auto stopped = ceremony();
  EXPECT_EQ(stopped.exit, 9) << stopped.out;
  EXPECT_NE(stopped.out.find("key prove-backup"), stopped.out.npos) << stopped.out;
  EXPECT_EQ(xinyin("ceremony verify").exit, 0) << "those who were there have signed";
  const auto asked =
      xinyin("key backup by-hand --officer jia --officer yi --officer bing --json 2>/dev/null");
  ASSERT_EQ(carry(request_of(asked), {"jia", "yi"}).exit, 0) << asked.out;
  const auto report = (directory / "drill.json").string();
  const auto backup = (directory / "backups" / "by-hand.xbk").string();
  const auto drilled = xinyin("key drill --backup " + backup + cards->with({"jia", "bing"}) +
                              " --json 2>/dev/null >" + report);
  ASSERT_EQ(drilled.exit, 0);
  const auto dry = xinyin("key prove-backup " + report + " --dry-run --json 2>/dev/null");
  EXPECT_EQ(dry.exit, 0) << dry.out;
  EXPECT_NE(dry.out.find(hex_of(test::read_file(report))), dry.out.npos) << dry.out;
  EXPECT_TRUE(requests("backup.prove").empty()) << "dry, and asked all the same";
  const auto proven = xinyin("key prove-backup " + report + " --json 2>/dev/null");
  EXPECT_EQ(proven.exit, 4) << proven.out;
  const auto id = request_of(proven);
  const auto shown = xinyin("request show " + id);
  EXPECT_NE(shown.out.find(hex_of(test::read_file(backup))), shown.out.npos) << shown.out;
  EXPECT_EQ(carry(id, {"bing"}).exit, 4) << "one alone proves nothing";
  ASSERT_EQ(carry(id, {"yi"}).exit, 0);
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_EQ(in_state("active"), (std::pair<int, int>{kKeys, kKeys}));
  const auto told = verified();
  ASSERT_EQ(told["data"]["failures"].Size(), 1u);
  EXPECT_EQ(base::json_text(told["data"]["failures"][0], "error"), "cli.key_not_active");
  EXPECT_TRUE(told["data"]["failures"][0].HasMember("repeated"));
  expect_whole("proven by hand");
}

TEST_F(CeremonyCustodyTest, OnlyADrillThatPassedIsAReport) {
  const std::string key =
      R"({"id":")" + std::string(40, 'a') + R"(","label":"a","proof":"signed"})";
  const auto exit_of = [&](const std::string& text) {
    test::write_file(directory / "report.json", text);
    const auto ran =
        xinyin("key prove-backup " + (directory / "report.json").string() + " --dry-run");
    EXPECT_EQ(ran.exit != 0, ran.out.find("hsm.officers.drill") != ran.out.npos) << ran.out;
    return ran.exit;
  };
  const auto data = [&](const std::string& keys) {
    return R"({"sha256":")" + std::string(64, 'b') + R"(","keys":[)" + keys + "]}";
  };
  EXPECT_EQ(exit_of(data(key)), 0);
  EXPECT_EQ(exit_of(R"({"ok":true,"data":)" + data(key) + "}"), 0);
  EXPECT_EQ(exit_of(R"({"ok":false,"data":)" + data(key) + "}"), 2);
  EXPECT_EQ(exit_of(R"({"ok":false,"data":null})"), 2);
  EXPECT_EQ(exit_of(data("")), 2);
  EXPECT_EQ(exit_of(data(key + "," + key)), 2) << "a key twice";
  EXPECT_EQ(exit_of(data(replaced(key, "signed", "failed"))), 2);
  EXPECT_EQ(exit_of(data(replaced(key, "aaaa", "zzzz"))), 2);
  EXPECT_EQ(exit_of("{}"), 2);
  EXPECT_EQ(exit_of("rubbish"), 2);
  // One about keys that nobody knows is refused by the signer.
  test::write_file(directory / "report.json", data(key));
  EXPECT_EQ(xinyin("key prove-backup " + (directory / "report.json").string()).exit, 9);
}

// An installation from before officers: its keys are taken over, not made again.
TEST_F(CeremonyCustodyTest, KeysFromBeforeOfficersAreAdopted) {
  begin("", cards->genesis(), test::demonstration_keys());
  const auto there = keys();
  ASSERT_GT(there, 0);
  const auto early = ceremony();
  EXPECT_EQ(early.exit, 9) << early.out;
  EXPECT_NE(early.out.find("cli.key_not_adopted"), early.out.npos) << early.out;
  const auto inventory = " --inventory " + token->inventory().string();
  EXPECT_EQ(xinyin("key adopt nobody" + inventory).exit, 9);
  EXPECT_EQ(xinyin("key adopt --inventory " + (directory / "none.json").string()).exit, 75);
  const auto dry = xinyin("key adopt --dry-run --json 2>/dev/null" + inventory);
  EXPECT_EQ(dry.exit, 0) << dry.out;
  EXPECT_EQ((*base::parse_json(dry.out))["data"]["keys"].Size(), there) << dry.out;
  EXPECT_TRUE(requests("key.adopt").empty());
  {
    test::Token other({{"seal-1", hsm::Algorithm::ecdsa_p256, hsm::Purpose::seal}});
    const auto wrong = xinyin("key adopt --inventory " + other.inventory().string());
    EXPECT_EQ(wrong.exit, 9) << wrong.out;
    EXPECT_NE(wrong.out.find("cli.key_not_served"), wrong.out.npos) << wrong.out;
  }
  const auto asked = xinyin("key adopt --json 2>/dev/null" + inventory);
  EXPECT_EQ(asked.exit, 4) << asked.out;
  const auto id = request_of(asked);
  EXPECT_NE(xinyin("request show " + id).out.find("seal-1"), std::string::npos);
  EXPECT_EQ(carry(id, {"jia"}).exit, 4) << "one alone takes over nothing";
  ASSERT_EQ(carry(id, {"yi"}).exit, 0);
  EXPECT_EQ(in_state("active").first, there);
  const auto again = xinyin("key adopt" + inventory);
  EXPECT_EQ(again.exit, 9) << again.out;
  EXPECT_NE(again.out.find("cli.nothing_to_adopt"), again.out.npos) << again.out;
  EXPECT_EQ(xinyin("key adopt seal-1" + inventory).exit, 9);
  // The ceremony makes what is missing beside them.
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_EQ(keys(), kKeys);
}

// ---- what went otherwise than planned ----------------------------------------------------------

TEST_F(CeremonyCustodyTest, ADeviationIsNotedSignedAndShown) {
  const std::string note =
      "ceremony note --step keys --happened 停电三分钟 --why 备用电源接管 --json --by ";
  EXPECT_EQ(xinyin(note + "yi").exit, 9) << "no ceremony yet";
  EXPECT_EQ(ceremony({"jia"}).exit, 75) << "one card makes no keys";
  EXPECT_EQ(xinyin(note + "yi --dry-run").exit, 0);
  EXPECT_EQ(verified()["data"]["deviations"].Size(), 0u);
  EXPECT_EQ(xinyin(note + "wang").exit, 2) << "nobody of the plan";
  const auto noted_now = xinyin(note + "yi");
  ASSERT_EQ(noted_now.exit, 0) << noted_now.out;
  ASSERT_EQ(ceremony().exit, 0);
  const auto told = verified();
  ASSERT_EQ(told["data"]["deviations"].Size(), 1u);
  const auto& one = told["data"]["deviations"][0];
  EXPECT_EQ(base::json_text(one, "by"), "yi");
  EXPECT_EQ(base::json_text(one, "happened"), "停电三分钟");
  EXPECT_EQ(told["data"]["failures"].Size(), 1u);
  EXPECT_EQ(base::json_text(told["data"]["failures"][0], "error"), "cli.cards_missing");
  EXPECT_TRUE(told["data"]["failures"][0].HasMember("repeated"));
  const auto text = xinyin("ceremony verify 2>/dev/null").out;
  EXPECT_EQ(text.find("偏差 deviation"), 0u) << "it comes first: " << text;
  const auto audited = xinyin("audit verify --minutes " + minutes().string());
  EXPECT_EQ(audited.exit, 0) << audited.out;
  EXPECT_NE(audited.out.find("停电三分钟"), audited.out.npos) << audited.out;
  bool on_paper = false;
  for (const auto& entry : std::filesystem::directory_iterator(minutes().parent_path()))
    on_paper = on_paper || (entry.path().extension() == ".md" &&
                            test::read_file(entry.path()).find("停电三分钟") != std::string::npos);
  EXPECT_TRUE(on_paper);
  // Said after everybody has signed, it opens the minutes again until they have signed that too.
  ASSERT_EQ(xinyin(note + "bing").exit, 0);
  EXPECT_EQ(xinyin("ceremony verify").exit, 11);
  ASSERT_EQ(ceremony().exit, 0);
  EXPECT_EQ(verified()["data"]["deviations"].Size(), 2u);
  expect_whole("with deviations");
}

/// Typed at the terminal between the approvals, by those who are there.
TEST_F(CeremonyCustodyTest, ADeviationIsTypedDuringTheRun) {
  std::vector<std::string> words{kXinyin,    "--config", (directory / "xinyin.conf").string(),
                                 "ceremony", "run",      plan};
  for (const auto& who : kAll) {
    words.push_back("--card");
    words.push_back(cards->file(who).string());
  }
  test::Terminal terminal(words);
  const auto type_tail = [&] {
    ASSERT_TRUE(terminal.sees("the last 6 characters (")) << terminal.shown();
    ASSERT_TRUE(terminal.sees(")；d")) << terminal.shown();
    const auto end = terminal.shown().rfind(")；d");
    terminal.type(terminal.shown().substr(end - 6, 6) + "\n");
  };
  const auto type_deviation = [&](const std::string& step, const std::string& by) {
    terminal.type("d\n");
    for (const auto& [question, answer] : {std::pair<std::string, std::string>{"which step", step},
                                           {"what happened", "读卡器更换"},
                                           {"what was done", "原读卡器不识别卡"},
                                           {"who says so", by}}) {
      ASSERT_TRUE(terminal.sees(question)) << terminal.shown();
      ASSERT_TRUE(terminal.sees(":")) << terminal.shown();
      terminal.type(answer + "\n");
    }
  };
  ASSERT_TRUE(terminal.sees(")；d")) << terminal.shown();
  ASSERT_NO_FATAL_FAILURE(type_deviation("", "bing"));
  // A wrong end of a name is a step that failed; done over, it is carried on.
  ASSERT_TRUE(terminal.sees("the last 6 characters (")) << terminal.shown();
  terminal.type("000000\n");
  ASSERT_TRUE(terminal.sees("do it over")) << terminal.shown();
  terminal.type("r\n");
  ASSERT_NO_FATAL_FAILURE(type_tail());
  // A witness has a terminal of their own.
  ASSERT_TRUE(terminal.sees("the last 6 characters (")) << terminal.shown();
  const auto beside =
      xinyin("ceremony note --step keys --happened 迟到 --why 交通 --by yi --json 2>/dev/null");
  EXPECT_EQ(beside.exit, 0) << beside.out;
  ASSERT_TRUE(terminal.sees(")；d")) << terminal.shown();
  terminal.type(terminal.shown().substr(terminal.shown().rfind(")；d") - 6, 6) + "\n");
  for (int vote = 2; vote < 6; ++vote) ASSERT_NO_FATAL_FAILURE(type_tail());
  ASSERT_TRUE(terminal.sees("before everybody signs?")) << terminal.shown();
  ASSERT_NO_FATAL_FAILURE(type_deviation("closing", "jia"));
  ASSERT_TRUE(terminal.sees("before everybody signs?")) << terminal.shown();
  terminal.type("\n");
  EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
  const auto told = verified();
  ASSERT_EQ(told["data"]["deviations"].Size(), 3u);
  EXPECT_EQ(base::json_text(told["data"]["deviations"][0], "step"), "keys");
  EXPECT_EQ(base::json_text(told["data"]["deviations"][1], "happened"), "迟到");
  EXPECT_EQ(base::json_text(told["data"]["deviations"][2], "by"), "jia");
  ASSERT_EQ(told["data"]["failures"].Size(), 1u);
  EXPECT_EQ(base::json_text(told["data"]["failures"][0], "error"), "cli.confirm_differs");
  EXPECT_TRUE(told["data"]["failures"][0].HasMember("repeated"));
  EXPECT_EQ(requests("key.generate").size(), 1u) << "asked for twice";
  expect_whole("typed");
}

}  // namespace
