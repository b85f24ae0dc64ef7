// Documents of every kind at the door: who may have which made, of whose facts, and what samples
// are taken for. LD/T 01-2020 5.4.2.2, 5.4.2.3, 5.3.1d, 5.6.2e.
#include <gmock/gmock.h>

#include <fstream>

#include "base/encoding.h"
#include "base/json.h"
#include "test_paths.h"
#include "tests/api/house.h"

namespace {

using test::Answer;
using testing::HasSubstr;
using testing::Not;

class DocumentsTest : public testing::Test {
 protected:
  static rapidjson::Document json_of(const Answer& answer) {
    auto parsed = base::parse_json(answer.body);
    base::check(parsed.ok(), answer.body);
    return std::move(*parsed);
  }
  Answer post(const std::string& kind, const std::string& token, const std::string& body) {
    static std::atomic<int> counter{0};
    return house_.ask("POST", "/v1/documents/" + kind,
                      "Authorization: Bearer " + token +
                          "\r\nContent-Type: application/json\r\nIdempotency-Key: k" +
                          std::to_string(++counter) + "\r\n",
                      body);
  }
  /// A token of a system's own; the client is registered with `scopes`.
  std::string system_token(const std::string& client, const std::string& scopes,
                           const std::string& asked) {
    auth::NewClient made;
    made.id = auth::ClientId(client);
    made.name = "业务经办系统";
    made.kind = "system";
    made.secret = kSecret;
    made.grant_types = "client_credentials";
    made.machine_scopes = scopes;
    const auto done = rooms()->provider->register_client(made);
    base::check(done.ok(), "client");
    const auto basic = base::to_base64(base::as_bytes(client + ":" + kSecret));
    const auto answer =
        house_.post_form("/oauth/token", {{"grant_type", "client_credentials"}, {"scope", asked}},
                         "Authorization: Basic " + basic + "\r\n");
    base::check(answer.status == 200, answer.body);
    return std::string(base::json_text(json_of(answer), "access_token"));
  }
  std::string stated(const std::string& kind, const std::string& number) {
    std::ifstream in(std::string(XINYIN_SOURCE_DIR) + "/seal/templates/" + kind + "/1/sample.json");
    const std::string facts{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return R"({"subject":{"id_number":")" + number + R"("},"facts":)" + facts + "}";
  }
  std::string number() { return rooms()->accounts->subject(house_.person().id)->id_number; }
  std::shared_ptr<api::Upstairs> rooms() { return house_.services().upstairs.get(); }
  static constexpr const char* kSecret = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH";
  test::House house_;
};

TEST_F(DocumentsTest, Ldt01_5_4_2_APersonHasEachDocumentOfHisRightsMade) {
  const auto token = house_.access_token();
  const std::pair<const char*, const char*> kinds[] = {
      {"enrolment-certificate", R"({"purpose":"贷款"})"},
      {"contribution-certificate", "{}"},
      {"rights-record", R"({"year":2025})"},
      {"benefit-statement", ""}};
  for (const auto& [kind, body] : kinds) {
    const auto made = post(kind, token, body);
    ASSERT_EQ(made.status, 201) << kind << made.body;
    const auto json = json_of(made);
    EXPECT_EQ(base::json_text(json, "kind"), kind);
    EXPECT_EQ(base::json_int(json, "template_version"), 1);
    const auto file =
        house_.get(made.header("location"), "Authorization: Bearer " + token + "\r\n");
    EXPECT_EQ(file.header("content-type"), "application/pdf");
    const auto again =
        house_.get(made.header("location"), "Authorization: Bearer " + token + "\r\n");
    EXPECT_EQ(file.body, again.body) << "the same bytes again";
    const auto verdict =
        json_of(house_.get("/v1/verify/" + std::string(base::json_text(json, "code"))));
    EXPECT_EQ(base::json_text(verdict, "state"), "in_force") << kind;
    EXPECT_THAT(base::json_text(verdict["document"]["title"], "zh"), Not(HasSubstr("document.")));
  }
  EXPECT_EQ(post("rights-record", token, R"({"year":1999})").status, 404);
  EXPECT_EQ(post("rights-record", token, R"({"purpose":"x"})").status, 400);
  EXPECT_EQ(post("rights-record", token, R"({"facts":{}})").status, 400);
}

TEST_F(DocumentsTest, Ldt01_5_3_1d_AHandlingSystemStatesWhatBecameOfAnApplication) {
  house_.config().documents.issuers = {"core-1/acceptance-notice", "core-1/result-notice",
                                       "core-1/refusal-notice", "core-1/supplement-notice"};
  const auto token = system_token("core-1", "documents.issue", "documents.issue");
  const auto own = house_.access_token();
  for (const auto* kind :
       {"acceptance-notice", "refusal-notice", "supplement-notice", "result-notice"}) {
    const auto made = post(kind, token, stated(kind, number()));
    ASSERT_EQ(made.status, 201) << kind << made.body;
    const auto file = house_.get(made.header("location"), "Authorization: Bearer " + own + "\r\n");
    ASSERT_EQ(file.status, 200) << "whose it is fetches it";
    const auto judged = json_of(
        house_.ask("POST", "/v1/verify/file", "Content-Type: application/pdf\r\n", file.body));
    EXPECT_EQ(base::json_text(judged, "outcome"), "genuine");
  }
  const auto listed = house_.get("/v1/documents", "Authorization: Bearer " + own + "\r\n");
  EXPECT_THAT(listed.body, HasSubstr("result-notice"));
  // The system itself reads nobody's documents.
  EXPECT_EQ(house_.get("/v1/documents", "Authorization: Bearer " + token + "\r\n").status, 403);
}

TEST_F(DocumentsTest, NobodyStatesFactsWhoIsNotNamedForThem) {
  const auto body = stated("acceptance-notice", number());
  // A person, whatever he was granted.
  EXPECT_EQ(post("acceptance-notice",
                 house_.access_token("openid documents account proofing mandates"), body)
                .status,
            403);
  EXPECT_EQ(post("acceptance-notice", "x", body).status, 401);
  // A system with the scope, but not named; named for another kind; named, but without the scope.
  const auto named = [&](std::vector<std::string> issuers) {
    house_.config().documents.issuers = std::move(issuers);
  };
  const auto token = system_token("core-2", "documents.issue", "documents.issue");
  named({});
  const auto refused = post("acceptance-notice", token, body);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("api.documents.not_issuer"));
  named({"core-2/result-notice", "core-22/acceptance-notice"});
  EXPECT_EQ(post("acceptance-notice", token, body).status, 403);
  named({"core-2/acceptance-notice", "core-3/acceptance-notice"});
  EXPECT_EQ(
      post("acceptance-notice", system_token("core-3", "other.word", "other.word"), body).status,
      403);
  EXPECT_EQ(post("acceptance-notice", token, body).status, 201);
  // What our own records say nobody states.
  EXPECT_EQ(post("enrolment-certificate", token, "{}").status, 403);
  EXPECT_EQ(post("unit-rights-record", token, body).status, 404);
  EXPECT_EQ(post("no-such-kind", token, body).status, 404);
}

TEST_F(DocumentsTest, WrongFactsAreToldWithTheirPlace) {
  house_.config().documents.issuers = {"core-4/acceptance-notice"};
  const auto token = system_token("core-4", "documents.issue", "documents.issue");
  auto body = stated("acceptance-notice", number());
  body.replace(body.find("2026-12-15"), 10, "2026-12-35");
  const auto wrong = post("acceptance-notice", token, body);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("/due"));
  EXPECT_THAT(wrong.body, HasSubstr("seal.facts"));
  EXPECT_EQ(
      post("acceptance-notice", token, stated("acceptance-notice", "110101199003070000")).status,
      404);
  EXPECT_EQ(post("acceptance-notice", token, R"({"facts":{}})").status, 400);
  EXPECT_EQ(post("acceptance-notice", token, R"({"subject":{"id_number":"1","x":"y"},"facts":{}})")
                .status,
            400);
}

// domain.md §7.14: sample documents must never verify as real.
TEST_F(DocumentsTest, Ldt01_5_6_2e_ASampleIsJudgedASampleEverywhere) {
  const auto page = house_.get("/samples", "Accept: text/html\r\n");
  ASSERT_EQ(page.status, 200);
  for (const auto* one : {"acceptance-notice", "result-notice", "enrolment-certificate",
                          "unit-enrolment-certificate", "benefit-statement"})
    EXPECT_THAT(page.body, HasSubstr("/samples/" + std::string(one)));
  const auto file = house_.get("/samples/acceptance-notice");
  ASSERT_EQ(file.status, 200) << file.body;
  EXPECT_EQ(house_.get("/samples/acceptance-notice").body, file.body) << "made once";
  EXPECT_EQ(house_.get("/samples/nothing").status, 404);

  const auto judged = json_of(
      house_.ask("POST", "/v1/verify/file", "Content-Type: application/pdf\r\n", file.body));
  EXPECT_EQ(base::json_text(judged, "outcome"), "sample");
  EXPECT_EQ(base::json_text(judged["register"], "state"), "sample");
  const auto at = file.body.find("/XinyinCode(");
  ASSERT_NE(at, std::string::npos);
  const auto code = file.body.substr(at + 12, 24);
  const auto verdict = json_of(house_.get("/v1/verify/" + code));
  EXPECT_EQ(base::json_text(verdict, "state"), "sample");
  EXPECT_THAT(base::json_text(verdict["message"], "en"), HasSubstr("not a real document"));
  std::string bare;
  for (const char c : code)
    if (c != '-') bare += c;
  const auto shown = house_.get("/v/" + bare, "Accept: text/html\r\n");
  EXPECT_THAT(shown.body, HasSubstr("样本，不是真实凭证"));
  EXPECT_THAT(shown.body, HasSubstr("Sample, not a real document"));
  EXPECT_THAT(shown.body, Not(HasSubstr("凭证有效")));

  // Without its mark it is no sample any more, and no document either.
  auto unmarked = file.body;
  unmarked.replace(unmarked.find("/XinyinSample(yes)"), 18, "/XinyinSimple(yes)");
  EXPECT_EQ(base::json_text(json_of(house_.ask("POST", "/v1/verify/file",
                                               "Content-Type: application/pdf\r\n", unmarked)),
                            "outcome"),
            "altered");
}

}  // namespace
