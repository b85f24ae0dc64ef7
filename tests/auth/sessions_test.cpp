// security.md §3.B 25–31.
#include "auth/sessions.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::House;
using namespace std::chrono_literals;

class SessionsTest : public testing::Test {
 protected:
  House house;
  SubjectId subject = house.new_person(fresh_name());
};

TEST_F(SessionsTest, FoundByItsCookieAlone) {
  const auto opened = house.sessions.open(subject, Method::password);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(base::from_base64url(opened->cookie).value().size(), 32U);
  const auto found = house.sessions.find(opened->cookie).value();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, opened->session.id);
  EXPECT_EQ(found->subject, subject);
  EXPECT_EQ(found->authentication, Authentication::password);
  EXPECT_EQ(found->authenticated_at, house.clock.now());
  EXPECT_EQ(found->csrf, opened->session.csrf);
  for (const std::string& wrong :
       {std::string(), opened->session.id, opened->session.csrf, opened->cookie + "=",
        std::string(43, 'A'), opened->cookie.substr(1), std::string(1 << 16, 'x')})
    EXPECT_FALSE(house.sessions.find(wrong)->has_value());
}

TEST_F(SessionsTest, B25_B26_EachLoginHasItsOwn) {
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const auto opened = house.sessions.open(subject, Method::password).value();
    for (const auto& text : {opened.cookie, opened.session.id, opened.session.csrf})
      EXPECT_TRUE(seen.insert(text).second);
  }
}

TEST_F(SessionsTest, B30_IdleAndAbsoluteLife) {
  const auto idle = house.sessions.open(subject, Method::password).value().cookie;
  house.clock.advance(1799s);
  EXPECT_TRUE(house.sessions.find(idle)->has_value());
  house.clock.advance(1799s);
  EXPECT_TRUE(house.sessions.find(idle)->has_value()) << "it was used in between";
  house.clock.advance(1800s);
  EXPECT_FALSE(house.sessions.find(idle)->has_value());

  const auto busy = house.sessions.open(subject, Method::password).value().cookie;
  for (int minutes = 0; minutes < 8 * 60 - 20; minutes += 20) {
    house.clock.advance(20min);
    ASSERT_TRUE(house.sessions.find(busy)->has_value()) << minutes;
  }
  house.clock.advance(20min);
  EXPECT_FALSE(house.sessions.find(busy)->has_value());
}

TEST_F(SessionsTest, B33_ASessionOfAPersonWhoIsSwitchedOffIsNone) {
  const auto opened = house.sessions.open(subject, Method::password).value();
  house.sql("update auth.subject set active = false where id = '" + subject.value() + "'");
  EXPECT_FALSE(house.sessions.find(opened.cookie)->has_value())
      << "also one that was opened meanwhile";
  EXPECT_EQ(test_house::refusal_of(house.provider.actor(opened.session)), "auth.session_over");
}

TEST_F(SessionsTest, APageViewIsNotAWrite) {
  const auto opened = house.sessions.open(subject, Method::password).value();
  const auto seen = "select seen_at from auth.session where id = '" + opened.session.id + "'";
  const auto before = house.sql(seen);
  house.clock.advance(59s);
  ASSERT_TRUE(house.sessions.find(opened.cookie)->has_value());
  EXPECT_EQ(house.sql(seen), before);
  house.clock.advance(1s);
  ASSERT_TRUE(house.sessions.find(opened.cookie)->has_value());
  EXPECT_NE(house.sql(seen), before);
}

TEST_F(SessionsTest, B31_LogoutEndsItHereAndTheTokensOfIt) {
  const auto client = house.new_client();
  const auto first = house.sessions.open(subject, Method::password).value();
  const auto second = house.sessions.open(subject, Method::password).value();
  const auto first_tokens = house.tokens_for(client, first.session);
  const auto second_tokens = house.tokens_for(client, second.session);
  ASSERT_TRUE(house.sessions.close(first.cookie).ok());
  EXPECT_FALSE(house.sessions.find(first.cookie)->has_value());
  EXPECT_TRUE(house.sessions.find(second.cookie)->has_value());
  EXPECT_FALSE(house.provider.actor(base::json_text(first_tokens, "access_token")).ok());
  EXPECT_TRUE(house.provider.actor(base::json_text(second_tokens, "access_token")).ok());
  EXPECT_EQ(house.sql("select outcome from audit.entry where act = 'logout' and object = '" +
                      first.session.id + "'"),
            "ok");
  EXPECT_TRUE(house.sessions.close(first.cookie).ok()) << "twice is no error";
  EXPECT_TRUE(house.sessions.close("rubbish").ok());
}

}  // namespace
}  // namespace auth
