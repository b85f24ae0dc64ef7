// The service follows the officers' ledger of the real signer: what is told, and how often.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "api/background.h"
#include "test_paths.h"
#include "tests/api/house.h"
#include "tests/support/officers.h"
#include "tests/support/signer.h"

namespace {

class LedgerFollowTest : public testing::Test {
 protected:
  LedgerFollowTest() {
    found();
    start();
    house_.services().signer = &client();
  }
  /// Another founding each time: the token holds no keys, so any ledger fits it.
  void found() {
    const std::vector<test::Officer> people{test::Officer("an"), test::Officer("bo"),
                                            test::Officer("chen")};
    std::ofstream(token_.directory() / "genesis.json")
        << test::genesis(people, test::small_policy(), token_.label(), base::SystemClock().now());
    std::filesystem::remove(token_.directory() / "ledger.jsonl");
  }
  void start() {
    signer_.reset();
    test::Signer::Options options;
    options.program = XINYIN_BIN_DIR "/xinyin-signer";
    options.settings = {"token.directory = " + token_.tokens().string(), "token.writable_ok = true",
                        "officers.genesis = " + (token_.directory() / "genesis.json").string(),
                        "officers.ledger = " + (token_.directory() / "ledger.jsonl").string()};
    signer_ = std::make_unique<test::Signer>(token_, std::move(options));
    client_ = std::make_unique<hsm::Client>(signer_->client());
    house_.services().signer = client_.get();
  }
  hsm::Client& client() { return *client_; }
  int told(const std::string& what) {
    house_.log().flush();
    std::ifstream file(house_.log_file());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    int count = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
    return count;
  }

  test::Token token_{std::vector<hsm::PlannedKey>{}};
  std::unique_ptr<test::Signer> signer_;
  std::unique_ptr<hsm::Client> client_;
  test::House house_{test::House::Options{.upstairs = false}};
};

TEST_F(LedgerFollowTest, Ldt01_6_2_5e_WhatIsWrongIsToldOnceAndShownUntilItIsWell) {
  api::Background background(house_.services(), house_.log(),
                             {.ledger = std::chrono::milliseconds(0)});
  const auto& services = house_.services();
  background.follow_ledger();
  EXPECT_EQ(services.ledger_lines, 1);
  EXPECT_GT(services.ledger_followed_at, 0);
  EXPECT_FALSE(services.ledger_alarm);

  signer_->stop();
  background.follow_ledger();
  background.follow_ledger();
  EXPECT_EQ(told("hsm.unavailable"), 1);
  EXPECT_FALSE(services.ledger_alarm) << "away is not an alarm";

  const auto genesis = token_.directory() / "genesis.json";
  const auto ledger = token_.directory() / "ledger.jsonl";
  std::filesystem::copy_file(genesis, genesis.string() + ".kept");
  std::filesystem::copy_file(ledger, ledger.string() + ".kept");
  found();
  start();
  background.follow_ledger();
  background.follow_ledger();
  EXPECT_EQ(told("certs.ledger_differs"), 1);
  EXPECT_TRUE(services.ledger_alarm);
  EXPECT_EQ(services.ledger_lines, 1);

  signer_->stop();
  background.follow_ledger();
  EXPECT_TRUE(services.ledger_alarm) << "going away does not end it";
  std::filesystem::rename(genesis.string() + ".kept", genesis);
  std::filesystem::rename(ledger.string() + ".kept", ledger);
  start();
  background.follow_ledger();
  EXPECT_FALSE(services.ledger_alarm);
  EXPECT_EQ(told("well again"), 1);
}

}  // namespace
