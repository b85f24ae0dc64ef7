// What cannot be told is not done: with an audit trail that takes no rows, each deed of this room
// fails and its tables stay as they were.
#include <gtest/gtest.h>

#include "auth/locks.h"
#include "tests/auth/device_scene.h"
#include "tests/support/audit_away.h"

namespace auth {
namespace {

using namespace test_house;

class FailClosedTest : public testing::Test {
 protected:
  House house;
  std::string login_name = fresh_name();
  SubjectId subject = house.new_person(login_name);
  Session session = house.new_session(subject);
  House::Registered client = house.new_client();

  /// All that deeds of this room write, but for counters of tries.
  std::string tables() {
    std::string out;
    for (const auto* table : {"subject", "account", "credential", "session", "client", "consent",
                              "authorization_grant", "refresh_token", "revoked_token"})
      out += house.sql(
                 "select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from "
                 "auth." +
                 std::string(table) + " t") +
             " ";
    return out;
  }
  void refused(const char* deed, const std::function<std::string()>& does) {
    const auto before = tables();
    std::string said;
    {
      const test::AuditAway away(house.database);
      said = does();
    }
    EXPECT_FALSE(said.empty()) << deed << " was done without its row";
    EXPECT_EQ(tables(), before) << deed;
  }
  std::string code() { return house.code_for(house.request(client), session); }
  std::string location(const base::Result<AuthorizeAnswer>& answer) {
    if (!answer.ok()) return "";
    const auto* back = std::get_if<SendBack>(&*answer);
    return back == nullptr ? "" : back->location;
  }
};

TEST_F(FailClosedTest, Ldt01_6_2_5e_Accounts) {
  refused("create", [&] {
    return refusal_of(house.accounts.create(
        {SubjectKind::person, "李四", "cn-id", fresh_number(), fresh_name(), Proofing::p2},
        secret(kPassword)));
  });
  const auto staff = house.new_staff();
  Locks locks({house.pool, house.cipher, house.clock});
  refused("lock", [&] { return refusal_of(locks.lock(subject, staff, "lost card")); });
  refused("replace", [&] {
    return refusal_of(
        house.accounts.replace_password(subject, secret("gravel-lantern-otter-9"), "officer:test"));
  });
  refused("change", [&] {
    return refusal_of(house.accounts.change_password(
        subject, secret(kPassword), secret("gravel-lantern-otter-9"), "192.0.2.1", session.id));
  });
}

TEST_F(FailClosedTest, Ldt01_6_2_5e_Logins) {
  refused("log in", [&] {
    return refusal_of(house.accounts.log_in(login_name, secret(kPassword), "192.0.2.1"));
  });
  refused("open",
          [&] { return refusal_of(house.sessions.open(subject, Method::password)); });
  const auto opened = house.sessions.open(subject, Method::password).value();
  EXPECT_EQ(house.sql("select actor from audit.entry where act = 'session.open' and object = '" +
                      opened.session.id + "'"),
            subject.value());
  refused("close", [&] { return refusal_of(house.sessions.close(opened.cookie)); });
  EXPECT_TRUE(house.sessions.find(opened.cookie)->has_value());
}

TEST_F(FailClosedTest, Ldt01_6_2_5e_Clients) {
  refused("register", [&] {
    NewClient another;
    another.id = ClientId(fresh_name("client"));
    another.name = "社保门户";
    another.redirect_uris = {std::string(kRedirect)};
    another.scopes = "openid";
    return refusal_of(house.provider.register_client(another));
  });
}

TEST_F(FailClosedTest, Ldt01_6_2_5e_ConsentsCodesAndTokens) {
  const auto asked = house.provider.authorize(house.request(client), session);
  ASSERT_TRUE(asked.ok());
  const auto* ask = std::get_if<AskConsent>(&*asked);
  ASSERT_NE(ask, nullptr);
  const auto transaction = ask->transaction;
  refused("grant", [&] { return refusal_of(house.provider.consent(transaction, true, session)); });
  const auto first = code();
  refused("issue another code", [&] {
    const auto said = location(house.provider.authorize(house.request(client), session));
    EXPECT_EQ(parameter(said, "code"), "");
    return parameter(said, "error");
  });
  const auto form = house.redemption(client, first);
  refused("redeem", [&] { return house.error_of(house.provider.token(form, client.basic())); });
  EXPECT_EQ(house.error_of(house.provider.token(form, client.basic())), "") << "still to be had";
  refused("burn", [&] { return house.error_of(house.provider.token(form, client.basic())); });
}

TEST_F(FailClosedTest, Ldt01_6_2_5e_RefreshesAndRevocations) {
  const auto tokens = house.tokens_for(client, session, "openid offline_access");
  const std::string refresh(base::json_text(tokens, "refresh_token"));
  const Parameters form{{"grant_type", "refresh_token"}, {"refresh_token", refresh}};
  refused("refresh", [&] { return house.token_error(form, client.basic()); });
  refused("revoke", [&] {
    return house.error_of(house.provider.revoke({{"token", refresh}}, client.basic()));
  });
  EXPECT_EQ(house.token_error(form, client.basic()), "") << "the token was neither spent nor ended";
  house.clock.advance(std::chrono::seconds(11));
  refused("burn the family", [&] {
    const auto said = house.token_error(form, client.basic());
    return said == "invalid_grant" ? "" : said;  // burnt would be told as invalid_grant
  });
}

TEST_F(FailClosedTest, Ldt01_6_2_5e_Devices) {
  DeviceScene device;
  device.begin();
  auto& provider = device.scene.house.provider;
  refused("decide", [&] {
    return refusal_of(provider.decide_device(device.user_code, true, device.scene.session));
  });
  EXPECT_EQ(device.poll(), "authorization_pending") << "nothing was decided";
  ASSERT_TRUE(provider.decide_device(device.user_code, true, device.scene.session).ok());
  device.scene.house.clock.advance(std::chrono::seconds(5));
  refused("redeem a device code", [&] { return device.poll(); });
  device.scene.house.clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(device.poll(), "") << "still to be had";
}

TEST_F(FailClosedTest, Ldt01_6_2_5e_Exchanges) {
  ExchangeScene chain;
  const auto token = chain.portal_token();
  refused("exchange", [&] {
    return chain.scene.token(chain.form(token, chain.core_resource), chain.scene.client.basic());
  });
}

}  // namespace
}  // namespace auth
