// A platform's token endpoint and keys on the wire, answered rightly and in every wrong way.
// RFC 6749 §2.3.1, §4.1.3; LD/T 01-2020 5.4.1.4c.
#include "gateways/platform_client.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "gateways/http_exchange.h"
#include "tests/support/manual_clock.h"
#include "tests/support/simulator.h"

namespace {

using gateways::PlatformAddress;
using gateways::PlatformClient;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

class PlatformClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    simulator_ = std::make_unique<test::Simulator>("platform_simulator.py", std::vector<std::string>{});
  }
  static void TearDownTestSuite() { simulator_.reset(); }

  PlatformClient client(const std::string& token, PlatformAddress::Proof proof = PlatformAddress::Proof::basic,
                        milliseconds deadline = milliseconds(20'000)) {
    return {PlatformAddress{"gov", simulator_->address() + token, simulator_->address() + token,
                            "xin:yin", proof, deadline},
            base::Secret(base::as_bytes(std::string_view("a secret/+%"))), steady_};
  }
  static std::string last(const char* name) {
    gateways::HttpAsk ask;
    ask.method = "GET";
    ask.url = simulator_->address() + "/last";
    const auto reply = gateways::http_exchange(ask);
    const auto json = base::parse_json(reply->body);
    return std::string(base::json_text(*json, name));
  }
  static const std::vector<std::pair<std::string, std::string>>& form() {
    static const std::vector<std::pair<std::string, std::string>> out{
        {"grant_type", "authorization_code"}, {"code", "a&b=c"}, {"client_id", "xin:yin"}};
    return out;
  }

  static std::unique_ptr<test::Simulator> simulator_;
  base::ManualSteadyClock steady_;
};
std::unique_ptr<test::Simulator> PlatformClientTest::simulator_;

TEST_F(PlatformClientTest, Rfc6749_2_3_1_TheSecretIsSentInOnePlace) {
  const auto reply = client("/token").redeem(form());
  ASSERT_TRUE(reply.ok()) << reply.error().detail;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, R"({"id_token": "a.b.c"})");
  EXPECT_EQ(last("body"), "grant_type=authorization_code&code=a%26b%3Dc");
  // base64("xin%3Ayin:a%20secret%2F%2B%25")
  EXPECT_EQ(last("authorization"), "Basic eGluJTNBeWluOmElMjBzZWNyZXQlMkYlMkIlMjU=");
  ASSERT_TRUE(client("/token", PlatformAddress::Proof::post).redeem(form()).ok());
  EXPECT_THAT(last("body"), HasSubstr("client_id=xin%3Ayin&client_secret=a%20secret%2F%2B%25"));
  EXPECT_EQ(last("authorization"), "");
  ASSERT_TRUE(client("/token", PlatformAddress::Proof::none).redeem(form()).ok());
  EXPECT_THAT(last("body"), Not(HasSubstr("secret")));
}

TEST_F(PlatformClientTest, KeysComeByGet) {
  const auto keys = client("/keys").keys();
  ASSERT_TRUE(keys.ok()) << keys.error().detail;
  EXPECT_EQ(*keys, R"({"keys": []})");
  EXPECT_EQ(last("method"), "GET");
  EXPECT_EQ(last("authorization"), "") << "the secret is not for everybody who publishes keys";
}

TEST_F(PlatformClientTest, WhatIsNoAnswerIsTrouble) {
  for (const auto* path : {"/html", "/status_500", "/huge", "/short", "/redirect", "/nowhere"}) {
    const auto reply = client(path).redeem(form());
    ASSERT_FALSE(reply.ok()) << path;
    EXPECT_EQ(reply.error().key, "auth.platform.trouble") << path;
    EXPECT_FALSE(client(path).keys().ok()) << path;
    EXPECT_EQ(last("path"), path) << "nothing is followed";
  }
  for (const auto* path : {"/silent", "/drip"})
    EXPECT_EQ(client(path, PlatformAddress::Proof::basic, milliseconds(300)).redeem(form()).error().key,
              "auth.platform.trouble")
        << path;
  EXPECT_EQ(client("/denied").redeem(form())->status, 400) << "an answer about the code";
  EXPECT_FALSE(client("/denied").keys().ok());
}

TEST_F(PlatformClientTest, AfterFiveFailuresItIsLeftAloneForTenSeconds) {
  const auto broken = client("/status_500");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(broken.redeem(form()).ok());
  EXPECT_THAT(broken.redeem(form()).error().detail, HasSubstr("left alone"));
  steady_.advance(std::chrono::seconds(10));
  EXPECT_THAT(broken.redeem(form()).error().detail, HasSubstr("status 500"));
}

}  // namespace
