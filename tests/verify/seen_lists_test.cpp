#include "verify/seen_lists.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "tests/support/pki.h"
#include "tests/verify/pdf_maker.h"

namespace {

using std::chrono::hours;
using verify::SeenLists;

class SeenListsTest : public testing::Test {
 protected:
  void SetUp() override {
    directory =
        std::filesystem::path(testing::TempDir()) / ("seen-lists-" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory);
    file = directory / "deep" / "seen.json";
  }
  void TearDown() override { std::filesystem::remove_all(directory); }
  std::string key(const certs::TrustList& list) {
    const auto done = verify::remember(file, list);
    return done ? "taken" : done.error().key;
  }
  certs::TrustList numbered(std::int64_t sequence) {
    auto list = pki.list();
    list.sequence = sequence;
    list.issued += hours(sequence);
    return list;
  }

  test::Pki pki;
  std::filesystem::path directory, file;
};

TEST_F(SeenListsTest, ASequenceNeverFalls) {
  EXPECT_EQ(key(numbered(5)), "taken");
  EXPECT_EQ(key(numbered(5)), "taken");
  EXPECT_EQ(key(numbered(9)), "taken");
  EXPECT_EQ(key(numbered(8)), "verify.seen.older");
  EXPECT_EQ(key(numbered(1)), "verify.seen.older");
  EXPECT_EQ(key(numbered(9)), "taken");
  auto other = numbered(9);
  other.issued += hours(1);
  EXPECT_EQ(key(other), "verify.seen.other") << "two lists of one number";
  EXPECT_EQ(key(numbered(9)), "taken");
}

TEST_F(SeenListsTest, EachRootHasItsOwn) {
  test::Pki stranger;
  EXPECT_EQ(key(numbered(5)), "taken");
  EXPECT_EQ(key(stranger.list()), "taken");
  EXPECT_EQ(key(numbered(4)), "verify.seen.older");
}

TEST_F(SeenListsTest, TheTextComesBack) {
  EXPECT_EQ(key(numbered(5)), "taken");
  const auto text = test::read_file(file);
  const auto state = SeenLists::parse(text);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->text(), text);
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SeenListsTest, ADamagedStateIsNoState) {
  EXPECT_EQ(key(numbered(5)), "taken");
  const auto good = test::read_file(file);
  for (const std::string& bad :
       {std::string(), std::string("{}"), good + " ", good.substr(0, good.size() / 2),
        std::string(R"({"version":2,"seen":[]})"), std::string(2 << 20, ' ')}) {
    test::write_file(file, bad);
    EXPECT_EQ(key(numbered(6)), "verify.seen.malformed");
    EXPECT_EQ(test::read_file(file), bad) << "evidence stays";
  }
}

TEST_F(SeenListsTest, ManyRootsDoNotPushOutAnOldOne) {
  SeenLists state;
  ASSERT_TRUE(state.take(numbered(5)));
  std::string text = state.text();
  std::string more;
  for (int i = 0; i < 1'023; ++i) {
    char root[65];
    std::snprintf(root, sizeof root, "%064x", i);
    more += std::string(R"({"root_sha256":")") + root +
            R"(","sequence":1,"issued":"2026-11-24T03:00:00Z"},)";
  }
  text.insert(text.find('[') + 1, more);
  auto full = SeenLists::parse(text);
  ASSERT_TRUE(full);
  test::Pki stranger;
  EXPECT_EQ(full->take(stranger.list()).error().key, "verify.seen.full");
  EXPECT_EQ(full->take(numbered(4)).error().key, "verify.seen.older");
}

TEST_F(SeenListsTest, ManyAtOnceKeepTheNewest) {
  std::vector<std::thread> threads;
  for (int i = 1; i <= 8; ++i)
    threads.emplace_back([&, i] { (void)verify::remember(file, numbered(i)); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(key(numbered(7)), "verify.seen.older");
  EXPECT_EQ(key(numbered(8)), "taken");
}

TEST_F(SeenListsTest, WhereNothingCanBeKeptIsTold) {
  test::write_file(directory.string() + ".plain", "");
  file = directory.string() + ".plain/seen.json";
  EXPECT_EQ(key(numbered(1)), "verify.seen.file");
  std::filesystem::remove(directory.string() + ".plain");
}

}  // namespace
