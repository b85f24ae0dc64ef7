// Back-channel logout: who is told, when, once, and how often it is tried. OpenID Connect
// Back-Channel Logout 1.0; docs/decisions/0102-back-channel-logout.md. The wire is
// tests/gateways/logout_client_test.cpp, a relying party tests/journeys/logout.mjs.
#include "auth/logout_notices.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "auth/agreements.h"
#include "auth/cancellation.h"
#include "auth/identity_requests.h"
#include "auth/jwt.h"
#include "auth/own_account.h"
#include "auth/redirect.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

/// Keeps what is sent; answers as it is told.
class Kept final : public LogoutSender {
 public:
  base::Result<int> post(const std::string& uri, const std::string& form) const override {
    const std::lock_guard hold(mutex);
    sent.emplace_back(uri, form);
    if (status == 0) return base::error(base::Code::unavailable, "gateways.logout");
    return status;
  }
  mutable std::mutex mutex;
  mutable std::vector<std::pair<std::string, std::string>> sent;
  int status = 200;
};

class LogoutNoticesTest : public testing::Test {
 protected:
  House::Registered told_client() {
    return house.new_client_with([](NewClient& c) {
      c.backchannel_logout_uri = "https://portal.example/logout";
      c.sector = "client:" + c.id.value();
    });
  }
  /// All that is due is sent.
  int send() {
    int all = 0;
    for (int some = 1; some > 0; all += some) some = house.provider.send_logouts(kept).value();
    return all;
  }
  rapidjson::Document token(std::size_t i) {
    EXPECT_TRUE(kept.sent.at(i).second.starts_with("logout_token="));
    raw = kept.sent.at(i).second.substr(13);
    return claims(raw);
  }
  std::string waiting() { return house.sql("select count(*) from auth.logout_notice"); }

  House house;
  Kept kept;
  std::string raw;
  House::Registered client = told_client();
  SubjectId subject = house.new_person(fresh_name());
  Sessions::Opened opened = house.sessions.open(subject, Method::password).value();
};

TEST_F(LogoutNoticesTest, BackChannel_2_4_TheTokenSaysWhoAndWhichSession) {
  const auto tokens = house.tokens_for(client, opened.session);
  const auto id_token = claims(base::json_text(tokens, "id_token"));
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  ASSERT_EQ(send(), 1);
  EXPECT_EQ(kept.sent[0].first, "https://portal.example/logout");
  const auto logout = token(0);
  EXPECT_EQ(base::json_text(header(raw), "typ"), "logout+jwt");
  EXPECT_EQ(base::json_text(header(raw), "alg"), "ES256");
  for (const auto* same : {"iss", "aud", "sub", "sid"})
    EXPECT_EQ(base::json_text(logout, same), base::json_text(id_token, same)) << same;
  EXPECT_FALSE(base::json_text(logout, "sid").empty());
  EXPECT_TRUE(logout["events"]["http://schemas.openid.net/event/backchannel-logout"].IsObject());
  EXPECT_FALSE(logout.HasMember("nonce")) << "§2.4: so that it is no ID token";
  EXPECT_LE(*base::json_int(logout, "exp") - *base::json_int(logout, "iat"), 120);
  EXPECT_FALSE(base::json_text(logout, "jti").empty());
  EXPECT_EQ(refusal_of(house.provider.actor(raw)), "auth.token_invalid") << "it opens nothing";
  const auto end = house.provider.end_session({{"id_token_hint", raw}}, std::nullopt);
  EXPECT_EQ(end->notice, "auth.logout_hint") << "and is no hint";
  EXPECT_EQ(waiting(), "0");
}

TEST_F(LogoutNoticesTest, EachClientOfTheSessionIsToldInWordsOfItsOwn) {
  const auto other = told_client(), silent = house.new_client();
  house.tokens_for(client, opened.session);
  house.tokens_for(client, opened.session);
  house.tokens_for(other, opened.session);
  house.tokens_for(silent, opened.session);
  const auto elsewhere = told_client();
  house.tokens_for(elsewhere, house.new_session(subject));
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  ASSERT_EQ(send(), 2);
  const auto one = token(0), two = token(1);
  EXPECT_NE(base::json_text(one, "aud"), base::json_text(two, "aud"));
  EXPECT_NE(base::json_text(one, "sid"), base::json_text(two, "sid")) << "they cannot compare";
  EXPECT_NE(base::json_text(one, "sub"), base::json_text(two, "sub"));
}

TEST_F(LogoutNoticesTest, WhateverEndsASessionTells) {
  IdentityRequests requests{{house.pool, house.cipher, house.clock, house.random}};
  OwnAccount own({house.pool, house.cipher, house.clock});
  const auto told = [&](const std::function<void()>& deed) {
    kept.sent.clear();
    deed();
    return send();
  };
  house.tokens_for(client, opened.session);
  EXPECT_EQ(told([&] { ASSERT_TRUE(own.end_session(subject, opened.session.id).ok()); }), 1);
  const auto keep = house.sessions.open(subject, Method::password).value();
  const auto drop = house.sessions.open(subject, Method::password).value();
  house.tokens_for(client, keep.session);
  house.tokens_for(client, drop.session);
  EXPECT_EQ(
      told([&] {
        ASSERT_TRUE(house.accounts
                        .change_password(subject, secret(kPassword), secret("another-hollow-brig"),
                                         "here", keep.session.id)
                        .ok());
      }),
      1)
      << "not of the session in which it was changed";
  EXPECT_EQ(told([&] {
              ASSERT_TRUE(
                  house.accounts.replace_password(subject, secret(kPassword), "system:test").ok());
            }),
            1);
  house.tokens_for(client, house.new_session(subject));
  EXPECT_EQ(told([&] { house.lock(subject); }), 1);
  const auto duplicate = house.new_person(fresh_name()), person = house.new_person(fresh_name());
  house.tokens_for(client, house.new_session(duplicate));
  EXPECT_EQ(told([&] {
              SubjectId staff[3];
              for (auto& each : staff) {
                each = house.new_person(fresh_name());
                ASSERT_TRUE(requests.name_staff(each, "system:test").ok());
              }
              IdentityChange merge;
              merge.kind = IdentityChange::Kind::merge;
              merge.duplicate = duplicate;
              const auto asked = requests.ask(person, merge, staff[0]);
              ASSERT_TRUE(requests.approve(*asked, staff[1]).ok());
              ASSERT_TRUE(requests.approve(*asked, staff[2]).ok());
            }),
            1);
}

TEST_F(LogoutNoticesTest, Pipl15_AConsentThatIsWithdrawnTellsTheClientWhoseTokensEnd) {
  OwnAccount own({house.pool, house.cipher, house.clock});
  const auto other = told_client();
  const auto tokens = house.tokens_for(client, opened.session);
  house.tokens_for(client, house.new_session(subject));
  const auto untouched = house.tokens_for(other, opened.session);
  const auto refresh = house.tokens_for(client, opened.session, "openid offline_access");
  EXPECT_EQ(refusal_of(own.revoke_consent(subject, "nobody")), "auth.consent_unknown");
  EXPECT_EQ(send(), 0);
  ASSERT_TRUE(own.revoke_consent(subject, client.id).ok());
  ASSERT_EQ(send(), 2) << "one for each session that it knows";
  EXPECT_EQ(base::json_text(token(0), "aud"), client.id);
  EXPECT_EQ(base::json_text(token(0), "sub"),
            base::json_text(claims(base::json_text(tokens, "id_token")), "sub"));
  EXPECT_NE(base::json_text(token(0), "sid"), base::json_text(token(1), "sid"));
  EXPECT_EQ(refusal_of(house.provider.actor(base::json_text(tokens, "access_token"))),
            "auth.token_invalid");
  EXPECT_EQ(house.token_error({{"grant_type", "refresh_token"},
                               {"refresh_token",
                                std::string(base::json_text(refresh, "refresh_token"))}},
                              client.basic()),
            "invalid_grant");
  EXPECT_TRUE(house.provider.actor(base::json_text(untouched, "access_token")).ok());
  EXPECT_TRUE(house.sessions.find(opened.cookie).value().has_value()) << "the person stays";
}

TEST_F(LogoutNoticesTest, Pipl15_ThePrivacyConsentThatIsWithdrawnTellsAll) {
  Agreements agreements(house.pool, house.clock);
  for (const auto kind : {AgreementKind::service, AgreementKind::privacy})
    ASSERT_TRUE(agreements.publish(kind, model_agreement(kind), "system:test").ok());
  const auto privacy = agreements.current(AgreementKind::privacy);
  ASSERT_TRUE(agreements
                  .accept(subject, {{AgreementKind::privacy, privacy->version, privacy->sha256}},
                          "test")
                  .ok());
  house.tokens_for(client, opened.session);
  house.tokens_for(told_client(), opened.session);
  ASSERT_TRUE(agreements.withdraw_privacy(subject, "account").ok());
  EXPECT_EQ(send(), 2);
}

TEST_F(LogoutNoticesTest, AnAccountThatEndsTellsWhereItWas) {
  Notices notices{{house.pool, house.cipher, house.clock}};
  Cancellation cancellation{{house.pool, notices, house.clock}};
  const auto tokens = house.tokens_for(client, opened.session, "openid offline_access");
  ASSERT_TRUE(cancellation.ask(subject).ok());
  house.clock.advance(24h * 15);
  ASSERT_TRUE(cancellation.run_due().ok());
  ASSERT_EQ(send(), 1);
  EXPECT_EQ(base::json_text(token(0), "sub"),
            base::json_text(claims(base::json_text(tokens, "id_token")), "sub"));
}

TEST_F(LogoutNoticesTest, ADeedThatIsNotDoneTellsNobody) {
  house.tokens_for(client, opened.session);
  auto tx = house.pool.begin();
  ASSERT_TRUE(note_session_end(*tx, opened.session.id, house.clock.now()).ok());
  { const auto dropped = std::move(*tx); }
  EXPECT_EQ(waiting(), "0");
}

TEST_F(LogoutNoticesTest, WhatFailsIsTriedAgainLaterAndGivenUpInTheTrail) {
  house.tokens_for(client, opened.session);
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  kept.status = 503;
  std::set<std::string> ids;
  int tries = 0;
  for (const auto wait : {0s, 10s, 60s, 300s, 1800s, 7200s, 21'600s}) {
    if (wait > 0s) {
      house.clock.advance(wait - 1s);
      EXPECT_EQ(send(), 0) << "not before its time";
      house.clock.advance(1s);
    }
    EXPECT_EQ(send(), 1) << ++tries;
    ids.insert(std::string(base::json_text(token(kept.sent.size() - 1), "jti")));
  }
  EXPECT_EQ(ids.size(), 7U) << "each try is a token of its own";
  EXPECT_EQ(waiting(), "0");
  EXPECT_EQ(house.sql("select outcome || (facts ->> 'tries') from audit.entry where act = "
                      "'logout.give_up' and object = '" +
                      client.id + "'"),
            "auth.logout.failed7");
}

TEST_F(LogoutNoticesTest, BackChannel_2_8_ARefusalIsFinal) {
  house.tokens_for(client, opened.session);
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  kept.status = 400;
  EXPECT_EQ(send(), 1);
  EXPECT_EQ(waiting(), "0");
  EXPECT_EQ(
      house.sql("select outcome from audit.entry where act = 'logout.give_up' and object = '" +
                client.id + "'"),
      "auth.logout.refused");
}

TEST_F(LogoutNoticesTest, AClientThatIsGoneOrSilentByNowIsNotTold) {
  house.tokens_for(client, opened.session);
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  house.sql("update auth.client set active = false where id = '" + client.id + "'");
  EXPECT_EQ(send(), 1);
  EXPECT_TRUE(kept.sent.empty());
  EXPECT_EQ(waiting(), "0");
}

TEST_F(LogoutNoticesTest, OfFourInstancesOneSendsEach) {
  for (int i = 0; i < 12; ++i) {
    const auto session = house.sessions.open(subject, Method::password).value();
    house.tokens_for(client, session.session);
    ASSERT_TRUE(house.sessions.close(session.cookie).ok());
  }
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&] {
      while (house.provider.send_logouts(kept, 2).value() > 0) {
      }
    });
  for (auto& each : all) each.join();
  std::set<std::string> sessions;
  for (std::size_t i = 0; i < kept.sent.size(); ++i)
    sessions.insert(std::string(base::json_text(token(i), "sid")));
  EXPECT_EQ(kept.sent.size(), 12U);
  EXPECT_EQ(sessions.size(), 12U);
}

TEST_F(LogoutNoticesTest, ARowThatAnotherIsTakingIsPassedOver) {
  house.tokens_for(client, opened.session);
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  auto other = house.pool.begin();  // in the middle of its own statement
  constexpr store::Query kTaking{"test.taking_notice", R"sql(
    update auth.logout_notice set tries = tries where next_at <= $1)sql"};
  ASSERT_EQ(other->run(kTaking, {house.clock.now()})->affected(), 1U);
  const auto passed = house.provider.send_logouts(kept);
  ASSERT_TRUE(passed.ok()) << "it waited for the other: " << passed.error().key;
  EXPECT_EQ(*passed, 0);
  { const auto dropped = std::move(*other); }
  EXPECT_EQ(send(), 1);
}

TEST_F(LogoutNoticesTest, WhoeverDiesBetweenTakingAndSendingLeavesItToTheNext) {
  house.tokens_for(client, opened.session);
  ASSERT_TRUE(house.sessions.close(opened.cookie).ok());
  house.key->fail_with = base::error(base::Code::unavailable, "hsm.unavailable");
  EXPECT_FALSE(house.provider.send_logouts(kept).ok()) << "taken, and then nothing";
  house.key->fail_with.reset();
  EXPECT_EQ(send(), 0) << "another may still be at it";
  house.clock.advance(60s);
  EXPECT_EQ(send(), 1);
  EXPECT_EQ(kept.sent.size(), 1U);
}

}  // namespace
}  // namespace auth
