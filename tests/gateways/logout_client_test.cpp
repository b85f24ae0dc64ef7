// Logout tokens on the wire: to a simulated portal over TLS, and nowhere where a stranger's address
// may not lead. OpenID Connect Back-Channel Logout 1.0 §2.5; security.md §3 (server-side request
// forgery); docs/decisions/0102-back-channel-logout.md.
#include "gateways/logout_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <fstream>
#include <iterator>

#include "tests/support/simulator.h"

namespace {

using gateways::LogoutClient;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

gateways::SocketAddress address(const std::string& text, int port = 443) {
  gateways::SocketAddress out;
  auto& four = reinterpret_cast<sockaddr_in&>(out.bytes);
  if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(static_cast<std::uint16_t>(port));
    out.size = sizeof four;
    return out;
  }
  auto& six = reinterpret_cast<sockaddr_in6&>(out.bytes);
  base::check(::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1, "an address");
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(static_cast<std::uint16_t>(port));
  out.size = sizeof six;
  return out;
}

/// tests/fakes/portal_logout_simulator.py
class Simulator {
 public:
  std::string received() const {
    std::ifstream in(directory_.path() / "received");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string root() const { return (directory_.path() / "root.pem").string(); }

 private:
  test::TemporaryDirectory directory_;
  test::Simulator child_{"portal_logout_simulator.py", {directory_.path().string()}};

 public:
  const int tls = child_.port(0), plain = child_.port(1);
};

class LogoutClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { simulator_ = std::make_unique<Simulator>(); }
  static void TearDownTestSuite() { simulator_.reset(); }
  /// For a portal whose name leads here.
  LogoutClient::Config here(milliseconds deadline = seconds(20)) const {
    return {deadline, true, simulator_->root(),
            [](const std::string&, int port) { return std::vector{address("127.0.0.1", port)}; }};
  }
  static std::string at(const std::string& path, const std::string& host = "rp.example") {
    return "https://" + host + ":" + std::to_string(simulator_->tls) + path;
  }
  static std::string why(const base::Result<int>& answer) {
    return answer.ok() ? std::to_string(*answer) : answer.error().key + " " + answer.error().detail;
  }
  static std::unique_ptr<Simulator> simulator_;
};
std::unique_ptr<Simulator> LogoutClientTest::simulator_;

TEST_F(LogoutClientTest, BackChannel_2_5_ATokenIsPostedOverTls) {
  const LogoutClient client(here());
  EXPECT_EQ(why(client.post(at("/out?from=xinyin"), "logout_token=a.b.c")), "200");
  EXPECT_THAT(simulator_->received(),
              HasSubstr("/out?from=xinyin rp.example:" + std::to_string(simulator_->tls) +
                        " application/x-www-form-urlencoded logout_token=a.b.c\n"));
  EXPECT_EQ(why(client.post(at("/refuse"), "x=y")), "400");
  EXPECT_EQ(why(client.post(at("/away"), "x=y")), "302") << "told, and not followed";
  EXPECT_THAT(simulator_->received(), testing::Not(HasSubstr("/out rp.example")));
  EXPECT_EQ(why(client.post(at("/huge"), "x=y")), "200") << "what it says is not read";
}

TEST_F(LogoutClientTest, TheCertificateMustLeadToARootAndNameTheHost) {
  auto config = here();
  EXPECT_THAT(why(LogoutClient(config).post(at("/out", "other.example"), "x=y")),
              HasSubstr("gateways.logout"))
      << "another name";
  config.roots_file.clear();
  EXPECT_THAT(why(LogoutClient(config).post(at("/out"), "x=y")), HasSubstr("certificate"))
      << "a root that the system does not know";
  EXPECT_THAT(why(LogoutClient(here()).post(
                  "https://rp.example:" + std::to_string(simulator_->plain) + "/out", "x=y")),
              HasSubstr("TLS"));
}

TEST_F(LogoutClientTest, ADeadlineHoldsHoweverSlowlyItDrips) {
  const LogoutClient client(here(milliseconds(400)));
  EXPECT_THAT(why(client.post(at("/silent"), "x=y")), HasSubstr("timeout"));
  EXPECT_THAT(why(client.post(at("/drip"), "x=y")), HasSubstr("timeout"));
  EXPECT_THAT(why(LogoutClient(here()).post(at("/garbage"), "x=y")), HasSubstr("no HTTP"));
}

TEST_F(LogoutClientTest, Rfc6890_NothingOfSpecialUseIsReached) {
  for (const auto* special : {"0.0.0.0",
                              "10.0.0.1",
                              "100.64.0.1",
                              "127.0.0.1",
                              "127.255.255.254",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.2.1",
                              "192.88.99.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.7",
                              "203.0.113.9",
                              "224.0.0.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:8.8.8.8",
                              "::ffff:127.0.0.1",
                              "64:ff9b::808:808",
                              "100::1",
                              "2001::1",
                              "2001:db8::1",
                              "2001:10::1",
                              "2002:7f00:1::1",
                              "3fff::1",
                              "fc00::1",
                              "fd12::1",
                              "fe80::1",
                              "ff02::1"}) {
    const auto one = address(special);
    EXPECT_FALSE(gateways::is_public_address(one.get()))
        << special;
    auto config = here();
    config.loopback_allowed = false;
    config.resolver = [&](const std::string&, int) { return std::vector{one}; };
    EXPECT_THAT(why(LogoutClient(config).post(at("/out"), "x=y")), HasSubstr("gateways.address"))
        << special;
  }
  for (const auto* open : {"1.1.1.1", "100.63.255.255", "172.32.0.1", "193.0.0.1", "198.20.0.1",
                           "223.255.255.255", "2606:4700::1111", "2a00::1", "2400:3200::1"}) {
    const auto one = address(open);
    EXPECT_TRUE(gateways::is_public_address(one.get())) << open;
  }
  sockaddr local{};
  local.sa_family = AF_UNIX;
  EXPECT_FALSE(gateways::is_public_address(&local));
}

// A name that leads to a public address when it is looked at, and to the cloud's metadata when it
// is used: it is looked up once, and all that it says must be good.
TEST_F(LogoutClientTest, ANameThatChangesItsMindGainsNothing) {
  int asked = 0;
  auto config = here();
  config.loopback_allowed = false;
  config.resolver = [&](const std::string&, int port) {
    ++asked;
    return std::vector{asked == 1 ? address("127.0.0.1", port) : address("1.1.1.1", port)};
  };
  EXPECT_THAT(why(LogoutClient(config).post(at("/out"), "x=y")), HasSubstr("gateways.address"));
  EXPECT_EQ(asked, 1);
  config.resolver = [&](const std::string&, int port) {
    return std::vector{address("1.1.1.1", port), address("169.254.169.254", port)};
  };
  EXPECT_THAT(why(LogoutClient(config).post(at("/out"), "x=y")), HasSubstr("gateways.address"))
      << "one bad address spoils the name";
}

TEST_F(LogoutClientTest, LoopbackIsForDemonstrationsAlone) {
  const auto plain = "http://127.0.0.1:" + std::to_string(simulator_->plain) + "/out";
  auto config = here();
  config.resolver = {};
  EXPECT_EQ(why(LogoutClient(config).post(plain, "x=y")), "200");
  config.loopback_allowed = false;
  EXPECT_THAT(why(LogoutClient(config).post(plain, "x=y")), HasSubstr("gateways.address"));
  EXPECT_THAT(why(LogoutClient(config).post("http://1.1.1.1/out", "x=y")),
              HasSubstr("gateways.address"))
      << "plain http leaves this machine never";
  for (const auto* wrong : {"ftp://127.0.0.1/", "https://", "https://a:0x1/", "https://a:99999/",
                            "https://a/\r\nHost: b", "127.0.0.1"})
    EXPECT_THAT(why(LogoutClient(config).post(wrong, "x=y")), HasSubstr("gateways.address"))
        << wrong;
}

}  // namespace
