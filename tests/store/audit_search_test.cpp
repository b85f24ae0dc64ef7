// Looking into the trail: LD/T 01-2020 6.2.5e.
#include "store/audit_search.h"

#include <gtest/gtest.h>

#include "store/audit.h"
#include "tests/support/postgres.h"

namespace store {
namespace {

using namespace std::chrono_literals;

class AuditSearchTest : public testing::Test {
 protected:
  test::Database database_;
  Pool& pool() { return database_.pool(); }
  const base::Time start = base::from_unix_s(1'795'489'200);

  /// One a minute; every third by a, the others by b to a.
  void append(int count) {
    for (int i = 0; i < count; ++i) {
      auto tx = pool().begin().value();
      ASSERT_TRUE(audit(tx, {start + i * 1min, i % 3 == 0 ? "a" : "b", "act",
                             i % 3 == 0 ? "thing" : "a", "ok"})
                      .ok());
      ASSERT_TRUE(tx.commit().ok());
    }
  }
  std::string numbers(const AuditLines& page) {
    std::string out;
    for (const auto& line : page.lines) out += std::to_string(line.seq) + " ";
    return out;
  }
  std::string asked(const AuditQuestion& question) {
    const auto page = search_audit(pool(), question);
    EXPECT_TRUE(page.ok()) << page.error().detail;
    return page.ok() ? numbers(*page) : "";
  }
};

TEST_F(AuditSearchTest, AnEmptyTrailHasNoLines) {
  const auto page = search_audit(pool(), {}).value();
  EXPECT_TRUE(page.lines.empty());
  EXPECT_EQ(page.next, 0);
  EXPECT_EQ(asked({.from = start, .until = start + 1h}), "");
}

TEST_F(AuditSearchTest, PagesGoOnFromAKeyUntilThereIsNone) {
  append(7);
  const auto first = search_audit(pool(), {.most = 3}).value();
  EXPECT_EQ(numbers(first), "7 6 5 ");
  const auto second = search_audit(pool(), {.before = first.next, .most = 3}).value();
  EXPECT_EQ(numbers(second), "4 3 2 ");
  const auto third = search_audit(pool(), {.before = second.next, .most = 3}).value();
  EXPECT_EQ(numbers(third), "1 ");
  EXPECT_EQ(third.next, 0);
}

TEST_F(AuditSearchTest, ByWhoActedAndByWhomItConcerns) {
  append(7);
  EXPECT_EQ(asked({.actor = "a"}), "7 4 1 ");
  EXPECT_EQ(asked({.concerning = "thing"}), "7 4 1 ");
  EXPECT_EQ(asked({.concerning = "a"}), "7 6 5 4 3 2 1 ");
  EXPECT_EQ(asked({.actor = "nobody"}), "");
  const auto page = search_audit(pool(), {.concerning = "a", .most = 4}).value();
  EXPECT_EQ(numbers(page), "7 6 5 4 ");
  EXPECT_EQ(asked({.concerning = "a", .before = page.next}), "3 2 1 ");
}

TEST_F(AuditSearchTest, ByTimeToTheMomentThoughClocksDiffer) {
  append(60);
  EXPECT_EQ(asked({.from = start + 57min}), "60 59 58 ");
  EXPECT_EQ(asked({.until = start + 2min}), "2 1 ");
  EXPECT_EQ(asked({.from = start + 20min, .until = start + 22min}), "22 21 ");
  EXPECT_EQ(asked({.actor = "a", .from = start + 20min, .until = start + 27min}), "25 22 ");
  EXPECT_EQ(asked({.from = start + 2h}), "");
  EXPECT_EQ(asked({.until = start - 1h}), "");
  // An instance whose clock is four minutes behind wrote in between.
  auto tx = pool().begin().value();
  ASSERT_TRUE(audit(tx, {start + 56min, "late", "act", "x", "ok"}).ok());
  ASSERT_TRUE(tx.commit().ok());
  EXPECT_EQ(asked({.from = start + 56min, .until = start + 57min}), "61 57 ");
}

}  // namespace
}  // namespace store
