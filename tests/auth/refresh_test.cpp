// Refresh tokens: RFC 6749 §6, RFC 9700 §4.14.2, OpenID Connect Core §11–12.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

constexpr std::string_view kOffline = "openid documents offline_access";

class RefreshTest : public testing::Test {
 protected:
  Parameters refresh_form(std::string_view token) {
    Parameters out{{"grant_type", "refresh_token"}, {"refresh_token", std::string(token)}};
    return out;
  }
  std::string text(const rapidjson::Document& reply, const char* name) {
    return std::string(base::json_text(reply, name));
  }
  rapidjson::Document refresh(const std::string& token, const Parameters& more = {}) {
    auto form = refresh_form(token);
    form.insert(form.end(), more.begin(), more.end());
    const auto reply = house.provider.token(form, client.basic());
    EXPECT_EQ(house.error_of(reply), "");
    const auto* good = std::get_if<TokenReply>(&reply);
    return good == nullptr ? rapidjson::Document(rapidjson::kObjectType) : json(good->json);
  }
  std::string error(const std::string& token) {
    return house.token_error(refresh_form(token), client.basic());
  }
  std::string family_rows() {
    return house.sql(
        "select count(*) from auth.refresh_token r join auth.authorization_grant g on g.id = "
        "r.grant_id where g.client_id = '" +
        client.id + "'");
  }

  House house;
  House::Registered client = house.new_client();
  SubjectId subject = house.new_person(fresh_name());
  Sessions::Opened opened = house.sessions.open(subject, Method::password).value();
  rapidjson::Document tokens = house.tokens_for(client, opened.session, kOffline);
  std::string first = text(tokens, "refresh_token");
};

TEST_F(RefreshTest, OnlyOfflineAccessGivesOne) {
  EXPECT_EQ(first.size(), 43U);
  EXPECT_FALSE(house.tokens_for(client, opened.session).HasMember("refresh_token"));
  const auto without =
      house.new_client_with([](NewClient& c) { c.grant_types = "authorization_code"; });
  const auto answer =
      house.provider.authorize(with(house.request(without), "scope", kOffline), opened.session);
  EXPECT_EQ(parameter(std::get<SendBack>(*answer).location, "error"), "invalid_scope");
}

TEST_F(RefreshTest, ARefreshGivesTokensOfTheSameLogin) {
  house.clock.advance(1h);
  const auto next = refresh(first);
  EXPECT_NE(text(next, "refresh_token"), first);
  EXPECT_EQ(text(next, "scope"), kOffline);
  const auto before = claims(text(tokens, "id_token")), after = claims(text(next, "id_token"));
  for (const auto* same : {"iss", "sub", "aud", "acr"})  // OpenID Connect Core §12.2
    EXPECT_EQ(base::json_text(after, same), base::json_text(before, same)) << same;
  EXPECT_EQ(base::json_int(after, "auth_time"), base::json_int(before, "auth_time"));
  EXPECT_FALSE(after.HasMember("nonce"));
  EXPECT_EQ(base::json_int(after, "iat"), base::to_unix_s(house.clock.now()));
  const auto actor = house.provider.actor(text(next, "access_token"));
  ASSERT_TRUE(actor.ok());
  EXPECT_EQ(actor->subject(), subject);
  EXPECT_EQ(house.sql("select count(*) from audit.entry where act = 'token.refresh' and actor = '" +
                      subject.value() + "'"),
            "1");
}

TEST_F(RefreshTest, LessMayBeAskedAndAllAgainLater) {
  const auto less = refresh(first, {{"scope", "documents"}});
  EXPECT_EQ(text(less, "scope"), "documents");
  EXPECT_FALSE(less.HasMember("id_token"));
  const auto actor = house.provider.actor(text(less, "access_token"));
  EXPECT_EQ(actor->scopes(), "documents");
  EXPECT_EQ(refusal_of(house.provider.userinfo(text(less, "access_token"))), "auth.scope_missing");
  const auto second = text(less, "refresh_token");
  EXPECT_EQ(
      house.token_error(with(refresh_form(second), "scope", "documents profile"), client.basic()),
      "invalid_scope");
  EXPECT_EQ(text(refresh(second), "scope"), kOffline) << "the refusal spent nothing";
}

TEST_F(RefreshTest, ALostAnswerIsGivenAgainWithinTheGrace) {
  const auto second = text(refresh(first), "refresh_token");
  house.clock.advance(9s);
  EXPECT_EQ(text(refresh(first), "refresh_token"), second);
  EXPECT_EQ(family_rows(), "2") << "no second successor";
  EXPECT_EQ(error(second), "") << "and it works";
}

TEST_F(RefreshTest, ReuseAfterTheGraceKillsTheFamily) {
  const auto second = refresh(first);
  house.clock.advance(10s);
  EXPECT_EQ(error(first), "invalid_grant");
  EXPECT_EQ(error(text(second, "refresh_token")), "invalid_grant");
  EXPECT_EQ(refusal_of(house.provider.actor(text(second, "access_token"))), "auth.token_invalid");
  EXPECT_EQ(
      house.sql("select outcome from audit.entry where act = 'refresh.burn' and actor = 'client:" +
                client.id + "'"),
      "auth.refresh_reused");
}

TEST_F(RefreshTest, ReuseWithinTheGraceButBehindTheSuccessorKillsTheFamily) {
  const auto second = text(refresh(first), "refresh_token");
  const auto third = text(refresh(second), "refresh_token");
  EXPECT_EQ(error(first), "invalid_grant") << "its successor was received and used";
  EXPECT_EQ(error(third), "invalid_grant");
}

TEST_F(RefreshTest, OfEightAtOnceThereIsOneSuccessor) {
  House second;  // another instance on the same database
  Provider other({std::string(kIssuer)},
                 {second.pool, house.accounts, house.key, house.clock, second.random});
  std::mutex mutex;
  std::set<std::string> successors;
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i)
    all.emplace_back([&, i] {
      auto& instance = i % 2 == 0 ? house.provider : other;
      const auto reply = instance.token(refresh_form(first), client.basic());
      const auto* good = std::get_if<TokenReply>(&reply);
      const std::lock_guard hold(mutex);
      successors.insert(good == nullptr ? house.error_of(reply)
                                        : text(json(good->json), "refresh_token"));
    });
  for (auto& each : all) each.join();
  ASSERT_EQ(successors.size(), 1U) << "one successor for all";
  EXPECT_EQ(successors.begin()->size(), 43U);
  EXPECT_EQ(family_rows(), "2");
  EXPECT_EQ(error(*successors.begin()), "");
}

TEST_F(RefreshTest, WithoutGraceOneOfEightSucceedsAndTheFamilyDies) {
  Provider::Config config{std::string(kIssuer)};
  config.refresh_grace = 0s;
  Provider strict(config, {house.pool, house.accounts, house.key, house.clock, house.random});
  std::atomic<int> good{0}, refused{0};
  std::mutex mutex;
  std::string successor;
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i)
    all.emplace_back([&] {
      const auto reply = strict.token(refresh_form(first), client.basic());
      if (house.error_of(reply) == "invalid_grant") ++refused;
      if (const auto* tokens_now = std::get_if<TokenReply>(&reply)) {
        ++good;
        const std::lock_guard hold(mutex);
        successor = text(json(tokens_now->json), "refresh_token");
      }
    });
  for (auto& each : all) each.join();
  EXPECT_LE(good, 1);
  EXPECT_EQ(refused, 8 - good);
  EXPECT_EQ(house.token_error(refresh_form(first), client.basic()), "invalid_grant");
  if (good == 1) {
    EXPECT_EQ(error(successor), "invalid_grant") << "somebody stole it: all end";
  }
}

TEST_F(RefreshTest, AnotherClientBurnsIt) {
  const auto thief = house.new_client();
  EXPECT_EQ(house.token_error(refresh_form(first), thief.basic()), "invalid_grant");
  EXPECT_EQ(error(first), "invalid_grant");
}

TEST_F(RefreshTest, TokensEndUnusedAndFamiliesEndAnyhow) {
  house.clock.advance(24h * 30 - 1s);
  auto token = text(refresh(first), "refresh_token");
  for (int i = 0; i < 5; ++i) {
    house.clock.advance(24h * 29);
    token = text(refresh(token), "refresh_token");
  }
  house.clock.advance(24h * 6);  // day 181
  EXPECT_EQ(error(token), "invalid_grant");
  const auto fresh = house.tokens_for(
      client, house.sessions.open(subject, Method::password)->session, kOffline);
  house.clock.advance(24h * 30);
  EXPECT_EQ(error(text(fresh, "refresh_token")), "invalid_grant");
}

TEST_F(RefreshTest, ALogoutLeavesWhatWasGrantedBeyondIt) {
  const auto here = text(house.tokens_for(client, opened.session), "access_token");
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  EXPECT_EQ(refusal_of(house.provider.actor(here)), "auth.token_invalid");
  EXPECT_EQ(error(first), "");
}

TEST_F(RefreshTest, ANewPasswordEndsAllAlsoAfterTheSession) {
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  ASSERT_TRUE(
      house.accounts.replace_password(subject, secret("gravel-lantern-otter-9"), "officer:test")
          .ok());
  EXPECT_EQ(error(first), "invalid_grant");
}

TEST_F(RefreshTest, ASwitchedOffPersonOrClientEndsIt) {
  house.sql("update auth.subject set active = false where id = '" + subject.value() + "'");
  EXPECT_EQ(error(first), "invalid_grant");
  house.sql("update auth.subject set active = true where id = '" + subject.value() + "'");
  EXPECT_EQ(error(first), "invalid_grant") << "burnt";
  house.sql("update auth.client set active = false where id = '" + client.id + "'");
  EXPECT_EQ(error(first), "invalid_client");
}

TEST_F(RefreshTest, ASignerThatIsAwayCostsNoToken) {
  house.key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  EXPECT_EQ(error(first), "temporarily_unavailable");
  house.key->fail_with.reset();
  EXPECT_EQ(error(first), "");
}

TEST_F(RefreshTest, PublicClientsRotateToo) {
  const auto open = house.new_client(true);
  const auto mine = house.tokens_for(open, opened.session, kOffline);
  auto form = with(refresh_form(text(mine, "refresh_token")), "client_id", open.id);
  EXPECT_EQ(house.token_error(form, ""), "");
  house.clock.advance(11s);
  EXPECT_EQ(house.token_error(form, ""), "invalid_grant");
}

TEST_F(RefreshTest, NothingOfThemStandsInTheTables) {
  const auto second = text(refresh(first), "refresh_token");
  for (const auto& token : {first, second}) {
    const auto bytes = base::from_base64url(token).value();
    for (const auto& needle : {token, base::to_hex(bytes)})
      EXPECT_EQ(house.sql("select count(*) from auth.refresh_token t where t::text like '%" +
                          needle + "%'"),
                "0");
    EXPECT_EQ(house.sql("select count(*) from auth.refresh_token where digest = '\\x" +
                        base::to_hex(base::sha256(bytes)) + "'"),
              "1");
  }
  House other;  // another data key would give another successor: a copy of the tables gives none
  EXPECT_EQ(error(second), "");
}

}  // namespace
}  // namespace auth
