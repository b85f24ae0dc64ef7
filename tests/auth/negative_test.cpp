#include "tests/auth/negative.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "base/messages.h"

namespace auth::test_house {

House::Registered Scene::keyed_client(const std::function<void(NewClient&)>& more) {
  return house.new_client_with([&](NewClient& c) {
    c.secret = "";
    c.keys = signer.jwks();
    if (more) more(c);
  });
}

House::Registered Scene::machine() {
  return house.new_client_with([](NewClient& c) {
    c.grant_types = "client_credentials";
    c.machine_scopes = "core.read";
    c.redirect_uris = {};
    c.post_logout_redirect_uris = {};
    c.scopes = "";
  });
}

std::string Scene::refresh_token() {
  const auto tokens = house.tokens_for(client, session, "openid documents offline_access");
  return std::string(base::json_text(tokens, "refresh_token"));
}

std::string Scene::access_token() {
  return std::string(base::json_text(house.tokens_for(client, session), "access_token"));
}

std::string Scene::redeem(std::string_view name, std::string_view value) {
  return token(with(house.redemption(client, fresh_code()), name, value), client.basic());
}

std::string Scene::authorize(const Parameters& request) {
  const auto answer = house.provider.authorize(request, session);
  if (!answer.ok()) return answer.error().key;
  if (const auto* shown = std::get_if<ShowError>(&*answer)) return "page:" + shown->error.error;
  if (std::holds_alternative<AskLogin>(*answer)) return "login";
  if (std::holds_alternative<AskConsent>(*answer)) return "consent";
  const auto& location = std::get<SendBack>(*answer).location;
  EXPECT_TRUE(location.starts_with(kRedirect)) << location;
  EXPECT_EQ(parameter(location, "iss"), kIssuer) << "RFC 9207 §2";
  const auto error = parameter(location, "error");
  EXPECT_TRUE(error.empty() || parameter(location, "code").empty()) << location;
  return error.empty() ? "code" : "back:" + error;
}

std::string Scene::assertion_claims(const std::string& client_id) {
  return R"({"iss":")" + client_id + R"(","sub":")" + client_id + R"(","aud":")" +
         std::string(kIssuer) + R"(","iat":)" + std::to_string(now_s()) + R"(,"exp":)" +
         std::to_string(now_s() + 60) + R"(,"jti":")" + base::to_hex(house.random.bytes(8)) + "\"}";
}

std::string Scene::proof_claims(std::string_view method, std::string_view path,
                                std::string_view access_token) {
  std::string out = R"({"jti":")" + base::to_hex(house.random.bytes(8)) + R"(","htm":")" +
                    std::string(method) + R"(","htu":")" + std::string(kIssuer) +
                    std::string(path) + R"(","iat":)" + std::to_string(now_s());
  if (!access_token.empty())
    out += R"(,"ath":")" + base::to_base64url(base::sha256(base::as_bytes(access_token))) + "\"";
  return out + "}";
}

std::string Scene::proof(const ForeignSigner& by, std::string_view claims_text) const {
  return by.sign(R"({"alg":")" + by.algorithm() + R"(","typ":"dpop+jwt","jwk":)" + by.jwk() + "}",
                 claims_text);
}

std::string Scene::bound_token() {
  const auto reply = house.provider.token(house.redemption(client, fresh_code()), client.basic(),
                                          proved(proof(signer, proof_claims("POST", kTokenPath))));
  EXPECT_EQ(house.error_of(reply), "");
  const auto* good = std::get_if<TokenReply>(&reply);
  return good == nullptr ? "" : std::string(base::json_text(json(good->json), "access_token"));
}

std::string Scene::tls_token(const base::Bytes& certificate) {
  const auto reply = house.provider.token(house.redemption(client, fresh_code()), client.basic(),
                                          over_tls(certificate));
  EXPECT_EQ(house.error_of(reply), "");
  const auto* good = std::get_if<TokenReply>(&reply);
  return good == nullptr ? "" : std::string(base::json_text(json(good->json), "access_token"));
}

std::string Scene::push(const House::Registered& by, const Parameters& request) {
  const auto reply =
      by.secret.empty()
          ? house.provider.push(
                with_assertion(request, signer.sign_as("JWT", assertion_claims(by.id))), "")
          : house.provider.push(request, by.basic());
  if (const auto* failure = std::get_if<OAuthError>(&reply)) return "!" + failure->error;
  EXPECT_EQ(std::get<TokenReply>(reply).status, 201) << "RFC 9126 §2.2";
  return std::string(base::json_text(json(std::get<TokenReply>(reply).json), "request_uri"));
}

std::string Scene::request_claims(const House::Registered& by) {
  base::JsonWriter out;
  out.StartObject();
  out.member("iss", by.id);
  out.member("aud", kIssuer);
  out.member("exp", now_s() + 300);
  for (const auto& [name, value] : house.request(by)) out.member(name, value);
  out.EndObject();
  return out.text();
}

Parameters Scene::with_assertion(Parameters form, const std::string& assertion) const {
  form = without(std::move(form), "client_id");
  form.emplace_back("client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  form.emplace_back("client_assertion", assertion);
  return form;
}

std::string changed(std::string_view object, std::string_view name, std::string_view raw) {
  const auto held = json(object);
  std::string out = "{";
  for (const auto& member : held.GetObject()) {
    if (member.name.GetString() == name) continue;
    rapidjson::StringBuffer text;
    rapidjson::Writer<rapidjson::StringBuffer> writer(text);
    member.value.Accept(writer);
    out += "\"" + std::string(member.name.GetString()) + "\":" + text.GetString() + ",";
  }
  if (!raw.empty()) out += "\"" + std::string(name) + "\":" + std::string(raw) + ",";
  if (out.size() > 1) out.pop_back();
  return out + "}";
}

namespace {

std::vector<NegativeCase> all_cases() {
  std::vector<NegativeCase> out;
  for (const auto cases :
       {code_cases(), token_cases(), assertion_cases(), authorize_cases(), bearer_cases(),
        dpop_cases(), device_cases(), request_cases(), client_cases(),
        tls_cases()})
    out.insert(out.end(), cases.begin(), cases.end());
  return out;
}

std::string name_of(const testing::TestParamInfo<NegativeCase>& info) {
  std::string out = std::to_string(info.index) + "_";
  for (const char c : std::string(info.param.clause) + "_" + info.param.what)
    out += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return out;
}

class NegativeTest : public testing::TestWithParam<NegativeCase> {};

TEST_P(NegativeTest, IsRefusedAsItsClauseSays) {
  Scene scene;
  EXPECT_EQ(GetParam().attempt(scene), GetParam().expected)
      << GetParam().clause << ": " << GetParam().what;
}

INSTANTIATE_TEST_SUITE_P(Clauses, NegativeTest, testing::ValuesIn(all_cases()), name_of);

TEST(NegativeSuite, HasAtLeastAHundredAndTwentyCasesEachWithItsClause) {
  std::set<std::string> names;
  for (const auto& each : all_cases()) {
    EXPECT_TRUE(names.insert(std::string(each.clause) + each.what).second) << each.what;
    EXPECT_NE(std::string(each.clause).find_first_of("0123456789"), std::string::npos);
    EXPECT_STRNE(each.expected, "");
  }
  EXPECT_GE(names.size(), 120U);
}

}  // namespace
}  // namespace auth::test_house
