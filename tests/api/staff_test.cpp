// The console of staff, as browsers see it. LD/T 01-2020 6.2.5, 6.1.2e;
// docs/decisions/0151-staff-desk.md.
#include <gmock/gmock.h>

#include "auth/portals.h"
#include "tests/api/staff_scene.h"

namespace {

using test::Answer;
using test::Browser;
using testing::HasSubstr;
using testing::Not;

class StaffTest : public test::StaffScene {
 protected:
  /// The request that the queue shows for this subject or client.
  std::string request_of(Browser& browser, const std::string& id) {
    const auto page = browser.get("/staff/requests").body;
    const auto at = page.find(id);
    if (at == std::string::npos) return "";
    const auto mark = page.rfind("/staff/requests/", at);
    return page.substr(mark + 16, 32);
  }
};

constexpr const char* kPages[] = {"/staff", "/staff/requests", "/staff/portals", "/staff/tokens",
                                  "/staff/trail"};

TEST_F(StaffTest, WhoIsNoStaffFindsNothingThere) {
  const auto citizen = somebody();
  auto browser = at_desk(citizen);
  const auto nowhere = browser.get("/no/such/page");
  const auto blurred = [](const Answer& answer) {  // but for what is different at every answer
    auto body = answer.body;
    for (const char* mark : {"nonce=\"", "<code>"})
      for (auto at = body.find(mark); at != std::string::npos; at = body.find(mark, at + 1)) {
        const auto begin = at + std::string_view(mark).size();
        body.erase(begin, body.find_first_of("\"<", begin) - begin);
      }
    return std::to_string(answer.status) + body;
  };
  for (const auto* page : kPages) EXPECT_EQ(blurred(browser.get(page)), blurred(nowhere)) << page;
  EXPECT_EQ(browser.get(person(somebody())).status, 404);
  EXPECT_EQ(browser.get("/account").status, 200);
  for (const auto* deed : {"/lock", "/unlock", "/reset", "/ask"})
    EXPECT_EQ(browser.post(person(citizen) + deed, {{"reason", "r"}}).status, 404) << deed;
  EXPECT_EQ(browser.post("/staff/find", {{"login_name", citizen.login_name}}).status, 404);
  for (const auto* deed : {"/staff/requests/x", "/staff/portals", "/staff/portals/x",
                           "/staff/tokens", "/staff/tokens/x"})
    EXPECT_EQ(browser.post(deed, {{"reason", "r"}}).status, 404) << deed;
  EXPECT_THAT(browser.get("/account").body, Not(HasSubstr("href=\"/staff\"")));
}

TEST_F(StaffTest, StaffNeedTwoKindsOfProof) {
  const auto staff = member();
  auto browser = browser_of(staff, auth::Method::password);
  EXPECT_EQ(browser.get("/staff").header("location"),
            "/account/security?done=staff&return_to=%2Fstaff");
  EXPECT_THAT(browser.get("/account/security?done=staff&return_to=%2Fstaff").body,
              HasSubstr("href=\"/staff\""));
  const auto citizen = somebody();
  EXPECT_EQ(browser.post(person(citizen) + "/lock", {{"reason", "r"}}).status, 303);
  EXPECT_EQ(sql("select active from auth.subject where id = '" + citizen.id.value() + "'"), "t");
  // With a factor there that was not shown: to the second step.
  auto tx = house_.services().pool.begin().value();
  ASSERT_TRUE(auth::add_factor(tx, *rooms()->cipher, house_.services().random,
                               {staff.id, auth::FactorKind::totp, "app", base::as_bytes("x")},
                               staff.id.value(), house_.services().clock.now())
                  .ok());
  ASSERT_TRUE(tx.commit().ok());
  EXPECT_EQ(browser.get("/staff/trail").header("location"),
            "/login/second?return_to=%2Fstaff%2Ftrail");
  EXPECT_THAT(at_desk(staff).get("/account").body, HasSubstr("href=\"/staff\""));
}

TEST_F(StaffTest, DeedsNeedALoginJustMade) {
  auto browser = at_desk(member());
  const auto citizen = somebody();
  EXPECT_EQ(browser.get(person(citizen)).status, 200);
  house_.pki().clock().advance(std::chrono::minutes(11));
  EXPECT_EQ(browser.get(person(citizen)).status, 200) << "looking goes on";
  const auto asked = browser.post(person(citizen) + "/lock", {{"reason", "挂失"}});
  EXPECT_EQ(asked.header("location"),
            "/login?fresh=1&return_to=" + api::percent_encode(person(citizen)));
  for (const auto* deed : {"/unlock", "/reset", "/ask"})
    EXPECT_THAT(browser.post(person(citizen) + deed, {{"reason", "r"}}).header("location"),
                HasSubstr("/login?fresh=1"))
        << deed;
  for (const auto* deed : {"/staff/requests/x", "/staff/portals", "/staff/portals/x",
                           "/staff/tokens", "/staff/tokens/x"})
    EXPECT_THAT(browser.post(deed, {{"reason", "r"}}).header("location"),
                HasSubstr("/login?fresh=1"))
        << deed;
  EXPECT_EQ(sql("select active from auth.subject where id = '" + citizen.id.value() + "'"), "t");
}

TEST_F(StaffTest, Ldt01_6_2_5e_APersonIsFoundByTheWholeNumberAndShownInPart) {
  const auto staff = member();
  auto browser = at_desk(staff);
  const auto citizen = somebody("欧阳小明");
  browser.get("/staff");
  const auto found = browser.post(
      "/staff/find", {{"id_type", "cn-id"}, {"id_number", citizen.number}, {"country", ""}});
  EXPECT_EQ(found.header("location"), person(citizen));
  const auto page = browser.get(person(citizen));
  EXPECT_THAT(page.body, HasSubstr("欧**明"));
  EXPECT_THAT(page.body, Not(HasSubstr("欧阳小明")));
  EXPECT_THAT(page.body, Not(HasSubstr(citizen.number)));
  EXPECT_THAT(page.body, HasSubstr(citizen.number.substr(14)));
  browser.get("/staff");
  EXPECT_EQ(browser.post("/staff/find", {{"login_name", citizen.login_name}}).header("location"),
            person(citizen));
  browser.get("/staff");
  const auto nobody = browser.post("/staff/find", {{"login_name", "nobody.at.all"}});
  EXPECT_EQ(nobody.status, 404);
  EXPECT_THAT(nobody.body, HasSubstr("nobody.at.all"));
  EXPECT_EQ(sql("select count(*) from audit.entry where actor = '" + staff.id.value() +
                "' and act in ('staff.find', 'staff.view')"),
            "4");
  EXPECT_EQ(sql("select count(*) from audit.entry where actor = '" + staff.id.value() +
                "' and facts::text like '%" + citizen.number + "%'"),
            "0");
}

TEST_F(StaffTest, Ldt01_6_2_5c_LockAndUnlockWithAReason) {
  const auto staff = member();
  auto browser = at_desk(staff);
  const auto citizen = somebody();
  auto citizens = browser_of(citizen, auth::Method::password);
  EXPECT_EQ(citizens.get("/account").status, 200);
  browser.get(person(citizen));
  const auto bare = browser.post(person(citizen) + "/lock", {{"reason", " "}, {"until", ""}});
  EXPECT_EQ(bare.status, 400);
  browser.get(person(citizen));
  const auto never = browser.post(person(citizen) + "/lock", {{"reason", "r"}, {"until", "soon"}});
  EXPECT_EQ(never.status, 400);
  browser.get(person(citizen));
  const auto done =
      browser.post(person(citizen) + "/lock", {{"reason", "报案 17 号"}, {"until", "2099-12-31"}});
  EXPECT_EQ(done.header("location"), person(citizen) + "?done=locked");
  EXPECT_EQ(citizens.get("/account").status, 303) << "the session is dead";
  const auto page = browser.get(person(citizen) + "?done=locked");
  EXPECT_THAT(page.body, HasSubstr("报案 17 号"));
  EXPECT_THAT(page.body, HasSubstr(staff.login_name));
  // At the login: who knows the password is told, and not why.
  Browser login(house_);
  login.get("/login");
  const auto told = login.post("/login", {{"return_to", "/account"},
                                          {"login_name", citizen.login_name},
                                          {"password", test::kPassword}});
  EXPECT_EQ(told.status, 403);
  EXPECT_THAT(told.body, HasSubstr("12333"));
  EXPECT_THAT(told.body, HasSubstr("2100-01-01"));
  EXPECT_THAT(told.body, Not(HasSubstr("报案")));
  const auto wrong = login.post("/login", {{"return_to", "/account"},
                                           {"login_name", citizen.login_name},
                                           {"password", "wrong-horse-battery"}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.body, Not(HasSubstr("锁定")));
  browser.get(person(citizen));
  EXPECT_EQ(browser.post(person(citizen) + "/unlock", {{"reason", "结案"}}).header("location"),
            person(citizen) + "?done=unlocked");
  EXPECT_EQ(citizens.get("/account").status, 303) << "what ended stays ended";
  EXPECT_EQ(browser_of(citizen, auth::Method::password).get("/account").status, 200);
}

TEST_F(StaffTest, Ldt01_6_2_5d_TheCodeIsShownOnceAndNoPageHasItAgain) {
  auto browser = at_desk(member());
  const auto citizen = somebody();
  browser.get(person(citizen));
  const auto made = browser.post(person(citizen) + "/reset", {});
  EXPECT_EQ(made.status, 200);
  EXPECT_THAT(made.header("cache-control"), HasSubstr("no-store"));
  const auto at = made.body.find("class=\"address\">");
  ASSERT_NE(at, std::string::npos);
  const auto code = made.body.substr(at + 16, 32);
  EXPECT_EQ(code.find_first_not_of("0123456789abcdef"), std::string::npos) << code;
  EXPECT_THAT(browser.get(person(citizen)).body, Not(HasSubstr(code)));
  EXPECT_THAT(browser.get("/staff/trail?id=" + citizen.id.value()).body, Not(HasSubstr(code)));
  EXPECT_THAT(house_.log_text(), Not(HasSubstr(code)));
}

TEST_F(StaffTest, Ldt01_6_2_5a_FourEyesOnANameAndNeverOnesOwn) {
  const auto one = member(), two = member();
  auto first = at_desk(one), second = at_desk(two);
  const auto citizen = somebody();
  first.get(person(citizen));
  EXPECT_EQ(first.post(person(citizen) + "/ask", {{"what", "name"}, {"name", "张大三"}})
                .header("location"),
            person(citizen) + "?done=asked");
  const auto request = request_of(first, citizen.id.value());
  ASSERT_EQ(request.size(), 32U);
  const auto path = "/staff/requests/" + request;
  EXPECT_THAT(first.get(path).body, HasSubstr("张大三"));
  const auto own =
      first.post(path, {{"what", "person"}, {"decision", "approve"}, {"reason", ""}});
  EXPECT_EQ(own.status, 403);
  EXPECT_THAT(own.body, HasSubstr("不能审批自己提出的"));
  second.get(path);
  const auto bare = second.post(path, {{"what", "person"}, {"decision", "refuse"}, {"reason", ""}});
  EXPECT_EQ(bare.status, 400);
  second.get(path);
  EXPECT_EQ(second.post(path, {{"what", "person"}, {"decision", "approve"}, {"reason", "原件"}})
                .header("location"),
            "/staff/requests?done=approved");
  EXPECT_EQ(rooms()->accounts->subject(citizen.id)->name, "张大三");
  EXPECT_EQ(second.get(path).status, 404) << "it is done";
  const auto page = second.get(person(citizen)).body;
  EXPECT_THAT(page, HasSubstr("张*三"));
  EXPECT_THAT(page, Not(HasSubstr("张大三")));
  // On his own account nobody acts.
  second.get(person(two));
  EXPECT_EQ(second.post(person(two) + "/lock", {{"reason", "r"}}).status, 403);
  EXPECT_EQ(second.post(person(two) + "/reset", {}).status, 403);
}

TEST_F(StaffTest, Ldt01_6_1_2e_APortalComesInWithTwoOthersAndItsSecretIsShownOnce) {
  const auto one = member(), two = member(), three = member();
  auto first = at_desk(one), second = at_desk(two), third = at_desk(three);
  const auto client = "console-" + std::to_string(::getpid());
  first.get("/staff/portals");
  const auto bad = first.post("/staff/portals", {{"client_id", client},
                                                 {"client_name", "某平台"},
                                                 {"kind", "third_party"},
                                                 {"scope", "openid"},
                                                 {"redirect_uris", "https://p.example/cb"}});
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr("某平台")) << "what was typed is there";
  const auto proposed = first.post("/staff/portals", {{"client_id", client},
                                                      {"client_name", "某平台"},
                                                      {"kind", "third_party"},
                                                      {"operator", "某公司"},
                                                      {"agreement_number", "2026-17"},
                                                      {"agreement_until", "2099-12-31"},
                                                      {"scope", "openid profile"},
                                                      {"redirect_uris", "https://p.example/cb"}});
  EXPECT_EQ(proposed.header("location"), "/staff/requests?done=proposed") << proposed.body;
  const auto path = "/staff/requests/" + request_of(first, client);
  const auto approve = [&](Browser& browser) {
    browser.get(path);
    return browser.post(path, {{"what", "portal"}, {"decision", "approve"}, {"reason", ""}});
  };
  EXPECT_EQ(approve(first).status, 403);
  EXPECT_EQ(approve(second).header("location"), "/staff/requests?done=waiting");
  EXPECT_EQ(approve(second).status, 409);
  const auto last = approve(third);
  EXPECT_EQ(last.status, 200);
  const auto at = last.body.find("class=\"address\">");
  ASSERT_NE(at, std::string::npos) << last.body;
  const auto secret = last.body.substr(at + 16, 43);
  auth::Clients clients(house_.services().pool);
  auth::Portals portals(
      {house_.services().pool, clients, house_.services().clock, house_.services().random});
  EXPECT_TRUE(portals.has_secret(client, secret).value());
  const auto page = third.get("/staff/portals/" + client);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, Not(HasSubstr(secret)));
  EXPECT_THAT(page.body, HasSubstr("2026-17"));
  EXPECT_THAT(third.get("/staff/portals").body, HasSubstr(client));
  // One stops it.
  const auto portal = "/staff/portals/" + client;
  third.get(portal);
  EXPECT_EQ(third.post(portal, {{"act", "end_old_secret"}, {"reason", "泄露"}}).status, 409)
      << "there is one secret";
  EXPECT_EQ(third.post(portal, {{"act", "suspend"}, {"reason", ""}}).status, 400);
  EXPECT_EQ(third.post(portal, {{"act", "suspend"}, {"reason", "违约"}}).header("location"),
            portal + "?done=stopped");
  EXPECT_THAT(third.get(portal).body, HasSubstr("违约"));
  EXPECT_EQ(third.post(portal, {{"act", "resume"}}).header("location"),
            "/staff/requests?done=proposed");
  EXPECT_EQ(third.post(portal, {{"act", "rotate"}, {"overlap_days", "7"}}).status, 409) << "one is open";
  EXPECT_EQ(third.post(portal, {{"act", "nothing"}}).status, 400);
}

TEST_F(StaffTest, Rfc7591_ATokenForRegisteringIsProposedHandedOverAndEnded) {
  const auto one = member(), two = member(), three = member();
  auto first = at_desk(one), second = at_desk(two), third = at_desk(three);
  first.get("/staff/tokens");
  const auto until = base::to_iso_date(
      base::china_date(house_.services().clock.now() + std::chrono::hours(5 * 24)));
  api::Parameters form{{"key", first.hidden("key")},      {"operator", "某公司"},
                       {"agreement_number", "2026-18"},   {"agreement_until", "2099-12-31"},
                       {"hosts", "app.example\r\nb.example"}, {"scope", "openid profile"},
                       {"until", until}};
  auto bad = form;
  bad.emplace_back("uses", "many");
  const auto refused = first.post("/staff/tokens", bad);
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("app.example")) << "what was typed is there";
  form[0].second = first.hidden("key");
  form.emplace_back("uses", "2");
  EXPECT_EQ(first.post("/staff/tokens", form).header("location"), "/staff/requests?done=proposed");
  EXPECT_EQ(first.post("/staff/tokens", form).header("location"), "/staff/requests?done=proposed")
      << "the same form, sent again";
  EXPECT_EQ(sql("select count(*) from auth.portal_request where asked_by = '" + one.id.value() + "'"),
            "1");
  form[0].second = "a b";
  EXPECT_EQ(first.post("/staff/tokens", form).status, 400);
  const auto id = sql("select client_id from auth.portal_request where asked_by = '" +
                      one.id.value() + "'");
  const auto path = "/staff/requests/" + request_of(first, id);
  EXPECT_THAT(first.get(path).body, HasSubstr("b.example"));
  const auto approve = [&](Browser& browser) {
    browser.get(path);
    return browser.post(path, {{"decision", "approve"}, {"reason", ""}});
  };
  EXPECT_EQ(approve(first).status, 403);
  EXPECT_EQ(approve(second).header("location"), "/staff/requests?done=waiting");
  const auto last = approve(third);
  const auto at = last.body.find("class=\"address\">");
  ASSERT_NE(at, std::string::npos) << last.body;
  const auto secret = last.body.substr(at + 16, 43);
  const auto register_with = [&] {
    return house_.ask("POST", "/oauth/register",
                      "Authorization: Bearer " + secret + "\r\nContent-Type: application/json\r\n",
                      R"({"client_name":"应用","redirect_uris":["https://b.example/cb"]})");
  };
  EXPECT_EQ(register_with().status, 201);
  const auto page = first.get("/staff/tokens").body;
  EXPECT_THAT(page, HasSubstr(id));
  EXPECT_THAT(page, HasSubstr(three.login_name)) << "who made it";
  EXPECT_THAT(page, Not(HasSubstr(secret)));
  EXPECT_EQ(first.post("/staff/tokens/" + id, {}).header("location"), "/staff/tokens?done=revoked");
  EXPECT_EQ(register_with().status, 401);
  first.get("/staff/tokens");
  EXPECT_EQ(first.post("/staff/tokens/" + id, {}).status, 404);
}

TEST_F(StaffTest, Ldt01_6_2_5e_TheTrailByIdTimeAndPage) {
  const auto staff = member();
  auto browser = at_desk(staff);
  const auto citizen = somebody();
  for (int i = 0; i < 60; ++i) browser.get(person(citizen));
  const auto page = browser.get("/staff/trail?mode=actor&id=" + staff.id.value());
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("staff.view"));
  EXPECT_THAT(page.body, HasSubstr(staff.login_name));
  const auto at = page.body.find("href=\"/staff/trail?");
  ASSERT_NE(at, std::string::npos);
  auto next = page.body.substr(at + 6, page.body.find('"', at + 6) - at - 6);
  for (auto amp = next.find("&amp;"); amp != std::string::npos; amp = next.find("&amp;"))
    next.erase(amp + 1, 4);
  const auto older = browser.get(next);
  EXPECT_EQ(older.status, 200);
  EXPECT_THAT(older.body, HasSubstr("session.open"));
  EXPECT_EQ(older.body.find("rel=\"next\""), std::string::npos);
  EXPECT_EQ(browser.get("/staff/trail?from=yesterday").status, 400);
  EXPECT_THAT(browser.get("/staff/trail?until=2001-01-01").body, Not(HasSubstr("<tbody>")));
  EXPECT_EQ(sql("select facts ->> 'until' from audit.entry where actor = '" + staff.id.value() +
                "' order by seq desc limit 1"),
            "2001-01-01");
  // A personal number that is typed where ids go does not come into the trail by it.
  EXPECT_EQ(browser.get("/staff/trail?id=" + citizen.number).status, 200);
  EXPECT_EQ(sql("select facts ->> 'id' from audit.entry where actor = '" + staff.id.value() +
                "' order by seq desc limit 1"),
            "unknown");
}

}  // namespace
