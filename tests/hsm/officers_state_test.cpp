// The officers' rules, line by line: what one may not do alone, what is refused, what dies.
#include <gtest/gtest.h>

#include <fstream>

#include "base/canonical_json.h"
#include "base/encoding.h"
#include "hsm/officers/state.h"
#include "tests/support/officers.h"

namespace hsm::officers {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::Officer;

const base::Time kStart = std::chrono::floor<std::chrono::seconds>(
    base::SystemClock().now());  // certificates of the test's officers are made now

class OfficersState : public testing::Test {
 protected:
  OfficersState()
      : people_{Officer("an"), Officer("bo"), Officer("chen"), Officer("dai", Role::auditor)} {
    base::check(write("genesis", test::genesis(people_, test::small_policy(), "token", now_)).ok(), "founding");
  }

  base::Result<void> write(std::string_view kind, const std::string& body) {
    auto line = make_line(++n_, now_, kind, body, head_);
    auto done = state_.apply(line);
    if (done.ok())
      head_ = line.hash;
    else
      --n_;
    lines_.push_back(line);
    if (!done.ok()) lines_.pop_back();
    return done;
  }
  static std::string body(std::string_view name, std::string_view value) {
    base::JsonWriter out;
    out.StartObject();
    out.member(name, value);
    out.EndObject();
    return *base::canonical_json(*base::parse_json(out.text()));
  }
  std::string text(const std::string& op, const std::string& params, hours life = hours(24)) {
    const base::Bytes nonce(16, ++nonce_);
    return *request_text({op, params, "test"}, "operator", "serial", state_.world(), now_,
                         now_ + life, nonce);
  }
  base::Digest ask(const std::string& op, const std::string& params) {
    const auto request = text(op, params);
    const auto done = write("request", body("request", request));
    EXPECT_TRUE(done.ok()) << done.error().key << " " << done.error().detail;
    return base::sha256(base::as_bytes(request));
  }
  std::string refused_ask(const std::string& op, const std::string& params) {
    const auto done = write("request", body("request", text(op, params)));
    return done.ok() ? "taken" : done.error().key;
  }
  std::string vote(const Officer& who, const base::Digest& id,
                   Decision decision = Decision::approve) {
    const auto done = write("vote", body("vote", who.vote(id, now_, decision)));
    return done.ok() ? "" : done.error().key;
  }
  std::string execute(const base::Digest& id) {
    const auto done = write("executing", body("request", base::to_hex(id)));
    return done.ok() ? "" : done.error().key;
  }
  std::string finish(const base::Digest& id, const std::string& result = "{}") {
    const auto done =
        write("done", *base::canonical_json(*base::parse_json("{\"request\":\"" + base::to_hex(id) +
                                                              "\",\"result\":" + result + "}")));
    return done.ok() ? "" : done.error().key + " " + done.error().detail;
  }
  /// Asked, approved by two, done.
  void do_it(const std::string& op, const std::string& params, const std::string& result = "{}") {
    const auto id = ask(op, params);
    EXPECT_EQ(vote(people_[0], id), "");
    EXPECT_EQ(vote(people_[1], id), "");
    EXPECT_EQ(execute(id), "");
    EXPECT_EQ(finish(id, result), "");
  }
  static std::string person_json(const Officer& who) {
    base::JsonWriter out;
    write_person(out, who.person());
    return "{\"person\":" + out.text() + "}";
  }
  /// A key made, as the signer would tell it.
  std::string key_result(const std::string& label, const std::string& purpose) {
    const auto& spki = people_[0].person().public_key;
    return R"({"inventory":")" + std::string(64, 'a') +
           R"(","keys":[{"algorithm":"ecdsa_p256",)"
           R"("id":")" +
           std::string(40, 'b') + R"(","label":")" + label +
           R"(","protection":"token","purpose":")" + purpose + R"(","spki":")" +
           base::to_base64(spki) + R"("}]})";
  }
  static std::string generate(const std::string& label, const std::string& purpose,
                              bool activate = true) {
    return std::string(R"({"activate":)") + (activate ? "true" : "false") +
           R"(,"keys":[{"algorithm":"ecdsa_p256","label":")" + label + R"(","purpose":")" +
           purpose + R"("}]})";
  }
  static std::string step(const std::string& label, const std::string& state) {
    return R"({"keys":[{"id":")" + std::string(40, 'b') + R"(","label":")" + label +
           R"(","state":")" + state + R"("}]})";
  }

  base::Time now_ = kStart;
  std::vector<Officer> people_;
  State state_;
  std::vector<Line> lines_;
  std::int64_t n_ = 0;
  base::Digest head_{};
  std::uint8_t nonce_ = 0;
};

TEST_F(OfficersState, EverybodySignsTheFoundingOrThereIsNone) {
  const auto good = test::genesis(people_, test::small_policy(), "token", now_);
  EXPECT_TRUE(read_genesis(good, now_).ok());
  auto without = people_;
  without.pop_back();
  const auto document = *genesis_document(
      {people_[0].person(), people_[1].person(), people_[2].person(), people_[3].person()},
      test::small_policy(), "token", now_);
  std::vector<std::string> signatures;
  for (const auto& one : without)
    signatures.push_back(one.vote(base::sha256(base::as_bytes(document)), now_, Decision::found));
  EXPECT_EQ(read_genesis(genesis_body(document, signatures), now_).error().key,
            "hsm.officers.genesis");
  // A stranger's signature in place of the missing one.
  signatures.push_back(
      Officer("dai").vote(base::sha256(base::as_bytes(document)), now_, Decision::found));
  EXPECT_FALSE(read_genesis(genesis_body(document, signatures), now_).ok());
}

TEST_F(OfficersState, ThereIsAlwaysOneOfficerMoreThanAnyActNeeds) {
  auto policy = test::small_policy();
  policy.needed["key.destroy"] = 3;
  EXPECT_EQ(read_genesis(test::genesis(people_, policy, "token", now_), now_).error().key,
            "hsm.officers.too_few");
  EXPECT_EQ(refused_ask("officer.retire", R"({"id":"an"})"), "hsm.officers.too_few");
  // An auditor's going changes nothing about that.
  do_it("officer.retire", R"({"id":"dai"})");
  EXPECT_TRUE(state_.people().at("dai").retired);
}

TEST_F(OfficersState, OnePersonIsOneVoteWhateverTheNumberOfNamesOrCertificates) {
  const auto two_names = std::vector<Officer>{people_[0], people_[1], people_[2]};
  auto persons = std::vector<Person>{people_[0].person(), people_[1].person(), people_[2].person()};
  persons.push_back(persons.front());
  persons.back().id = "another-name";
  const auto document = *genesis_document(persons, test::small_policy(), "token", now_);
  std::vector<std::string> signatures;
  for (const auto& one : two_names)
    signatures.push_back(one.vote(base::sha256(base::as_bytes(document)), now_, Decision::found));
  EXPECT_EQ(read_genesis(genesis_body(document, signatures), now_).error().key,
            "hsm.officers.same_key");
}

TEST_F(OfficersState, OneOfficerAloneIsNotEnoughForAnySensitiveAct) {
  do_it("key.generate", generate("seal-1", "seal"), key_result("seal-1", "seal"));
  for (const auto& [op, params] : std::vector<std::pair<std::string, std::string>>{
           {"key.generate", generate("seal-2", "seal")},
           {"key.deactivate", step("seal-1", "active")},
           {"policy.set", R"({"backup_before_use":false,"destroy_grace_h":0,"list_life_h":24,)"
                          R"("needed":{},"request_life_h":2})"},
           {"officer.retire", R"({"id":"dai"})"},
           {"officer.enrol", person_json(Officer("eve"))},
           {"key.backup", R"({"file":"b1","officers":["an","bo","chen"],"threshold":2})"}}) {
    const auto request = text(op, params);
    if (op == "policy.set") {  // three usual officers do not fit three people
      EXPECT_EQ(write("request", body("request", request)).error().key, "hsm.officers.too_few");
      continue;
    }
    ASSERT_TRUE(write("request", body("request", request)).ok()) << op;
    const auto id = base::sha256(base::as_bytes(request));
    EXPECT_EQ(execute(id), "hsm.officers.too_few_approvals") << op;
    EXPECT_EQ(vote(people_[0], id), "") << op;
    EXPECT_EQ(execute(id), "hsm.officers.too_few_approvals") << op;
  }
}

TEST_F(OfficersState, ADoubleAForgedAndAnOutsidersVoteAreRefused) {
  const auto id = ask("key.generate", generate("seal-1", "seal"));
  EXPECT_EQ(vote(people_[0], id), "");
  EXPECT_EQ(vote(people_[0], id), "hsm.officers.voted_already");
  EXPECT_EQ(vote(people_[3], id), "hsm.officers.no_vote") << "an auditor approves nothing";
  EXPECT_EQ(vote(Officer("eve"), id), "hsm.officers.no_vote");
  EXPECT_EQ(vote(Officer("bo"), id), "hsm.officers.forged") << "bo's name, another key";
  EXPECT_EQ(execute(id), "hsm.officers.too_few_approvals");
  // One changed byte in a good vote.
  auto jws = people_[1].vote(id, now_);
  jws[jws.size() - 10] = jws[jws.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(write("vote", body("vote", jws)).ok());
}

TEST_F(OfficersState, AVoteIsForOneRequestOnly) {
  const auto first = ask("key.generate", generate("seal-1", "seal"));
  const auto second = ask("key.generate", generate("seal-2", "seal"));
  EXPECT_EQ(vote(people_[0], first), "");
  EXPECT_EQ(vote(people_[1], first), "");
  EXPECT_EQ(execute(second), "hsm.officers.too_few_approvals");
  // A request with one letter changed is another request, which nobody knows.
  auto altered = base::sha256(base::as_bytes(text("key.generate", generate("seal-9", "seal"))));
  EXPECT_EQ(vote(people_[0], altered), "hsm.officers.no_request");
}

TEST_F(OfficersState, AnActIsCarriedOutOnceAndNotReplayed) {
  const auto request = text("key.generate", generate("seal-1", "seal"));
  ASSERT_TRUE(write("request", body("request", request)).ok());
  const auto id = base::sha256(base::as_bytes(request));
  EXPECT_EQ(write("request", body("request", request)).error().key, "hsm.officers.asked_already");
  EXPECT_EQ(vote(people_[0], id), "");
  EXPECT_EQ(vote(people_[1], id), "");
  EXPECT_EQ(execute(id), "");
  EXPECT_EQ(execute(id), "hsm.officers.not_open");
  EXPECT_EQ(finish(id, key_result("seal-1", "seal")), "");
  EXPECT_EQ(execute(id), "hsm.officers.not_open");
  EXPECT_EQ(write("request", body("request", request)).error().key, "hsm.officers.asked_already");
}

TEST_F(OfficersState, RequestsAndTheirApprovalsExpire) {
  EXPECT_EQ(
      write("request", body("request", text("key.generate", generate("a", "seal"), hours(25))))
          .error()
          .key,
      "hsm.officers.request");
  const auto id = ask("key.generate", generate("seal-1", "seal"));
  EXPECT_EQ(vote(people_[0], id), "");
  EXPECT_EQ(vote(people_[1], id), "");
  now_ += hours(24);
  EXPECT_EQ(execute(id), "hsm.officers.expired");
  EXPECT_EQ(vote(people_[2], id), "hsm.officers.expired");
}

TEST_F(OfficersState, ApprovalsDieWhenOfficersOrPolicyChange) {
  const auto id = ask("key.generate", generate("seal-1", "seal"));
  EXPECT_EQ(vote(people_[0], id), "");
  EXPECT_EQ(vote(people_[1], id), "");
  do_it("officer.enrol", person_json(Officer("eve")));
  EXPECT_EQ(execute(id), "hsm.officers.world_changed");
}

TEST_F(OfficersState, WhomItConcernsHasNoVote) {
  do_it("officer.enrol", person_json(Officer("eve")));
  const auto id = ask("officer.retire", R"({"id":"bo"})");
  EXPECT_EQ(vote(people_[1], id), "hsm.officers.concerned");
  EXPECT_EQ(vote(people_[0], id), "");
  EXPECT_EQ(vote(people_[2], id), "");
  EXPECT_EQ(execute(id), "");
  EXPECT_EQ(finish(id), "");
  const auto next = ask("key.generate", generate("seal-1", "seal"));
  EXPECT_EQ(vote(people_[1], next), "hsm.officers.no_vote");
}

TEST_F(OfficersState, OneOfficerCanStopARequestForEver) {
  const auto id = ask("key.generate", generate("seal-1", "seal"));
  EXPECT_EQ(vote(people_[0], id), "");
  EXPECT_EQ(vote(people_[1], id, Decision::reject), "");
  EXPECT_EQ(vote(people_[2], id), "hsm.officers.not_open");
  EXPECT_EQ(execute(id), "hsm.officers.not_open");
}

TEST_F(OfficersState, KeysGoThroughTheirStatesAndNoOtherWay) {
  do_it("key.generate", generate("seal-1", "seal", false), key_result("seal-1", "seal"));
  EXPECT_EQ(state_.key("seal-1")->state, KeyState::pre_active);
  EXPECT_EQ(refused_ask("key.suspend", step("seal-1", "pre_active")), "hsm.officers.state");
  do_it("key.activate", step("seal-1", "pre_active"));
  EXPECT_EQ(state_.key("seal-1")->state, KeyState::active);
  EXPECT_EQ(refused_ask("key.destroy", step("seal-1", "active")), "hsm.officers.state");
  // Stopping is cheap: one officer. Starting again is not.
  const auto stop = ask("key.suspend", step("seal-1", "active"));
  EXPECT_EQ(vote(people_[2], stop), "");
  EXPECT_EQ(execute(stop), "");
  EXPECT_EQ(finish(stop), "");
  EXPECT_EQ(state_.key("seal-1")->state, KeyState::suspended);
  const auto resume = ask("key.resume", step("seal-1", "suspended"));
  EXPECT_EQ(vote(people_[2], resume), "");
  EXPECT_EQ(execute(resume), "hsm.officers.too_few_approvals");
  EXPECT_EQ(vote(people_[0], resume), "");
  EXPECT_EQ(execute(resume), "");
  EXPECT_EQ(finish(resume), "");
  // A request written for a state that has passed does nothing.
  EXPECT_EQ(refused_ask("key.deactivate", step("seal-1", "suspended")), "hsm.officers.state");
  auto compromise = step("seal-1", "active");
  compromise.insert(compromise.size() - 1,
                    ",\"since\":\"" + base::to_rfc3339(now_ - hours(48)) + "\"");
  do_it("key.compromise", compromise);
  EXPECT_EQ(state_.key("seal-1")->state, KeyState::compromised);
  EXPECT_EQ(*state_.key("seal-1")->invalid_since, now_ - hours(48));
  EXPECT_EQ(refused_ask("key.resume", step("seal-1", "compromised")), "hsm.officers.state");
  EXPECT_EQ(refused_ask("key.activate", step("seal-1", "compromised")), "hsm.officers.state");
}

TEST_F(OfficersState, DestroyingWaitsItsGraceAndCanBeStoppedMeanwhile) {
  auto policy = test::small_policy();
  policy.destroy_grace_h = 720;
  base::JsonWriter out;
  write_policy(out, policy);
  do_it("policy.set", out.text());
  do_it("key.generate", generate("seal-1", "seal", false), key_result("seal-1", "seal"));
  const auto request = text("key.destroy", step("seal-1", "pre_active"), hours(744));
  ASSERT_TRUE(write("request", body("request", request)).ok());
  const auto id = base::sha256(base::as_bytes(request));
  EXPECT_EQ(vote(people_[0], id), "");
  EXPECT_EQ(vote(people_[1], id), "");
  EXPECT_EQ(execute(id), "hsm.officers.grace");
  now_ += hours(719);
  EXPECT_EQ(execute(id), "hsm.officers.grace");
  now_ += hours(2);
  EXPECT_EQ(execute(id), "");
}

TEST_F(OfficersState, AKeyIsUsedOnlyAfterAProvenBackupWhereThePolicySaysSo) {
  auto policy = test::small_policy();
  policy.backup_before_use = true;
  base::JsonWriter out;
  write_policy(out, policy);
  do_it("policy.set", out.text());
  EXPECT_EQ(refused_ask("key.generate", generate("seal-1", "seal", true)), "hsm.officers.state");
  do_it("key.generate", generate("seal-1", "seal", false), key_result("seal-1", "seal"));
  EXPECT_EQ(refused_ask("key.activate", step("seal-1", "pre_active")), "hsm.officers.state");
  do_it("backup.prove", R"({"backup":")" + std::string(64, 'c') + R"(","keys":[")" +
                            std::string(40, 'b') + R"("],"report":")" + std::string(64, 'd') +
                            R"("})");
  do_it("key.activate", step("seal-1", "pre_active"));
  EXPECT_EQ(state_.key("seal-1")->state, KeyState::active);
}

TEST_F(OfficersState, AnExpiredCertificateHasNoVote) {
  const Officer brief("eve", Role::officer, hours(2));
  do_it("officer.enrol", person_json(brief));
  now_ += hours(3);
  const auto id = ask("key.generate", generate("seal-1", "seal"));
  EXPECT_EQ(vote(brief, id), "hsm.officers.no_vote");
}

TEST_F(OfficersState, TheLedgerIsReadBackAndEveryAlterationIsFound) {
  do_it("key.generate", generate("seal-1", "seal"), key_result("seal-1", "seal"));
  const auto file = std::filesystem::temp_directory_path() /
                    ("xinyin-ledger-" + std::to_string(::getpid()) + ".jsonl");
  const auto save = [&](const std::vector<std::string>& texts) {
    std::ofstream out(file, std::ios::trunc);
    for (const auto& one : texts) out << one << "\n";
  };
  const auto opens = [&] {
    State again;
    return LedgerFile::open(file, [&](const Line& line) { return again.apply(line); }).ok();
  };
  std::vector<std::string> texts;
  for (const auto& line : lines_) texts.push_back(line.text());
  save(texts);
  ASSERT_TRUE(opens());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto altered = texts;
    auto& text = altered[i];
    text[text.size() / 2] = text[text.size() / 2] == 'x' ? 'y' : 'x';
    save(altered);
    EXPECT_FALSE(opens()) << "line " << i + 1 << " altered";
    if (i + 1 < texts.size()) {
      altered = texts;
      altered.erase(altered.begin() + static_cast<std::ptrdiff_t>(i));
      save(altered);
      EXPECT_FALSE(opens()) << "line " << i + 1 << " removed";
      altered = texts;
      std::swap(altered[i], altered[i + 1]);
      save(altered);
      EXPECT_FALSE(opens()) << "line " << i + 1 << " moved";
    }
  }
  // Forged with all hashes put right again: the votes are missing.
  base::Digest prev{};
  std::vector<std::string> forged;
  std::int64_t n = 0;
  for (const auto& line : lines_) {
    if (line.kind == "vote" && forged.size() == 3) continue;
    const auto made = make_line(++n, line.at, line.kind, line.body, prev);
    prev = made.hash;
    forged.push_back(made.text());
  }
  ASSERT_EQ(forged.size() + 1, texts.size());
  save(forged);
  EXPECT_FALSE(opens()) << "a vote taken out and the chain mended";
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace hsm::officers
