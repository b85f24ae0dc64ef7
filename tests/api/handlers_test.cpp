// What the service says: verification, login to document, problems in two languages, health,
// metrics, and what it does not say in its log.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/background.h"
#include "base/encoding.h"
#include "base/json.h"
#include "tests/api/house.h"

namespace {

using test::Answer;
using testing::HasSubstr;
using testing::Not;

rapidjson::Document json_of(const Answer& answer) {
  auto parsed = base::parse_json(answer.body);
  EXPECT_TRUE(parsed.ok()) << answer.status << " " << answer.body.substr(0, 300);
  return parsed.ok() ? std::move(*parsed) : rapidjson::Document(rapidjson::kObjectType);
}

std::string text(const rapidjson::Value& object, const char* name) {
  return std::string(base::json_text(object, name));
}

/// The same code with one of its symbols changed: the checks fail.
std::string mistyped(std::string code) {
  code[7] = code[7] == 'A' ? 'B' : 'A';
  return code;
}

class VerifyTest : public testing::Test {
 protected:
  test::House house_;
  verify::DocumentCode code_ = verify::DocumentCode::mint(house_.random());
  verify::Entry entry_ = house_.record(code_);
};

TEST_F(VerifyTest, Ldt01_5_4_2_4c_AKnownCodeIsJudgedFromMemory) {
  for (const auto& typed : {code_.text(), code_.pretty()}) {
    const auto answer = house_.get("/v1/verify/" + typed);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("content-type"), "application/json");
    EXPECT_EQ(answer.header("cache-control"), "no-store");
    const auto json = json_of(answer);
    EXPECT_EQ(text(json, "state"), "in_force");
    EXPECT_EQ(text(json["issuer"], "name"), test::Pki::kAgency);
    EXPECT_EQ(text(json["document"], "kind"), "enrolment-certificate");
    EXPECT_EQ(text(json["facts"][0], "value"), "张*三");
    EXPECT_EQ(text(json["facts"][0]["name"], "zh"), "姓名");
    EXPECT_EQ(text(json["standing"], "state"), "in_force");
    EXPECT_EQ(text(json, "checked_at"), base::to_rfc3339(house_.pki().clock().now()));
    EXPECT_THAT(answer.body, Not(HasSubstr(code_.text())));
    EXPECT_THAT(answer.body, Not(HasSubstr(code_.pretty())));
    EXPECT_THAT(answer.body, Not(HasSubstr(entry_.id.value())));
  }
  EXPECT_EQ(house_.ask("HEAD", "/v1/verify/" + code_.text()).status, 200);
}

TEST_F(VerifyTest, ACodeNotYetInMemoryIsAskedOfTheRegister) {
  const auto fresh = verify::DocumentCode::mint(house_.random());
  house_.record(fresh, false);
  EXPECT_EQ(house_.get("/v1/verify/" + fresh.text()).status, 200);
}

TEST_F(VerifyTest, AnUnknownCodeAndATypoEachHaveTheirOwnAnswer) {
  const auto unknown =
      house_.get("/v1/verify/" + verify::DocumentCode::mint(house_.random()).text());
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(text(json_of(unknown), "key"), "verify.unknown");
  const auto typo = house_.get("/v1/verify/" + mistyped(code_.text()));
  EXPECT_EQ(typo.status, 400);
  EXPECT_EQ(text(json_of(typo), "key"), "verify.code.typo");
  EXPECT_EQ(text(json_of(house_.get("/v1/verify/short")), "key"), "verify.code.length");
}

TEST_F(VerifyTest, EachStandingIsToldAndSeenAtOnce) {
  for (const auto& [standing, state] : {std::pair{verify::Standing::suspended, "suspended"},
                                        {verify::Standing::revoked, "revoked"}}) {
    EXPECT_EQ(house_.get("/v1/verify/" + code_.text()).status, 200);  // it is in the cache now
    auto tx = test::Database::shared().pool().begin();
    ASSERT_TRUE(tx.ok());
    verify::Register documents(test::Database::shared().pool());
    ASSERT_TRUE(
        documents.change(*tx, entry_.id, standing, "reason.test", house_.pki().clock().now()).ok());
    ASSERT_TRUE(tx->commit().ok());
    ASSERT_TRUE(house_.services().snapshot.follow(house_.services().documents).ok());
    const auto json = json_of(house_.get("/v1/verify/" + code_.text()));
    EXPECT_EQ(text(json, "state"), state);
    EXPECT_EQ(text(json["standing"], "reason"), "reason.test");
    EXPECT_FALSE(text(json["standing"], "since").empty());
  }
}

TEST_F(VerifyTest, ValidityThatEndsIsSeenThoughTheAnswerIsKept) {
  auto entry = entry_;
  entry.valid_until = house_.pki().clock().now() + std::chrono::seconds(1);
  const auto code = verify::DocumentCode::mint(house_.random());
  entry.id = verify::DocumentId(base::to_hex(house_.random().bytes(16)));
  entry.code = verify::digest_of(code, house_.pepper());
  house_.services().snapshot.apply(entry);
  EXPECT_EQ(text(json_of(house_.get("/v1/verify/" + code.text())), "state"), "in_force");
  house_.pki().clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(text(json_of(house_.get("/v1/verify/" + code.text())), "state"), "expired");
}

TEST_F(VerifyTest, Case116_GuessingIsSlowAndKnownCodesAreNot) {
  test::House house({.limits = {.lookup = 5, .login = 0, .token = 0, .issue = 0, .upload = 0}});
  const auto known = verify::DocumentCode::mint(house.random());
  house.record(known);
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    const auto answer =
        house.get("/v1/verify/" + verify::DocumentCode::mint(house.random()).text());
    refused += answer.status == 429;
    if (answer.status == 429) {
      EXPECT_TRUE(answer.has("retry-after"));
    }
    EXPECT_EQ(house.get("/v1/verify/" + known.text()).status, 200);
  }
  EXPECT_GE(refused, 4);
  // Another network has its own measure; who is asked for comes from the proxy alone.
  EXPECT_EQ(house
                .get("/v1/verify/" + verify::DocumentCode::mint(house.random()).text(),
                     "X-Forwarded-For: 203.0.113.9\r\n")
                .status,
            404);
}

TEST_F(VerifyTest, WithoutTheDatabaseKnownCodesAreStillJudged) {
  test::House house({.upstairs = false, .database = false});
  const auto code = verify::DocumentCode::mint(house.random());
  auto entry = entry_;
  entry.code = verify::digest_of(code, house.pepper());
  house.services().snapshot.apply(entry);
  EXPECT_EQ(house.get("/v1/verify/" + code.text()).status, 200);
  const auto unknown = house.get("/v1/verify/" + verify::DocumentCode::mint(house.random()).text());
  EXPECT_EQ(unknown.status, 503);
  EXPECT_TRUE(unknown.has("retry-after"));
}

TEST_F(VerifyTest, AFileThatIsNoPdfIsNotCalledForged) {
  const auto answer =
      house_.ask("POST", "/v1/verify/file", "Content-Type: application/pdf\r\n", "hello");
  EXPECT_EQ(answer.status, 200);
  const auto json = json_of(answer);
  EXPECT_EQ(text(json, "outcome"), "malformed");
  EXPECT_FALSE(json["register"]["known"].GetBool());
  EXPECT_EQ(house_.ask("POST", "/v1/verify/file", "Content-Type: application/pdf\r\n").status, 400);
  test::House blind({.upstairs = false, .trust_list = false});
  EXPECT_EQ(
      blind.ask("POST", "/v1/verify/file", "Content-Type: application/pdf\r\n", "hello").status,
      503);
}

TEST_F(VerifyTest, PublicFilesAreServedAsTheyAre) {
  EXPECT_EQ(house_.get("/v1/trust-list").body, house_.pki().jws());
  EXPECT_EQ(house_.get("/v1/trust-list").header("content-type"), "application/jose");
  EXPECT_EQ(house_.get("/v1/pki/root.pem").body, house_.pki().certificate("root-ca").pem());
  EXPECT_EQ(house_.get("/v1/pki/issuing.crl").header("content-type"), "application/pkix-crl");
  EXPECT_TRUE(base::parse_json(house_.get("/openapi.json").body).ok());
}

// LD/T 01-2020 6.2.7: people can see whom we admit, and how each stands now.
TEST(TrustBodiesTest, Ldt01_6_2_7_WhomWeAdmitIsPublic) {
  using std::chrono::hours;
  test::House house({.upstairs = false});
  EXPECT_EQ(json_of(house.get("/v1/trust/bodies"))["bodies"].Size(), 0u);
  EXPECT_NE(house.get("/trust/bodies").body.find("目前没有准入的认证机构"), std::string::npos);
  certs::TrustBody body;
  body.number = 3;
  body.name = "甲<b>认证公司";
  body.code = "91110000MA0000000A";
  body.licence = "ECP00000000000";
  body.anchors = {house.pki().certificate("root-ca")};
  body.uses = {"login", "seal"};
  body.limits.permitted = {"directory:/C=CN"};
  body.expiry = house.pki().start() + hours(24);
  body.history = {
      {certs::Standing::admitted, house.pki().start() - hours(9), "", std::nullopt},
      {certs::Standing::suspended, house.pki().start() - hours(2), "review", std::nullopt}};
  body.documents = {{"acceptance", base::sha256({})}, {"liability", base::sha256({})}};
  const auto shown = [&] {
    house.pki().admit({body});
    house.services().verifier.set(std::make_shared<const verify::Verifier>(house.pki().list()));
    const auto json = json_of(house.get("/v1/trust/bodies"));
    return text(json["bodies"][0], "standing");
  };
  EXPECT_EQ(shown(), "suspended");
  const auto json = json_of(house.get("/v1/trust/bodies"));
  const auto& one = json["bodies"][0];
  EXPECT_EQ(text(one, "name"), body.name);
  EXPECT_EQ(text(one["history"][1], "reason"), "review");
  EXPECT_EQ(text(one["documents"][1], "sha256"), base::to_hex(base::sha256({})));
  EXPECT_EQ(text(one["anchors"][0], "sha256"), base::to_hex(body.anchors[0].sha256()));
  const auto page = house.get("/trust/bodies").body;
  for (const std::string& part :
       {std::string("甲&lt;b&gt;认证公司"), body.code, std::string("已暂停"), std::string("核查中"),
        std::string("法律责任文件"), base::to_hex(base::sha256({})), std::string("directory:")})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  body.history.pop_back();
  EXPECT_EQ(shown(), "admitted");
  body.expiry = house.pki().start();
  EXPECT_EQ(shown(), "expired");
  EXPECT_NE(house.get("/trust/bodies").body.find("已到期"), std::string::npos);
  test::House blind({.upstairs = false, .trust_list = false});
  EXPECT_EQ(blind.get("/v1/trust/bodies").status, 503);
}

// A restart does not lead back to an older list, though its signature is good.
TEST(TrustListFileTest, AnOlderListIsRefusedAfterARestartToo) {
  const auto directory =
      std::filesystem::path(testing::TempDir()) / ("api-lists-" + std::to_string(::getpid()));
  test::Pki pki;
  pki.write(directory / "old");
  pki.publish();
  pki.write(directory / "pki");
  const auto start = [&](const std::string& seen) {
    test::House house({.upstairs = false, .trust_list = false, .verify_only = true});
    house.config().pki_directory = directory / "pki";
    house.config().seen_lists_file = seen.empty() ? std::filesystem::path() : directory / seen;
    api::Background(house.services(), house.log(), {}).keep_once();
    const auto files = house.services().files.get();
    return files ? files->trust_sequence : 0;
  };
  EXPECT_EQ(start("seen.json"), 2);
  EXPECT_EQ(start("seen.json"), 2) << "the same one again";
  std::filesystem::copy_file(directory / "old" / "trust-list.jws",
                             directory / "pki" / "trust-list.jws",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(start("seen.json"), 0);
  EXPECT_EQ(start(""), 1) << "who remembers nothing cannot know";
  std::ofstream(directory / "plain").put(0x78);
  EXPECT_EQ(start("plain/seen.json"), 1) << "verification stays up";
  std::filesystem::remove_all(directory);
}

// ---- who is acting, and what leaves

class ServiceTest : public testing::Test {
 protected:
  Answer issue(const std::string& token, const std::string& key, const std::string& body = "{}") {
    return house_.ask("POST", "/v1/documents/enrolment-certificate",
                      "Authorization: Bearer " + token + "\r\nContent-Type: application/json\r\n" +
                          (key.empty() ? "" : "Idempotency-Key: " + key + "\r\n"),
                      body);
  }
  test::House house_;
};

TEST_F(ServiceTest, FromLoginToASealedDocumentToItsVerdict) {
  // Log in at the page, as a browser does.
  const auto page = house_.get("/login?return_to=%2F", "Accept: text/html\r\n");
  ASSERT_EQ(page.status, 200);
  const auto mark = page.body.find("name=\"csrf\" value=\"");
  ASSERT_NE(mark, std::string::npos);
  const auto begin = mark + std::string_view("name=\"csrf\" value=\"").size();
  const auto csrf = page.body.substr(begin, page.body.find('"', begin) - begin);
  const auto form_cookie = test::cookie_of(page);
  const auto log_in = [&](const std::string& password) {
    return house_.post_form(
        "/login",
        {{"csrf", csrf},
         {"return_to", "/"},
         {"login_name", house_.person().login_name},
         {"password", password}},
        "Cookie: " + form_cookie + "\r\nOrigin: https://si.test\r\nAccept: text/html\r\n");
  };
  const auto here = api::Address::parse("127.0.0.1").value();
  const auto is_known = [&] {
    return house_.services().known_networks.has(here, api::KnownNetworks::Steady::now());
  };
  EXPECT_EQ(log_in("not the password").status, 401);
  EXPECT_FALSE(is_known());
  house_.pki().clock().advance(std::chrono::minutes(10));
  const auto in = log_in(test::kPassword);
  ASSERT_LT(in.status, 400) << in.body;
  EXPECT_THAT(in.head, HasSubstr("__Host-xinyin_session="));
  EXPECT_THAT(in.head, HasSubstr("HttpOnly"));
  EXPECT_TRUE(is_known()) << "from here logins go first now";

  // A client gets a token; userinfo knows the person, GET and POST, header and form.
  const auto token = house_.access_token();
  EXPECT_FALSE(
      text(json_of(house_.get("/oauth/userinfo", "Authorization: Bearer " + token + "\r\n")), "sub")
          .empty());
  EXPECT_EQ(house_.post_form("/oauth/userinfo", {{"access_token", token}}).status, 200);
  EXPECT_EQ(house_
                .post_form("/oauth/userinfo", {{"access_token", token}},
                           "Authorization: Bearer " + token + "\r\n")
                .status,
            401);

  // Issue; the same key gives the same document.
  const auto issued = issue(token, "8f6e0bb0-7d0a-4b0b-9f3b-000000000001");
  ASSERT_EQ(issued.status, 201) << issued.body;
  const auto made = json_of(issued);
  EXPECT_EQ(issued.header("location"), "/v1/documents/" + text(made, "id"));
  EXPECT_EQ(text(json_of(issue(token, "8f6e0bb0-7d0a-4b0b-9f3b-000000000001")), "id"),
            text(made, "id"));
  const std::string verify_url = text(made, "verify_url");
  EXPECT_TRUE(verify_url.starts_with(std::string(test::kPublicUrl) + "/v/")) << verify_url;
  EXPECT_EQ(verify_url.size(), std::string(test::kPublicUrl).size() + 3 + 20);

  // List and fetch: an attachment, not kept by anyone.
  const auto bearer = "Authorization: Bearer " + token + "\r\n";
  EXPECT_EQ(json_of(house_.get("/v1/documents", bearer))["documents"].Size(), 1u);
  const auto file = house_.get("/v1/documents/" + text(made, "id"), bearer);
  ASSERT_EQ(file.status, 200);
  EXPECT_EQ(file.header("content-type"), "application/pdf");
  EXPECT_THAT(file.header("content-disposition"), HasSubstr("attachment; filename="));
  EXPECT_EQ(file.header("cache-control"), "no-store");
  EXPECT_TRUE(file.body.starts_with("%PDF-"));

  // The code and the file are judged, and a changed file is not taken for it.
  const auto path = verify_url.substr(std::string(test::kPublicUrl).size());
  EXPECT_EQ(text(json_of(house_.get("/v1/verify/" + path.substr(3))), "state"), "in_force");
  const std::string pdf_type = "Content-Type: application/pdf\r\n";
  const auto judged = json_of(house_.ask("POST", "/v1/verify/file", pdf_type, file.body));
  EXPECT_EQ(text(judged, "outcome"), "genuine");
  EXPECT_TRUE(judged["register"]["known"].GetBool());
  EXPECT_EQ(text(judged["register"], "state"), "in_force");
  auto changed = file.body;
  changed[changed.size() / 3] ^= 1;
  EXPECT_NE(text(json_of(house_.ask("POST", "/v1/verify/file", pdf_type, changed)), "outcome"),
            "genuine");
}

TEST_F(ServiceTest, Case117_AnotherPersonsDocumentIsNotThere) {
  const auto issued = issue(house_.access_token(), "8f6e0bb0-7d0a-4b0b-9f3b-000000000002");
  ASSERT_EQ(issued.status, 201) << issued.body;
  test::House other;  // another person at another instance of the same service
  const auto bearer = "Authorization: Bearer " + other.access_token() + "\r\n";
  EXPECT_EQ(other.get("/v1/documents/" + text(json_of(issued), "id"), bearer).status, 404);
  EXPECT_EQ(json_of(other.get("/v1/documents", bearer))["documents"].Size(), 0u);
}

TEST_F(ServiceTest, Case119_WrongInputIsToldAndNothingIsIssued) {
  const auto token = house_.access_token();
  const std::string key = "8f6e0bb0-7d0a-4b0b-9f3b-000000000003";
  for (const auto& [body, wanted] : {std::pair{"{", "json.malformed"},
                                     {"[]", "api.member"},
                                     {"{\"a\":1,\"a\":2}", "json.duplicate_member"},
                                     {"{\"status\":\"issued\"}", "api.member"},
                                     {"{\"purpose\":1}", "api.member"},
                                     {"{\"purpose\":\"\xff\"}", "json.malformed"}}) {
    const auto answer = issue(token, key, body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(text(json_of(answer), "key"), wanted) << body;
  }
  EXPECT_EQ(issue(token, "").status, 400);
  EXPECT_EQ(issue(token, std::string(201, 'k')).status, 400);
  EXPECT_EQ(
      json_of(house_.get("/v1/documents", "Authorization: Bearer " + token + "\r\n"))["documents"]
          .Size(),
      0u);
}

TEST_F(ServiceTest, TheProviderDescribesItselfByItsPublicAddress) {
  for (const auto* path :
       {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}) {
    const auto json = json_of(house_.get(path));
    EXPECT_EQ(text(json, "issuer"), test::kPublicUrl);
    for (const auto& [member, route] : {std::pair{"authorization_endpoint", auth::kAuthorizePath},
                                        {"token_endpoint", auth::kTokenPath},
                                        {"userinfo_endpoint", auth::kUserinfoPath},
                                        {"jwks_uri", auth::kJwksPath},
                                        {"end_session_endpoint", auth::kEndSessionPath}})
      EXPECT_EQ(text(json, member), test::kPublicUrl + std::string(route));
  }
  EXPECT_EQ(json_of(house_.get("/oauth/jwks"))["keys"].Size(), 1u);
}

TEST_F(ServiceTest, Case57_AParameterInQueryAndBodyIsTwoParameters) {
  const auto basic =
      base::to_base64(base::as_bytes(house_.client_id() + ":" + house_.client_secret()));
  const auto answer = house_.post_form("/oauth/token?code=x",
                                       {{"grant_type", "authorization_code"},
                                        {"code", "x"},
                                        {"redirect_uri", test::kRedirect},
                                        {"code_verifier", std::string(43, 'a')}},
                                       "Authorization: Basic " + basic + "\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(text(json_of(answer), "error"), "invalid_request");
}

TEST_F(ServiceTest, AWrongClientIsNeverRedirected) {
  const auto answer = house_.get(
      "/oauth/"
      "authorize?response_type=code&client_id=nobody&redirect_uri=https%3A%2F%2Fevil.example%2F",
      "Accept: text/html\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_FALSE(answer.has("location"));
}

TEST_F(ServiceTest, WithoutTheSignerOnlyWhatNeedsItIs503) {
  test::House house({.upstairs = false});
  for (const auto* path : {"/.well-known/openid-configuration", "/oauth/jwks", "/v1/documents"}) {
    const auto answer = house.get(path, "Authorization: Bearer x\r\n");
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_TRUE(answer.has("retry-after"));
    EXPECT_EQ(text(json_of(answer), "key"), "api.starting");
  }
  EXPECT_EQ(house.get("/v").status, 200);
  EXPECT_EQ(house.get("/v1/trust-list").status, 200);
}

// ---- problems, health, metrics

TEST_F(ServiceTest, Rfc9457_ProblemsAreToldInBothLanguages) {
  const auto zh = json_of(house_.get("/nothing"));
  EXPECT_EQ(text(zh, "type"), "urn:xinyin:problem:http.not_found");
  EXPECT_EQ(text(zh, "title"), "没有找到");
  EXPECT_EQ(text(zh["en"], "title"), "Not found");
  EXPECT_EQ(zh["status"].GetInt(), 404);
  EXPECT_FALSE(text(zh, "request_id").empty());
  const auto answer = house_.get("/nothing", "Accept-Language: fr, en-GB;q=0.8, zh;q=0.3\r\n");
  EXPECT_EQ(answer.header("content-language"), "en");
  const auto en = json_of(answer);
  EXPECT_EQ(text(en, "title"), "Not found");
  EXPECT_FALSE(en.HasMember("en"));
  EXPECT_EQ(
      text(json_of(house_.get("/nothing", "Accept-Language: en;q=0.2, zh-CN;q=0.9\r\n")), "title"),
      "没有找到");
  EXPECT_EQ(
      text(json_of(house_.get("/nothing", "Accept-Language: ;;q=;=,,q=9,en;q=abc\r\n")), "title"),
      "没有找到");
  EXPECT_THAT(house_.get("/nothing", "Accept: text/html\r\n").header("content-type"),
              HasSubstr("text/html"));
}

TEST_F(ServiceTest, HealthNamesEachPart) {
  EXPECT_EQ(house_.get("/health/live").status, 200);
  const auto degraded = house_.get("/health/ready");  // this house has no signer to ask
  EXPECT_EQ(degraded.status, 200);
  const auto json = json_of(degraded);
  EXPECT_EQ(text(json, "status"), "degraded");
  EXPECT_TRUE(json["parts"]["database"]["ready"].GetBool());
  EXPECT_TRUE(json["parts"]["trust_list"]["ready"].GetBool());
  EXPECT_FALSE(json["parts"]["signer"]["ready"].GetBool());
  house_.services().draining.store(true);
  EXPECT_EQ(house_.get("/health/ready").status, 503);
  EXPECT_EQ(house_.get("/health/live").status, 200);

  test::House fresh({.upstairs = false});
  EXPECT_EQ(fresh.get("/health/ready").status, 503) << "a fresh instance waits for its signer";
  fresh.pki().clock().advance(std::chrono::seconds(11));
  EXPECT_EQ(fresh.get("/health/ready").status, 200) << "and then serves what it can";
  test::House blind({.upstairs = false, .trust_list = false});
  blind.pki().clock().advance(std::chrono::seconds(11));
  EXPECT_EQ(blind.get("/health/ready").status, 503);
  test::House keyless({.upstairs = false, .verify_only = true});
  EXPECT_EQ(text(json_of(keyless.get("/health/ready")), "status"), "ready");
  keyless.pki().clock().advance(std::chrono::hours(24 * 30));
  const auto stale = json_of(keyless.get("/health/ready"));
  EXPECT_EQ(text(stale["parts"]["trust_list"], "reason"), "api.trust_list_stale");
}

TEST_F(ServiceTest, MetricsCountByRouteAndStatus) {
  house_.get("/nothing");
  house_.get("/v");
  house_.get("/v1/verify/wrong");
  const auto text = house_.get("/metrics").body;
  EXPECT_THAT(text, HasSubstr("xinyin_http_requests_total{route=\"none\",status=\"404\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("xinyin_http_requests_total{route=\"GET /v\",status=\"200\"} 1\n"));
  EXPECT_THAT(
      text,
      HasSubstr("xinyin_http_requests_total{route=\"GET /v1/verify/{code}\",status=\"400\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("xinyin_http_request_seconds_bucket{route=\"GET /v\",le=\"+Inf\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("xinyin_http_request_seconds_count{route=\"GET /v\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("wrong")));
}

// ---- what the log holds, and what it does not

TEST_F(ServiceTest, OneLineARequestWithThePatternNotThePath) {
  house_.get("/v/1B20-8H44-RM2M-B1E6-0S57",
             "X-Forwarded-For: 203.0.113.77\r\nUser-Agent: canary-agent\r\n");
  const auto log = house_.log_text();
  ASSERT_FALSE(log.empty());
  const auto line = base::parse_json(log.substr(0, log.find('\n')));
  ASSERT_TRUE(line.ok()) << log;
  EXPECT_EQ(text(*line, "event"), "request");
  EXPECT_EQ(text(*line, "route"), "/v/{code}");
  EXPECT_EQ(text(*line, "method"), "GET");
  EXPECT_EQ(text(*line, "network"), "203.0.113.0/24");
  EXPECT_EQ((*line)["status"].GetInt(), 404);
  EXPECT_EQ(text(*line, "error"), "verify.unknown");
  EXPECT_FALSE(text(*line, "id").empty());
  EXPECT_GT((*line)["bytes"].GetInt(), 0);
  EXPECT_EQ(text(*line, "time").size(), 27u);
}

TEST_F(ServiceTest, Case124_125_CanariesNeverReachTheLog) {
  const auto token = house_.access_token();
  const auto issued = issue(token, "canary-idempotency-key");
  ASSERT_EQ(issued.status, 201);
  const auto made = json_of(issued);
  auto code = text(made, "code");
  house_.get("/v1/verify/" + code + "?q=canary-query",
             "Referer: http://canary-referer/\r\nUser-Agent: canary-agent\r\n");
  house_.get("/v/" + code);
  house_.get(
      "/v1/documents/canary-document",
      "Authorization: Bearer canary-token\r\nCookie: __Host-xinyin_session=canary-cookie\r\n");
  house_.post_form(
      "/login",
      {{"csrf", "canary-csrf"}, {"login_name", "canary-name"}, {"password", "canary-password"}});
  house_.post_form("/oauth/token", {{"code", "canary-code"},
                                    {"client_secret", "canary-secret"},
                                    {"client_id", "canary-client"},
                                    {"grant_type", "authorization_code"},
                                    {"code_verifier", "canary-verifier"}});
  house_.get("/canary-path?state=canary-state%0d%0a{\"forged\":1}");
  house_.ask("BAD\x01", "/canary-bad");
  house_.ask("POST", "/v1/documents/enrolment-certificate",
             "Authorization: Bearer " + token +
                 "\r\nContent-Type: application/json\r\nIdempotency-Key: 12345678\r\n",
             "{\"canary-member\":\"canary-value\"}");
  const auto log = house_.log_text();
  std::string plain;
  for (const char c : code)
    if (c != '-') plain += c;
  for (const auto& secret : std::vector<std::string>{
           "canary", token, code, plain, test::kIdNumber, "张小三", test::kPassword,
           house_.client_secret(), text(made, "id"), house_.person().login_name, "forged"})
    EXPECT_THAT(log, Not(HasSubstr(secret)));
  for (std::size_t at = 0; at < log.size();) {  // and every line is one whole JSON value
    const auto end = log.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_TRUE(base::parse_json(log.substr(at, end - at)).ok()) << log.substr(at, end - at);
    at = end + 1;
  }
}

TEST(LogTest, EventsCannotForgeLines) {
  test::House house;
  house.log().event("test.event", "a\"b\\c\n{\"event\":\"forged\"}\x1b[31m", true);
  const auto log = house.log_text();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1);
  const auto line = base::parse_json(log);
  ASSERT_TRUE(line.ok()) << log;
  EXPECT_EQ(text(*line, "level"), "trouble");
}

}  // namespace
