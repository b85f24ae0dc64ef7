// Proofing sources over their wire interface, of a simulator that speaks it: every answer and every
// way of giving none. LD/T 01-2020 5.4.1.5; docs/gateways.md.
#include "gateways/proofing_client.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "base/random.h"
#include "gateways/http_exchange.h"
#include "gateways/proofing_wire.h"
#include "tests/support/simulator.h"

namespace {

using auth::ProofingOutcome;
using gateways::ProofingClient;
using std::chrono::milliseconds;
using testing::HasSubstr;

struct MovedSteady final : base::SteadyClock {
  std::chrono::microseconds elapsed() const override { return at; }
  std::chrono::microseconds at{0};
};

class ProofingClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/xinyin-proofing-XXXXXX";
    base::check(::mkdtemp(name) != nullptr, "no temporary directory");
    directory_ = name;
    std::ofstream(directory_ / "secret") << "source-secret\n";
    std::ofstream(directory_ / "people")
        << R"({"name": "张小三", "id_number": "11010519491231002X", "phone": "13800138000",)"
        << R"( "bank_card": "6222020200012345678", "card_number": "A12345678", "last_base": "8500.00"})"
        << "\n";
    simulator_ = std::make_unique<test::Simulator>(
        "proofing_simulator.py",
        std::vector<std::string>{"--key-id", "us", "--secret-file",
                                 (directory_ / "secret").string(), "--people",
                                 (directory_ / "people").string(), "--with-parent"});
  }
  static void TearDownTestSuite() {
    simulator_.reset();
    std::filesystem::remove_all(directory_);
  }
  void SetUp() override { mode("ok"); }

  static std::string send(const std::string& method, const std::string& path,
                          const std::string& body, const char* type = "application/json") {
    gateways::HttpAsk ask;
    ask.method = method;
    ask.url = path.starts_with("http") ? path : simulator_->address() + path;
    ask.content_type = type;
    ask.body = body;
    const auto reply = gateways::http_exchange(ask);
    return reply.ok() ? reply->body : "";
  }
  static void mode(const std::string& word) {
    send("POST", "/mode", "{\"mode\": \"" + word + "\"}");
  }
  static std::string asked() { return send("GET", "/asked", ""); }
  ProofingClient client(const std::string& path = "/identity", bool production = false,
                        std::string_view secret = "source-secret",
                        milliseconds deadline = milliseconds(10'000)) {
    return ProofingClient(
        {"identity", simulator_->address() + path, "us", deadline, {}, production},
        base::Secret(base::as_bytes(secret)), clock_, steady_);
  }
  auth::ProofingQuestion question(const std::string& method = "two-factor") {
    auth::ProofingQuestion out{method, base::to_base64url(random_.bytes(24)), {}};
    out.attributes = {
        {"name", "张小三"}, {"id_type", "cn-id"}, {"id_number", "11010519491231002X"}};
    return out;
  }

  static std::filesystem::path directory_;
  static std::unique_ptr<test::Simulator> simulator_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  MovedSteady steady_;
};
std::filesystem::path ProofingClientTest::directory_;
std::unique_ptr<test::Simulator> ProofingClientTest::simulator_;

TEST_F(ProofingClientTest, Ldt01_5_4_1_5_FourOutcomesArriveAsFour) {
  const auto source = client();
  const auto good = source.ask(question());
  EXPECT_EQ(good.outcome, ProofingOutcome::matches) << good.trouble;
  EXPECT_THAT(good.matched, testing::ElementsAre("name", "id_number"));
  EXPECT_FALSE(good.transaction.empty());

  auto three = question("three-factor");
  three.attributes.emplace_back("phone", "13900139000");
  EXPECT_EQ(source.ask(three).outcome, ProofingOutcome::does_not_match);
  three = question("three-factor");
  three.attributes.emplace_back("phone", "13800138000");
  EXPECT_EQ(source.ask(three).outcome, ProofingOutcome::matches);

  auto nobody = question();
  nobody.attributes[2].second = "110101199003076632";
  EXPECT_EQ(source.ask(nobody).outcome, ProofingOutcome::not_found);

  mode("unavailable");
  const auto none = source.ask(question());
  EXPECT_EQ(none.outcome, ProofingOutcome::unavailable);
  EXPECT_EQ(none.trouble, "the source says so");
}

TEST_F(ProofingClientTest, OwnRecordsAreComparedAlike) {
  auto own = question("association");
  own.attributes.insert(own.attributes.end(),
                        {{"card_number", "A12345678"}, {"last_base", "8500.00"}});
  const auto source = client("/association");
  EXPECT_EQ(source.ask(own).outcome, ProofingOutcome::matches);
  own = question("association");
  own.attributes.insert(own.attributes.end(),
                        {{"card_number", "A12345678"}, {"last_base", "8500.01"}});
  EXPECT_EQ(source.ask(own).outcome, ProofingOutcome::does_not_match);
}

TEST_F(ProofingClientTest, WhatIsNoAnswerIsUnavailableAndNeverAMismatch) {
  for (const char* word : {"wrong_mac", "wrong_nonce", "unsigned", "garbage", "html", "status_500",
                           "huge", "short", "reflected"}) {
    mode(word);
    const auto answer = client().ask(question());
    EXPECT_EQ(answer.outcome, ProofingOutcome::unavailable) << word;
    EXPECT_FALSE(answer.trouble.empty()) << word;
    EXPECT_TRUE(answer.matched.empty()) << word;
  }
}

TEST_F(ProofingClientTest, SilenceAndDrippingEndAtTheDeadline) {
  for (const char* word : {"silent", "drip"}) {
    mode(word);
    const auto answer =
        client("/identity", false, "source-secret", milliseconds(300)).ask(question());
    EXPECT_EQ(answer.outcome, ProofingOutcome::unavailable) << word;
  }
}

TEST_F(ProofingClientTest, ASourceThatDoesNotKnowUsGivesNoAnswer) {
  EXPECT_THAT(client("/identity", false, "another-secret").ask(question()).trouble,
              HasSubstr("status 403"));
}

TEST_F(ProofingClientTest, AQuestionIsAnsweredOnce) {
  const auto source = client();
  const auto same = question();
  EXPECT_EQ(source.ask(same).outcome, ProofingOutcome::matches);
  EXPECT_EQ(source.ask(same).outcome, ProofingOutcome::unavailable);
}

TEST_F(ProofingClientTest, InProductionASimulatorsAnswerIsNone) {
  EXPECT_THAT(client("/identity", true).ask(question()).trouble, HasSubstr("simulator"));
  mode("unmarked");
  EXPECT_EQ(client("/identity", true).ask(question()).outcome, ProofingOutcome::matches);
}

TEST_F(ProofingClientTest, ASourceThatFailsIsLeftAloneAndFoundAgain) {
  const auto source = client();
  mode("status_500");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(source.ask(question()).outcome, ProofingOutcome::unavailable);
  EXPECT_EQ(asked(), R"({"asked": 5})");
  EXPECT_THAT(source.ask(question()).trouble, HasSubstr("left alone"));
  steady_.at += std::chrono::seconds(11);
  EXPECT_THAT(source.ask(question()).trouble, HasSubstr("500")) << "one finds out";
  EXPECT_THAT(source.ask(question()).trouble, HasSubstr("left alone"));
  mode("ok");
  steady_.at += std::chrono::seconds(11);
  EXPECT_EQ(source.ask(question()).outcome, ProofingOutcome::matches);
  EXPECT_EQ(source.ask(question()).outcome, ProofingOutcome::matches);
}

TEST_F(ProofingClientTest, Ldt01_6_2_6b_AVisitEndsInItsOwnAnswer) {
  for (const auto& [word, outcome] : std::vector<std::pair<std::string, ProofingOutcome>>{
           {"matches", ProofingOutcome::matches},
           {"does_not_match", ProofingOutcome::does_not_match},
           {"not_live", ProofingOutcome::not_live},
           {"not_finished", ProofingOutcome::not_finished}}) {
    const auto source = client("/face");
    const auto asks = question("face");
    const auto visit = source.begin(asks, "https://id.example/account/proofing/return?state=x");
    ASSERT_TRUE(visit.ok()) << visit.error().detail;
    EXPECT_FALSE(source.result(asks, visit->ticket).has_value()) << "the person is still at it";
    send("POST", visit->address, "outcome=" + word, "application/x-www-form-urlencoded");
    const auto answer = source.result(asks, visit->ticket);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->outcome, outcome) << answer->trouble;
    auto other = question("face");
    EXPECT_EQ(source.result(other, visit->ticket)->outcome, ProofingOutcome::not_found)
        << "another question's nonce gets nobody's answer";
  }
}

TEST_F(ProofingClientTest, Ldt01_5_4_1_4b_ACardTellsWhoseItIs) {
  const auto source = client("/social-card");
  const auto asks = question("social-card");
  const auto visit = source.begin(asks, "https://id.example/r");
  ASSERT_TRUE(visit.ok());
  send("POST", visit->address, "outcome=matches", "application/x-www-form-urlencoded");
  const auto answer = source.result(asks, visit->ticket);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->name, "张小三");
  EXPECT_EQ(answer->id_number, "11010519491231002X");
}

TEST_F(ProofingClientTest, InProductionAVisitIsAtAnHttpsAddress) {
  mode("unmarked");
  const auto visit = client("/face", true).begin(question("face"), "https://id.example/r");
  ASSERT_FALSE(visit.ok());
  EXPECT_EQ(visit.error().key, "auth.proofing.unavailable");
  EXPECT_THAT(visit.error().detail, HasSubstr("https"));
}

TEST(ProofingWireTest, AMatchWithoutATransactionIsNone) {
  const auto json = base::parse_json(R"({"outcome": "matches", "matched": ["name"]})");
  EXPECT_EQ(gateways::read_answer(*json)->outcome, ProofingOutcome::unavailable);
  const auto odd =
      base::parse_json(R"({"outcome": "matches", "transaction": "1", "matched": ["face_image"]})");
  EXPECT_EQ(gateways::read_answer(*odd)->outcome, ProofingOutcome::unavailable);
  const auto hint =
      base::parse_json(R"({"outcome": "does_not_match", "transaction": "1", "matched": ["name"]})");
  EXPECT_TRUE(gateways::read_answer(*hint)->matched.empty()) << "no hint, whatever it says";
}

TEST(ProofingWireTest, AnAddressThatAPageCouldStumbleOverIsNone) {
  for (const char* address :
       {"javascript:alert(1)", "https://a b", "https://a\\\"x", "http://a/", "//a", ""}) {
    const auto json =
        base::parse_json(std::string(R"({"ticket": "t", "address": ")") + address + "\"}");
    ASSERT_TRUE(json.ok()) << address;
    EXPECT_FALSE(gateways::read_visit(*json, false).ok()) << address;
  }
}

}  // namespace
