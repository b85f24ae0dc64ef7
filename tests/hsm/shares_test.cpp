// T of N: every T together have the secret, no T − 1 do, and what was altered is named.
#include "hsm/shares.h"

#include <gtest/gtest.h>

#include "hsm/envelope.h"
#include "tests/hsm/backup_house.h"

namespace hsm {
namespace {

/// All subsets of 0 … n−1 with k members.
std::vector<std::vector<int>> choose(int n, int k) {
  std::vector<std::vector<int>> all;
  for (int mask = 0; mask < 1 << n; ++mask) {
    std::vector<int> one;
    for (int i = 0; i < n; ++i)
      if (mask >> i & 1) one.push_back(i);
    if (static_cast<int>(one.size()) == k) all.push_back(one);
  }
  return all;
}

class SharesTest : public testing::Test {
 protected:
  base::SystemRandom random_;
  base::Secret secret_{random_.bytes(kBackupSecretBytes)};
  std::vector<Share> shares_ = *split(secret_, 3, 5, random_);

  std::vector<Share> some(const std::vector<int>& indices) {
    std::vector<Share> out;
    for (const int i : indices)
      out.push_back({shares_[static_cast<std::size_t>(i)].number,
                     shares_[static_cast<std::size_t>(i)].bytes.clone()});
    return out;
  }
};

TEST_F(SharesTest, EachThreeOfFiveHaveTheSecretAndNoTwoDo) {
  ASSERT_EQ(shares_.size(), 5u);
  const auto threes = choose(5, 3);
  ASSERT_EQ(threes.size(), 10u);
  for (const auto& three : threes) {
    const auto joined = join(some(three), 3);
    ASSERT_TRUE(joined.ok()) << joined.error().detail;
    EXPECT_TRUE(joined->equals(secret_.reveal()));
  }
  EXPECT_TRUE(join(some({0, 1, 2, 3, 4}), 3)->equals(secret_.reveal()));
  for (const auto& two : choose(5, 2)) {
    EXPECT_EQ(join(some(two), 3).error().key, "hsm.too_few_shares");
    // Whoever lies about the threshold has nothing either.
    EXPECT_EQ(join(some(two), 2).error().key, "hsm.backup_altered");
  }
}

TEST_F(SharesTest, TheSameShareTwiceIsOne) {
  EXPECT_EQ(join(some({0, 1, 1}), 3).error().key, "hsm.share_twice");
}

TEST_F(SharesTest, AnAlteredShareIsNoticedWhicheverByteItIs) {
  const auto size = shares_[0].bytes.reveal().size();
  for (std::size_t at = 0; at < size; ++at) {
    auto three = some({0, 1, 2});
    auto bytes = base::to_bytes(three[1].bytes.reveal());
    bytes[at] ^= 1;
    three[1].bytes = base::Secret(bytes);
    const auto joined = join(three, 3);
    ASSERT_FALSE(joined.ok()) << at;
    EXPECT_EQ(joined.error().key, "hsm.backup_altered");
  }
}

TEST_F(SharesTest, SharesOfTwoSplitsGiveNothing) {
  const auto other = *split(base::Secret(random_.bytes(32)), 3, 5, random_);
  auto mixed = some({0, 1});
  mixed.push_back({other[2].number, other[2].bytes.clone()});
  EXPECT_EQ(join(mixed, 3).error().key, "hsm.backup_altered");
}

TEST_F(SharesTest, TwoAtLeastAndOneMayBeAway) {
  for (const auto& [threshold, holders] :
       {std::pair(1, 3), {0, 3}, {2, 2}, {3, 3}, {3, 2}, {2, 33}})
    EXPECT_EQ(split(secret_, threshold, holders, random_).error().key, "hsm.threshold");
  EXPECT_TRUE(split(secret_, 2, 3, random_).ok());
  EXPECT_TRUE(split(secret_, 31, 32, random_).ok());
}

class EnclosedSharesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { house_ = new test::BackupHouse(2, 3); }
  static void TearDownTestSuite() { delete house_; }
  BackupHead head() {
    std::size_t ignored = 0;
    return *BackupHead::read(house_->file(), ignored);
  }
  Share open(int index) {
    return *open_share(head().header, *house_->officers[static_cast<std::size_t>(index)]->open());
  }
  static test::BackupHouse* house_;
};
test::BackupHouse* EnclosedSharesTest::house_ = nullptr;

TEST_F(EnclosedSharesTest, SharesAreTestedWithoutShowing) {
  std::vector<Share> two;
  two.push_back(open(0));
  two.push_back(open(2));
  EXPECT_TRUE(test_shares(head(), two).ok());
  two.pop_back();
  EXPECT_EQ(test_shares(head(), two).error().key, "hsm.too_few_shares");
  auto bytes = base::to_bytes(open(1).bytes.reveal());
  bytes.back() ^= 1;
  two.push_back({2, base::Secret(bytes)});
  const auto tested = test_shares(head(), two);
  ASSERT_FALSE(tested.ok());
  EXPECT_EQ(tested.error().detail, "share 2");
}

TEST_F(EnclosedSharesTest, AnAlteredEnvelopeIsNamedWithItsOfficer) {
  const auto card = house_->officers[1]->open();
  const auto good = head().header;
  EXPECT_TRUE(open_share(good, *card).ok());
  const std::vector<std::function<void(EnclosedShare&)>> bends{
      [](EnclosedShare& share) { share.encrypted[0] ^= 1; },
      [](EnclosedShare& share) { share.encrypted.back() ^= 1; },
      [](EnclosedShare& share) { share.encrypted.pop_back(); },
      [](EnclosedShare& share) { share.ephemeral.back() ^= 1; },
      [](EnclosedShare& share) { share.digest[0] ^= 1; },
      [](EnclosedShare& share) { share.holder.id = "officer-9"; }};
  for (const auto& bend : bends) {
    auto header = good;
    bend(header.shares[1]);
    const auto opened = open_share(header, *card);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().key, "hsm.backup_altered");
    EXPECT_EQ(opened.error().detail.rfind("share 2 (officer-", 0), 0u) << opened.error().detail;
  }
  auto header = good;  // an envelope moved to another number, or into another backup
  std::swap(header.shares[0], header.shares[1]);
  EXPECT_EQ(open_share(header, *card).error().key, "hsm.backup_altered");
  header = good;
  header.id[0] = header.id[0] == '0' ? '1' : '0';
  EXPECT_EQ(open_share(header, *card).error().key, "hsm.backup_altered");
}

TEST_F(EnclosedSharesTest, AStrangersCardIsNamedAndTheHoldersAreToldOf) {
  test::Card stranger("card-stranger");
  const auto card = stranger.open();
  const auto opened = open_share(head().header, *card);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().key, "hsm.wrong_officer");
  EXPECT_NE(opened.error().detail.find("card-stranger"), std::string::npos);
  EXPECT_NE(opened.error().detail.find("officer-2 官员2"), std::string::npos);
}

}  // namespace
}  // namespace hsm
