// Laws of the register in memory.
#include "verify/snapshot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/postgres.h"
#include "tests/verify/entries.h"

namespace {

using test::Role;
using verify::Entry;
using verify::Register;
using verify::Snapshot;
using verify::Standing;

TEST(SnapshotTest, GivesBackWhatWasPutIn) {
  Snapshot snapshot;
  Entry entry = test::entry(1);
  entry.change = 5;
  entry.valid_until = entry.issued_at + std::chrono::hours(1);
  entry.standing = Standing::superseded;
  entry.standing_reason = "verify.reason.replaced";
  entry.standing_since = entry.issued_at;
  entry.successor = verify::DocumentId("doc-2");
  snapshot.apply(entry);
  auto found = snapshot.find(entry.code);
  ASSERT_TRUE(found);
  EXPECT_TRUE(test::same(*found, entry));
  found = snapshot.find_by_file(entry.file_sha256);
  ASSERT_TRUE(found);
  EXPECT_TRUE(test::same(*found, entry));
  EXPECT_FALSE(snapshot.find(test::entry(2).code));
  EXPECT_FALSE(snapshot.find_by_file(test::entry(2).file_sha256));
  EXPECT_EQ(snapshot.size(), 1u);
  EXPECT_EQ(snapshot.newest_change(), 5);
}

TEST(SnapshotTest, AnOlderChangeDoesNotReplaceALaterOne) {
  Snapshot snapshot;
  Entry entry = test::entry(1);
  entry.change = 5;
  entry.standing = Standing::revoked;
  snapshot.apply(entry);
  entry.change = 4;
  entry.standing = Standing::in_force;
  snapshot.apply(entry);
  EXPECT_EQ(snapshot.find(entry.code)->standing, Standing::revoked);
  entry.change = 0;  // as the issuing instance puts it in
  snapshot.apply(entry);
  EXPECT_EQ(snapshot.find(entry.code)->standing, Standing::revoked);
  EXPECT_EQ(snapshot.size(), 1u);
}

TEST(SnapshotTest, KeepsManyWithinItsPromisedSize) {
  Snapshot snapshot;
  constexpr int kMany = 20'000;
  for (int i = 0; i < kMany; ++i) {
    Entry entry = test::entry(i);
    entry.change = i + 1;
    snapshot.apply(entry);
  }
  EXPECT_EQ(snapshot.size(), static_cast<std::size_t>(kMany));
  EXPECT_LT(snapshot.memory_bytes() / kMany, 400u);
  for (int i = 0; i < kMany; ++i) {
    ASSERT_EQ(snapshot.find(test::entry(i).code)->file_bytes, 30'000 + i);
    ASSERT_EQ(snapshot.find_by_file(test::entry(i).file_sha256)->file_bytes, 30'000 + i);
  }
}

TEST(SnapshotTest, ReadersSeeWholeEntriesWhileTheWriterWorks) {
  Snapshot snapshot;
  constexpr int kDocuments = 500, kRounds = 20;
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader)
    readers.emplace_back([&] {
      std::vector<std::int64_t> last(kDocuments, 0);
      while (!done)
        for (int i = 0; i < kDocuments; ++i) {
          const auto found = snapshot.find(test::entry(i).code);
          if (!found) continue;
          ASSERT_GE(found->change, last[i]) << "time ran backwards";
          last[i] = found->change;
          ASSERT_EQ(found->standing_reason, "reason." + std::to_string(found->change));
        }
    });
  std::int64_t change = 0;
  for (int round = 0; round < kRounds; ++round)
    for (int i = 0; i < kDocuments; ++i) {
      Entry entry = test::entry(i);
      entry.change = ++change;
      entry.standing_reason = "reason." + std::to_string(change);
      snapshot.apply(entry);
    }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(snapshot.size(), static_cast<std::size_t>(kDocuments));
}

class SnapshotFollowTest : public ::testing::Test {
 protected:
  test::Database database_;
  store::Pool& pool_ = database_.pool();
  Register register_{pool_};
  Snapshot snapshot_;

  void record(const Entry& entry) {
    auto tx = pool_.begin();
    ASSERT_TRUE(tx);
    ASSERT_TRUE(register_.record(*tx, entry));
    ASSERT_TRUE(tx->commit());
  }
};

TEST_F(SnapshotFollowTest, FollowsIssuingAndRevocation) {
  record(test::entry(1));
  record(test::entry(2));
  EXPECT_EQ(*snapshot_.follow(register_), 2u);
  EXPECT_EQ(*snapshot_.follow(register_), 0u);
  auto tx = pool_.begin();
  ASSERT_TRUE(tx);
  ASSERT_TRUE(register_.change(*tx, test::entry(1).id, Standing::revoked, "verify.reason.fraud",
                               base::from_unix_s(1'795'489'200)));
  ASSERT_TRUE(tx->commit());
  EXPECT_EQ(*snapshot_.follow(register_), 1u);
  EXPECT_EQ(snapshot_.find(test::entry(1).code)->standing, Standing::revoked);
  EXPECT_EQ(snapshot_.find(test::entry(2).code)->standing, Standing::in_force);
}

TEST_F(SnapshotFollowTest, AnotherDatabaseReplacesWhatWasKnown) {
  for (int i = 1; i <= 3; ++i) record(test::entry(i));
  ASSERT_EQ(*snapshot_.follow(register_), 3u);
  const std::size_t before = snapshot_.memory_bytes();
  // As after a failover that lost the last transaction and had another one since.
  test::Database other;
  Register elsewhere(other.pool());
  auto tx = other.pool().begin();
  ASSERT_TRUE(tx);
  for (const int i : {1, 2, 4}) ASSERT_TRUE(elsewhere.record(*tx, test::entry(i)));
  ASSERT_TRUE(tx->commit());
  ASSERT_EQ(*snapshot_.follow(elsewhere), 3u);
  EXPECT_EQ(snapshot_.size(), 3u);
  EXPECT_TRUE(snapshot_.find(test::entry(1).code));
  EXPECT_TRUE(snapshot_.find(test::entry(4).code));
  EXPECT_FALSE(snapshot_.find(test::entry(3).code));
  EXPECT_FALSE(snapshot_.find_by_file(test::entry(3).file_sha256));
  EXPECT_EQ(snapshot_.memory_bytes(), before) << "what is the same is not packed again";
}

TEST_F(SnapshotFollowTest, KeepsAnsweringWhenTheDatabaseIsGone) {
  record(test::entry(1));
  ASSERT_TRUE(snapshot_.follow(register_));
  store::Pool dead({.conninfo = "host=/nonexistent dbname=x user=x connect_timeout=1"});
  Register away(dead);
  auto failed = snapshot_.follow(away);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, base::Code::unavailable);
  EXPECT_TRUE(snapshot_.find(test::entry(1).code));
  record(test::entry(2));
  EXPECT_EQ(*snapshot_.follow(register_), 1u) << "goes on where it was";
}

}  // namespace
