// The service agreement and the privacy consent: LD/T 01-2020 6.2.4; Personal Information
// Protection Law 14–17.
#include "auth/agreements.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::House;
using test_house::refusal_of;

class AgreementsTest : public testing::Test {
 protected:
  void SetUp() override {
    house.sql("delete from auth.agreement_act; delete from auth.agreement");
    publish_models();
    person = house.new_person(fresh_name());
  }
  void publish_models() {
    for (const auto kind : {AgreementKind::service, AgreementKind::privacy})
      ASSERT_TRUE(agreements.publish(kind, model_agreement(kind), "system:test").ok());
  }
  /// The model text with a sentence more in its title.
  static std::string changed(AgreementKind kind) {
    std::string text(model_agreement(kind));
    return text.replace(text.find("示范文本"), std::string("示范文本").size(), "新文本");
  }
  Acceptance current(AgreementKind kind) {
    const auto one = agreements.current(kind);
    return {kind, one->version, one->sha256};
  }
  std::string pending() {
    std::string out;
    const auto all = agreements.pending(person);
    EXPECT_TRUE(all.ok());
    for (const auto& one : *all)
      out += std::string(to_text(one.kind)) + std::to_string(one.version) + " ";
    return out;
  }
  House house;
  Agreements agreements{house.pool, house.clock};
  SubjectId person;
};

TEST_F(AgreementsTest, Ldt01_6_2_4_WithoutAnyOneOfItsClausesNothingIsPublished) {
  for (const auto kind : {AgreementKind::service, AgreementKind::privacy}) {
    const auto model = *read_agreement(kind, model_agreement(kind));
    for (const auto& section : model.sections) {
      std::string text(model_agreement(kind));
      const auto mark = "\"id\": \"" + section.id + "\"";
      ASSERT_NE(text.find(mark), std::string::npos) << mark;
      text.replace(text.find(mark), mark.size(), "\"id\": \"other\"");
      const auto refused = agreements.publish(kind, text, "system:test");
      ASSERT_EQ(refusal_of(refused), "auth.agreement.form") << section.id;
      EXPECT_EQ(refused.error().fields.back().field, section.id);
      EXPECT_EQ(refused.error().fields.back().key, "auth.agreement.clause_missing");
      // There, but empty in one language.
      std::string empty(model_agreement(kind));
      empty.replace(empty.find(section.en), section.en.size(), " ");
      EXPECT_EQ(refusal_of(agreements.publish(kind, empty, "system:test")), "auth.agreement.form");
    }
  }
  EXPECT_EQ(agreements.current(AgreementKind::service)->version, 1);
  for (const auto* text : {"", "[]", "{}", "{\"title\":1,\"sections\":[1]}"})
    EXPECT_FALSE(agreements.publish(AgreementKind::service, text, "system:test").ok()) << text;
}

TEST_F(AgreementsTest, TheTextStaysAsItWasPublished) {
  const auto first = *agreements.current(AgreementKind::service);
  EXPECT_EQ(first.sha256, base::to_hex(base::sha256(base::as_bytes(first.content))));
  EXPECT_EQ(*agreements.publish(AgreementKind::service, changed(AgreementKind::service), "x:y"), 2);
  EXPECT_EQ(agreements.find(AgreementKind::service, 1)->content, first.content);
  EXPECT_EQ(*agreements.publish(AgreementKind::service, changed(AgreementKind::service), "x:y"), 2)
      << "the same text is no new version";
  EXPECT_EQ(refusal_of(agreements.find(AgreementKind::service, 3)), "auth.agreement.none");
  // The service cannot change what was published, or what was accepted.
  for (const auto* statement :
       {"update auth.agreement set content = ''", "delete from auth.agreement",
        "update auth.agreement_act set at = now()", "delete from auth.agreement_act"})
    EXPECT_FALSE(house.pool.run(store::Query{statement, statement}).ok()) << statement;
}

TEST_F(AgreementsTest, Ldt01_6_2_4_ANewVersionIsAskedForAgain) {
  EXPECT_EQ(pending(), "service1 privacy1 ");
  ASSERT_TRUE(agreements.accept(person, {current(AgreementKind::service)}, "login").ok());
  EXPECT_EQ(pending(), "privacy1 ") << "one is not the other";
  ASSERT_TRUE(agreements.accept(person, {current(AgreementKind::privacy)}, "login").ok());
  EXPECT_EQ(pending(), "");
  const auto old = current(AgreementKind::service);
  ASSERT_TRUE(
      agreements.publish(AgreementKind::service, changed(AgreementKind::service), "x:y").ok());
  EXPECT_EQ(pending(), "service2 ");
  EXPECT_EQ(refusal_of(agreements.accept(person, {old}, "login")), "auth.agreement.changed");
  ASSERT_TRUE(agreements.accept(person, {current(AgreementKind::service)}, "login").ok());
  EXPECT_EQ(pending(), "");
  const auto acts = agreements.acts(person);
  ASSERT_EQ(acts->size(), 3U);
  EXPECT_EQ(acts->front().version, 2);
  EXPECT_EQ(acts->back().sha256, old.sha256);
  EXPECT_EQ(acts->front().how, "login");
}

TEST_F(AgreementsTest, Pipl15_AConsentIsWithdrawnWithWhatPortalsHold) {
  EXPECT_EQ(refusal_of(agreements.withdraw_privacy(person, "account")), "auth.agreement.none");
  ASSERT_TRUE(agreements
                  .accept(person,
                          {current(AgreementKind::service), current(AgreementKind::privacy)},
                          "login")
                  .ok());
  const auto client = house.new_client();
  const auto session = house.new_session(person);
  const auto tokens = house.tokens_for(client, session);
  const std::string access(base::json_text(tokens, "access_token"));
  ASSERT_TRUE(house.provider.actor(access).ok());
  ASSERT_TRUE(agreements.withdraw_privacy(person, "account").ok());
  EXPECT_EQ(pending(), "privacy1 ") << "the agreement stands, the consent does not";
  EXPECT_EQ(refusal_of(house.provider.actor(access)), "auth.token_invalid");
  EXPECT_EQ(
      house.sql("select count(*) from auth.consent where subject_id = '" + person.value() + "'"),
      "0");
  EXPECT_FALSE(agreements.acts(person)->front().accepted);
  EXPECT_EQ(house.sql("select count(*) from audit.entry where act = 'agreement.withdraw' and "
                      "object = '" +
                      person.value() + "'"),
            "1");
  ASSERT_TRUE(agreements.accept(person, {current(AgreementKind::privacy)}, "login").ok());
  EXPECT_EQ(pending(), "");
}

}  // namespace
}  // namespace auth
