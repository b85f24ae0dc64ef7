// 授权代办 from offer to the unit's document and to its end. LD/T 01-2020 5.4.1.5, 6.2.2d.
#include <gmock/gmock.h>

#include "base/encoding.h"
#include "base/json.h"
#include "services/demo_data.h"
#include "tests/api/browser.h"

namespace {

using test::Browser;
using testing::HasSubstr;
using testing::Not;

class MandatePagesTest : public testing::Test {
 protected:
  void log_in(Browser& browser, const auth::SubjectId& who) {
    const auto rooms = house_.services().upstairs.get();
    const auto pending = rooms->agreements->pending(who);
    std::vector<auth::Acceptance> accepted;
    for (const auto& one : *pending) accepted.push_back({one.kind, one.version, one.sha256});
    base::check(rooms->agreements->accept(who, accepted, "test").ok(), "agreements");
    browser.set("__Host-xinyin_session",
                rooms->sessions->open(who, auth::Method::password)->cookie);
  }
  /// A unit with rows of enrolment, and its account.
  auth::SubjectId unit() {
    static std::atomic<int> counter{0};
    const int n = ++counter;
    const auto rooms = house_.services().upstairs.get();
    auth::NewSubject subject;
    subject.kind = auth::SubjectKind::unit;
    subject.name = "示范代办有限公司";
    subject.id_type = "unit-number";
    subject.id_number = "MU" + std::to_string(::getpid()) + "-" + std::to_string(n);
    subject.login_name = "munit." + std::to_string(::getpid()) + "." + std::to_string(n);
    subject.proofing = auth::Proofing::p3;
    const auto made =
        rooms->accounts->create(subject, base::Secret(base::as_bytes(test::kPassword)));
    base::check(made.ok(), made.ok() ? "" : made.error().key);
    auto tx = house_.services().pool.begin();
    char code[32];
    std::snprintf(code, sizeof code, "91440300MA%07dT", ::getpid() % 100000 * 10 + n);
    const auto done = services::insert_demo_data(
        *tx, {base::to_hex(house_.random().bytes(16)), made->value(), subject.name, code, ""},
        house_.pki().clock().now());
    base::check(done.ok() && tx->commit().ok(), done.ok() ? "commit" : done.error().detail);
    return *made;
  }
  std::string last_day() {
    return base::to_iso_date(
        base::china_date(house_.pki().clock().now() + std::chrono::hours(24 * 30)));
  }
  api::Parameters offer_to(const auth::SubjectId& who) {
    const auto record = house_.services().upstairs.get()->accounts->subject(who);
    return {{"name", record->name},
            {"id_type", record->id_type},
            {"id_number", record->id_number},
            {"country", ""},
            {"since", ""},
            {"until", last_day()},
            {"most_uses", "2"},
            {"item.enrolment-certificate", "yes"}};
  }
  static std::string id_in(const std::string& page) {
    const std::string mark = "name=\"mandate\" value=\"";
    const auto at = page.find(mark);
    return at == std::string::npos ? "" : page.substr(at + mark.size(), 32);
  }
  test::Answer issue(const std::string& token, const std::string& key) {
    return house_.ask("POST", "/v1/documents/enrolment-certificate",
                      "Authorization: Bearer " + token +
                          "\r\nContent-Type: application/json\r\nIdempotency-Key: " + key + "\r\n",
                      "{}");
  }
  test::House house_;
};

TEST_F(MandatePagesTest, Ldt01_6_2_2d_AUnitsHandlerObtainsItsDocumentUntilTheMandateEnds) {
  const auto handler = house_.person().id;
  const auto principal = unit();
  Browser at_unit(house_), at_handler(house_);
  log_in(at_unit, principal);
  log_in(at_handler, handler);

  at_unit.get("/account/mandates");
  auto wrong = offer_to(handler);
  wrong[2].second = "1";
  EXPECT_EQ(at_unit.post("/account/mandates", wrong).status, 400);
  auto page = at_unit.post("/account/mandates", offer_to(handler));
  ASSERT_EQ(page.status, 303) << "loading the next page anew offers nothing twice: " << page.body;
  page = at_unit.get(page.header("location"));
  EXPECT_THAT(page.body, HasSubstr(base::message("web.mandate.offered", base::Language::zh)));

  page = at_handler.get("/account/mandates");
  EXPECT_THAT(page.body, HasSubstr("示范代办有限公司"));
  const auto id = id_in(page.body);
  page = at_handler.post("/account/mandates/answer", {{"mandate", id}, {"decision", "accept"}});
  ASSERT_EQ(page.status, 303) << page.body;
  page = at_handler.get(page.header("location"));
  EXPECT_THAT(page.body, HasSubstr(base::message("web.mandate.behalf", base::Language::zh)));
  EXPECT_EQ(at_unit.post("/account/mandates/choose", {{"acting", id}}).status, 404)
      << "not the unit's own to act under";

  // On the consent page of a portal.
  const auto cookie = at_handler.cookie("__Host-xinyin_session");
  const auto own = house_.access_token();  // consent is remembered from here
  ASSERT_EQ(issue(own, "own-1").status, 201);
  page = at_handler.post("/account/mandates/choose", {{"acting", id}});
  EXPECT_EQ(page.status, 303);
  const auto token = house_.access_token("openid profile documents", cookie);
  const auto issued = issue(token, "unit-1");
  ASSERT_EQ(issued.status, 201) << issued.body;
  const auto json = base::parse_json(issued.body);
  EXPECT_EQ(base::json_text(*json, "kind"), "unit-enrolment-certificate");
  const std::string document(base::json_text(*json, "id"));
  const auto bearer = [](const std::string& t) { return "Authorization: Bearer " + t + "\r\n"; };
  EXPECT_EQ(house_.get("/v1/documents/" + document, bearer(token)).status, 200);
  EXPECT_EQ(house_.get("/v1/documents/" + document, bearer(own)).status, 404)
      << "it is the unit's, not the handler's";
  EXPECT_THAT(house_.get("/v1/documents", bearer(token)).body, HasSubstr(document));
  EXPECT_THAT(house_.get("/oauth/userinfo", bearer(token)).body, HasSubstr("示范代办有限公司"));

  EXPECT_EQ(issue(token, "unit-1").status, 201) << "the same request again is no further use";
  EXPECT_EQ(issue(token, "unit-2").status, 201);
  EXPECT_THAT(issue(token, "unit-3").body, HasSubstr("auth.mandate.used_up"));

  page = at_unit.post("/account/mandates/answer", {{"mandate", id}, {"decision", "end"}});
  EXPECT_EQ(page.status, 303);
  EXPECT_EQ(house_.get("/v1/documents", bearer(token)).status, 401) << "at the next call";
  EXPECT_EQ(issue(own, "own-2").status, 201) << "himself he is still";
}

TEST_F(MandatePagesTest, APortalsQuestionIsAnsweredOnTheConsentPage) {
  const auto handler = house_.person().id;
  const auto principal = unit();
  const auto rooms = house_.services().upstairs.get();
  const auto record = rooms->accounts->subject(handler);
  auth::MandateTerms terms{{"enrolment-certificate"},
                           house_.pki().clock().now(),
                           house_.pki().clock().now() + std::chrono::hours(24)};
  const auto id = rooms->mandates->offer(
      principal, {record->name, record->id_type, record->id_number, ""}, terms);
  ASSERT_TRUE(rooms->mandates->accept(*id, handler).ok());
  Browser browser(house_);
  log_in(browser, handler);
  const auto page = browser.get(
      "/oauth/authorize?response_type=code&client_id=" + house_.client_id() +
      "&redirect_uri=" + api::percent_encode(test::kRedirect) +
      "&scope=openid&acting_for=choose&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"
      "code_challenge_method=S256");
  ASSERT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("name=\"acting\" value=\"" + *id + "\""));
  EXPECT_THAT(page.body, HasSubstr("示范代办有限公司"));
}

}  // namespace
