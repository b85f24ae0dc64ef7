#include "store/migrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/postgres.h"

namespace store {
namespace {

using base::Code;
using testing::HasSubstr;

class MigrateTest : public testing::Test {
 protected:
  std::string owner() const { return database_.conninfo(test::Role::owner); }
  std::vector<std::vector<std::string>> sql(const std::string& text) const {
    return database_.sql(test::Role::superuser, text);
  }
  test::Database database_{test::Database::Content::empty};
};

TEST_F(MigrateTest, RunsEachOnceAndTellsOfIt) {
  std::vector<std::string> told;
  const auto first = migrate(owner(), [&](std::string_view name) { told.emplace_back(name); });
  ASSERT_TRUE(first.ok()) << first.error().detail;
  ASSERT_FALSE(first->ran.empty());
  EXPECT_EQ(first->ran, told);
  EXPECT_EQ(first->ran.front(), "0001_foundation");
  EXPECT_EQ(first->newest, newest_migration());
  const auto second = migrate(owner());
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->ran.empty());
  EXPECT_EQ(second->newest, newest_migration());
}

TEST_F(MigrateTest, AChangedFileIsRefusedBeforeAnythingRuns) {
  const MigrationFile one{"0001_one.sql", "create table public.one ()"};
  const MigrationFile edited{"0001_one.sql", "create table public.one (a int)"};
  const MigrationFile two{"0002_two.sql", "create table public.two ()"};
  ASSERT_TRUE(migrate_files(owner(), std::vector{one}).ok());
  const auto refused = migrate_files(owner(), std::vector{edited, two});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(refused.error().key, "store.migration_changed");
  EXPECT_EQ(sql("select to_regclass('public.two') is null")[0][0], "t");
}

TEST_F(MigrateTest, AFailureNamesItsPlaceAndLeavesNothing) {
  const MigrationFile one{"0001_one.sql", "create table public.one ();\n"};
  const MigrationFile two{
      "0002_two.sql",
      "create table public.two ();\n-- 信印\ncreate table broken (no_such_type x);\n"};
  const auto failed = migrate_files(owner(), std::vector{two, one});  // order is by number
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().key, "store.migration_failed");
  EXPECT_THAT(failed.error().detail, HasSubstr("0002_two.sql: line 3, column 35"));
  EXPECT_EQ(sql("select to_regclass('public.one') is null, to_regclass('public.two') is null")[0],
            (std::vector<std::string>{"f", "t"}));
  EXPECT_EQ(sql("select string_agg(name, ',') from store.migration")[0][0], "0001_one");
}

TEST_F(MigrateTest, AFileThatEndsItsOwnTransactionIsRefused) {
  const MigrationFile rogue{"0001_rogue.sql", "create table public.one (); commit"};
  const auto failed = migrate_files(owner(), std::vector{rogue});
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().detail, HasSubstr("ends its own transaction"));
}

TEST_F(MigrateTest, TwoRunnersDoNotRunTheSameFile) {
  // Without the lock the second would fail on the table that the first has made.
  const std::vector<MigrationFile> files{
      {"0001_slow.sql", "create table public.slow (); select pg_sleep(0.2)"},
      {"0002_next.sql", "create table public.next ()"}};
  std::vector<base::Result<Migrated>> results(3, Migrated{});
  std::vector<std::thread> runners;
  for (auto& result : results)
    runners.emplace_back([&] { result = migrate_files(owner(), files); });
  for (auto& runner : runners) runner.join();
  std::size_t ran = 0;
  for (const auto& result : results) {
    ASSERT_TRUE(result.ok()) << result.error().detail;
    ran += result->ran.size();
  }
  EXPECT_EQ(ran, files.size());
}

TEST_F(MigrateTest, ANewerDatabaseIsLeftAlone) {
  const MigrationFile one{"0001_one.sql", "create table public.one ()"};
  const MigrationFile two{"0002_two.sql", "create table public.two ()"};
  ASSERT_TRUE(migrate_files(owner(), std::vector{one, two}).ok());
  const auto older = migrate_files(owner(), std::vector{one});
  ASSERT_TRUE(older.ok());
  EXPECT_TRUE(older->ran.empty());
}

TEST_F(MigrateTest, AnAbsentDatabaseIsUnavailable) {
  const auto refused = migrate("host=/nonexistent user=xinyin_owner dbname=x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::unavailable);
}

/// What each role may do in the migrated database as a whole: laws that no room's migration may
/// break.
class GrantsTest : public testing::Test {
 protected:
  static std::string one(const std::string& text) {
    return test::Database::shared().sql(test::Role::superuser, text)[0][0];
  }
};

TEST_F(GrantsTest, NothingIsOpenToEverybody) {
  EXPECT_EQ(one(R"sql(
    select coalesce(string_agg(n.nspname || '.' || c.relname, ', '), '')
      from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
     where a.grantee = 0 and n.nspname !~ '^(pg_|information_schema)')sql"),
            "");
  EXPECT_EQ(one(R"sql(
    select coalesce(string_agg(n.nspname, ', '), '') from pg_namespace n, aclexplode(n.nspacl) a
     where a.grantee = 0 and n.nspname !~ '^(pg_|information_schema)')sql"),
            "");
}

TEST_F(GrantsTest, OnlyTheOwnerOwnsAndNobodyElseCreates) {
  EXPECT_EQ(one(R"sql(
    select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname !~ '^(pg_|information_schema)' and c.relowner <> 'xinyin_owner'::regrole)sql"),
            "0");
  for (const auto* role : {"xinyin_service", "xinyin_verifier"}) {
    EXPECT_EQ(one(std::string("select count(*) from pg_namespace where nspname not like 'pg_%' and "
                              "has_schema_privilege('") +
                  role + "', oid, 'create')"),
              "0")
        << role;
    EXPECT_EQ(one(std::string("select has_database_privilege('") + role +
                  "', current_database(), 'create,temporary')"),
              "f")
        << role;
    EXPECT_EQ(one(std::string("select count(*) from pg_class c join pg_namespace n on n.oid = "
                              "c.relnamespace where relkind in ('r', 'p') and nspname !~ "
                              "'^(pg_|information_schema)' and has_table_privilege('") +
                  role + "', c.oid, 'truncate,trigger,references')"),
              "0")
        << role;
  }
}

TEST_F(GrantsTest, TheVerifierWritesNothing) {
  EXPECT_EQ(one(R"sql(
    select coalesce(string_agg(n.nspname || '.' || c.relname, ', '), '')
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where relkind in ('r', 'p', 'v') and nspname !~ '^(pg_|information_schema)'
       and (has_table_privilege('xinyin_verifier', c.oid, 'insert,update,delete')
            or has_any_column_privilege('xinyin_verifier', c.oid, 'insert,update')))sql"),
            "");
}

}  // namespace
}  // namespace store
