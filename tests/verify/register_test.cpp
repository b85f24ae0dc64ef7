// Laws of the register of issued documents.
#include "verify/register.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/postgres.h"
#include "tests/verify/entries.h"

namespace {

using test::Role;
using verify::Cursor;
using verify::DocumentId;
using verify::Entry;
using verify::Register;
using verify::Standing;

class RegisterTest : public ::testing::Test {
 protected:
  test::Database database_;
  store::Pool& pool_ = database_.pool();
  Register register_{pool_};
  base::Time now_ = base::from_unix_s(1'795'489'200);

  base::Result<void> record(const Entry& entry) {
    BASE_TRY(store::Tx tx, pool_.begin());
    BASE_TRY_VOID(register_.record(tx, entry));
    return tx.commit();
  }
  base::Result<void> change(const Entry& entry, Standing standing, std::string_view reason,
                            const std::optional<DocumentId>& successor = {}) {
    BASE_TRY(store::Tx tx, pool_.begin());
    BASE_TRY_VOID(register_.change(tx, entry.id, standing, reason, now_, successor));
    return tx.commit();
  }
  std::string change_key(const Entry& entry, Standing standing, std::string_view reason,
                         const std::optional<DocumentId>& successor = {}) {
    auto done = change(entry, standing, reason, successor);
    return done ? "" : done.error().key;
  }
  Standing standing_of(const Entry& entry) {
    auto found = register_.find(entry.code);
    EXPECT_TRUE(found && *found);
    return (*found)->standing;
  }
  std::string refusal(Role role, const std::string& sql) {
    try {
      database_.sql(role, sql);
      return "";
    } catch (const std::exception& refused) {
      return refused.what();
    }
  }
  /// All that `cursor` has still to see, in pages of `page`.
  std::vector<Entry> drain(Cursor& cursor, int page = 100) {
    std::vector<Entry> all;
    for (;;) {
      auto changes = register_.changes(cursor, page);
      if (!changes) {
        ADD_FAILURE() << changes.error().key << ' ' << changes.error().detail;
        return all;
      }
      for (auto& entry : changes->entries) all.push_back(std::move(entry));
      if (changes->finished) return all;
    }
  }
};

TEST_F(RegisterTest, WhatWasRecordedIsFoundWhole) {
  Entry entry = test::entry(1);
  entry.valid_until = entry.issued_at + std::chrono::hours(24 * 90);
  ASSERT_TRUE(record(entry));
  for (auto found : {register_.find(entry.code), register_.find_by_file(entry.file_sha256),
                     register_.find_by_id(entry.id)}) {
    ASSERT_TRUE(found && *found);
    EXPECT_GT((*found)->change, 0);
    entry.change = (*found)->change;
    EXPECT_TRUE(test::same(**found, entry));
  }
  auto unknown = register_.find(test::entry(2).code);
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(*unknown);
}

TEST_F(RegisterTest, IdCodeAndFileAreEachRegisteredOnce) {
  const Entry first = test::entry(1);
  ASSERT_TRUE(record(first));
  Entry same_id = test::entry(2), same_code = test::entry(3), same_file = test::entry(4);
  same_id.id = first.id;
  same_code.code = first.code;
  same_file.file_sha256 = first.file_sha256;
  for (const Entry& twin : {same_id, same_code, same_file}) {
    auto refused = record(twin);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().key, "verify.register.duplicate");
    EXPECT_EQ(refused.error().code, base::Code::conflict);
  }
}

TEST_F(RegisterTest, SuspendedComesBackIntoForce) {
  const Entry entry = test::entry(1);
  ASSERT_TRUE(record(entry));
  EXPECT_EQ(change_key(entry, Standing::suspended, "verify.reason.under_review"), "");
  auto found = register_.find(entry.code);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->standing, Standing::suspended);
  EXPECT_EQ((*found)->standing_reason, "verify.reason.under_review");
  EXPECT_EQ((*found)->standing_since, now_);
  EXPECT_EQ(change_key(entry, Standing::in_force, ""), "");
  EXPECT_EQ(standing_of(entry), Standing::in_force);
}

TEST_F(RegisterTest, RevokedAndSupersededNeverComeBack) {
  const Entry revoked = test::entry(1), replaced = test::entry(2), heir = test::entry(3);
  for (const Entry& entry : {revoked, replaced, heir}) ASSERT_TRUE(record(entry));
  EXPECT_EQ(change_key(revoked, Standing::revoked, "verify.reason.issued_in_error"), "");
  EXPECT_EQ(change_key(replaced, Standing::superseded, "verify.reason.replaced", heir.id), "");
  for (const Entry& entry : {revoked, replaced}) {
    EXPECT_EQ(change_key(entry, Standing::in_force, ""), "verify.register.standing");
    EXPECT_EQ(change_key(entry, Standing::suspended, "verify.reason.under_review"),
              "verify.register.standing");
    EXPECT_EQ(change_key(entry, Standing::revoked, "verify.reason.fraud"),
              "verify.register.standing");
  }
  // Nor by hand, past the program.
  EXPECT_NE(refusal(Role::service,
                    "update verify.document set standing = 'in_force', "
                    "standing_reason = null, successor = null"),
            "");
  EXPECT_NE(refusal(Role::owner,
                    "update verify.document set standing = 'in_force', "
                    "standing_reason = null, successor = null"),
            "");
  EXPECT_EQ(standing_of(revoked), Standing::revoked);
  auto found = register_.find(replaced.code);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->successor, heir.id);
}

TEST_F(RegisterTest, ChangesThatSayTooLittleAreRefused) {
  const Entry entry = test::entry(1);
  ASSERT_TRUE(record(entry));
  EXPECT_EQ(change_key(test::entry(9), Standing::revoked, "verify.reason.fraud"),
            "verify.register.unknown");
  EXPECT_EQ(change_key(entry, Standing::revoked, ""), "verify.register.reason");
  EXPECT_EQ(change_key(entry, Standing::in_force, "verify.reason.fraud"), "verify.register.reason");
  EXPECT_EQ(change_key(entry, Standing::superseded, "verify.reason.replaced"),
            "verify.register.successor");
  EXPECT_EQ(change_key(entry, Standing::superseded, "verify.reason.replaced", entry.id),
            "verify.register.successor");
  EXPECT_EQ(change_key(entry, Standing::superseded, "verify.reason.replaced", test::entry(9).id),
            "verify.register.successor");
  EXPECT_EQ(change_key(entry, Standing::revoked, "verify.reason.fraud", test::entry(9).id),
            "verify.register.successor");
  EXPECT_EQ(standing_of(entry), Standing::in_force);
}

TEST_F(RegisterTest, TheServiceMayChangeNothingButTheStanding) {
  ASSERT_TRUE(record(test::entry(1)));
  for (const std::string_view column :
       {"id = 'x'", "code = '\\x00'", "kind = 'x'", "issuer = 'x'", "issued_at = now()",
        "valid_until = now()", "file_sha256 = '\\x00'", "facts = '[]'", "change = 1",
        "change_tx = '1'"})
    EXPECT_NE(refusal(Role::service, "update verify.document set " + std::string(column))
                  .find("permission denied"),
              std::string::npos)
        << column;
  for (const std::string_view role_sql :
       {"delete from verify.document", "truncate verify.document"})
    EXPECT_NE(refusal(Role::service, std::string(role_sql)).find("permission denied"),
              std::string::npos);
  EXPECT_EQ(refusal(Role::verifier, "select * from verify.document"), "");
  for (const std::string_view role_sql :
       {"update verify.document set standing = 'revoked'", "delete from verify.document",
        "insert into verify.document (id) values ('x')", "select nextval('verify.change')"})
    EXPECT_NE(refusal(Role::verifier, std::string(role_sql)).find("permission denied"),
              std::string::npos);
}

TEST_F(RegisterTest, FollowersSeeEachChangeOnceAndInPages) {
  for (int i = 1; i <= 25; ++i) ASSERT_TRUE(record(test::entry(i)));
  Cursor cursor;
  const auto first = drain(cursor, 10);
  ASSERT_EQ(first.size(), 25u);
  for (std::size_t i = 1; i < first.size(); ++i) EXPECT_GT(first[i].change, first[i - 1].change);
  EXPECT_TRUE(drain(cursor).empty());

  ASSERT_TRUE(change(test::entry(7), Standing::revoked, "verify.reason.fraud"));
  ASSERT_TRUE(record(test::entry(26)));
  const auto second = drain(cursor);
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].id, test::entry(7).id);
  EXPECT_EQ(second[0].standing, Standing::revoked);
  EXPECT_GT(second[0].change, first.back().change);
  EXPECT_EQ(second[1].id, test::entry(26).id);
  EXPECT_TRUE(drain(cursor).empty());
}

TEST_F(RegisterTest, ARowThatCommitsLateIsNotMissed) {
  ASSERT_TRUE(record(test::entry(1)));
  Cursor cursor;
  ASSERT_EQ(drain(cursor).size(), 1u);
  // Takes its number, and then takes its time.
  auto late = pool_.begin();
  ASSERT_TRUE(late);
  ASSERT_TRUE(register_.record(*late, test::entry(2)));
  ASSERT_TRUE(record(test::entry(3)));
  const auto early = drain(cursor);
  ASSERT_EQ(early.size(), 1u) << "what is committed does not wait for what is not";
  EXPECT_EQ(early[0].id, test::entry(3).id);
  ASSERT_TRUE(late->commit());
  const auto rest = drain(cursor);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].id, test::entry(2).id);
  EXPECT_LT(rest[0].change, early[0].change) << "this is the gap that a bare number would leave";
}

TEST_F(RegisterTest, NothingIsMissedUnderManyWriters) {
  constexpr int kWriters = 3, kEach = 60;
  std::atomic<int> running{kWriters};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kEach; ++i) {
        const Entry entry = test::entry(1000 * (writer + 1) + i);
        EXPECT_TRUE(record(entry));
        if (i % 5 == 0) {
          EXPECT_TRUE(change(entry, Standing::suspended, "verify.reason.under_review"));
        }
      }
      --running;
    });
  Cursor cursor;
  std::map<std::string, Standing> seen;
  const auto read = [&] {
    for (const Entry& entry : drain(cursor, 7)) seen[entry.id.value()] = entry.standing;
  };
  while (running > 0) read();
  for (auto& writer : writers) writer.join();
  read();
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kWriters * kEach));
  int suspended = 0;
  for (const auto& [id, standing] : seen) suspended += standing == Standing::suspended;
  EXPECT_EQ(suspended, kWriters * kEach / 5);
}

TEST_F(RegisterTest, APassGoesOnWhereTheNumbersOfTransactionsGrowLonger) {
  for (int i = 1; i <= 6; ++i) ASSERT_TRUE(record(test::entry(i)));
  // 8, 9, 10, …: in the order of texts 10 comes first, and a position behind it loses 8 and 9.
  database_.sql(Role::superuser,
                "alter table verify.document disable trigger user;"
                "update verify.document set change_tx = (7 + change)::text::xid8;"
                "alter table verify.document enable trigger user");
  Cursor cursor;
  const auto all = drain(cursor, 2);
  ASSERT_EQ(all.size(), 6u);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(all[i].id, test::entry(static_cast<int>(i) + 1).id);
}

TEST_F(RegisterTest, AnotherDatabaseIsReadFromTheStart) {
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(record(test::entry(i)));
  Cursor cursor;
  ASSERT_EQ(drain(cursor).size(), 3u);
  cursor.history = "another cluster/00000001";
  auto changes = register_.changes(cursor, 100);
  ASSERT_TRUE(changes);
  EXPECT_TRUE(changes->restarted);
  EXPECT_EQ(changes->entries.size(), 3u);
}

TEST_F(RegisterTest, RowsOfARestoredDumpAreReadOnceThoughTheirTransactionsLieAhead) {
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(record(test::entry(i)));
  database_.sql(Role::superuser,
                "alter table verify.document disable trigger user;"
                "update verify.document set change_tx = '900000000000000000';"
                "alter table verify.document enable trigger user");
  Cursor cursor;
  EXPECT_EQ(drain(cursor, 2).size(), 3u);
  ASSERT_TRUE(record(test::entry(4)));
  EXPECT_EQ(drain(cursor).size(), 1u);
  ASSERT_TRUE(change(test::entry(2), Standing::revoked, "verify.reason.fraud"));
  const auto revoked = drain(cursor);
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(revoked[0].standing, Standing::revoked);
}

TEST_F(RegisterTest, TheVerifierRoleCanFollow) {
  ASSERT_TRUE(record(test::entry(1)));
  Register reader(database_.pool(Role::verifier));
  Cursor cursor;
  auto changes = reader.changes(cursor, 100);
  ASSERT_TRUE(changes) << changes.error().detail;
  EXPECT_EQ(changes->entries.size(), 1u);
}

}  // namespace
