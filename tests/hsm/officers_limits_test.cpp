// What the signer does by itself has limits: how many lists a day, and how often it tries an act
// that ends it.
#include <gtest/gtest.h>

#include "tests/hsm/governed.h"
#include "tests/hsm/wait_until.h"

namespace hsm::officers {
namespace {

using std::chrono::hours;

// ---- lists -------------------------------------------------------------------------------------

class ListLimit : public testing::Test {
 protected:
  static constexpr int kMost = 4;
  static test::Governed::Options options() {
    test::Governed::Options out{{{"root-ca", Algorithm::ecdsa_p256, Purpose::root_ca},
                                 {"issuing-ca", Algorithm::ecdsa_p256, Purpose::issuing_ca}}};
    out.policy.lists_per_day = kMost;
    return out;
  }
  /// A revocation list that is empty but for its number.
  base::Bytes list(int number) {
    const auto utc = [](base::Time at) {
      const auto text = base::to_rfc3339(at);
      return "170d" + base::to_hex(base::as_bytes(text.substr(2, 2) + text.substr(5, 2) +
                                                  text.substr(8, 2) + text.substr(11, 2) +
                                                  text.substr(14, 2) + text.substr(17, 2) + "Z"));
    };
    const auto digits = base::to_hex(base::Bytes{static_cast<std::uint8_t>(number)});
    return base::from_hex("304c020101300a06082a8648ce3d040302300d310b3009060355040a0c024341" +
                          utc(house_.now()) + utc(house_.now() + hours(24)) +
                          "a00e300c300a0603551d1404030201" + digits)
        .value();
  }
  std::string asks(const std::string& label, int number) {
    const auto told = house_.officer().officers(
        "content", R"({"content":")" + base::to_base64(list(number)) + R"(","id":")" +
                       house_.key_member(label, "id") + R"(","label":")" + label + R"("})");
    return told.ok() ? "" : told.error().key;
  }

  test::Governed house_{options()};
};

TEST_F(ListLimit, AKeySignsNoMoreListsADayThanThePolicySaysOverARestartToo) {
  for (int number = 1; number < kMost; ++number) EXPECT_EQ(asks("root-ca", number), "") << number;
  house_.start();
  EXPECT_EQ(asks("root-ca", kMost), "");
  EXPECT_EQ(asks("root-ca", kMost + 1), "hsm.officers.list_limit");
  EXPECT_EQ(asks("root-ca", kMost + 1), "hsm.officers.list_limit");
  EXPECT_EQ(asks("issuing-ca", 1), "") << "another key has its own day";
  const auto log = house_.signer().log();
  const auto first = log.find("hsm.officers.list_limit");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("hsm.officers.list_limit", first + 1), std::string::npos)
      << "the alarm is raised once: " << log;
  EXPECT_NE(house_.ledger_text().find("hsm.officers.list_limit: root-ca: 4"), std::string::npos)
      << "the refusal is written down";
  house_.start();
  EXPECT_EQ(asks("root-ca", kMost + 1), "hsm.officers.list_limit");
  EXPECT_EQ(house_.key_member("root-ca", "label"), "root-ca");
  const auto state = house_.state();
  EXPECT_EQ(state["lists_per_day"].GetInt(), kMost);
  for (const auto& key : state["keys"].GetArray())
    if (base::json_text(key, "label") == "root-ca") {
      EXPECT_EQ(key["lists_today"].GetInt(), kMost);
      EXPECT_EQ(key["crl_number"].GetInt(), kMost);
    }
  // Officers, by their own rule, raise it.
  auto policy = options().policy;
  policy.lists_per_day = kMost + 1;
  base::JsonWriter out;
  write_policy(out, policy);
  const auto raised =
      house_.officer().officers("execute", house_.approved("policy.set", out.text()));
  ASSERT_TRUE(raised.ok()) << raised.error().key;
  EXPECT_EQ(asks("root-ca", kMost + 1), "");
  EXPECT_EQ(asks("root-ca", kMost + 2), "hsm.officers.list_limit");
  EXPECT_TRUE(house_.ledger_holds().ok());
}

// ---- tries -------------------------------------------------------------------------------------

class DeadlyAct : public testing::Test {
 protected:
  static std::size_t count(const std::string& text, const std::string& what) {
    std::size_t out = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++out;
    return out;
  }
  std::string failed_line() const {
    const auto text = house_->ledger_text();
    const auto at = text.find("\"kind\":\"failed\"");
    if (at == std::string::npos) return {};
    const auto begin = text.rfind('\n', at) + 1;
    return text.substr(begin, text.find('\n', at) - begin);
  }
  std::unique_ptr<test::Governed> house_;
};

/// An act that ends the worker each time is begun three times, told as failed, and the same signer
/// serves on; what it had prepared of a new token is gone.
TEST_F(DeadlyAct, IsGivenUpAfterThreeTriesAndTheSignerServesAgain) {
  house_ = std::make_unique<test::Governed>(test::Governed::Options{
      {{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}}, {"token.recheck_ms = 200"}});
  const auto id =
      house_->approved("key.generate", test::Governed::generate("seal-2", "ecdsa_p256", "seal"));
  house_->settings().emplace_back("testing.fail_point = officers.each_try");
  house_->start();
  auto hasty = house_->officer(std::chrono::seconds(2));
  (void)hasty.officers("execute", id);  // it died before it could answer
  ASSERT_TRUE(test::wait_until([&] { return house_->standing(id) == "failed"; }))
      << house_->standing(id) << house_->signer().log();
  EXPECT_NE(failed_line().find("hsm.officers.gave_up"), std::string::npos) << failed_line();
  const auto text = house_->ledger_text();
  EXPECT_EQ(count(text, R"("kind":"executing")"), 2u) << "the adoption's, and this one's";
  EXPECT_EQ(count(text, R"("what":"retry")"), 2u);
  EXPECT_NE(house_->signer().log().find("act given up"), std::string::npos);
  // The same process that was killed three times serves, keys as they were.
  auto client = house_->service();
  const auto key = client.key("seal-1");
  ASSERT_TRUE(key.ok()) << key.error().key;
  EXPECT_TRUE((*key)->sign(base::sha256(base::as_bytes("x"))).ok());
  EXPECT_EQ(house_->key_member("seal-2", "state"), "");
  EXPECT_FALSE(std::filesystem::exists(house_->token().tokens().string() + ".next"));
  EXPECT_EQ(house_->officer().officers("execute", id).error().key, "hsm.officers.not_open");
  // Asked for anew, where nothing kills it, it works.
  house_->settings().pop_back();
  house_->start();
  const auto again = house_->officer().officers(
      "execute",
      house_->approved("key.generate", test::Governed::generate("seal-2", "ecdsa_p256", "seal")));
  EXPECT_TRUE(again.ok()) << again.error().key;
  EXPECT_TRUE(house_->ledger_holds().ok());
}

/// The count is in the ledger: whoever takes a try out, or adds one, has another ledger.
TEST_F(DeadlyAct, ItsTriesStandInTheLedgerAndCannotBeTakenBack) {
  house_ = std::make_unique<test::Governed>(test::Governed::Options{
      {{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}},
      {"token.recheck_ms = 200"}});
  house_->settings().emplace_back("testing.fail_point = officers.executing");
  house_->start();
  // Killed once between the line and the deed: begun again once, and done.
  const auto id = house_->approved("key.suspend", house_->step("seal-1"), 1);
  auto hasty = house_->officer(std::chrono::seconds(2));
  (void)hasty.officers("execute", id);
  ASSERT_TRUE(test::wait_until([&] { return house_->standing(id) == "done"; }))
      << house_->standing(id);
  EXPECT_EQ(count(house_->ledger_text(), R"("what":"retry")"), 1u);
  ASSERT_TRUE(house_->ledger_holds().ok());

  // Read line by line, with a try that was not, or one too many.
  const auto text = house_->ledger_text();
  const auto replay = [&](const std::function<bool(std::vector<Line>&)>& bend) {
    std::vector<Line> lines;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      lines.push_back(read_line(text.substr(at, end - at)).value());
      at = end + 1;
    }
    base::check(bend(lines), "no such line");
    State state;
    base::Digest head{};
    std::int64_t n = 0;
    for (const auto& one : lines) {
      const auto line = make_line(++n, one.at, one.kind, one.body, head);
      if (const auto taken = state.apply(line); !taken.ok()) return taken.error().detail;
      head = line.hash;
    }
    return std::string();
  };
  const auto retry = [](const Line& line) { return line.body.find("\"retry\"") != line.body.npos; };
  EXPECT_EQ(replay([](auto&) { return true; }), "");
  EXPECT_NE(replay([&](auto& lines) {
              const auto at = std::find_if(lines.begin(), lines.end(), retry);
              if (at == lines.end()) return false;
              lines.insert(at, *at);
              return true;
            }),
            "")
      << "the second try told twice";
  EXPECT_NE(replay([&](auto& lines) {
              const auto at = std::find_if(lines.begin(), lines.end(), retry);
              if (at == lines.end()) return false;
              lines.push_back(*at);
              return true;
            }),
            "")
      << "a try of what is done";
}

}  // namespace
}  // namespace hsm::officers
