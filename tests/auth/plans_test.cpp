// Every statement that a request runs finds its rows by a key (store/migrations/0004_auth.sql).
//
// PostgreSQL is told to read a table from end to end only where nothing else is left, whatever its
// size; what it counts then are statements that no index serves.
#include <gtest/gtest.h>

#include <chrono>

#include "auth/own_account.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;

class StatementsTest : public testing::Test {
 protected:
  StatementsTest() {
    database.sql(test::Role::superuser,
                 "alter database " + database.name() + " set enable_seqscan = off");
    fresh_connections();
  }
  ~StatementsTest() override {
    database.sql(test::Role::superuser,
                 "alter database " + database.name() + " reset enable_seqscan");
    fresh_connections();
  }

  /// Ends all connections of the service. They tell their counts when they end, and the next ones
  /// take the database's settings up.
  void fresh_connections() {
    const std::string others =
        "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    database.sql(test::Role::superuser, "select pg_terminate_backend(pid) " + others);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (database.sql(test::Role::superuser, "select count(*) " + others)[0][0] != "0" &&
           std::chrono::steady_clock::now() < until) {
    }
    for (int i = 0; i < 8; ++i)  // the pool finds out that its connections are gone
      if (database.pool().run({"test.one", "select 1::bigint"}, {}).ok()) break;
  }
  /// Tables that were read from end to end so far, with how often.
  std::map<std::string, int> read_whole() {
    std::map<std::string, int> out;
    for (const auto& row : database.sql(test::Role::superuser,
                                        "select relname, seq_scan from pg_stat_user_tables where "
                                        "schemaname = 'auth' and seq_scan > 0"))
      out[row[0]] = std::stoi(row[1]);
    return out;
  }

  test::Database& database = test::Database::shared();
};

/// What portals, people and systems do all day.
void run_requests(House& house) {
  const auto name = fresh_name();
  const auto subject = house.new_person(name);
  for (const auto* password : {"hollow-brig-anvil-mot", "hollow-brig-anvil-moth"})
    EXPECT_EQ(house.accounts.log_in(name, secret(password), "192.0.2.0/24").ok(),
              password == kPassword);
  EXPECT_FALSE(house.accounts.log_in(fresh_name("nobody"), secret(kPassword), "192.0.2.0/24").ok());
  const auto opened = house.sessions.open(subject, Method::password).value();
  EXPECT_TRUE(house.sessions.find(opened.cookie).value().has_value());

  const auto client = house.new_client_with([](NewClient& c) {
    c.grant_types += " client_credentials " + std::string(kDeviceGrantName);
    c.machine_scopes = "read";
  });
  const auto tokens =
      house.tokens_for(client, opened.session, "openid profile documents offline_access");
  const std::string access(base::json_text(tokens, "access_token"));
  const std::string refresh(base::json_text(tokens, "refresh_token"));
  EXPECT_TRUE(house.provider.userinfo(access).ok());
  for (const auto& token : {access, refresh})
    EXPECT_EQ(house.error_of(house.provider.introspect({{"token", token}}, client.basic())), "");
  EXPECT_EQ(house.token_error({{"grant_type", "refresh_token"}, {"refresh_token", refresh}},
                              client.basic()),
            "");
  EXPECT_EQ(
      house.token_error({{"grant_type", "client_credentials"}, {"scope", "read"}}, client.basic()),
      "");
  const auto pushed = house.provider.push(house.request(client), client.basic());
  EXPECT_EQ(house.error_of(pushed), "");
  const auto device = house.provider.begin_device({{"scope", "openid"}}, client.basic());
  EXPECT_EQ(house.error_of(device), "");
  const auto asked = json(std::get<TokenReply>(device).json);
  EXPECT_TRUE(
      house.provider.decide_device(base::json_text(asked, "user_code"), true, opened.session).ok());
  EXPECT_EQ(house.token_error({{"grant_type", std::string(kDeviceGrantName)},
                               {"device_code", std::string(base::json_text(asked, "device_code"))}},
                              client.basic()),
            "");
  EXPECT_EQ(house.error_of(house.provider.revoke({{"token", access}}, client.basic())), "");
  const auto other = house.tokens_for(client, opened.session);
  EXPECT_TRUE(house.provider.login_of(base::json_text(other, "access_token")).ok());
  EXPECT_TRUE(
      OwnAccount({house.pool, house.cipher, house.clock}).revoke_consent(subject, client.id).ok());
  EXPECT_TRUE(house.accounts.replace_password(subject, secret("kelp-lantern-orbit"), "test").ok());
  EXPECT_TRUE(house.sessions.close(opened.cookie).ok());
  EXPECT_TRUE(house.provider.sweep().ok());
}

TEST_F(StatementsTest, EveryStatementOfARequestIsServedByAnIndex) {
  const auto before = read_whole();
  {
    House house;
    run_requests(house);
  }
  fresh_connections();
  auto after = read_whole();
  for (const auto& [table, times] : before)
    if (after[table] == times) after.erase(table);
  for (const auto& [table, times] : after)
    ADD_FAILURE() << "auth." << table << " was read from end to end: " << times << " times";
}

}  // namespace
}  // namespace auth
