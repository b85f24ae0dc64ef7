// 实名核验 as people and programs meet it, with the simulator of the sources on its wire interface.
// LD/T 01-2020 5.4.1.2b, 5.4.1.5, 6.2.6b; OpenID Connect Core §5.5.1.1.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "auth/id_numbers.h"
#include "base/encoding.h"
#include "base/json.h"
#include "gateways/http_exchange.h"
#include "tests/api/browser.h"
#include "tests/support/simulator.h"

namespace {

using test::Answer;
using test::Browser;
using testing::HasSubstr;
using testing::Not;

class ProofingPagesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/xinyin-proofing-XXXXXX";
    base::check(::mkdtemp(name) != nullptr, "no temporary directory");
    directory_ = name;
    std::ofstream(directory_ / "secret") << "source-secret\n";
    std::filesystem::permissions(directory_ / "secret", std::filesystem::perms::owner_read);
    simulator_ = std::make_unique<test::Simulator>(
        "proofing_simulator.py",
        std::vector<std::string>{"--key-id", "us", "--secret-file",
                                 (directory_ / "secret").string(), "--with-parent"});
  }
  static void TearDownTestSuite() {
    simulator_.reset();
    std::filesystem::remove_all(directory_);
  }
  static api::Config::Proofing sources() {
    api::Config::Proofing out;
    const auto at = [](const char* path) {
      return api::Config::Proofing::Source{simulator_->address() + path, "us",
                                           directory_ / "secret"};
    };
    out.identity = at("/identity");
    out.association = at("/association");
    out.social_card = at("/social-card");
    out.face = at("/face");
    out.network_id = at("/network-id");
    out.network_id_face = true;
    out.simulated = true;
    out.deadline = std::chrono::milliseconds(10'000);
    return out;
  }
  void SetUp() override { mode("ok"); }
  static void send(const std::string& url, const std::string& body, const char* type) {
    gateways::HttpAsk ask;
    ask.url = url;
    ask.content_type = type;
    ask.body = body;
    (void)gateways::http_exchange(ask);
  }
  static void mode(const std::string& word) {
    send(simulator_->address() + "/mode", "{\"mode\": \"" + word + "\"}", "application/json");
  }
  static test::House::Options with_sources() {
    test::House::Options out;
    out.proofing = sources();
    return out;
  }
  /// Somebody who registered by himself, logged in at this browser.
  struct Someone {
    auth::SubjectId id;
    std::string cookie;
  };
  Someone someone(Browser& browser, test::House& house) {
    static std::atomic<int> counter{0};
    const int n = ++counter;
    char number[32];
    std::snprintf(number, sizeof number, "4403001%03d0101%03d", 900 + ::getpid() % 99, n);
    auth::NewSubject subject;
    subject.name = "张小三";
    subject.id_type = "cn-id";
    subject.id_number = std::string(number) + auth::citizen_check(number);
    subject.login_name = "proof." + std::to_string(::getpid()) + "." + std::to_string(n);
    const auto rooms = house.services().upstairs.get();
    const auto made =
        rooms->accounts->create(subject, base::Secret(base::as_bytes(test::kPassword)));
    base::check(made.ok(), made.ok() ? "" : made.error().key);
    const auto pending = rooms->agreements->pending(*made);
    std::vector<auth::Acceptance> accepted;
    for (const auto& one : *pending) accepted.push_back({one.kind, one.version, one.sha256});
    base::check(rooms->agreements->accept(*made, accepted, "test").ok(), "agreements");
    auto opened = rooms->sessions->open(*made, auth::Method::password);
    browser.set("__Host-xinyin_session", opened->cookie);
    return {*made, opened->cookie};
  }
  static std::string authorize_path(test::House& house, const std::string& more) {
    return "/oauth/authorize?response_type=code&client_id=" + house.client_id() +
           "&redirect_uri=" + api::percent_encode(test::kRedirect) +
           "&scope=openid&state=s&nonce=n&code_challenge=" +
           "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256" + more;
  }
  static std::string essential(const std::string& acr) {
    return "&claims=" + api::percent_encode(R"({"id_token":{"acr":{"essential":true,"value":")" +
                                            acr + R"("}}})");
  }
  auth::Proofing level(test::House& house, const auth::SubjectId& id) {
    return house.services().upstairs.get()->accounts->subject(id)->proofing;
  }

  static std::filesystem::path directory_;
  static std::unique_ptr<test::Simulator> simulator_;
};
std::filesystem::path ProofingPagesTest::directory_;
std::unique_ptr<test::Simulator> ProofingPagesTest::simulator_;

TEST_F(ProofingPagesTest, Ldt01_5_4_1_5_APersonSeesTheLevelAndRaisesIt) {
  test::House house(with_sources());
  Browser browser(house);
  const auto me = someone(browser, house);
  auto page = browser.get("/account/proofing");
  ASSERT_EQ(page.status, 200) << page.body;
  for (const char* part : {"P0", "simulator", "way-two-factor", "way-association",
                           "way-social-card", "way-network-id", "way-face", "way-network-id-face", "way-counter"})
    EXPECT_THAT(page.body, HasSubstr(part));
  EXPECT_THAT(page.body, HasSubstr(base::message("web.proofing.item.closed", base::Language::zh)));

  page = browser.post("/account/proofing", {{"method", "three-factor"}, {"phone", "13900139000"}});
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body,
              HasSubstr(base::message("auth.proofing.does_not_match", base::Language::zh)));
  EXPECT_THAT(page.body, Not(HasSubstr("13900139000"))) << "what was typed is not thrown back";
  EXPECT_EQ(level(house, me.id), auth::Proofing::p0);

  page = browser.post("/account/proofing", {{"method", "three-factor"}, {"phone", "1"}});
  EXPECT_EQ(page.status, 400);
  EXPECT_THAT(page.body, HasSubstr("aria-invalid=\"true\""));

  mode("status_500");
  page = browser.post("/account/proofing", {{"method", "two-factor"}});
  EXPECT_THAT(page.body, HasSubstr(base::message("auth.proofing.unavailable", base::Language::zh)));
  mode("ok");

  page =
      browser.post("/account/proofing", {{"method", "three-factor"}, {"phone", "138 0013 8000"}});
  EXPECT_THAT(page.body, HasSubstr(base::message("auth.proofing.matches", base::Language::zh)));
  EXPECT_THAT(page.body, HasSubstr(base::message("web.proofing.item.open", base::Language::zh)));
  EXPECT_EQ(level(house, me.id), auth::Proofing::p2);
}

TEST_F(ProofingPagesTest, Oidc_5_5_1_1_AHigherLevelSendsThePersonToProofingAndBack) {
  test::House house(with_sources());
  house.person();
  Browser browser(house);
  const auto me = someone(browser, house);
  const auto asked = authorize_path(house, essential("urn:xinyin:acr:p2a1"));
  const auto silent = browser.get(asked + "&prompt=none");
  EXPECT_THAT(silent.header("location"), HasSubstr("error=unmet_authentication_requirements"));

  auto answer = browser.get(asked);
  ASSERT_EQ(answer.status, 303);
  const std::string to(answer.header("location"));
  ASSERT_THAT(to, HasSubstr("/account/proofing?return_to=%2Foauth%2Fauthorize"));
  auto page = browser.get(to);
  EXPECT_THAT(page.body, HasSubstr(base::message("web.proofing.needed", base::Language::zh)));
  EXPECT_THAT(page.body,
              HasSubstr(base::message("web.proofing.continue.without", base::Language::zh)));
  const auto back = test::query_value(to, "return_to");
  answer = browser.get(back);
  EXPECT_THAT(answer.header("location"), HasSubstr("error=unmet_authentication_requirements"))
      << "without proofing: the error, and no circle";

  browser.get(to);
  page = browser.post("/account/proofing", {{"method", "association"},
                                            {"card_number", "A12345678"},
                                            {"last_base", "8500"},
                                            {"return_to", back}});
  EXPECT_THAT(page.body, HasSubstr(base::message("web.proofing.continue", base::Language::zh)));
  answer = browser.get(back);
  EXPECT_EQ(answer.status, 200) << "the consent page";
  EXPECT_THAT(answer.body, HasSubstr("transaction"));
  EXPECT_EQ(level(house, me.id), auth::Proofing::p2);
}

TEST_F(ProofingPagesTest, AReturnAddressIsOursOrNone) {
  test::House house(with_sources());
  Browser browser(house);
  someone(browser, house);
  for (const char* address : {"https://evil.example/", "//evil.example", "/\\evil.example",
                              "/login", "javascript:alert(1)"}) {
    const auto page = browser.get("/account/proofing?return_to=" + api::percent_encode(address));
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(page.body, Not(HasSubstr("evil.example"))) << address;
    EXPECT_THAT(page.body, Not(HasSubstr("javascript:"))) << address;
  }
}

TEST_F(ProofingPagesTest,
       Ldt01_5_4_1_2b_WithEverySourceOffThePageNamesTheCounterAndNobodyIsSentThere) {
  test::House house;
  house.person();
  Browser browser(house);
  someone(browser, house);
  const auto page = browser.get("/account/proofing");
  EXPECT_THAT(page.body, HasSubstr("way-counter"));
  EXPECT_THAT(page.body, Not(HasSubstr("way-two-factor")));
  EXPECT_THAT(page.body, HasSubstr(base::message("web.proofing.none", base::Language::zh)));
  EXPECT_THAT(page.body, HasSubstr(base::message("web.proofing.item.closed", base::Language::zh)));
  const auto answer = browser.get(authorize_path(house, essential("urn:xinyin:acr:p2a1")));
  EXPECT_THAT(answer.header("location"), HasSubstr("error=unmet_authentication_requirements"));
}

TEST_F(ProofingPagesTest, Ldt01_6_2_6b_FaceIsDoneElsewhereWithAConsentOfItsOwn) {
  test::House house(with_sources());
  Browser browser(house);
  const auto me = someone(browser, house);
  auto page = browser.get("/account/proofing");
  EXPECT_EQ(browser.post("/account/proofing/begin", {{"method", "face"}}).status, 403);
  page = browser.post("/account/proofing/consent", {{"method", "face"}, {"decision", "give"}});
  EXPECT_THAT(page.body,
              HasSubstr(base::message("web.proofing.consent.given", base::Language::zh)));
  page = browser.post("/account/proofing/begin", {{"method", "face"}});
  ASSERT_EQ(page.status, 200);
  const auto state = browser.hidden("state");
  const auto mark = page.body.find("href=\"" + simulator_->address() + "/face/visit/");
  ASSERT_NE(mark, std::string::npos);
  const auto begin = mark + 6;
  const auto address = page.body.substr(begin, page.body.find('"', begin) - begin);
  page = browser.get("/account/proofing/return?state=" + state);
  EXPECT_THAT(page.body, HasSubstr(base::message("web.proofing.pending", base::Language::zh)));
  send(address, "outcome=not_live", "application/x-www-form-urlencoded");
  page = browser.get("/account/proofing/return?state=" + state);
  EXPECT_THAT(page.body, HasSubstr(base::message("auth.proofing.not_live", base::Language::zh)));
  page = browser.get("/account/proofing/return?state=" + state);
  EXPECT_EQ(page.status, 410) << "spent";
  EXPECT_EQ(level(house, me.id), auth::Proofing::p0);
  page = browser.post("/account/proofing/consent", {{"method", "face"}, {"decision", "withdraw"}});
  EXPECT_EQ(browser.post("/account/proofing/begin", {{"method", "face"}}).status, 403);
}

TEST_F(ProofingPagesTest, ACardIsScannedAndAskedForByItsButton) {
  test::House house(with_sources());
  Browser browser(house);
  const auto me = someone(browser, house);
  browser.get("/account/proofing");
  auto page = browser.post("/account/proofing/begin", {{"method", "social-card"}});
  ASSERT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("<svg class=\"qr\""));
  const auto state = browser.hidden("state");
  const auto begin = page.body.find("href=\"http") + 6;
  send(page.body.substr(begin, page.body.find('"', begin) - begin), "outcome=matches",
       "application/x-www-form-urlencoded");
  page = browser.post("/account/proofing/finish", {{"state", state}});
  EXPECT_THAT(page.body, HasSubstr(base::message("auth.proofing.matches", base::Language::zh)));
  EXPECT_EQ(level(house, me.id), auth::Proofing::p2);
}

TEST_F(ProofingPagesTest, Ldt01_6_2_6f_WhoShowedHisNetworkIdentityIsNotAskedForHisNumber) {
  for (const bool tells : {false, true}) {
    auto options = with_sources();
    options.proofing.network_id_tells = tells;
    test::House house(options);
    Browser browser(house);
    const auto me = someone(browser, house);
    const auto person = *house.services().upstairs.get()->accounts->subject(me.id);
    EXPECT_THAT(browser.get("/account/proofing").body, HasSubstr("自愿使用"));
    auto page = browser.post("/account/proofing/begin", {{"method", "network-id"}});
    ASSERT_EQ(page.status, 200);
    EXPECT_THAT(page.body, HasSubstr("<svg class=\"qr\""));
    const auto state = browser.hidden("state");
    const auto begin = page.body.find("href=\"http") + 6;
    const auto address = page.body.substr(begin, page.body.find('"', begin) - begin);
    send(address,
         tells ? "outcome=matches&name=" + api::percent_encode(person.name) +
                     "&id_number=" + person.id_number
               : "outcome=matches",
         "application/x-www-form-urlencoded");
    page = browser.post("/account/proofing/finish", {{"state", state}});
    EXPECT_THAT(page.body, HasSubstr(base::message("auth.proofing.matches", base::Language::zh)));
    EXPECT_EQ(level(house, me.id), auth::Proofing::p2);
    EXPECT_THAT(browser.get("/account/proofing").body, Not(HasSubstr("name=\"id_number\"")));
  }
}

TEST_F(ProofingPagesTest, ProgramsAskWithAScopeOfItsOwn) {
  test::House house(with_sources());
  const auto without = house.access_token();
  const auto bearer = [](const std::string& token) {
    // A network of its own: failures of others are counted in the shared database.
    return "X-Forwarded-For: 10.200.77.7\r\nAuthorization: Bearer " + token + "\r\n";
  };
  EXPECT_EQ(house.get("/v1/proofing", bearer(without)).status, 403);
  const auto token = house.access_token("openid proofing");
  auto seen = base::parse_json(house.get("/v1/proofing", bearer(token)).body);
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(base::json_text(*seen, "level"), "p2");
  EXPECT_EQ((*seen)["ways"].Size(), 9u);
  const auto post = [&](const std::string& body) {
    return house.ask("POST", "/v1/proofing", bearer(token) + "Content-Type: application/json\r\n",
                     body);
  };
  const auto no = post(R"({"method": "three-factor", "phone": "13900139000"})");
  EXPECT_EQ(no.status, 200) << no.body;
  EXPECT_EQ(no.body, R"({"outcome":"does_not_match","level":"p2"})");
  EXPECT_EQ(post(R"({"method": "three-factor", "phone": "13800138000"})").body,
            R"({"outcome":"matches","level":"p2"})");
  EXPECT_EQ(post(R"({"method": "three-factor", "telephone": "1"})").status, 400);
  EXPECT_EQ(post(R"({"method": "three-factor"})").status, 400);
}

}  // namespace
