#include "store/audit_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/encoding.h"
#include "base/messages.h"
#include "tests/support/postgres.h"

namespace store {
namespace {

using testing::HasSubstr;

class AuditTest : public testing::Test {
 protected:
  test::Database database_;
  Pool& pool() { return database_.pool(); }

  static AuditEntry entry(int number) {
    return {base::from_unix_s(1'795'489'200) + std::chrono::microseconds{123'450 + number},
            "subject-" + std::to_string(number),
            "document.issue",
            "document-1",
            "ok",
            R"({"kind": "enrolment-certificate",  "长": 1.50})"};
  }
  void append(int count) {
    for (int i = 1; i <= count; ++i) {
      auto tx = pool().begin().value();
      const auto done = audit(tx, entry(i));
      ASSERT_TRUE(done.ok()) << done.error().detail;
      ASSERT_TRUE(tx.commit().ok());
    }
  }
  void edit(const std::string& text) { database_.sql(test::Role::superuser, text); }
  /// What a role is told when it tries.
  std::string refusal(test::Role role, const std::string& text) {
    try {
      database_.sql(role, text);
      return "allowed";
    } catch (const std::exception& refused) {
      return refused.what();
    }
  }
};

TEST_F(AuditTest, AWholeChainIsWhole) {
  const auto none = verify_audit(pool()).value();
  EXPECT_EQ(none.rows, 0);
  EXPECT_TRUE(none.whole());
  append(5);
  const auto five = verify_audit(pool()).value();
  EXPECT_EQ(five.rows, 5);
  EXPECT_TRUE(five.whole());
}

TEST_F(AuditTest, LongChainsAreWalkedToTheirEnd) {
  auto tx = pool().begin().value();
  for (int i = 1; i <= 4500; ++i) ASSERT_TRUE(audit(tx, entry(i)).ok());
  ASSERT_TRUE(tx.commit().ok());
  EXPECT_EQ(verify_audit(pool())->rows, 4500);
  edit("update audit.entry set outcome = 'x' where seq = 4321");
  std::int64_t told = 0;
  const auto report = verify_audit(pool(), {}, [&](std::int64_t rows, std::int64_t of) {
    EXPECT_GT(rows, told);
    EXPECT_EQ(of, 4500);
    told = rows;
  });
  EXPECT_EQ(report->chain_break->seq, 4321);
  EXPECT_EQ(report->rows, 4320);
  EXPECT_EQ(told, 4000) << "progress goes with the walk";
}

TEST_F(AuditTest, AnEntryGoesWithItsDeed) {
  append(1);
  {
    auto tx = pool().begin().value();
    ASSERT_TRUE(audit(tx, entry(2)).ok());
  }
  append(1);
  const auto report = verify_audit(pool()).value();
  EXPECT_EQ(report.rows, 2);
  EXPECT_TRUE(report.whole());
}

TEST_F(AuditTest, AppendersAtTheSameTimeMakeOneChain) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([this] { append(10); });
  for (auto& thread : threads) thread.join();
  const auto report = verify_audit(pool()).value();
  EXPECT_EQ(report.rows, 40);
  EXPECT_TRUE(report.whole());
}

TEST_F(AuditTest, TheHashIsTheDocumentedOne) {
  // Computed by PostgreSQL's own sha256 from the layout that store/audit.cpp states.
  append(2);
  const auto rows = database_.sql(test::Role::superuser, R"sql(
    select encode(hash, 'hex'), encode(sha256(
        int8send(14) || 'xinyin audit 1'::bytea || int8send(seq) || previous
        || int8send((extract(epoch from at) * 1000000)::bigint)
        || int8send(octet_length(actor)) || convert_to(actor, 'UTF8')
        || int8send(octet_length(act)) || convert_to(act, 'UTF8')
        || int8send(octet_length(object)) || convert_to(object, 'UTF8')
        || int8send(octet_length(outcome)) || convert_to(outcome, 'UTF8')
        || int8send(octet_length(facts::text)) || convert_to(facts::text, 'UTF8')), 'hex')
      from audit.entry order by seq)sql");
  ASSERT_EQ(rows.size(), 2U);
  for (const auto& row : rows) EXPECT_EQ(row[0], row[1]);
}

/// What was done by somebody who may do all, and what the walk says of it.
struct Tampering {
  const char* name;
  const char* sql;
  std::int64_t seq;
  const char* key;
};
void PrintTo(const Tampering& tampering, std::ostream* out) {
  *out << tampering.name;
}

class TamperedAuditTest : public AuditTest, public testing::WithParamInterface<Tampering> {};

TEST_P(TamperedAuditTest, Ldt01_6_2_5e_IsFoundWhereItWasDoneAndNamed) {
  append(6);
  edit(GetParam().sql);
  const auto report = verify_audit(pool()).value();
  ASSERT_TRUE(report.chain_break);
  EXPECT_EQ(report.chain_break->seq, GetParam().seq);
  EXPECT_EQ(report.chain_break->key, GetParam().key);
  const auto text =
      base::message(report.chain_break->key, base::Language::en, report.chain_break->args);
  EXPECT_EQ(text.find('{'), std::string::npos) << text;
}

constexpr const char* kAltered = "store.audit_row_altered";

INSTANTIATE_TEST_SUITE_P(
    Edits, TamperedAuditTest,
    testing::Values(
        Tampering{"at", "update audit.entry set at = at + interval '1 microsecond' where seq = 3",
                  3, kAltered},
        Tampering{"never", "update audit.entry set at = 'infinity' where seq = 3", 3, kAltered},
        Tampering{"actor", "update audit.entry set actor = 'subject-9' where seq = 3", 3, kAltered},
        Tampering{"act", "update audit.entry set act = 'document.read' where seq = 3", 3, kAltered},
        Tampering{"object", "update audit.entry set object = '' where seq = 3", 3, kAltered},
        Tampering{"outcome", "update audit.entry set outcome = 'no' where seq = 3", 3, kAltered},
        Tampering{"facts", "update audit.entry set facts = facts::jsonb::json where seq = 3", 3,
                  kAltered},
        Tampering{"none",
                  "alter table audit.entry alter facts drop not null; "
                  "update audit.entry set facts = null where seq = 3",
                  3, kAltered},
        Tampering{"shifted",
                  "update audit.entry set actor = actor || 'd', act = 'ocument.issue' "
                  "where seq = 3",
                  3, kAltered},
        Tampering{"previous", "update audit.entry set previous = hash where seq = 3", 3,
                  "store.audit_link_altered"},
        Tampering{"hash", "update audit.entry set hash = previous where seq = 3", 3, kAltered},
        Tampering{"deleted", "delete from audit.entry where seq = 3", 3, "store.audit_row_missing"},
        Tampering{"first", "delete from audit.entry where seq < 3", 1, "store.audit_rows_missing"},
        Tampering{"tail", "delete from audit.entry where seq > 4", 5, "store.audit_rows_missing"},
        Tampering{"renumbered",
                  "delete from audit.entry where seq = 3; "
                  "update audit.entry set seq = 3 where seq = 4",
                  3, "store.audit_row_moved"},
        Tampering{"inserted",
                  "update audit.entry set seq = seq + 100 where seq > 3; "
                  "update audit.entry set seq = seq - 99 where seq > 100; "
                  "insert into audit.entry select 4, at, actor, act, object, outcome, facts, "
                  "hash, previous from audit.entry where seq = 3",
                  4, kAltered},
        Tampering{"set_back",
                  "update audit.head h set seq = e.seq, hash = e.hash from audit.entry e "
                  "where e.seq = 4",
                  4, "store.audit_set_back"},
        Tampering{"head", "update audit.head set hash = decode(repeat('00', 32), 'hex')", 6,
                  "store.audit_end_differs"},
        Tampering{"headless", "delete from audit.head", 0, "store.audit_headless"},
        Tampering{"swapped",
                  "update audit.entry set seq = seq + 100 where seq in (3, 4); "
                  "update audit.entry set seq = 107 - seq where seq > 100",
                  3, "store.audit_row_moved"}),
    [](const auto& one) { return one.param.name; });

TEST_F(AuditTest, ARowWithItsHashMadeAnewIsMissedByTheNext) {
  append(6);
  edit(R"sql(
    update audit.entry set actor = 'subject-9' where seq = 3;
    update audit.entry set hash = sha256(
        int8send(14) || 'xinyin audit 1'::bytea || int8send(seq) || previous
        || int8send((extract(epoch from at) * 1000000)::bigint)
        || int8send(octet_length(actor)) || convert_to(actor, 'UTF8')
        || int8send(octet_length(act)) || convert_to(act, 'UTF8')
        || int8send(octet_length(object)) || convert_to(object, 'UTF8')
        || int8send(octet_length(outcome)) || convert_to(outcome, 'UTF8')
        || int8send(octet_length(facts::text)) || convert_to(facts::text, 'UTF8'))
      where seq = 3)sql");
  const auto report = verify_audit(pool()).value();
  ASSERT_TRUE(report.chain_break);
  EXPECT_EQ(report.chain_break->seq, 4);
  EXPECT_EQ(report.chain_break->key, "store.audit_row_foreign");
}

TEST_F(AuditTest, AnEntryLongerThanReadersExpectIsRefused) {
  auto tx = pool().begin().value();
  auto longer = entry(1);
  longer.facts_json = "{\"a\":\"" + std::string(kMostAuditBytes, 'x') + "\"}";
  EXPECT_EQ(audit(tx, longer).error().key, "store.audit_too_large");
}

TEST_F(AuditTest, TheServiceMayAppendAndReadAndNothingElse) {
  append(1);
  const auto service = test::Role::service;
  for (const auto* forbidden :
       {"update audit.entry set outcome = 'ok'", "delete from audit.entry", "truncate audit.entry",
        "delete from audit.head", "insert into audit.head values (2, 0, '')",
        "update audit.head set id = 1", "drop table audit.entry", "create table audit.mine ()",
        "alter table audit.entry disable trigger all", "update audit.signed_head set jws = ''",
        "delete from audit.signed_head", "truncate audit.signed_head",
        "alter table audit.signed_head disable trigger all"})
    EXPECT_THAT(refusal(service, forbidden), HasSubstr("42501")) << forbidden;
  EXPECT_EQ(refusal(service, "select * from audit.entry"), "allowed");
  EXPECT_THAT(refusal(test::Role::verifier, "select * from audit.entry"), HasSubstr("42501"));
  // To the letter, so that a grant nobody thought of shows.
  const auto grants = database_.sql(test::Role::superuser, R"sql(
    select string_agg(grantee || ' ' || table_name || ' ' || privilege_type, ', '
                      order by table_name, privilege_type)
      from information_schema.role_table_grants
     where table_schema = 'audit' and grantee <> 'xinyin_owner')sql");
  EXPECT_EQ(grants[0][0],
            "xinyin_service entry INSERT, xinyin_service entry SELECT, xinyin_service head SELECT, "
            "xinyin_service signed_head INSERT, xinyin_service signed_head SELECT");
}

TEST_F(AuditTest, AnEntryThatIsNoJsonIsRefused) {
  auto tx = pool().begin().value();
  auto broken = entry(1);
  broken.facts_json = "{";
  // It goes with the commit, which fails, and the deed with it.
  EXPECT_FALSE(audit(tx, broken).ok() && tx.commit().ok());
}

}  // namespace
}  // namespace store
