// The console as JSON: who gets there, what each deed asks, and that it does what the pages do.
// LD/T 01-2020 6.2.5, 6.1.2e; RFC 9470; docs/decisions/0164-staff-api.md.
#include <gmock/gmock.h>

#include <thread>

#include "auth/activation.h"
#include "auth/locks.h"
#include "auth/portals.h"
#include "base/json.h"
#include "tests/api/answer_book.h"
#include "tests/api/staff_scene.h"

namespace {

using std::chrono::minutes;
using test::Answer;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kScopes = "openid staff";

std::string quoted(const std::string& name, const std::string& value) {
  return "\"" + name + "\":\"" + value + "\"";
}

class StaffApiTest : public test::StaffScene {
 protected:
  void TearDown() override { EXPECT_EQ(book_.judged(), "") << "by web/openapi.json"; }
  /// The cookie of a session in which this much was proven.
  std::string session(const Somebody& who, auth::Methods proven) {
    const auto pending = rooms()->agreements->pending(who.id);
    std::vector<auth::Acceptance> accepted;
    for (const auto& one : *pending) accepted.push_back({one.kind, one.version, one.sha256});
    EXPECT_TRUE(rooms()->agreements->accept(who.id, accepted, "test").ok());
    const auto opened = rooms()->sessions->open(who.id, proven);
    EXPECT_TRUE(opened.ok());
    return opened->cookie;
  }
  static auth::Methods two_kinds() {
    return auth::Methods(auth::Method::password).with(auth::Method::totp);
  }
  std::string token(const Somebody& who) {
    return house_.access_token(kScopes, session(who, two_kinds()));
  }
  Answer ask(const std::string& bearer, std::string_view method, const std::string& path,
             const std::string& body = {}, const std::string& key = {}) {
    const auto answer = house_.ask(method, "/v1/staff" + path,
                                   "Authorization: Bearer " + bearer + "\r\n" +
                                       (body.empty() ? "" : "Content-Type: application/json\r\n") +
                                       (key.empty() ? "" : "Idempotency-Key: " + key + "\r\n"),
                                   body);
    book_.note(method, "/v1/staff" + path, answer);
    return answer;
  }
  Answer get(const std::string& bearer, const std::string& path) {
    return ask(bearer, "GET", path);
  }
  Answer post(const std::string& bearer, const std::string& path, const std::string& body = "{}",
              const std::string& key = {}) {
    return ask(bearer, "POST", path, body, key);
  }
  static rapidjson::Document json(const Answer& answer) {
    auto parsed = base::parse_json(answer.body);
    EXPECT_TRUE(parsed.ok()) << answer.status << " " << answer.body;
    return parsed.ok() ? std::move(*parsed) : rapidjson::Document(rapidjson::kObjectType);
  }
  static std::string text(const Answer& answer, const char* name) {
    return std::string(base::json_text(json(answer), name));
  }
  static std::string key_of(const Answer& answer) { return text(answer, "key"); }
  static std::string people(const Somebody& who, const std::string& more = {}) {
    return "/people/" + who.id.value() + more;
  }
  std::string active(const Somebody& who) {
    return sql("select active from auth.subject where id = '" + who.id.value() + "'");
  }
  void pass(std::chrono::seconds time) { house_.pki().clock().advance(time); }
  /// Of a portal of the agency, unless `kind` says another.
  static std::string metadata(const std::string& client, const std::string& more = {}) {
    return "{" + quoted("client_id", client) +
           R"(,"client_name":"某平台","kind":"third_party","operator":"某公司",)"
           R"("agreement":{"number":"2026-17","until":"2099-12-31"},"scope":"openid profile",)"
           R"("redirect_uris":["https://p.example/cb"],"grant_types":["authorization_code"])" +
           more + "}";
  }
  std::string initial(const std::string& more = {}) {
    const auto until = base::to_iso_date(
        base::china_date(house_.services().clock.now() + std::chrono::hours(5 * 24)));
    return R"({"uses":3,"scope":"openid profile","hosts":["app.example"],"operator":"某公司",)" +
           quoted("until", until) + R"(,"agreement":{"number":"2026-18","until":"2099-12-31"})" +
           more + "}";
  }
  std::string approve(const Somebody& who, const std::string& request) {
    const auto answer = post(token(who), "/requests/" + request + "/approve");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.status == 200 ? text(answer, "outcome") + text(answer, "secret") : "";
  }
  bool proves(const std::string& client, const std::string& secret) {
    auth::Clients clients(house_.services().pool);
    return auth::Portals(
               {house_.services().pool, clients, house_.services().clock, house_.services().random})
        .has_secret(client, secret)
        .value();
  }
  std::string fresh_client() {
    static int last = 0;
    return "api-" + std::to_string(::getpid()) + "-" + std::to_string(++last);
  }
  test::AnswerBook book_;
};

/// Everything that changes something, with a body that is whole.
struct Deed {
  const char* method;
  const char* path;
  const char* body;
};
constexpr Deed kDeeds[] = {
    {"POST", "/people/x/lock", R"({"reason":"r"})"},
    {"POST", "/people/x/unlock", R"({"reason":"r"})"},
    {"POST", "/people/x/reset", ""},
    {"POST", "/people/x/requests", R"({"kind":"name","name":"李四"})"},
    {"POST", "/requests/x/approve", "{}"},
    {"POST", "/requests/x/refuse", R"({"reason":"r"})"},
    {"POST", "/portals", "{}"},
    {"POST", "/portals/x/suspend", R"({"reason":"r"})"},
    {"POST", "/portals/x/end-old-secret", R"({"reason":"r"})"},
    {"POST", "/portals/x/resume", ""},
    {"POST", "/portals/x/renew", R"({"until":"2099-12-31"})"},
    {"POST", "/portals/x/rotate-secret", R"({"overlap_days":0})"},
    {"POST", "/initial-tokens", "{}"},
    {"DELETE", "/initial-tokens/x", ""},
};
constexpr Deed kLooks[] = {
    {"POST", "/people/find", R"({"login_name":"nobody.at.all"})"},
    {"GET", "/people/x", ""},
    {"GET", "/requests", ""},
    {"GET", "/requests/x", ""},
    {"GET", "/portals", ""},
    {"GET", "/portals/x", ""},
    {"GET", "/initial-tokens", ""},
    {"GET", "/trail", ""},
};

std::vector<Deed> all_of_them() {
  std::vector<Deed> out(std::begin(kDeeds), std::end(kDeeds));
  out.insert(out.end(), std::begin(kLooks), std::end(kLooks));
  return out;
}

TEST_F(StaffApiTest, EveryRouteNeedsTheScopeAndTwoKindsOfProofAndIsNobodysItem) {
  std::size_t routes = 0;
  for (const auto& route : api::kRoutes) {
    if (!route.path.starts_with("/v1/staff")) continue;
    ++routes;
    EXPECT_EQ(route.scope, "staff") << route.path;
    EXPECT_EQ(route.acr, "urn:xinyin:acr:p0a2") << route.path;
    EXPECT_EQ(route.item, "") << route.path;
  }
  EXPECT_EQ(routes, all_of_them().size()) << "each stands in a table here";
}

TEST_F(StaffApiTest, WhoIsRefusedAndHow) {
  const auto staff = member(), citizen = somebody(), ended = member(), locked = member();
  const auto other_scope = house_.access_token("openid account", session(staff, two_kinds()));
  const auto one_proof = house_.access_token(kScopes, session(staff, auth::Method::password));
  const auto no_staff = token(citizen);
  const auto no_more = token(ended), shut_out = token(locked);
  const auto cookie = session(staff, two_kinds());
  const auto over = house_.access_token("openid staff offline_access", cookie);
  ASSERT_TRUE(rooms()->sessions->close(cookie).ok());
  auth::IdentityRequests requests({house_.services().pool, *rooms()->cipher,
                                   house_.services().clock, house_.services().random});
  ASSERT_TRUE(requests.end_staff(ended.id, "system:test").ok());
  ASSERT_TRUE(auth::Locks({house_.services().pool, *rooms()->cipher, house_.services().clock})
                  .lock(locked.id, staff.id, "挂失")
                  .ok());
  struct Refused {
    const char* who;
    std::string token;
    int status;
    const char* key;
    const char* challenge;  ///< part of WWW-Authenticate
  };
  const Refused rows[] = {
      {"another scope", other_scope, 403, "auth.scope_missing", "insufficient_scope"},
      {"a password alone", one_proof, 401, "auth.acr_needed",
       "error=\"insufficient_user_authentication\", acr_values=\"urn:xinyin:acr:p0a2\""},
      {"no staff", no_staff, 404, "http.not_found", ""},
      {"staff no more", no_more, 404, "http.not_found", ""},
      {"locked staff", shut_out, 401, "auth.token_invalid", "invalid_token"},
      {"beyond its session", over, 401, "auth.login_not_fresh",
       "acr_values=\"urn:xinyin:acr:p0a2\""},
  };
  for (const auto& row : rows)
    for (const auto& one : all_of_them()) {
      SCOPED_TRACE(std::string(row.who) + ": " + one.path);
      const auto answer = ask(row.token, one.method, one.path, one.body, "key");
      EXPECT_EQ(answer.status, row.status);
      EXPECT_EQ(answer.header("content-type"), "application/problem+json");
      EXPECT_EQ(key_of(answer), row.key);
      EXPECT_THAT(answer.header("www-authenticate"), HasSubstr(row.challenge));
    }
  EXPECT_EQ(sql("select count(*) from audit.entry where actor = '" + citizen.id.value() +
                "' and act like 'staff.%'"),
            "0");
}

TEST_F(StaffApiTest, Rfc9470_DeedsNeedALoginJustMade) {
  const auto staff = member();
  const auto cookie = session(staff, two_kinds());
  pass(minutes(11));
  const auto bearer = house_.access_token(kScopes, cookie);
  for (const auto& one : kDeeds) {
    const auto answer = ask(bearer, one.method, one.path, one.body, "key");
    EXPECT_EQ(answer.status, 401) << one.path;
    EXPECT_EQ(key_of(answer), "auth.login_not_fresh") << one.path;
    EXPECT_THAT(answer.header("www-authenticate"),
                HasSubstr("acr_values=\"urn:xinyin:acr:p0a2\", max_age=\"600\""))
        << one.path;
  }
  for (const auto& one : kLooks)
    EXPECT_NE(ask(bearer, one.method, one.path, one.body).status, 401) << one.path;
}

TEST_F(StaffApiTest, Ldt01_6_2_5e_APersonIsFoundByTheWholeNumberAndShownInPart) {
  const auto staff = member();
  const auto bearer = token(staff);
  const auto citizen = somebody("欧阳小明");
  const auto by_number =
      post(bearer, "/people/find",
           "{" + quoted("id_type", "cn-id") + "," + quoted("id_number", citizen.number) + "}");
  ASSERT_EQ(by_number.status, 200) << by_number.body;
  EXPECT_EQ(text(by_number, "id"), citizen.id.value());
  const auto by_name =
      post(bearer, "/people/find", "{" + quoted("login_name", citizen.login_name) + "}");
  EXPECT_EQ(text(by_name, "id"), citizen.id.value());
  const auto nobody = post(bearer, "/people/find", R"({"login_name":"nobody.at.all"})");
  EXPECT_EQ(nobody.status, 404);
  EXPECT_EQ(key_of(nobody), "auth.subject_unknown");
  const auto file = get(bearer, people(citizen));
  ASSERT_EQ(file.status, 200);
  EXPECT_EQ(text(file, "login_name"), citizen.login_name);
  EXPECT_EQ(text(file, "name"), "欧**明");
  EXPECT_EQ(text(file, "proofing"), "p2");
  EXPECT_FALSE(json(file)["is_staff"].GetBool());
  EXPECT_THAT(file.body, Not(HasSubstr("欧阳小明")));
  EXPECT_THAT(file.body, Not(HasSubstr(citizen.number)));
  EXPECT_THAT(file.body, HasSubstr(citizen.number.substr(14)));
  EXPECT_TRUE(json(get(bearer, people(staff)))["is_staff"].GetBool());
  EXPECT_EQ(key_of(get(bearer, "/people/nobody")), "auth.subject_unknown");
  for (const auto* body : {R"({"login_name":"a","id_type":"cn-id"})", R"({"login_name":1})",
                           R"({"name":"x"})", R"([])"})
    EXPECT_EQ(key_of(post(bearer, "/people/find", body)), "api.member") << body;
  EXPECT_EQ(key_of(post(bearer, "/people/find", R"({"id_type":"x","id_number":"1"})")),
            "auth.id_type.unknown");
  EXPECT_EQ(post(bearer, "/people/find", R"({"id_type":"cn-id","id_number":"1"})").status, 400);
  EXPECT_EQ(sql("select count(*) from audit.entry where actor = '" + staff.id.value() +
                "' and act in ('staff.find', 'staff.view')"),
            "5");
  EXPECT_EQ(sql("select count(*) from audit.entry where actor = '" + staff.id.value() +
                "' and facts::text like '%" + citizen.number + "%'"),
            "0");
}

TEST_F(StaffApiTest, Ldt01_6_2_5c_LockAndUnlockWithAReason) {
  const auto staff = member();
  const auto bearer = token(staff);
  const auto citizen = somebody();
  const auto his = house_.access_token("openid", session(citizen, auth::Method::password));
  const auto alive = [&] {
    return house_.get("/oauth/userinfo", "Authorization: Bearer " + his + "\r\n").status;
  };
  EXPECT_EQ(alive(), 200);
  struct Wrong {
    const char* body;
    const char* key;
  };
  for (const auto& [body, key] :
       {Wrong{R"({})", "auth.request.reason"},
        {R"({"reason":" "})", "auth.request.reason"},
        {R"({"reason":"11010519491231002X"})", "auth.request.reason.number"},
        {R"({"reason":"r","until":"soon"})", "auth.lock.until"},
        {R"({"reason":"r","until":"2001-01-01"})", "auth.lock.until"},
        {R"({"reason":1})", "api.member"},
        {R"({"reason":"r","more":"x"})", "api.member"}})
    EXPECT_EQ(key_of(post(bearer, people(citizen, "/lock"), body)), key) << body;
  EXPECT_EQ(active(citizen), "t");
  EXPECT_EQ(key_of(post(bearer, people(citizen, "/unlock"), R"({"reason":"r"})")),
            "auth.lock.none");
  ASSERT_EQ(
      post(bearer, people(citizen, "/lock"), R"({"reason":"报案 17 号","until":"2099-12-31"})")
          .status,
      204);
  EXPECT_EQ(alive(), 401);
  const auto file = json(get(bearer, people(citizen)));
  ASSERT_TRUE(file.HasMember("lock"));
  EXPECT_EQ(base::json_text(file["lock"], "reason"), "报案 17 号");
  EXPECT_EQ(base::json_text(file["lock"], "until"), "2099-12-31T16:00:00Z");
  EXPECT_EQ(base::json_text(file["names"], staff.id.value().c_str()), staff.login_name);
  EXPECT_EQ(post(bearer, people(citizen, "/unlock"), R"({"reason":" "})").status, 400);
  ASSERT_EQ(post(bearer, people(citizen, "/unlock"), R"({"reason":"结案"})").status, 204);
  const auto after = json(get(bearer, people(citizen)));
  EXPECT_FALSE(after.HasMember("lock"));
  EXPECT_EQ(base::json_text(after["locks"][0], "end_reason"), "结案");
  EXPECT_EQ(base::json_text(after["locks"][0], "ended_by"), staff.id.value());
  EXPECT_EQ(alive(), 401) << "what ended stays ended";
  const auto by_self = [&](std::string_view act) {
    for (const auto& one : after["trace"].GetArray())
      if (base::json_text(one, "act") == act) return one["by_self"].GetBool() ? "self" : "others";
    return "nobody";
  };
  EXPECT_STREQ(by_self("subject.lock"), "others");
  EXPECT_STREQ(by_self("session.open"), "self");
  // The person has it in his export, without the reason.
  const auto own = house_.access_token("openid account", session(citizen, auth::Method::password));
  const auto exported = house_.get("/v1/account/export", "Authorization: Bearer " + own + "\r\n");
  EXPECT_EQ(base::json_text(json(exported)["locks"][0], "until"), "2099-12-31T16:00:00Z");
  EXPECT_THAT(exported.body, Not(HasSubstr("报案")));
  for (const auto* deed : {"/lock", "/unlock"})
    EXPECT_EQ(key_of(post(bearer, people(staff, deed), R"({"reason":"r"})")), "auth.staff.own");
  EXPECT_EQ(key_of(post(bearer, "/people/nobody/lock", R"({"reason":"r"})")),
            "auth.subject_unknown");
}

TEST_F(StaffApiTest, Ldt01_6_2_5d_TheCodeStandsInOneAnswerAndWorks) {
  const auto staff = member();
  const auto bearer = token(staff);
  const auto citizen = somebody();
  const auto made = ask(bearer, "POST", people(citizen, "/reset"));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(made.header("cache-control"), HasSubstr("no-store"));
  const auto code = text(made, "code");
  EXPECT_THAT(get(bearer, people(citizen)).body, Not(HasSubstr(code)));
  EXPECT_THAT(get(bearer, "/trail?id=" + citizen.id.value()).body, Not(HasSubstr(code)));
  EXPECT_THAT(house_.log_text(), Not(HasSubstr(code)));
  auth::Activation activation({house_.services().pool, *rooms()->accounts, house_.services().clock,
                               house_.services().random});
  EXPECT_TRUE(activation
                  .redeem(citizen.login_name, code,
                          base::Secret(base::as_bytes(std::string_view("linden-otter-quay-flint"))))
                  .ok());
  EXPECT_EQ(key_of(ask(bearer, "POST", people(staff, "/reset"))), "auth.staff.own");
}

TEST_F(StaffApiTest, Ldt01_6_2_5e_SignsAreToldWithThePerson) {
  const auto citizen = somebody();
  test::Browser thief(house_);
  thief.get("/login");
  for (int i = 0; i < 5; ++i)
    thief.post("/login", {{"return_to", "/account"},
                          {"login_name", citizen.login_name},
                          {"password", "wrong-horse-battery"}});
  const auto file = json(get(token(member()), people(citizen)));
  ASSERT_EQ(file["signs"].Size(), 1u);
  EXPECT_EQ(base::json_text(file["signs"][0], "kind"), "guesses");
}

TEST_F(StaffApiTest, Ldt01_6_2_5a_FourEyesOnANameAndNeverOnesOwn) {
  const auto one = member(), two = member();
  const auto first = token(one), second = token(two);
  const auto citizen = somebody();
  const auto asked =
      post(first, people(citizen, "/requests"), R"({"kind":"name","name":"张大三"})", "a-1");
  ASSERT_EQ(asked.status, 201) << asked.body;
  const auto id = text(asked, "request");
  EXPECT_EQ(asked.header("location"), "/v1/staff/requests/" + id);
  const auto listed = json(get(second, "/requests"));
  bool seen = false;
  for (const auto& each : listed["people"].GetArray())
    if (base::json_text(each, "id") == id) {
      seen = true;
      EXPECT_EQ(base::json_text(each, "subject"), citizen.id.value());
      EXPECT_EQ(base::json_text(each, "asked_by"), one.id.value());
      EXPECT_FALSE(each.HasMember("change")) << "whole where it is decided alone";
    }
  EXPECT_TRUE(seen);
  const auto shown = json(get(second, "/requests/" + id));
  EXPECT_EQ(base::json_text(shown, "name_now"), "张小三");
  EXPECT_EQ(base::json_text(shown["change"], "name"), "张大三");
  EXPECT_EQ(base::json_text(shown["names"], one.id.value().c_str()), one.login_name);
  EXPECT_EQ(sql("select count(*) from audit.entry where actor = '" + two.id.value() +
                "' and act = 'staff.view_request'"),
            "1");
  const auto path = "/requests/" + id;
  EXPECT_EQ(key_of(post(first, path + "/approve")), "auth.staff.own");
  EXPECT_EQ(key_of(post(first, path + "/refuse", R"({"reason":"r"})")), "auth.staff.own");
  EXPECT_EQ(key_of(post(second, path + "/refuse", R"({"reason":""})")), "auth.request.reason");
  const auto done = post(second, path + "/approve", R"({"reason":"原件"})");
  EXPECT_EQ(text(done, "outcome"), "done");
  EXPECT_EQ(rooms()->accounts->subject(citizen.id)->name, "张大三");
  EXPECT_EQ(get(second, path).status, 404);
  EXPECT_EQ(post(second, path + "/approve").status, 404);
  const auto file = get(second, people(citizen));
  EXPECT_EQ(text(file, "name"), "张*三");
  EXPECT_THAT(file.body, Not(HasSubstr("张大三")));
  EXPECT_THAT(file.body, HasSubstr(R"("field":"name","from":"张*三","to":"张*三")"));
  // A refusal stands with its reason.
  const auto again =
      text(post(first, people(citizen, "/requests"), R"({"kind":"name","name":"张二三"})", "a-2"),
           "request");
  EXPECT_EQ(post(second, "/requests/" + again + "/refuse", R"({"reason":"没有证明"})").status, 204);
  EXPECT_THAT(get(first, people(citizen)).body, HasSubstr("没有证明"));
}

TEST_F(StaffApiTest, Ldt01_6_2_1_EachKindOfChangeIsReadStrictly) {
  const auto one = member(), two = member(), three = member();
  const auto bearer = token(one);
  const auto citizen = somebody(), duplicate = somebody();
  struct Row {
    std::string body;
    const char* key;
  };
  const Row rows[] = {
      {R"({})", "auth.request.nothing"},
      {R"({"kind":"other"})", "auth.request.nothing"},
      {R"({"kind":"name","name":"李四","document":"x"})", "api.member"},
      {R"({"kind":"name","name":1})", "api.member"},
      {R"({"kind":"name"})", "auth.name.form"},
      {R"({"kind":"document","id_type":"x","id_number":"1"})", "auth.id_type.unknown"},
      {R"({"kind":"document","id_type":"cn-id","id_number":"1","beside":"yes"})", "api.member"},
      {R"({"kind":"unlink","document":"x"})", "auth.document_unknown"},
      {R"({"kind":"unlink","factor":"x"})", "api.member"},
      {R"({"kind":"merge","duplicate":"x"})", "auth.subject_unknown"},
      {"{" + quoted("kind", "merge") + "," + quoted("duplicate", citizen.id.value()) + "}",
       "auth.request.self"},
      {R"({"kind":"factor","factor":"x"})", "auth.factor.unknown"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(key_of(post(bearer, people(citizen, "/requests"), row.body, "k")), row.key)
        << row.body;
  EXPECT_EQ(
      key_of(post(bearer, "/people/nobody/requests", R"({"kind":"name","name":"李四"})", "k")),
      "auth.subject_unknown");

  // Beside the one in use, and off again.
  const auto change = [&](const std::string& body, const std::string& key) {
    const auto asked = post(bearer, people(citizen, "/requests"), body, key);
    EXPECT_EQ(asked.status, 201) << asked.body;
    return text(asked, "request");
  };
  const auto passport = change(
      R"({"kind":"document","id_type":"passport","id_number":"E12345678","country":"DEU","beside":true})",
      "p");
  const auto whole = json(get(bearer, "/requests/" + passport));
  EXPECT_EQ(base::json_text(whole["change"], "id_number"), "E12345678");
  EXPECT_TRUE(whole["change"]["beside"].GetBool());
  EXPECT_EQ(approve(two, passport), "done");
  const auto file = json(get(bearer, people(citizen)));
  ASSERT_EQ(file["documents"].Size(), 2u);
  const bool later = base::json_text(file["documents"][1], "type") == "passport";
  const auto& added = file["documents"][later ? 1 : 0];  // linked in the same moment
  EXPECT_EQ(base::json_text(added, "type"), "passport");
  EXPECT_FALSE(added["in_use"].GetBool());
  const auto unlink =
      change("{" + quoted("kind", "unlink") + "," +
                 quoted("document", std::string(base::json_text(added, "id"))) + "}",
             "u");
  EXPECT_EQ(approve(two, unlink), "done");
  EXPECT_EQ(json(get(bearer, people(citizen)))["documents"].Size(), 1u);

  // A merge waits for a second one, who is another.
  const auto merge = change(
      "{" + quoted("kind", "merge") + "," + quoted("duplicate", duplicate.id.value()) + "}", "m");
  EXPECT_EQ(approve(two, merge), "waiting");
  EXPECT_EQ(key_of(post(token(two), "/requests/" + merge + "/approve")), "auth.staff.twice");
  EXPECT_EQ(approve(three, merge), "done");
  const auto merged = json(get(bearer, people(citizen)));
  ASSERT_EQ(merged["merged"].Size(), 1u);
  EXPECT_EQ(merged["merged"][0].GetString(), duplicate.id.value());
}

TEST_F(StaffApiTest, Ldt01_6_2_5b_ALostFactorIsTakenOffByTwoAndSessionsEnd) {
  const auto one = member(), two = member();
  const auto citizen = somebody();
  auto tx = house_.services().pool.begin().value();
  const auto factor = auth::add_factor(
      tx, *rooms()->cipher, house_.services().random,
      {citizen.id, auth::FactorKind::totp, "app", base::as_bytes("a-secret-that-is-lost"),
       std::nullopt, 0, std::chrono::hours(1)},
      citizen.id.value(), house_.services().clock.now());
  ASSERT_TRUE(factor.ok() && tx.commit().ok());
  const auto his = browser_of(citizen, two_kinds());
  const auto bearer = token(one);
  const auto file = get(bearer, people(citizen));
  EXPECT_FALSE(json(file)["factors"][0]["counts"].GetBool()) << "it cools off";
  EXPECT_TRUE(json(file)["factors"][0].HasMember("usable_from"));
  EXPECT_EQ(base::json_text(json(file)["factors"][0], "id"), *factor);
  EXPECT_THAT(file.body, Not(HasSubstr("a-secret-that-is-lost")));
  EXPECT_EQ(json(file)["sessions"].GetInt(), 1);
  const auto request =
      text(post(bearer, people(citizen, "/requests"),
                "{" + quoted("kind", "factor") + "," + quoted("factor", *factor) + "}", "f"),
           "request");
  EXPECT_EQ(json(get(bearer, people(citizen)))["factors"].Size(), 1u) << "not by one";
  EXPECT_EQ(approve(two, request), "done");
  const auto after = json(get(bearer, people(citizen)));
  EXPECT_EQ(after["factors"].Size(), 0u);
  EXPECT_EQ(after["sessions"].GetInt(), 0);
}

TEST_F(StaffApiTest, AProposalUnderTheSameKeyIsTheSameProposal) {
  const auto one = member(), two = member();
  const auto bearer = token(one);
  const auto citizen = somebody();
  const auto path = people(citizen, "/requests");
  const std::string name = R"({"kind":"name","name":"张大三"})";
  EXPECT_EQ(key_of(post(bearer, path, name)), "auth.request.key");
  EXPECT_EQ(key_of(post(bearer, path, name, std::string(201, 'k'))), "auth.request.key");
  EXPECT_EQ(key_of(post(bearer, path, name, "a b")), "auth.request.key");
  const auto first = post(bearer, path, name, "once");
  ASSERT_EQ(first.status, 201);
  const auto again = post(bearer, path, name, "once");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(text(again, "request"), text(first, "request"));
  EXPECT_EQ(key_of(post(bearer, path, R"({"kind":"name","name":"张二三"})", "once")),
            "auth.request.key_used");
  EXPECT_EQ(key_of(post(bearer, path, name, "twice")), "auth.request.open") << "another proposal";
  EXPECT_EQ(key_of(post(token(two), path, name, "once")), "auth.request.open")
      << "another's key is another";
  EXPECT_EQ(approve(two, text(first, "request")), "done");
  EXPECT_EQ(text(post(bearer, path, name, "once"), "request"), text(first, "request"))
      << "also when it was decided";
  // Eight at once propose one token.
  const auto body = initial();
  std::vector<std::string> made(8);
  std::vector<std::thread> all;
  for (auto& each : made)
    all.emplace_back(
        [&] { each = text(post(bearer, "/initial-tokens", body, "eight"), "request"); });
  for (auto& each : all) each.join();
  for (const auto& each : made) EXPECT_EQ(each, made[0]);
  EXPECT_EQ(made[0].size(), 32u);
  EXPECT_EQ(
      sql("select count(*) from auth.portal_request where kind = 'initial_token' and asked_by = '" +
          one.id.value() + "'"),
      "1");
  EXPECT_EQ(key_of(post(bearer, "/initial-tokens", initial(R"( )"), "eight")),
            "auth.request.key_used");
  EXPECT_EQ(sql("select count(*) from auth.proposal_key where encode(key, 'escape') like '%once%'"),
            "0")
      << "digests alone";
}

TEST_F(StaffApiTest, Ldt01_6_1_2e_APortalComesInWithTwoOthersAndItsSecretIsShownOnce) {
  const auto one = member(), two = member(), three = member();
  const auto bearer = token(one);
  const auto client = fresh_client();
  const auto bad = post(bearer, "/portals", metadata(client, R"(,"more":1)"), "b");
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr("\"field\":\"more\""));
  EXPECT_EQ(post(bearer, "/portals", "[]", "b").status, 400);
  EXPECT_EQ(key_of(post(bearer, "/portals", metadata(client))), "auth.request.key");
  const auto proposed = post(bearer, "/portals", metadata(client), "p");
  ASSERT_EQ(proposed.status, 201) << proposed.body;
  const auto request = text(proposed, "request");
  EXPECT_EQ(text(post(bearer, "/portals", metadata(client), "p"), "request"), request);
  EXPECT_EQ(key_of(post(bearer, "/portals", metadata(client), "q")), "auth.portal.open");
  const auto shown = json(get(bearer, "/requests/" + request));
  EXPECT_EQ(base::json_text(shown, "kind"), "register");
  EXPECT_EQ(base::json_text(shown["proposal"], "client_name"), "某平台");
  EXPECT_FALSE(shown.HasMember("in_force"));
  EXPECT_EQ(key_of(post(bearer, "/requests/" + request + "/approve")), "auth.staff.own");
  EXPECT_EQ(approve(two, request), "waiting");
  EXPECT_EQ(key_of(post(token(two), "/requests/" + request + "/approve")), "auth.staff.twice");
  EXPECT_EQ(key_of(get(bearer, "/portals/" + client)), "auth.portal.unknown");
  auto secret = approve(three, request);
  ASSERT_TRUE(secret.starts_with("done"));
  secret = secret.substr(4);
  EXPECT_TRUE(proves(client, secret));
  const auto portal = get(bearer, "/portals/" + client);
  EXPECT_EQ(text(portal, "standing"), "in force");
  EXPECT_THAT(portal.body, Not(HasSubstr(secret)));
  EXPECT_EQ(base::json_text(json(portal)["registration"]["agreement"], "number"), "2026-17");
  EXPECT_THAT(get(bearer, "/portals").body,
              HasSubstr("{" + quoted("client_id", client) + ",\"client_name\":\"某平台\""));
  EXPECT_THAT(house_.log_text(), Not(HasSubstr(secret)));

  // Two secrets for a time, and the old one ended before it.
  const auto path = "/portals/" + client;
  for (const auto* body : {R"({})", R"({"overlap_days":"7"})", R"({"overlap_days":-1})",
                           R"({"overlap_days":20000})", R"({"overlap_days":7,"more":1})"})
    EXPECT_EQ(key_of(post(bearer, path + "/rotate-secret", body, "r")), "api.member") << body;
  EXPECT_EQ(key_of(post(bearer, path + "/rotate-secret", R"({"overlap_days":31})", "r")),
            "auth.portal.overlap");
  const auto rotate =
      text(post(bearer, path + "/rotate-secret", R"({"overlap_days":7})", "r"), "request");
  EXPECT_EQ(text(post(bearer, path + "/rotate-secret", R"({"overlap_days":7})", "r"), "request"),
            rotate);
  EXPECT_EQ(key_of(post(bearer, path + "/rotate-secret", R"({"overlap_days":8})", "r")),
            "auth.request.key_used");
  approve(two, rotate);
  const auto fresh = approve(three, rotate).substr(4);
  EXPECT_TRUE(proves(client, fresh));
  EXPECT_NE(fresh, secret);
  EXPECT_TRUE(json(get(bearer, path)).HasMember("old_secret_until"));
  EXPECT_EQ(key_of(post(bearer, path + "/end-old-secret")), "auth.request.reason");
  EXPECT_EQ(post(bearer, path + "/end-old-secret", R"({"reason":"泄露"})").status, 204);
  EXPECT_FALSE(json(get(bearer, path)).HasMember("old_secret_until"));
  EXPECT_EQ(key_of(post(bearer, path + "/end-old-secret", R"({"reason":"泄露"})")),
            "auth.portal.one_secret");

  // Another end; stopped by one; on again by two.
  EXPECT_EQ(key_of(post(bearer, path + "/renew", R"({"until":"soon"})", "n")),
            "auth.metadata.date");
  const auto renew =
      text(post(bearer, path + "/renew", R"({"until":"2098-12-31","agreement":"2027-1"})", "n"),
           "request");
  const auto change = json(get(bearer, "/requests/" + renew));
  EXPECT_EQ(base::json_text(change["proposal"]["agreement"], "number"), "2027-1");
  EXPECT_EQ(base::json_text(change["in_force"]["agreement"], "number"), "2026-17");
  EXPECT_EQ(post(bearer, "/requests/" + renew + "/refuse", R"({"reason":"错了"})").status, 204)
      << "one's own may be withdrawn";
  EXPECT_EQ(key_of(post(bearer, path + "/resume", {}, "s")), "auth.portal.active");
  EXPECT_EQ(key_of(post(bearer, path + "/suspend")), "auth.request.reason");
  EXPECT_EQ(post(bearer, path + "/suspend", R"({"reason":"违约"})").status, 204);
  EXPECT_EQ(key_of(post(bearer, path + "/suspend", R"({"reason":"违约"})")), "auth.portal.stopped");
  const auto stopped = json(get(bearer, path));
  EXPECT_EQ(base::json_text(stopped, "standing"), "stopped");
  EXPECT_EQ(base::json_text(stopped["history"][0], "reason"), "违约");
  EXPECT_EQ(base::json_text(stopped["names"], one.id.value().c_str()), one.login_name);
  const auto resume = text(post(bearer, path + "/resume", {}, "s"), "request");
  EXPECT_EQ(text(post(bearer, path + "/resume", {}, "s"), "request"), resume);
  approve(two, resume);
  EXPECT_EQ(approve(three, resume), "done");
  EXPECT_EQ(text(get(bearer, path), "standing"), "in force");
  const auto late =
      text(post(bearer, path + "/rotate-secret", R"({"overlap_days":7})", "late"), "request");
  approve(two, late);
  approve(three, late);
  pass(std::chrono::hours(8 * 24));
  EXPECT_FALSE(json(get(token(one), path)).HasMember("old_secret_until")) << "its time is over";
  const auto anew = token(one);
  for (const auto* deed : {"/suspend", "/end-old-secret"})
    EXPECT_EQ(key_of(post(anew, std::string("/portals/nobody") + deed, R"({"reason":"r"})")),
              "auth.portal.unknown");
}

TEST_F(StaffApiTest, Rfc7591_ATokenForRegisteringIsProposedUsedAndEnded) {
  const auto one = member(), two = member(), three = member();
  const auto bearer = token(one);
  const auto bad = post(bearer, "/initial-tokens", R"({"uses":0})", "b");
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr("\"field\":\"uses\""));
  const auto request = text(post(bearer, "/initial-tokens", initial(), "t"), "request");
  const auto shown = json(get(bearer, "/requests/" + request));
  EXPECT_EQ(base::json_text(shown, "kind"), "initial_token");
  EXPECT_EQ(shown["proposal"]["hosts"][0].GetString(), std::string("app.example"));
  const auto id = std::string(base::json_text(shown, "client_id"));
  EXPECT_EQ(approve(two, request), "waiting");
  const auto secret = approve(three, request).substr(4);
  const auto register_with = [&] {
    return house_.ask("POST", "/oauth/register",
                      "Authorization: Bearer " + secret + "\r\nContent-Type: application/json\r\n",
                      R"({"client_name":"应用","redirect_uris":["https://app.example/cb"]})");
  };
  EXPECT_EQ(register_with().status, 201);
  const auto listed = json(get(bearer, "/initial-tokens"));
  const rapidjson::Value* mine = nullptr;
  for (const auto& each : listed["tokens"].GetArray())
    if (base::json_text(each, "id") == id) mine = &each;
  ASSERT_NE(mine, nullptr);
  EXPECT_EQ(base::json_int(*mine, "uses_left"), 2);
  EXPECT_EQ(base::json_text(*mine, "made_by"), three.id.value());
  EXPECT_THAT(get(bearer, "/initial-tokens").body, Not(HasSubstr(secret)));
  EXPECT_EQ(ask(bearer, "DELETE", "/initial-tokens/" + id).status, 204);
  EXPECT_EQ(key_of(ask(bearer, "DELETE", "/initial-tokens/" + id)), "auth.dynamic.token_unknown");
  EXPECT_EQ(register_with().status, 401);
}

TEST_F(StaffApiTest, Ldt01_6_2_5e_TheTrailByIdTimeAndPage) {
  const auto staff = member();
  const auto bearer = token(staff);
  const auto citizen = somebody();
  for (int i = 0; i < 60; ++i) get(bearer, people(citizen));
  const auto page = json(get(bearer, "/trail?mode=actor&id=" + staff.id.value()));
  ASSERT_EQ(page["lines"].Size(), 50u);
  EXPECT_EQ(base::json_text(page["lines"][0], "act"), "staff.view");
  EXPECT_EQ(base::json_text(page["lines"][0], "object"), citizen.id.value());
  EXPECT_EQ(base::json_text(page["names"], staff.id.value().c_str()), staff.login_name);
  const auto next = base::json_int(page, "next");
  ASSERT_TRUE(next);
  const auto older = json(
      get(bearer, "/trail?mode=actor&id=" + staff.id.value() + "&before=" + std::to_string(*next)));
  EXPECT_LT(*base::json_int(older["lines"][0], "seq"), *base::json_int(page["lines"][49], "seq"));
  EXPECT_FALSE(older.HasMember("next"));
  const auto about = json(get(bearer, "/trail?id=" + citizen.id.value()));
  EXPECT_EQ(base::json_text(about["lines"][0], "actor"), staff.id.value());
  EXPECT_EQ(key_of(get(bearer, "/trail?from=yesterday")), "web.staff.trail.day");
  const auto today = base::to_iso_date(base::china_date(house_.services().clock.now()));
  EXPECT_EQ(
      json(get(bearer, "/trail?until=" + today + "&id=" + citizen.id.value()))["lines"].Size(), 50u)
      << "a day is meant with its end";
  EXPECT_EQ(json(get(bearer, "/trail?until=2001-01-01"))["lines"].Size(), 0u);
  const auto noted = [&](const char* fact) {
    return sql("select facts ->> '" + std::string(fact) + "' from audit.entry where actor = '" +
               staff.id.value() + "' order by seq desc limit 1");
  };
  EXPECT_EQ(noted("until"), "2001-01-01");
  // A personal number that is typed where ids go does not come into the trail by it.
  EXPECT_EQ(get(bearer, "/trail?id=" + citizen.number).status, 200);
  EXPECT_EQ(noted("id"), "unknown");
}

TEST_F(StaffApiTest, PagesAndJsonAreOneDesk) {
  const auto one = member(), two = member();
  auto desk = at_desk(one);
  const auto citizen = somebody();
  const auto asked =
      post(token(two), people(citizen, "/requests"), R"({"kind":"name","name":"张大三"})", "k");
  const auto path = "/staff/requests/" + text(asked, "request");
  EXPECT_THAT(desk.get(path).body, HasSubstr("张大三"));
  EXPECT_EQ(desk.post(path, {{"what", "person"}, {"decision", "approve"}, {"reason", ""}})
                .header("location"),
            "/staff/requests?done=approved");
  EXPECT_EQ(rooms()->accounts->subject(citizen.id)->name, "张大三");
}

}  // namespace
