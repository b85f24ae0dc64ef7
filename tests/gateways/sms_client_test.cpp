// Text messages over the carrier's interface, of a simulator that judges each call as the carrier
// does.
#include "gateways/sms_client.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include "base/json.h"
#include "base/unique_fd.h"
#include "gateways/http_exchange.h"
#include "tests/support/simulator.h"

namespace {

using gateways::http_exchange;
using testing::HasSubstr;

base::Secret secret(std::string_view text) {
  return base::Secret(base::as_bytes(text));
}

class SmsClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<test::TemporaryDirectory>();
    std::ofstream(directory_->path() / "secret") << "carrier-secret\n";
    simulator_ = std::make_unique<test::Simulator>(
        "sms_simulator.py",
        std::vector<std::string>{"--key-id", "LTAI-demo", "--key-secret-file",
                                 (directory_->path() / "secret").string(), "--template",
                                 "SMS_1=您正在${purpose}，验证码${code}，${minutes}分钟内有效。",
                                 "--with-parent"});
  }
  static void TearDownTestSuite() {
    simulator_.reset();
    directory_.reset();
  }
  void TearDown() override { mode("ok"); }

  static gateways::SmsClient::Config config() {
    return {simulator_->address() + "/",
            "LTAI-demo",
            "演示社保",
            {{"code", "SMS_1"}, {"notice", "SMS_404"}},
            std::chrono::milliseconds(10'000)};
  }
  gateways::SmsClient client(gateways::SmsClient::Config with = config(),
                             std::string_view key = "carrier-secret") {
    return {std::move(with), secret(key), clock_, random_};
  }
  static void mode(const std::string& word) {
    gateways::HttpAsk ask;
    ask.url = simulator_->address() + "/mode";
    ask.body = word;
    ASSERT_TRUE(http_exchange(ask).ok());
  }
  static auth::TextMessage message(std::string phone = "13812345678") {
    return {std::move(phone), "code", {{"purpose", "登录"}, {"code", "042137"}, {"minutes", "5"}}};
  }
  static std::string detail(const base::Result<std::string>& result) {
    return result.ok() ? "" : result.error().key + " " + result.error().detail;
  }

  static std::unique_ptr<test::TemporaryDirectory> directory_;
  static std::unique_ptr<test::Simulator> simulator_;
  base::SystemClock clock_;
  base::SystemRandom random_;
};
std::unique_ptr<test::TemporaryDirectory> SmsClientTest::directory_;
std::unique_ptr<test::Simulator> SmsClientTest::simulator_;

TEST_F(SmsClientTest, TheCarrierTakesItAndThePersonReadsIt) {
  const auto sent = client().send(message());
  ASSERT_TRUE(sent.ok()) << sent.error().detail;
  EXPECT_FALSE(sent->empty());
  gateways::HttpAsk ask;
  ask.method = "GET";
  ask.url = simulator_->address() + "/messages?phone=13812345678";
  const auto shown = http_exchange(ask);
  ASSERT_TRUE(shown.ok());
  EXPECT_THAT(shown->body, HasSubstr("【演示社保】您正在登录，验证码042137，5分钟内有效。"));
}

TEST_F(SmsClientTest, EachRefusalOfTheCarrierIsItsOwn) {
  EXPECT_THAT(detail(client(config(), "another").send(message())),
              HasSubstr("auth.sms.away SignatureDoesNotMatch"));
  auto other = config();
  other.key_id = "nobody";
  EXPECT_THAT(detail(client(other).send(message())), HasSubstr("InvalidAccessKeyId"));
  other = config();
  other.sign_name = "别人";
  EXPECT_THAT(detail(client(other).send(message())), HasSubstr("SMS_SIGNATURE_ILLEGAL"));
  auto unapproved = message();
  unapproved.template_name = "notice";
  EXPECT_THAT(detail(client().send(unapproved)), HasSubstr("SMS_TEMPLATE_ILLEGAL"));
  EXPECT_THAT(detail(client().send(message("nonsense"))), HasSubstr("auth.sms.number"));
  mode("limit");
  EXPECT_THAT(detail(client().send(message())), HasSubstr("auth.sms.slow"));
  mode("illegal");
  EXPECT_THAT(detail(client().send(message())), HasSubstr("auth.sms.number"));
}

TEST_F(SmsClientTest, ACarrierThatIsAwayOrTalksNonsense) {
  mode("away");
  EXPECT_THAT(detail(client().send(message())), HasSubstr("auth.sms.away"));
  mode("garbage");
  EXPECT_THAT(detail(client().send(message())), HasSubstr("not JSON"));
  mode("slow");
  auto hasty = config();
  hasty.deadline = std::chrono::milliseconds(200);
  EXPECT_THAT(detail(client(hasty).send(message())), HasSubstr("auth.sms.away"));
  auto nobody = config();
  nobody.url = "http://127.0.0.1:1/";
  EXPECT_THAT(detail(client(nobody).send(message())), HasSubstr("auth.sms.away"));
}

// A server that takes the connection and never greets: over https too the deadline holds.
TEST_F(SmsClientTest, ADeadlineHoldsForTheHandshake) {
  base::UniqueFd door(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(door.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(door.get(), 8), 0);
  ASSERT_EQ(::getsockname(door.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  auto silent = config();
  silent.url = "https://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/";
  silent.deadline = std::chrono::milliseconds(300);
  EXPECT_THAT(detail(client(silent).send(message())), HasSubstr("auth.sms.away"));
}

}  // namespace
