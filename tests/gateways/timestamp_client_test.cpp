// Another authority's time stamps: asked over HTTP of a simulator whose stamps OpenSSL makes,
// judged before they are used. docs/decisions/0064-foreign-time-stamps.md
#include "gateways/timestamp_client.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "seal/foreign_timestamps.h"
#include "seal/timestamps_in_order.h"
#include "tests/support/manual_clock.h"
#include "tests/support/simulator.h"

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// tests/fakes/tsa_simulator.py
class Simulator {
 public:
  std::string at(const std::string& path) const { return child_.address() + path; }
  std::vector<certs::Certificate> root(const char* name = "root.pem") const {
    return *certs::certificates_from_pem(read(directory_.path() / name));
  }
  const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  test::TemporaryDirectory directory_;
  test::Simulator child_{"tsa_simulator.py", {directory_.path().string()}};
};

class ForeignTimestampTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { simulator_ = std::make_unique<Simulator>(); }
  static void TearDownTestSuite() { simulator_.reset(); }
  static std::unique_ptr<certs::TimestampServer> server(const std::string& path,
                                                        milliseconds deadline = seconds(20)) {
    return std::make_unique<gateways::TimestampClient>(simulator_->at(path), deadline);
  }
  seal::ForeignTimestamps asking(std::vector<std::string> paths,
                                 std::vector<std::string> policies = {},
                                 milliseconds deadline = seconds(20)) {
    std::vector<std::unique_ptr<certs::TimestampServer>> servers;
    for (const auto& path : paths) servers.push_back(server(path, deadline));
    return {std::move(servers), {simulator_->root(), std::move(policies)}, clock_, random_};
  }
  std::string refusal(const seal::ForeignTimestamps& from) {
    const auto token = from.stamp(digest_);
    EXPECT_FALSE(token);
    if (token) return "";
    EXPECT_EQ(token.error().key, "seal.timestamp");
    return token.error().detail;
  }

  static std::unique_ptr<Simulator> simulator_;
  base::ManualClock clock_{base::SystemClock().now()};
  base::SystemRandom random_;
  const std::string data_ = "电子印章 e-seal";
  const base::Digest digest_ = base::sha256(base::as_bytes(data_));
};
std::unique_ptr<Simulator> ForeignTimestampTest::simulator_;

TEST_F(ForeignTimestampTest, AGoodStampIsTakenAndOpensslVerifiesIt) {
  const auto token = asking({"/tsa"}).stamp(digest_);
  ASSERT_TRUE(token) << token.error().detail;
  const auto& directory = simulator_->directory();
  std::ofstream(directory / "token", std::ios::binary) << base::as_text(*token);
  std::ofstream(directory / "data", std::ios::binary) << data_;
  const auto command = "openssl ts -verify -token_in -in " + (directory / "token").string() +
                       " -data " + (directory / "data").string() + " -CAfile " +
                       (directory / "root.pem").string() + " >/dev/null 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT
}

TEST_F(ForeignTimestampTest, WhatIsNoAnswerIsToldAsSuch) {
  EXPECT_THAT(refusal(asking({"/error"})), HasSubstr("status 500"));
  EXPECT_THAT(refusal(asking({"/html"})), HasSubstr("not an application/timestamp-reply"));
  EXPECT_THAT(refusal(asking({"/garbage"})), HasSubstr("certs.foreign_timestamp"));
  EXPECT_THAT(refusal(asking({"/short"})), HasSubstr("another length"));
  const gateways::TimestampClient nobody("http://127.0.0.1:1/tsa", seconds(5));
  EXPECT_EQ(nobody.ask(base::Bytes{0x30, 0x00}).error().key, "gateways.timestamp");
  const gateways::TimestampClient wrong("https://127.0.0.1/tsa", seconds(5));
  EXPECT_THAT(wrong.ask(base::Bytes{0x30, 0x00}).error().detail, HasSubstr("not an http URL"));
}

TEST_F(ForeignTimestampTest, ADeadlineHoldsHoweverSlowlyItDrips) {
  EXPECT_THAT(refusal(asking({"/silent"}, {}, milliseconds(300))), HasSubstr("imeout"));
  EXPECT_THAT(refusal(asking({"/drip"}, {}, milliseconds(500))), HasSubstr("imeout"));
}

// RFC 3161 §2.2: the requester checks what it got against what it asked.
TEST_F(ForeignTimestampTest, Rfc3161_2_2_AnotherQuestionsAnswerIsRefused) {
  ASSERT_TRUE(asking({"/tsa"}).stamp(digest_));
  EXPECT_THAT(refusal(asking({"/replay"})), HasSubstr("nonce"));
  const auto query = certs::timestamp_query(digest_, base::Bytes(16, 0x41), {});
  const auto answer = server("/tsa")->ask(query);
  ASSERT_TRUE(answer);
  const auto take = [&](const base::Digest& digest, const base::Bytes& nonce) {
    return certs::take_timestamp(*answer, digest, nonce, {simulator_->root(), {}}, clock_.now());
  };
  EXPECT_TRUE(take(digest_, base::Bytes(16, 0x41)));
  EXPECT_THAT(take(digest_, base::Bytes(16, 0x42)).error().detail, HasSubstr("nonce"));
  EXPECT_THAT(take(base::sha256(base::as_bytes("另一份")), base::Bytes(16, 0x41)).error().detail,
              HasSubstr("imprint"));
}

TEST_F(ForeignTimestampTest, AnAuthorityThatWeDoNotKnowIsRefused) {
  EXPECT_THAT(refusal(asking({"/tsa2"})), HasSubstr("certificate verify error"));
}

TEST_F(ForeignTimestampTest, OnlyAcceptedPoliciesAreTaken) {
  EXPECT_TRUE(asking({"/tsa"}, {"1.2.3.4.2"}).stamp(digest_)) << "the one accepted is asked for";
  EXPECT_TRUE(asking({"/tsa"}, {"1.2.3.4.9", "1.2.3.4.1"}).stamp(digest_));
  EXPECT_THAT(refusal(asking({"/tsa"}, {"1.2.3.4.8", "1.2.3.4.9"})), HasSubstr("another policy"));
  EXPECT_THAT(refusal(asking({"/tsa"}, {"1.2.3.4.9"})), HasSubstr("certs.foreign_timestamp"));
}

TEST_F(ForeignTimestampTest, ATimeThatIsNotOursIsRefused) {
  clock_.advance(std::chrono::minutes(6));
  EXPECT_THAT(refusal(asking({"/tsa"})), HasSubstr("another time"));
}

TEST_F(ForeignTimestampTest, TheNextServerIsAskedWhenOneFails) {
  EXPECT_TRUE(asking({"/error", "/tsa2", "/garbage", "/tsa"}).stamp(digest_));
}

class Counting final : public certs::TimestampServer {
 public:
  explicit Counting(int& asked) : asked_(asked) {}
  std::string name() const override { return "counting"; }
  base::Result<base::Bytes> ask(base::BytesView) const override {
    ++asked_;
    return base::error(base::Code::unavailable, "gateways.timestamp");
  }

 private:
  int& asked_;
};

TEST_F(ForeignTimestampTest, AServerThatFailsIsLeftAloneForAWhile) {
  int asked = 0;
  std::vector<std::unique_ptr<certs::TimestampServer>> servers;
  servers.push_back(std::make_unique<Counting>(asked));
  const seal::ForeignTimestamps from(std::move(servers), {simulator_->root(), {}}, clock_, random_);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(from.stamp(digest_));
  EXPECT_EQ(asked, 3);
  clock_.advance(seconds(31));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(from.stamp(digest_));
  EXPECT_EQ(asked, 4) << "one call tries it again";
  clock_.advance(-std::chrono::hours(1));
  EXPECT_FALSE(from.stamp(digest_));
  EXPECT_EQ(asked, 5) << "a clock that went back does not prolong the rest";
}

class Fixed final : public seal::TimestampSource {
 public:
  explicit Fixed(base::Result<base::Bytes> answer) : answer_(std::move(answer)) {}
  base::Result<base::Bytes> stamp(const base::Digest&) const override {
    if (answer_.ok()) return *answer_;
    return answer_.error();
  }

 private:
  base::Result<base::Bytes> answer_;
};

TEST_F(ForeignTimestampTest, SourcesAreTriedInTheirOrder) {
  const Fixed none(base::error(base::Code::unavailable, "seal.timestamp", "first"));
  const Fixed neither(base::error(base::Code::unavailable, "seal.timestamp", "last"));
  const Fixed one(base::Bytes{1}), two(base::Bytes{2});
  EXPECT_EQ((*seal::TimestampsInOrder({&one, &two}).stamp(digest_))[0], 1);
  EXPECT_EQ((*seal::TimestampsInOrder({&none, &two}).stamp(digest_))[0], 2);
  EXPECT_EQ(seal::TimestampsInOrder({&none, &neither}).stamp(digest_).error().detail, "last");
}

}  // namespace
