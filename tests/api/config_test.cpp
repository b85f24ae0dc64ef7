// The configuration: strict, honest about production, and described where people look.
#include "api/config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "api/rate_limits.h"
#include "test_paths.h"

namespace {

using api::Config;
using testing::HasSubstr;

constexpr const char* kProduction =
    "public_url = https://si.example.gov.cn\ndatabase.conninfo = host=/run/pg\n"
    "pki.root_sha256 = 0000000000000000000000000000000000000000000000000000000000000000\n"
    "agency.name = 江州市社会保险事业管理中心\n"
    "pki.seen_lists_file = /var/lib/xinyin/seen-lists.json\n";
constexpr const char* kDemonstration =
    "profile = demonstration\npublic_url = http://127.0.0.1:8080\ndatabase.conninfo = "
    "host=/run/pg\n";

base::Result<Config> read(const std::string& text) {
  auto settings = base::Settings::from_text(text, "test.conf", "/etc/xinyin");
  if (!settings.ok()) return settings.error();
  return Config::read(*settings, false);
}

std::string wrong(const std::string& text) {
  const auto config = read(text);
  if (config.ok()) return "";
  for (const auto& [name, value] : config.error().args)
    if (name == "why") return value;
  return config.error().key + config.error().detail;
}

TEST(ConfigTest, ReadsBothProfiles) {
  const auto production = read(kProduction);
  ASSERT_TRUE(production.ok()) << wrong(kProduction);
  EXPECT_TRUE(production->production);
  EXPECT_TRUE(production->https);
  EXPECT_THAT(production->http.hosts, testing::Contains("si.example.gov.cn"));
  EXPECT_EQ(production->pki_directory, "/etc/xinyin/pki");
  const auto demonstration = read(kDemonstration);
  ASSERT_TRUE(demonstration.ok());
  EXPECT_FALSE(demonstration->production);
  EXPECT_THAT(demonstration->http.hosts, testing::Contains("127.0.0.1:8080"));
  EXPECT_THAT(demonstration->http.hosts, testing::Contains("127.0.0.1:8081"));
}

TEST(ConfigTest, ProductionIsTheDefaultAndRefusesDemonstrationThings) {
  const std::string base = kProduction;
  EXPECT_THAT(wrong(base + "testing.fail_point = seal.signed\n"), HasSubstr("testing.fail_point"));
  EXPECT_THAT(wrong(base + "logout.loopback_allowed = true\n"),
              HasSubstr("logout.loopback_allowed"));
  EXPECT_THAT(wrong("public_url = http://si.example.gov.cn\n" + base.substr(base.find('\n') + 1)),
              HasSubstr("https"));
  EXPECT_THAT(wrong("public_url = https://si.example.gov.cn\ndatabase.conninfo = x\n"),
              HasSubstr("pki.root_sha256"));
  EXPECT_THAT(wrong("public_url = https://si.example.gov.cn\ndatabase.conninfo = x\n"),
              HasSubstr("agency.name"));
  // Without a memory an older trust list is believed after a restart.
  EXPECT_THAT(wrong(base.substr(0, base.find("pki.seen_lists_file"))),
              testing::AllOf(HasSubstr("pki.seen_lists_file"), HasSubstr("directory")));
  EXPECT_THAT(wrong(base + "profile = staging\n"), HasSubstr("profile"));
  EXPECT_EQ(wrong(std::string(kDemonstration) + "testing.fail_point = seal.signed\n"), "");
}

TEST(ConfigTest, AuthoritiesOfOthersAreNamedWithTheirRoots) {
  const std::string urls = "timestamps.foreign_urls = http://tsa.example.cn/tsa http://b.cn:81/x\n";
  const std::string roots = "timestamps.foreign_roots_file = tsa.pem\n";
  const auto config = read(kProduction + urls + roots + "timestamps.foreign_policies = 1.2.3.4\n");
  ASSERT_TRUE(config.ok()) << wrong(kProduction + urls + roots);
  EXPECT_THAT(config->timestamps.foreign_urls,
              testing::ElementsAre("http://tsa.example.cn/tsa", "http://b.cn:81/x"));
  EXPECT_EQ(config->timestamps.foreign_roots_file, "/etc/xinyin/tsa.pem");
  EXPECT_THAT(wrong(kProduction + urls), HasSubstr("timestamps.foreign_roots_file"));
  EXPECT_THAT(wrong(kProduction + urls + roots + "timestamps.foreign_policies = any\n"),
              HasSubstr("timestamps.foreign_policies"));
  for (const std::string bad : {"tsa.example.cn", "https://tsa.example.cn/", "ftp://a/b"})
    EXPECT_THAT(wrong(kDemonstration + roots + "timestamps.foreign_urls = " + bad + "\n"),
                HasSubstr("timestamps.foreign_urls"))
        << bad;
  // A simulator stands on this machine: not for production.
  const std::string simulator = "timestamps.foreign_urls = http://127.0.0.1:9000/tsa\n";
  EXPECT_THAT(wrong(kProduction + simulator + roots), HasSubstr("simulator"));
  EXPECT_TRUE(read(kDemonstration + simulator + roots).ok());
}

TEST(ConfigTest, TextMessagesGoOverHttpsAndToNoSimulatorInProduction) {
  const std::string rest =
      "sms.key_id = us\nsms.key_secret_file = sms\nsms.sign_name = 社保\nsms.code_template = "
      "SMS_1\n"
      "sms.notice_template = SMS_2\n";
  const auto at = [](const std::string& url) { return "sms.url = " + url + "\n"; };
  EXPECT_TRUE(read(kProduction + at("https://sms.example.cn/") + rest).ok());
  EXPECT_THAT(wrong(kProduction + at("http://sms.example.cn/") + rest), HasSubstr("https"));
  EXPECT_THAT(wrong(kProduction + at("https://127.0.0.1:8091/") + rest), HasSubstr("simulator"));
  EXPECT_TRUE(read(kDemonstration + at("http://127.0.0.1:8091/") + rest).ok());
  for (const std::string bad : {"sms.example.cn", "ftp://a/", "https://a/path"})
    EXPECT_THAT(wrong(kDemonstration + at(bad) + rest), HasSubstr("sms.url")) << bad;
  EXPECT_THAT(wrong(kDemonstration + at("https://sms.example.cn/")), HasSubstr("sms.key_id"));
}

TEST(ConfigTest, ProofingSourcesAreHttpsNoSimulatorInProductionAndFaceIsNotAlone) {
  const auto source = [](const std::string& name, const std::string& url) {
    return "proofing." + name + "_url = " + url + "\nproofing." + name + "_key_id = us\nproofing." +
           name + "_secret_file = secret\n";
  };
  const auto simulator = source("identity", "http://127.0.0.1:9000/identity");
  EXPECT_THAT(wrong(kProduction + simulator), HasSubstr("simulator"));
  const auto demonstration = read(kDemonstration + simulator);
  ASSERT_TRUE(demonstration.ok());
  EXPECT_TRUE(demonstration->proofing.simulated);
  EXPECT_FALSE(read(kDemonstration)->proofing.simulated);
  EXPECT_THAT(wrong(kDemonstration + source("identity", "http://id.example/x")),
              HasSubstr("proofing.identity_url"));
  EXPECT_TRUE(read(kProduction + source("identity", "https://id.example/x")).ok());
  EXPECT_THAT(wrong(kProduction + source("face", "https://face.example/x")),
              HasSubstr("face may not be the only way"));
  EXPECT_TRUE(read(kProduction + source("face", "https://face.example/x") +
                   source("association", "https://own.example/x"))
                  .ok());
  EXPECT_THAT(wrong(kProduction + std::string("proofing.identity_url = https://id.example/x\n")),
              HasSubstr("key id"));
  EXPECT_EQ(read(kProduction)->proofing.life[1], std::chrono::hours(24 * 1'825));
}

TEST(ConfigTest, AnItemMayDemandMoreThanItsLeastAndNotLess) {
  const std::string base = kProduction;
  const auto least = read(base)->items.at(0);
  EXPECT_EQ(least.proofing, auth::Proofing::p2);
  EXPECT_EQ(least.max_age.count(), 0);
  EXPECT_FALSE(least.self_only);
  const auto more = read(base +
                         "items.enrolment_certificate.acr = p2a3\n"
                         "items.enrolment_certificate.max_age_s = 300\n"
                         "items.enrolment_certificate.self_only = true\n");
  ASSERT_TRUE(more.ok());
  EXPECT_EQ(more->items.at(0).authentication, auth::Authentication::hardware);
  EXPECT_EQ(more->items.at(0).max_age.count(), 300);
  EXPECT_TRUE(more->items.at(0).self_only);
  for (const auto* less : {"p1a3", "p2a0", "p4a1", "p2", "urn:xinyin:acr:p2a2", "high"})
    EXPECT_THAT(wrong(base + "items.enrolment_certificate.acr = " + less + "\n"),
                HasSubstr("items.enrolment_certificate.acr"))
        << less;
}

// Nobody states facts of what our own records say, nor of what there is not.
TEST(ConfigTest, SystemsAreNamedWithKindsWhoseFactsSystemsState) {
  const std::string base = kProduction;
  EXPECT_TRUE(read(base)->documents.issuers.empty());
  const auto two =
      read(base + "documents.issuers = core/result-notice  core-2/acceptance-notice\n");
  ASSERT_TRUE(two.ok());
  EXPECT_THAT(two->documents.issuers,
              testing::ElementsAre("core/result-notice", "core-2/acceptance-notice"));
  for (const auto* bad : {"core", "/result-notice", "core/", "core/no-such-kind",
                          "core/enrolment-certificate", "core/result-notice, x/y"})
    EXPECT_THAT(wrong(base + "documents.issuers = " + bad + "\n"), HasSubstr("documents.issuers"))
        << bad;
}

TEST(ConfigTest, WrongValuesAndUnknownKeysAreNamed) {
  const std::string base = kDemonstration;
  for (const auto& [line, named] : {std::pair{"http.port = 70000", "http.port"},
                                    {"http.prot = 1", "http.prot"},
                                    {"http.operators = all", "http.operators"},
                                    {"http.trusted_proxies = 10.0.0.0/40", "http.trusted_proxies"},
                                    {"pki.root_sha256 = abc", "pki.root_sha256"},
                                    {"workers.pages = 0", "workers.pages"},
                                    {"limits.login_per_minute = many", "limits.login_per_minute"}})
    EXPECT_THAT(wrong(base + line + "\n"), HasSubstr(named)) << line;
  for (const auto* url : {"ftp://a", "http://", "http://a/", "http://a/b", "a", "http://a?b",
                          "http://u@a", "http://a", "http://127.0.0.1.evil.example"})
    EXPECT_THAT(wrong("profile = demonstration\ndatabase.conninfo = x\npublic_url = " +
                      std::string(url) + "\n"),
                HasSubstr("public_url"))
        << url;
}

TEST(ConfigTest, TheDocumentIsWhatTheProgramPrints) {
  std::ifstream in(std::string(XINYIN_SOURCE_DIR) + "/docs/config.md");
  const std::string document{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_THAT(document, HasSubstr(Config::describe()));
}

TEST(RateLimitsTest, EachNetworkHasItsOwnMeasureAndItFillsAgain) {
  api::RateLimits rates({.lookup = 60, .login = 0, .token = 0, .issue = 0, .upload = 0});
  const auto one = *api::Address::parse("192.0.2.1"), near = *api::Address::parse("192.0.2.200"),
             far = *api::Address::parse("198.51.100.1");
  const auto now = api::RateLimits::Steady::now();
  for (int i = 0; i < 60; ++i) EXPECT_FALSE(rates.take(api::Rate::lookup, one, now)) << i;
  EXPECT_TRUE(rates.take(api::Rate::lookup, near, now)) << "the same /24";
  EXPECT_FALSE(rates.take(api::Rate::lookup, far, now));
  EXPECT_FALSE(rates.take(api::Rate::login, one, now)) << "0 is no limit";
  EXPECT_FALSE(rates.take(api::Rate::lookup, one, now + std::chrono::milliseconds(1'100)));
  EXPECT_TRUE(rates.take(api::Rate::lookup, one, now + std::chrono::milliseconds(1'100)));
}

// Lives are bounded: a code of an hour or a token of a day is a mistake, not a wish.
TEST(ConfigTest, TokenLivesAreBounded) {
  const std::string base = kProduction;
  const auto config = read(base + "openid.access_token_life_s = 300\nopenid.code_life_s = 30\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->openid.access_token, std::chrono::seconds(300));
  EXPECT_EQ(config->openid.code, std::chrono::seconds(30));
  for (const auto* line : {"openid.code_life_s = 61", "openid.access_token_life_s = 86400",
                           "openid.id_token_life_s = 0", "openid.refresh_token_life_s = 1",
                           "openid.refresh_family_life_s = 999999999",
                           "openid.refresh_grace_s = 61", "openid.pushed_request_life_s = 3600",
                           "openid.keep_earlier_s = 60", "openid.publish_ahead_s = -1"}) {
    const std::string key(line, std::string_view(line).find(' '));
    EXPECT_THAT(wrong(base + line + "\n"), HasSubstr(key)) << line;
  }
}

}  // namespace
