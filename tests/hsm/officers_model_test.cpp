// The officers' rules against a small model of them, written anew from security.md §1.4 without a
// look at State: random requests, votes and deeds by seed; every line must be taken or refused by
// both, and both must say the same of every key and request after it.
#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "hsm/officers/state.h"
#include "tests/support/officers.h"

namespace hsm::officers {
namespace {

using std::chrono::hours;

constexpr int kSequences = 2000;
constexpr int kSteps = 24;
constexpr int kCast =
    6;  // 0 to 2: founding officers, 3: founding auditor, 4 and 5: may be enrolled
const char* const kLabels[] = {"k0", "k1"};

struct Ask {
  std::string op, key, was;
  int person = -1;
  base::Digest id{};
  base::Time created, ends, lodged;
  int world = 0;
  std::set<int> yes, voted;
  std::string standing = "open";
};

/// The rules as told to people: two of the officers for everything, one to suspend.
struct Model {
  base::Time now;
  int world = 0;
  std::map<int, bool> people{{0, true}, {1, true}, {2, true}, {3, true}};  // false: retired
  std::map<std::string, std::string> keys;
  std::vector<Ask> asks;

  bool officer(int who) const {
    const auto it = people.find(who);
    return it != people.end() && it->second && who != 3;
  }
  int officers() const {
    int count = 0;
    for (const auto& [who, in] : people) count += officer(who);
    return count;
  }
  bool sensible(const Ask& ask) const {
    const auto it = keys.find(ask.key);
    const std::string state = it == keys.end() ? "" : it->second;
    if (ask.op == "key.generate") return state.empty();
    if (ask.op == "officer.enrol") return true;
    if (ask.op == "officer.retire") {
      const auto one = people.find(ask.person);
      return one != people.end() && one->second && officers() - (officer(ask.person) ? 1 : 0) >= 3;
    }
    if (state.empty() || state != ask.was) return false;
    if (ask.op == "key.suspend") return state == "active";
    if (ask.op == "key.resume") return state == "suspended";
    if (ask.op == "key.deactivate")
      return state == "active" || state == "suspended" || state == "pre_active";
    return state == "pre_active" || state == "deactivated";  // key.destroy
  }
  bool takes(const Ask& ask) const {
    return ask.world == world && now < ask.ends && ask.ends - ask.created <= hours(24) &&
           sensible(ask);
  }
  bool takes_vote(const Ask& ask, int who) const {
    return ask.standing == "open" && now < ask.ends && officer(who) && !(ask.person == who) &&
           ask.voted.count(who) == 0;
  }
  bool executes(const Ask& ask) const {
    int yes = 0;
    for (const int who : ask.yes) yes += officer(who);
    return ask.standing == "open" && now < ask.ends && ask.world == world && sensible(ask) &&
           yes >= (ask.op == "key.suspend" ? 1 : 2);
  }
  void done(Ask& ask) {
    ask.standing = "done";
    if (ask.op == "key.generate") keys[ask.key] = "active";
    if (ask.op == "key.suspend") keys[ask.key] = "suspended";
    if (ask.op == "key.resume") keys[ask.key] = "active";
    if (ask.op == "key.deactivate") keys[ask.key] = "deactivated";
    if (ask.op == "key.destroy") keys[ask.key] = "destroyed";
    if (ask.op == "officer.enrol") people[ask.person] = true;
    if (ask.op == "officer.retire") people[ask.person] = false;
    if (ask.op.starts_with("officer.")) ++world;
  }
};

class OfficersModel : public testing::Test {
 protected:
  OfficersModel() {
    for (const auto* id : {"an", "bo", "chen", "dai", "eve", "feng"})
      cast_.emplace_back(id, id == std::string("dai") ? Role::auditor : Role::officer);
    founding_ =
        test::genesis({cast_.begin(), cast_.begin() + 4}, test::small_policy(), "token", start_);
  }
  static std::string object(std::string_view name, std::string_view value) {
    base::JsonWriter out;
    out.StartObject();
    out.member(name, value);
    out.EndObject();
    return *base::canonical_json(*base::parse_json(out.text()));
  }

  /// One line, taken by both or by neither.
  void line(std::string_view kind, const std::string& body, bool expected) {
    const auto made = make_line(n_ + 1, model_.now, kind, body, head_);
    const auto done = state_->apply(made);
    ASSERT_EQ(done.ok(), expected)
        << kind << " " << body << " " << (done.ok() ? "" : done.error().key + done.error().detail);
    if (!done.ok()) return;
    ++n_;
    head_ = made.hash;
  }
  int below(int most) { return static_cast<int>(chance_() % static_cast<unsigned>(most)); }

  std::string params(const Ask& ask) {
    if (ask.op == "key.generate")
      return R"({"activate":true,"keys":[{"algorithm":"ecdsa_p256","label":")" + ask.key +
             R"(","purpose":"seal"}]})";
    if (ask.op == "officer.retire")
      return object("id", cast_[static_cast<std::size_t>(ask.person)].id());
    if (ask.op == "officer.enrol") {
      base::JsonWriter out;
      write_person(out, cast_[static_cast<std::size_t>(ask.person)].person());
      return "{\"person\":" + out.text() + "}";
    }
    return R"({"keys":[{"id":")" + std::string(40, 'b') + R"(","label":")" + ask.key +
           R"(","state":")" + ask.was + R"("}]})";
  }
  void ask() {
    static const char* const kOps[] = {"key.generate",   "key.suspend", "key.resume",
                                       "key.deactivate", "key.destroy", "officer.enrol",
                                       "officer.retire"};
    Ask one;
    one.op = kOps[below(7)];
    if (one.op.starts_with("officer."))
      one.person = one.op == "officer.enrol" ? 4 + below(2) : below(kCast);
    else
      one.key = kLabels[below(2)];
    const auto known = model_.keys.find(one.key);
    one.was = known == model_.keys.end() || below(8) == 0 ? "active" : known->second;
    one.created = model_.now;
    one.ends = model_.now + hours(below(10) == 0 ? 25 : 1 + below(24));
    const bool stale = below(10) == 0;
    one.world = stale ? -1 : model_.world;
    one.lodged = model_.now;
    base::Bytes nonce(16);
    for (auto& octet : nonce) octet = static_cast<std::uint8_t>(chance_());
    const auto text =
        *request_text({one.op, params(one), "test"}, "operator", "",
                      stale ? base::Digest{} : state_->world(), one.created, one.ends, nonce);
    one.id = base::sha256(base::as_bytes(text));
    const bool taken = model_.takes(one);
    line("request", object("request", text), taken);
    if (taken) model_.asks.push_back(one);
    if (taken && below(6) == 0) line("request", object("request", text), false);  // replayed
  }
  void vote(Ask& one) {
    const int who = below(kCast);
    const bool reject = below(8) == 0;
    const bool taken = model_.takes_vote(one, who);
    const auto& person = cast_[static_cast<std::size_t>(who)];
    line("vote",
         object("vote",
                person.vote(one.id, model_.now, reject ? Decision::reject : Decision::approve)),
         taken);
    if (!taken) return;
    one.voted.insert(who);
    if (reject)
      one.standing = "rejected";
    else
      one.yes.insert(who);
  }
  void carry_out(Ask& one) {
    const auto name = object("request", base::to_hex(one.id));
    const bool begins = model_.executes(one);
    line("executing", name, begins);
    if (HasFatalFailure() || !begins) return;
    one.standing = "executing";
    line("executing", name, false);
    if (below(6) == 0) {
      line("failed",
           *base::canonical_json(
               *base::parse_json(R"({"request":")" + base::to_hex(one.id) + R"(","why":"x"})")),
           true);
      one.standing = "failed";
      return;
    }
    const std::string inventory = R"("inventory":")" + std::string(64, 'a') + "\"";
    const auto result = one.op == "key.generate"
                            ? "{" + inventory + R"(,"keys":[{"algorithm":"ecdsa_p256","id":")" +
                                  std::string(40, 'b') + R"(","label":")" + one.key +
                                  R"(","protection":"token","purpose":"seal","spki":"AAAA"}]})"
                        : one.op == "key.destroy" ? "{" + inventory + "}"
                                                  : std::string("{}");
    line("done",
         *base::canonical_json(*base::parse_json(R"({"request":")" + base::to_hex(one.id) +
                                                 R"(","result":)" + result + "}")),
         true);
    model_.done(one);
  }
  void stop_a_key() {
    const std::string label = kLabels[below(2)];
    const auto it = model_.keys.find(label);
    const bool taken = it != model_.keys.end() && it->second == "active";
    line("event", R"({"label":")" + label + R"(","what":"suspended","why":"x"})", taken);
    if (taken) it->second = "suspended";
  }
  void compare() {
    ASSERT_EQ(state_->keys().size(), model_.keys.size());
    for (const auto& [label, state] : model_.keys)
      ASSERT_EQ(to_string(state_->key(label)->state), state) << label;
    ASSERT_EQ(state_->officers(model_.now), model_.officers());
    ASSERT_EQ(state_->asked().size(), model_.asks.size());
    for (const auto& one : model_.asks)
      ASSERT_EQ(to_string(state_->find(one.id)->standing), one.standing) << one.op;
  }
  void run(unsigned seed) {
    chance_.seed(seed);
    state_.emplace();
    model_ = {};
    model_.now = start_;
    n_ = 0;
    head_ = {};
    line("genesis", founding_, true);
    for (int step = 0; step < kSteps && !HasFatalFailure(); ++step) {
      // Mostly what was asked last: else nothing would ever be approved by two.
      const auto count = static_cast<int>(model_.asks.size());
      auto* one =
          count == 0
              ? nullptr
              : &model_.asks[static_cast<std::size_t>(below(3) == 0 ? below(count) : count - 1)];
      const int what = below(16);
      if (one == nullptr || what < 4)
        ask();
      else if (what < 11)
        vote(*one);
      else if (what < 14)
        carry_out(*one);
      else if (what < 15)
        stop_a_key();
      else
        model_.now += hours(1 + below(6));
      if (!HasFatalFailure()) compare();
    }
    for (const auto& one : model_.asks) finished_ += one.standing == "done";
  }

  const base::Time start_ = std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
  std::vector<test::Officer> cast_;
  std::string founding_;
  std::mt19937 chance_;
  std::optional<State> state_;
  Model model_;
  std::int64_t n_ = 0;
  base::Digest head_{};
  int finished_ = 0;
};

TEST_F(OfficersModel, StateAndModelAgreeOnEveryLine) {
  for (unsigned seed = 1; seed <= kSequences; ++seed) {
    run(seed);
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
  }
  EXPECT_GT(finished_, kSequences / 4) << "the sequences reach too little";
}

}  // namespace
}  // namespace hsm::officers
