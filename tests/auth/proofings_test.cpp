// Real-name proofing: LD/T 01-2020 5.4.1.2b, 5.4.1.5, 6.2.6.
#include "auth/proofings.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "auth/identity_requests.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::House;
using test_house::refusal_of;
using Outcome = ProofingOutcome;
using std::chrono::hours;

/// A source whose answers a test decides. What it was asked is kept.
struct Source final : ProofingSource, VisitedSource {
  std::string name() const override { return "test-source"; }
  ProofingAnswer ask(const ProofingQuestion& question) const override {
    const std::lock_guard hold(mutex);
    asked.push_back(question);
    auto answer = next;
    if (answer.outcome == Outcome::matches && answer.transaction.empty())
      answer.transaction = "T" + std::to_string(++const_cast<Source*>(this)->count) + fresh;
    return answer;
  }
  base::Result<Visit> begin(const ProofingQuestion& question,
                            const std::string& return_address) const override {
    asked.push_back(question);
    returns = return_address;
    if (away) return base::error(base::Code::unavailable, "auth.proofing.unavailable");
    return Visit{"https://face.example/visit/1", "ticket-1"};
  }
  std::optional<ProofingAnswer> result(const ProofingQuestion& question,
                                       const std::string& ticket) const override {
    EXPECT_EQ(ticket, "ticket-1");
    EXPECT_EQ(question.nonce, asked.back().nonce) << "the answer belongs to the question";
    if (busy) return std::nullopt;
    return ask(question);
  }
  mutable std::mutex mutex;
  ProofingAnswer next{Outcome::matches, {}, {"name", "id_number"}};
  mutable std::vector<ProofingQuestion> asked;
  mutable std::string returns;
  bool away = false, busy = false;
  int count = 0;
  const std::string fresh = fresh_name("t");
};

class ProofingsTest : public testing::Test {
 protected:
  Proofings proofings() {
    return Proofings(Proofings::Parts{
        house.pool,
        house.cipher,
        house.accounts,
        house.clock,
        house.random,
        {&source, &source, &source, &source, true},
        {{std::chrono::seconds(0), hours(24 * 365), hours(24 * 30)}, hours(1), "人脸 face"}});
  }
  SubjectId someone() {
    NewSubject subject{SubjectKind::person, "张小三", "cn-id", test_house::fresh_number(),
                       fresh_name("proofed")};
    auto made = house.accounts.create(subject, test_house::secret(test_house::kPassword));
    EXPECT_TRUE(made.ok());
    return *made;
  }
  Proofing level() { return house.accounts.subject(person)->proofing; }
  std::string rows(const std::string& what) {
    return house.sql("select count(*) from auth.proofing where subject_id = '" + person.value() +
                     "' and " + what);
  }
  std::string audited(const std::string& act) {
    return house.sql("select count(*) from audit.entry where object = '" + person.value() +
                     "' and act = '" + act + "'");
  }
  Outcome ask(std::string_view method, const FieldValues& typed = {}) {
    const auto tried = proofings().ask(person, method, typed, network);
    EXPECT_TRUE(tried.ok()) << tried.error().key;
    return tried.ok() ? tried->outcome : Outcome::unavailable;
  }
  House house;
  Source source;
  const std::string network = fresh_name("net");  // counters live as long as the database
  const SubjectId person = someone();
  const FieldValues phone{{"phone", "+86 138 0013 8000"}};
};

TEST_F(ProofingsTest, Ldt01_5_4_1_5_EachWayReachesItsLevel) {
  EXPECT_EQ(level(), Proofing::p0);
  EXPECT_EQ(ask("two-factor"), Outcome::matches);
  EXPECT_EQ(level(), Proofing::p1);
  EXPECT_EQ(ask("three-factor", phone), Outcome::matches);
  EXPECT_EQ(level(), Proofing::p2);
  EXPECT_EQ(ask("two-factor"), Outcome::matches);
  EXPECT_EQ(level(), Proofing::p2) << "a lesser way lowers nothing";
  EXPECT_EQ(audited("proofing.raise"), "2");
  const auto& asked = source.asked[1];
  EXPECT_EQ(asked.method, "three-factor");
  EXPECT_NE(asked.nonce, source.asked[0].nonce);
  const auto has = [&](const char* name, std::string_view value) {
    return std::find(asked.attributes.begin(), asked.attributes.end(),
                     std::pair<std::string, std::string>(name, value)) != asked.attributes.end();
  };
  EXPECT_TRUE(has("name", "张小三"));
  EXPECT_TRUE(has("phone", "13800138000")) << "in the form that sources compare";
  EXPECT_EQ(proofings().history(person)->size(), 3u);
}

TEST_F(ProofingsTest, FourOutcomesStayFourAndNoneOfThemLowersALevel) {
  ASSERT_EQ(ask("two-factor"), Outcome::matches);
  for (const auto outcome : {Outcome::does_not_match, Outcome::not_found, Outcome::unavailable}) {
    source.next = {outcome, "X", {"name"}};
    EXPECT_EQ(ask("three-factor", phone), outcome);
    EXPECT_EQ(level(), Proofing::p1);
    EXPECT_EQ(rows("outcome = '" + std::string(to_text(outcome)) + "' and level is null"), "1");
  }
  EXPECT_EQ(rows("outcome <> 'matches' and matched <> ''"), "0") << "no hint what agreed is kept";
}

TEST_F(ProofingsTest, WhatWasTypedIsKeptNowhere) {
  ASSERT_EQ(ask("three-factor", phone), Outcome::matches);
  EXPECT_EQ(house.sql("select count(*) from auth.proofing p where p::text like '%13800138000%'"),
            "0");
  EXPECT_EQ(house.sql("select count(*) from audit.entry e where e::text like '%13800138000%'"),
            "0");
}

TEST_F(ProofingsTest, WhatHasNoSuchFormIsNotAsked) {
  const auto tried = proofings().ask(person, "four-factor", {{"phone", "138"}}, network);
  ASSERT_EQ(refusal_of(tried), "auth.proofing.typed");
  EXPECT_EQ(tried.error().fields.size(), 2u);
  EXPECT_TRUE(source.asked.empty());
  EXPECT_EQ(refusal_of(proofings().ask(person, "face", {}, network)), "auth.proofing.method");
  EXPECT_EQ(refusal_of(proofings().ask(person, "counter", {}, network)), "auth.proofing.method");
}

TEST_F(ProofingsTest, GuessesAreSlowedByWayAndOutagesAreForgiven) {
  source.next = {Outcome::unavailable};
  for (int i = 0; i < 20; ++i)
    ask("association", {{"card_number", "A1234567"}, {"last_base", "8500"}});
  source.next = {Outcome::does_not_match};
  const FieldValues guess{{"card_number", "A1234567"}, {"last_base", "8,500.0"}};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(ask("association", guess), Outcome::does_not_match);
  EXPECT_EQ(refusal_of(proofings().ask(person, "association", guess, network)), "auth.login_slow");
  source.next = {Outcome::matches};
  EXPECT_EQ(ask("two-factor"), Outcome::matches) << "another way is not slowed";
  EXPECT_EQ(refusal_of(proofings().ask(person, "association", guess, network)), "auth.login_slow")
      << "and knowing one thing forgives no guesses at another";
  house.clock.advance(std::chrono::seconds(4));
  EXPECT_EQ(ask("association", guess), Outcome::matches);
  EXPECT_EQ(level(), Proofing::p2);
}

TEST_F(ProofingsTest, TwoHundredAtOnceReachTheLevelOnce) {
  std::atomic<int> matched = 0;
  std::vector<std::thread> many;
  auto all = proofings();
  for (int i = 0; i < 200; ++i)
    many.emplace_back([&] {
      const auto tried = all.ask(person, "three-factor", phone, network);
      if (tried.ok() && tried->outcome == Outcome::matches) ++matched;
    });
  for (auto& one : many) one.join();
  EXPECT_GE(matched, 1);
  EXPECT_EQ(level(), Proofing::p2);
  EXPECT_EQ(audited("proofing.raise"), "1");
}

TEST_F(ProofingsTest, TwoHundredPutDownAtOnceReachTheLevelOnceAndOneAnswerProvesOnce) {
  std::atomic<int> put = 0, replayed = 0;
  std::vector<std::thread> many;
  for (int i = 0; i < 200; ++i)
    many.emplace_back([&, i] {
      auto tx = house.pool.begin();
      if (!tx.ok()) return;
      ProofingEvidence evidence{person, "face", "test-source", Outcome::matches, Proofing::p3};
      evidence.transaction = source.fresh + std::to_string(i % 100);
      const auto level = put_proofing(*tx, house.random, evidence, house.clock.now(), "test");
      if (level.ok() && tx->commit().ok())
        ++put;
      else if (!level.ok() && level.error().key == "auth.proofing.replayed")
        ++replayed;
    });
  for (auto& one : many) one.join();
  EXPECT_LE(put, 100);
  EXPECT_GE(put, 1);
  EXPECT_EQ(rows("outcome = 'matches'"), std::to_string(put));
  EXPECT_EQ(audited("proofing.raise"), "1");
  EXPECT_EQ(level(), Proofing::p3);
}

TEST_F(ProofingsTest, OnesAnswerProvesNobodyElse) {
  source.next.transaction = source.fresh;
  ASSERT_EQ(ask("two-factor"), Outcome::matches);
  EXPECT_EQ(refusal_of(proofings().ask(someone(), "two-factor", {}, network)),
            "auth.proofing.replayed");
}

TEST_F(ProofingsTest, EvidenceRunsOutAndTheLevelFallsToWhatIsLeft) {
  ASSERT_EQ(ask("two-factor"), Outcome::matches);
  ASSERT_EQ(ask("three-factor", phone), Outcome::matches);
  house.clock.advance(hours(24 * 364));
  EXPECT_EQ(level(), Proofing::p2);
  house.clock.advance(hours(48));
  EXPECT_EQ(level(), Proofing::p0) << "from that moment, before anybody looked what is left";
  ASSERT_TRUE(proofings().sweep().ok());
  EXPECT_EQ(level(), Proofing::p1) << "what is left counts";
  EXPECT_EQ(audited("proofing.lapse"), "1");
  ASSERT_EQ(ask("three-factor", phone), Outcome::matches);
  EXPECT_EQ(level(), Proofing::p2) << "asked again";
}

TEST_F(ProofingsTest, TheLevelOfWhoWasMadeWithOneStandsThroughLapses) {
  const auto made = house.new_person(fresh_name("officer"));
  const auto before = house.accounts.subject(made)->proofing;
  ASSERT_GT(before, Proofing::p0);
  ASSERT_TRUE(proofings().ask(made, "three-factor", phone, network).ok());
  house.clock.advance(hours(24 * 400));
  ASSERT_TRUE(proofings().sweep().ok());
  EXPECT_EQ(house.accounts.subject(made)->proofing, before);
}

TEST_F(ProofingsTest, Ldt01_6_2_6b_FaceNeedsAConsentOfItsOwnThatCanBeWithdrawn) {
  const auto session = house.new_session(person);
  auto all = proofings();
  EXPECT_EQ(refusal_of(all.begin(session, "face", "https://id.example/r", "/", network)),
            "auth.proofing.consent");
  ASSERT_TRUE(all.consent(person, "face").ok());
  ASSERT_TRUE(all.consent(person, "face").ok()) << "once is enough";
  const auto begun = all.begin(session, "face", "https://id.example/r", "/x", network);
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(source.returns, "https://id.example/r?state=" + begun->state);
  ASSERT_TRUE(all.withdraw(person, "face").ok());
  EXPECT_EQ(refusal_of(all.finish(session, begun->state)), "auth.proofing.visit_over")
      << "what was under way ends with it";
  EXPECT_EQ(refusal_of(all.withdraw(person, "face")), "auth.proofing.consent");
  EXPECT_EQ(refusal_of(all.begin(session, "face", "https://id.example/r", "/", network)),
            "auth.proofing.consent");
  EXPECT_EQ(refusal_of(all.consent(person, "two-factor")), "auth.proofing.method");
}

TEST_F(ProofingsTest, AVisitIsFinishedOnceInItsOwnSession) {
  const auto session = house.new_session(person);
  auto all = proofings();
  ASSERT_TRUE(all.consent(person, "face").ok());
  const auto begun = all.begin(session, "face", "https://id.example/r", "/x", network);
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(refusal_of(all.finish(house.new_session(person), begun->state)),
            "auth.proofing.visit_over");
  EXPECT_EQ(refusal_of(all.finish(house.new_session(someone()), begun->state)),
            "auth.proofing.visit_over");
  source.busy = true;
  EXPECT_FALSE(all.finish(session, begun->state).value().has_value()) << "still at it";
  source.busy = false;
  source.next = {Outcome::unavailable};
  EXPECT_EQ(all.finish(session, begun->state).value()->outcome, Outcome::unavailable);
  source.next = {Outcome::matches};
  const auto done = all.finish(session, begun->state);
  ASSERT_TRUE(done.ok() && done->has_value());
  EXPECT_EQ((*done)->level, Proofing::p3);
  EXPECT_EQ((*done)->return_to, "/x");
  EXPECT_EQ(refusal_of(all.finish(session, begun->state)), "auth.proofing.visit_over");
  EXPECT_EQ(level(), Proofing::p3);
}

TEST_F(ProofingsTest, OfManyWhoFinishAVisitAtOnceOneHasTheAnswer) {
  const auto session = house.new_session(person);
  auto all = proofings();
  const auto begun = all.begin(session, "social-card", "https://id.example/r", "/", network);
  ASSERT_TRUE(begun.ok());
  source.next = {Outcome::does_not_match, "T"};
  std::atomic<int> answered = 0;
  std::vector<std::thread> many;
  for (int i = 0; i < 20; ++i)
    many.emplace_back([&] {
      const auto done = all.finish(session, begun->state);
      if (done.ok() && done->has_value()) ++answered;
    });
  for (auto& one : many) one.join();
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(rows("method = 'social-card'"), "1");
}

TEST_F(ProofingsTest, NoLivingFaceAnotherFaceAndNoEndAreDifferentAnswers) {
  const auto session = house.new_session(person);
  auto all = proofings();
  ASSERT_TRUE(all.consent(person, "face").ok());
  for (const auto outcome : {Outcome::not_live, Outcome::does_not_match, Outcome::not_finished}) {
    source.next = {outcome};
    const auto begun = all.begin(session, "face", "https://id.example/r", "/", network);
    ASSERT_TRUE(begun.ok());
    EXPECT_EQ(all.finish(session, begun->state).value()->outcome, outcome);
    EXPECT_EQ(rows("method = 'face' and outcome = '" + std::string(to_text(outcome)) + "'"), "1");
  }
  EXPECT_EQ(level(), Proofing::p0);
}

TEST_F(ProofingsTest, Ldt01_5_4_1_4b_ACardOfSomebodyElseProvesNothing) {
  const auto session = house.new_session(person);
  auto all = proofings();
  const auto number = house.accounts.subject(person)->id_number;
  source.next = {Outcome::matches, {}, {}, "李四", number};
  auto begun = all.begin(session, "social-card", "https://id.example/r", "/", network);
  EXPECT_EQ(all.finish(session, begun->state).value()->outcome, Outcome::does_not_match);
  source.next = {Outcome::matches, {}, {}, "张小三", number};
  begun = all.begin(session, "social-card", "https://id.example/r", "/", network);
  EXPECT_EQ(all.finish(session, begun->state).value()->outcome, Outcome::matches);
  EXPECT_EQ(level(), Proofing::p2);
}

TEST_F(ProofingsTest, Ldt01_6_2_6f_ANetworkIdentity) {
  const auto session = house.new_session(person);
  const auto number = house.accounts.subject(person)->id_number;
  const auto with = [&](bool face, bool tells, Proofing worth) {
    Proofings::Sources sources;
    sources.network_id = &source;
    sources.network_id_face = face;
    sources.network_id_tells = tells;
    Proofings::Config config;
    config.face_consent = "人脸 face";
    config.network_id_level = worth;
    return Proofings({house.pool, house.cipher, house.accounts, house.clock, house.random, sources,
                      config});
  };
  const auto visit = [&](Proofings& all, std::string_view method) {
    const auto begun = all.begin(session, method, "https://id.example/r", "/", network);
    if (!begun.ok()) return begun.error().key;
    const auto done = all.finish(session, begun->state);
    return done.ok() ? std::string(to_text((*done)->outcome)) : done.error().key;
  };
  // Off: neither way is there.
  auto none = Proofings({house.pool, house.cipher, house.accounts, house.clock, house.random});
  EXPECT_EQ(visit(none, "network-id"), "auth.proofing.method");
  EXPECT_EQ(none.reachable(SubjectKind::person), Proofing::p0);
  // It compares what it is sent; what that is worth is set.
  auto compares = with(false, false, Proofing::p1);
  EXPECT_EQ(compares.reachable(SubjectKind::person), Proofing::p1);
  EXPECT_EQ(compares.reachable(SubjectKind::unit), Proofing::p0);
  EXPECT_EQ(visit(compares, "network-id-face"), "auth.proofing.method");
  EXPECT_EQ(visit(compares, "network-id"), "matches");
  EXPECT_EQ(source.asked.back().attributes.size(), 3u);
  EXPECT_EQ(level(), Proofing::p1);
  // It tells: nothing of the person is sent, and what it says is compared here.
  auto tells = with(true, true, Proofing::p2);
  source.next = {Outcome::matches, {}, {}, "李四", number};
  EXPECT_EQ(visit(tells, "network-id"), "does_not_match");
  EXPECT_TRUE(source.asked.back().attributes.empty());
  source.next = {Outcome::matches, {}, {}, "张小三", number};
  EXPECT_EQ(visit(tells, "network-id"), "matches");
  EXPECT_EQ(level(), Proofing::p2);
  // With a face it is P3, with a consent of its own.
  EXPECT_EQ(visit(tells, "network-id-face"), "auth.proofing.consent");
  ASSERT_TRUE(tells.consent(person, "network-id-face").ok());
  source.next = {Outcome::matches, {}, {}, "张小三", number};
  EXPECT_EQ(visit(tells, "network-id-face"), "matches");
  EXPECT_EQ(level(), Proofing::p3);
}

TEST_F(ProofingsTest, ACertificateWithAnothersIdentityNeverBinds) {
  auto all = proofings();
  const auto number = house.accounts.subject(person)->id_number;
  const auto end = house.clock.now() + hours(24 * 10);
  EXPECT_EQ(
      refusal_of(all.take_certificate(person, {"CA", std::string(64, 'a'), "李四", number, end})),
      "auth.proofing.certificate_other");
  EXPECT_EQ(
      refusal_of(all.take_certificate(person, {"CA", std::string(64, 'a'), "张小三", "", end})),
      "auth.proofing.certificate_other");
  EXPECT_EQ(level(), Proofing::p0);
  EXPECT_EQ(rows("method = 'certificate' and outcome = 'does_not_match'"), "2");
  const auto over = house.clock.now() - hours(1);
  EXPECT_EQ(refusal_of(
                all.take_certificate(person, {"CA", std::string(64, 'a'), "张小三", number, over})),
            "auth.proofing.certificate_other");
  const auto raised =
      all.take_certificate(person, {"CA", std::string(64, 'a'), "张小三", number, end});
  EXPECT_EQ(raised.value(), Proofing::p3);
  house.clock.advance(hours(24 * 11));
  EXPECT_EQ(level(), Proofing::p0) << "a certificate that is over proves nothing any more";
}

TEST_F(ProofingsTest, ACounterProvesByStaffAloneAndNotThemselves) {
  auto all = proofings();
  const auto staff = house.new_person(fresh_name("staff"));
  EXPECT_EQ(refusal_of(all.at_counter(person, staff, "C-1")), "auth.staff.none");
  IdentityRequests requests({house.pool, house.cipher, house.clock, house.random});
  ASSERT_TRUE(requests.name_staff(staff, "system:test").ok());
  EXPECT_EQ(refusal_of(all.at_counter(staff, staff, "C-1")), "auth.staff.own");
  EXPECT_EQ(refusal_of(all.at_counter(person, staff, "")), "auth.proofing.evidence");
  EXPECT_EQ(all.at_counter(person, staff, source.fresh).value(), Proofing::p3);
  EXPECT_EQ(house.sql("select actor from audit.entry where act = 'proofing.raise' and object = '" +
                      person.value() + "'"),
            staff.value());
}

TEST_F(ProofingsTest, FaceIsNeverTheOnlyWayToItsLevel) {
  for (const auto kind : {SubjectKind::person, SubjectKind::unit}) {
    int others = 0, faces = 0;
    for (const auto* method : proofings().offered(kind)) {
      if (method->level < Proofing::p3) continue;
      (method->id == "face" ? faces : others) += 1;
    }
    EXPECT_GE(others, 1);
    EXPECT_EQ(faces, kind == SubjectKind::person ? 1 : 0);
  }
}

TEST_F(ProofingsTest, Ldt01_5_4_1_2b_WithEverySourceOffOnlyTheCounterIsLeft) {
  Proofings none({house.pool, house.cipher, house.accounts, house.clock, house.random, {}, {}});
  const auto offered = none.offered(SubjectKind::person);
  ASSERT_EQ(offered.size(), 1u);
  EXPECT_EQ(offered[0]->id, "counter");
  EXPECT_EQ(none.reachable(SubjectKind::person), Proofing::p0);
  EXPECT_EQ(refusal_of(none.ask(person, "two-factor", {}, network)), "auth.proofing.method");
}

TEST_F(ProofingsTest, HistoryIsNeitherChangedNorDeletedByTheService) {
  ASSERT_EQ(ask("two-factor"), Outcome::matches);
  const store::Query forbidden[] = {
      {"auth.test_change_level", "update auth.proofing set level = 3"},
      {"auth.test_change_outcome", "update auth.proofing set outcome = 'matches'"},
      {"auth.test_delete_proofing", "delete from auth.proofing"}};
  for (const auto& query : forbidden) {
    auto tx = house.pool.begin();
    ASSERT_TRUE(tx.ok());
    EXPECT_FALSE(tx->run(query).ok()) << query.sql;
  }
}

}  // namespace
}  // namespace auth
