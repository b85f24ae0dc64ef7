// The real signer over a SoftHSM token whose keys three officers govern, for one test suite: keys
// are provisioned and adopted by the officers' approval. With the shim in front, rules() break it.
#pragma once

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/json.h"
#include "hsm/client.h"
#include "hsm/inventory.h"
#include "hsm/officers/state.h"
#include "test_paths.h"
#include "tests/support/officers.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace test {

class Governed {
 public:
  struct Options {
    std::vector<hsm::PlannedKey> keys;
    std::vector<std::string> settings = {};
    std::filesystem::path program = XINYIN_BIN_DIR "/xinyin-signer";
    std::filesystem::path shim_module = {};  ///< empty: none
    hsm::officers::Policy policy = small_policy();
  };
  explicit Governed(Options options) : token_(options.keys), options_(std::move(options)) {
    std::ofstream(token_.directory() / "genesis.json")
        << genesis(people_, options_.policy, token_.label(), clock_.now()) << "\n";
    rules("");
    start();
    if (!options_.keys.empty()) adopt();
  }

  void start() {
    signer_.reset();
    Signer::Options options;
    options.program = options_.program;
    options.module = options_.shim_module;
    options.settings = options_.settings;
    for (const auto& one :
         {"token.directory = " + token_.tokens().string(), std::string("token.writable_ok = true"),
          "officers.genesis = " + (token_.directory() / "genesis.json").string(),
          "officers.ledger = " + ledger().string()})
      options.settings.push_back(one);
    options.environment = {"P11_SHIM_CONTROL=" + (token_.directory() / "rules").string()};
    signer_ = std::make_unique<Signer>(token_, std::move(options));
  }
  /// Replaces the shim's rules in one step.
  void rules(const std::string& text) {
    const auto path = (token_.directory() / "rules").string();
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  std::filesystem::path ledger() const { return token_.directory() / "ledger.jsonl"; }
  std::string ledger_text() const {
    std::ifstream file(ledger(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  /// Of the signer; taken up by start().
  std::vector<std::string>& settings() { return options_.settings; }
  Signer& signer() { return *signer_; }
  Token& token() { return token_; }
  const std::vector<Officer>& people() const { return people_; }
  base::Time now() const { return std::chrono::floor<std::chrono::seconds>(clock_.now()); }
  hsm::Client officer(std::chrono::milliseconds patience = std::chrono::seconds(60)) {
    return hsm::Client(signer_->officer(patience));
  }
  hsm::Client service(std::chrono::milliseconds patience = std::chrono::seconds(60)) {
    return hsm::Client(signer_->client(patience));
  }
  rapidjson::Document state() {
    const auto told = officer().officers("state");
    base::check(told.ok(), "no state");
    return std::move(base::parse_json(*told, {16 << 20, 12})).value();
  }
  std::string text(const std::string& op, const std::string& params) {
    const auto world = base::from_hex(base::json_text(state(), "world")).value();
    base::Digest digest{};
    std::copy(world.begin(), world.end(), digest.begin());
    return *hsm::officers::request_text({op, params, "test"}, "operator", "", digest, now(),
                                        now() + std::chrono::hours(2), random_.bytes(16));
  }
  /// Asked and approved by so many; its name.
  std::string approved(const std::string& op, const std::string& params, std::size_t votes = 2) {
    const auto request = text(op, params);
    const auto id = base::sha256(base::as_bytes(request));
    auto client = officer();
    must(client.officers("submit", request));
    for (std::size_t i = 0; i < votes; ++i)
      must(client.officers("vote", people_[i].vote(id, now())));
    return base::to_hex(id);
  }
  std::string standing(const std::string& id) {
    const auto told = officer().officers("request", id);
    if (!told.ok()) return told.error().key;
    return std::string(base::json_text(*base::parse_json(*told, {16 << 20, 12}), "standing"));
  }
  std::string key_member(const std::string& label, const char* member) {
    const auto told = state();
    for (const auto& key : told["keys"].GetArray())
      if (base::json_text(key, "label") == label) return std::string(base::json_text(key, member));
    return {};
  }
  std::string step(const std::string& label) {
    return R"({"keys":[{"id":")" + key_member(label, "id") + R"(","label":")" + label +
           R"(","state":")" + key_member(label, "state") + R"("}]})";
  }
  static std::string generate(const std::string& label, const std::string& algorithm,
                              const std::string& purpose) {
    return R"({"activate":true,"keys":[{"algorithm":")" + algorithm + R"(","label":")" + label +
           R"(","purpose":")" + purpose + R"("}]})";
  }
  /// Everything in the file, checked again from its first line.
  base::Result<void> ledger_holds() {
    signer_.reset();
    hsm::officers::State again;
    const auto opened = hsm::officers::LedgerFile::open(
        ledger(), [&](const hsm::officers::Line& line) { return again.apply(line); });
    return opened.ok() ? base::Result<void>{} : opened.error();
  }
  base::SystemRandom& random() { return random_; }

 private:
  static void must(const base::Result<std::string>& done) {
    if (!done.ok()) base::fail(done.error().key + ": " + done.error().detail);
  }
  void adopt() {
    std::ifstream file(token_.inventory(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    const auto inventory = hsm::Inventory::from_text(bytes).value();
    std::string keys;
    for (const auto& one : inventory.keys)
      keys += (keys.empty() ? "" : ",") +
              (R"({"algorithm":")" + std::string(to_string(one.key.algorithm))) + R"(","id":")" +
              one.key.id.value() + R"(","label":")" + one.key.label + R"(","purpose":")" +
              std::string(to_string(one.key.purpose)) + R"("})";
    must(officer().officers(
        "execute", approved("key.adopt", R"({"inventory":")" +
                                             base::to_hex(base::sha256(base::as_bytes(bytes))) +
                                             R"(","keys":[)" + keys + "]}")));
  }

  base::SystemClock clock_;
  base::SystemRandom random_;
  Token token_;
  Options options_;
  std::vector<Officer> people_{Officer("an"), Officer("bo"), Officer("chen")};
  std::unique_ptr<Signer> signer_;
};

}  // namespace test
