// Laws of `xinyin` as a tool: completion by real shells, manual pages judged by groff, --dry-run
// and
// --json wherever they belong, exit codes that are told alike everywhere.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "base/json.h"
#include "test_paths.h"
#include "tests/support/officers.h"
#include "tests/support/pki.h"
#include "tests/support/postgres.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace {

struct Ran {
  int exit = -1;
  std::string out;
};
Ran shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(command.c_str(), "r");
  base::check(pipe != nullptr, "popen failed");
  char block[4096];
  for (std::size_t got; (got = std::fread(block, 1, sizeof block, pipe)) > 0;)
    ran.out.append(block, got);
  const int status = ::pclose(pipe);
  ran.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}
const std::string kXinyin = XINYIN_BIN_DIR "/xinyin ";

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  EXPECT_TRUE(in) << file;
  return out.str();
}

std::set<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

struct Place {
  std::string path;
  const rapidjson::Value* command;
};
void collect(const rapidjson::Value& command, const std::string& path, std::vector<Place>& out) {
  out.push_back({path, &command});
  for (const auto& verb : command["verbs"].GetArray())
    collect(verb, (path.empty() ? "" : path + " ") + verb["name"].GetString(), out);
}

class CommandLineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_);
    auto told = base::parse_json(shell(kXinyin + "man --json").out, {16 << 20, 16});
    ASSERT_TRUE(told.ok());
    tree_ = std::move(*told);
    collect(tree_["data"]["command"], "", places_);
    ASSERT_GT(places_.size(), 30u);
    for (const auto* name : {"bash", "zsh", "fish"}) {
      const auto made = shell(kXinyin + "completion " + name + " > " + script(name));
      ASSERT_EQ(made.exit, 0);
    }
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string script(const std::string& name) { return (directory_ / ("xinyin." + name)).string(); }

  /// What bash offers at the end of "xinyin …"; the last word may be begun or empty.
  std::set<std::string> bash(const std::string& line) {
    const auto ran = shell("bash -c 'source " + script("bash") + "; COMP_WORDS=(xinyin " + line +
                           "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _xinyin; "
                           "printf \"%s\\n\" \"${COMPREPLY[@]}\"'");
    EXPECT_EQ(ran.exit, 0) << line;
    return words_of(ran.out);
  }
  std::set<std::string> fish(const std::string& line) {
    const auto ran = shell("HOME=" + directory_.string() + " fish --no-config -c 'source " +
                           script("fish") + "; complete -C \"xinyin " + line + "\"' | cut -f1");
    return words_of(ran.out);
  }
  static std::set<std::string> names(const rapidjson::Value& command, bool options) {
    std::set<std::string> out;
    if (!options)
      for (const auto& verb : command["verbs"].GetArray()) out.insert(verb["name"].GetString());
    else
      for (const auto& option : command["options"].GetArray())
        for (const auto& name : option["names"].GetArray()) out.insert(name.GetString());
    return out;
  }

  std::filesystem::path directory_ =
      std::filesystem::path(::testing::TempDir()) / ("command-line-" + std::to_string(::getpid()));
  rapidjson::Document tree_;
  std::vector<Place> places_;
};

TEST_F(CommandLineTest, BashOffersTheVerbsOptionsAndValuesOfTheParser) {
  for (const auto& [path, command] : places_) {
    if (!(*command)["verbs"].Empty()) {
      EXPECT_EQ(bash(path + " \"\""), names(*command, false)) << path;
    }
    const auto offered = bash(path + " -");
    for (const auto& name : names(*command, true)) EXPECT_TRUE(offered.count(name)) << path << name;
    EXPECT_TRUE(offered.count("--json")) << path;
  }
  using Words = std::set<std::string>;
  EXPECT_EQ(bash("key gen"), Words{"generate"});
  EXPECT_EQ(bash("key generate seal-9 --purpose se"), (Words{"seal", "seal_maker"}));
  EXPECT_EQ(bash("key generate seal-9 --purpose = se"), (Words{"seal", "seal_maker"}));
  EXPECT_EQ(bash("--config key cert revoke --reason super"), Words{"superseded"});
  EXPECT_EQ(bash("completion \"\""), (Words{"bash", "zsh", "fish"}));
  std::ofstream(directory_ / "plan.json") << "{}";
  const auto plan = (directory_ / "pl").string();
  EXPECT_EQ(bash("ceremony plan " + plan), Words{(directory_ / "plan.json").string()});
  EXPECT_EQ(bash("key list --config " + plan), Words{(directory_ / "plan.json").string()});
}

TEST_F(CommandLineTest, FishOffersThem) {
  for (const auto& [path, command] : places_) {
    const auto offered = fish(path + (path.empty() ? "" : " "));
    for (const auto& name : names(*command, false))
      EXPECT_TRUE(offered.count(name)) << path << ": " << name;
  }
  EXPECT_EQ(fish("key generate seal-9 --purpose seal"),
            (std::set<std::string>{"seal", "seal_maker"}));
  EXPECT_TRUE(fish("key list --").count("--all"));
  EXPECT_FALSE(fish("key attest --").count("--all"));
}

TEST_F(CommandLineTest, ZshReadsItAndItsTablesAnswer) {
  const auto read_it = shell("zsh -f -n " + script("zsh") + " 2>&1");
  EXPECT_EQ(read_it.exit, 0) << read_it.out;
  const auto walked =
      shell("zsh -f -c 'compdef() {}; source " + script("zsh") +
            "; _xinyin_walk --config x key generate seal-9 --purpose; _xinyin_offer se; "
            "print -r -- \"$place|$count|$kind|$words_offered\"' 2>&1");
  EXPECT_EQ(walked.out.find("key generate|1|=|root_ca "), 0u) << walked.out;
}

TEST_F(CommandLineTest, GroffAcceptsEveryPageAndEveryVerbStandsInOne) {
  const auto pages = directory_ / "man";
  ASSERT_EQ(shell(kXinyin + "man --all " + pages.string()).exit, 0);
  std::map<std::string, std::string> rendered;
  for (const auto& entry : std::filesystem::directory_iterator(pages)) {
    const auto judged = shell("groff -man -ww -z -Tutf8 " + entry.path().string() + " 2>&1");
    EXPECT_EQ(judged.exit, 0);
    EXPECT_EQ(judged.out, "") << entry.path();
    rendered[entry.path().filename()] =
        shell("groff -man -Tutf8 -P-cbou -rLL=400n " + entry.path().string()).out;
  }
  for (const auto& [path, command] : places_) {
    const auto noun = path.substr(0, path.find(' '));
    const auto file = path.empty() ? "xinyin.1" : "xinyin-" + noun + ".1";
    ASSERT_TRUE(rendered.count(file)) << path;
    const auto& text = rendered[file];
    EXPECT_NE(text.find(path.empty() ? "xinyin" : "xinyin " + path), text.npos) << path;
    for (const auto& option : (*command)["options"].GetArray())
      for (const auto& name : option["names"].GetArray())
        EXPECT_NE(text.find(name.GetString()), text.npos) << path << " " << name.GetString();
    const auto alone = shell(kXinyin + "man " + path + " | groff -man -ww -z -Tutf8 2>&1");
    EXPECT_EQ(alone.out, "") << path;
  }
  EXPECT_EQ(shell(kXinyin + "man no such 2>/dev/null").exit, 9);
}

// What only looks, or writes but the file that it was told to. Whatever is not here acts.
const std::set<std::string> kLooks{"agreement show",
                                   "audit export",
                                   "audit export-ledger",
                                   "ca paper",
                                   "key drill",
                                   "mandate list",
                                   "key test-shares",
                                   "audit head",
                                   "audit show",
                                   "audit tail",
                                   "audit verify",
                                   "card show",
                                   "cert lint",
                                   "cert list",
                                   "cert show",
                                   "ceremony plan",
                                   "ceremony verify",
                                   "person find",
                                   "person requests",
                                   "person show",
                                   "portal list",
                                   "portal requests",
                                   "portal show",
                                   "portal tokens",
                                   "completion",
                                   "document show",
                                   "seal list",
                                   "seal picture",
                                   "seal requests",
                                   "seal show",
                                   "health",
                                   "key attest",
                                   "key list",
                                   "man",
                                   "officer list",
                                   "officer quorum show",
                                   "request list",
                                   "request show",
                                   "trust show",
                                   "ca list",
                                   "ca show",
                                   "ca lint"};

TEST_F(CommandLineTest, EveryVerbExplainsItselfAndEveryActCanBeTriedDry) {
  for (const auto& [path, command] : places_) {
    EXPECT_STRNE((*command)["help"].GetString(), "") << path;
    for (const auto* kind : {"options", "operands"})
      for (const auto& option : (*command)[kind].GetArray())
        EXPECT_STRNE(option["help"].GetString(), "")
            << path << " " << option["names"][0].GetString();
    if (!(*command)["verbs"].Empty()) continue;
    EXPECT_EQ(names(*command, true).count("--dry-run"), kLooks.count(path) ? 0u : 1u) << path;
  }
}

/// Words that let the parser through to the verb.
std::string arguments(const rapidjson::Value& command) {
  std::string out;
  const auto value = [](const rapidjson::Value& option) -> std::string {
    if (!option["choices"].Empty()) return option["choices"][0].GetString();
    return std::string_view(option["value"].GetString()).starts_with("INT") ? "1" : "superseded";
  };
  for (const auto* kind : {"operands", "options"})
    for (const auto& option : command[kind].GetArray()) {
      if (!option["required"].GetBool()) continue;
      if (std::string_view(kind) == "options")
        out += std::string(" ") + option["names"][0].GetString();
      // A reason of `document` is one of the catalogue's.
      out += std::string_view(option["names"][0].GetString()) == "--reason" &&
                     option["choices"].Empty()
                 ? " fraud"
                 : " " + value(option);
    }
  return out;
}

// With a configuration whose every door is closed a verb can only fail; it does so in JSON.
TEST_F(CommandLineTest, EveryVerbAnswersInJson) {
  std::ofstream(directory_ / "xinyin.conf")
      << "database.service = host=" << directory_.string() << " dbname=x\n"
      << "database.owner = host=" << directory_.string() << " dbname=x\n"
      << "signer.socket = none\nsigner.officer_socket = none\npki.directory = pki\n"
         "secrets.code_pepper = pepper\nsecrets.data_key = data-key\n";
  for (const auto& [path, command] : places_) {
    if (!(*command)["verbs"].Empty()) continue;
    const auto dry = kLooks.count(path) ? "" : " --dry-run";
    const auto ran = shell("cd " + directory_.string() + " && " + kXinyin + path +
                           arguments(*command) + dry + " --json --config xinyin.conf 2>/dev/null");
    const auto told = base::parse_json(ran.out, {16 << 20, 16});
    ASSERT_TRUE(told.ok()) << path << ": " << ran.out;
    ASSERT_TRUE(told->HasMember("code") && told->HasMember("data")) << path;
    EXPECT_EQ(base::json_int(*told, "code").value_or(-1), ran.exit) << path;
    EXPECT_NE(base::json_text(*told, "error"), "cli.usage") << path << ": " << ran.out;
    EXPECT_NE(ran.exit, 1) << path << ": " << ran.out;
  }
  const auto wrong = shell(kXinyin + "key no-such-verb --json 2>/dev/null");
  EXPECT_EQ(wrong.exit, 2);
  EXPECT_TRUE(base::parse_json(wrong.out, {1 << 20, 8}).ok()) << wrong.out;
}

/// "level part object" of each finding but the fine ones.
std::set<std::string> findings(const rapidjson::Value& told) {
  std::set<std::string> out;
  for (const auto& one : told["data"]["findings"].GetArray())
    if (const auto level = base::json_text(one, "level"); level != "fine")
      out.insert(std::string(level) + " " + std::string(base::json_text(one, "part")) + " " +
                 std::string(base::json_text(one, "object")));
  return out;
}

// Files are well, and nothing else can be asked: every part says so; come again, says the code.
// With the files gone too it is critical.
TEST_F(CommandLineTest, HealthTellsWhatItCouldNotAsk) {
  test::Pki(base::SystemClock().now()).write(directory_ / "pki");
  std::ofstream(directory_ / "xinyin.conf")
      << "database.service = host=" << directory_.string() << " dbname=x\n"
      << "signer.socket = none\nsigner.officer_socket = none\npki.directory = pki\n";
  const auto health = kXinyin + "health --json -c " + (directory_ / "xinyin.conf").string();
  const auto ran = shell(health);
  EXPECT_EQ(ran.exit, 75) << ran.out;
  const auto told = base::parse_json(ran.out, {1 << 20, 8});
  ASSERT_TRUE(told.ok()) << ran.out;
  EXPECT_EQ(findings(*told),
            (std::set<std::string>{"unknown signer ", "unknown officers ", "unknown requests ",
                                   "unknown ledger ", "unknown keys ", "unknown backup ",
                                   "unknown bodies ", "unknown database ", "unknown audit "}));
  std::filesystem::remove_all(directory_ / "pki");
  EXPECT_EQ(shell(health).exit, 8);
}

// The real signer with three officers, one of whom will soon have to renew; a real database.
TEST_F(CommandLineTest, HealthLooksAtTheSignerItsOfficersAndTheDatabase) {
  const auto now = base::SystemClock().now();
  test::Pki(now).write(directory_ / "pki");
  test::Token token{std::vector<hsm::PlannedKey>{}};
  test::Database database;
  const std::vector<test::Officer> people{
      test::Officer("jia"), test::Officer("yi"),
      test::Officer("bing", hsm::officers::Role::officer, std::chrono::hours(24 * 45))};
  std::ofstream(token.directory() / "genesis.json")
      << test::genesis(people, test::small_policy(), token.label(), now) << "\n";
  test::Signer::Options options{.program = XINYIN_BIN_DIR "/xinyin-signer"};
  options.settings = {"token.directory = " + token.tokens().string(), "token.writable_ok = true",
                      "officers.genesis = " + (token.directory() / "genesis.json").string(),
                      "officers.ledger = " + (token.directory() / "ledger.jsonl").string()};
  test::Signer signer(token, options);
  std::ofstream(directory_ / "xinyin.conf")
      << "database.service = " << database.conninfo()
      << "\ndatabase.owner = " << database.conninfo(test::Role::owner)
      << "\nsecrets.code_pepper = pepper\nsecrets.data_key = data-key"
      << "\nsigner.socket = " << signer.socket().string()
      << "\nsigner.officer_socket = " << signer.officer().socket.string()
      << "\npki.directory = pki\n";
  const auto xinyin = [&](const std::string& words) {
    return shell(kXinyin + words + " --json -c " + (directory_ / "xinyin.conf").string());
  };
  const auto ran = xinyin("health");
  EXPECT_EQ(ran.exit, 0) << ran.out;
  const auto told = base::parse_json(ran.out, {1 << 20, 8});
  ASSERT_TRUE(told.ok()) << ran.out;
  // Nobody has made an audit key yet: the ledger's founding line is covered by no signature.
  EXPECT_EQ(findings(*told), (std::set<std::string>{"warning officers bing", "warning ledger "}));
  // A request that waits is told of; a dry one is not there to be told of.
  EXPECT_EQ(xinyin("key generate seal-9 --purpose seal --dry-run").exit, 0);
  EXPECT_EQ(xinyin("request list").out.find("key.generate"), std::string::npos);
  EXPECT_EQ(xinyin("key generate seal-9 --purpose seal").exit, 4);
  EXPECT_NE(xinyin("health").out.find("cli.health.request_open"), std::string::npos);
  // Two more acts tried dry: said, and not done.
  EXPECT_NE(xinyin("secrets create --dry-run").out.find("would_be_created"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "pepper"));
  EXPECT_NE(xinyin("database migrate --dry-run").out.find("\"would_run\":[]"), std::string::npos);
  database.sql(test::Role::superuser,
               "delete from store.migration where number = 1 returning number");
  EXPECT_NE(xinyin("database migrate --dry-run").out.find("\"would_run\":[\"0001_"),
            std::string::npos);
  EXPECT_EQ(database.sql(test::Role::superuser,
                         "select count(*) from store.migration where number = 1")[0][0],
            "0");
  // What docs/officers.md has an outsider run, over the ledger that this signer wrote.
  const auto outsider = shell("cd " + token.directory().string() +
                              " && sed -n '/python3 - ledger/,/^    END/s/^    //p' " +
                              XINYIN_SOURCE_DIR "/docs/officers.md | sh 2>&1");
  EXPECT_EQ(outsider.exit, 0);
  EXPECT_EQ(outsider.out.find("2 lines, head "), 0u) << outsider.out;
}

// A handbook whose commands are not there (any more) is worse than none.
TEST_F(CommandLineTest, TheHandbooksCommandsAreThere) {
  std::istringstream book(read(XINYIN_SOURCE_DIR "/docs/officers.md"));
  int commands = 0;
  for (std::string line; std::getline(book, line);) {
    if (line.rfind("    xinyin ", 0) != 0) continue;
    ++commands;
    std::istringstream words(line.substr(11, line.find('#') - 11));
    const Place* at = &places_.front();
    for (std::string word; words >> word;) {
      while (!word.empty() && word.front() == '[') word.erase(0, 1);
      if (word.rfind("--", 0) == 0) {
        EXPECT_TRUE(names(*at->command, true).count(word)) << line;
        continue;
      }
      const auto path = (at->path.empty() ? "" : at->path + " ") + word;
      for (const auto& place : places_)
        if (place.path == path) at = &place;
    }
    EXPECT_TRUE((*at->command)["verbs"].Empty()) << line;
  }
  EXPECT_GT(commands, 30);
}

TEST_F(CommandLineTest, ExitCodesAreToldAlikeEverywhere) {
  std::set<std::string> in_code, in_help, in_page, in_docs;
  const auto gather = [](const std::string& text, const char* pattern, std::set<std::string>& out) {
    const std::regex one(pattern);
    for (std::sregex_iterator it(text.begin(), text.end(), one), end; it != end; ++it)
      out.insert((*it)[1].str() + (it->size() > 2 ? " " + (*it)[2].str() : ""));
  };
  const std::string source = XINYIN_SOURCE_DIR;
  const auto header = read(source + "/api/cli/commands.h");
  const auto from = header.find("enum Exit"), to = header.find("};", from);
  gather(header.substr(from, to - from), "k[A-Za-z]+ = ([0-9]+)", in_code);
  std::set<std::string> numbers;
  const auto help = shell(kXinyin + "--help").out;
  gather(help.substr(help.find("Exit codes:")), "\n +([0-9]+)  .* · ([^\n]+)", in_help);
  gather(help.substr(help.find("Exit codes:")), "\n +([0-9]+)  ", numbers);
  EXPECT_EQ(numbers, in_code);
  for (const auto& one : tree_["data"]["exit_codes"].GetObject())
    in_page.insert(std::string(one.name.GetString()) + " " + one.value.GetString());
  EXPECT_EQ(in_page, in_help);
  const auto page = shell(kXinyin + "man | groff -man -Tutf8 -P-cbou -rLL=400n").out;
  for (const auto& one : in_help) {
    const auto words = one.substr(one.find(' ') + 1);
    EXPECT_NE(page.find(words), page.npos) << words;
  }
  gather(read(source + "/docs/officers.md"), "\n\\| ([0-9]+) \\| ([^|\n]+) \\|", in_docs);
  EXPECT_EQ(in_docs, in_help);
}

}  // namespace
