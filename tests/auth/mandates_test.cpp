// Mandates: who may act for whom, and what tokens say of it. LD/T 01-2020 5.4.1.5, 6.2.2d.
#include "auth/mandates.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/identity_requests.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using std::chrono::hours;
using test_house::claims;
using test_house::fresh_name;
using test_house::House;
using test_house::json;
using test_house::parameter;
using test_house::refusal_of;
using test_house::with;
using Standing = Mandate::Standing;

class MandatesTest : public testing::Test {
 protected:
  SubjectId made(SubjectKind kind, Proofing proofing) {
    NewSubject subject{kind,
                       kind == SubjectKind::unit ? "示范单位" : "张小三",
                       kind == SubjectKind::unit ? "unit-number" : "cn-id",
                       kind == SubjectKind::unit ? fresh_name("U-").substr(0, 2) + number()
                                                 : test_house::fresh_number(),
                       fresh_name("party"),
                       proofing};
    auto id = house.accounts.create(subject, test_house::secret(test_house::kPassword));
    EXPECT_TRUE(id.ok()) << id.error().key;
    return id.ok() ? *id : SubjectId();
  }
  static std::string number() {
    static int n = 0;
    return std::to_string(::getpid()) + "-" + std::to_string(++n);
  }
  Mandates::Named named(const SubjectId& who) {
    const auto record = house.accounts.subject(who);
    return {record->name, record->id_type, record->id_number, record->id_country};
  }
  MandateTerms terms(std::optional<int> most = std::nullopt) {
    return {{"enrolment-certificate"}, house.clock.now(), house.clock.now() + hours(24 * 90), most};
  }
  std::string offered(std::optional<int> most = std::nullopt) {
    const auto id = mandates.offer(unit, named(handler), terms(most));
    EXPECT_TRUE(id.ok()) << id.error().key;
    return id.ok() ? *id : "";
  }
  std::string in_force(std::optional<int> most = std::nullopt) {
    const auto id = offered(most);
    EXPECT_EQ(refusal_of(mandates.accept(id, handler)), "");
    return id;
  }
  /// Tokens of a login in which the handler chose this mandate on the consent page.
  rapidjson::Document tokens_under(const std::string& mandate, const House::Registered& client,
                                   const Session& session) {
    const auto ask =
        house.provider.authorize(with(house.request(client), "prompt", "consent"), session);
    const auto* consent = std::get_if<AskConsent>(&ask.value());
    EXPECT_NE(consent, nullptr);
    const auto back = house.provider.consent(consent->transaction, true, session, mandate);
    EXPECT_TRUE(back.ok()) << back.error().key;
    const auto code = parameter(std::get<SendBack>(*back).location, "code");
    const auto reply = house.provider.token(house.redemption(client, code), client.basic());
    EXPECT_EQ(house.error_of(reply), "");
    return json(std::get<TokenReply>(reply).json);
  }
  std::string access(const rapidjson::Document& tokens) {
    return tokens["access_token"].GetString();
  }

  House house;
  Mandates mandates{{house.pool, house.cipher, house.accounts, house.clock, house.random}};
  const SubjectId unit = made(SubjectKind::unit, Proofing::p3);
  const SubjectId handler = made(SubjectKind::person, Proofing::p2);
  const SubjectId other = made(SubjectKind::person, Proofing::p2);
};

TEST_F(MandatesTest, Ldt01_6_2_2d_AUnitsHandlerAcceptsAndActs) {
  const auto id = offered();
  EXPECT_EQ(mandates.given(unit)->front().standing, Standing::offered);
  ASSERT_EQ(mandates.received(handler)->size(), 1u);
  EXPECT_TRUE(mandates.received(other)->empty()) << "an offer is shown to whom it names alone";
  EXPECT_EQ(refusal_of(mandates.accept(id, other)), "auth.mandate.unknown");
  EXPECT_EQ(refusal_of(mandates.accept(id, unit)), "auth.mandate.unknown");
  ASSERT_EQ(refusal_of(mandates.accept(id, handler)), "");
  EXPECT_EQ(refusal_of(mandates.accept(id, handler)), "auth.mandate.unknown") << "once";
  EXPECT_EQ(mandates.given(unit)->front().standing, Standing::in_force);

  const auto client = house.new_client();
  const auto session = house.new_session(handler);
  const auto tokens = tokens_under(id, client, session);
  const auto actor = house.provider.actor(access(tokens));
  ASSERT_TRUE(actor.ok()) << actor.error().key;
  EXPECT_EQ(actor->subject(), handler);
  EXPECT_EQ(actor->acting_for(), unit);
  EXPECT_EQ(actor->mandate(), id);
  EXPECT_TRUE(actor->may("enrolment-certificate"));
  EXPECT_FALSE(actor->may("benefit-claim"));
  EXPECT_EQ(actor->proofing(), Proofing::p2) << "the lesser of both";
  const auto said = claims(access(tokens)), id_said = claims(tokens["id_token"].GetString());
  EXPECT_STREQ(said["acting_for"]["mandate"].GetString(), id.c_str());
  EXPECT_STREQ(said["acting_for"]["sub"].GetString(), id_said["acting_for"]["sub"].GetString());
  EXPECT_STRNE(said["acting_for"]["sub"].GetString(), said["sub"].GetString());
  EXPECT_STREQ(said["acr"].GetString(), "urn:xinyin:acr:p2a1");
  const auto told = json(house.provider.userinfo(access(tokens)).value());
  EXPECT_STREQ(told["acting_for"]["name"].GetString(), "示范单位");
  EXPECT_STREQ(told["name"].GetString(), "张小三");
  const auto seen = house.provider.introspect({{"token", access(tokens)}}, client.basic());
  EXPECT_STREQ(json(std::get<TokenReply>(seen).json)["acting_for"]["mandate"].GetString(),
               id.c_str());
}

TEST_F(MandatesTest, ARevokedMandateBitesAtTheNextCall) {
  for (const auto& by : {unit, handler}) {
    const auto id = in_force();
    const auto client = house.new_client();
    const auto session = house.new_session(handler);
    const auto tokens = tokens_under(id, client, session);
    ASSERT_TRUE(house.provider.actor(access(tokens)).ok());
    EXPECT_EQ(refusal_of(mandates.end(id, other)), "auth.mandate.unknown") << "not his to end";
    ASSERT_TRUE(mandates.end(id, by).ok());
    EXPECT_EQ(refusal_of(house.provider.actor(access(tokens))), "auth.token_invalid");
    const auto seen = house.provider.introspect({{"token", access(tokens)}}, client.basic());
    EXPECT_FALSE(json(std::get<TokenReply>(seen).json)["active"].GetBool());
    EXPECT_EQ(refusal_of(mandates.use(id, "enrolment-certificate", "k")), "auth.mandate.unknown");
    EXPECT_EQ(refusal_of(mandates.end(id, by)), "auth.mandate.unknown") << "once";
  }
}

TEST_F(MandatesTest, ACodeAndARefreshTokenDieWithTheMandate) {
  const auto id = in_force();
  const auto client = house.new_client();
  const auto session = house.new_session(handler);
  auto request = with(house.request(client), "scope", "openid offline_access");
  auto ask = house.provider.authorize(request, session);
  auto back = house.provider.consent(std::get<AskConsent>(*ask).transaction, true, session, id);
  const auto first = parameter(std::get<SendBack>(*back).location, "code");
  const auto reply = house.provider.token(house.redemption(client, first), client.basic());
  const auto tokens = json(std::get<TokenReply>(reply).json);
  ask = house.provider.authorize(with(request, "prompt", "consent"), session);
  back = house.provider.consent(std::get<AskConsent>(*ask).transaction, true, session, id);
  const auto second = parameter(std::get<SendBack>(*back).location, "code");
  ASSERT_TRUE(mandates.end(id, unit).ok());
  EXPECT_EQ(house.token_error(house.redemption(client, second), client.basic()), "invalid_grant");
  EXPECT_EQ(house.token_error({{"grant_type", "refresh_token"},
                               {"refresh_token", tokens["refresh_token"].GetString()}},
                              client.basic()),
            "invalid_grant");
}

TEST_F(MandatesTest, ItsPeriodAndBothSidesBeingThereBoundIt) {
  auto later = terms();
  later.since = house.clock.now() + hours(24);
  later.until = house.clock.now() + hours(48);
  const auto id = mandates.offer(unit, named(handler), later).value();
  ASSERT_TRUE(mandates.accept(id, handler).ok());
  const auto session = house.new_session(handler);
  EXPECT_EQ(mandates.given(unit)->front().standing, Standing::waiting);
  EXPECT_EQ(refusal_of(mandates.choose(session.id, handler, id)), "auth.mandate.unknown");
  house.clock.advance(hours(25));
  const auto now = house.new_session(handler);
  ASSERT_EQ(refusal_of(mandates.choose(now.id, handler, id)), "");
  EXPECT_EQ(mandates.chosen(now.id)->value().id, id);
  house.lock(unit);
  EXPECT_FALSE(mandates.chosen(now.id)->has_value()) << "a principal that is switched off";
  house.unlock(unit);
  house.clock.advance(hours(24));
  EXPECT_FALSE(mandates.chosen(now.id)->has_value());
  EXPECT_EQ(mandates.given(unit)->front().standing, Standing::over);
}

TEST_F(MandatesTest, ASessionsChoiceHoldsForWhatIsGrantedInIt) {
  const auto id = in_force();
  const auto client = house.new_client();
  const auto session = house.new_session(handler);
  auto tokens = house.tokens_for(client, session);
  EXPECT_EQ(house.provider.actor(access(tokens))->acting_for(), handler);
  ASSERT_TRUE(mandates.choose(session.id, handler, id).ok());
  EXPECT_EQ(refusal_of(mandates.choose(session.id, other, id)), "auth.mandate.unknown");
  const auto again = house.provider.authorize(house.request(client), session);
  const auto code = parameter(std::get<SendBack>(*again).location, "code");
  const auto reply = house.provider.token(house.redemption(client, code), client.basic());
  tokens = json(std::get<TokenReply>(reply).json);
  EXPECT_EQ(house.provider.actor(access(tokens))->acting_for(), unit);
  ASSERT_TRUE(mandates.choose(session.id, handler, "").ok());
  const auto self = house.provider.authorize(house.request(client), session);
  const auto own = house.provider.token(
      house.redemption(client, parameter(std::get<SendBack>(*self).location, "code")),
      client.basic());
  EXPECT_EQ(house.provider.actor(access(json(std::get<TokenReply>(own).json)))->acting_for(),
            handler);
}

TEST_F(MandatesTest, APortalMayHaveThePersonChoose) {
  const auto client = house.new_client();
  const auto session = house.new_session(handler);
  house.code_for(house.request(client), session);  // consent is remembered
  const auto wish = with(house.request(client), "acting_for", "choose");
  EXPECT_TRUE(std::holds_alternative<SendBack>(*house.provider.authorize(wish, session)))
      << "nobody to act for: nothing to choose";
  const auto id = in_force();
  const auto ask = house.provider.authorize(wish, session);
  ASSERT_TRUE(std::holds_alternative<AskConsent>(*ask));
  ASSERT_EQ(std::get<AskConsent>(*ask).acting.size(), 1u);
  EXPECT_EQ(std::get<AskConsent>(*ask).acting[0].principal, unit);
  EXPECT_EQ(refusal_of(house.provider.consent(std::get<AskConsent>(*ask).transaction, true, session,
                                              std::string(32, '0'))),
            "auth.mandate.unknown");
  const auto odd = house.provider.authorize(with(house.request(client), "acting_for", id), session);
  EXPECT_EQ(parameter(std::get<SendBack>(*odd).location, "error"), "invalid_request");
}

TEST_F(MandatesTest, UsesAreCountedOnceARequestAndNeverPassTheLimit) {
  const auto id = in_force(5);
  EXPECT_EQ(refusal_of(mandates.use(id, "benefit-claim", "k")), "auth.mandate.item");
  std::atomic<int> good = 0;
  std::vector<std::thread> many;
  for (int i = 0; i < 40; ++i)
    many.emplace_back([&, i] {
      if (mandates.use(id, "enrolment-certificate", "key" + std::to_string(i % 20)).ok()) ++good;
    });
  for (auto& one : many) one.join();
  EXPECT_EQ(house.sql("select uses from auth.mandate where id = '" + id + "'"), "5");
  EXPECT_EQ(house.sql("select count(*) from auth.mandate_use where mandate_id = '" + id + "'"),
            "5");
  EXPECT_GE(good, 5);
  EXPECT_LE(good, 10) << "the same request again is no use of its own";
  EXPECT_EQ(refusal_of(mandates.use(id, "enrolment-certificate", "fresh")), "auth.mandate.used_up");
}

TEST_F(MandatesTest, WhoIsNotProvenAcceptsNothing) {
  const auto unproven = made(SubjectKind::person, Proofing::p1);
  const auto id = mandates.offer(unit, named(unproven), terms());
  ASSERT_TRUE(id.ok());
  EXPECT_TRUE(mandates.received(unproven)->empty()) << "nor does he see who trusts the other";
  EXPECT_EQ(refusal_of(mandates.accept(*id, unproven)), "auth.mandate.unproven");
  EXPECT_EQ(refusal_of(mandates.end(*id, unproven)), "auth.mandate.unknown");
}

TEST_F(MandatesTest, WhatIsOddIsNotOffered) {
  const auto fields = [&](const Mandates::Named& who, const MandateTerms& what) {
    const auto refused = mandates.offer(unit, who, what);
    std::string out = refusal_of(refused);
    if (!refused.ok())
      for (const auto& field : refused.error().fields) out += " " + field.field;
    return out;
  };
  auto bad = terms();
  bad.items = {"x;y"};
  bad.until = house.clock.now() - hours(1);
  bad.most_uses = 0;
  EXPECT_EQ(fields({"", "cn-id", "1", ""}, bad),
            "auth.mandate.terms name id_number items until most_uses");
  auto endless = terms();
  endless.until = house.clock.now() + hours(24 * 365 * 5);
  EXPECT_EQ(fields(named(handler), endless), "auth.mandate.terms until");
  EXPECT_EQ(refusal_of(mandates.offer(handler, named(handler), terms())), "auth.mandate.terms");
}

TEST_F(MandatesTest, StaffRecordOneAtACounterAndEndOne) {
  const auto staff = made(SubjectKind::person, Proofing::p2);
  EXPECT_EQ(refusal_of(mandates.record(unit, handler, terms(), staff, "C-7")), "auth.staff.none");
  IdentityRequests requests({house.pool, house.cipher, house.clock, house.random});
  ASSERT_TRUE(requests.name_staff(staff, "test").ok());
  EXPECT_EQ(refusal_of(mandates.record(unit, staff, terms(), staff, "C-7")), "auth.staff.own");
  EXPECT_EQ(refusal_of(mandates.record(unit, handler, terms(), staff, "")),
            "auth.proofing.evidence");
  const auto id = mandates.record(unit, handler, terms(), staff, "C-7");
  ASSERT_TRUE(id.ok()) << id.error().key;
  const auto mine = mandates.received(handler);
  EXPECT_EQ(mine->front().standing, Standing::in_force);
  EXPECT_EQ(mine->front().evidence, "C-7");
  EXPECT_EQ(refusal_of(mandates.end_by_staff(*id, other)), "auth.staff.none");
  ASSERT_TRUE(mandates.end_by_staff(*id, staff).ok());
  EXPECT_EQ(mandates.received(handler)->front().standing, Standing::ended);
}

TEST_F(MandatesTest, NamesAndNumbersStandNowhereInClear) {
  const auto id = offered();
  const auto number = named(handler).id_number;
  EXPECT_EQ(house.sql("select count(*) from auth.mandate m where m::text like '%" + number + "%'"),
            "0");
  EXPECT_EQ(mandates.given(unit)->front().agent_number.find(number), std::string::npos);
}

TEST_F(MandatesTest, Ldt01_6_2_1_WhoWasMergedIsFoundUnderWhoSurvives) {
  const auto client = house.new_client();
  IdentityRequests requests({house.pool, house.cipher, house.clock, house.random});
  IdentityChange merge;
  merge.kind = IdentityChange::Kind::merge;
  merge.duplicate = other;
  const auto one = made(SubjectKind::person, Proofing::p2),
             two = made(SubjectKind::person, Proofing::p2),
             three = made(SubjectKind::person, Proofing::p2);
  for (const auto& staff : {one, two, three}) ASSERT_TRUE(requests.name_staff(staff, "test").ok());
  const auto id = requests.ask(handler, merge, one);
  ASSERT_TRUE(requests.approve(*id, two).ok() && requests.approve(*id, three).ok());
  const auto tokens = house.tokens_for(client, house.new_session(handler));
  const auto actor = house.provider.actor(access(tokens));
  EXPECT_TRUE(actor->is_holder(other.value()));
  EXPECT_TRUE(actor->is_holder(handler.value()));
  EXPECT_FALSE(actor->is_holder(unit.value()));
  // A chain of merges ends in one step.
  const auto last = made(SubjectKind::person, Proofing::p2);
  merge.duplicate = handler;
  const auto next = requests.ask(last, merge, one);
  ASSERT_TRUE(requests.approve(*next, two).ok() && requests.approve(*next, three).ok());
  const auto then = house.provider.actor(access(house.tokens_for(client, house.new_session(last))));
  EXPECT_TRUE(then->is_holder(other.value()) && then->is_holder(handler.value()));
}

}  // namespace
}  // namespace auth
