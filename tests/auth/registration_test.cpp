// Registering by oneself: LD/T 01-2020 5.4.1.2–4, 6.2.2, 6.2.3; security.md §3.A (enumeration).
#include "auth/registration.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/contact_numbers.h"
#include "auth/details.h"
#include "auth/id_numbers.h"
#include "auth/proofings.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::fresh_number;
using test_house::House;
using test_house::kPassword;
using test_house::refusal_of;
using test_house::secret;

class RegistrationTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto kind : {AgreementKind::service, AgreementKind::privacy})
      ASSERT_TRUE(agreements.publish(kind, model_agreement(kind), "system:test").ok());
  }
  std::string begin(SubjectKind kind = SubjectKind::person) {
    const auto reference = registration.start(kind, network);
    EXPECT_TRUE(reference.ok()) << reference.error().key;
    return reference.ok() ? *reference : "";
  }
  FieldValues person_identity(const std::string& number) {
    return {{"name", "张小三"}, {"id_type", "cn-id"}, {"id_number", number}, {"country", ""}};
  }
  static FieldValues person_details() {
    return {{"social_security_number", ""},
            {"card_number", "A12345678"},
            {"bank_account", ""},
            {"mobile", "138 0013 8000"}};
  }
  std::vector<Acceptance> accept_all() {
    std::vector<Acceptance> out;
    for (const auto kind : {AgreementKind::service, AgreementKind::privacy}) {
      const auto one = agreements.current(kind);
      out.push_back({kind, one->version, one->sha256});
    }
    return out;
  }
  RegistrationEnd end(std::string_view login_name) {
    return {std::string(login_name), secret(kPassword), accept_all()};
  }
  void fill_person(const std::string& reference, const std::string& number) {
    const auto identity =
        registration.fill(reference, RegistrationStep::identity, person_identity(number));
    ASSERT_TRUE(identity.ok() && identity->wrong.empty());
    const auto details = registration.fill(reference, RegistrationStep::details, person_details());
    ASSERT_TRUE(details.ok() && details->wrong.empty());
  }
  std::string log_in(std::string_view name) {
    const auto answer = house.accounts.log_in(name, secret(kPassword), network);
    return answer.ok() ? "" : answer.error().key;
  }
  std::map<std::string, std::string> wrong_fields(const base::Result<void>& result) {
    std::map<std::string, std::string> out;
    if (!result.ok())
      for (const auto& field : result.error().fields) out[field.field] = field.key;
    return out;
  }

  House house{{2, 400, 64, 1, std::chrono::milliseconds(300'000)}};
  Agreements agreements{house.pool, house.clock};
  Registration registration{
      {house.pool, house.cipher, house.accounts, agreements, house.clock, house.random}};
  const std::string network = fresh_name("network");
};

/// A card platform that is there; these tests ask it nothing.
class NoVisits final : public VisitedSource {
 public:
  std::string name() const override { return "social-card"; }
  base::Result<Visit> begin(const ProofingQuestion&, const std::string&) const override {
    return base::error(base::Code::unavailable, "auth.proofing.unavailable");
  }
  std::optional<ProofingAnswer> result(const ProofingQuestion&, const std::string&) const override {
    return ProofingAnswer{};
  }
};

class CardRegistrationTest : public RegistrationTest {
 protected:
  NoVisits card;
  Proofings proofings{{house.pool, house.cipher, house.accounts, house.clock, house.random,
                       {nullptr, nullptr, &card}}};
  Registration registration{{house.pool, house.cipher, house.accounts, agreements, house.clock,
                             house.random, {}, &proofings}};
  ProvenIdentity holder(const std::string& number) {
    return {"social-card", "social-card", fresh_name("t"), "张小三", number};
  }
  std::string fill_details(const ProvenIdentity& who) {
    const auto reference = registration.start(who, network, "/account").value();
    EXPECT_TRUE(registration.fill(reference, RegistrationStep::details, person_details()).ok());
    return reference;
  }
};

TEST_F(CardRegistrationTest, Ldt01_5_4_1_4b_WhoShowedHisCardTypesNoNameAndStartsProven) {
  const auto number = fresh_number();
  const auto reference = registration.start(holder(number), network, "/account").value();
  const auto draft = registration.find(reference).value();
  EXPECT_TRUE(draft.proven);
  EXPECT_EQ(draft.next(base::china_date(house.clock.now())), RegistrationStep::details);
  EXPECT_EQ(draft.typed.at("id_number"), number);
  EXPECT_EQ(draft.return_to, "/account");
  EXPECT_EQ(refusal_of(registration.fill(reference, RegistrationStep::identity,
                                         person_identity(fresh_number()))),
            "auth.registration.proven");
  ASSERT_TRUE(registration.fill(reference, RegistrationStep::details, person_details()).ok());
  EXPECT_TRUE(registration.find(reference)->proven) << "a step on";
  const auto name = fresh_name();
  ASSERT_TRUE(registration.complete(reference, end(name)).ok());
  const auto subject = house.accounts.find_by_login(name).value();
  ASSERT_TRUE(subject.has_value());
  const auto record = house.accounts.subject(*subject).value();
  EXPECT_EQ(record.proofing, Proofing::p2);
  EXPECT_EQ(record.id_number, number);
  const auto history = proofings.history(*subject).value();
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0].method, "social-card");
  EXPECT_EQ(house.accounts.find_by_number("cn-id", number).value(), subject);
}

TEST_F(CardRegistrationTest, TheNumberSaysOfWhichDocumentItIs) {
  const auto type_of = [&](const std::string& number) {
    const auto reference = registration.start(holder(number), network);
    return reference.ok() ? registration.find(*reference)->typed.at("id_type")
                          : reference.error().key;
  };
  EXPECT_EQ(type_of(fresh_number()), "cn-id");
  const std::string hong_kong = "81000019900307888";
  EXPECT_EQ(type_of(hong_kong + citizen_check(hong_kong)), "hmt-permit");
  EXPECT_EQ(type_of("nonsense"), "auth.registration.unusable");
  auto nameless = holder(fresh_number());
  nameless.name = "";
  EXPECT_EQ(refusal_of(registration.start(nameless, network)), "auth.registration.unusable");
}

TEST_F(CardRegistrationTest, OneConfirmationProvesOnceAndForAnHour) {
  const auto who = holder(fresh_number());
  ASSERT_TRUE(registration.complete(fill_details(who), end(fresh_name())).ok());
  auto again = holder(fresh_number());
  again.transaction = who.transaction;
  EXPECT_EQ(refusal_of(registration.complete(fill_details(again), end(fresh_name()))),
            "auth.proofing.replayed");
  const auto late = fill_details(holder(fresh_number()));
  house.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(refusal_of(registration.find(late)), "auth.registration.unknown");
}

TEST_F(CardRegistrationTest, ANumberThatWasRegisteredMeanwhileIsNotMadeTwice) {
  const auto number = fresh_number();
  const auto reference = fill_details(holder(number));
  const auto plain = begin();
  fill_person(plain, number);
  ASSERT_TRUE(registration.complete(plain, end(fresh_name())).ok());
  const auto name = fresh_name();
  EXPECT_TRUE(registration.complete(reference, end(name)).ok()) << "told the same as anybody";
  EXPECT_FALSE(house.accounts.find_by_login(name)->has_value());
}

TEST_F(RegistrationTest, Ldt01_5_4_1_4a_APersonRegistersAndLogsIn) {
  const auto reference = begin();
  const auto number = fresh_number();
  fill_person(reference, number);
  const auto name = fresh_name();
  ASSERT_EQ(refusal_of(registration.complete(reference, end(name))), "");
  EXPECT_EQ(log_in(name), "");
  const auto id = *house.accounts.find_by_number("cn-id", number);
  ASSERT_TRUE(id.has_value());
  const auto record = house.accounts.subject(*id);
  EXPECT_EQ(record->proofing, Proofing::p0) << "nothing was proven";
  EXPECT_EQ(record->name, "张小三");
  const auto details = details_of(house.pool, house.cipher, *id);
  ASSERT_TRUE(details.ok());
  EXPECT_EQ(details->at("mobile"), "13800138000");
  EXPECT_EQ(details->at("social_security_number"), number) << "a citizen's is the identity number";
  EXPECT_EQ(details->at("card_number"), "A12345678");
  // Evidence of both acceptances, apart, in table and trail.
  EXPECT_EQ(house.sql("select string_agg(kind || ' ' || act || ' ' || how, ', ' order by kind) "
                      "from auth.agreement_act where subject_id = '" +
                      id->value() + "'"),
            "privacy accepted registration, service accepted registration");
  EXPECT_EQ(house.sql("select count(*) from audit.entry where act = 'agreement.accept' and "
                      "actor = '" +
                      id->value() + "' and facts::text like '%" +
                      agreements.current(AgreementKind::service)->sha256 + "%'"),
            "1");
  // Nothing of what was typed stays in the draft.
  EXPECT_TRUE(registration.find(reference)->completed);
  EXPECT_TRUE(registration.find(reference)->typed.empty());
}

TEST_F(RegistrationTest, Ldt01_5_4_1_3a_AUnitRegistersWithACreditCodeOrAnAgreedOne) {
  for (const std::string type : {"uscc", "unit-number"}) {
    auto code = "91110108MA" + fresh_number().substr(10, 7);
    if (type == "uscc") code += unified_code_check(code);
    const auto reference = begin(SubjectKind::unit);
    ASSERT_TRUE(
        registration
            .fill(reference, RegistrationStep::identity,
                  {{"unit_name", "示范科技有限责任公司"}, {"id_type", type}, {"id_number", code}})
            ->wrong.empty());
    ASSERT_TRUE(registration
                    .fill(reference, RegistrationStep::details,
                          {{"legal_name", "王五"},
                           {"legal_phone", "010-62345678"},
                           {"handler_name", "赵六"},
                           {"handler_phone", "13900139000"}})
                    ->wrong.empty());
    const auto name = fresh_name("unit");
    ASSERT_EQ(refusal_of(registration.complete(reference, end(name))), "") << type;
    EXPECT_EQ(log_in(name), "");
    const auto id = *house.accounts.find_by_number(type, code);
    ASSERT_TRUE(id.has_value());
    EXPECT_EQ(house.accounts.subject(*id)->kind, SubjectKind::unit);
    EXPECT_EQ(details_of(house.pool, house.cipher, *id)->at("handler_phone"), "13900139000");
  }
}

TEST_F(RegistrationTest, Ldt01_6_2_2_6_2_3_EachFieldIsNeededByItself) {
  const auto today = base::china_date(house.clock.now());
  FieldValues person = person_identity(fresh_number());
  person.merge(person_details());
  FieldValues unit{{"unit_name", "示范公司"},           {"id_type", "uscc"},
                   {"id_number", "91110108MA0000015T"}, {"legal_name", "王五"},
                   {"legal_phone", "010-62345678-801"}, {"handler_name", "赵六"},
                   {"handler_phone", "13900139000"}};
  for (auto* whole : {&person, &unit}) {
    const auto kind = whole == &person ? SubjectKind::person : SubjectKind::unit;
    for (const auto& field : registration_fields(kind)) {
      auto typed = *whole;
      ASSERT_TRUE(judge_fields(kind, field.step, typed, today).wrong.empty()) << field.name;
      if (!field.required && field.name != "card_number") continue;
      for (const auto* empty : {"", "  "}) {
        typed[std::string(field.name)] = empty;
        const auto judged = judge_fields(kind, field.step, typed, today);
        ASSERT_FALSE(judged.wrong.empty()) << field.name;
        EXPECT_EQ(judged.wrong.front().field, field.name);
      }
    }
  }
}

TEST_F(RegistrationTest, WhatWasTypedIsKeptRightOrWrongAndFoundAgain) {
  const auto reference = begin();
  const auto judged = registration.fill(
      reference, RegistrationStep::identity,
      {{"name", "张小三"}, {"id_type", "cn-id"}, {"id_number", "110101199003076631"}});
  ASSERT_TRUE(judged.ok());
  ASSERT_EQ(judged->wrong.size(), 1U);
  EXPECT_EQ(judged->wrong[0].field, "id_number");
  EXPECT_EQ(judged->wrong[0].key, "auth.id_number.check");
  // On another device, typed from a slip of paper.
  auto shown = reference.substr(0, 8) + "-" + reference.substr(8);
  for (char& c : shown) c = static_cast<char>(std::toupper(c));
  const auto draft = registration.find(" " + shown + " ");
  ASSERT_TRUE(draft.ok()) << draft.error().key;
  EXPECT_EQ(draft->typed.at("id_number"), "110101199003076631");
  EXPECT_EQ(draft->next(base::china_date(house.clock.now())), RegistrationStep::identity);
  // Sealed at rest.
  EXPECT_EQ(house.sql("select count(*) from auth.registration where "
                      "position('110101199003076631'::bytea in sealed) > 0"),
            "0");
  // And gone after three days.
  house.clock.advance(std::chrono::hours(72) + std::chrono::seconds(1));
  EXPECT_EQ(refusal_of(registration.find(reference)), "auth.registration.unknown");
  ASSERT_TRUE(registration.sweep().ok());
  EXPECT_EQ(house.sql("select count(*) from auth.registration where expires_at < '" +
                      base::to_rfc3339(house.clock.now()) + "'"),
            "0");
}

TEST_F(RegistrationTest, AReferenceIsNotGuessedOrHalfRight) {
  const auto reference = begin();
  auto wrong = reference;
  wrong[0] = wrong[0] == '0' ? '1' : '0';
  for (const auto& text : std::vector<std::string>{"", "x", wrong, reference.substr(1),
                                                   reference + "0", std::string(5000, '0')})
    EXPECT_EQ(refusal_of(registration.find(text)), "auth.registration.unknown") << text;
}

TEST_F(RegistrationTest, UnknownFieldsAndEndlessTextsAreRefused) {
  const auto reference = begin();
  for (const auto& [name, value] : {std::pair{std::string("proofing"), std::string("3")},
                                    {"_return_to", "/"},
                                    {"mobile", "13800138000"},  // of another step
                                    {"id_number", std::string(10'000, '1')}})
    EXPECT_EQ(refusal_of(registration.fill(reference, RegistrationStep::identity, {{name, value}})),
              "auth.registration.field")
        << name;
}

TEST_F(RegistrationTest, TheEndNamesEveryFieldThatIsWrong) {
  const auto reference = begin();
  RegistrationEnd bad{"x", secret("short"), {}};
  const auto wrong = wrong_fields(registration.complete(reference, bad));
  for (const auto& [field, key] : {std::pair{"name", "auth.field.missing"},
                                   {"id_type", "auth.field.missing"},
                                   {"mobile", "auth.field.mobile"},
                                   {"login_name", "auth.login_name.form"},
                                   {"password", "auth.password.too_short"},
                                   {"accept_service", "auth.agreement.needed"},
                                   {"accept_privacy", "auth.agreement.needed"}}) {
    ASSERT_EQ(wrong.count(field), 1U) << field;
    if (std::string_view(field) != "mobile") {
      EXPECT_EQ(wrong.at(field), key) << field;
    }
  }
  EXPECT_FALSE(registration.find(reference)->completed);
}

TEST_F(RegistrationTest, Pipl_AgreementAndConsentAreEachNeededAndMustBeInForce) {
  const auto reference = begin();
  fill_person(reference, fresh_number());
  auto only_agreement = end(fresh_name());
  only_agreement.accepted.pop_back();
  EXPECT_EQ(wrong_fields(registration.complete(reference, only_agreement)).count("accept_privacy"),
            1U);
  auto stale = end(fresh_name());
  stale.accepted[0].sha256 = std::string(64, '0');
  EXPECT_EQ(refusal_of(registration.complete(reference, stale)), "auth.agreement.changed");
  auto older = end(fresh_name());
  older.accepted[1].version += 1;
  EXPECT_EQ(refusal_of(registration.complete(reference, older)), "auth.agreement.changed");
  EXPECT_EQ(refusal_of(registration.complete(reference, end(fresh_name()))), "");
}

TEST_F(RegistrationTest, SomebodyElsesNumberKnownOrUnknownLooksTheSame) {
  const auto known = fresh_number();
  const auto owner = house.accounts.create(
      {SubjectKind::person, "李四", "cn-id", known, fresh_name(), Proofing::p2}, secret(kPassword));
  ASSERT_TRUE(owner.ok());
  const auto hashed_before = house.hasher.runs();
  const auto first = begin();
  fill_person(first, known);
  const auto name = fresh_name();
  const auto answer = registration.complete(first, end(name));
  EXPECT_EQ(refusal_of(answer), "");
  const auto hashed_known = house.hasher.runs() - hashed_before;
  const auto second = begin();
  fill_person(second, fresh_number());
  EXPECT_EQ(refusal_of(registration.complete(second, end(fresh_name()))), "");
  EXPECT_EQ(house.hasher.runs() - hashed_before, 2 * hashed_known) << "the same work";
  // Both are done, and look so.
  EXPECT_TRUE(registration.find(first)->completed);
  EXPECT_TRUE(registration.find(second)->completed);
  // Nothing was made, nothing of the owner's was touched, and the owner can see that it was tried.
  EXPECT_EQ(log_in(name), "auth.login_failed");
  EXPECT_EQ(*house.accounts.find_by_number("cn-id", known), *owner);
  EXPECT_EQ(house.accounts.subject(*owner)->name, "李四");
  EXPECT_EQ(house.sql("select count(*) from audit.entry where act = 'registration.complete' and "
                      "object = '" +
                      owner->value() + "' and outcome = 'auth.subject_exists'"),
            "1");
  // A user name that is taken is told whether the number is known or not.
  const auto taken = fresh_name();
  ASSERT_TRUE(
      house.accounts
          .create({SubjectKind::person, "王五", "cn-id", fresh_number(), taken, Proofing::p0},
                  secret(kPassword))
          .ok());
  for (const auto& number : {known, fresh_number()}) {
    const auto reference = begin();
    fill_person(reference, number);
    EXPECT_EQ(wrong_fields(registration.complete(reference, end(taken))).at("login_name"),
              "auth.login_name_taken");
  }
}

/// Counts rows that are written, those that are taken back too: a sequence does not go back.
class WrittenRows {
 public:
  explicit WrittenRows(const House& house) : house_(house) {
    auto text = std::string(
        "create sequence public.written;"
        "create function public.count_written() returns trigger language plpgsql "
        "security definer as $$ begin "
        "perform nextval('public.written'); return new; end $$;");
    for (const auto* table : kTables)
      text += std::string("create trigger count_written before insert or update on ") + table +
              " for each row execute function public.count_written();";
    house_.sql(text);
  }
  ~WrittenRows() {
    std::string text;
    for (const auto* table : kTables)
      text += std::string("drop trigger count_written on ") + table + ";";
    house_.sql(text + "drop function public.count_written(); drop sequence public.written");
  }
  int so_far() const {
    return std::stoi(house_.sql("select case when is_called then last_value else 0 end "
                                "from public.written"));
  }

 private:
  static constexpr const char* kTables[] = {
      "auth.subject",    "auth.identity_document", "auth.account",        "auth.credential",
      "auth.subject_detail", "auth.agreement_act",  "auth.registration",  "audit.entry",
      "audit.head"};
  const House& house_;
};

TEST_F(RegistrationTest, AKnownNumberIsWrittenAndTakenBackWhereANewOneIsWritten) {
  const auto known = fresh_number();
  const auto owner = house.accounts.create(
      {SubjectKind::person, "李四", "cn-id", known, fresh_name(), Proofing::p2}, secret(kPassword));
  ASSERT_TRUE(owner.ok());
  const WrittenRows rows(house);
  const auto written_for = [&](const std::string& number) {
    const auto reference = begin();
    fill_person(reference, number);
    const auto name = fresh_name();
    const int before = rows.so_far();
    EXPECT_EQ(refusal_of(registration.complete(reference, end(name))), "");
    const int after = rows.so_far();
    EXPECT_EQ(log_in(name), number == known ? "auth.login_failed" : "");
    return after - before;
  };
  const int for_new = written_for(fresh_number());
  EXPECT_GT(for_new, 8);
  const auto subjects = house.sql("select count(*) from auth.subject");
  const auto messages = house.sql("select count(*) from auth.text_message");
  EXPECT_EQ(written_for(known), for_new);
  EXPECT_EQ(house.sql("select count(*) from auth.subject"), subjects) << "and nothing is made";
  EXPECT_EQ(house.sql("select count(*) from auth.text_message"), messages);
  EXPECT_EQ(house.sql("select count(*) from audit.entry where act = 'registration.complete' and "
                      "object = '" +
                      owner->value() + "' and actor = 'anonymous' and outcome = "
                      "'auth.subject_exists'"),
            "1");
}

TEST_F(RegistrationTest, CompletingTwiceMakesOne) {
  const auto reference = begin();
  fill_person(reference, fresh_number());
  const auto name = fresh_name();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const auto answer = registration.complete(reference, end(name));
      // Who comes after the account is there may be told that its name is taken: his own.
      if (answer.ok() || wrong_fields(answer).count("login_name") == 1) ++good;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 8);
  EXPECT_EQ(house.sql("select count(*) from auth.account where login_name = '" + name + "'"), "1");
  EXPECT_EQ(refusal_of(registration.complete(reference, end(name))), "");
  EXPECT_EQ(refusal_of(registration.fill(reference, RegistrationStep::identity, {})),
            "auth.registration.completed");
}

TEST_F(RegistrationTest, Ldt01_6_2_1_TwoHundredRegistrationsFromTwoPortalsAreOneSubject) {
  House other_portal({2, 400, 64, 1, std::chrono::milliseconds(300'000)});
  Agreements other_agreements(other_portal.pool, other_portal.clock);
  Registration other({other_portal.pool, other_portal.cipher, other_portal.accounts,
                      other_agreements, other_portal.clock, other_portal.random});
  const auto number = fresh_number();
  const auto accepted = accept_all();
  std::vector<std::string> references, names;
  for (int i = 0; i < 200; ++i) {
    const auto reference = (i % 2 == 0 ? registration : other)
                               .start(SubjectKind::person, network + std::to_string(i % 4));
    ASSERT_TRUE(reference.ok()) << reference.error().key;
    fill_person(*reference, number);
    references.push_back(*reference);
    names.push_back(fresh_name("race"));
  }
  std::atomic<int> received{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 200; ++i)
    threads.emplace_back([&, i] {
      auto& portal = i % 2 == 0 ? registration : other;
      for (;;) {
        const auto answer =
            portal.complete(references[static_cast<std::size_t>(i)],
                            {names[static_cast<std::size_t>(i)], secret(kPassword), accepted});
        if (!answer.ok() && answer.error().code == base::Code::unavailable) continue;
        if (answer.ok())
          ++received;
        else
          ADD_FAILURE() << answer.error().key << " " << answer.error().detail;
        return;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(received.load(), 200) << "all are told the same";
  const auto lookup =
      base::to_hex(house.cipher.lookup("auth/subject/id_number", "cn-id:" + number));
  EXPECT_EQ(house.sql("select count(*) from auth.subject where id_lookup = '\\x" + lookup + "'"),
            "1");
  int accounts = 0;
  for (const auto& name : names)
    accounts += house.accounts.find_by_login(name)->has_value() ? 1 : 0;
  EXPECT_EQ(accounts, 1);
}

TEST_F(RegistrationTest, ANetworkBeginsOnlySoManyInAnHour) {
  Registration strict({house.pool,
                       house.cipher,
                       house.accounts,
                       agreements,
                       house.clock,
                       house.random,
                       {.starts_an_hour = 2}});
  const auto here = fresh_name("town-hall");
  ASSERT_TRUE(strict.start(SubjectKind::person, here).ok());
  house.clock.advance(std::chrono::minutes(10));
  ASSERT_TRUE(strict.start(SubjectKind::person, here).ok());
  const auto refused = strict.start(SubjectKind::person, here);
  ASSERT_EQ(refusal_of(refused), "auth.registration.often");
  EXPECT_EQ(refused.error().retry_after, std::chrono::minutes(50));
  EXPECT_TRUE(strict.start(SubjectKind::person, fresh_name("elsewhere")).ok());
  house.clock.advance(std::chrono::minutes(50));
  EXPECT_TRUE(strict.start(SubjectKind::person, here).ok());
}

TEST(ContactNumbersTest, Ldt01_6_2_3e_MobileNumbers) {
  for (const auto* good : {"13800138000", "+86 138 0013 8000", "0086-13800138000", "138-0013-8000",
                           "１３８００１３８０００", "19912345678"})
    EXPECT_TRUE(normal_mobile(good).has_value()) << good;
  EXPECT_EQ(normal_mobile("+86 138 0013 8000"), "13800138000");
  for (const auto* bad : {"", "12345678901", "1380013800", "138001380000", "10012345678",
                          "23800138000", "1380013800x", "+85213800138000"})
    EXPECT_FALSE(normal_mobile(bad).has_value()) << bad;
}

TEST(ContactNumbersTest, Ldt01_6_2_2c_TelephonesOfUnits) {
  for (const auto* good : {"010-62345678", "0571-8765432", "021-62345678-801", "13800138000"})
    EXPECT_TRUE(normal_telephone(good).has_value()) << good;
  for (const auto* bad : {"62345678", "10-62345678", "010-6234567890", "010-12345678",
                          "010-62345678-8012345", "010-", "-", "010-62345678-"})
    EXPECT_FALSE(normal_telephone(bad).has_value()) << bad;
}

TEST(ContactNumbersTest, Ldt01_6_2_3d_CardAndAccount) {
  EXPECT_EQ(normal_card_number("a1234 5678"), "A12345678");
  EXPECT_FALSE(normal_card_number("A1234").has_value());
  EXPECT_EQ(normal_bank_account("6222 0212 3456 7890 128"), "6222021234567890128");
  EXPECT_FALSE(normal_bank_account("622202123456789").has_value());
  EXPECT_TRUE(bank_account_checks("4111111111111111")) << "ISO/IEC 7812-1's usual sample";
  EXPECT_FALSE(bank_account_checks("4111111111111112"));
  EXPECT_EQ(normal_social_security_number("11010519491231002x"), "11010519491231002X");
  EXPECT_FALSE(normal_social_security_number("110105194912310").has_value());
}

TEST(RegistrationFieldsTest, ACitizensSocialSecurityNumberIsTheIdentityNumber) {
  constexpr base::Date kToday{std::chrono::year{2026} / 11 / 24};
  FieldValues typed{{"id_type", "cn-id"},
                    {"id_number", "11010519491231002X"},
                    {"card_number", "A12345678"},
                    {"mobile", "13800138000"}};
  const auto judge = [&](std::string_view number) {
    typed["social_security_number"] = number;
    return judge_fields(SubjectKind::person, RegistrationStep::details, typed, kToday);
  };
  EXPECT_TRUE(judge("").wrong.empty());
  EXPECT_TRUE(judge("11010519491231002x").wrong.empty());
  ASSERT_EQ(judge("110101199003076632").wrong.size(), 1U);
  EXPECT_EQ(judge("110101199003076632").wrong[0].key, "auth.field.social_security_number_differs");
  // A foreigner's is assigned: never derived, so it must be given.
  typed["id_type"] = "foreign-residence";
  typed["id_number"] = "943760199803056672";
  ASSERT_EQ(judge("").wrong.size(), 1U);
  EXPECT_EQ(judge("").wrong[0].key, "auth.field.missing");
  EXPECT_TRUE(judge("760199803056672001").wrong.empty());
}

}  // namespace
}  // namespace auth
