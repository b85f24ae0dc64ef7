// Certificates as a browser meets them: bound, a login, a second step, at both addresses; and the
// revocation lists that they are judged with. The body is one that openssl runs, and openssl signs.
// LD/T 01-2020 5.4.1.3b, 6.2.6d, 6.2.7; docs/decisions/0124, 0125, 0126.
#include <gmock/gmock.h>

#include <fstream>

#include "api/body_trust.h"
#include "auth/identities.h"
#include "base/encoding.h"
#include "base/text.h"
#include "certs/crl.h"
#include "tests/api/browser.h"
#include "tests/certs/foreign_body.h"

namespace {

using namespace std::chrono_literals;
using test::Answer;
using test::Browser;
using testing::HasSubstr;
using testing::Not;

std::string unescaped(std::string text) {
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"&quot;", "\""},
                                 {"&#x2F;", "/"},
                                 {"&#x27;", "'"},
                                 {"&#39;", "'"},
                                 {"&lt;", "<"},
                                 {"&gt;", ">"},
                                 {"&amp;", "&"}})
    for (std::size_t i = 0; (i = text.find(from, i)) != std::string::npos; i += to.size())
      text.replace(i, from.size(), to);
  return text;
}

std::string between(const std::string& page, std::string_view before, std::string_view after) {
  const auto at = page.find(before);
  if (at == std::string::npos) return "";
  const auto begin = at + before.size();
  return unescaped(page.substr(begin, page.find(after, begin) - begin));
}

class CertificatePagesTest : public testing::Test {
 protected:
  CertificatePagesTest() {
    trust();
    (void)house_.session_cookie();  // accepts what there is
  }
  /// The trust list with the body in it, and its lists of now.
  void trust() {
    auth::BodyTrust held;
    held.list.issued = now();
    held.list.next_update = now() + 72h;
    held.list.bodies = {body_.body()};
    const auto passed = std::chrono::floor<std::chrono::hours>(now() - made_at_).count();
    held.crls = body_.crls(1 - static_cast<int>(passed), 72);
    house_.services().body_trust.set(std::make_shared<const auth::BodyTrust>(std::move(held)));
  }
  base::Time now() { return house_.pki().clock().now(); }

  struct Card {
    certs::Certificate leaf;
    std::string file;  ///< its path without .pem and .key
  };
  Card card(const std::string& number) {
    auto leaf = body_.leaf("login", "/C=CN/CN=张小三/serialNumber=" + number);
    return {leaf, (body_.path() / ("leaf-" + std::to_string(++made_))).string()};
  }
  Card own() { return card(number()); }
  std::string number() {
    const auto rooms = house_.services().upstairs.get();
    return auth::documents_of(house_.services().pool, *rooms->cipher, house_.person().id)
        .value()[0]
        .document.number;
  }
  std::string sign(const Card& card, const std::string& text) {
    const auto at = (body_.path() / "challenge").string();
    test::write_file(at, text);
    const auto ran = test::shell(
        "openssl cms -sign -binary -nodetach -md sha256 -in " + at + " -signer " + card.file +
        ".pem -inkey " + card.file + ".key -outform PEM -out " + at + ".cms");
    EXPECT_EQ(ran.exit, 0) << ran.out;
    return test::read_file(at + ".cms");
  }
  /// Signs what the page shows and sends it back, as a file.
  Answer answer(Browser& browser, const Answer& page, const std::string& path, const Card& card,
                const char* field = "file") {
    const auto text = between(page.body, "id=\"text\" tabindex=\"0\">", "</pre>");
    EXPECT_THAT(text, HasSubstr("一次性编号 challenge: " + browser.hidden("challenge")));
    return browser.post_parts(path, {{"return_to", "/account"},
                                     {"challenge", browser.hidden("challenge")},
                                     {field, sign(card, text)}});
  }
  Answer log_in(Browser& browser, const std::string& to = "/account") {
    EXPECT_EQ(browser.get("/login?return_to=" + api::percent_encode(to)).status, 200);
    return browser.post("/login", {{"return_to", to},
                                   {"login_name", house_.person().login_name},
                                   {"password", test::kPassword}});
  }
  Browser member() {
    Browser browser(house_);
    EXPECT_EQ(log_in(browser).header("location"), "/account");
    return browser;
  }
  void bind(Browser& browser, const Card& card) {
    const auto page = browser.get("/account/security/certificate");
    ASSERT_EQ(page.status, 200) << page.head;
    const auto bound = answer(browser, page, "/account/security/certificate", card);
    EXPECT_EQ(bound.header("location"),
              "/account/security?done=added&return_to=%2Faccount")
        << bound.body;
  }
  void be_a_unit() {
    const std::string sql =
        "update auth.subject set kind = 'unit' where id = '" + house_.person().id.value() + "'";
    (void)test::Database::shared().sql(test::Role::owner, sql);
  }
  test::House house_{[] {
    test::House::Options options;
    options.mtls = true;
    return options;
  }()};
  // openssl revokes by the machine's clock.
  test::ForeignBody body_{(house_.pki().clock().set(std::chrono::floor<std::chrono::seconds>(
                               base::SystemClock().now())),
                           house_.pki().clock().now())};
  const base::Time made_at_ = house_.pki().clock().now();
  int made_ = 0;
};

TEST_F(CertificatePagesTest, Ldt01_6_2_6d_ACertificateIsBoundAndLogsInBeforeThePassword) {
  auto browser = member();
  const auto mine = own();
  bind(browser, mine);
  const auto page = browser.get("/account/security");
  EXPECT_THAT(page.body, HasSubstr("数字证书"));
  EXPECT_THAT(page.body, HasSubstr("CN=某电子认证二级"));
  EXPECT_THAT(page.body, HasSubstr(mine.leaf.serial_hex()));
  EXPECT_THAT(page.body, HasSubstr("CN=张小三"));
  EXPECT_THAT(page.body, Not(HasSubstr(number()))) << "LD/T 01-2020 6.2.3: shown in part";
  EXPECT_THAT(page.body, Not(HasSubstr("将在30天内到期")));

  Browser other(house_);
  EXPECT_THAT(other.get("/login?return_to=%2Faccount").body,
              HasSubstr("/login/certificate?return_to=%2Faccount"));
  const auto asked = other.get("/login/certificate?return_to=%2Faccount");
  EXPECT_THAT(asked.body, HasSubstr("我用此证书登录"));
  EXPECT_THAT(asked.body, HasSubstr("openssl cms -sign"));
  const auto first = answer(other, asked, "/login/certificate", mine, "answer");
  EXPECT_EQ(first.header("location"), "/login/second?return_to=%2Faccount") << first.body;
  EXPECT_EQ(other.cookie("__Host-xinyin_session"), "");
  const auto second = other.get(first.header("location"));
  EXPECT_THAT(second.body, HasSubstr("action=\"/login/second/password\""));
  EXPECT_EQ(other.post("/login/second/password", {{"return_to", "/account"}, {"password", "wrong"}})
                .status,
            401);
  const auto in = other.post("/login/second/password",
                             {{"return_to", "/account"}, {"password", test::kPassword}});
  EXPECT_EQ(in.header("location"), "/account") << in.body;
  const auto session = house_.session_of(other.cookie("__Host-xinyin_session"));
  EXPECT_EQ(session.authentication, auth::Authentication::hardware);
  EXPECT_EQ(session.subject, house_.person().id);
}

TEST_F(CertificatePagesTest, A23_AfterThePasswordTheCertificateIsTheSecondStep) {
  auto browser = member();
  const auto mine = own();
  bind(browser, mine);
  Browser other(house_);
  EXPECT_EQ(log_in(other).header("location"), "/login/second?return_to=%2Faccount");
  EXPECT_THAT(other.get("/login/second?return_to=%2Faccount").body,
              HasSubstr("/login/second/certificate?return_to=%2Faccount"));
  const auto asked = other.get("/login/second/certificate?return_to=%2Faccount");
  const auto file = other.get(unescaped(between(asked.body, "id=\"file\" href=\"", "\"")));
  EXPECT_EQ(file.body, between(asked.body, "id=\"text\" tabindex=\"0\">", "</pre>"));
  EXPECT_THAT(file.header("content-disposition"), HasSubstr("challenge.txt"));
  // keep() takes the page last got for its form: it is still the one that asked.
  const auto again = other.get("/login/second/certificate?return_to=%2Faccount");
  const auto in = answer(other, again, "/login/second/certificate", mine);
  EXPECT_EQ(in.header("location"), "/account") << in.body;
  EXPECT_EQ(house_.session_of(other.cookie("__Host-xinyin_session")).authentication,
            auth::Authentication::hardware);
  // Its text is nobody else's to have.
  Browser stranger(house_);
  EXPECT_EQ(stranger.get("/login/certificate").status, 200);
  EXPECT_EQ(stranger.get(unescaped(between(again.body, "id=\"file\" href=\"", "\""))).status, 410);
}

TEST_F(CertificatePagesTest, Ldt01_5_4_1_3b_AUnitsRevokedCertificateIsRefusedAndNothingStandsForIt) {
  auto browser = member();
  const auto mine = own();
  bind(browser, mine);
  const auto rooms = house_.services().upstairs.get();
  ASSERT_TRUE(rooms->own_codes->make_recovery_codes(house_.person().id).ok());
  be_a_unit();
  body_.revoke(mine.leaf);
  house_.pki().clock().advance(2s);
  trust();

  Browser other(house_);
  const auto first = other.get("/login/certificate?return_to=%2Faccount");
  const auto refused = answer(other, first, "/login/certificate", mine);
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.body, HasSubstr("证书验证未通过"));
  EXPECT_NE(other.hidden("challenge"), "") << "and a new text";
  EXPECT_EQ(log_in(other).header("location"), "/login/second?return_to=%2Faccount");
  const auto page = other.get("/login/second?return_to=%2Faccount");
  EXPECT_THAT(page.body, HasSubstr("/login/second/certificate"));
  EXPECT_THAT(page.body, HasSubstr("value=\"recovery\""));
  const auto asked = other.get("/login/second/certificate?return_to=%2Faccount");
  EXPECT_EQ(answer(other, asked, "/login/second/certificate", mine).status, 401);
  EXPECT_EQ(other.cookie("__Host-xinyin_session"), "");
  for (const auto* path : {"/account", "/account/security"})
    EXPECT_NE(other.get(path).status, 200) << path;
}

TEST_F(CertificatePagesTest, AnswersThatAreWrongLateOrSpentAreRefusedWithANewText) {
  auto browser = member();
  const auto mine = own();
  bind(browser, mine);
  Browser other(house_);
  const auto path = std::string("/login/certificate");
  const auto send = [&](const std::string& challenge, const std::string& sent) {
    return other.post_parts(
        path, {{"return_to", "/account"}, {"challenge", challenge}, {"file", sent}});
  };
  auto page = other.get(path);
  const auto text = between(page.body, "id=\"text\" tabindex=\"0\">", "</pre>");
  const auto challenge = other.hidden("challenge"), good = sign(mine, text);
  EXPECT_EQ(send(challenge, "nonsense").status, 401);
  const auto anew = other.hidden("challenge");
  EXPECT_NE(anew, challenge);
  EXPECT_EQ(send(challenge, good).status, 410) << "it was answered";
  EXPECT_EQ(send(other.hidden("challenge"), good).status, 401) << "another text";
  page = other.get(path);
  const auto late = other.hidden("challenge");
  const auto signature = sign(mine, between(page.body, "id=\"text\" tabindex=\"0\">", "</pre>"));
  house_.pki().clock().advance(auth::kCertificateChallengeLife);
  EXPECT_EQ(send(late, signature).status, 410);
  EXPECT_EQ(other.post_parts(path, {{"challenge", other.hidden("challenge")}}).status, 400);
  EXPECT_EQ(other.post_parts(path, {{"file", "x"}}).status, 400) << "no challenge";
  EXPECT_EQ(other.cookie("__Host-xinyin_sign_in"), "");
  // Of a form of several parts the token is asked for too.
  const auto forged = house_.ask("POST", path,
                                 "Content-Type: multipart/form-data; boundary=cut\r\n",
                                 "--cut\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n"
                                 "--cut--\r\n");
  EXPECT_EQ(forged.status, 403);
}

TEST_F(CertificatePagesTest, SecurityA21_AnotherHoldersCertificateIsNotBound) {
  auto browser = member();
  const auto theirs = card("110101199003076632");
  const auto page = browser.get("/account/security/certificate");
  const auto refused = answer(browser, page, "/account/security/certificate", theirs);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("证书中没有与本账户证件相符的号码"));
  EXPECT_THAT(browser.get("/account/security").body, Not(HasSubstr("CN=某电子认证二级")));
}

TEST_F(CertificatePagesTest, ACertificateThatEndsSoonIsToldAndOneIsTakenAway) {
  auto browser = member();
  const auto mine = own();
  bind(browser, mine);
  house_.pki().clock().advance(24h * 340);
  trust();
  Browser later(house_);
  EXPECT_EQ(log_in(later).header("location"), "/login/second?return_to=%2Faccount");
  const auto asked = later.get("/login/second/certificate?return_to=%2Faccount");
  EXPECT_EQ(answer(later, asked, "/login/second/certificate", mine).header("location"), "/account");
  EXPECT_THAT(later.get("/account/security").body, HasSubstr("将在30天内到期"));
  const auto id = later.hidden("factor");
  const auto removed = later.post("/account/security/remove", {{"factor", id}});
  EXPECT_EQ(removed.header("location"), "/account/security?done=removed") << removed.body;
  EXPECT_THAT(later.get("/account/security").body, Not(HasSubstr(mine.leaf.serial_hex())));
  Browser other(house_);
  EXPECT_EQ(log_in(other).header("location"), "/account");
}

TEST_F(CertificatePagesTest, Rfc9440_AtTheAddressForCertificatesTheHandshakeIsTheProof) {
  auto browser = member();
  const auto mine = own();
  const auto der = mine.leaf.der();
  EXPECT_THAT(browser.get("/account/security/certificate").body,
              HasSubstr("https://si.test:8443/account/security/certificate"));
  const auto offered = browser.get_at_mtls("/account/security/certificate", der);
  EXPECT_THAT(offered.body, HasSubstr("serialNumber=" + base::mask_number(number())));
  EXPECT_THAT(offered.body, Not(HasSubstr(number())));
  const auto bound = browser.post_at_mtls("/account/security/certificate", {{"return_to", "/"}}, der);
  EXPECT_EQ(bound.header("location"), "https://si.test/account/security?done=added") << bound.body;

  Browser other(house_);
  const auto page = other.get_at_mtls("/login/certificate?return_to=%2Faccount", der);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.header("content-security-policy"), HasSubstr("https://si.test"));
  EXPECT_THAT(page.body, Not(HasSubstr("name=\"challenge\""))) << "nothing to sign";
  EXPECT_EQ(other.post_at_mtls("/login/certificate", {{"return_to", "/account"}}, der,
                               "https://evil.test")
                .status,
            403);
  const auto first = other.post_at_mtls("/login/certificate", {{"return_to", "/account"}}, der);
  EXPECT_EQ(first.header("location"), "https://si.test/login/second?return_to=%2Faccount")
      << first.body;
  EXPECT_EQ(other.cookie("__Host-xinyin_session"), "");
  EXPECT_EQ(other.get("/login/second?return_to=%2Faccount").status, 200);
  EXPECT_EQ(other.post("/login/second/password",
                       {{"return_to", "/account"}, {"password", test::kPassword}})
                .header("location"),
            "/account");

  // Who shows none is told, and one in a plain form at the public address counts for nothing.
  Browser nobody(house_);
  EXPECT_THAT(nobody.get_at_mtls("/login/certificate", {}).body, HasSubstr("浏览器没有出示证书"));
  EXPECT_EQ(nobody.get("/login/certificate").status, 200);
  EXPECT_EQ(nobody.post_at_mtls("/login/certificate", {{"return_to", "/"}}, {}).status, 401);
  EXPECT_EQ(nobody.get("/login/certificate").status, 200);
  EXPECT_EQ(nobody.post("/login/certificate", {{"return_to", "/"}}).status, 401);
  EXPECT_EQ(nobody.cookie("__Host-xinyin_sign_in"), "");
}

TEST_F(CertificatePagesTest, WithoutABodyNothingIsOffered) {
  auth::BodyTrust held;
  held.list.issued = now();
  held.list.next_update = now() + 72h;
  house_.services().body_trust.set(std::make_shared<const auth::BodyTrust>(std::move(held)));
  Browser browser(house_);
  EXPECT_THAT(browser.get("/login").body, Not(HasSubstr("/login/certificate")));
  auto body = body_.body();
  body.history.push_back({certs::Standing::suspended, now(), "review", std::nullopt});
  held.list.bodies = {body};
  house_.services().body_trust.set(std::make_shared<const auth::BodyTrust>(std::move(held)));
  EXPECT_THAT(browser.get("/login").body, Not(HasSubstr("/login/certificate")));
}

// ---- the bodies' revocation lists ----------------------------------------------------------------

class BodyListsTest : public testing::Test {
 protected:
  static base::Time floor_now() {
    return std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
  }
  certs::TrustList list(std::vector<std::string> urls) {
    certs::TrustList out;
    out.bodies = {body_.body()};
    out.bodies[0].crl_urls = std::move(urls);
    return out;
  }
  api::BodyLists lists(const std::filesystem::path& directory = {}) {
    return {clock_, {directory, 3600s, 300s}, [this](const std::string& url) {
              ++asked_;
              const auto found = there_.find(url);
              if (found == there_.end())
                return base::Result<base::Bytes>(
                    base::error(base::Code::unavailable, "gateways.crl", url));
              return base::Result<base::Bytes>(found->second);
            }};
  }
  static std::vector<std::string> keys(const std::vector<api::BodyLists::Fetched>& fetched) {
    std::vector<std::string> out;
    for (const auto& [url, outcome] : fetched)
      out.push_back(url + " " + (outcome.ok() ? "ok" : outcome.error().key));
    return out;
  }

  base::ManualClock clock_{floor_now()};
  test::ForeignBody body_{clock_.now()};
  test::ForeignBody stranger_{clock_.now()};
  std::map<std::string, base::Bytes> there_;
  int asked_ = 0;
  static constexpr const char* kRoot = "http://ca/root.crl";
  static constexpr const char* kSub = "http://ca/sub.crl";
};

TEST_F(BodyListsTest, AListIsFetchedWhenItIsDueAndTheLastGoodOneStays) {
  auto held = lists();
  const auto trust = list({kRoot, kSub});
  EXPECT_FALSE(held.asked_all(trust)) << "no alarm before they were asked";
  const auto first = body_.crls(1, 48);
  there_ = {{kRoot, first[0]}, {kSub, first[1]}};
  EXPECT_THAT(keys(held.fetch_due(trust)),
              testing::ElementsAre(std::string(kRoot) + " ok", std::string(kSub) + " ok"));
  EXPECT_EQ(held.all().size(), 2u);
  EXPECT_TRUE(held.asked_all(trust));
  EXPECT_TRUE(held.fetch_due(trust).empty()) << "not due";
  const auto version = held.version();
  clock_.advance(3600s);
  there_.erase(kSub);
  EXPECT_THAT(keys(held.fetch_due(trust)),
              testing::ElementsAre(std::string(kRoot) + " ok", std::string(kSub) + " gateways.crl"));
  EXPECT_EQ(held.all(), first);
  EXPECT_EQ(held.version(), version) << "the same bytes";
  clock_.advance(300s);
  EXPECT_EQ(held.fetch_due(trust).size(), 1u) << "the one that failed, sooner";
  // An address that has left the trust list takes its list along.
  (void)held.fetch_due(list({kRoot}));
  EXPECT_EQ(held.all().size(), 1u);
}

TEST_F(BodyListsTest, WhatIsNotTheBodysOrOlderTakesNothingAway) {
  auto held = lists();
  const auto trust = list({kSub});
  const auto good = body_.crls(1, 48)[1];
  const auto refused = [&](base::Bytes bytes) {
    clock_.advance(3600s);
    there_[kSub] = std::move(bytes);
    const auto fetched = held.fetch_due(trust);
    EXPECT_EQ(fetched.size(), 1u);
    return fetched[0].outcome.ok() ? "" : fetched[0].outcome.error().key;
  };
  EXPECT_EQ(refused(good), "");
  EXPECT_EQ(refused(stranger_.crls(1, 48)[1]), "api.body_list") << "the same name, another key";
  EXPECT_EQ(refused(body_.crls(3, 48)[1]), "api.body_list") << "older";
  EXPECT_EQ(refused(body_.crls(0, 48)[0]), "api.body_list") << "the root's, in the place of it";
  EXPECT_EQ(refused(body_.crls(0, 1)[1]), "api.body_list") << "past its next update";
  EXPECT_EQ(refused(base::to_bytes(base::as_bytes("<html>"))), "certs.crl_malformed");
  EXPECT_EQ(held.all(), std::vector<base::Bytes>{good});
}

TEST_F(BodyListsTest, ADirectoryIsReadAnewWhenItChanges) {
  test::Directory directory;
  auto held = lists(directory.path());
  EXPECT_TRUE(held.read_directory().ok());
  EXPECT_TRUE(held.all().empty());
  const auto both = body_.crls();
  test::write_file(directory / "root.crl", both[0]);
  test::write_file(directory / "sub.pem", test::read_file(body_.path() / "sub.crl.pem"));
  test::write_file(directory / "README", std::string_view("not a list"));
  EXPECT_TRUE(held.read_directory().ok());
  EXPECT_EQ(held.all(), both);
  const auto version = held.version();
  EXPECT_TRUE(held.read_directory().ok());
  EXPECT_EQ(held.version(), version) << "nothing is new";
  test::write_file(directory / "broken.der", std::string_view("not a list"));
  const auto read = held.read_directory();
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().key, "certs.crl_malformed");
  EXPECT_THAT(read.error().detail, HasSubstr("broken.der"));
  EXPECT_EQ(held.all(), both) << "the others are taken";
  auto nowhere = lists(directory / "none");
  EXPECT_EQ(nowhere.read_directory().error().key, "api.file");
}

TEST_F(BodyListsTest, Ldt01_6_2_7_AnAuthorityWithoutAListInForceIsAnAlarm) {
  auth::BodyTrust trust;
  trust.list = list({});
  trust.crls = body_.crls(1, 48);
  auto authorities = api::authorities_of(trust, clock_.now());
  ASSERT_EQ(authorities.size(), 2u);
  for (const auto& one : authorities) EXPECT_EQ(one.next_update, clock_.now() + 47h);
  std::vector<certs::Finding> found;
  api::add_body_findings(authorities, clock_.now(), found);
  EXPECT_TRUE(found.empty());

  clock_.advance(47h);
  authorities = api::authorities_of(trust, clock_.now());
  api::add_body_findings(authorities, clock_.now(), found);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].key, "certs.health.body_list_missing");
  EXPECT_EQ(found[0].severity, certs::Severity::alarm);
  // Of a body that is out nobody's certificate is believed anyway.
  trust.list.bodies[0].history.push_back(
      {certs::Standing::suspended, clock_.now(), "review", std::nullopt});
  EXPECT_TRUE(api::authorities_of(trust, clock_.now()).empty());
}

}  // namespace
