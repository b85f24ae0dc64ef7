// Devices without a browser: RFC 8628.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/own_account.h"
#include "tests/auth/device_scene.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

TEST(DeviceTest, ADeviceGetsTokensOnceAPersonAgreed) {
  DeviceScene s;
  const auto begun = s.begin();
  EXPECT_EQ(base::json_text(begun, "verification_uri"), std::string(kIssuer) + "/device");
  EXPECT_EQ(base::json_text(begun, "verification_uri_complete"),
            std::string(kIssuer) + "/device?user_code=" + s.user_code);
  EXPECT_EQ(base::json_int(begun, "interval"), 5);
  EXPECT_EQ(s.poll(), "authorization_pending");
  const auto asked = s.scene.house.provider.device_request(s.user_code);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked->client_name, "社保门户");
  EXPECT_EQ(asked->scopes, (std::vector<std::string>{"openid", "documents", "offline_access"}));
  // As people type it.
  auto typed = s.user_code;
  for (char& c : typed) c = static_cast<char>(std::tolower(c));
  typed.erase(4, 1);
  ASSERT_TRUE(s.scene.house.provider.decide_device(" " + typed, true, s.scene.session).ok());
  s.scene.house.clock.advance(5s);
  const auto reply = s.scene.house.provider.token(s.form(), s.kiosk.basic());
  ASSERT_EQ(s.scene.house.error_of(reply), "");
  const auto tokens = json(std::get<TokenReply>(reply).json);
  const auto access = std::string(base::json_text(tokens, "access_token"));
  const auto who = s.scene.house.provider.actor(access);
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(who->subject(), s.scene.subject);
  EXPECT_EQ(who->client().value(), s.kiosk.id);
  EXPECT_TRUE(tokens.HasMember("id_token"));
  const Parameters refresh{
      {"grant_type", "refresh_token"},
      {"refresh_token", std::string(base::json_text(tokens, "refresh_token"))}};
  EXPECT_EQ(s.scene.token(refresh, s.kiosk.basic()), "");
  EXPECT_EQ(s.scene.house.sql("select count(*) from audit.entry where act = 'device.decide' and "
                              "actor = '" +
                              s.scene.subject.value() + "'"),
            "1");
}

TEST(DeviceTest, OfEightQuestionsAtOnceOneGetsTokens) {
  DeviceScene s;
  s.begin();
  ASSERT_TRUE(s.scene.house.provider.decide_device(s.user_code, true, s.scene.session).ok());
  std::atomic<int> good{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i) all.emplace_back([&] { good += s.poll().empty() ? 1 : 0; });
  for (auto& each : all) each.join();
  EXPECT_EQ(good, 1);
  EXPECT_EQ(s.scene.house.sql("select count(*) from auth.authorization_grant where client_id = '" +
                              s.kiosk.id + "'"),
            "1");
}

TEST(DeviceTest, OneAnswerCounts) {
  DeviceScene s;
  s.begin();
  auto& provider = s.scene.house.provider;
  ASSERT_TRUE(provider.decide_device(s.user_code, false, s.scene.session).ok());
  EXPECT_EQ(refusal_of(provider.decide_device(s.user_code, true, s.scene.session)),
            "auth.device.unknown");
  EXPECT_EQ(refusal_of(provider.device_request(s.user_code)), "auth.device.unknown");
  EXPECT_EQ(s.poll(), "access_denied");
}

TEST(DeviceTest, Ldt01_6_2_5e_ItStandsAmongWhatWasAllowedAndEndsWithIt) {
  DeviceScene s;
  s.begin();
  auto& house = s.scene.house;
  const auto& person = s.scene.session.subject;
  OwnAccount own({house.pool, house.cipher, house.clock});
  ASSERT_TRUE(house.provider.decide_device(s.user_code, true, s.scene.session).ok());
  const auto given = own.consents(person);
  ASSERT_EQ(given->size(), 1U);
  EXPECT_EQ(given->front().client_id, s.kiosk.id);
  const auto reply = house.provider.token(s.form(), s.kiosk.basic());
  ASSERT_EQ(house.error_of(reply), "");
  const std::string access(
      base::json_text(json(std::get<TokenReply>(reply).json), "access_token"));
  EXPECT_TRUE(house.provider.actor(access).ok());
  ASSERT_TRUE(own.revoke_consent(person, s.kiosk.id).ok());
  EXPECT_EQ(refusal_of(house.provider.actor(access)), "auth.token_invalid");
  // Approved, and taken back before the device fetched anything.
  s.begin();
  ASSERT_TRUE(house.provider.decide_device(s.user_code, true, s.scene.session).ok());
  ASSERT_TRUE(own.revoke_consent(person, s.kiosk.id).ok());
  EXPECT_EQ(s.poll(), "access_denied");
}

TEST(DeviceTest, ItsTokensEndWithThePassword) {
  for (const bool by_staff : {false, true}) {
    DeviceScene s;
    s.begin();
    auto& house = s.scene.house;
    const auto& person = s.scene.session.subject;
    ASSERT_TRUE(house.provider.decide_device(s.user_code, true, s.scene.session).ok());
    const auto reply = house.provider.token(s.form(), s.kiosk.basic());
    ASSERT_EQ(house.error_of(reply), "");
    const std::string access(
        base::json_text(json(std::get<TokenReply>(reply).json), "access_token"));
    ASSERT_TRUE(house.provider.actor(access).ok());
    const auto changed =
        by_staff ? house.accounts.replace_password(person, secret("another-hollow-brig"), "staff")
                 : house.accounts.change_password(person, secret(kPassword),
                                                  secret("another-hollow-brig"), "here",
                                                  s.scene.session.id);
    ASSERT_TRUE(changed.ok()) << changed.error().key;
    EXPECT_EQ(refusal_of(house.provider.actor(access)), "auth.token_invalid") << by_staff;
  }
}

TEST(DeviceTest, NoCodeStandsInTheTables) {
  DeviceScene s;
  s.begin();
  auto bare = s.user_code;
  bare.erase(4, 1);
  for (const auto& needle : {s.device_code, s.user_code, bare})
    EXPECT_EQ(s.scene.house.sql("select count(*) from auth.device_request t where t::text like '%" +
                                needle + "%'"),
              "0");
}

// ---- token exchange, RFC 8693

TEST(ExchangeTest, ATokenForTheNextSystemSaysWhoActs) {
  ExchangeScene s;
  const auto first = s.exchange(s.portal_token(), s.gateway, s.core_resource);
  const auto said = claims(first);
  EXPECT_EQ(base::json_text(said, "aud"), s.core_resource);
  EXPECT_EQ(base::json_text(said, "client_id"), s.gateway.id);
  EXPECT_EQ(base::json_text(said["act"], "sub"), s.gateway.id);
  EXPECT_EQ(base::json_text(said, "scope"), "openid profile documents");
  EXPECT_EQ(refusal_of(s.scene.house.provider.actor(first)), "auth.token_invalid")
      << "it is for the other system alone";
  // The next one in the row: those before stand within.
  const auto second = s.exchange(first, s.core, s.archive_resource, {{"scope", "documents"}});
  const auto deeper = claims(second);
  EXPECT_EQ(base::json_text(deeper["act"], "sub"), s.core.id);
  EXPECT_EQ(base::json_text(deeper["act"]["act"], "sub"), s.gateway.id);
  EXPECT_EQ(base::json_text(deeper, "scope"), "documents");
  EXPECT_LE(base::json_int(deeper, "exp").value(), base::json_int(said, "exp").value());
  const auto told = s.told(second, s.archive);
  EXPECT_TRUE(told["active"].IsTrue());
  EXPECT_EQ(base::json_text(told["act"], "sub"), s.core.id);
  EXPECT_EQ(s.scene.house.sql("select count(*) from audit.entry where act = 'token.exchange' and "
                              "actor = 'client:" +
                              s.gateway.id + "'"),
            "1");
}

TEST(ExchangeTest, ItDiesWithTheGrantAndAlone) {
  ExchangeScene s;
  const auto portal = s.portal_token();
  const auto token = s.exchange(portal, s.gateway, s.core_resource);
  ASSERT_TRUE(s.told(token, s.core)["active"].IsTrue());
  auto& provider = s.scene.house.provider;
  EXPECT_EQ(s.scene.house.error_of(provider.revoke({{"token", token}}, s.gateway.basic())), "");
  EXPECT_FALSE(s.told(token, s.core)["active"].IsTrue());
  EXPECT_TRUE(provider.actor(portal).ok()) << "the person's own token goes on";
  const auto next = s.exchange(portal, s.gateway, s.core_resource);
  EXPECT_EQ(s.scene.house.error_of(provider.revoke({{"token", portal}}, s.scene.client.basic())),
            "");
  EXPECT_FALSE(s.told(next, s.core)["active"].IsTrue()) << "with the grant all that came of it";
}

TEST(ExchangeTest, ASwitchedOffActorActsNoMore) {
  ExchangeScene s;
  const auto token = s.exchange(s.portal_token(), s.gateway, s.core_resource);
  s.scene.house.sql("update auth.client set active = false where id = '" + s.gateway.id + "'");
  EXPECT_FALSE(s.told(token, s.core)["active"].IsTrue());
}

}  // namespace
}  // namespace auth
