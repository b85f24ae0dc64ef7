// Clients that register themselves: RFC 7591, RFC 7592;
// docs/decisions/0101-dynamic-registration.md.
#include "auth/dynamic_clients.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "auth/identity_requests.h"
#include "auth/portals.h"
#include "tests/auth/foreign_signer.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;

class DynamicClientsTest : public testing::Test {
 protected:
  std::string initial(int uses = 1, const std::string& scope = "openid profile offline_access") {
    return R"({"uses":)" + std::to_string(uses) + R"(,"until":"2026-12-10","scope":")" + scope +
           R"(","hosts":["app.example"],"operator":"某公司","agreement":)"
           R"({"number":"A-9","until":"2027-03-31"}})";
  }
  SubjectId staff_member() {
    const auto id = house.new_person(fresh_name("staff"));
    EXPECT_TRUE(staff.name_staff(id, "system:test").ok());
    return id;
  }
  /// Through the approvals of two, as staff make one; its id.
  std::string make_token(const std::string& what) {
    const auto request = portals.propose_token(what, staff_member());
    EXPECT_TRUE(request.ok()) << request.error().key;
    token = base::to_base64url(house.random.bytes(32));
    EXPECT_EQ(*portals.approve(*request, staff_member(), token), Portals::Outcome::waiting);
    EXPECT_EQ(error(dynamic.add("Bearer " + token, metadata())), "invalid_token") << "not yet";
    EXPECT_EQ(*portals.approve(*request, staff_member(), token),
              Portals::Outcome::done_with_secret);
    return house.sql("select client_id from auth.portal_request where id = '" + *request + "'");
  }
  static std::string metadata(const std::string& more = "") {
    return R"({"client_name":"应用","redirect_uris":["https://app.example/cb"],)"
           R"("grant_types":["authorization_code","refresh_token"])" +
           more + "}";
  }
  static std::string error(const DynamicClients::Answer& answer) {
    const auto* refused = std::get_if<OAuthError>(&answer);
    return refused == nullptr
               ? ""
               : refused->error + (refused->field.empty() ? "" : ":") + refused->field;
  }
  rapidjson::Document good(const DynamicClients::Answer& answer) {
    EXPECT_EQ(error(answer), "");
    const auto* reply = std::get_if<TokenReply>(&answer);
    return reply == nullptr ? rapidjson::Document(rapidjson::kObjectType) : json(reply->json);
  }
  std::string add_error(const std::string& more) {
    return error(dynamic.add("Bearer " + token, metadata(more)));
  }
  static std::string text(const rapidjson::Document& from, const char* name) {
    return std::string(base::json_text(from, name));
  }

  House house;
  Clients clients{house.pool};
  IdentityRequests staff{{house.pool, house.cipher, house.clock, house.random}};
  Portals portals{{house.pool, clients, house.clock, house.random}};
  DynamicClients dynamic{
      {house.pool, clients, house.clock, house.random, std::string(kIssuer), "ES256"}};
  std::string token;
};

TEST_F(DynamicClientsTest, Rfc7591_3_AClientRegistersAndLogsPeopleIn) {
  make_token(initial());
  const auto made = good(dynamic.add("bearer " + token, metadata(R"(,"x_vendor":{"a":1})")));
  const House::Registered client{text(made, "client_id"), text(made, "client_secret")};
  EXPECT_EQ(client.secret.size(), 43U);
  EXPECT_EQ(text(made, "scope"), "openid profile offline_access") << "RFC 7591 §2: the default";
  EXPECT_EQ(text(made, "token_endpoint_auth_method"), "client_secret_basic");
  EXPECT_EQ(text(made, "registration_client_uri"),
            std::string(kIssuer) + "/oauth/register/" + client.id);
  EXPECT_FALSE(made.HasMember("x_vendor")) << "what we do not know is ignored, and said so";
  EXPECT_EQ(base::json_int(made, "client_secret_expires_at"),
            base::to_unix_s(*base::parse_rfc3339("2027-04-01T00:00:00+08:00")));
  const auto session = house.new_session(house.new_person(fresh_name()));
  auto asked = with(house.request(client, "https://app.example/cb"), "scope", "openid profile");
  const auto code = house.code_for(asked, session);
  EXPECT_EQ(house.token_error(
                with(house.redemption(client, code), "redirect_uri", "https://app.example/cb"),
                client.basic()),
            "");
  EXPECT_EQ(error(dynamic.add("Bearer " + token, metadata())), "invalid_token") << "used up";
  house.clock.set(*base::parse_rfc3339("2027-04-01T00:00:00+08:00"));
  const auto late = house.provider.authorize(asked, session);
  EXPECT_TRUE(std::holds_alternative<ShowError>(*late)) << "its agreement is over";
  EXPECT_EQ(error(dynamic.read(client.id, "Bearer " + text(made, "registration_access_token"))),
            "invalid_token");
}

TEST_F(DynamicClientsTest, Rfc7591_3_2_2_WhatIsRefusedSaysWhatIsWrongAndUsesUpNothing) {
  make_token(initial(1, "openid"));
  const auto redirects = [&](const std::string& uris) {
    return error(
        dynamic.add("Bearer " + token, R"({"client_name":"x","redirect_uris":[)" + uris + "]}"));
  };
  EXPECT_EQ(redirects(R"("https://evil.example/cb")"), "invalid_redirect_uri:redirect_uris");
  EXPECT_EQ(redirects(R"("https://app.example/cb","https://evil.example/cb")"),
            "invalid_redirect_uri:redirect_uris");
  EXPECT_EQ(redirects(R"("https://app.example.evil.example/")"),
            "invalid_redirect_uri:redirect_uris");
  EXPECT_EQ(redirects(R"("http://app.example/cb")"), "invalid_redirect_uri:redirect_uris");
  EXPECT_EQ(redirects(R"("https://app.example/#f")"), "invalid_redirect_uri:redirect_uris");
  EXPECT_EQ(redirects(""), "invalid_redirect_uri:redirect_uris");
  const auto bad = [](const char* name) { return "invalid_client_metadata:" + std::string(name); };
  EXPECT_EQ(add_error(R"(,"scope":"openid documents")"), bad("scope"));
  EXPECT_EQ(add_error(R"(,"scope":"openid profile")"), bad("scope")) << "more than the token has";
  EXPECT_EQ(add_error(R"(,"machine_scope":"core.read")"), bad("machine_scope"));
  EXPECT_EQ(add_error(R"(,"resource":"https://app.example/")"), bad("resource"));
  EXPECT_EQ(add_error(R"(,"sector":"portal.example")"), bad("sector"));
  EXPECT_EQ(add_error(R"(,"jwks_uri":"https://app.example/jwks")"), bad("jwks_uri"));
  EXPECT_EQ(add_error(R"(,"software_statement":"e30.e30.")"), bad("software_statement"));
  EXPECT_EQ(add_error(R"(,"id_token_signed_response_alg":"RS256")"),
            bad("id_token_signed_response_alg"))
      << "no such key is at work";
  EXPECT_EQ(add_error(R"(,"id_token_signed_response_alg":"none")"),
            bad("id_token_signed_response_alg"));
  EXPECT_EQ(add_error(R"(,"backchannel_logout_uri":"https://169.254.169.254/")"),
            bad("backchannel_logout_uri"));
  EXPECT_EQ(add_error(R"(,"post_logout_redirect_uris":["https://evil.example/"])"),
            bad("post_logout_redirect_uris"));
  EXPECT_EQ(add_error(R"(,"response_types":["id_token"])"), bad("response_types"));
  EXPECT_EQ(error(dynamic.add("Bearer " + token, "[]")), "invalid_client_metadata");
  EXPECT_EQ(error(dynamic.add("Bearer " + token, metadata(R"(,"client_name":"y")"))),
            "invalid_client_metadata");
  for (const auto* grant :
       {"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange", "implicit"})
    EXPECT_EQ(error(dynamic.add("Bearer " + token,
                                R"({"client_name":"x","grant_types":[")" + std::string(grant) +
                                    R"("],"redirect_uris":["https://app.example/cb"]})")),
              bad("grant_types"))
        << grant;
  good(dynamic.add("Bearer " + token, metadata()));
}

TEST_F(DynamicClientsTest, AClientOfItsOwnIsInASectorOfItsOwn) {
  make_token(initial(2));
  const auto one = good(dynamic.add("Bearer " + token, metadata()));
  const auto two = good(dynamic.add("Bearer " + token, metadata(R"(,"kind":"portal")")));
  EXPECT_EQ(text(two, "kind"), "dynamic") << "nobody names himself a portal";
  EXPECT_EQ(text(one, "sector"), "client:" + text(one, "client_id"));
  EXPECT_NE(text(one, "sector"), text(two, "sector")) << "at the same host";
}

TEST_F(DynamicClientsTest, EightAtOnceUseATokenOfThreeThreeTimes) {
  make_token(initial(3));
  std::atomic<int> made{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i)
    all.emplace_back([&] {
      if (error(dynamic.add("Bearer " + token, metadata())).empty()) ++made;
    });
  for (auto& each : all) each.join();
  EXPECT_EQ(made, 3);
}

TEST_F(DynamicClientsTest, ATokenRunsOutAndCanBeRevoked) {
  const auto id = make_token(initial(5));
  EXPECT_EQ(error(dynamic.add("", metadata())), "invalid_token");
  EXPECT_EQ(error(dynamic.add("Basic " + token, metadata())), "invalid_token");
  EXPECT_EQ(error(dynamic.add("Bearer " + std::string(43, 'A'), metadata())), "invalid_token");
  const auto other = make_token(initial(5));
  const auto stranger = house.new_person(fresh_name());
  EXPECT_EQ(refusal_of(dynamic.revoke_token(other, stranger)), "auth.staff.none");
  ASSERT_TRUE(dynamic.revoke_token(other, staff_member()).ok());
  EXPECT_EQ(error(dynamic.add("Bearer " + token, metadata())), "invalid_token");
  EXPECT_EQ(refusal_of(dynamic.revoke_token(other, staff_member())), "auth.dynamic.token_unknown");
  EXPECT_NE(id, other);
  make_token(initial(5));
  house.clock.set(*base::parse_rfc3339("2026-12-11T00:00:00+08:00"));
  EXPECT_EQ(error(dynamic.add("Bearer " + token, metadata())), "invalid_token");
}

TEST_F(DynamicClientsTest, Rfc7592_2_ItReadsReplacesAndRemovesItsRegistration) {
  make_token(initial());
  const auto made = good(dynamic.add("Bearer " + token, metadata()));
  const auto id = text(made, "client_id");
  const auto first = "Bearer " + text(made, "registration_access_token");
  const auto told = good(dynamic.read(id, first));
  EXPECT_EQ("Bearer " + text(told, "registration_access_token"), first);
  EXPECT_FALSE(told.HasMember("client_secret")) << "only its digest is here";
  EXPECT_EQ(error(dynamic.read(id, "Bearer " + token)), "invalid_token");
  EXPECT_EQ(error(dynamic.read("dyn-other", first)), "invalid_token");

  const auto named = R"(,"client_id":")" + id + "\"";
  EXPECT_EQ(error(dynamic.update(id, first, metadata())), "invalid_client_metadata:client_id");
  EXPECT_EQ(error(dynamic.update(id, first, metadata(R"(,"client_id":"demo-portal")"))),
            "invalid_client_metadata:client_id");
  for (const auto* ours : {"registration_access_token", "registration_client_uri",
                           "client_id_issued_at", "client_secret_expires_at"})
    EXPECT_EQ(error(dynamic.update(id, first, metadata(named + ",\"" + ours + "\":\"x\""))),
              std::string("invalid_client_metadata:") + ours);
  EXPECT_EQ(error(dynamic.update(id, first, metadata(named + R"(,"scope":"documents")"))),
            "invalid_client_metadata:scope");
  const auto after = good(dynamic.update(id, first, metadata(named + R"(,"scope":"openid")")));
  EXPECT_EQ(text(after, "scope"), "openid");
  EXPECT_FALSE(after.HasMember("client_secret")) << "its secret goes on";
  const auto second = "Bearer " + text(after, "registration_access_token");
  EXPECT_EQ(error(dynamic.read(id, first)), "invalid_token") << "rolled";
  const auto keyed = good(dynamic.update(
      id, second, metadata(named + R"(,"jwks":)" + ForeignSigner::make("ES256").jwks())));
  EXPECT_EQ(text(keyed, "token_endpoint_auth_method"), "private_key_jwt");
  EXPECT_EQ(house.token_error({{"grant_type", "authorization_code"}},
                              House::Registered{id, text(made, "client_secret")}.basic()),
            "invalid_client")
      << "the secret is gone";
  const auto third = "Bearer " + text(keyed, "registration_access_token");
  const auto secret = good(dynamic.update(id, third, metadata(named)));
  EXPECT_EQ(text(secret, "client_secret").size(), 43U) << "a new one";

  const auto last = "Bearer " + text(secret, "registration_access_token");
  const auto gone = dynamic.remove(id, last);
  EXPECT_EQ(std::get<TokenReply>(gone).status, 204);
  EXPECT_EQ(error(dynamic.read(id, last)), "invalid_token");
  EXPECT_EQ(error(dynamic.remove(id, last)), "invalid_token");
  EXPECT_EQ(house.token_error({{"grant_type", "authorization_code"}},
                              House::Registered{id, text(secret, "client_secret")}.basic()),
            "invalid_client");
}

TEST_F(DynamicClientsTest, EightReplacementsAtOnceAreOne) {
  make_token(initial());
  const auto made = good(dynamic.add("Bearer " + token, metadata()));
  const auto id = text(made, "client_id");
  const auto first = "Bearer " + text(made, "registration_access_token");
  std::atomic<int> done{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 8; ++i)
    all.emplace_back([&] {
      const auto answer = dynamic.update(id, first, metadata(R"(,"client_id":")" + id + "\""));
      if (error(answer).empty()) ++done;
    });
  for (auto& each : all) each.join();
  EXPECT_EQ(done, 1);
}

TEST_F(DynamicClientsTest, StaffStopItLikeAnyOther) {
  make_token(initial());
  const auto made = good(dynamic.add("Bearer " + token, metadata()));
  const auto id = text(made, "client_id");
  ASSERT_TRUE(portals.suspend(id, staff_member(), "missbraucht").ok());
  const auto held = "Bearer " + text(made, "registration_access_token");
  EXPECT_EQ(error(dynamic.update(id, held, metadata(R"(,"client_id":")" + id + "\""))),
            "invalid_token");
  EXPECT_EQ(error(dynamic.remove(id, held)), "invalid_token");
}

TEST_F(DynamicClientsTest, WhatATokenMayAllowIsBounded) {
  const auto wrong = [&](std::string text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    const auto refused = portals.propose_token(text, staff_member());
    return refused.ok() || refused.error().fields.empty() ? "" : refused.error().fields[0].field;
  };
  EXPECT_EQ(wrong(initial(), "\"uses\":1", "\"uses\":101"), "uses");
  EXPECT_EQ(wrong(initial(), "\"uses\":1", "\"uses\":0"), "uses");
  EXPECT_EQ(wrong(initial(), "2026-12-10", "2027-06-01"), "until") << "thirty days at most";
  EXPECT_EQ(wrong(initial(), "2026-12-10", "2026-11-01"), "until");
  EXPECT_EQ(wrong(initial(), "openid profile", "openid documents"), "scope");
  EXPECT_EQ(wrong(initial(), "app.example", "*.example"), "hosts");
  EXPECT_EQ(wrong(initial(), "[\"app.example\"]", "[]"), "hosts");
  EXPECT_EQ(wrong(initial(), "2027-03-31", ""), "agreement");
  EXPECT_EQ(wrong(initial(), "某公司", ""), "operator");
  EXPECT_EQ(wrong(initial(), "\"uses\"", "\"use\":1,\"uses\""), "uses");
}

}  // namespace
}  // namespace auth
