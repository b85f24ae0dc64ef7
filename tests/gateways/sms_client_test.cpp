// Text messages over the carrier's interface, of a simulator that judges each call as the carrier
// does; and the one way out over HTTP.
#include "gateways/sms_client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "gateways/http_exchange.h"
#include "tests/support/simulator.h"

namespace {

using gateways::http_exchange;
using gateways::is_public_address;
using testing::HasSubstr;

base::Secret secret(std::string_view text) {
  return base::Secret(base::as_bytes(text));
}

class SmsClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/xinyin-sms-XXXXXX";
    base::check(::mkdtemp(name) != nullptr, "no temporary directory");
    directory_ = name;
    std::ofstream(directory_ / "secret") << "carrier-secret\n";
    simulator_ = std::make_unique<test::Simulator>(
        "sms_simulator.py",
        std::vector<std::string>{"--key-id", "LTAI-demo", "--key-secret-file",
                                 (directory_ / "secret").string(), "--template",
                                 "SMS_1=您正在${purpose}，验证码${code}，${minutes}分钟内有效。",
                                 "--with-parent"});
  }
  static void TearDownTestSuite() {
    simulator_.reset();
    std::filesystem::remove_all(directory_);
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

  static std::filesystem::path directory_;
  static std::unique_ptr<test::Simulator> simulator_;
  base::SystemClock clock_;
  base::SystemRandom random_;
};
std::filesystem::path SmsClientTest::directory_;
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

TEST_F(SmsClientTest, AnAddressOfOthersMustBePublic) {
  gateways::HttpAsk ask;
  ask.method = "GET";
  ask.url = simulator_->address() + "/messages";
  EXPECT_TRUE(http_exchange(ask).ok());
  ask.public_only = true;
  const auto refused = http_exchange(ask);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "gateways.http_address");
  ask.url = "http://localhost:1/";
  EXPECT_EQ(http_exchange(ask).error().key, "gateways.http_address") << "judged after resolving";
}

TEST(PublicAddressTest, SpecialUseAddressesAreNone) {
  for (const auto* address :
       {"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.168.1.1", "198.18.0.1", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd12::1", "fe80::1",
        "fec0::1", "ff02::1", "not an address", ""})
    EXPECT_FALSE(is_public_address(address)) << address;
  for (const auto* address : {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.128.0.1",
                              "192.167.1.1", "223.5.5.5", "2400:3200::1", "2606:4700:4700::1111"})
    EXPECT_TRUE(is_public_address(address)) << address;
}

}  // namespace
