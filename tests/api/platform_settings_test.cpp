// The file of third-party platforms: strict, and honest about production. LD/T 01-2020 5.4.1.4c.
#include "api/platform_settings.h"

#include <gmock/gmock.h>

namespace {

using api::parse_platforms;
using testing::HasSubstr;

constexpr const char* kPlatform = R"([{"id": "gov", "name_zh": "政务平台", "name_en": "Platform",
  "issuer": "https://platform.example", "authorization_endpoint": "https://platform.example/auth",
  "token_endpoint": "https://platform.example/token", "jwks_uri": "https://platform.example/keys",
  "client_id": "xinyin", "client_secret_file": "secrets/gov", "acr_two_kinds": ["two"],
  "authorization_response_iss_parameter_supported": true, "max_age_s": 60}])";

std::string changed(const std::string& from, const std::string& to) {
  std::string text = kPlatform;
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string wrong(const std::string& text, bool production = true) {
  const auto read = parse_platforms(text, "/etc/xinyin", {"https://id.example", production});
  return read.ok() ? "" : read.error().detail;
}

TEST(PlatformSettingsTest, Ldt01_5_4_1_4c_ReadsWhatIsThere) {
  const auto read = parse_platforms(kPlatform, "/etc/xinyin", {"https://id.example", true});
  ASSERT_TRUE(read.ok()) << read.error().detail;
  ASSERT_EQ(read->size(), 1u);
  const auto& one = read->front();
  EXPECT_EQ(one.id, "gov");
  EXPECT_EQ(one.secret_file, "/etc/xinyin/secrets/gov");
  EXPECT_EQ(one.auth_method, "client_secret_basic");
  EXPECT_EQ(one.algorithm, "RS256");
  EXPECT_TRUE(one.tells_issuer);
  EXPECT_EQ(one.login_age, std::chrono::seconds(60));
  EXPECT_THAT(one.two_kinds, testing::ElementsAre("two"));
  EXPECT_EQ(parse_platforms("[]", "/", {})->size(), 0u);
}

TEST(PlatformSettingsTest, WhatIsWrongIsSaidOfWhichPlatform) {
  EXPECT_THAT(wrong("{}"), HasSubstr("not a list"));
  EXPECT_THAT(wrong("[3]"), HasSubstr("not an object"));
  EXPECT_THAT(wrong(changed(R"("id": "gov", )", "")), HasSubstr("id"));
  EXPECT_THAT(wrong(changed(R"("gov")", R"("../gov")")), HasSubstr("id"));
  EXPECT_THAT(wrong(changed(R"("max_age_s")", R"("max_age")")), HasSubstr("gov: unknown member max_age"));
  EXPECT_THAT(wrong(changed(R"("max_age_s": 60)", R"("max_age_s": -1)")), HasSubstr("max_age_s"));
  EXPECT_THAT(wrong(changed(R"(, "client_secret_file": "secrets/gov")", "")),
              HasSubstr("client_secret_file"));
  EXPECT_THAT(wrong(changed(R"("client_id")", R"("token_endpoint_auth_method": "none", "client_id")")),
              HasSubstr("token_endpoint_auth_method"));
  EXPECT_THAT(wrong(changed(R"("client_id")",
                            R"("token_endpoint_auth_method": "private_key_jwt", "client_id")")),
              HasSubstr("takes none"));
  for (const auto* algorithm : {"none", "HS256", "ES256 RS256", ""})
    EXPECT_THAT(wrong(changed(R"("client_id")", R"("id_token_signed_response_alg": ")" +
                                                    std::string(algorithm) + R"(", "client_id")")),
                HasSubstr("id_token_signed_response_alg"))
        << algorithm;
  std::string twice = kPlatform;
  twice.insert(twice.size() - 1, "," + twice.substr(1, twice.size() - 2));
  EXPECT_THAT(wrong(twice), HasSubstr("another platform has this id"));
}

TEST(PlatformSettingsTest, Rfc7523_OurOwnAddressIsNobodysClientId) {
  EXPECT_THAT(wrong(changed(R"("client_id": "xinyin")", R"("client_id": "https://id.example")")),
              HasSubstr("our own address"));
}

TEST(PlatformSettingsTest, SimulatorsAreNotForProduction) {
  const auto here = changed("https://platform.example/token", "http://127.0.0.1:9/token");
  EXPECT_THAT(wrong(here), HasSubstr("not for production"));
  EXPECT_EQ(wrong(here, false), "");
  EXPECT_THAT(wrong(changed("https://platform.example/token", "http://platform.example/token"), false),
              HasSubstr("http only on this machine"));
  EXPECT_THAT(wrong(changed("https://platform.example/token", "https://a@platform.example/token")),
              HasSubstr("token_endpoint"));
}

}  // namespace
