// Logging in by steps, and what the methods are worth. LD/T 01-2020 5.4.1.5, 6.2.6; GB/T 22239-2019
// 8.1.4.1 d; security.md §3.B 26.
#include "auth/sign_in.h"

#include <gmock/gmock.h>

#include <future>
#include <set>

#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::claims;
using test_house::fresh_name;
using test_house::House;
using test_house::refusal_of;
using testing::ElementsAre;
using namespace std::chrono_literals;

Methods all(std::initializer_list<Method> methods) {
  Methods out;
  for (const auto one : methods) out = out.with(one);
  return out;
}

TEST(MethodsTest, GbT22239_8_1_4_1d_TwoKindsAndOneOfThemAKey) {
  using enum Method;
  struct Row {
    Methods methods;
    Authentication worth;
  };
  const Row rows[] = {
      {{}, Authentication::none},
      {password, Authentication::password},
      {sms, Authentication::password},
      {third_party, Authentication::password},
      {certificate, Authentication::password},
      {passkey, Authentication::password},
      {all({sms, totp, recovery_code}), Authentication::password},
      {all({certificate, totp}), Authentication::password},
      {all({password, sms}), Authentication::two_factor},
      {all({password, totp}), Authentication::two_factor},
      {all({password, recovery_code}), Authentication::two_factor},
      {all({password, third_party}), Authentication::password},
      {all({third_party, totp}), Authentication::two_factor},
      {all({third_party, passkey}), Authentication::hardware},
      {third_party_verified, Authentication::two_factor},
      {all({third_party_verified, passkey}), Authentication::hardware},
      {all({password, passkey}), Authentication::hardware},
      {all({password, certificate}), Authentication::hardware},
      {passkey_verified, Authentication::hardware},
      {social_card, Authentication::hardware},
  };
  for (const auto& row : rows)
    EXPECT_EQ(authentication_of(row.methods), row.worth) << row.methods.bits();
  EXPECT_EQ(Methods::from_bits(-1).bits(), 1023);
  EXPECT_EQ(Methods::from_bits(1 << 12).bits(), 0);
}

TEST(MethodsTest, Rfc8176_Amr) {
  using enum Method;
  EXPECT_THAT(amr_of(password), ElementsAre("pwd"));
  EXPECT_THAT(amr_of(all({password, sms})), ElementsAre("pwd", "sms", "mfa"));
  EXPECT_THAT(amr_of(all({password, totp, recovery_code})), ElementsAre("pwd", "otp", "mfa"));
  EXPECT_THAT(amr_of(passkey_verified), ElementsAre("pop", "user", "mfa"));
  EXPECT_THAT(amr_of(all({passkey, passkey_verified})), ElementsAre("pop", "user", "mfa"));
}

class NoCarrier final : public SmsSender {
  base::Result<std::string> send(const TextMessage&) override {
    return base::error(base::Code::unavailable, "auth.sms.away");
  }
};

class SignInTest : public testing::Test {
 protected:
  House house;
  Notices notices{{house.pool, house.cipher, house.clock}};
  SignIn sign_in{{house.pool, house.cipher, house.sessions, notices, house.clock, house.random}};
  SubjectId subject = house.new_person(fresh_name());

  void give_totp(std::chrono::seconds cool_off = 0s) {
    auto tx = house.pool.begin().value();
    NewFactor factor{subject, FactorKind::totp, "app", base::as_bytes("secret")};
    factor.cool_off = cool_off;
    ASSERT_TRUE(
        add_factor(tx, house.cipher, house.random, factor, subject.value(), house.clock.now()).ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  SignIn::Step begin(Methods proven = Method::password, std::string_view network = "10.0.0.0/24") {
    return sign_in.begin(subject, proven, network).value();
  }
};

TEST_F(SignInTest, WithoutASecondFactorThePasswordIsALogin) {
  const auto step = begin();
  ASSERT_TRUE(step.opened.has_value());
  EXPECT_EQ(step.opened->session.authentication, Authentication::password);
}

TEST_F(SignInTest, WithOneNobodyIsLoggedInBeforeItIsShown) {
  give_totp();
  const auto step = begin();
  ASSERT_FALSE(step.opened.has_value());
  EXPECT_FALSE(house.sessions.find(step.pending)->has_value()) << "its cookie is no session";
  const auto pending = sign_in.find(step.pending).value();
  ASSERT_TRUE(pending.has_value());
  EXPECT_EQ(pending->subject, subject);
  const auto finished = sign_in.finish(step.pending, Method::totp, "10.0.0.0/24");
  ASSERT_TRUE(finished.ok() && finished->opened);
  const auto& opened = finished->opened;
  EXPECT_EQ(opened->session.authentication, Authentication::two_factor);
  EXPECT_EQ(house.sessions.find(opened->cookie).value()->methods,
            all({Method::password, Method::totp}));
  EXPECT_EQ(refusal_of(sign_in.finish(step.pending, Method::totp, "")), "auth.sign_in_over");
}

TEST_F(SignInTest, AStepIsFinishedOnceAndWithinTenMinutes) {
  give_totp();
  const auto step = begin();
  std::vector<std::future<bool>> tries;
  for (int i = 0; i < 6; ++i)
    tries.push_back(std::async(std::launch::async, [&] {
      return sign_in.finish(step.pending, Method::totp, "").ok();
    }));
  int good = 0;
  for (auto& each : tries) good += each.get() ? 1 : 0;
  EXPECT_EQ(good, 1);
  const auto late = begin();
  house.clock.advance(10min);
  EXPECT_FALSE(sign_in.find(late.pending)->has_value());
  EXPECT_EQ(refusal_of(sign_in.finish(late.pending, Method::totp, "")), "auth.sign_in_over");
  for (const std::string& wrong : {std::string(), std::string(43, 'A'), late.pending + "="})
    EXPECT_EQ(refusal_of(sign_in.finish(wrong, Method::totp, "")), "auth.sign_in_over");
}

TEST_F(SignInTest, WhoIsSwitchedOffDoesNotGetPastTheStep) {
  give_totp();
  const auto step = begin();
  house.lock(subject);
  EXPECT_FALSE(sign_in.find(step.pending)->has_value());
  EXPECT_EQ(refusal_of(sign_in.finish(step.pending, Method::totp, "")), "auth.locked");
}

TEST_F(SignInTest, AVerifiedPasskeyIsBothStepsAndAFactorThatWaitsIsNone) {
  give_totp(24h);
  EXPECT_TRUE(begin().opened.has_value()) << "not cooled off";
  house.clock.advance(24h);
  EXPECT_FALSE(begin().opened.has_value());
  const auto step = begin(Method::passkey_verified);
  ASSERT_TRUE(step.opened.has_value());
  EXPECT_EQ(step.opened->session.authentication, Authentication::hardware);
}

Factor factor_of(FactorKind kind) {
  Factor out;
  out.kind = kind;
  return out;
}

TEST_F(SignInTest, Ldt01_5_4_1_3b_AUnitWithACertificateShowsItAndThePassword) {
  const auto now = house.clock.now();
  const std::vector<Factor> factors{factor_of(FactorKind::certificate), factor_of(FactorKind::totp),
                                    factor_of(FactorKind::recovery),
                                    factor_of(FactorKind::passkey)};
  const auto unit = [&](Methods proven) { return steps_after(factors, SubjectKind::unit, proven, now); };
  const auto kinds = [](const Steps& steps) {
    std::set<FactorKind> out;
    for (const auto& one : steps.factors) out.insert(one.kind);
    return out;
  };
  const std::set<FactorKind> certificate_or_recovery{FactorKind::certificate, FactorKind::recovery};
  for (const auto& shown : {all({Method::password}), all({Method::passkey_verified}),
                            all({Method::password, Method::totp}),
                            all({Method::password, Method::passkey_verified}),
                            all({Method::certificate}), all({Method::certificate, Method::sms}),
                            all({Method::recovery_code})})
    EXPECT_FALSE(unit(shown).enough) << shown.bits();
  EXPECT_TRUE(unit(all({Method::password, Method::certificate})).enough);
  EXPECT_TRUE(unit(all({Method::password, Method::recovery_code})).enough);
  EXPECT_EQ(kinds(unit(Method::password)), certificate_or_recovery);
  EXPECT_FALSE(unit(Method::password).password);
  EXPECT_TRUE(unit(Method::certificate).password);
  EXPECT_TRUE(unit(Method::passkey_verified).password);
  EXPECT_EQ(kinds(unit(Method::passkey_verified)), certificate_or_recovery);

  // Without one it is a unit like any other, and to a person it is a factor like any other.
  const std::vector<Factor> others(factors.begin() + 1, factors.end());
  EXPECT_TRUE(steps_after(others, SubjectKind::unit, all({Method::password, Method::totp}), now).enough);
  const auto person = [&](Methods proven) {
    return steps_after(factors, SubjectKind::person, proven, now);
  };
  EXPECT_FALSE(person(Method::password).enough);
  EXPECT_TRUE(person(all({Method::password, Method::totp})).enough);
  EXPECT_TRUE(person(all({Method::password, Method::certificate})).enough);
  EXPECT_FALSE(person(Method::certificate).enough) << "something he has, and nothing that he knows";
  EXPECT_TRUE(person(Method::certificate).password);
  // Nobody else is asked for a password behind his first step.
  EXPECT_FALSE(person(Method::totp).password);
  EXPECT_TRUE(steps_after({}, SubjectKind::person, Method::third_party, now).enough);
}

TEST_F(SignInTest, AThirdStepStandsInTheSameTenMinutes) {
  auto tx = house.pool.begin().value();
  ASSERT_TRUE(add_factor(tx, house.cipher, house.random,
                         {subject, FactorKind::certificate, "CA", {}}, subject.value(),
                         house.clock.now())
                  .ok());
  ASSERT_TRUE(tx.commit().ok());
  house.sql("update auth.subject set kind = 'unit' where id = '" + subject.value() + "'");
  const auto first = begin(Method::passkey_verified);
  ASSERT_FALSE(first.opened.has_value());
  house.clock.advance(9min);
  const auto second = sign_in.finish(first.pending, Method::certificate, "").value();
  ASSERT_FALSE(second.opened.has_value());
  EXPECT_NE(second.pending, first.pending);
  EXPECT_FALSE(sign_in.find(first.pending)->has_value());
  EXPECT_EQ(sign_in.find(second.pending).value()->proven,
            all({Method::passkey_verified, Method::certificate}));
  house.clock.advance(1min);
  EXPECT_EQ(refusal_of(sign_in.finish(second.pending, Method::password, "")), "auth.sign_in_over");
}

TEST_F(SignInTest, B26_AStrongerSessionHasAnotherCookieAndTheSameTokens) {
  const auto client = house.new_client();
  const auto opened = *begin().opened;
  const auto tokens = house.tokens_for(client, opened.session);
  house.clock.advance(5min);
  const auto raised = house.sessions.raise(opened.cookie, Method::totp).value();
  EXPECT_EQ(raised.session.id, opened.session.id);
  EXPECT_NE(raised.cookie, opened.cookie);
  EXPECT_NE(raised.session.csrf, opened.session.csrf);
  EXPECT_EQ(raised.session.authenticated_at, house.clock.now());
  EXPECT_FALSE(house.sessions.find(opened.cookie)->has_value()) << "the old cookie is dead";
  EXPECT_EQ(house.sessions.find(raised.cookie).value()->authentication,
            Authentication::two_factor);
  EXPECT_EQ(refusal_of(house.sessions.raise(opened.cookie, Method::totp)), "auth.session_over");
  EXPECT_TRUE(house.provider.actor(tokens["access_token"].GetString()).ok());
  ASSERT_TRUE(house.sessions.close(raised.cookie).ok());
  EXPECT_FALSE(house.provider.actor(tokens["access_token"].GetString()).ok());
}

TEST_F(SignInTest, TokensSayByWhichMethods) {
  give_totp();
  const auto step = begin();
  const auto session = sign_in.finish(step.pending, Method::totp, "")->opened->session;
  const auto tokens = house.tokens_for(house.new_client(), session);
  for (const auto* which : {"access_token", "id_token"}) {
    const auto said = claims(tokens[which].GetString());
    EXPECT_STREQ(said["acr"].GetString(), "urn:xinyin:acr:p2a2") << which;
    ASSERT_EQ(said["amr"].Size(), 3U) << which;
    EXPECT_STREQ(said["amr"][1].GetString(), "otp") << which;
  }
}

TEST_F(SignInTest, Rfc9470_ARequestForMoreRaisesTheSessionThatIsThere) {
  const auto client = house.new_client();
  const auto session = begin().opened->session;
  const auto ask = test_house::with(house.request(client), "claims",
                                    R"({"id_token":{"acr":{"essential":true,"values":)"
                                    R"(["urn:xinyin:acr:p1a3","urn:xinyin:acr:p1a2"]}}})");
  const auto answer = house.provider.authorize(ask, session).value();
  ASSERT_TRUE(std::holds_alternative<AskLogin>(answer));
  EXPECT_EQ(std::get<AskLogin>(answer).raise_to, Authentication::two_factor) << "the least that does";
  const auto fresh = house.provider.authorize(test_house::with(ask, "prompt", "login"), session);
  EXPECT_EQ(std::get<AskLogin>(*fresh).raise_to, Authentication::none) << "all of it again";
}

TEST_F(SignInTest, ALoginFromANewPlaceIsToldToItsOwner) {
  const auto told = [&] {
    return house.sql("select count(*) from auth.text_message where subject_id = '" +
                     subject.value() + "'");
  };
  {
    auto tx = house.pool.begin().value();
    ASSERT_TRUE(add_factor(tx, house.cipher, house.random,
                           {subject, FactorKind::sms, "138****0000", base::as_bytes("13800000000")},
                           subject.value(), house.clock.now())
                    .ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  const auto log_in = [&](std::string_view network) {
    const auto step = begin(Method::password, network);
    ASSERT_TRUE(sign_in.finish(step.pending, Method::sms, network).ok());
  };
  log_in("10.0.0.0/24");
  EXPECT_EQ(told(), "0") << "the first place of all is no news";
  log_in("10.0.0.0/24");
  EXPECT_EQ(told(), "0");
  log_in("203.0.113.0/24");
  EXPECT_EQ(told(), "1");
  log_in("203.0.113.0/24");
  EXPECT_EQ(told(), "1");
}

}  // namespace
}  // namespace auth
