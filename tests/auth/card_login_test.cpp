// Logging in with an e-social-security card. LD/T 01-2020 5.4.1.4b; security.md §3.A 22.
#include "auth/card_login.h"

#include <gmock/gmock.h>

#include <functional>
#include <future>
#include <map>
#include <utility>

#include "tests/auth/house.h"

namespace auth {
namespace {

using test_house::fresh_name;
using test_house::fresh_number;
using test_house::House;
using test_house::kPassword;
using test_house::refusal_of;
using test_house::secret;
using namespace std::chrono_literals;

/// A card platform in this process; what its telephones answer is put there by a test.
class Platform final : public VisitedSource {
 public:
  std::string name() const override { return "platform"; }
  base::Result<Visit> begin(const ProofingQuestion& question, const std::string& back) const override {
    const std::lock_guard hold(mutex_);
    if (away) return base::error(base::Code::unavailable, "auth.proofing.unavailable");
    const auto ticket = "ticket-" + std::to_string(++visits_);
    nonces_[ticket] = question.nonce;
    shown = question.attributes.at(0).second;
    return_address = back;
    return Visit{"https://card.example/" + ticket, ticket};
  }
  std::optional<ProofingAnswer> result(const ProofingQuestion& question,
                                       const std::string& ticket) const override {
    std::optional<ProofingAnswer> out;
    {
      const std::lock_guard hold(mutex_);
      EXPECT_EQ(nonces_[ticket], question.nonce) << "the visit's own nonce";
      out = answer;
    }
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    return out;
  }
  bool away = false;
  std::optional<ProofingAnswer> answer;
  mutable std::string shown, return_address;
  mutable std::function<void()> meanwhile;  ///< happens once, while it answers

 private:
  mutable std::mutex mutex_;  // protects all
  mutable int visits_ = 0;
  mutable std::map<std::string, std::string> nonces_;
};

ProofingAnswer of(ProofingOutcome outcome, std::string number = {}) {
  ProofingAnswer out;
  out.outcome = outcome;
  out.transaction = "t-1";
  out.name = "张小三";
  out.id_number = std::move(number);
  return out;
}

class CardLoginTest : public testing::Test {
 protected:
  House house;
  Platform platform;
  CardLogin login{{house.pool, house.cipher, house.accounts, &platform, house.clock, house.random}};
  const std::string number = fresh_number();
  SubjectId subject =
      house.accounts
          .create({SubjectKind::person, "张小三", "cn-id", number, fresh_name(), Proofing::p2},
                  secret(kPassword))
          .value();
  const std::string network = fresh_name("network");

  CardLogin::Begun begin() { return login.begin("机构 https://id.example", "https://id.example/x", network).value(); }
};

TEST_F(CardLoginTest, WhoConfirmedIsLoggedInOnce) {
  const auto begun = begin();
  EXPECT_EQ(platform.shown, "机构 https://id.example");
  EXPECT_EQ(login.address(begun.cookie).value(), begun.address);
  EXPECT_FALSE(login.result(begun.cookie).value().has_value()) << "still at it";
  platform.answer = of(ProofingOutcome::matches, number);
  EXPECT_EQ(login.result(begun.cookie).value(), subject);
  EXPECT_EQ(refusal_of(login.result(begun.cookie)), "auth.card.over");
  EXPECT_EQ(refusal_of(login.address(begun.cookie)), "auth.card.over");
}

TEST_F(CardLoginTest, A22_AnotherBrowserHasNothingOfIt) {
  const auto begun = begin();
  platform.answer = of(ProofingOutcome::matches, number);
  for (const std::string& wrong :
       {std::string(), std::string(43, 'A'), begun.address, begun.cookie + "=", begun.cookie.substr(1)})
    EXPECT_EQ(refusal_of(login.result(wrong)), "auth.card.over") << wrong;
  EXPECT_TRUE(login.result(begun.cookie).value().has_value());
}

TEST_F(CardLoginTest, A22_TwoMinutesAndOfManyAtOnceOneHasIt) {
  const auto late = begin();
  house.clock.advance(2min);
  platform.answer = of(ProofingOutcome::matches, number);
  EXPECT_EQ(refusal_of(login.result(late.cookie)), "auth.card.over");
  const auto begun = begin();
  std::vector<std::future<bool>> tries;
  for (int i = 0; i < 6; ++i)
    tries.push_back(std::async(std::launch::async, [&] {
      const auto who = login.result(begun.cookie);
      return who.ok() && who->has_value();
    }));
  int good = 0;
  for (auto& each : tries) good += each.get() ? 1 : 0;
  EXPECT_EQ(good, 1);
  // Two had found it before either took it.
  const auto twice = begin();
  platform.meanwhile = [&] { EXPECT_TRUE(login.result(twice.cookie)->has_value()); };
  EXPECT_EQ(refusal_of(login.result(twice.cookie)), "auth.card.over");
}

TEST_F(CardLoginTest, EachOtherOutcomeIsItsOwn) {
  const auto said = [&](ProofingAnswer answer) {
    const auto begun = begin();
    platform.answer = std::move(answer);
    return refusal_of(login.result(begun.cookie));
  };
  EXPECT_EQ(said(of(ProofingOutcome::does_not_match)), "auth.card.refused");
  EXPECT_EQ(said(of(ProofingOutcome::not_finished)), "auth.card.refused");
  EXPECT_EQ(said(of(ProofingOutcome::matches, fresh_number())), "auth.card.unknown");
  EXPECT_EQ(said(of(ProofingOutcome::matches, "nonsense")), "auth.card.unknown");
  // Away for a moment: the try goes on.
  const auto begun = begin();
  platform.answer = of(ProofingOutcome::unavailable);
  EXPECT_EQ(refusal_of(login.result(begun.cookie)), "auth.proofing.unavailable");
  platform.answer = of(ProofingOutcome::matches, number);
  EXPECT_EQ(login.result(begun.cookie).value(), subject);
  platform.away = true;
  EXPECT_EQ(refusal_of(login.begin("x", "y", network)), "auth.proofing.unavailable");
}

TEST_F(CardLoginTest, Ldt01_5_4_1_4b_AHolderWithoutAccountIsKeptForHisBrowserOnce) {
  const auto other = fresh_number();
  const auto begun = begin();
  EXPECT_EQ(refusal_of(login.holder(begun.cookie)), "auth.card.over") << "nobody confirmed yet";
  platform.answer = of(ProofingOutcome::matches, other);
  EXPECT_EQ(refusal_of(login.result(begun.cookie)), "auth.card.unknown");
  platform.answer = of(ProofingOutcome::does_not_match);
  EXPECT_EQ(refusal_of(login.result(begun.cookie)), "auth.card.unknown") << "loaded again, not asked again";
  EXPECT_EQ(refusal_of(login.address(begun.cookie)), "auth.card.over");
  EXPECT_EQ(refusal_of(login.holder(std::string(43, 'A'))), "auth.card.over") << "another browser";
  const auto holder = login.holder(begun.cookie).value();
  EXPECT_EQ(holder.name, "张小三");
  EXPECT_EQ(holder.id_number, other);
  EXPECT_EQ(holder.source, "platform");
  EXPECT_EQ(holder.transaction, "t-1");
  EXPECT_EQ(refusal_of(login.holder(begun.cookie)), "auth.card.over") << "spent";
  // Ten minutes from its confirmation; and whoever logged in has none.
  const auto late = begin();
  platform.answer = of(ProofingOutcome::matches, other);
  EXPECT_EQ(refusal_of(login.result(late.cookie)), "auth.card.unknown");
  house.clock.advance(10min);
  EXPECT_EQ(refusal_of(login.holder(late.cookie)), "auth.card.over");
  const auto known = begin();
  platform.answer = of(ProofingOutcome::matches, number);
  EXPECT_TRUE(login.result(known.cookie)->has_value());
  EXPECT_EQ(refusal_of(login.holder(known.cookie)), "auth.card.over");
}

TEST_F(CardLoginTest, ANetworkBeginsThirtyInTenMinutes) {
  int begun = 0;
  while (begun < 40 && login.begin("x", "y", network).ok()) ++begun;
  EXPECT_EQ(begun, 30);
  EXPECT_EQ(refusal_of(login.begin("x", "y", network)), "auth.card.slow");
  house.clock.advance(10min);
  EXPECT_TRUE(login.begin("x", "y", network).ok());
}

}  // namespace
}  // namespace auth
