// Factors beside the password: time codes against oathtool, recovery codes, text messages, notices.
// LD/T 01-2020 6.2.5b, 6.2.6; security.md §3.A 16, 17, 19.
#include "auth/factors.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "auth/details.h"
#include "auth/own_account.h"
#include "auth/own_codes.h"
#include "auth/phone_factor.h"
#include "auth/totp.h"
#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::House;
using test_house::refusal_of;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

/// oathtool (OATH Toolkit) says what an authenticator app would show.
std::string oathtool(const std::string& base32, base::Time at) {
  const auto command = "oathtool --totp --base32 --now '" + base::to_rfc3339(at).substr(0, 10) +
                       " " + base::to_rfc3339(at).substr(11, 8) + " UTC' " + base32;
  std::unique_ptr<FILE, int (*)(FILE*)> out(::popen(command.c_str(), "r"), ::pclose);
  char line[64] = {};
  EXPECT_NE(std::fgets(line, sizeof line, out.get()), nullptr) << "needs oathtool";
  return std::string(line).substr(0, 6);
}

/// A carrier in this process: what it was given, and what it answers.
class Carrier final : public SmsSender {
 public:
  base::Result<std::string> send(const TextMessage& message) override {
    const std::lock_guard hold(mutex_);
    if (refuse) return *refuse;
    sent.push_back(message);
    return std::to_string(sent.size());
  }
  std::string last_code() const {
    for (auto at = sent.rbegin(); at != sent.rend(); ++at)
      for (const auto& [name, value] : at->values)
        if (name == "code") return value;
    return "";
  }
  std::optional<base::Error> refuse;
  std::vector<TextMessage> sent;

 private:
  std::mutex mutex_;  // protects both
};

class FactorsTest : public testing::Test {
 protected:
  House house;
  Carrier carrier;
  Notices notices{{house.pool, house.cipher, house.clock}};
  OwnCodes own{{house.pool, house.cipher, notices, house.clock, house.random, "社保 Agency"}};
  Otps texts{{house.pool, house.cipher, carrier, house.clock, house.random, {}}};
  PhoneFactor phone{{house.pool, house.cipher, texts, notices, house.clock, house.random}};
  SubjectId subject = house.new_person(fresh_name());
  /// Numbers and networks that no other test of this process has counters of.
  const std::string number = "138" + digits(8), other_number = "139" + digits(8);
  const std::string network = "198.51." + std::to_string(fresh() % 256) + ".0/24";

  static int fresh() {
    static int last = 0;
    return ++last;
  }
  static std::string digits(std::size_t many) {
    auto text = std::to_string(10'000'000 + ::getpid() % 9'000 * 1'000 + fresh());
    return text.substr(text.size() - many);
  }

  OwnCodes::Offer offer() { return own.offer_totp(subject, "session-1", "someone"); }
  std::string add_totp() {
    const auto offered = offer();
    const auto added =
        own.add_totp(subject, "session-1", offered.token,
                     oathtool(offered.secret, house.clock.now()), "手机上的验证器");
    EXPECT_TRUE(added.ok()) << added.error().key;
    house.clock.advance(30s);
    return offered.secret;
  }
  void confirm_phone(const std::string& of) {
    ASSERT_TRUE(phone.offer("session-1", of, network).ok());
    ASSERT_TRUE(phone.confirm(subject, "session-1", of, carrier.last_code()).ok());
    house.clock.advance(61s);
  }
  std::vector<Factor> factors() { return factors_of(house.pool, house.cipher, subject).value(); }
};

TEST_F(FactorsTest, Rfc6238_OathtoolAgrees) {
  const auto offered = offer();
  EXPECT_EQ(offered.secret.size(), 32U);  // 160 bits
  EXPECT_EQ(offered.address,
            "otpauth://totp/%E7%A4%BE%E4%BF%9D%20Agency:someone?secret=" + offered.secret +
                "&issuer=%E7%A4%BE%E4%BF%9D%20Agency&algorithm=SHA1&digits=6&period=30");
  const auto secret = add_totp();
  for (int i = 0; i < 20; ++i) {
    const auto code = oathtool(secret, house.clock.now());
    EXPECT_TRUE(own.check_totp(subject, code, network).ok()) << code;
    house.clock.advance(std::chrono::seconds(30 + i * 7919));
  }
}

TEST_F(FactorsTest, A19_OneStepToEitherSideAndEachStepOnce) {
  const auto secret = add_totp();
  const auto at = [&](std::chrono::seconds off) {
    return oathtool(secret, house.clock.now() + off);
  };
  const auto ahead = at(30s), now = at(0s);
  EXPECT_EQ(refusal_of(own.check_totp(subject, at(-60s), network)), "auth.code.wrong");
  EXPECT_EQ(refusal_of(own.check_totp(subject, at(60s), network)), "auth.code.wrong");
  EXPECT_TRUE(own.check_totp(subject, ahead, network).ok());
  // The step ahead was spent, so the one before it is gone too: a counter only grows.
  EXPECT_EQ(refusal_of(own.check_totp(subject, ahead, network)), "auth.code.wrong");
  EXPECT_EQ(refusal_of(own.check_totp(subject, now, network)), "auth.code.wrong");
  house.clock.advance(90s);
  EXPECT_TRUE(own.check_totp(subject, at(-30s), network).ok()) << "late by one step";
  for (const auto* wrong : {"", "12345", "1234567", "12345x", "１２３４５６", "-12345"})
    EXPECT_EQ(refusal_of(own.check_totp(subject, wrong, network)), "auth.code.wrong") << wrong;
}

TEST_F(FactorsTest, A19_OfManyAtOnceOneSucceeds) {
  const auto secret = add_totp();
  const auto code = oathtool(secret, house.clock.now());
  std::vector<std::future<std::string>> tries;
  for (int i = 0; i < 6; ++i)
    tries.push_back(std::async(std::launch::async,
                               [&] { return refusal_of(own.check_totp(subject, code, network)); }));
  std::map<std::string, int> said;
  for (auto& each : tries) ++said[each.get()];
  EXPECT_EQ(said, (std::map<std::string, int>{{"", 1}, {"auth.code.wrong", 5}}));
}

TEST_F(FactorsTest, GuessesAreSlowedForStrangersAlone) {
  const auto secret = add_totp();
  ASSERT_TRUE(own.check_totp(subject, oathtool(secret, house.clock.now()), network).ok());
  house.clock.advance(30s);
  const std::string stranger = "203.0.113.0/24";
  std::string last;
  for (int i = 0; i < 12; ++i) last = refusal_of(own.check_totp(subject, "000000", stranger));
  EXPECT_EQ(last, "auth.login_slow");
  EXPECT_TRUE(own.check_totp(subject, oathtool(secret, house.clock.now()), network).ok())
      << "where he got in before, strangers' failures do not count";
}

TEST_F(FactorsTest, AnOfferIsGoodInItsSessionForTenMinutes) {
  const auto offered = offer();
  const auto code = [&] { return oathtool(offered.secret, house.clock.now()); };
  EXPECT_EQ(refusal_of(own.add_totp(subject, "session-2", offered.token, code(), "x")),
            "auth.totp.offer_over");
  EXPECT_EQ(refusal_of(own.add_totp(house.new_person(fresh_name()), "session-1", offered.token,
                                    code(), "x")),
            "auth.totp.offer_over");
  auto bent = offered.token;
  bent[20] = bent[20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(refusal_of(own.add_totp(subject, "session-1", bent, code(), "x")),
            "auth.totp.offer_over");
  EXPECT_EQ(refusal_of(own.add_totp(subject, "session-1", offered.token, "000000", "x")),
            "auth.code.wrong");
  EXPECT_TRUE(own.same_offer(subject, "session-1", offered.token, "someone").has_value());
  house.clock.advance(10min);
  EXPECT_EQ(refusal_of(own.add_totp(subject, "session-1", offered.token, code(), "x")),
            "auth.totp.offer_over");
  EXPECT_FALSE(own.same_offer(subject, "session-1", offered.token, "someone").has_value());
}

TEST_F(FactorsTest, ThereIsOneAppAndItsFirstCodeIsSpent) {
  const auto offered = offer();
  const auto code = oathtool(offered.secret, house.clock.now());
  ASSERT_TRUE(own.add_totp(subject, "session-1", offered.token, code, "验证器").ok());
  EXPECT_EQ(refusal_of(own.check_totp(subject, code, network)), "auth.code.wrong");
  const auto second = offer();
  EXPECT_EQ(refusal_of(own.add_totp(subject, "session-1", second.token,
                                    oathtool(second.secret, house.clock.now()), "another")),
            "auth.factor.taken");
  ASSERT_EQ(factors().size(), 1U);
  ASSERT_TRUE(own.remove(subject, factors()[0].id).ok());
  EXPECT_TRUE(factors().empty());
  house.clock.advance(30s);
  EXPECT_EQ(refusal_of(own.check_totp(subject, oathtool(offered.secret, house.clock.now()),
                                      network)),
            "auth.code.wrong");
  EXPECT_EQ(refusal_of(own.remove(subject, std::string(32, '0'))), "auth.factor.unknown");
}

TEST_F(FactorsTest, RecoveryCodesWorkOnceEach) {
  const auto codes = own.make_recovery_codes(subject).value();
  ASSERT_EQ(codes.size(), 10U);
  EXPECT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), 10U);
  EXPECT_THAT(codes[0], testing::MatchesRegex("[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}"));
  EXPECT_TRUE(own.check_recovery_code(subject, codes[3], network).ok());
  EXPECT_EQ(refusal_of(own.check_recovery_code(subject, codes[3], network)), "auth.code.wrong");
  EXPECT_EQ(own.recovery_codes_left(subject).value(), 9);
  std::string typed;
  for (const char c : codes[4])
    typed += c == '-' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  EXPECT_TRUE(own.check_recovery_code(subject, typed, network).ok()) << typed;
  EXPECT_EQ(refusal_of(own.check_recovery_code(house.new_person(fresh_name()), codes[5], network)),
            "auth.code.wrong");
  const auto fresh = own.make_recovery_codes(subject).value();
  EXPECT_EQ(refusal_of(own.check_recovery_code(subject, codes[5], network)), "auth.code.wrong");
  EXPECT_TRUE(own.check_recovery_code(subject, fresh[0], network).ok());
}

TEST_F(FactorsTest, AtRestNoCodeSecretOrNumberStandsInClear) {
  const auto secret = add_totp();
  const auto codes = own.make_recovery_codes(subject).value();
  confirm_phone(number);
  const auto dump = house.sql(
      "select coalesce(string_agg(t::text, ' '), '') from (select f::text t from auth.factor f "
      "union all select r::text from auth.recovery_code r union all select c::text from "
      "auth.otp c union all select m::text from auth.text_message m) x");
  EXPECT_GT(dump.size(), 200U);
  EXPECT_THAT(dump, testing::Not(HasSubstr(secret)));
  EXPECT_THAT(dump, testing::Not(HasSubstr(codes[0])));
  EXPECT_THAT(dump, testing::Not(HasSubstr(number)));
  EXPECT_THAT(dump, testing::Not(HasSubstr(carrier.last_code())));
}

// Domain rules §2.7: every one of them.
TEST_F(FactorsTest, A16_ATextCodeIsSixDigitsOnceAndBound) {
  ASSERT_TRUE(texts.send("web.code_for.login", "browser-1", number, network).ok());
  ASSERT_EQ(carrier.sent.size(), 1U);
  EXPECT_EQ(carrier.sent[0].phone, number);
  const auto code = carrier.last_code();
  EXPECT_THAT(code, testing::MatchesRegex("[0-9]{6}"));
  EXPECT_EQ(carrier.sent[0].values[0].second, "登录") << "the message says what the code is for";
  const auto check = [&](std::string_view purpose, std::string_view browser,
                         const std::string& of, std::string_view typed) {
    return refusal_of(texts.check(purpose, browser, of, typed));
  };
  EXPECT_EQ(check("web.code_for.confirm_phone", "browser-1", number, code), "auth.code.wrong");
  EXPECT_EQ(check("web.code_for.login", "browser-2", number, code), "auth.code.wrong");
  EXPECT_EQ(check("web.code_for.login", "browser-1", other_number, code), "auth.code.wrong");
  EXPECT_EQ(check("web.code_for.login", "browser-1", number, code), "");
  EXPECT_EQ(check("web.code_for.login", "browser-1", number, code), "auth.code.wrong") << "once";
}

TEST_F(FactorsTest, A16_FiveTriesFiveMinutesAndANewCodeVoidsTheOld) {
  const auto send = [&] { return texts.send("web.code_for.login", "b", number, network); };
  const auto check = [&](std::string_view typed) {
    return refusal_of(texts.check("web.code_for.login", "b", number, typed));
  };
  ASSERT_TRUE(send().ok());
  auto code = carrier.last_code();
  const std::string wrong = code == "000000" ? "000001" : "000000";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(check(wrong), "auth.code.wrong");
  EXPECT_EQ(check(code), "auth.code.wrong") << "the sixth try is not looked at";

  house.clock.advance(60s);
  ASSERT_TRUE(send().ok());
  const auto old = carrier.last_code();
  house.clock.advance(60s);
  ASSERT_TRUE(send().ok());
  code = carrier.last_code();
  if (old != code) {
    EXPECT_EQ(check(old), "auth.code.wrong");
  }
  house.clock.advance(5min);
  EXPECT_EQ(check(code), "auth.code.wrong") << "five minutes are over";
}

TEST_F(FactorsTest, A15_OfManyAnswersAtOnceNoMoreThanFiveAreLookedAt) {
  ASSERT_TRUE(texts.send("web.code_for.login", "b", number, network).ok());
  const auto code = carrier.last_code();
  std::vector<std::future<void>> tries;
  for (int i = 0; i < 12; ++i)
    tries.push_back(std::async(std::launch::async, [&] {
      (void)texts.check("web.code_for.login", "b", number, code == "111111" ? "222222" : "111111");
    }));
  for (auto& each : tries) each.get();
  EXPECT_EQ(refusal_of(texts.check("web.code_for.login", "b", number, code)), "auth.code.wrong");
}

TEST_F(FactorsTest, A17_LimitsOfSending) {
  const auto send = [&](const std::string& to) {
    return texts.send("web.code_for.login", "b", to, network);
  };
  ASSERT_TRUE(send(number).ok());
  const auto soon = send(number);
  EXPECT_EQ(refusal_of(soon), "auth.sms.slow");
  EXPECT_EQ(soon.error().retry_after, 60s);
  for (int i = 0; i < 4; ++i) {
    house.clock.advance(60s);
    ASSERT_TRUE(send(number).ok()) << i;
  }
  house.clock.advance(60s);
  EXPECT_EQ(refusal_of(send(number)), "auth.sms.slow") << "five an hour";
  EXPECT_TRUE(send(other_number).ok()) << "another number is another matter";
  house.clock.advance(1h);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(send(number).ok()) << i;
    house.clock.advance(15min);
  }
  EXPECT_EQ(refusal_of(send(number)), "auth.sms.slow") << "ten a day";
}

TEST_F(FactorsTest, A17_LimitOfANetwork) {
  int sent = 0;
  while (sent < 40 && texts.send("web.code_for.login", "b", "137" + digits(8), network).ok()) ++sent;
  EXPECT_EQ(sent, 20);
  EXPECT_TRUE(texts.send("web.code_for.login", "b", number, "192.0.2.0/24").ok());
}

TEST_F(FactorsTest, A17_ACarrierThatIsAwayCostsNoTry) {
  carrier.refuse = base::error(base::Code::unavailable, "auth.sms.away");
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(refusal_of(texts.send("web.code_for.login", "b", number, network)), "auth.sms.away");
  carrier.refuse.reset();
  EXPECT_TRUE(texts.send("web.code_for.login", "b", number, network).ok());
}

TEST_F(FactorsTest, Ldt01_6_2_5b_ANewNumberIsToldToBothAndWaits) {
  confirm_phone(number);
  ASSERT_EQ(factors().size(), 1U);
  EXPECT_EQ(factors()[0].label, number.substr(0, 3) + "****" + number.substr(7));
  EXPECT_TRUE(phone.send_step(subject, "browser", network).ok());
  EXPECT_TRUE(phone.check_step(subject, "browser", carrier.last_code(), network).ok());
  (void)notices.send_due(carrier, 50);
  carrier.sent.clear();

  house.clock.advance(61s);
  confirm_phone(other_number);
  ASSERT_GE(notices.send_due(carrier, 50).value(), 2);
  std::set<std::string> told;
  for (const auto& message : carrier.sent)
    if (message.template_name == "notice") {
      told.insert(message.phone);
      EXPECT_THAT(message.values[0].second, HasSubstr("更换为"));
      EXPECT_THAT(message.values[0].second, testing::Not(HasSubstr(other_number)));
    }
  EXPECT_EQ(told, (std::set<std::string>{number, other_number}));
  EXPECT_EQ(refusal_of(phone.send_step(subject, "browser", network)), "auth.factor.unknown");
  EXPECT_TRUE(second_steps(factors(), Method::password, house.clock.now()).empty());
  house.clock.advance(24h);
  EXPECT_TRUE(phone.send_step(subject, "browser", network).ok());
  EXPECT_EQ(second_steps(factors(), Method::password, house.clock.now()).size(), 1U);
}

TEST_F(FactorsTest, Ldt01_6_2_5_APasswordAndAContactNumberAreToldOf) {
  const auto told = [&] {
    (void)notices.send_due(carrier, 50);
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& message : carrier.sent)
      if (message.template_name == "notice")
        out.emplace_back(message.phone, message.values[0].second);
    carrier.sent.clear();
    return out;
  };
  {
    auto tx = house.pool.begin().value();
    ASSERT_TRUE(put_details(tx, house.cipher, subject, {{"mobile", number}}, house.clock.now()).ok());
    ASSERT_TRUE(tx.commit().ok());
  }
  (void)told();  // what other tests left
  ASSERT_TRUE(house.accounts
                  .replace_password(subject, test_house::secret("another-brig-anvil-moth"),
                                    "officer:1")
                  .ok());
  EXPECT_THAT(told(), ElementsAre(testing::Pair(number, HasSubstr("密码已修改"))));

  OwnAccount account({house.pool, house.cipher, house.clock});
  const auto record = house.accounts.subject(subject).value();
  const auto changed = account.change_details(
      record, {{"mobile", other_number}, {"card_number", "A12345678"}});
  ASSERT_TRUE(changed.ok() && changed->wrong.empty());
  EXPECT_THAT(told(), testing::UnorderedElementsAre(
                          testing::Pair(number, HasSubstr("联系手机号码更换为")),
                          testing::Pair(other_number, HasSubstr("联系手机号码更换为"))));
  ASSERT_TRUE(account.change_details(record, {{"card_number", "A87654321"}})->wrong.empty());
  EXPECT_THAT(told(), testing::IsEmpty()) << "the number stays";
}

TEST_F(FactorsTest, NoticesAreSentOnceAndTriedAgain) {
  confirm_phone(number);
  carrier.refuse = base::error(base::Code::unavailable, "auth.sms.away");
  EXPECT_EQ(notices.send_due(carrier).value(), 0);
  carrier.refuse.reset();
  carrier.sent.clear();
  EXPECT_EQ(notices.send_due(carrier).value(), 0) << "not before it is due again";
  house.clock.advance(2min);
  {  // one that another sender is taking is passed over, not waited for and sent again
    auto other = house.pool.begin().value();
    const store::Query take{"test.take_message", R"sql(
      select id from auth.text_message where subject_id = $1 and ended_at is null for update)sql"};
    ASSERT_EQ(other.run(take, {subject.value()})->size(), 1U);
    EXPECT_EQ(notices.send_due(carrier, 50).value(), 0);
  }
  std::vector<std::future<int>> senders;
  for (int i = 0; i < 4; ++i)
    senders.push_back(
        std::async(std::launch::async, [&] { return notices.send_due(carrier, 50).value(); }));
  int sent = 0;
  for (auto& each : senders) sent += each.get();
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(carrier.sent.size(), 1U);
  EXPECT_EQ(house.sql("select count(*) from auth.text_message where subject_id = '" +
                      subject.value() + "' and sealed is not null"),
            "0")
      << "the text goes when it is sent";

  // One that never goes through is given up.
  auto tx = house.pool.begin().value();
  ASSERT_TRUE(notices.password_changed(tx, subject).ok());
  ASSERT_TRUE(tx.commit().ok());
  carrier.refuse = base::error(base::Code::unavailable, "auth.sms.away");
  for (int i = 0; i < 10; ++i) {
    (void)notices.send_due(carrier, 50);
    house.clock.advance(24h);
  }
  EXPECT_EQ(house.sql("select outcome || tries from auth.text_message where subject_id = '" +
                      subject.value() + "' order by id desc limit 1"),
            "auth.sms.away8");
}

TEST_F(FactorsTest, SomebodyElsesFactorIsNobodysBusiness) {
  add_totp();
  const auto id = factors()[0].id;
  const auto other = house.new_person(fresh_name());
  EXPECT_EQ(refusal_of(own.remove(other, id)), "auth.factor.unknown");
  EXPECT_EQ(refusal_of(rename_factor(house.pool, other, id, "mine")), "auth.factor.unknown");
  EXPECT_EQ(refusal_of(rename_factor(house.pool, subject, id, " ")), "auth.factor.label");
  EXPECT_TRUE(rename_factor(house.pool, subject, id, "办公室").ok());
  EXPECT_EQ(factors()[0].label, "办公室");
}

TEST_F(FactorsTest, WhatFindsAFactorStandsForOneSubject) {
  const auto lookup = house.cipher.lookup("auth/test", fresh_name("credential"));
  const auto add = [&](const SubjectId& who) -> base::Result<std::string> {
    BASE_TRY(auto tx, house.pool.begin());
    BASE_TRY(auto id, add_factor(tx, house.cipher, house.random,
                                 {who, FactorKind::passkey, "key", base::as_bytes("public"), lookup},
                                 who.value(), house.clock.now()));
    BASE_TRY_VOID(tx.commit());
    return id;
  };
  ASSERT_TRUE(add(subject).ok());
  EXPECT_EQ(refusal_of(add(house.new_person(fresh_name()))), "auth.factor.taken");
  const auto found = find_factor(house.pool, house.cipher, FactorKind::passkey, lookup).value();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->subject, subject);
  EXPECT_EQ(base::as_text(found->secret), "public");
}

}  // namespace
}  // namespace auth
