// Accounts of third-party platforms: linked, logged in with, unlinked; and what hostile platforms,
// browsers and tokens get. LD/T 01-2020 5.4.1.4c, 6.2.6c; OpenID Connect Core §3.1.3.7; RFC 7636,
// 9207, 9700 §4.
#include "auth/platforms.h"

#include <gmock/gmock.h>

#include <future>

#include "auth/jwt.h"
#include "auth/own_codes.h"
#include "auth/sign_in.h"
#include "tests/auth/house.h"
#include "tests/auth/platform_there.h"

namespace auth {
namespace {

using test_house::ForeignSigner;
using test_house::fresh_name;
using test_house::House;
using test_house::kIssuerThere;
using test_house::parameter;
using test_house::refusal_of;
using test_house::There;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class PlatformsTest : public testing::Test {
 protected:
  House house;
  There there{house.clock};
  Notices notices{{house.pool, house.cipher, house.clock}};
  SignIn sign_in{{house.pool, house.cipher, house.sessions, notices, house.clock, house.random}};
  OwnCodes own_codes{{house.pool, house.cipher, notices, house.clock, house.random, "机构"}};
  std::string network = fresh_name("network");
  Platforms platforms = made({});

  static Platform platform(const PlatformSource& source, const std::function<void(Platform&)>& change) {
    Platform one;
    one.id = "gov";
    one.name_zh = "政务平台";
    one.name_en = "Platform";
    one.issuer = kIssuerThere;
    one.authorize_url = "https://platform.example/auth";
    one.client_id = "xinyin";
    one.two_kinds = {"two"};
    one.source = &source;
    if (change) change(one);
    return one;
  }
  Platforms made(const std::function<void(Platform&)>& change) {
    there.subject = fresh_name("u");  // nobody's, in a database that tests share
    return {{house.pool, house.cipher, notices, house.provider, house.clock, house.random,
             "https://id.example"},
            {platform(there, change)}};
  }
  Platforms::Begun begin(const Session* session = nullptr) {
    return platforms.begin("gov", session, "/account", network).value();
  }
  base::Result<Platforms::Came> log_in(Platforms& at) {
    const auto begun = at.begin("gov", nullptr, "/account", network).value();
    return at.finish("gov", begun.cookie, there.confirm(begun.address), nullptr);
  }
  base::Result<Platforms::Came> log_in() { return log_in(platforms); }
  /// Somebody with a link.
  SubjectId linked() {
    const auto subject = house.new_person(fresh_name());
    const auto session = house.new_session(subject);
    const auto begun = begin(&session);
    EXPECT_TRUE(
        platforms.finish("gov", begun.cookie, there.confirm(begun.address), &session)->linked);
    return subject;
  }
};

TEST_F(PlatformsTest, Ldt01_5_4_1_4c_LinkLogInUnlinkRelink) {
  const auto subject = linked();
  auto came = log_in();
  EXPECT_EQ(came->subject, subject);
  EXPECT_EQ(came->proven, Methods(Method::third_party));
  EXPECT_EQ(came->return_to, "/account");
  const auto factors = factors_of(house.pool, house.cipher, subject).value();
  ASSERT_EQ(factors.size(), 1u);
  EXPECT_EQ(factors[0].label, "政务平台");
  EXPECT_TRUE(factors[0].last_used_at.has_value());
  EXPECT_TRUE(own_codes.remove(subject, factors[0].id).ok());
  came = log_in();
  EXPECT_FALSE(came->subject.has_value()) << "unlinked: it is nobody's";
  // Shown by an account of nobody, and linked after a login.
  EXPECT_EQ(platforms.waiting(came->cookie).value()->id, "gov");
  EXPECT_EQ(platforms.link(subject, came->cookie).value(), "/account");
  EXPECT_EQ(refusal_of(platforms.link(subject, came->cookie)), "auth.platform.over");
  EXPECT_EQ(log_in()->subject, subject);
}

TEST_F(PlatformsTest, Ldt01_5_4_1_4c_OneAccountThereStandsForOnePerson) {
  const auto first = linked();
  const auto other = house.new_person(fresh_name());
  const auto session = house.new_session(other);
  const auto begun = begin(&session);
  EXPECT_EQ(refusal_of(platforms.finish("gov", begun.cookie, there.confirm(begun.address), &session)),
            "auth.platform.taken");
  EXPECT_EQ(log_in()->subject, first);
  // Two at once, of an account that is nobody's yet.
  there.subject = fresh_name("u");
  const auto one = log_in(), two = log_in();
  auto racer = std::async(std::launch::async,
                          [&] { return platforms.link(first, one->cookie).ok() ? 1 : 0; });
  const int second = platforms.link(other, two->cookie).ok() ? 1 : 0;
  EXPECT_EQ(racer.get() + second, 1);
}

TEST_F(PlatformsTest, Ldt01_5_4_1_4c_TheLastWayToLogInStays) {
  const auto subject = linked();
  const auto factor = factors_of(house.pool, house.cipher, subject).value().at(0).id;
  house.sql("delete from auth.credential where subject_id = '" + subject.value() + "'");
  EXPECT_EQ(refusal_of(own_codes.remove(subject, factor)), "auth.factor.last");
  EXPECT_EQ(log_in()->subject, subject);
}

TEST_F(PlatformsTest, NothingIsMatchedByWhatTheTokenSaysOfThePerson) {
  const auto subject = house.new_person(fresh_name(), "张小三");
  there.more = R"(,"name":"张小三","phone_number":"13800138000","email":"a@example.cn")";
  const auto came = log_in();
  EXPECT_FALSE(came->subject.has_value());
  EXPECT_TRUE(factors_of(house.pool, house.cipher, subject)->empty());
}

TEST_F(PlatformsTest, Ldt01_6_2_6c_ItIsOneKindOfProofUnlessItsPlatformShowedTwo) {
  const auto subject = linked();
  EXPECT_EQ(authentication_of(log_in()->proven), Authentication::password);
  there.more = R"(,"acr":"two")";
  EXPECT_EQ(log_in()->proven, Methods(Method::third_party_verified));
  there.more = R"(,"acr":"something else")";
  EXPECT_EQ(log_in()->proven, Methods(Method::third_party));
  // Whoever has a second factor here shows it here.
  auto tx = house.pool.begin();
  NewFactor app{subject, FactorKind::totp, "手机", base::as_bytes("secret")};
  ASSERT_TRUE(add_factor(*tx, house.cipher, house.random, app, subject.value(), house.clock.now()).ok());
  ASSERT_TRUE(tx->commit().ok());
  there.more = R"(,"acr":"two")";
  const auto came = log_in();
  EXPECT_EQ(came->proven, Methods(Method::third_party));
  const auto step = sign_in.begin(subject, came->proven, network).value();
  EXPECT_FALSE(step.opened.has_value());
  EXPECT_EQ(sign_in.finish(step.pending, Method::totp, network)->opened->session.authentication,
            Authentication::two_factor);
}

TEST_F(PlatformsTest, Rfc9700_4_7_AnswersBelongToOneBrowserAndCountOnce) {
  linked();
  const auto begun = begin(), other = begin();
  const auto answer = there.confirm(begun.address);
  const auto over = [&](const std::string& cookie, const Platforms::Answer& what) {
    return refusal_of(platforms.finish("gov", cookie, what, nullptr));
  };
  EXPECT_EQ(over(other.cookie, answer), "auth.platform.over") << "another browser";
  EXPECT_EQ(over("", answer), "auth.platform.over");
  EXPECT_EQ(over(begun.cookie, {std::string(43, 'A'), answer.code, "", kIssuerThere}),
            "auth.platform.over");
  EXPECT_EQ(over(begun.cookie, {"", answer.code, "", kIssuerThere}), "auth.platform.over");
  EXPECT_EQ(refusal_of(platforms.finish("other", begun.cookie, answer, nullptr)),
            "auth.platform.unknown");
  EXPECT_TRUE(platforms.finish("gov", begun.cookie, answer, nullptr).ok());
  EXPECT_EQ(over(begun.cookie, answer), "auth.platform.over") << "replayed";
  const auto late = begin();
  house.clock.advance(10min);
  EXPECT_EQ(over(late.cookie, there.confirm(late.address)), "auth.platform.over");
  // Of many at once one has it.
  const auto many = begin();
  const auto same = there.confirm(many.address);
  std::vector<std::future<int>> tries;
  for (int i = 0; i < 6; ++i)
    tries.push_back(std::async(std::launch::async, [&] {
      return platforms.finish("gov", many.cookie, same, nullptr).ok() ? 1 : 0;
    }));
  int good = 0;
  for (auto& each : tries) good += each.get();
  EXPECT_EQ(good, 1);
}

TEST_F(PlatformsTest, Rfc9700_4_4_MixUp) {
  linked();
  auto begun = begin();
  auto answer = there.confirm(begun.address);
  answer.issuer = "https://evil.example";
  EXPECT_EQ(refusal_of(platforms.finish("gov", begun.cookie, answer, nullptr)),
            "auth.platform.refused");
  // One address of return for each platform, whose path is part of what is spent.
  EXPECT_THAT(begun.address,
              HasSubstr("redirect_uri=https%3A%2F%2Fid.example%2Flogin%2Fplatform%2Fgov%2Freturn"));
  Platforms two({house.pool, house.cipher, notices, house.provider, house.clock, house.random,
                 "https://id.example"},
                {platform(there, {}), platform(there, [](Platform& p) {
                   p.id = "second";
                   p.issuer = "https://second.example";
                   p.tells_issuer = true;
                 })});
  begun = two.begin("gov", nullptr, "/", network).value();
  EXPECT_EQ(refusal_of(two.finish("second", begun.cookie, there.confirm(begun.address), nullptr)),
            "auth.platform.over");
  begun = two.begin("second", nullptr, "/", network).value();
  answer = there.confirm(begun.address);
  answer.issuer.clear();
  EXPECT_EQ(refusal_of(two.finish("second", begun.cookie, answer, nullptr)), "auth.platform.refused")
      << "promised, and not there";
}

TEST_F(PlatformsTest, Rfc7636_ACodeOfAnotherTryIsWorthNothing) {
  linked();
  const auto stolen = begin(), mine = begin();
  const auto theirs = there.confirm(stolen.address);
  auto answer = there.confirm(mine.address);
  answer.code = theirs.code;  // injected
  EXPECT_EQ(refusal_of(platforms.finish("gov", mine.cookie, answer, nullptr)),
            "auth.platform.refused");
}

TEST_F(PlatformsTest, ALinkBelongsToTheSessionThatBeganIt) {
  const auto victim = house.new_session(house.new_person(fresh_name()));
  const auto thief = house.new_session(house.new_person(fresh_name()));
  const auto begun = begin(&thief);
  const auto answer = there.confirm(begun.address);
  EXPECT_EQ(refusal_of(platforms.finish("gov", begun.cookie, answer, &victim)), "auth.platform.over");
  const auto again = begin(&thief);
  EXPECT_EQ(refusal_of(platforms.finish("gov", again.cookie, there.confirm(again.address), nullptr)),
            "auth.platform.over");
  EXPECT_TRUE(factors_of(house.pool, house.cipher, victim.subject)->empty());
}

TEST_F(PlatformsTest, WhatThePlatformSaysInsteadOfACode) {
  const auto said = [&](const std::string& error) {
    const auto begun = begin();
    return refusal_of(platforms.finish(
        "gov", begun.cookie, {parameter(begun.address, "state"), "", error, kIssuerThere}, nullptr));
  };
  EXPECT_EQ(said("access_denied"), "auth.platform.denied");
  EXPECT_EQ(said("server_error"), "auth.platform.trouble");
  EXPECT_EQ(said(""), "auth.platform.refused");
  there.away = true;
  EXPECT_EQ(refusal_of(log_in()), "auth.platform.trouble");
}

TEST_F(PlatformsTest, OidcCore_3_1_3_7_TokensThatAreNotForUsNow) {
  linked();
  ASSERT_TRUE(log_in().ok());
  const auto now = [&] { return base::to_unix_s(house.clock.now()); };
  const auto body = [](const std::string& token) { return R"({"id_token":")" + token + "\"}"; };
  const auto as = [&](const std::string& nonce, const std::string& from, const std::string& to) {
    auto claims = there.claims(nonce);
    const auto at = claims.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    claims.replace(at, from.size(), to);
    return there.signer.sign(R"({"alg":"RS256","kid":"1"})", claims);
  };
  const auto other = ForeignSigner::make("RS256");
  const auto elliptic = ForeignSigner::make("ES256");
  using Make = std::function<std::string(const std::string& nonce)>;
  const std::vector<std::pair<const char*, Make>> rows{
      {"another nonce", [&](auto&) { return there.token("bm90IHRoZSBub25jZQ"); }},
      {"no nonce", [&](auto& n) { return as(n, ",\"nonce\":\"" + n + "\"", ""); }},
      {"another audience", [&](auto& n) { return as(n, R"("aud":"xinyin")", R"("aud":"other")"); }},
      {"no audience", [&](auto& n) { return as(n, R"("aud":"xinyin",)", ""); }},
      {"two audiences",
       [&](auto& n) { return as(n, R"("aud":"xinyin")", R"("aud":["xinyin","other"])"); }},
      {"another azp", [&](auto& n) { return as(n, R"("aud":)", R"("azp":"other","aud":)"); }},
      {"another issuer",
       [&](auto& n) { return as(n, kIssuerThere, "https://platform.example/other"); }},
      {"expired",
       [&](auto& n) {
         return as(n, "\"exp\":" + std::to_string(now() + 300), "\"exp\":" + std::to_string(now() - 61));
       }},
      {"no end", [&](auto& n) { return as(n, "\"exp\":" + std::to_string(now() + 300) + ",", ""); }},
      {"an end that is text",
       [&](auto& n) {
         return as(n, "\"exp\":" + std::to_string(now() + 300),
                   "\"exp\":\"" + std::to_string(now() + 300) + "\"");
       }},
      {"of yesterday",
       [&](auto& n) {
         return as(n, "\"iat\":" + std::to_string(now()), "\"iat\":" + std::to_string(now() - 86'400));
       }},
      {"of tomorrow",
       [&](auto& n) {
         return as(n, "\"iat\":" + std::to_string(now()), "\"iat\":" + std::to_string(now() + 86'400));
       }},
      {"a login of yesterday",
       [&](auto& n) {
         return as(n, "\"auth_time\":" + std::to_string(now() - 10),
                   "\"auth_time\":" + std::to_string(now() - 86'400));
       }},
      {"nobody", [&](auto& n) { return as(n, "\"sub\":\"" + there.subject + "\"", "\"sub\":\"\""); }},
      {"a key of somebody else", [&](auto& n) {
         return other.sign(R"({"alg":"RS256","kid":"1"})", there.claims(n)); }},
      {"another algorithm", [&](auto& n) {
         return elliptic.sign(R"({"alg":"ES256","kid":"1"})", there.claims(n)); }},
      {"alg none", [&](auto& n) { return test_house::unsigned_jws("JWT", there.claims(n)); }},
      {"HS256 with the client's secret",
       [&](auto& n) { return test_house::mac_jws("JWT", there.claims(n), "the secret"); }},
      {"HS256 with the public key",
       [&](auto& n) { return test_house::mac_jws("JWT", there.claims(n), there.signer.jwk()); }},
      {"a logout token", [&](auto& n) {
         return there.signer.sign(R"({"alg":"RS256","kid":"1","typ":"logout+jwt"})", there.claims(n)); }},
      {"a key in the header", [&](auto& n) {
         return other.sign(R"({"alg":"RS256","jwk":)" + other.jwk() + "}", there.claims(n)); }},
      {"an extension that must be understood", [&](auto& n) {
         return there.signer.sign(R"({"alg":"RS256","kid":"1","crit":["b64"],"b64":false})",
                                  there.claims(n)); }},
      {"no token", [](auto&) { return std::string(); }},
      {"too much", [&](auto& n) { return there.token(n) + std::string(20'000, 'A'); }},
  };
  for (const auto& row : rows) {
    there.answer = [&](const std::string& nonce) { return body(row.second(nonce)); };
    EXPECT_EQ(refusal_of(log_in()), "auth.platform.refused") << row.first;
  }
  there.answer = [](auto&) { return std::string("[]"); };
  EXPECT_EQ(refusal_of(log_in()), "auth.platform.refused");
  there.answer = [](auto&) { return std::string(R"({"id_token":"a","id_token":"b"})"); };
  EXPECT_EQ(refusal_of(log_in()), "auth.platform.refused");
  there.answer = nullptr;
  EXPECT_TRUE(log_in()->subject.has_value());
}

TEST_F(PlatformsTest, KeysAreFetchedOnceAndAgainAtMostOnceAMinute) {
  linked();
  const int first = there.fetched;
  EXPECT_EQ(first, 1);
  ASSERT_TRUE(log_in().ok());
  EXPECT_EQ(there.fetched, first);
  there.signer = ForeignSigner::make("RS256");  // rotated
  EXPECT_EQ(refusal_of(log_in()), "auth.platform.refused") << "asked a moment ago";
  house.clock.advance(1min);
  EXPECT_TRUE(log_in().ok());
  EXPECT_EQ(there.fetched, first + 1);
  const auto stranger = ForeignSigner::make("RS256");
  there.answer = [&](const std::string& nonce) {
    return R"({"id_token":")" + stranger.sign(R"({"alg":"RS256","kid":"1"})", there.claims(nonce)) + "\"}";
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(refusal_of(log_in()), "auth.platform.refused");
  EXPECT_EQ(there.fetched, first + 1);
}

TEST_F(PlatformsTest, EachAlgorithmThatAPlatformMaySay) {
  for (const auto* algorithm : {"ES256", "PS256", "EdDSA", "RS256"}) {
    auto with = made([&](Platform& p) { p.algorithm = algorithm; });
    there.signer = ForeignSigner::make(algorithm);
    EXPECT_TRUE(log_in(with).ok()) << algorithm;
  }
}

TEST_F(PlatformsTest, Rfc7523_AKeyInTheSecretsPlace) {
  auto with = made([](Platform& p) { p.by_key = true; });
  ASSERT_TRUE(log_in(with).ok());
  const auto& assertion = there.asked["client_assertion"];
  const auto published = ForeignKeys::of_platform(house.provider.jwks(), "ES256");
  ASSERT_TRUE(published.ok());
  const auto jws = parse_foreign_jws(assertion, HeaderKey::refused, "ES256");
  ASSERT_TRUE(jws.ok());
  EXPECT_TRUE(published->verify(*jws));
  EXPECT_EQ(jws->type, kClientAssertionType);
  EXPECT_EQ(base::json_text(jws->claims, "aud"), kIssuerThere);
  EXPECT_EQ(base::json_text(jws->claims, "iss"), "xinyin");
  // No token of ours: nothing here takes it.
  EXPECT_EQ(refusal_of(house.provider.actor(assertion)), "auth.token_invalid");
  EXPECT_EQ(there.asked.count("client_secret"), 0u);
}

TEST_F(PlatformsTest, TheTrailSaysWhoAndWhereAndNothingOfTheAccountThere) {
  const auto subject = linked();
  ASSERT_TRUE(log_in().ok());
  const auto rows = house.sql(
      "select string_agg(act || ' ' || outcome || ' ' || facts, E'\\n') from audit.entry "
      "where object = '" + subject.value() + "'");
  EXPECT_THAT(rows, HasSubstr("login.third_party ok"));
  EXPECT_THAT(rows, HasSubstr("factor.add ok"));
  EXPECT_THAT(rows, Not(HasSubstr(there.subject)));
}

TEST_F(PlatformsTest, ANetworkBeginsAHundredAndTwentyInTenMinutes) {
  int begun = 0;
  while (begun < 130 && platforms.begin("gov", nullptr, "/", network).ok()) ++begun;
  EXPECT_EQ(begun, 120);
  EXPECT_EQ(refusal_of(platforms.begin("gov", nullptr, "/", network)), "auth.platform.slow");
  house.clock.advance(10min);
  EXPECT_TRUE(platforms.begin("gov", nullptr, "/", network).ok());
}

}  // namespace
}  // namespace auth
