// Token keys follow each other: published before they sign, and after. docs/decisions/0104
#include "api/openid_keys.h"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using api::TokenKeyLife;

const base::Time kStart = base::from_unix_s(1'795'489'200);
constexpr auto kAhead = 1h;
constexpr auto kKeep = 24h;

/// "2* 1": which are published, and which of them signs.
std::string at(const std::vector<TokenKeyLife>& lives, base::Time now) {
  const auto turns = api::key_turns(lives, now, kAhead, kKeep);
  std::string out;
  for (const auto i : turns.published)
    out += (out.empty() ? "" : " ") + lives[i].label + (i == turns.signs ? "*" : "");
  return out;
}

TEST(OpenidKeysTest, TheNextKeyIsPublishedThenSignsThenIsAlone) {
  const std::vector<TokenKeyLife> one{{"1", kStart, kStart + 24h * 365}};
  EXPECT_EQ(at(one, kStart), "1*") << "the first one does not wait for itself";
  const std::vector<TokenKeyLife> two{{"2", kStart + 24h * 300, kStart + 24h * 700}, one[0]};
  const auto begins = two[0].begins;
  EXPECT_EQ(at(two, begins), "2 1*");
  EXPECT_EQ(at(two, begins + kAhead - 1s), "2 1*");
  EXPECT_EQ(at(two, begins + kAhead), "2* 1");
  EXPECT_EQ(at(two, begins + kAhead + kKeep - 1s), "2* 1");
  EXPECT_EQ(at(two, begins + kAhead + kKeep), "2*");
}

TEST(OpenidKeysTest, AKeyWhoseUseIsOverSignsNoMore) {
  const std::vector<TokenKeyLife> two{{"2", kStart + 24h * 365, kStart + 24h * 700},
                                      {"1", kStart, kStart + 24h * 365}};
  EXPECT_EQ(at(two, kStart + 24h * 365 + 1s), "2* 1")
      << "the next one came late: it signs at once, and tokens of the first live on";
  EXPECT_EQ(at(two, kStart + 24h * 366 + 1h), "2*");
  EXPECT_EQ(at(two, kStart + 24h * 701), "") << "none: nothing is signed, and nobody hopes";
}

TEST(OpenidKeysTest, AMissingMemberOfTheFamilyLeavesTheOthersInOrder) {
  // Key 2 was compromised: the trust list does not trust it, so it is not among these.
  const std::vector<TokenKeyLife> lives{{"3", kStart + 24h * 310, kStart + 24h * 700},
                                        {"1", kStart, kStart + 24h * 365}};
  EXPECT_EQ(at(lives, kStart + 24h * 310 + 1min), "3 1*");
  EXPECT_EQ(at(lives, kStart + 24h * 310 + 1h), "3* 1");
  EXPECT_EQ(at({}, kStart), "");
}

TEST(OpenidKeysTest, TwoNewOnesAtOnceBeginWithTheOlder) {
  const std::vector<TokenKeyLife> lives{{"2", kStart, kStart + 24h * 365},
                                        {"1", kStart, kStart + 24h * 365}};
  EXPECT_EQ(at(lives, kStart), "2 1*");
  EXPECT_EQ(at(lives, kStart + kAhead), "2* 1");
}

}  // namespace
