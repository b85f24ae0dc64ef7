// Fetching revocation lists of certification bodies from a server of Python's, and what is no
// answer. RFC 5280 §4.2.1.13.
#include "gateways/crl_client.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/simulator.h"

namespace {

using testing::HasSubstr;
using std::chrono::milliseconds;
using std::chrono::seconds;

class CrlClientTest : public testing::Test {
 protected:
  std::string why(const std::string& url, milliseconds deadline = seconds(20)) {
    const auto got = gateways::CrlClient(deadline, {}).fetch(url);
    EXPECT_FALSE(got.ok());
    if (got.ok()) return "";
    EXPECT_EQ(got.error().key, "gateways.crl");
    EXPECT_EQ(got.error().code, base::Code::unavailable);
    return got.error().detail;
  }
  test::TemporaryDirectory directory_;
  test::Simulator body_{"body_simulator.py", {directory_.path().string()}};
};

TEST_F(CrlClientTest, AListIsTakenAsItStandsThere) {
  const auto list = gateways::CrlClient(seconds(20), {}).fetch(body_.address() + "/sub.crl");
  ASSERT_TRUE(list.ok()) << list.error().detail;
  const auto at = directory_.path() / "fetched.crl";
  std::ofstream(at, std::ios::binary) << base::as_text(*list);
  const auto command = "openssl crl -inform DER -noout -in " + at.string() + " -CAfile " +
                       (directory_.path() / "sub.pem").string() + " -verify 2>/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT
}

TEST_F(CrlClientTest, WhatIsNoAnswerIsToldAsSuch) {
  EXPECT_THAT(why(body_.address() + "/nothing.crl"), HasSubstr("status 404"));
  EXPECT_THAT(why(body_.address() + "/trouble/empty"), HasSubstr("empty"));
  EXPECT_THAT(why(body_.address() + "/trouble/moved"), HasSubstr("status 302"));
  EXPECT_THAT(why(body_.address() + "/trouble/endless"), HasSubstr("large"));
  EXPECT_THAT(why(body_.address() + "/trouble/silent", milliseconds(300)), HasSubstr("imeout"));
  EXPECT_NE(why("http://127.0.0.1:1/sub.crl"), "");
  EXPECT_NE(why("ldap://127.0.0.1/cn=ca"), "");
}

}  // namespace
