// Claims asked for one by one, and verified ones: OpenID Connect Core §5.5, OpenID Connect for
// Identity Assurance 1.0; docs/decisions/0105-verified-claims.md. The rows of Ekyc stand for the
// modules of the conformance suite's ekyc plan.
#include "auth/claims_request.h"

#include <gtest/gtest.h>

#include "auth/own_account.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using namespace test_house;
using namespace std::chrono_literals;

class ClaimsRequestTest : public testing::Test {
 protected:
  /// What the two answers say, as "id_token | userinfo"; the error when there is none.
  std::string told(const std::string& claims, std::string_view scope = "openid") {
    auto asked = with(with(house.request(client), "scope", scope), "claims", claims);
    const auto judged = house.provider.authorize(asked, session);
    if (const auto* back = std::get_if<SendBack>(&*judged))
      if (const auto error = parameter(back->location, "error"); !error.empty()) return error;
    const auto reply = house.provider.token(
        house.redemption(client, house.code_for(asked, session)), client.basic());
    EXPECT_EQ(house.error_of(reply), "");
    const auto tokens = json(std::get<TokenReply>(reply).json);
    const auto id_token = test_house::claims(base::json_text(tokens, "id_token"));
    access = base::json_text(tokens, "access_token");
    const auto userinfo = json(house.provider.userinfo(access).value());
    return shown(id_token) + " | " + shown(userinfo);
  }
  /// The members that somebody may have asked for.
  static std::string shown(const rapidjson::Document& from) {
    std::string out;
    for (const auto* name : {"name", "subject_kind", "verified_claims"}) {
      if (!from.HasMember(name)) continue;
      rapidjson::StringBuffer text;
      rapidjson::Writer<rapidjson::StringBuffer> writer(text);
      from[name].Accept(writer);
      out += (out.empty() ? "" : " ") + std::string(name) + "=" + text.GetString();
    }
    return out;
  }
  static std::string verified(const std::string& verification, const std::string& claims) {
    return R"({"verification":)" + verification + R"(,"claims":)" + claims + "}";
  }
  static std::string in(const char* part, const std::string& asked) {
    return std::string("{\"") + part + R"(":{"verified_claims":)" + asked + "}}";
  }
  static constexpr const char* kPlain = R"({"trust_framework":null})";
  static constexpr const char* kToldName =
      R"(verified_claims={"verification":{"trust_framework":"cn-ldt01-2020"},"claims":{"name":"张小三"}})";

  House house;
  House::Registered client = house.new_client();
  SubjectId subject = house.new_person(fresh_name());
  Session session = house.new_session(subject);
  std::string access;
};

TEST_F(ClaimsRequestTest, Core_5_5_ASingleClaimIsToldWhereItIsAskedFor) {
  EXPECT_EQ(told(R"({"id_token":{"name":null}})"), "name=\"张小三\" | ");
  EXPECT_EQ(told(R"({"userinfo":{"name":{"essential":true},"subject_kind":null}})"),
            " | name=\"张小三\" subject_kind=\"person\"");
  EXPECT_EQ(told(R"({"userinfo":{"name":{"value":"李四"}}})"), " | ") << "it is not so";
  EXPECT_EQ(told(R"({"userinfo":{"name":{"values":["李四","张小三"]}}})"), " | name=\"张小三\"");
  EXPECT_EQ(told(R"({"userinfo":{"email":{"essential":true},"id_number":null}})"), " | ")
      << "what we do not give is left out";
  EXPECT_EQ(told(R"({"id_token":{"name":null}})", "openid profile"),
            "name=\"张小三\" | name=\"张小三\" subject_kind=\"person\"");
  EXPECT_EQ(told(R"({"id_token":{"name":7}})"), "invalid_request");
  EXPECT_EQ(told(R"({"userinfo":[]})"), "invalid_request");
}

TEST_F(ClaimsRequestTest, NothingIsToldThatThePersonDidNotAgreeTo) {
  const auto asked = with(with(house.request(client), "scope", "openid"), "claims",
                          in("userinfo", verified(kPlain, R"({"name":null})")));
  const auto answer = house.provider.authorize(asked, session);
  const auto* consent = std::get_if<AskConsent>(&*answer);
  ASSERT_NE(consent, nullptr);
  EXPECT_EQ(consent->scopes, (std::vector<std::string>{"openid", "verified_claims"}))
      << "it stands on the page";
  // Consent to the scope alone is no consent to the claims.
  EXPECT_EQ(told("{}"), " | ");
  const auto again = house.provider.authorize(asked, session);
  ASSERT_TRUE(std::holds_alternative<AskConsent>(*again));
  const auto silent = house.provider.authorize(with(asked, "prompt", "none"), session);
  EXPECT_EQ(parameter(std::get<SendBack>(*silent).location, "error"), "consent_required");
  EXPECT_EQ(told(in("userinfo", verified(kPlain, R"({"name":null})"))),
            std::string(" | ") + kToldName);
  EXPECT_TRUE(std::holds_alternative<SendBack>(*house.provider.authorize(asked, session)))
      << "remembered";
  OwnAccount own({house.pool, house.cipher, house.clock});
  EXPECT_EQ(own.consents(subject)->front().scopes,
            (std::vector<std::string>{"openid", "verified_claims"}));
  ASSERT_TRUE(own.revoke_consent(subject, client.id).ok());
  EXPECT_EQ(refusal_of(house.provider.userinfo(access)), "auth.token_invalid");
  EXPECT_TRUE(std::holds_alternative<AskConsent>(*house.provider.authorize(asked, session)));
}

const std::string kTime = base::to_rfc3339(base::ManualClock().now());

TEST_F(ClaimsRequestTest, Ekyc_TheModulesOfTheConformancePlan) {
  const auto told_with = [](const std::string& more) {
    return R"(verified_claims={"verification":{"trust_framework":"cn-ldt01-2020")" + more +
           R"(},"claims":{"name":"张小三"}})";
  };
  const std::vector<std::array<std::string, 4>> rows{
      {"happy path", kPlain, R"({"name":null})", kToldName},
      {"everything that is advertised",
       R"({"trust_framework":null,"assurance_level":null,"time":null,"evidence":[{"type":null}]})",
       R"({"name":null})",
       told_with(R"(,"assurance_level":"p2","time":")" + kTime +
                 R"(","evidence":[{"type":"vouch"}])")},
      {"empty objects", R"({"trust_framework":{},"assurance_level":{}})", R"({"name":{}})",
       told_with(R"(,"assurance_level":"p2")")},
      {"essential false", R"({"trust_framework":{"essential":false}})",
       R"({"name":{"essential":false}})", kToldName},
      {"essential true", kPlain, R"({"name":{"essential":true}})", kToldName},
      {"unknown claim", kPlain, R"({"name":null,"x_9f3a":null})", kToldName},
      {"unknown essential claim", kPlain, R"({"name":null,"x_9f3a":{"essential":true}})",
       kToldName},
      {"unknown claim alone", kPlain, R"({"x_9f3a":null})", ""},
      {"special characters", kPlain, R"({"name":null,"a'\"<>&\u0000中文":null})", kToldName},
      {"random value omitted", kPlain, R"({"name":{"value":"6f1c2a7e-0000-4000-8000-1"}})", ""},
      {"one of the values", kPlain, R"({"name":{"values":["李四","张小三"]}})", kToldName},
      {"none of the values", kPlain, R"({"name":{"values":["李四"]}})", ""},
      {"purpose", kPlain, R"({"name":{"purpose":"办理参保"}})", kToldName},
      {"framework by value", R"({"trust_framework":{"value":"cn-ldt01-2020"}})", R"({"name":null})",
       kToldName},
      {"another framework", R"({"trust_framework":{"value":"eidas"}})", R"({"name":null})", ""},
      {"level by value", R"({"trust_framework":null,"assurance_level":{"value":"p2"}})",
       R"({"name":null})", told_with(R"(,"assurance_level":"p2")")},
      {"a level that is not reached",
       R"({"trust_framework":null,"assurance_level":{"values":["p3"]}})", R"({"name":null})", ""},
      {"evidence by type", R"({"trust_framework":null,"evidence":[{"type":{"value":"vouch"}}]})",
       R"({"name":null})", told_with(R"(,"evidence":[{"type":"vouch"}])")},
      {"evidence that there is not",
       R"({"trust_framework":null,"evidence":[{"type":{"value":"document"}}]})", R"({"name":null})",
       ""},
      {"young enough", R"({"trust_framework":null,"time":{"max_age":60}})", R"({"name":null})",
       told_with(R"(,"time":")" + kTime + "\"")},
  };
  for (const auto& [module, verification, claims, expected] : rows)
    EXPECT_EQ(told(in("userinfo", verified(verification, claims))), " | " + expected) << module;
  EXPECT_EQ(told(in("id_token", verified(kPlain, R"({"name":null})"))),
            std::string(kToldName) + " | ")
      << "only in the ID token";
  EXPECT_EQ(
      told("{\"userinfo\":{\"verified_claims\":[" + verified(kPlain, R"({"name":null})") + "," +
           verified(R"({"trust_framework":{"value":"eidas"}})", R"({"name":null})") + "]}}"),
      R"( | verified_claims=[{"verification":{"trust_framework":"cn-ldt01-2020"},)"
      R"("claims":{"name":"张小三"}}])")
      << "each by itself";
  house.clock.advance(61s);
  EXPECT_EQ(told(in("userinfo", verified(R"({"trust_framework":null,"time":{"max_age":60}})",
                                         R"({"name":null})"))),
            " | ")
      << "too old";
}

TEST_F(ClaimsRequestTest, Ekyc_ARequestThatIsNoneIsRefused) {
  for (const auto& [verification, claims] : std::vector<std::pair<std::string, std::string>>{
           {"{}", R"({"name":null})"},  // IDA §5: no trust framework
           {"null", R"({"name":null})"},
           {kPlain, "{}"},  // IDA §5: no claim
           {kPlain, "null"},
           {kPlain, R"(["name"])"},
           {kPlain, R"({"name":true})"},
           {R"({"trust_framework":"cn-ldt01-2020"})", R"({"name":null})"},
           {R"({"trust_framework":null,"evidence":[]})", R"({"name":null})"},
           {R"({"trust_framework":null,"evidence":[{}]})", R"({"name":null})"},
           {kPlain, R"({"name":{"purpose":"ab"}})"},  // IDA §6.1: 3 to 300 characters
           {kPlain, R"({"name":{"purpose":")" + std::string(301, 'p') + "\"}}"}})
    EXPECT_EQ(told(in("userinfo", verified(verification, claims))), "invalid_request")
        << verification << claims;
  for (const auto* asked : {"[]", "null", "7", R"({"claims":{"name":null}})"})
    EXPECT_EQ(told(in("id_token", asked)), "invalid_request") << asked;
}

TEST_F(ClaimsRequestTest, SomebodyWhoIsNotProvenHasNoVerifiedClaims) {
  house.sql("update auth.proofing set ended_at = at where subject_id = '" + subject.value() + "'");
  EXPECT_EQ(told(in("userinfo", verified(kPlain, R"({"name":null})"))), " | ");
}

TEST_F(ClaimsRequestTest, EvidenceIsWhatIsInForceAndOfWhichKind) {
  const auto proven = [&](const char* method, int level, const std::string& until) {
    house.sql(
        "insert into auth.proofing (id, subject_id, method, source, outcome, level, at, "
        "valid_until) values ('" +
        base::to_hex(house.random.bytes(16)) + "', '" + subject.value() + "', '" + method +
        "', 'test', 'matches', " + std::to_string(level) + ", '" + kTime + "', " + until + ")");
  };
  proven("three-factor", 2, "null");
  proven("certificate", 3, "'" + base::to_rfc3339(house.clock.now() + 1h) + "'");
  const auto whole =
      in("userinfo", verified(R"({"trust_framework":null,"assurance_level":null,"evidence":null})",
                              R"({"name":null})"));
  const auto before = told(whole);
  for (const auto* part : {"\"p3\"", "document", "vouch", "electronic_record"})
    EXPECT_NE(before.find(part), std::string::npos) << part << before;
  house.clock.advance(1h);
  const auto later = told(whole);
  EXPECT_NE(later.find("\"p2\""), std::string::npos) << "the best one has run out: " << later;
  EXPECT_EQ(later.find("document"), std::string::npos);
}

TEST_F(ClaimsRequestTest, ARefreshTellsTheSame) {
  const auto asked = with(with(house.request(client), "scope", "openid offline_access"), "claims",
                          in("id_token", verified(kPlain, R"({"name":null})")));
  const auto reply = house.provider.token(house.redemption(client, house.code_for(asked, session)),
                                          client.basic());
  const auto tokens = json(std::get<TokenReply>(reply).json);
  const auto next = house.provider.token(
      {{"grant_type", "refresh_token"},
       {"refresh_token", std::string(base::json_text(tokens, "refresh_token"))}},
      client.basic());
  const auto after = json(std::get<TokenReply>(next).json);
  EXPECT_EQ(shown(test_house::claims(base::json_text(after, "id_token"))), kToldName);
}

TEST_F(ClaimsRequestTest, Ida_7_DiscoverySaysWhatCanBeAskedFor) {
  const auto about = json(house.provider.discovery());
  EXPECT_TRUE(about["verified_claims_supported"].GetBool());
  EXPECT_STREQ(about["trust_frameworks_supported"][0].GetString(), "cn-ldt01-2020");
  EXPECT_EQ(about["evidence_supported"].Size(), 3U);
  EXPECT_STREQ(about["claims_in_verified_claims_supported"][0].GetString(), "name");
}

}  // namespace
}  // namespace auth
