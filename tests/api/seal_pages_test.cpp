// Seals at the console, as browsers see it. LD/T 01-2020 5.3.4;
// docs/decisions/0182-life-of-a-seal.md.
#include <gmock/gmock.h>

#include "seal/seals.h"
#include "tests/api/staff_scene.h"
#include "tests/support/active_seal.h"

namespace {

using test::Browser;
using testing::HasSubstr;
using testing::Not;

using Form = std::vector<std::pair<std::string, std::string>>;

class SealPagesTest : public test::StaffScene {
 protected:
  Form application() {
    return {{"id", id_},
            {"name", "江州市社保中心业务专用章"},
            {"type", "business"},
            {"owner", "江州市社保中心"},
            {"owner_code", "x"},
            {"shape", "round"},
            {"width", "42"},
            {"height", "42"},
            {"text", "江州市社保中心"},
            {"caption", "业务专用章"},
            {"from", "2025-01-01"},
            {"until", "2034-12-31"},
            {"pdf_key", "seal-1"},
            {"ofd_key", ""},
            {"format", "4"},
            {"policy", R"({"kinds":["*"]})"}};
  }
  test::Answer apply(Browser& browser, const std::string& field = {},
                     const std::string& value = {}) {
    auto form = application();
    for (auto& [name, there] : form)
      if (name == field) there = value;
    if (field == "look") form.emplace_back("look", "yes");
    browser.get("/staff/seals");
    return browser.post("/staff/seals", form);
  }
  /// The address of the seal's open request.
  std::string request(Browser& browser) {
    const auto page = browser.get("/staff/seals").body;
    const auto at = page.find(id_);
    const auto mark = at == std::string::npos ? at : page.rfind("/staff/seal-requests/", at);
    return mark == std::string::npos ? "" : page.substr(mark, 21 + 32);
  }
  test::Answer decide(Browser& browser, const std::string& address, const std::string& decision,
                      const std::string& reason = "") {
    browser.get(address);
    return browser.post(address, {{"decision", decision}, {"reason", reason}});
  }
  test::Answer act(Browser& browser, const Form& form) {
    browser.get("/staff/seals/" + id_);
    return browser.post("/staff/seals/" + id_, form);
  }
  std::string state() { return sql("select state from seal.seal where id = '" + id_ + "'"); }

  base::SystemRandom random_;
  const std::string id_ = test::fresh_seal_number(random_);
};

TEST_F(SealPagesTest, WhoIsNoStaffFindsNothingThere) {
  auto browser = at_desk(somebody());
  EXPECT_EQ(browser.get("/staff/seals").status, 404);
  EXPECT_EQ(browser.get("/staff/seals/" + id_).status, 404);
  browser.get("/account");  // a page of his own, for the token against forgery
  EXPECT_EQ(browser.post("/staff/seals", application()).status, 404);
  EXPECT_EQ(browser.post("/staff/seals/" + id_, {{"act", "suspend"}, {"reason", "r"}}).status, 404);
  EXPECT_EQ(browser.post("/staff/seal-requests/x", {{"decision", "approve"}}).status, 404);
}

TEST_F(SealPagesTest, ASealLivesItsLifeAtTheConsole) {
  auto one = at_desk(member()), two = at_desk(member()), three = at_desk(member());
  ASSERT_EQ(apply(one).header("location"), "/staff/seals?done=asked");
  const auto address = request(two);
  ASSERT_NE(address, "");
  // Who approves sees the picture, and what is asked for.
  const auto page = two.get(address).body;
  EXPECT_THAT(page, HasSubstr("data:image/svg+xml;base64,"));
  EXPECT_THAT(page, HasSubstr("江州市社保中心业务专用章"));
  EXPECT_EQ(decide(one, address, "approve").status, 403);
  EXPECT_EQ(decide(two, address, "approve").header("location"), "/staff/seals?done=waiting");
  EXPECT_EQ(decide(two, address, "approve").status, 409);
  EXPECT_EQ(decide(three, address, "approve").header("location"), "/staff/seals?done=approved");
  EXPECT_EQ(state(), "approved");
  EXPECT_EQ(act(one, {{"act", "activate"}}).status, 409) << "not made yet";
  EXPECT_EQ(act(one, {{"act", "make"}}).header("location"), "/staff/seals/" + id_ + "?done=made");
  EXPECT_EQ(act(one, {{"act", "activate"}}).header("location"),
            "/staff/seals/" + id_ + "?done=activated");
  EXPECT_EQ(state(), "active");
  EXPECT_EQ(act(two, {{"act", "suspend"}, {"reason", ""}}).status, 400);
  EXPECT_EQ(act(two, {{"act", "suspend"}, {"reason", "查账"}}).header("location"),
            "/staff/seals/" + id_ + "?done=suspended");
  EXPECT_EQ(state(), "suspended");
  const auto suspended = two.get("/staff/seals/" + id_).body;
  EXPECT_THAT(suspended, HasSubstr("查账"));
  EXPECT_THAT(suspended, HasSubstr("value=\"resume\""));
  EXPECT_THAT(suspended, Not(HasSubstr("value=\"activate\"")));
  EXPECT_EQ(act(one, {{"act", "resume"}, {"reason", "已查明"}}).header("location"),
            "/staff/seals/" + id_ + "?done=asked");
  EXPECT_EQ(decide(two, request(two), "refuse", "").status, 400);
  EXPECT_EQ(decide(two, request(two), "refuse", "证据不足").header("location"),
            "/staff/seals?done=refused");
  EXPECT_EQ(state(), "suspended");
}

TEST_F(SealPagesTest, TheFormBeginsWithAPolicyAndNoPicture) {
  auto browser = at_desk(member());
  const auto page = browser.get("/staff/seals").body;
  EXPECT_THAT(page, HasSubstr("&quot;uses&quot;: [&quot;own&quot;, &quot;batch&quot;]"));
  EXPECT_THAT(page, Not(HasSubstr("seal-picture")));
}

TEST_F(SealPagesTest, WhatIsWrongIsNamedAndWhatWasTypedIsThere) {
  auto browser = at_desk(member());
  const struct {
    const char *field, *value, *place;
  } cases[] = {{"id", "123", "/id"},
               {"width", "many", "/picture/width_mm"},
               {"until", "2020-01-01", "/valid/until"},
               {"policy", "{", "/policy"},
               {"policy", R"({"kinds":[]})", "/policy/kinds"},
               {"pdf_key", "", "/keys/pdf"}};
  for (const auto& one : cases) {
    const auto answer = apply(browser, one.field, one.value);
    EXPECT_EQ(answer.status, 400) << one.field;
    EXPECT_THAT(answer.body, HasSubstr(std::string("<b>") + one.place)) << one.field;
    EXPECT_THAT(answer.body, HasSubstr("江州市社保中心业务专用章")) << one.field;
    EXPECT_THAT(answer.body, Not(HasSubstr("seal-picture"))) << "no picture of what is wrong";
  }
  // A character that no font has is said before anybody approves it.
  EXPECT_THAT(apply(browser, "text", "江州\uE000").body, HasSubstr("\uE000"));
  EXPECT_EQ(request(browser), "");
}

TEST_F(SealPagesTest, LookingAtThePictureAsksNothing) {
  auto browser = at_desk(member());
  const auto answer = apply(browser, "look");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("data:image/svg+xml;base64,"));
  EXPECT_THAT(answer.body, HasSubstr("江州市社保中心业务专用章"));
  EXPECT_EQ(request(browser), "");
}

}  // namespace
