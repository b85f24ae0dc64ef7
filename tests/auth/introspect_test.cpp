// Introspection, revocation and machines' tokens: RFC 7662, RFC 7009, RFC 6749 §4.4, RFC 8707.
#include <gtest/gtest.h>

#include "base/messages.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

constexpr std::string_view kOffline = "openid documents offline_access";
constexpr std::string_view kCore = "https://core.example/api";

class IntrospectTest : public testing::Test {
 protected:
  std::string text(const rapidjson::Value& reply, const char* name) {
    return std::string(base::json_text(reply, name));
  }
  rapidjson::Document told(const std::string& token, const House::Registered& by) {
    const auto reply = house.provider.introspect({{"token", token}}, by.basic());
    EXPECT_EQ(house.error_of(reply), "");
    const auto* good = std::get_if<TokenReply>(&reply);
    return good == nullptr ? rapidjson::Document(rapidjson::kObjectType) : json(good->json);
  }
  bool active(const std::string& token, const House::Registered& by) {
    const auto reply = told(token, by);
    const bool yes = reply.HasMember("active") && reply["active"].IsTrue();
    if (!yes) {
      EXPECT_EQ(reply.MemberCount(), 1U) << "RFC 7662 §2.2: says no more";
    }
    return yes;
  }
  std::string revoke(const std::string& token, const House::Registered& by) {
    return house.error_of(house.provider.revoke({{"token", token}}, by.basic()));
  }
  House::Registered machine() {
    return house.new_client_with([](NewClient& c) {
      c.grant_types = "client_credentials";
      c.machine_scopes = "core.read core.write";
      c.redirect_uris = {};
      c.post_logout_redirect_uris = {};
      c.scopes = "";
    });
  }
  House::Registered core() {
    static int n = 0;
    resource = std::string(kCore) + std::to_string(++n) + house.sql("select random()").substr(2);
    return house.new_client_with([&](NewClient& c) { c.resource = resource; });
  }
  std::string machine_token(const House::Registered& by, const Parameters& more = {}) {
    Parameters form{{"grant_type", "client_credentials"}};
    form.insert(form.end(), more.begin(), more.end());
    const auto reply = house.provider.token(form, by.basic());
    EXPECT_EQ(house.error_of(reply), "");
    const auto* good = std::get_if<TokenReply>(&reply);
    return good == nullptr ? "" : text(json(good->json), "access_token");
  }

  House house;
  std::string resource;
  House::Registered client = house.new_client();
  SubjectId subject = house.new_person(fresh_name());
  Session session = house.new_session(subject);
  rapidjson::Document tokens = house.tokens_for(client, session, kOffline);
  std::string access = text(tokens, "access_token"), refresh = text(tokens, "refresh_token");
};

TEST_F(IntrospectTest, TellsAClientOfItsOwnTokens) {
  const auto reply = told(access, client);
  EXPECT_TRUE(reply["active"].IsTrue());
  const auto said = claims(access);
  for (const auto* same : {"iss", "sub", "aud", "client_id", "scope", "jti", "acr"})
    EXPECT_EQ(text(reply, same), text(said, same)) << same;
  for (const auto* same : {"exp", "iat", "auth_time"})
    EXPECT_EQ(base::json_int(reply, same), base::json_int(said, same)) << same;
  const auto of_refresh = told(refresh, client);
  EXPECT_TRUE(of_refresh["active"].IsTrue());
  EXPECT_EQ(text(of_refresh, "scope"), kOffline);
  EXPECT_FALSE(of_refresh.HasMember("sub"));
}

TEST_F(IntrospectTest, OthersLearnNothing) {
  const auto other = house.new_client();
  for (const auto& token : {access, refresh}) EXPECT_FALSE(active(token, other));
  for (const std::string& none : {std::string("x"), std::string(43, 'A'), access + "x",
                                  text(tokens, "id_token"), std::string(100'000, 'a')})
    EXPECT_FALSE(active(none, client)) << none.substr(0, 50);
  house.clock.advance(600s);
  EXPECT_FALSE(active(access, client));
  EXPECT_TRUE(active(refresh, client));
}

TEST_F(IntrospectTest, ARefreshTokenIsActiveUntilItIsUsed) {
  ASSERT_EQ(house.token_error({{"grant_type", "refresh_token"}, {"refresh_token", refresh}},
                              client.basic()),
            "");
  EXPECT_FALSE(active(refresh, client));
  EXPECT_TRUE(active(access, client));
}

TEST_F(IntrospectTest, EndingOneEndsAllOfItsGrantEverywhere) {
  House second;
  Provider other({std::string(kIssuer)},
                 {second.pool, house.accounts, house.key, house.clock, second.random});
  for (const bool by_refresh : {true, false}) {
    const auto mine = house.tokens_for(client, session, kOffline);
    const auto a = text(mine, "access_token"), r = text(mine, "refresh_token");
    ASSERT_TRUE(other.actor(a).ok());
    EXPECT_EQ(revoke(by_refresh ? r : a, client), "");
    EXPECT_EQ(refusal_of(other.actor(a)), "auth.token_invalid");
    EXPECT_FALSE(active(a, client));
    EXPECT_FALSE(active(r, client));
    EXPECT_EQ(
        house.token_error({{"grant_type", "refresh_token"}, {"refresh_token", r}}, client.basic()),
        "invalid_grant");
    EXPECT_EQ(revoke(by_refresh ? r : a, client), "") << "once more is no error";
  }
  EXPECT_EQ(house.sql("select count(*) from audit.entry where act = 'token.revoke' and actor = "
                      "'client:" +
                      client.id + "'"),
            "2");
  EXPECT_TRUE(house.provider.actor(access).ok()) << "another grant goes on";
}

TEST_F(IntrospectTest, NobodyEndsWhatIsNotHis) {
  const auto other = house.new_client();
  EXPECT_EQ(revoke(access, other), "invalid_grant");
  EXPECT_EQ(revoke(refresh, other), "invalid_grant");
  EXPECT_TRUE(active(access, client));
  EXPECT_TRUE(active(refresh, client));
  for (const std::string& none :
       {std::string("x"), std::string(43, 'A'), text(tokens, "id_token"), access + "x"})
    EXPECT_EQ(revoke(none, client), "") << "RFC 7009 §2.2";
}

TEST_F(IntrospectTest, PublicClientsEndTheirTokensButAskNothing) {
  const auto open = house.new_client(true);
  const auto mine = house.tokens_for(open, session, kOffline);
  const Parameters form{{"token", text(mine, "refresh_token")}, {"client_id", open.id}};
  EXPECT_EQ(house.error_of(house.provider.introspect(form, "")), "unauthorized_client");
  EXPECT_EQ(house.error_of(house.provider.revoke(form, "")), "");
  EXPECT_EQ(refusal_of(house.provider.actor(text(mine, "access_token"))), "auth.token_invalid");
}

TEST_F(IntrospectTest, MachinesGetTokensThatNameNobody) {
  const auto caller = machine();
  const auto token = machine_token(caller);
  const auto said = claims(token);
  EXPECT_EQ(text(said, "sub"), caller.id) << "RFC 9068 §2.2";
  EXPECT_EQ(text(said, "client_id"), caller.id);
  EXPECT_EQ(text(said, "aud"), kIssuer);
  EXPECT_EQ(text(said, "scope"), "core.read core.write");
  EXPECT_FALSE(said.HasMember("grant"));
  EXPECT_FALSE(said.HasMember("acr"));
  EXPECT_EQ(refusal_of(house.provider.actor(token)), "auth.scope_missing") << "no person";
  EXPECT_EQ(refusal_of(house.provider.userinfo(token)), "auth.scope_missing");
  EXPECT_TRUE(active(token, caller));
  EXPECT_EQ(text(claims(machine_token(caller, {{"scope", "core.read"}})), "scope"), "core.read");
}

TEST_F(IntrospectTest, AResourceIsToldOfTokensForItAlone) {
  const auto caller = machine();
  const auto server = core();
  const auto token = machine_token(caller, {{"resource", resource}});
  EXPECT_EQ(text(claims(token), "aud"), resource);
  EXPECT_EQ(text(told(token, server), "client_id"), caller.id);
  EXPECT_FALSE(active(machine_token(caller), server)) << "made for us";
  EXPECT_FALSE(active(token, core())) << "another system";
  EXPECT_EQ(refusal_of(house.provider.actor(token)), "auth.token_invalid") << "not for us";
  EXPECT_EQ(revoke(token, server), "invalid_grant") << "it may know, not end";
}

TEST_F(IntrospectTest, MachinesTokensEndBeforeTheirTime) {
  const auto caller = machine();
  const auto one = machine_token(caller), two = machine_token(caller);
  EXPECT_EQ(revoke(one, caller), "");
  EXPECT_FALSE(active(one, caller));
  EXPECT_TRUE(active(two, caller));
  house.sql("update auth.client set active = false where id = '" + caller.id + "'");
  EXPECT_EQ(house.error_of(house.provider.introspect({{"token", two}}, caller.basic())),
            "invalid_client");
}

TEST_F(IntrospectTest, KnowingWritesNothing) {
  const auto caller = machine();
  const auto token = machine_token(caller);
  const auto count = [&] {
    house.sql("select pg_stat_clear_snapshot()");
    std::string out;
    for (const auto* table : {"auth.authorization_grant", "auth.refresh_token", "auth.client",
                              "auth.revoked_token", "auth.spent_jti", "audit.entry"})
      out += house.sql(std::string("select coalesce(md5(string_agg(ctid::text || xmin::text, ',' "
                                   "order by ctid)), '') from ") +
                       table) +
             " ";
    return out;
  };
  const auto before = count();
  EXPECT_TRUE(active(access, client));
  EXPECT_TRUE(active(refresh, client));
  EXPECT_TRUE(active(token, caller));
  EXPECT_TRUE(house.provider.userinfo(access).ok());
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace auth
