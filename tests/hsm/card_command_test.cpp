// `xinyin card`: the real program, at a terminal and without one; openssl judges the certificate.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "base/json.h"
#include "test_paths.h"
#include "tests/hsm/openssl.h"
#include "tests/support/card.h"
#include "tests/support/terminal.h"
#include "tests/support/token.h"

namespace {

const std::string kProgram = XINYIN_BIN_DIR "/xinyin";
const std::string kCanary = "canary-48151623";

class CardCommandTest : public testing::Test {
 protected:
  CardCommandTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-cards-XXXXXX").string();
    base::check(::mkdtemp(pattern.data()) != nullptr, "no directory");
    place_ = pattern;
    write("card.conf", "card.module = " + test::Token::module().string() +
                           "\ncard.label = card-li\ncard.softhsm_conf = softhsm2.conf\n"
                           "card.directory = tokens\n");
    write("pin", kCanary + "\n");
    write("so-pin", kCanary + "-so\n");
  }
  ~CardCommandTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(place_, ignored);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(place_ / name, std::ios::binary) << text;
    std::filesystem::permissions(place_ / name, std::filesystem::perms(0600));
  }
  std::vector<std::string> card(std::vector<std::string> more) {
    std::vector<std::string> all{kProgram,     "--json", "card",
                                 more.front(), "--card", place_ / "card.conf"};
    all.insert(all.end(), more.begin() + 1, more.end());
    return all;
  }
  test::Ran create() {
    return test::run(card({"create", "--name", "李四", "--person", "officer-2", "--pin-file",
                           place_ / "pin", "--so-pin-file", place_ / "so-pin"}));
  }
  /// The object on the last line; progress stands before it.
  static rapidjson::Document data(const std::string& out) {
    auto document = base::parse_json(out.substr(out.find("{\"ok\"")));
    base::check(document.ok() && document->HasMember("data"), "no answer in " + out);
    return std::move(*document);
  }
  std::filesystem::path place_;
};

TEST_F(CardCommandTest, CreateMakesACardWhoseCertificateOpensslBelieves) {
  const auto made = create();
  ASSERT_EQ(made.status, 0) << made.out;
  auto answer = data(made.out);
  EXPECT_EQ(made.out.find(kCanary), std::string::npos);
  write("card.pem", std::string(base::json_text(answer["data"], "certificate")));
  const auto verified = test::run(
      {"openssl", "verify", "-check_ss_sig", "-CAfile", place_ / "card.pem", place_ / "card.pem"});
  EXPECT_EQ(verified.status, 0) << verified.out;
  const auto text = test::run({"openssl", "x509", "-in", place_ / "card.pem", "-noout", "-subject",
                               "-nameopt", "utf8", "-ext", "keyUsage,extendedKeyUsage"});
  EXPECT_NE(text.out.find("serialNumber=officer-2"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("李四"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("Digital Signature, Non Repudiation"), std::string::npos) << text.out;
  // Two years: good in 729 days, not in 731.
  const auto ends = [&](int days) {
    return test::run({"openssl", "x509", "-in", place_ / "card.pem", "-noout", "-checkend",
                      std::to_string(days * 86400)})
        .status;
  };
  EXPECT_EQ(ends(729), 0);
  EXPECT_EQ(ends(731), 1);

  const auto again = create();
  EXPECT_EQ(again.status, 9) << again.out;
  EXPECT_NE(again.out.find("hsm.not_empty"), std::string::npos) << again.out;
}

TEST_F(CardCommandTest, AtATerminalThePinIsAskedForTwiceAndNotShown) {
  test::Terminal terminal(card({"create", "--name", "Li Si", "--person", "officer-2"}));
  ASSERT_TRUE(terminal.sees("SO card-li")) << terminal.shown();
  terminal.type(kCanary + "-so\r");
  ASSERT_TRUE(terminal.sees("once more")) << terminal.shown();
  terminal.type(kCanary + "-so\r");
  ASSERT_TRUE(terminal.sees("new PIN card-li")) << terminal.shown();
  terminal.type("wrong\x15" + kCanary + "9\x7f\r");  // a line erased, a character taken back
  ASSERT_TRUE(terminal.sees("once more")) << terminal.shown();
  // It holds three PINs now, and waits.
  EXPECT_EQ(test::processes_showing(kCanary), std::vector<std::string>{});
  terminal.type(kCanary + "\r");
  EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
  EXPECT_EQ(terminal.shown().find(kCanary), std::string::npos);

  const auto shown = test::run(card({"show", "--pin-file", place_ / "pin"}));
  EXPECT_EQ(shown.status, 0) << shown.out;
}

TEST_F(CardCommandTest, ASecretInAnArgumentWouldBeFound) {
  test::Terminal loud({"sh", "-c", "echo here; read line", "sh", kCanary});
  ASSERT_TRUE(loud.sees("here"));
  EXPECT_EQ(test::processes_showing(kCanary).size(), 1u);
}

TEST_F(CardCommandTest, TwoDifferentNewPinsMakeNothing) {
  test::Terminal terminal(card(
      {"create", "--name", "Li Si", "--person", "officer-2", "--so-pin-file", place_ / "so-pin"}));
  ASSERT_TRUE(terminal.sees("new PIN card-li"));
  terminal.type(kCanary + "\r");
  ASSERT_TRUE(terminal.sees("once more"));
  terminal.type(kCanary + "x\r");
  EXPECT_EQ(terminal.wait(), 2);
  EXPECT_FALSE(std::filesystem::exists(place_ / "tokens"));
}

TEST_F(CardCommandTest, AnInterruptLeavesTheTerminalAsItWas) {
  ASSERT_EQ(create().status, 0);
  test::Terminal terminal({"sh", "-c", "\"$0\" --json card show --card \"$1\"; stty -a", kProgram,
                           (place_ / "card.conf").string()});
  ASSERT_TRUE(terminal.sees("PIN card-li"));
  terminal.type("12\x03");
  terminal.wait();
  EXPECT_NE(terminal.shown().find("cli.interrupted"), std::string::npos) << terminal.shown();
  EXPECT_EQ(terminal.shown().find("-echo "), std::string::npos) << terminal.shown();
}

TEST_F(CardCommandTest, TheQuestionNamesTheCardAndItsSerial) {
  const auto made = create();
  ASSERT_EQ(made.status, 0);
  auto answer = data(made.out);
  const std::string serial(base::json_text(answer["data"], "serial"));
  std::ofstream(place_ / "card.conf", std::ios::app) << "card.serial = " << serial << "\n";
  test::Terminal terminal(card({"show"}));
  EXPECT_TRUE(terminal.sees("PIN card-li (" + serial + ")")) << terminal.shown();
  terminal.type(kCanary + "\r");
  EXPECT_EQ(terminal.wait(), 0) << terminal.shown();
}

TEST_F(CardCommandTest, WithoutATerminalItSaysHowToGiveThePin) {
  ASSERT_EQ(create().status, 0);
  auto arguments = card({"show"});
  arguments.insert(arguments.begin(), "setsid");
  arguments.insert(arguments.begin() + 1, "--wait");
  const auto shown = test::run(arguments);
  EXPECT_EQ(shown.status, 2) << shown.out;
  EXPECT_NE(shown.out.find("cli.no_terminal"), std::string::npos) << shown.out;
}

TEST_F(CardCommandTest, ThePinIsChangedOverDescriptors) {
  ASSERT_EQ(create().status, 0);
  write("both", kCanary + "\nfresh-" + kCanary + "\n");
  const auto changed = test::run(
      {"sh", "-c",
       "exec 7<\"$2\"; \"$0\" --json card change-pin --card \"$1\" --pin-fd 7 --new-pin-fd 7",
       kProgram, place_ / "card.conf", place_ / "both"});
  ASSERT_EQ(changed.status, 0) << changed.out;
  EXPECT_EQ(changed.out.find(kCanary), std::string::npos);
  const auto before = test::run(card({"show", "--pin-file", place_ / "pin"}));
  EXPECT_EQ(before.status, 6) << before.out;
  EXPECT_NE(before.out.find("hsm.card_pin"), std::string::npos) << before.out;
  write("pin", "fresh-" + kCanary);
  EXPECT_EQ(test::run(card({"show", "--pin-file", place_ / "pin"})).status, 0);
}

TEST_F(CardCommandTest, APinFileThatAllMayReadIsRefused) {
  ASSERT_EQ(create().status, 0);
  std::filesystem::permissions(place_ / "pin", std::filesystem::perms(0644));
  const auto shown = test::run(card({"show", "--pin-file", place_ / "pin"}));
  EXPECT_EQ(shown.status, 2) << shown.out;
  EXPECT_NE(shown.out.find("config.secret_file"), std::string::npos) << shown.out;
}

}  // namespace
