// Pushed requests and request objects that are right: RFC 9126, RFC 9101.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/auth/negative.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

Parameters by_reference(const House::Registered& client, const std::string& uri) {
  return {{"client_id", client.id}, {"request_uri", uri}};
}

TEST(PushedTest, APushedRequestLeadsToACode) {
  Scene s;
  for (const auto& client : {s.client, s.keyed_client()}) {
    const auto uri = s.push(client, s.house.request(client));
    ASSERT_TRUE(uri.starts_with("urn:ietf:params:oauth:request_uri:")) << uri;
    const auto request = by_reference(client, uri);
    EXPECT_EQ(s.house.provider.answer_address(request), kRedirect);
    const auto code = s.house.code_for(request, s.session);
    EXPECT_EQ(s.house.provider.answer_address(request), "") << "spent";
    auto form = s.house.redemption(client, code);
    if (!client.secret.empty()) {
      EXPECT_EQ(s.token(form, client.basic()), "");
    } else {
      EXPECT_EQ(
          s.token(s.with_assertion(form, s.signer.sign_as("JWT", s.assertion_claims(client.id))),
                  ""),
          "");
    }
  }
}

TEST(PushedTest, PublicClientsPushToo) {
  Scene s;
  const auto open = s.house.new_client(true);
  const auto reply = s.house.provider.push(s.house.request(open), "");
  ASSERT_EQ(s.house.error_of(reply), "");
}

TEST(PushedTest, ALoginOnTheWayKeepsTheRequest) {
  Scene s;
  const auto request = by_reference(s.client, s.push(s.client, s.house.request(s.client)));
  const auto answer = s.house.provider.authorize(request, {});
  const auto& back = std::get<AskLogin>(*answer).return_to;
  EXPECT_EQ(parameter(back, "client_id"), s.client.id);
  EXPECT_EQ(parameter(back, "redirect_uri"), "") << "what was pushed is not shown to the browser";
  s.house.clock.advance(10min);
  auto again = request;
  again.emplace_back("xinyin_login_after", parameter(back, "xinyin_login_after"));
  EXPECT_EQ(s.authorize(again), "consent");
}

TEST(PushedTest, OfEightAtOnceOneGivesACode) {
  Scene s;
  s.fresh_code();  // consent is given
  const auto request = by_reference(s.client, s.push(s.client, s.house.request(s.client)));
  std::atomic<int> good{0}, refused{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i)
    all.emplace_back([&] {
      const auto answer = s.house.provider.authorize(request, s.session);
      if (const auto* back = std::get_if<SendBack>(&*answer))
        if (!parameter(back->location, "code").empty()) ++good;
      if (const auto* shown = std::get_if<ShowError>(&*answer))
        if (shown->error.error == "invalid_request_uri") ++refused;
    });
  for (auto& each : all) each.join();
  EXPECT_EQ(good, 1);
  EXPECT_EQ(refused, 7);
}

TEST(PushedTest, ARequestObjectSaysAllThatIsAsked) {
  Scene s;
  const auto client = s.keyed_client([](NewClient& c) { c.require_signed = true; });
  const auto text = changed(s.request_claims(client), "max_age", "3600");
  const auto object = s.signer.sign_as("oauth-authz-req+jwt", text);
  Parameters request{{"client_id", client.id}, {"request", object}, {"scope", "openid admin"}};
  EXPECT_EQ(s.authorize(request), "consent") << "parameters beside it are not looked at";
  EXPECT_EQ(s.house.provider.answer_address(request), kRedirect);
  s.house.clock.advance(1h);
  EXPECT_EQ(s.authorize(request), "page:invalid_request_object");

  const auto pushed = s.push(
      client, {{"client_id", client.id},
               {"request", s.signer.sign_as("oauth-authz-req+jwt", s.request_claims(client))}});
  EXPECT_EQ(s.authorize(with(by_reference(client, pushed), "max_age", "99")), "consent");
}

TEST(PushedTest, WhatWasPushedIsSealed) {
  Scene s;
  s.push(s.client, with(s.house.request(s.client), "state", "state-canary-7781"));
  EXPECT_NE(s.house.sql("select count(*) from auth.pushed_request"), "0");
  EXPECT_EQ(s.house.sql("select count(*) from auth.pushed_request where encode(sealed, 'escape') "
                        "like '%canary%'"),
            "0");
}

}  // namespace
}  // namespace auth
