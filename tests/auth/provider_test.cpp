// Tokens in use, userinfo, logout, metadata, clients: security.md §3.C 64–66, 73, 76, 77, D 90–92.
#include "auth/provider.h"

#include <gtest/gtest.h>

#include <functional>

#include "auth/jwt.h"
#include "auth/redirect.h"
#include "base/messages.h"
#include "tests/auth/negative.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

class ProviderTest : public testing::Test {
 protected:
  std::string access() { return std::string(base::json_text(tokens, "access_token")); }
  std::string id_token() { return std::string(base::json_text(tokens, "id_token")); }
  std::string key_of(const base::Result<Actor>& actor) {
    return actor.ok() ? "" : actor.error().key + ": " + actor.error().detail;
  }
  /// An access token of our own key that says what a test wants.
  std::string forge(std::string_view payload, std::string_view type = "at+jwt") {
    const auto kid = TokenKey::from_spki(house.key->info().public_key)->id();
    return sign_jws(*house.key, kid, type, payload).value();
  }
  std::string payload(std::string_view name, std::string_view raw_value) {
    const auto held = claims(access());
    std::string out = "{";
    for (const auto& member : held.GetObject()) {
      if (member.name.GetString() == name) continue;
      rapidjson::StringBuffer text;
      rapidjson::Writer<rapidjson::StringBuffer> writer(text);
      member.value.Accept(writer);
      out += "\"" + std::string(member.name.GetString()) + "\":" + text.GetString() + ",";
    }
    if (!raw_value.empty()) out += "\"" + std::string(name) + "\":" + std::string(raw_value) + ",";
    out.back() = '}';
    return out;
  }

  House house;
  House::Registered client = house.new_client();
  SubjectId subject = house.new_person(fresh_name(), "阿依古丽·买买提");
  Sessions::Opened opened = house.sessions.open(subject, Method::password).value();
  rapidjson::Document tokens = house.tokens_for(client, opened.session);
};

TEST_F(ProviderTest, AnAccessTokenNamesTheActor) {
  for (int i = 0; i < 2; ++i) {  // verified, then known
    const auto actor = house.provider.actor(access());
    ASSERT_TRUE(actor.ok()) << key_of(actor);
    EXPECT_EQ(actor->subject(), subject);
    EXPECT_EQ(actor->acting_for(), subject);
    EXPECT_EQ(actor->client().value(), client.id);
    EXPECT_EQ(actor->proofing(), Proofing::p2);
    EXPECT_EQ(actor->authentication(), Authentication::password);
    EXPECT_EQ(actor->authenticated_at(), opened.session.authenticated_at);
    EXPECT_TRUE(actor->has_scope("documents"));
    EXPECT_FALSE(actor->has_scope("doc"));
    EXPECT_FALSE(actor->has_scope(""));
    EXPECT_FALSE(actor->has_scope("openid profile"));
  }
  const auto here = house.provider.actor(opened.session);
  ASSERT_TRUE(here.ok());
  EXPECT_EQ(here->subject(), subject);
  EXPECT_FALSE(here->has_scope("documents"));
}

TEST_F(ProviderTest, D90_ExpiryIsAskedEachTime) {
  EXPECT_EQ(key_of(house.provider.actor(access())), "");
  house.clock.advance(599s);
  EXPECT_EQ(key_of(house.provider.actor(access())), "");
  house.clock.advance(1s);
  EXPECT_EQ(key_of(house.provider.actor(access())), "auth.token_invalid: expired");
}

TEST_F(ProviderTest, C64_C65_OtherTokensAreNoAccessTokens) {
  EXPECT_EQ(key_of(house.provider.actor(id_token())), "auth.token_invalid: another type of token");
  for (const std::string& wrong : {std::string(), std::string("x"), opened.cookie,
                                   std::string(1 << 20, 'a'), access() + "x", "Bearer " + access()})
    EXPECT_FALSE(house.provider.actor(wrong).ok());
  House other;  // same database, another signing key
  EXPECT_EQ(key_of(other.provider.actor(access())), "auth.token_invalid: key is not ours");
}

TEST_F(ProviderTest, D91_ClaimsAreStrict) {
  ASSERT_EQ(key_of(house.provider.actor(forge(payload("x", "1")))), "");
  const struct {
    const char *name, *value, *why;
  } kCases[] = {
      {"iss", "\"https://evil.example\"", "another issuer"},
      {"iss", "\"https://id.example/\"", "another issuer"},
      {"iss", "", "another issuer"},
      {"iss", "[\"https://id.example\"]", "another issuer"},
      {"aud", "\"https://other.example\"", "another audience"},
      {"aud", "[\"https://id.example\",\"https://other.example\"]", "another audience"},
      {"aud", "[\"https://id.example\"]", "another audience"},
      {"aud", "", "another audience"},
      {"exp", "", "a claim is missing"},
      {"exp", "\"9999999999\"", "a claim is missing"},
      {"exp", "9999999999.5", "a claim is missing"},
      {"exp", "-1", "expired"},
      {"exp", "0", "expired"},
      {"iat", "", "a claim is missing"},
      {"iat", "9999999999", "issued in the future"},
      {"sub", "", "a claim is missing"},
      {"grant", "", "a claim is missing"},
      {"grant", "5", "a claim is missing"},
      {"grant", "\"nothing\"", "revoked"},
      {"grant", "\"' or 1=1 --\"", "revoked"},
  };
  for (const auto& each : kCases)
    EXPECT_EQ(key_of(house.provider.actor(forge(payload(each.name, each.value)))),
              std::string("auth.token_invalid: ") + each.why)
        << each.name << " " << each.value;
}

TEST_F(ProviderTest, AnUnspentCodeGivesNobodyAccess) {
  house.code_for(house.request(client), opened.session);
  const auto grant =
      house.sql("select id from auth.authorization_grant where used_at is null and client_id = '" +
                client.id + "'");
  EXPECT_EQ(key_of(house.provider.actor(forge(payload("grant", "\"" + grant + "\"")))),
            "auth.token_invalid: revoked");
}

TEST_F(ProviderTest, SwitchingAClientOffStopsItsTokens) {
  EXPECT_EQ(key_of(house.provider.actor(access())), "");
  house.sql("update auth.client set active = false where id = '" + client.id + "'");
  EXPECT_EQ(key_of(house.provider.actor(access())), "auth.token_invalid: revoked");
}

TEST_F(ProviderTest, Fapi2_5_3_2_TheSwitchAsksForAllOfIt) {
  Scene s;
  const auto careful = s.keyed_client([](NewClient& c) { c.fapi2 = true; });
  EXPECT_EQ(s.authorize(s.house.request(careful)), "back:invalid_request") << "not pushed";
  const auto code = s.house.code_for(
      {{"client_id", careful.id}, {"request_uri", s.push(careful, s.house.request(careful))}},
      s.session);
  const auto form = [&] {
    return s.with_assertion(s.house.redemption(careful, code),
                            s.signer.sign_as("JWT", s.assertion_claims(careful.id)));
  };
  EXPECT_EQ(s.token(form(), ""), "invalid_dpop_proof") << "bearer tokens are not for it";
  const auto reply = s.house.provider.token(
      form(), "", s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath))));
  EXPECT_EQ(s.house.error_of(reply), "");
  NewClient loose;
  loose.id = ClientId(fresh_name("client"));
  loose.name = "x";
  loose.secret = std::string(43, 's');
  loose.redirect_uris = {std::string(kRedirect)};
  loose.scopes = "openid";
  loose.fapi2 = true;
  EXPECT_EQ(s.house.provider.register_client(loose).error().fields.at(0).field, "fapi2");
}

TEST_F(ProviderTest, Ldt01_6_1_2e_AnAgreementThatEndedStopsItsTokens) {
  std::optional<base::Time> until = house.clock.now() + std::chrono::minutes(5);
  const auto platform = house.new_client_with([&](NewClient& c) {
    c.agreement_until = until;
    c.grant_types += " client_credentials";
    c.machine_scopes = "core.read";
  });
  const auto mine = house.tokens_for(platform, opened.session, "openid offline_access");
  const auto token = std::string(base::json_text(mine, "access_token"));
  const auto reply = house.provider.token({{"grant_type", "client_credentials"}}, platform.basic());
  const auto machine =
      std::string(base::json_text(json(std::get<TokenReply>(reply).json), "access_token"));
  ASSERT_EQ(key_of(house.provider.actor(token)), "");
  house.clock.advance(std::chrono::minutes(5));
  EXPECT_EQ(key_of(house.provider.actor(token)), "auth.token_invalid: revoked");
  EXPECT_EQ(
      house.token_error({{"grant_type", "refresh_token"},
                         {"refresh_token", std::string(base::json_text(mine, "refresh_token"))}},
                        platform.basic()),
      "invalid_client");
  EXPECT_EQ(house.error_of(house.provider.introspect({{"token", machine}}, platform.basic())),
            "invalid_client");
  const auto shown = house.provider.authorize(house.request(platform), opened.session);
  EXPECT_TRUE(std::holds_alternative<ShowError>(*shown)) << "nobody is sent there";
  EXPECT_EQ(key_of(house.provider.actor(access())), "") << "others go on";
}

TEST_F(ProviderTest, UserinfoGivesWhatTheScopesAllow) {
  const auto full = json(house.provider.userinfo(access()).value());
  EXPECT_EQ(base::json_text(full, "name"), "阿依古丽·买买提");
  EXPECT_EQ(base::json_text(full, "sub"), base::json_text(claims(id_token()), "sub"));
  EXPECT_EQ(base::json_text(full, "proofing_level"), "p2");
  EXPECT_EQ(base::json_text(full, "subject_kind"), "person");
  EXPECT_EQ(full.MemberCount(), 4U) << "no number, no login name";
  const auto code = house.code_for(with(house.request(client), "scope", "openid"), opened.session);
  const auto reply = house.provider.token(house.redemption(client, code), client.basic());
  const auto small =
      json(house.provider
               .userinfo(base::json_text(json(std::get<TokenReply>(reply).json), "access_token"))
               .value());
  EXPECT_FALSE(small.HasMember("name"));
  EXPECT_EQ(refusal_of(house.provider.userinfo(id_token())), "auth.token_invalid");
}

TEST_F(ProviderTest, C73_SubjectsAreAnotherInEachSector) {
  const auto sub_at = [&](const House::Registered& at, std::string_view redirect) {
    const auto code = house.code_for(house.request(at, redirect), opened.session);
    const auto reply = house.provider.token(
        with(house.redemption(at, code), "redirect_uri", redirect), at.basic());
    const auto body = json(std::get<TokenReply>(reply).json);
    return std::string(base::json_text(claims(base::json_text(body, "id_token")), "sub"));
  };
  const auto here = sub_at(client, kRedirect);
  EXPECT_EQ(sub_at(client, kRedirect), here);
  EXPECT_EQ(here.find(subject.value()), std::string::npos);
  constexpr std::string_view kSame = "https://portal.example/second";
  EXPECT_EQ(sub_at(house.new_client(false, kSame), kSame), here) << "one host, one sector";
  constexpr std::string_view kOther = "https://other.example/cb";
  EXPECT_NE(sub_at(house.new_client(false, kOther), kOther), here);
  constexpr std::string_view kLocal = "http://127.0.0.1:8090/cb";
  EXPECT_NE(sub_at(house.new_client(false, kLocal), kLocal),
            sub_at(house.new_client(false, kLocal), kLocal))
      << "loopback belongs to nobody";
}

TEST_F(ProviderTest, C76_LogoutGoesBackOnlyWhereItMay) {
  const auto ask = [&](const Parameters& asked, bool with_session = true) {
    auto answer = house.provider.end_session(
        asked, with_session ? std::optional<Session>(opened.session) : std::nullopt);
    EXPECT_TRUE(answer.ok());
    EXPECT_TRUE(answer->notice.empty() || base::has_message(answer->notice)) << answer->notice;
    return *answer;
  };
  const std::string after(kAfterLogout);
  const auto own =
      ask({{"id_token_hint", id_token()}, {"post_logout_redirect_uri", after}, {"state", "a b"}});
  EXPECT_FALSE(own.confirm);
  EXPECT_EQ(own.location, after + "?state=a%20b");
  EXPECT_TRUE(own.notice.empty());

  EXPECT_TRUE(ask({}).confirm);
  EXPECT_TRUE(ask({}).location.empty());
  EXPECT_FALSE(ask({}, false).confirm) << "nobody is logged in";

  const auto tampered = id_token().substr(0, id_token().size() - 6) + "AAAAAA";
  const auto none = base::to_base64url(base::as_bytes(R"({"alg":"none"})")) + "." +
                    id_token().substr(id_token().find('.') + 1);
  House foreign;
  const auto foreign_token =
      sign_jws(*foreign.key, TokenKey::from_spki(foreign.key->info().public_key)->id(), "JWT",
               R"({"iss":"https://id.example","aud":")" + client.id + R"("})")
          .value();
  for (const std::string& bad : {tampered, none, foreign_token, access(), std::string("x")}) {
    const auto answer = ask({{"id_token_hint", bad}, {"post_logout_redirect_uri", after}});
    EXPECT_TRUE(answer.confirm);
    EXPECT_TRUE(answer.location.empty());
    EXPECT_EQ(answer.notice, "auth.logout_hint");
  }
  for (const std::string& bad : {after + "?x=1", after + "/", std::string("https://evil.example/"),
                                 std::string(kRedirect)}) {
    const auto answer = ask({{"id_token_hint", id_token()}, {"post_logout_redirect_uri", bad}});
    EXPECT_TRUE(answer.location.empty()) << bad;
    EXPECT_EQ(answer.notice, "auth.logout_address");
    EXPECT_TRUE(answer.confirm);
  }
  EXPECT_TRUE(ask({{"post_logout_redirect_uri", after}}).location.empty()) << "whose address?";
  const auto named = ask({{"client_id", client.id}, {"post_logout_redirect_uri", after}});
  EXPECT_TRUE(named.confirm) << "no hint: the person is asked first";
  EXPECT_EQ(named.location, after);
  EXPECT_EQ(ask({{"id_token_hint", id_token()}, {"client_id", "other"}}).notice,
            "auth.logout_hint");
  EXPECT_EQ(ask({{"state", "1"}, {"state", "2"}}).notice, "auth.parameter_twice");

  house.clock.advance(24h);
  EXPECT_FALSE(ask({{"id_token_hint", id_token()}}).confirm) << "an expired hint is still a hint";
  const auto somebody = house.new_session(house.new_person(fresh_name()));
  EXPECT_TRUE(house.provider.end_session({{"id_token_hint", id_token()}}, somebody)->confirm)
      << "somebody else's hint does not log this person out";
}

TEST_F(ProviderTest, C77_MetadataSaysWhatIsTrue) {
  const auto about = json(house.provider.discovery());
  EXPECT_EQ(base::json_text(about, "issuer"), kIssuer);
  for (const auto* name : {"authorization_endpoint", "token_endpoint", "userinfo_endpoint",
                           "jwks_uri", "end_session_endpoint", "introspection_endpoint",
                           "revocation_endpoint", "pushed_authorization_request_endpoint"})
    EXPECT_TRUE(base::json_text(about, name).starts_with(std::string(kIssuer) + "/oauth/")) << name;
  const auto list = [&](const char* name) {
    std::string out;
    for (const auto& each : about[name].GetArray()) out += std::string(each.GetString()) + ",";
    return out;
  };
  EXPECT_EQ(list("scopes_supported"), "openid,profile,documents,proofing,mandates,account,offline_access,");
  EXPECT_EQ(list("response_types_supported"), "code,");
  EXPECT_EQ(list("grant_types_supported"),
            "authorization_code,refresh_token,client_credentials,"
            "urn:ietf:params:oauth:grant-type:device_code,"
            "urn:ietf:params:oauth:grant-type:token-exchange,");
  EXPECT_EQ(list("token_endpoint_auth_methods_supported"),
            "client_secret_basic,client_secret_post,private_key_jwt,none,");
  EXPECT_EQ(list("introspection_endpoint_auth_methods_supported"),
            "client_secret_basic,client_secret_post,private_key_jwt,");
  EXPECT_EQ(list("token_endpoint_auth_signing_alg_values_supported"), "ES256,PS256,EdDSA,");
  EXPECT_EQ(list("code_challenge_methods_supported"), "S256,");
  EXPECT_EQ(list("id_token_signing_alg_values_supported"), "ES256,");
  EXPECT_EQ(list("subject_types_supported"), "pairwise,");
  EXPECT_TRUE(about["authorization_response_iss_parameter_supported"].GetBool());
  EXPECT_FALSE(about["request_uri_parameter_supported"].GetBool());
  EXPECT_TRUE(about["request_parameter_supported"].GetBool());
  EXPECT_EQ(list("dpop_signing_alg_values_supported"), "ES256,PS256,EdDSA,");
}

TEST_F(ProviderTest, D92_ANewKeyIsUnseenByThoseWhoHoldTheOldOne) {
  const auto next = test::SoftKey::make("openid-2");
  Provider::Config config{std::string(kIssuer)};
  config.earlier_keys = {house.key->info().public_key};
  Provider rotated(config, {house.pool, house.accounts, next, house.clock, house.random});
  EXPECT_TRUE(rotated.actor(access()).ok());
  const auto jwks = json(rotated.jwks());
  ASSERT_EQ(jwks["keys"].Size(), 2U);
  const auto before = json(house.provider.jwks());
  EXPECT_EQ(base::json_text(jwks["keys"][1], "kid"), base::json_text(before["keys"][0], "kid"));
  EXPECT_NE(base::json_text(jwks["keys"][0], "kid"), base::json_text(before["keys"][0], "kid"));
}

TEST_F(ProviderTest, D92_KeysFollowEachOtherWithoutARestart) {
  const auto next = test::SoftKey::make("openid-2");
  const auto first = house.key->info().public_key, second = next->info().public_key;
  const auto kids = [&] {
    std::vector<std::string> out;
    const auto set = json(house.provider.jwks());
    for (const auto& key : set["keys"].GetArray()) out.emplace_back(key["kid"].GetString());
    return out;
  };
  const auto fresh_access = [&] {
    return std::string(base::json_text(house.tokens_for(client, opened.session), "access_token"));
  };
  const auto old = fresh_access();
  ASSERT_TRUE(house.provider.take_keys({{house.key}, {second}}).ok());
  const auto both = kids();
  ASSERT_EQ(both.size(), 2U) << "published before it signs";
  EXPECT_EQ(base::json_text(header(fresh_access()), "kid"), both[0]);
  ASSERT_TRUE(house.provider.take_keys({{next}, {first}}).ok());
  const auto fresh = fresh_access();
  EXPECT_EQ(base::json_text(header(fresh), "kid"), both[1]);
  EXPECT_TRUE(house.provider.actor(old).ok()) << "the earlier key's tokens live on";
  ASSERT_TRUE(house.provider.take_keys({{next}, {}}).ok());
  EXPECT_EQ(key_of(house.provider.actor(old)), "auth.token_invalid: key is not ours")
      << "also one seen before";
  EXPECT_TRUE(house.provider.actor(fresh).ok());
  EXPECT_EQ(kids(), std::vector<std::string>{both[1]});
  // What cannot be taken changes nothing.
  const auto rsa = test::SoftKey::make("openid-rsa-1", hsm::Algorithm::rsa_3072);
  EXPECT_EQ(house.provider.take_keys({{rsa}, {}}).error().key, "auth.token_key");
  EXPECT_EQ(house.provider.take_keys({{next, house.key}, {}}).error().key, "auth.token_key");
  EXPECT_EQ(house.provider.take_keys({{next}, {base::Bytes{1}}}).error().key, "auth.token_key");
  EXPECT_EQ(kids(), std::vector<std::string>{both[1]});
}

TEST_F(ProviderTest, Discovery_3_Rs256IsOfferedWhenItsKeyIsThere) {
  const auto offered = [&] {
    std::string out;
    const auto about = json(house.provider.discovery());
    for (const auto& each : about["id_token_signing_alg_values_supported"].GetArray())
      out += std::string(each.GetString()) + ",";
    return out;
  };
  const auto asks = house.new_client_with([](NewClient& c) { c.id_token_alg = "RS256"; });
  EXPECT_EQ(offered(), "ES256,");
  EXPECT_EQ(
      house.token_error(house.redemption(asks, house.code_for(house.request(asks), opened.session)),
                        asks.basic()),
      "temporarily_unavailable")
      << "never another algorithm than the one that was asked for";
  const auto rsa = test::SoftKey::make("openid-rsa-1", hsm::Algorithm::rsa_3072);
  ASSERT_TRUE(house.provider.take_keys({{house.key, rsa}, {}}).ok());
  EXPECT_EQ(offered(), "ES256,RS256,");
  const auto made = house.tokens_for(asks, opened.session);
  EXPECT_EQ(base::json_text(header(base::json_text(made, "id_token")), "alg"), "RS256");
  EXPECT_EQ(base::json_text(header(base::json_text(made, "access_token")), "alg"), "ES256");
  const auto end = house.provider.end_session(
      {{"id_token_hint", std::string(base::json_text(made, "id_token"))}}, opened.session);
  EXPECT_FALSE(end->confirm) << "it is a hint as any other";
}

// FAPI 2.0 Security Profile §5.3.2.1: "shall not use refresh token rotation".
TEST_F(ProviderTest, Fapi2_5_3_2_1_ItsRefreshTokenStays) {
  Scene s;
  const auto careful = s.keyed_client([](NewClient& c) { c.fapi2 = true; });
  const auto assertion = [&] { return s.signer.sign_as("JWT", s.assertion_claims(careful.id)); };
  const auto token = [&](Parameters form) {
    const auto reply =
        s.house.provider.token(s.with_assertion(std::move(form), assertion()), "",
                               s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath))));
    EXPECT_EQ(s.house.error_of(reply), "");
    const auto* good = std::get_if<TokenReply>(&reply);
    return good == nullptr ? json("{}") : json(good->json);
  };
  const auto pushed =
      s.push(careful, with(s.house.request(careful), "scope", "openid offline_access"));
  const auto code =
      s.house.code_for({{"client_id", careful.id}, {"request_uri", pushed}}, s.session);
  const auto first = token(s.house.redemption(careful, code));
  const std::string refresh(base::json_text(first, "refresh_token"));
  ASSERT_EQ(refresh.size(), 43U);
  for (int i = 0; i < 3; ++i) {
    s.house.clock.advance(24h * 31);
    const auto again = token({{"grant_type", "refresh_token"}, {"refresh_token", refresh}});
    EXPECT_EQ(base::json_text(again, "refresh_token"), refresh);
    EXPECT_TRUE(again.HasMember("id_token"));
  }
  // It is worth nothing without the client's key, and ends with its family.
  const auto thief = ForeignSigner::make("ES256");
  EXPECT_EQ(s.token(s.with_assertion({{"grant_type", "refresh_token"}, {"refresh_token", refresh}},
                                     thief.sign_as("JWT", s.assertion_claims(careful.id))),
                    ""),
            "invalid_client");
  s.house.clock.advance(24h * 90);
  EXPECT_EQ(s.house.error_of(s.house.provider.token(
                s.with_assertion({{"grant_type", "refresh_token"}, {"refresh_token", refresh}},
                                 assertion()),
                "", s.proved(s.proof(s.signer, s.proof_claims("POST", kTokenPath))))),
            "invalid_grant");
}

TEST_F(ProviderTest, ClientsAreRegisteredPlainly) {
  const auto refused = [&](const std::function<void(NewClient&)>& change) {
    NewClient wanted;
    wanted.id = ClientId(fresh_name("client"));
    wanted.name = "x";
    wanted.secret = std::string(43, 's');
    wanted.redirect_uris = {std::string(kRedirect)};
    wanted.scopes = "openid";
    change(wanted);
    const auto done = house.provider.register_client(wanted);
    return done.ok() ? "" : done.error().fields.at(0).field + ":" + done.error().fields.at(0).key;
  };
  EXPECT_EQ(refused([](NewClient&) {}), "");
  EXPECT_EQ(refused([](NewClient& c) { c.id = ClientId("a b"); }), "id:auth.client.id");
  EXPECT_EQ(refused([](NewClient& c) { c.name = ""; }), "name:auth.name.form");
  EXPECT_EQ(refused([](NewClient& c) { c.secret = "password"; }), "secret:auth.client.secret");
  EXPECT_EQ(refused([](NewClient& c) { c.redirect_uris = {}; }),
            "redirect_uris:auth.client.address");
  EXPECT_EQ(refused([](NewClient& c) { c.scopes = "openid root"; }), "scopes:auth.client.scopes");
  EXPECT_EQ(refused([](NewClient& c) { c.redirect_uris.push_back("https://other.example/"); }),
            "sector:auth.client.sector");
  EXPECT_EQ(refused([](NewClient& c) { c.post_logout_redirect_uris = {"https://a.example/#x"}; }),
            "post_logout_redirect_uris:auth.client.address");
  EXPECT_EQ(refused([](NewClient& c) { c.grant_types = "authorization_code password"; }),
            "grant_types:auth.client.grant_types");
  EXPECT_EQ(refused([](NewClient& c) {
              c.secret = "";
              c.grant_types = "authorization_code client_credentials";
            }),
            "grant_types:auth.client.grant_types");
  EXPECT_EQ(refused([](NewClient& c) { c.machine_scopes = "core.read"; }),
            "machine_scopes:auth.client.machine_scopes")
      << "without client_credentials";
  EXPECT_EQ(refused([](NewClient& c) {
              c.grant_types += " client_credentials";
              c.machine_scopes = "core.read documents";
            }),
            "machine_scopes:auth.client.machine_scopes")
      << "a person's scope is given by a person";
  EXPECT_EQ(refused([](NewClient& c) { c.keys = R"({"keys":[]})"; }), "keys:auth.client.keys");
  EXPECT_EQ(refused([](NewClient& c) { c.require_signed = true; }), "keys:auth.client.keys");
  EXPECT_EQ(refused([](NewClient& c) { c.resource = "core"; }), "resource:auth.client.resource");
  EXPECT_EQ(refused([](NewClient& c) { c.resource = kIssuer; }), "resource:auth.client.resource");
  EXPECT_EQ(refused([](NewClient& c) {
              c.secret = "";
              c.resource = "https://core.example/";
            }),
            "resource:auth.client.resource");
}

TEST(RedirectTest, WhatMayBeRegistered) {
  for (const auto* good :
       {"https://a.example", "https://a.example/", "https://a.example:8443/cb?x=1",
        "http://127.0.0.1:8090/cb", "http://[::1]:9/cb", "http://localhost/cb"})
    EXPECT_TRUE(registrable_host(good).has_value()) << good;
  for (const auto* bad : {"",
                          "a.example/cb",
                          "//a.example/cb",
                          "http://a.example/cb",
                          "https://A.example/cb",
                          "https://a.example/cb#f",
                          "https://u@a.example/",
                          "https://u:p@a.example/",
                          "https:///cb",
                          "https://a..example/",
                          "https://.a.example/",
                          "https://a.example./",
                          "https://a.example:0/",
                          "https://a.example:70000/",
                          "https://a.example:8x/",
                          "https://a.example:/",
                          "https://a.example/../cb",
                          "https://a.example/a/./b",
                          "https://a.example/c b",
                          "https://a.example/\n",
                          "https://a.example\\@evil.example/",
                          "https://例子.example/",
                          "javascript:alert(1)",
                          "data:text/html,x",
                          "ftp://a.example/",
                          "https://[::2]/",
                          "http://127.0.0.2/",
                          "http://localhost.evil.example/",
                          "https://a.example/<x>"})
    EXPECT_FALSE(registrable_host(bad).has_value()) << bad;
}

TEST(RedirectTest, QueriesAreAddedNotReplaced) {
  EXPECT_EQ(with_query("https://a.example/cb", {{"code", "x y"}, {"state", "&=#\r\n"}}),
            "https://a.example/cb?code=x%20y&state=%26%3D%23%0D%0A");
  EXPECT_EQ(with_query("https://a.example/cb?a=1", {{"b", "2"}}), "https://a.example/cb?a=1&b=2");
  EXPECT_EQ(with_query("https://a.example/cb?", {{"b", "2"}}), "https://a.example/cb?b=2");
  EXPECT_EQ(form_decode("a+b%20c%2f"), "a b c/");
  for (const auto* bad : {"%", "%2", "%zz", "a%"})
    EXPECT_FALSE(form_decode(bad).has_value()) << bad;
}

TEST_F(ProviderTest, SweepingTakesOnlyWhatRanOut) {
  ASSERT_TRUE(house.provider.sweep().ok());
  EXPECT_EQ(key_of(house.provider.actor(access())), "");
  EXPECT_TRUE(house.sessions.find(opened.cookie)->has_value());
  house.provider.authorize(with(house.request(client), "prompt", "consent"), opened.session)
      .value();
  house.clock.advance(24h * 4000);  // past whatever clocks other tests moved
  while (house.provider.sweep(7).value() > 0) {
  }
  for (const auto* table : {"authorization_grant", "authorization_request", "session",
                            "login_failure", "known_network"})
    EXPECT_EQ(house.sql(std::string("select count(*) from auth.") + table), "0") << table;
  EXPECT_NE(house.sql("select count(*) from auth.subject"), "0");
}

}  // namespace
}  // namespace auth
