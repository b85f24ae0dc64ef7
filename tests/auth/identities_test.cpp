// One subject, many documents: LD/T 01-2020 6.2.1.
#include "auth/identities.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/foreign_documents.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::fresh_number;
using test_house::House;
using test_house::kPassword;
using test_house::refusal_of;
using test_house::secret;

class IdentitiesTest : public testing::Test {
 protected:
  SubjectId register_person(std::string_view type, std::string_view number,
                            std::string_view country = {}) {
    const auto made = house.accounts.create(
        {SubjectKind::person, "阿依古丽", std::string(type), std::string(number), fresh_name(),
         Proofing::p0, std::string(country)},
        secret(kPassword));
    EXPECT_TRUE(made.ok()) << made.error().key;
    return made.ok() ? *made : SubjectId();
  }
  IdentityDocument passport(std::string_view number, std::string_view country = "KAZ") {
    return *read_identity_document(SubjectKind::person, "passport", number, country,
                                   base::china_date(house.clock.now()));
  }
  base::Result<std::string> link(const SubjectId& to, const IdentityDocument& document,
                                 bool leads) {
    auto tx = house.pool.begin();
    EXPECT_TRUE(tx.ok());
    auto id = link_document(*tx, house.cipher, house.random, to, document, "阿依古丽", leads,
                            house.clock.now(), "staff:test");
    if (id.ok()) {
      EXPECT_TRUE(tx->commit().ok());
    }
    return id;
  }
  std::string unlink(const SubjectId& from, std::string_view id) {
    auto tx = house.pool.begin();
    EXPECT_TRUE(tx.ok());
    const auto done = unlink_document(*tx, from, id);
    if (done.ok()) {
      EXPECT_TRUE(tx->commit().ok());
    }
    return refusal_of(done);
  }
  /// A passport's number nobody had before in this process.
  static std::string fresh_passport() {
    static std::atomic<int> counter{1'000'000};
    return "N" + std::to_string(++counter) + std::to_string(::getpid() % 1000);
  }
  House house;
};

TEST_F(IdentitiesTest, Ldt01_6_2_1_ARenewedPassportFindsTheSameSubject) {
  const auto first = passport(fresh_passport()), second = passport(fresh_passport());
  const auto id = register_person("passport", first.number, "KAZ");
  EXPECT_EQ(house.accounts.subject(id)->id_number, first.number);
  EXPECT_EQ(house.accounts.subject(id)->id_country, "KAZ");
  house.clock.advance(std::chrono::hours(1));
  ASSERT_TRUE(link(id, second, true).ok());
  EXPECT_EQ(*house.accounts.find_by_number("passport", first.number, "KAZ"), id);
  EXPECT_EQ(*house.accounts.find_by_number("passport", second.number, "KAZ"), id);
  EXPECT_EQ(house.accounts.subject(id)->id_number, second.number) << "the new one is told";
  const auto all = documents_of(house.pool, house.cipher, id);
  ASSERT_TRUE(all.ok()) << all.error().key;
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].document.number, first.number);
  EXPECT_TRUE((*all)[0].replaced_at.has_value());
  EXPECT_FALSE((*all)[0].leading);
  EXPECT_TRUE((*all)[1].leading);
  // Whoever registers with either of them is that person again.
  for (const auto& number : {first.number, second.number})
    EXPECT_EQ(refusal_of(house.accounts.create({SubjectKind::person, "阿依古丽", "passport", number,
                                                fresh_name(), Proofing::p0, "KAZ"},
                                               secret(kPassword))),
              "auth.subject_exists");
}

TEST_F(IdentitiesTest, TheSameNumberOfAnotherCountryIsSomebodyElse) {
  const auto number = fresh_passport();
  const auto kazakh = register_person("passport", number, "KAZ");
  const auto uzbek = register_person("passport", number, "UZB");
  EXPECT_NE(kazakh, uzbek);
  EXPECT_EQ(*house.accounts.find_by_number("passport", number, "UZB"), uzbek);
}

TEST_F(IdentitiesTest, ADocumentOfSomebodyIsNotLinkedToAnother) {
  const auto taken = passport(fresh_passport());
  const auto owner = register_person("passport", taken.number, "KAZ");
  const auto other = register_person("cn-id", fresh_number());
  EXPECT_EQ(refusal_of(link(other, taken, false)), "auth.document_linked");
  EXPECT_EQ(refusal_of(link(owner, taken, true)), "auth.document_linked");
  EXPECT_EQ(*house.accounts.find_by_number("passport", taken.number, "KAZ"), owner);
}

TEST_F(IdentitiesTest, UnlinkingFreesTheNumberButNeverTheOneInUse) {
  const auto id = register_person("cn-id", fresh_number());
  const auto wrong = passport(fresh_passport());
  const auto linked = link(id, wrong, false);
  ASSERT_TRUE(linked.ok());
  EXPECT_EQ(unlink(id, id.value()), "auth.document_leads");
  EXPECT_EQ(unlink(register_person("cn-id", fresh_number()), *linked), "auth.document_unknown");
  EXPECT_EQ(unlink(id, *linked), "");
  EXPECT_FALSE(house.accounts.find_by_number("passport", wrong.number, "KAZ")->has_value());
  register_person("passport", wrong.number, "KAZ");
}

TEST_F(IdentitiesTest, Ldt01_6_2_1_TheTwoGenerationsOfTheCardAreFoundAlike) {
  const auto old = "KAZ11007508150" + std::string(1, *mrz_check("KAZ11007508150"));
  const auto one = register_person("foreign-residence", old);
  const auto two = register_person("foreign-residence", "911398197508150034");
  EXPECT_NE(one, two) << "numbers alone do not say that it is one person";
  EXPECT_EQ(house.sql("select count(distinct likeness) from auth.identity_document "
                      "where subject_id in ('" +
                      one.value() + "','" + two.value() + "')"),
            "1");
}

TEST_F(IdentitiesTest, WhatThePreviousProgramRegistersHasItsDocumentToo) {
  const auto number = fresh_number();
  const auto id = base::to_hex(house.random.bytes(16));
  const auto lookup = house.cipher.lookup("auth/subject/id_number", "cn-id:" + number);
  const auto sealed = [&](std::string_view field, std::string_view text) {
    return house.cipher.seal(field, id, base::as_bytes(text));
  };
  constexpr store::Query kOldInsert{"test.old_insert", R"sql(
    insert into auth.subject (id, kind, id_type, id_lookup, id_number_sealed, name_sealed, proofing,
                              created_at)
    values ($1, 'person', 'cn-id', $2, $3, $4, 1, $5))sql"};
  ASSERT_TRUE(
      house.pool
          .run(kOldInsert, {id, base::BytesView(lookup), sealed("auth/subject/id_number", number),
                            sealed("auth/subject/name", "张小三"), house.clock.now()})
          .ok());
  EXPECT_EQ(*house.accounts.find_by_number("cn-id", number), SubjectId(id));
  const auto all = documents_of(house.pool, house.cipher, SubjectId(id));
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().document.number, number);
}

TEST_F(IdentitiesTest, Ldt01_6_2_1_TwoHundredAtOnceFromTwoPortalsAreOneSubject) {
  // Two instances of the service, each with its own pool and workers, a hundred threads each.
  House second({2, 400, 64, 1, std::chrono::milliseconds(300'000)});
  House first({2, 400, 64, 1, std::chrono::milliseconds(300'000)});
  const auto number = fresh_number();
  std::atomic<int> made{0}, known{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 200; ++i)
    threads.emplace_back([&, i] {
      auto& portal = i % 2 == 0 ? first : second;
      for (;;) {
        const auto answer = portal.accounts.create(
            {SubjectKind::person, "张小三", "cn-id", number, fresh_name("race"), Proofing::p0},
            secret(kPassword));
        if (answer.ok()) {
          ++made;
        } else if (answer.error().key == "auth.subject_exists") {
          ++known;
        } else if (answer.error().code == base::Code::unavailable) {
          continue;  // the pool of connections was busy: ask again, as a person would
        } else {
          ADD_FAILURE() << answer.error().key;
        }
        return;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made.load(), 1);
  EXPECT_EQ(known.load(), 199);
  const auto lookup =
      base::to_hex(house.cipher.lookup("auth/subject/id_number", "cn-id:" + number));
  EXPECT_EQ(house.sql("select count(*) from auth.subject where id_lookup = '\\x" + lookup + "'"),
            "1");
  EXPECT_EQ(
      house.sql("select count(*) from auth.identity_document where lookup = '\\x" + lookup + "'"),
      "1");
}

}  // namespace
}  // namespace auth
