#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/postgres.h"

namespace store {
namespace {

using base::Code;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

class StoreTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    database().sql(test::Role::superuser, R"sql(
      create table if not exists public.sample (
        id bigint primary key, small smallint, medium integer, flag boolean, real_ double precision,
        name text, short varchar(5), raw bytea, at timestamptz, day date, record jsonb, uid uuid,
        constraint sample_short_unique unique (short) deferrable initially deferred,
        constraint sample_small_positive check (small > 0));
      grant usage on schema public to xinyin_service;
      grant all on public.sample to xinyin_service)sql");
  }
  void SetUp() override { database().sql(test::Role::superuser, "truncate public.sample"); }

  static test::Database& database() { return test::Database::shared(); }
  static Config config(int connections = 4) { return Config{database().conninfo(), connections}; }
  static std::int64_t backend(Tx& tx) {
    constexpr Query kPid{"test.pid", "select pg_backend_pid()"};
    return tx.run(kPid).value().integer(0, 0);
  }
  /// The first use of public.die_once() kills its backend; each gives how many there were.
  static void let_one_backend_die() {
    database().sql(test::Role::superuser, R"sql(
      create sequence if not exists public.suicides;
      create or replace function public.die_once() returns bigint language plpgsql security definer as
      $$ begin
        if nextval('public.suicides') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if;
        return currval('public.suicides');
      end $$;
      grant execute on function public.die_once() to xinyin_service;
      alter sequence public.suicides restart)sql");
  }
  static void kill(std::int64_t backend) {
    database().sql(test::Role::superuser,
                   "select pg_terminate_backend(" + std::to_string(backend) + ", 5000)");
  }
};

constexpr Query kInsert{"test.insert", "insert into public.sample (id, name) values ($1, $2)"};
constexpr Query kInsertShort{"test.insert_short",
                             "insert into public.sample (id, short) values ($1, $2)"};
constexpr Query kCount{"test.count", "select count(*) from public.sample"};
constexpr Query kPid{"test.pid", "select pg_backend_pid()"};

TEST_F(StoreTest, EveryTypeComesBackAsItWentIn) {
  constexpr Query kPut{"test.put", R"sql(
    insert into public.sample (id, small, medium, flag, real_, name, short, raw, at, day, record, uid)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::uuid))sql"};
  constexpr Query kGet{"test.get", R"sql(
    select id, small, medium, flag, real_, name, short, raw, at, day, record, uid
      from public.sample)sql"};
  const auto at = *base::parse_rfc3339("2026-11-24T21:30:15.123456Z");
  const base::Date day{std::chrono::year{1949} / 12 / 31};
  const base::Bytes raw{0x00, 0xff, 0x00, 'x'};
  auto& pool = database().pool();
  const auto put = pool.run(
      kPut, {std::int64_t{-9'000'000'000'000}, 7, -70'000, true, 0.1, "信印 𠮷", "短", raw, at, day,
             Json{R"({"b": [1, "二"]})"}, "0e37df36-f698-11e6-8dd4-cb9ced3df976"});
  ASSERT_TRUE(put.ok()) << put.error().detail;
  EXPECT_EQ(put->affected(), 1U);
  const auto rows = pool.run(kGet).value();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.integer(0, 0), -9'000'000'000'000);
  EXPECT_EQ(rows.integer(0, 1), 7);
  EXPECT_EQ(rows.integer(0, 2), -70'000);
  EXPECT_TRUE(rows.boolean(0, 3));
  EXPECT_EQ(rows.real(0, 4), 0.1);
  EXPECT_EQ(rows.text(0, 5), "信印 𠮷");
  EXPECT_EQ(rows.text(0, 6), "短");
  EXPECT_EQ(base::to_bytes(rows.bytes(0, 7)), raw);
  EXPECT_EQ(rows.time(0, 8), at);
  EXPECT_EQ(rows.date(0, 9), day);
  EXPECT_EQ(rows.text(0, 10), R"({"b": [1, "二"]})");
  EXPECT_EQ(rows.text(0, 11), "0e37df36-f698-11e6-8dd4-cb9ced3df976");
}

TEST_F(StoreTest, WhatIsStoredIsWhatOthersRead) {
  // Both ends of a round trip could be wrong in the same way: PostgreSQL's own texts are the judge.
  constexpr Query kPut{"test.put_judged",
                       "insert into public.sample (id, at, day, real_) values (1, $1, $2, $3)"};
  const auto at = *base::parse_rfc3339("1999-12-31T23:59:59.000001Z");
  ASSERT_TRUE(database().pool().run(kPut, {at, base::china_date(at), -2.5}).ok());
  const auto rows = database().sql(
      test::Role::superuser, "set timezone = 'UTC'; select at, day, real_ from public.sample");
  EXPECT_EQ(rows[0][0], "1999-12-31 23:59:59.000001+00");
  EXPECT_EQ(rows[0][1], "2000-01-01");
  EXPECT_EQ(rows[0][2], "-2.5");
}

TEST_F(StoreTest, MomentsDoNotDependOnTheSessionsTimeZone) {
  constexpr Query kZone{"test.zone", "select set_config('timezone', 'Asia/Kolkata', true)"};
  constexpr Query kMoment{"test.moment",
                          "select timestamptz '2026-11-24 21:30:15.654321+00', $1::timestamptz"};
  const auto at = *base::parse_rfc3339("2026-11-24T21:30:15.654321Z");
  auto tx = database().pool().begin().value();
  ASSERT_TRUE(tx.run(kZone).ok());
  const auto rows = tx.run(kMoment, {at}).value();
  EXPECT_EQ(rows.time(0, 0), at);
  EXPECT_EQ(rows.time(0, 1), at);
}

TEST_F(StoreTest, NullAndEmptyAreDifferent) {
  constexpr Query kPut{"test.put_null",
                       "insert into public.sample (id, name, raw, small) values ($1, $2, $3, $4)"};
  constexpr Query kGet{"test.get_null", "select name, raw, small from public.sample order by id"};
  auto& pool = database().pool();
  // The same query with nulls first and values later: the types a null left open are not settled by
  // it.
  ASSERT_TRUE(pool.run(kPut, {1, std::nullopt, std::nullopt, std::optional<int>{}}).ok());
  ASSERT_TRUE(pool.run(kPut, {2, "", base::Bytes{}, std::optional<int>{3}}).ok());
  ASSERT_TRUE(pool.run(kPut, {3, std::nullopt, base::Bytes{1}, 4}).ok());
  const auto rows = pool.run(kGet).value();
  for (int column = 0; column < 3; ++column) EXPECT_TRUE(rows.is_null(0, column));
  EXPECT_EQ(rows.text(1, 0), "");
  EXPECT_FALSE(rows.is_null(1, 1));
  EXPECT_EQ(rows.bytes(1, 1).size(), 0U);
  EXPECT_EQ(rows.integer(1, 2), 3);
  EXPECT_EQ(rows.integer(2, 2), 4);
}

TEST_F(StoreTest, TextThatPostgresCannotHoldIsRefusedNotCut) {
  const auto nul = database().pool().run(kInsert, {1, std::string("a\0b", 3)});
  ASSERT_FALSE(nul.ok());
  EXPECT_EQ(nul.error().code, Code::invalid_argument);
  EXPECT_EQ(nul.error().key, "store.value");
  EXPECT_THAT(nul.error().detail, HasSubstr("NUL"));  // found before the server saw it
  const auto latin = database().pool().run(kInsert, {1, "caf\xe9"});
  ASSERT_FALSE(latin.ok());
  EXPECT_EQ(latin.error().code, Code::invalid_argument);
  constexpr Query kJson{"test.json", "insert into public.sample (id, record) values ($1, $2)"};
  const auto escaped = database().pool().run(kJson, {1, Json{R"({"a": "\u0000"})"}});
  ASSERT_FALSE(escaped.ok());
  EXPECT_EQ(escaped.error().code, Code::invalid_argument);
  EXPECT_EQ(database().pool().run(kCount)->integer(0, 0), 0);
}

TEST_F(StoreTest, MistakesOfOursStopTheProgram) {
  const auto rows = database().pool().run({"test.one", "select 1, null::text, 'x'::text"}).value();
  EXPECT_DEATH((void)rows.text(0, 0), "read as text");
  EXPECT_DEATH((void)rows.text(0, 1), "null");
  EXPECT_DEATH((void)rows.integer(0, 2), "read as an integer");
  EXPECT_DEATH((void)rows.integer(1, 0), "not there");
  EXPECT_DEATH((void)rows.integer(0, 3), "not there");
  auto& pool = database().pool();
  EXPECT_DEATH((void)(pool.run({"test.twins", "select 1"}).ok() &&
                      pool.run({"test.twins", "select 2"}).ok()),
               "two queries share a name");
}

TEST_F(StoreTest, ATransactionIsAllOrNothing) {
  auto& pool = database().pool();
  {
    auto tx = pool.begin().value();
    ASSERT_TRUE(tx.run(kInsert, {1, "gone"}).ok());
  }
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 0);
  {
    auto tx = pool.begin().value();
    ASSERT_TRUE(tx.run(kInsert, {1, "kept"}).ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 1);
  {
    auto tx = pool.begin().value();
    ASSERT_TRUE(tx.run(kInsert, {2, "gone with its neighbour"}).ok());
    EXPECT_EQ(tx.run(kInsert, {1, "twin"}).error().code, Code::conflict);
    // What follows a failure says what failed, and so does the commit.
    EXPECT_EQ(tx.run(kCount).error().code, Code::conflict);
    EXPECT_EQ(tx.commit().error().code, Code::conflict);
  }
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 1);
}

TEST_F(StoreTest, WhatIsPutGoesWithWhatFollows) {
  auto& pool = database().pool();
  auto tx = pool.begin().value();
  tx.put(kInsert, {1, "put"});
  tx.put(kInsert, {2, "put"});
  EXPECT_EQ(tx.run(kCount)->integer(0, 0), 2);
  tx.put(kInsert, {3, "with the commit"});
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 0);
  ASSERT_TRUE(tx.commit().ok());
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 3);
  auto dropped = std::make_optional(pool.begin().value());
  dropped->put(kInsert, {4, "never sent"});
  dropped.reset();
  EXPECT_TRUE(pool.begin()->commit().ok());  // with nothing in it
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 3);
}

TEST_F(StoreTest, WhatIsPutFailsWithWhatFollows) {
  Pool pool(config(1));
  ASSERT_TRUE(pool.run(kInsert, {1, "there"}).ok());
  const auto pid = pool.run(kPid)->integer(0, 0);
  {
    auto tx = pool.begin().value();
    tx.put(kInsert, {2, "gone"});
    tx.put(kInsert, {1, "twin"});
    tx.put(kInsert, {3, "gone"});
    const auto refused = tx.commit();
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::conflict);
    EXPECT_TRUE(is_violation(refused.error(), "sample_pkey"));
    EXPECT_THAT(refused.error().detail, HasSubstr("test.insert"));
    EXPECT_EQ(tx.commit().error().code, Code::conflict);
  }
  {
    auto tx = pool.begin().value();
    tx.put(kInsert, {1, "twin"});
    EXPECT_TRUE(is_violation(tx.run(kCount).error(), "sample_pkey"));
    EXPECT_EQ(tx.commit().error().code, Code::conflict);
  }
  {
    auto tx = pool.begin().value();
    tx.put(kInsert, {2, std::string("a\0b", 3)});
    EXPECT_EQ(tx.commit().error().key, "store.value");
  }
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 1);
  EXPECT_EQ(pool.run(kPid)->integer(0, 0), pid) << "the connection is as good as before";
}

TEST_F(StoreTest, SeveralAreAnsweredOneByOne) {
  auto& pool = database().pool();
  auto tx = pool.begin().value();
  const auto all = tx.run_all({{kInsert, {1, "a"}}, {kCount, {}}, {kInsert, {2, "b"}}, {kCount, {}}});
  ASSERT_TRUE(all.ok()) << all.error().detail;
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ(all->at(0).affected(), 1U);
  EXPECT_EQ(all->at(1).integer(0, 0), 1);
  EXPECT_EQ(all->at(3).integer(0, 0), 2);
  const auto second = tx.run_all({{kInsert, {3, "c"}}, {kInsert, {1, "twin"}}, {kCount, {}}});
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(is_violation(second.error(), "sample_pkey"));
  EXPECT_EQ(tx.commit().error().code, Code::conflict);
}

TEST_F(StoreTest, ARolledBackConnectionIsUsedAgain) {
  Pool pool(config(1));
  std::int64_t pid = 0;
  {
    auto tx = pool.begin().value();
    pid = backend(tx);
    ASSERT_TRUE(tx.run(kInsert, {1, "gone"}).ok());
  }
  EXPECT_EQ(pool.run(kPid)->integer(0, 0), pid);
}

TEST_F(StoreTest, AReadOnlyTransactionWritesNothing) {
  auto tx = database().pool().begin(Mode::read_only).value();
  EXPECT_TRUE(tx.run(kCount).ok());
  EXPECT_FALSE(tx.run(kInsert, {1, "x"}).ok());
}

TEST_F(StoreTest, ViolationsAreKnownByTheirConstraint) {
  auto& pool = database().pool();
  ASSERT_TRUE(pool.run(kInsertShort, {1, "same"}).ok());
  const auto key = pool.run(kInsertShort, {1, "other"});
  EXPECT_EQ(key.error().code, Code::conflict);
  EXPECT_EQ(key.error().key, "store.conflict");
  EXPECT_TRUE(is_violation(key.error(), "sample_pkey"));
  EXPECT_FALSE(is_violation(key.error(), "sample_short_unique"));

  auto tx = pool.begin().value();
  ASSERT_TRUE(tx.run(kInsertShort, {2, "same"}).ok());  // deferred: the commit finds it
  const auto late = tx.commit();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().key, "store.conflict");
  EXPECT_TRUE(is_violation(late.error(), "sample_short_unique"));

  constexpr Query kSmall{"test.small", "insert into public.sample (id, small) values (9, $1)"};
  const auto check = pool.run(kSmall, {-1});
  EXPECT_EQ(check.error().code, Code::internal);
  EXPECT_TRUE(is_violation(check.error(), "sample_small_positive"));
}

TEST_F(StoreTest, FailuresDoNotQuoteValues) {
  auto& pool = database().pool();
  ASSERT_TRUE(pool.run(kInsertShort, {1, "PIN42"}).ok());
  const auto twin = pool.run(kInsertShort, {2, "PIN42"});
  EXPECT_THAT(twin.error().detail, Not(HasSubstr("PIN42")));
  constexpr Query kCast{"test.cast", "select $1::uuid"};
  const auto cast = pool.run(kCast, {"11010519491231002X"});
  EXPECT_EQ(cast.error().key, "store.query");
  EXPECT_THAT(cast.error().detail, HasSubstr("test.cast"));
  EXPECT_THAT(cast.error().detail, Not(HasSubstr("11010519491231002X")));
}

TEST_F(StoreTest, SerializationFailuresAreConflicts) {
  constexpr Query kSerializable{"test.serializable",
                                "set transaction isolation level serializable"};
  auto& pool = database().pool();
  auto one = pool.begin().value();
  auto two = pool.begin().value();
  ASSERT_TRUE(one.run(kSerializable).ok() && two.run(kSerializable).ok());
  ASSERT_TRUE(one.run(kCount).ok() && two.run(kCount).ok());
  ASSERT_TRUE(one.run(kInsert, {1, "one"}).ok());
  ASSERT_TRUE(two.run(kInsert, {2, "two"}).ok());
  ASSERT_TRUE(one.commit().ok());
  const auto second = two.commit();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().key, "store.conflict");
}

TEST_F(StoreTest, AStatementPastItsDeadlineIsEndedAndTheConnectionLives) {
  constexpr Query kSleep{"test.sleep", "select pg_sleep(60)"};
  auto limited = config(1);
  limited.statement_deadline = milliseconds{100};
  Pool pool(limited);
  const auto pid = pool.run(kPid)->integer(0, 0);
  const auto late = pool.run(kSleep);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Code::unavailable);
  EXPECT_THAT(late.error().detail, HasSubstr("57014"));
  EXPECT_EQ(pool.run(kPid)->integer(0, 0), pid);
  // Nothing goes on sleeping in the server.
  EXPECT_EQ(database().sql(test::Role::superuser,
                           "select count(*) from pg_stat_activity where "
                           "state = 'active' and query like '%pg_sleep%' and "
                           "pid <> pg_backend_pid()")[0][0],
            "0");
}

TEST_F(StoreTest, AServerThatSaysNothingIsGivenUp) {
  constexpr Query kStop{"test.unlimited", "select set_config('statement_timeout', '0', false)"};
  constexpr Query kSleep{"test.sleep", "select pg_sleep(60)"};
  auto limited = config(1);
  limited.statement_deadline = milliseconds{50};
  Pool pool(limited);
  const auto pid = pool.run(kPid)->integer(0, 0);
  ASSERT_TRUE(pool.run(kStop).ok());  // the server's own limit is off: ours must do
  const auto late = pool.run(kSleep);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().key, "store.unavailable");
  EXPECT_NE(pool.run(kPid)->integer(0, 0), pid);
}

TEST_F(StoreTest, AnExhaustedPoolSaysSoAtItsDeadline) {
  auto small = config(1);
  small.acquire_deadline = milliseconds{50};
  Pool pool(small);
  auto tx = std::make_unique<Tx>(pool.begin().value());
  const auto refused = pool.run(kPid);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_TRUE(refused.error().retry_after.has_value());
  tx.reset();
  EXPECT_TRUE(pool.run(kPid).ok());
}

TEST_F(StoreTest, ManyThreadsShareFewConnections) {
  Pool pool(config(2));
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        auto tx = pool.begin();
        if (!tx.ok() || !tx->run(kInsert, {t * 100 + i, "x"}).ok()) continue;
        if (i % 2 == 0 && tx->commit().ok()) ++good;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 80);
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 80);
}

TEST_F(StoreTest, ADeadDatabaseIsAnErrorOfEachCall) {
  Pool pool(Config{"host=/nonexistent user=xinyin_service dbname=x password=hunter2"});
  const auto refused = pool.run(kPid);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().key, "store.unavailable");
  EXPECT_EQ(pool.begin().error().code, Code::unavailable);
  Pool malformed(Config{"host=/tmp password='hunter2"});
  const auto quoted = malformed.run(kPid);
  EXPECT_EQ(quoted.error().code, Code::unavailable);
  EXPECT_THAT(quoted.error().detail, Not(HasSubstr("hunter2")));
}

TEST_F(StoreTest, AKilledIdleConnectionIsReplacedUnseen) {
  Pool pool(config(1));
  // Prepared already, so that nothing but the write itself would meet the dead connection.
  ASSERT_TRUE(pool.run(kInsert, {0, "before the kill"}).ok());
  const auto pid = pool.run(kPid)->integer(0, 0);
  kill(pid);
  const auto written = pool.run(kInsert, {1, "after the kill"});
  ASSERT_TRUE(written.ok()) << written.error().detail;
  EXPECT_NE(pool.run(kPid)->integer(0, 0), pid);
  const auto next = pool.run(kPid)->integer(0, 0);
  {
    auto tx = pool.begin().value();
    kill(next);  // before anything was sent on it
    tx.put(kInsert, {2, "put"});
    ASSERT_TRUE(tx.run(kInsert, {3, "run"}).ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 4) << "each once";
}

TEST_F(StoreTest, AReadWhoseBackendDiesIsTriedOnceMore) {
  // The statement kills its own backend, once: the second try finds the row that says so.
  let_one_backend_die();
  Pool pool(config(1));
  ASSERT_TRUE(pool.run(kPid).ok());
  const auto survived = pool.run({"test.die", "select public.die_once()"});
  ASSERT_TRUE(survived.ok()) << survived.error().detail;
  EXPECT_EQ(survived->integer(0, 0), 2);
  // A write in the same place is not repeated: nobody knows whether it was done.
  database().sql(test::Role::superuser, "alter sequence public.suicides restart");
  const auto doubtful =
      pool.run({"test.die_writing", "insert into public.sample (id) values (public.die_once())"});
  ASSERT_FALSE(doubtful.ok());
  EXPECT_EQ(doubtful.error().key, "store.commit_unknown");
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 0);
}

TEST_F(StoreTest, ATransactionWhoseBackendDiesIsUnavailableAndThePoolGoesOn) {
  Pool pool(config(1));
  {
    auto tx = pool.begin().value();
    ASSERT_TRUE(tx.run(kInsert, {1, "x"}).ok());
    kill(backend(tx));
    const auto refused = tx.run(kInsert, {2, "y"});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().key, "store.unavailable");
    EXPECT_EQ(tx.commit().error().key, "store.unavailable");
  }
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 0);
}

TEST_F(StoreTest, ACommitWhoseAnswerIsLostIsUnknown) {
  Pool pool(config(1));
  {
    auto tx = pool.begin().value();
    ASSERT_TRUE(tx.run(kInsert, {1, "x"}).ok());
    kill(backend(tx));
    const auto lost = tx.commit();
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().key, "store.commit_unknown");
    EXPECT_EQ(lost.error().code, Code::unavailable);
  }
  EXPECT_TRUE(pool.run(kCount).ok());
}

TEST_F(StoreTest, ACommitThatWentWithWhatWasPutIsUnknownToo) {
  let_one_backend_die();
  Pool pool(config(1));
  ASSERT_TRUE(pool.run(kPid).ok());
  {
    auto tx = pool.begin().value();
    tx.put({"test.put_dying", "insert into public.sample (id) values (public.die_once())"});
    const auto lost = tx.commit();
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().key, "store.commit_unknown");
  }
  EXPECT_EQ(pool.run(kCount)->integer(0, 0), 0) << "nor is it done once more by itself";
}

TEST_F(StoreTest, ACommitThatTakesTooLongIsUnknown) {
  // A deferred trigger keeps the commit busy for longer than we wait. The server's own limit does
  // not strike a commit: that would leave unsaid whether it was done.
  database().sql(test::Role::superuser, R"sql(
    create or replace function public.dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(30); return null; end $$;
    create constraint trigger dawdle after insert on public.sample deferrable initially deferred
      for each row when (new.name = 'dawdle') execute function public.dawdle())sql");
  auto limited = config(1);
  limited.statement_deadline = milliseconds{50};
  Pool pool(limited);
  {
    auto tx = pool.begin().value();
    ASSERT_TRUE(tx.run(kInsert, {1, "dawdle"}).ok());
    const auto lost = tx.commit();
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(lost.error().key, "store.commit_unknown");
  }
  EXPECT_TRUE(pool.run(kPid).ok());
  database().sql(test::Role::superuser, "drop trigger dawdle on public.sample");
}

TEST_F(StoreTest, TablesMayChangeUnderPreparedQueries) {
  constexpr Query kAll{"test.all", "select * from public.changing"};
  database().sql(test::Role::superuser,
                 "create table public.changing (a bigint); insert into public.changing values (1); "
                 "grant select on public.changing to xinyin_service");
  Pool pool(config(1));
  ASSERT_TRUE(pool.run(kAll).ok());
  database().sql(test::Role::superuser,
                 "alter table public.changing add column b text default 'x'");
  const auto again = pool.run(kAll);
  ASSERT_TRUE(again.ok()) << again.error().detail;
  EXPECT_EQ(again->text(0, 1), "x");
}

TEST_F(StoreTest, ManyParametersFit) {
  std::string sql = "select 0::bigint";
  std::vector<Param> params;
  for (int i = 1; i <= 40; ++i) {
    sql += " + $" + std::to_string(i) + "::bigint";
    params.emplace_back(i);
  }
  EXPECT_EQ(database().pool().run({"test.many", sql.c_str()}, params)->integer(0, 0), 820);
}

}  // namespace
}  // namespace store
