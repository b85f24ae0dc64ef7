// Signs of somebody else at work: identity.md §1.7; LD/T 01-2020 6.2.5e.
#include "auth/risk_signs.h"

#include <gtest/gtest.h>

namespace auth {
namespace {

using namespace std::chrono_literals;

class RiskSignsTest : public testing::Test {
 protected:
  std::vector<SignRow> rows;
  base::Time now = base::from_unix_s(1'795'489'200);

  void add(base::Time::duration later, std::string act, std::string outcome = "ok",
           std::string network = "") {
    now += later;
    rows.push_back({now, std::move(act), std::move(outcome), std::move(network)});
  }
  std::string signs() const {
    std::string out;
    for (const auto& one : risk_signs(rows)) out += std::string(to_text(one.kind)) + " ";
    return out;
  }
};

TEST_F(RiskSignsTest, AnOrdinaryLifeHasNone) {
  for (int day = 0; day < 30; ++day) {
    add(24h, "login.password", "ok", "home");
    if (day % 7 == 0) add(1min, "login.password", "auth.login_failed", "home");
  }
  add(1min, "password.change");
  EXPECT_EQ(signs(), "");
}

TEST_F(RiskSignsTest, FiveFailuresWithinAnHourAreGuesses) {
  for (int i = 0; i < 4; ++i) add(10min, "login.password", "auth.login_failed");
  EXPECT_EQ(signs(), "");
  add(31min, "login.password", "auth.login_failed");
  EXPECT_EQ(signs(), "") << "the first is an hour and a minute old";
  add(1min, "login.totp", "auth.code.wrong");
  EXPECT_EQ(signs(), "guesses ");
  for (int i = 0; i < 4; ++i) add(1min, "login.password", "auth.login_failed");
  EXPECT_EQ(signs(), "guesses ") << "told once, counted anew";
  rows.clear();
  for (int i = 0; i < 9; ++i) add(1min, "login.password", "auth.locked_until");
  EXPECT_EQ(signs(), "");
}

TEST_F(RiskSignsTest, ALoginFromElsewhereAndWhatIsChangedAfterIt) {
  add(1h, "login.password", "ok", "home");
  add(1h, "factor.add");
  EXPECT_EQ(signs(), "") << "the first place is no news";
  add(1h, "login.password", "auth.login_failed", "abroad");
  EXPECT_EQ(signs(), "") << "he did not get in";
  add(1h, "login.password", "ok", "abroad");
  EXPECT_EQ(signs(), "new_network ");
  add(23h, "subject.change");
  EXPECT_EQ(signs(), "changed_from_new_network new_network ");
  add(1h, "password.change");
  EXPECT_EQ(signs(), "changed_from_new_network new_network ") << "once for each";
  add(1h, "login.password", "ok", "abroad");
  add(1h, "login.password", "ok", "home");
  EXPECT_EQ(signs(), "changed_from_new_network new_network ") << "both are known";
}

TEST_F(RiskSignsTest, AChangeADayLaterIsNone) {
  add(1h, "login.password", "ok", "home");
  add(1h, "login.password", "ok", "abroad");
  add(25h, "factor.remove");
  EXPECT_EQ(signs(), "new_network ");
}

TEST_F(RiskSignsTest, ThreeNetworksWithinADay) {
  add(1h, "login.password", "ok", "a");
  add(1h, "login.password", "ok", "b");
  add(1h, "login.password", "ok", "c");
  EXPECT_EQ(signs(), "many_networks new_network new_network ");
  add(1h, "login.password", "ok", "a");
  EXPECT_EQ(signs(), "many_networks new_network new_network ") << "once a day";
}

}  // namespace
}  // namespace auth
