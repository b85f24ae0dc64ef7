// The table of routes: every row names its rules and refuses without them (security.md case 117),
// and the OpenAPI document says the same as the table.
#include "api/routes.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>

#include "base/json.h"
#include "test_paths.h"
#include "tests/api/house.h"

namespace {

using api::Face;
using api::Origin;
using api::Route;
using api::Who;
using test::Answer;
using testing::HasSubstr;

std::string name_of(const Route& route) {
  return std::string(to_string(route.method)) + " " + std::string(route.path);
}

/// The pattern with something in its places.
std::string target_of(const Route& route) {
  std::string out(route.path);
  while (out.find('{') != std::string::npos) {
    const auto begin = out.find('{');
    out.replace(begin, out.find('}') - begin + 1, "x");
  }
  return out;
}

std::string media_of(const Route& route) {
  if (route.takes & api::media::form) return "application/x-www-form-urlencoded";
  if (route.takes & api::media::json) return "application/json";
  if (route.takes & api::media::pdf) return "application/pdf";
  if (route.takes & api::media::ocsp) return "application/ocsp-request";
  if (route.takes & api::media::timestamp) return "application/timestamp-query";
  if (route.takes & api::media::lines) return "application/x-ndjson";
  return "multipart/form-data; boundary=x";
}

class RoutesTest : public testing::Test {
 protected:
  Answer ask(const Route& route, const std::string& fields = {}, const std::string& body = {}) {
    return house_.ask(to_string(route.method), target_of(route), fields, body);
  }
  test::House house_;
};

TEST_F(RoutesTest, EveryRowIsWholeAndStandsOnce) {
  std::set<std::string> seen;
  for (const auto& route : api::kRoutes) {
    EXPECT_TRUE(seen.insert(name_of(route)).second) << name_of(route);
    EXPECT_NE(route.handler, nullptr) << name_of(route);
    EXPECT_TRUE(route.path.starts_with("/")) << name_of(route);
    EXPECT_EQ(route.body_limit > 0, route.takes != api::media::none) << name_of(route);
    const bool bodiless = route.method == api::Method::get || route.method == api::Method::del;
    EXPECT_TRUE(bodiless || route.method == api::Method::post || route.method == api::Method::put)
        << name_of(route);
    if (bodiless) {
      EXPECT_EQ(route.body_limit, 0u) << name_of(route);
    }
    if (route.who == Who::bearer) {
      EXPECT_FALSE(route.scope.empty()) << name_of(route);
    }
    // What a browser's session can change is changed only by a form of ours.
    if (route.who == Who::session && route.method == api::Method::post) {
      EXPECT_EQ(route.origin, Origin::form) << name_of(route);
    }
    // Whatever waits for others' work has a limit on how often one network may ask for it, but for
    // what tells of the service itself.
    const bool operation = route.path.starts_with("/health/") || route.who == Who::operators;
    if (route.where != api::Where::reactor && !route.quick && !operation) {
      EXPECT_NE(route.rate, api::Rate::none) << name_of(route);
    }
    EXPECT_TRUE(!route.verify_only || route.who == Who::everyone || route.who == Who::operators)
        << name_of(route);
  }
}

TEST_F(RoutesTest, Case117_BearerRoutesRefuseWithoutAGoodTokenOfTheirScope) {
  const auto plain = house_.access_token("openid");
  const auto documents = house_.access_token("documents openid");
  for (const auto& route : api::kRoutes) {
    if (route.who != Who::bearer) continue;
    SCOPED_TRACE(name_of(route));
    for (const auto* field :
         {"", "Authorization: Bearer\r\n", "Authorization: Bearer x\r\n",
          "Authorization: Basic eDp5\r\n", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n"}) {
      const auto answer = ask(route, field);
      EXPECT_EQ(answer.status, 401) << field;
      EXPECT_THAT(answer.header("www-authenticate"), HasSubstr("Bearer"));
      EXPECT_EQ(answer.header("content-type"), "application/problem+json");
    }
    // A token in the query is no token (RFC 6750 §2.3 is not offered).
    EXPECT_EQ(
        house_.ask(to_string(route.method), target_of(route) + "?access_token=" + documents).status,
        401);
    if (route.scope == "documents") {
      const auto answer = ask(route, "Authorization: Bearer " + plain + "\r\n");
      EXPECT_EQ(answer.status, 403);
      EXPECT_THAT(answer.header("www-authenticate"), HasSubstr("insufficient_scope"));
    }
    EXPECT_NE(ask(route, "Authorization: Bearer " + documents + "\r\n").status, 401);
  }
}

// What a person was granted never opens what systems alone may do.
TEST_F(RoutesTest, RoutesOfSystemsRefusePersons) {
  const auto token = house_.access_token("documents openid account proofing mandates");
  for (const auto& route : api::kRoutes) {
    if (route.who != Who::system) continue;
    SCOPED_TRACE(name_of(route));
    EXPECT_EQ(ask(route, "").status, 401);
    EXPECT_EQ(ask(route, "Authorization: Bearer x\r\n").status, 401);
    EXPECT_EQ(ask(route, "Authorization: Bearer " + token + "\r\n").status, 403);
  }
}

TEST_F(RoutesTest, Case34_FormsAreTakenFromOurOwnPagesOnly) {
  const auto cookie = house_.session_cookie();
  const auto own = house_.session_of(cookie).csrf;
  const auto other = house_.session_of(house_.session_cookie()).csrf;
  const std::string line = "Cookie: __Host-xinyin_session=" + cookie + "\r\n";
  for (const auto& route : api::kRoutes) {
    if (route.origin != Origin::form) continue;
    SCOPED_TRACE(name_of(route));
    const auto target = target_of(route);
    const auto post = [&](const std::string& token, const std::string& fields) {
      return house_.post_form(target, {{"csrf", token}}, line + fields).status;
    };
    EXPECT_EQ(post(own, "Sec-Fetch-Site: cross-site\r\n"), 403);
    EXPECT_EQ(post(own, "Sec-Fetch-Site: same-site\r\n"), 403);
    EXPECT_EQ(post(own, "Origin: https://evil.example\r\n"), 403);
    EXPECT_EQ(post(own, "Origin: null\r\n"), 403);
    EXPECT_EQ(post(other, ""), 403);
    EXPECT_EQ(post("", ""), 403);
    EXPECT_EQ(house_.post_form(target, {{"a", "b"}}, line).status, 403);
    EXPECT_EQ(house_.post_form(target, {{"csrf", own}, {"csrf", own}}, line).status, 403);
    EXPECT_NE(post(own, "Origin: https://si.test\r\n"), 403);
  }
}

TEST_F(RoutesTest, SessionRoutesRefuseWithoutASession) {
  for (const auto& route : api::kRoutes) {
    if (route.who != Who::session) continue;
    SCOPED_TRACE(name_of(route));
    const bool page = route.method == api::Method::get;
    const auto body = std::string(page ? "" : "csrf=x");
    const std::string type = page ? "" : "Content-Type: application/x-www-form-urlencoded\r\n";
    EXPECT_EQ(ask(route, type, body).status, 401);
    if (page) {  // a browser is sent to log in, and back here
      const auto sent = ask(route, "Accept: text/html\r\n");
      EXPECT_EQ(sent.status, 303);
      EXPECT_EQ(sent.header("location"),
                "/login?return_to=" + api::percent_encode(target_of(route)));
    }
    EXPECT_EQ(
        ask(route,
            type + "Cookie: __Host-xinyin_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
            body)
            .status,
        401);
    const auto good = house_.session_cookie();  // twice is not once (case 29)
    EXPECT_EQ(ask(route,
                  type + "Cookie: __Host-xinyin_session=" + good +
                      "; __Host-xinyin_session=" + good + "\r\n",
                  body)
                  .status,
              401);
  }
}

TEST_F(RoutesTest, OperatorsRoutesAreNotThereForOthers) {
  for (const auto& route : api::kRoutes) {
    if (route.who != Who::operators) continue;
    EXPECT_EQ(ask(route).status, 200) << name_of(route);
    EXPECT_EQ(ask(route, "X-Forwarded-For: 203.0.113.9\r\n").status, 404) << name_of(route);
  }
}

TEST_F(RoutesTest, ClientRoutesRefuseWithoutAClient) {
  for (const auto& route : api::kRoutes) {
    if (route.who != Who::client) continue;
    const auto answer =
        house_.post_form(target_of(route), {{"grant_type", "authorization_code"}, {"code", "x"}});
    EXPECT_TRUE(answer.status == 400 || answer.status == 401) << answer.status;
    const auto json = base::parse_json(answer.body);
    ASSERT_TRUE(json.ok()) << answer.body;
    EXPECT_FALSE(base::json_text(*json, "error").empty());
  }
}

TEST_F(RoutesTest, Case39_98_BodiesOfOtherTypesOrPastTheLimitAreRefusedUnread) {
  for (const auto& route : api::kRoutes) {
    SCOPED_TRACE(name_of(route));
    if (route.takes == api::media::none) {
      const auto answer = ask(route, "Content-Type: application/json\r\n", "{}");
      EXPECT_EQ(answer.status, 413);
      EXPECT_EQ(answer.header("connection"), "close");
      continue;
    }
    for (const auto* type :
         {"Content-Type: text/plain\r\n", "", "Content-Type: application/xml\r\n"}) {
      const auto answer = ask(route, type, "{}");
      EXPECT_EQ(answer.status, 415) << type;
      EXPECT_EQ(answer.header("connection"), "close");
    }
    const auto large = ask(route, "Content-Type: " + media_of(route) + "\r\nContent-Length: " +
                                      std::to_string(route.body_limit + 1) + "\r\n");
    EXPECT_EQ(large.status, 413);
    EXPECT_EQ(large.header("connection"), "close");
  }
}

TEST_F(RoutesTest, Case100_OtherMethodsAreRefusedAndNamed) {
  for (const auto& route : api::kRoutes) {
    SCOPED_TRACE(name_of(route));
    const auto target = target_of(route);
    const auto answer = house_.ask("PATCH", target, "X-HTTP-Method-Override: GET\r\n");
    EXPECT_EQ(answer.status, 405);
    EXPECT_THAT(answer.header("allow"), HasSubstr(std::string(to_string(route.method))));
    EXPECT_EQ(house_.ask("TRACE", target).status, 501);
    const auto options = house_.ask("OPTIONS", target);
    EXPECT_EQ(options.status, 204);
    EXPECT_EQ(options.header("allow"), answer.header("allow"));
  }
}

TEST_F(RoutesTest, Case36_EveryAnswerOfEveryRouteCarriesTheSecurityHeaders) {
  for (const auto& route : api::kRoutes)
    for (const auto* accept : {"Accept: text/html\r\n", "Accept: application/json\r\n"}) {
      const auto answer = ask(route, accept);
      SCOPED_TRACE(name_of(route) + " -> " + std::to_string(answer.status));
      EXPECT_THAT(answer.header("content-security-policy"), HasSubstr("frame-ancestors 'none'"));
      EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
      EXPECT_TRUE(answer.has("referrer-policy"));
      EXPECT_TRUE(answer.has("permissions-policy"));
      EXPECT_TRUE(answer.has("cache-control"));
      EXPECT_FALSE(answer.has("server"));
      EXPECT_NE(answer.status, 500);
    }
}

TEST_F(RoutesTest, AVerifyOnlyInstanceHasNoOtherRoutes) {
  test::House keyless({.upstairs = false, .verify_only = true});
  for (const auto& route : api::kRoutes) {
    const auto status = keyless.ask(to_string(route.method), target_of(route)).status;
    SCOPED_TRACE(name_of(route));
    if (!route.verify_only) {
      EXPECT_TRUE(status == 404 || status == 405) << status;
    } else {
      EXPECT_NE(status, 405);
      EXPECT_NE(status, 501);
    }
  }
  EXPECT_EQ(keyless.get("/health/ready").status, 200);
}

// ---- the OpenAPI document

class OpenApiTest : public testing::Test {
 protected:
  OpenApiTest() {
    std::ifstream in(std::string(XINYIN_SOURCE_DIR) + "/web/openapi.json");
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    auto parsed = base::parse_json(text);
    base::check(parsed.ok(), "web/openapi.json");
    document_ = std::move(*parsed);
  }
  static std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = static_cast<char>(std::tolower(c));
    return out;
  }
  rapidjson::Document document_;
};

TEST_F(OpenApiTest, NamesExactlyTheRoutesOfTheTable) {
  std::set<std::string> written, served;
  for (const auto& path : std::as_const(document_)["paths"].GetObject())
    for (const auto& method : path.value.GetObject())
      written.insert(std::string(method.name.GetString()) + " " + path.name.GetString());
  for (const auto& route : api::kRoutes)
    served.insert(lower(to_string(route.method)) + " " + std::string(route.path));
  EXPECT_EQ(written, served);
}

TEST_F(OpenApiTest, TellsWhoMayAndWhatBodiesAreTaken) {
  for (const auto& route : api::kRoutes) {
    SCOPED_TRACE(name_of(route));
    const auto& paths = std::as_const(document_)["paths"];
    const std::string path(route.path), method = lower(to_string(route.method));
    ASSERT_TRUE(paths.HasMember(path) && paths[path].HasMember(method));
    const auto& operation = paths[path][method];
    const auto& security = operation["security"];
    const auto needs = [&](const char* scheme) {
      for (const auto& one : security.GetArray())
        if (one.HasMember(scheme)) return true;
      return false;
    };
    EXPECT_EQ(needs("openid"), route.who == Who::bearer);
    EXPECT_EQ(needs("system"), route.who == Who::system);
    EXPECT_EQ(needs("session"), route.who == Who::session);
    EXPECT_EQ(needs("client_basic"), route.who == Who::client);
    EXPECT_EQ(operation.HasMember("x-operators-only"), route.who == Who::operators);
    if (route.who == Who::bearer) {
      EXPECT_EQ(security[0]["openid"][0].GetString(), route.scope);
    }
    std::set<std::string> types, wanted;
    if (operation.HasMember("requestBody"))
      for (const auto& type : operation["requestBody"]["content"].GetObject())
        types.insert(type.name.GetString());
    for (const auto& [bit, type] :
         {std::pair{api::media::form, "application/x-www-form-urlencoded"},
          {api::media::json, "application/json"},
          {api::media::pdf, "application/pdf"},
          {api::media::multipart, "multipart/form-data"},
          {api::media::ocsp, "application/ocsp-request"},
          {api::media::timestamp, "application/timestamp-query"},
          {api::media::lines, "application/x-ndjson"}})
      if (route.takes & bit) wanted.insert(type);
    EXPECT_EQ(types, wanted);
    // The places of the path are described.
    std::set<std::string> places;
    if (operation.HasMember("parameters"))
      for (const auto& parameter : operation["parameters"].GetArray())
        if (parameter["in"] == "path") places.insert(parameter["name"].GetString());
    std::set<std::string> in_path;
    for (std::size_t at = 0; (at = path.find('{', at)) != std::string::npos; ++at)
      in_path.insert(path.substr(at + 1, path.find('}', at) - at - 1));
    EXPECT_EQ(places, in_path);
    EXPECT_TRUE(operation["responses"].MemberCount() > 0);
  }
}

TEST_F(OpenApiTest, EveryReferenceLeadsSomewhere) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  document_.Accept(writer);
  const std::string text = buffer.GetString();
  for (std::size_t at = 0; (at = text.find("\"$ref\":\"#/", at)) != std::string::npos; ++at) {
    const auto begin = at + 10;
    const auto pointer = text.substr(begin, text.find('"', begin) - begin);
    const rapidjson::Value* here = &document_;
    for (std::size_t from = 0; from <= pointer.size();) {
      const auto to = std::min(pointer.find('/', from), pointer.size());
      const auto name = pointer.substr(from, to - from);
      ASSERT_TRUE(here->IsObject() && here->HasMember(name)) << pointer;
      here = &(*here)[name];
      from = to + 1;
    }
  }
}

}  // namespace
