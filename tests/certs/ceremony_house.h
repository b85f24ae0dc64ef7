// What the tests of the ceremony share: three officers' cards, the real signer with an empty token,
// a real database, and the real command line.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/json.h"
#include "certs/chain.h"
#include "certs/pki_directory.h"
#include "hsm/client.h"
#include "hsm/officers/request.h"
#include "test_paths.h"
#include "tests/certs/support.h"
#include "tests/support/postgres.h"
#include "tests/support/signer.h"
#include "tests/support/token.h"

namespace test {

using Files = certs::PkiDirectory;
inline constexpr std::int64_t kCertificates = 12, kKeys = 14;
/// Of them in the SM2 line: root, issuing authority, maker and sealer.
inline constexpr std::int64_t kSm2Certificates = 4;
inline const std::string kXinyin = XINYIN_BIN_DIR "/xinyin";

/// The officers of the demonstration's plan, and people who are none; their cards outlive the
/// single tests, which only sign with them.
class Cards {
 public:
  Cards() {
    for (const auto* who : {"jia", "yi", "bing", "wang"}) make(who);
    write_file(directory_ / "founding.conf", "database.service = host=/nonexistent\n");
    const auto done =
        found(XINYIN_SOURCE_DIR "/certs/demo_ceremony.json", {"jia", "yi", "bing"}, genesis());
    base::check(done.exit == 0, "the founding: " + done.out);
  }
  /// Needs no signer and no database.
  Ran found(const std::string& plan, const std::vector<std::string>& people,
            const std::filesystem::path& out) const {
    return shell(kXinyin + " --config " + (directory_ / "founding.conf").string() +
                 " ceremony found " + plan + with(people) + " --out " + out.string());
  }
  void make(const std::string& who) {
    write_file(directory_ / (who + ".pin"), pin(who) + "\n");
    write_file(directory_ / (who + ".so-pin"), "so-" + pin(who) + "\n");
    for (const auto* kind : {".pin", ".so-pin"})
      std::filesystem::permissions(
          directory_ / (who + kind),
          std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const auto at = [&](const std::string& name) { return (directory_ / (who + name)).string(); };
    write_file(file(who), "card.module = " + Token::module().string() + "\ncard.label = card-" +
                              who + "\ncard.softhsm_conf = " + at(".softhsm.conf") +
                              "\ncard.directory = " + at("") + "\ncard.pin_file = " + at(".pin") +
                              "\n");
    const auto made = shell(kXinyin + " card create --card " + file(who).string() +
                            " --name 测试 --person " + who + " --so-pin-file " + at(".so-pin"));
    base::check(made.exit == 0, "a card: " + made.out);
  }
  /// A PIN that is found wherever it leaks to.
  static std::string pin(const std::string& who) { return "canary4711" + who; }
  std::filesystem::path file(const std::string& who) const { return directory_ / (who + ".conf"); }
  std::filesystem::path genesis() const { return directory_ / "genesis.json"; }
  const Directory& directory() const { return directory_; }
  std::string with(const std::vector<std::string>& people) const {
    std::string out;
    for (const auto& who : people) out += " --card " + file(who).string();
    return out;
  }

 private:
  Directory directory_;
};

inline const std::vector<std::string> kAll{"jia", "yi", "bing"};

class CeremonyTest : public testing::Test {
 protected:
  CeremonyTest() {
    sha256 = digest_of(plan);
    begin();
  }
  static void SetUpTestSuite() { cards = new Cards; }
  static void TearDownTestSuite() { delete cards; }

  /// An empty token, an empty register, an empty PKI directory.
  void begin(const std::string& signer_dies_at = "", const std::filesystem::path& genesis = {},
             std::vector<hsm::PlannedKey> there = {}) {
    signer.reset();
    token.reset();
    std::filesystem::remove_all(directory / "pki");
    database = std::make_unique<Database>();
    token = std::make_unique<Token>(std::move(there), "xinyin-demo");
    founded = genesis.empty() ? cards->genesis() : genesis;
    start_signer(signer_dies_at);
    configure("");
  }
  void start_signer(const std::string& dies_at = "") {
    signer.reset();
    Signer::Options options;
    options.program = XINYIN_BIN_DIR "/xinyin-signer";
    options.settings = {"token.directory = " + token->tokens().string(),
                        "token.writable_ok = true",
                        "token.recheck_ms = 200",
                        "officers.genesis = " + founded.string(),
                        "officers.ledger = " + ledger().string(),
                        "officers.backups = " + (directory / "backups").string()};
    if (!dies_at.empty()) options.settings.push_back("testing.fail_point = " + dies_at);
    signer = std::make_unique<Signer>(*token, std::move(options));
  }
  void configure(const std::string& more) {
    write_file(directory / "xinyin.conf",
               "database.service = " + database->conninfo() +
                   "\nsigner.socket = " + signer->socket().string() +
                   "\nsigner.officer_socket = " + signer->officer().socket.string() +
                   "\nsigner.backups = backups\npki.directory = pki\nsecrets.code_pepper = "
                   "secrets/code-pepper\n"
                   "secrets.data_key = secrets/data-key.wrapped\n" +
                   more);
  }
  Ran xinyin(const std::string& arguments) {
    return shell(kXinyin + " --config " + (directory / "xinyin.conf").string() + " " + arguments);
  }
  Ran ceremony(const std::vector<std::string>& people = kAll) {
    return xinyin("ceremony run " + plan + cards->with(people) + " --confirm-plan " + sha256);
  }
  /// Approved with the cards and carried out.
  Ran carry(const std::string& request, const std::vector<std::string>& people) {
    for (const auto& who : people) {
      const auto voted =
          xinyin("request approve " + request + cards->with({who}) + " --confirm " + request);
      if (voted.exit != 0) return voted;
    }
    return xinyin("request execute " + request);
  }
  /// The request that a verb with --json left behind.
  static std::string request_of(const Ran& ran, const char* member = "id") {
    const auto line = ran.out.substr(std::min(ran.out.find("{\"ok\""), ran.out.size()));
    const auto answer = base::parse_json(line);
    return answer.ok() && answer->HasMember("data") && (*answer)["data"].IsObject()
               ? std::string(base::json_text((*answer)["data"], member))
               : std::string();
  }
  static std::string digest_of(const std::string& file) {
    return base::to_hex(base::sha256(base::as_bytes(read_file(file))));
  }
  std::filesystem::path ledger() const { return token->directory() / "ledger.jsonl"; }
  std::string ledger_text() const { return read_file(ledger()); }
  std::filesystem::path minutes() const { return directory / "pki/ceremony/minutes.jsonl"; }
  std::string pem(std::string_view name) { return read_file(directory / "pki" / name); }
  std::int64_t count(const std::string& what) {
    return std::stoll(database->sql(Role::superuser, "select count(*) from " + what)[0][0]);
  }
  certs::TrustList list() {
    auto parsed = certs::TrustList::parse(read_file(directory / "pki" / Files::kTrustList));
    base::check(parsed.ok(), "the ceremony's trust list does not parse");
    return *parsed;
  }
  std::string serial_of(const char* name) {
    return certs::Certificate::from_pem(pem(name))->serial_hex();
  }
  /// Signatures over certificates that the ledger knows of, by who asked: what is out.
  std::int64_t certificates_signed() {
    hsm::Client client(signer->officer());
    const auto state = base::parse_json(client.officers("state").value(), {16 << 20, 12});
    std::int64_t out = 0;
    for (const auto& one : (*state)["requests"].GetArray()) {
      if (base::json_text(one, "op") != "sign" || base::json_text(one, "standing") != "done")
        continue;
      const auto told = client.officers("request", base::json_text(one, "id")).value();
      const auto record = base::parse_json(told, {16 << 20, 12});
      const auto request = hsm::officers::read_request(base::json_text(*record, "request"));
      const auto items = hsm::officers::read_sign(request->params());
      out += std::count_if(items->items.begin(), items->items.end(),
                           [](const auto& item) { return item.kind == "certificate"; });
    }
    return out;
  }
  std::int64_t keys() {
    hsm::Client client(signer->officer());
    return static_cast<std::int64_t>(client.keys().value().size());
  }
  void expect_whole(const std::string& where) {
    EXPECT_EQ(keys(), kKeys) << where;
    EXPECT_EQ(count("certs.issued"), kCertificates) << where;
    EXPECT_EQ(certificates_signed(), kCertificates) << where << ": issued twice";
    EXPECT_EQ(list().entries.size(), 7u) << where;
    const auto verified = xinyin("ceremony verify --json 2>/dev/null");
    EXPECT_EQ(verified.exit, 0) << where << verified.out;
    EXPECT_NE(verified.out.find(R"("signed_by":["jia","yi","bing"])"), std::string::npos)
        << where << verified.out;
    EXPECT_EQ(certs::validate(*certs::Certificate::from_pem(pem("seal-1.pem")), {}, list(),
                              certs::ChainPurpose::seal, base::SystemClock().now())
                  .answer,
              certs::ChainAnswer::trusted)
        << where;
    const auto quiet = ceremony();
    EXPECT_EQ(quiet.exit, 0) << where << quiet.out;
    for (const auto* word : {"issued", "generated", "published", "request", "approves"})
      EXPECT_EQ(quiet.out.find(word), std::string::npos) << where << quiet.out;
  }

  inline static Cards* cards = nullptr;
  std::unique_ptr<Token> token;
  std::unique_ptr<Signer> signer;
  std::unique_ptr<Database> database;
  Directory directory;
  std::filesystem::path founded;
  std::string plan = XINYIN_SOURCE_DIR "/certs/demo_ceremony.json", sha256;
};

}  // namespace test
