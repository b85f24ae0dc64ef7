// Backup and restore over SoftHSM: what comes back signs, and openssl says so; what was altered is
// named; a kill leaves nothing that looks finished.
#include "hsm/backup.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "hsm/inventory.h"
#include "hsm/restore.h"
#include "tests/hsm/backup_house.h"
#include "tests/hsm/openssl.h"

namespace hsm {
namespace {

const Progress kQuiet = [](const std::string&) {};

class BackupTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { house_ = new test::BackupHouse(); }
  static void TearDownTestSuite() { delete house_; }
  BackupTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "xinyin-restored-XXXXXX").string();
    base::check(::mkdtemp(pattern.data()) != nullptr, "no directory");
    place_ = pattern;
  }
  ~BackupTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(place_, ignored);
  }
  base::Result<RestoreReport> restore(std::vector<int> cards) {
    return hsm::restore(house_->into(place_), house_->cards(std::move(cards)), house_->random,
                        kQuiet);
  }
  /// Of a file with one byte turned at `at`.
  base::Result<RestoreReport> restore_bent(std::size_t at, const std::string& append = "") {
    const auto bytes = test::content_of(house_->file());
    return restore_with(at, at < bytes.size() ? static_cast<char>(bytes[at] ^ 1) : '\0', append);
  }
  base::Result<RestoreReport> restore_with(std::size_t at, char other,
                                           const std::string& append = "") {
    auto bytes = test::content_of(house_->file());
    if (at < bytes.size()) bytes[at] = other;
    std::ofstream(place_ / "bent.backup", std::ios::binary) << bytes << append;
    auto plan = house_->into(place_);
    plan.file = place_ / "bent.backup";
    auto result = hsm::restore(plan, house_->cards({0, 1, 2}), house_->random, kQuiet);
    std::filesystem::remove(plan.file);
    return result;
  }
  /// Nothing at all in the place: no token, no inventory, no half-made directory.
  bool nothing_left() { return std::filesystem::is_empty(place_); }
  static test::BackupHouse* house_;
  std::filesystem::path place_;
};
test::BackupHouse* BackupTest::house_ = nullptr;

TEST_F(BackupTest, WhatIsRestoredSignsAndOpensslAgrees) {
  const auto report = restore({4, 0, 2});
  ASSERT_TRUE(report.ok()) << report.error().key << report.error().detail;
  EXPECT_EQ(report->officers, (std::vector<std::string>{"officer-5", "officer-1", "officer-3"}));
  EXPECT_EQ(report->keys.size(), test::demonstration_keys().size());
  for (const auto& proof : report->keys)
    EXPECT_EQ(proof.how, proof.key.algorithm == Algorithm::aes_256 ? KeyProof::How::unwrapped
                                                                   : KeyProof::How::signed_test);
  EXPECT_EQ(report->sha256, house_->facts().sha256);
  EXPECT_EQ(test::content_of(place_ / "inventory.json"),
            test::content_of(house_->token.inventory()));
  EXPECT_EQ(test::content_of(place_ / "ledger"), "the officers' ledger\n");
  EXPECT_EQ(test::content_of(place_ / "state" / "quorum.json"), "{\"quorum\":2}\n");
  EXPECT_EQ(test::content_of(place_ / "pin"), house_->token.pin());
  EXPECT_FALSE(std::filesystem::exists(place_ / "tokens.restoring"));

  std::ofstream(place_ / "softhsm2.conf")
      << "directories.tokendir = " << (place_ / "tokens").string() << "\n";
  ::setenv("SOFTHSM2_CONF", (place_ / "softhsm2.conf").c_str(), 1);
  auto config = house_->token.config();
  config.inventory = place_ / "inventory.json";
  config.directory = place_ / "tokens";
  auto token = Token::open(std::move(config), house_->random);
  ASSERT_TRUE(token.ok()) << token.error().detail;
  EXPECT_TRUE((*token)->findings().empty());
  const auto original = Inventory::from_file(house_->token.inventory());
  for (const auto& entry : original->keys) {
    if (entry.key.algorithm == Algorithm::aes_256) continue;
    const std::string message = "signed after the restore by " + entry.key.label;
    const auto signature = (*(*token)->key(entry.key.label))->sign_message(base::as_bytes(message));
    ASSERT_TRUE(signature.ok());
    EXPECT_TRUE(test::openssl_verifies(entry.key, *signature, message)) << entry.key.label;
  }
}

TEST_F(BackupTest, EachThreeOfFiveOfficersRestoreIt) {
  for (int a = 0; a < 5; ++a)
    for (int b = a + 1; b < 5; ++b)
      for (int c = b + 1; c < 5; ++c) {
        const auto report = drill(house_->file(), test::Token::module(), place_,
                                  house_->cards({c, a, b}), house_->random, kQuiet);
        ASSERT_TRUE(report.ok()) << report.error().detail;
      }
  EXPECT_TRUE(nothing_left());  // a drill destroys its copy
}

TEST_F(BackupTest, TwoOfThemDoNot) {
  const auto report = restore({1, 3});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().key, "hsm.too_few_shares");
  EXPECT_EQ(restore({1, 3, 1}).error().key, "hsm.share_twice");
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupTest, AnAlteredHeaderIsFound) {
  const auto bytes = test::content_of(house_->file());
  // A digit of the time, a letter of the token's label; the MAC itself.
  const auto mac = bytes.rfind("\"}]}") + 4;
  for (const auto at : {bytes.find("made_at") + 12, bytes.find("token_label") + 14, mac + 5}) {
    const auto report = restore_bent(at);
    ASSERT_FALSE(report.ok()) << at;
    EXPECT_EQ(report.error().key, "hsm.backup_altered");
    EXPECT_EQ(report.error().detail, "header");
  }
  EXPECT_EQ(restore_bent(3).error().key, "hsm.backup_form");
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupTest, AnAlteredShareIsFound) {
  const auto bytes = test::content_of(house_->file());
  const auto share = bytes.find("\"encrypted\":\"", bytes.find("officer-2")) + 20;
  const auto report = restore_with(share, bytes[share] == 'A' ? 'B' : 'A');
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().key, "hsm.backup_altered");
  EXPECT_EQ(report.error().detail, "share 2 (officer-2, 官员2)");
}

TEST_F(BackupTest, AnAlteredChunkIsNamedByItsNumber) {
  std::size_t archive = 0;
  ASSERT_TRUE(BackupHead::read(house_->file(), archive).ok());
  const auto size = std::filesystem::file_size(house_->file());
  ASSERT_GT(size, archive + 1000);
  for (const auto at : {archive, archive + 3, archive + 5, archive + 500, std::size_t{size} - 1}) {
    const auto report = restore_bent(at);
    ASSERT_FALSE(report.ok()) << at;
    EXPECT_EQ(report.error().key, "hsm.backup_altered") << at;
    EXPECT_EQ(report.error().detail.rfind("chunk ", 0), 0u) << report.error().detail;
  }
  EXPECT_EQ(restore_bent(size, "x").error().detail, "bytes behind the last chunk");
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupTest, ChunksOfALargeStateCannotBeMovedOrLeftOut) {
  std::ofstream(house_->directory / "large", std::ios::binary) << std::string(300'000, 'x');
  auto plan = house_->plan(place_ / "large.backup");
  plan.state.push_back({"large", house_->directory / "large"});
  ASSERT_TRUE(backup(plan, house_->random, house_->clock).ok());
  std::size_t at = 0;
  ASSERT_TRUE(BackupHead::read(plan.file, at).ok());
  const auto good = test::content_of(plan.file);
  const std::size_t chunk = 5 + 65536 + 16;
  ASSERT_GT(good.size(), at + 4 * chunk);
  const auto try_it = [&](const std::string& bytes) -> std::string {
    std::ofstream(place_ / "bent", std::ios::binary | std::ios::trunc) << bytes;
    const auto report = drill(place_ / "bent", test::Token::module(), place_,
                              house_->cards({0, 1, 2}), house_->random, kQuiet);
    return report.ok() ? "accepted" : report.error().detail;
  };
  EXPECT_EQ(try_it(good), "accepted");
  auto left_out = good;
  left_out.erase(at + chunk, chunk);
  EXPECT_EQ(try_it(left_out), "chunk 1");
  auto swapped = good.substr(0, at) + good.substr(at + chunk, chunk) + good.substr(at, chunk) +
                 good.substr(at + 2 * chunk);
  EXPECT_EQ(try_it(swapped), "chunk 0");
  EXPECT_EQ(try_it(good.substr(0, at + 2 * chunk)), "chunk 2: the file ends before it does");
  EXPECT_EQ(try_it(good.substr(0, at + 2 * chunk + 100)), "chunk 2: the file ends before it does");
}

TEST_F(BackupTest, OnlyAnEmptyPlaceWillDo) {
  std::filesystem::create_directory(place_ / "tokens");
  std::ofstream(place_ / "tokens" / "something") << "x";
  EXPECT_EQ(restore({0, 1, 2}).error().key, "hsm.not_empty");
  std::filesystem::remove(place_ / "tokens" / "something");
  std::ofstream(place_ / "pin") << "another";
  EXPECT_EQ(restore({0, 1, 2}).error().key, "hsm.file_exists");
  EXPECT_EQ(test::content_of(place_ / "pin"), "another");
  std::filesystem::remove(place_ / "pin");
  EXPECT_TRUE(restore({0, 1, 2}).ok());  // an empty directory that is there already
}

TEST_F(BackupTest, AFileThatIsThereIsNotOverwritten) {
  std::ofstream(place_ / "there") << "mine";
  const auto done = backup(house_->plan(place_ / "there"), house_->random, house_->clock);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.file_exists");
  EXPECT_EQ(test::content_of(place_ / "there"), "mine");
}

TEST_F(BackupTest, ATokenThatIsNotAsTheInventorySaysIsNotBackedUp) {
  test::Token token({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}});
  auto plan = house_->plan(place_ / "bent.backup");
  plan.token_directory = token.tokens();
  plan.inventory = token.inventory();
  const auto inventory = *Inventory::from_file(token.inventory());
  const auto object = token.tokens() / inventory.files.begin()->first;
  const auto before = test::content_of(object);
  std::ofstream(object, std::ios::binary | std::ios::app) << "x";
  auto done = backup(plan, house_->random, house_->clock);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.token_files");
  std::filesystem::remove(object);
  done = backup(plan, house_->random, house_->clock);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().key, "hsm.token_files");
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupTest, AKeyThatDoesNotProveItselfKeepsAllOfItOut) {
  // The inventory promises a key that this token does not hold: nothing a file comparison would
  // see.
  test::Token token({{"seal-1", Algorithm::ecdsa_p256, Purpose::seal}});
  test::Token other({{"seal-2", Algorithm::ecdsa_p256, Purpose::seal}});
  auto inventory = *Inventory::from_file(token.inventory());
  inventory.keys.push_back(Inventory::from_file(other.inventory())->keys.front());
  ASSERT_TRUE(inventory.save(token.inventory()).ok());
  auto plan = house_->plan(place_ / "promising.backup");
  plan.token_directory = token.tokens();
  plan.inventory = token.inventory();
  plan.pin = base::Secret(base::as_bytes(token.pin()));
  ASSERT_TRUE(backup(plan, house_->random, house_->clock).ok());
  auto restoring = house_->into(place_);
  restoring.file = plan.file;
  const auto report = hsm::restore(restoring, house_->cards({0, 1, 2}), house_->random, kQuiet);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().key, "hsm.restore_unproven");
  EXPECT_NE(report.error().detail.find("seal-2"), std::string::npos);
  EXPECT_EQ(report.error().detail.find("seal-1:"), std::string::npos);
  std::filesystem::remove(plan.file);
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupTest, WrappedKeysAndAllAlgorithmsComeAlong) {
  const std::vector<PlannedKey> keys{{"key-wrap-1", Algorithm::aes_256, Purpose::key_wrapping},
                                     {"data-wrap-1", Algorithm::aes_256, Purpose::data_wrapping},
                                     {"seal-sm2", Algorithm::sm2, Purpose::seal},
                                     {"seal-p384", Algorithm::ecdsa_p384, Purpose::seal},
                                     {"seal-ed25519", Algorithm::ed25519, Purpose::seal}};
  test::Token token(keys);
  auto plan = house_->plan(place_ / "wrapped.backup");
  plan.token_directory = token.tokens();
  plan.inventory = token.inventory();
  plan.pin = base::Secret(base::as_bytes(token.pin()));
  ASSERT_TRUE(backup(plan, house_->random, house_->clock).ok());
  const auto inventory = *Inventory::from_file(token.inventory());
  const auto* wrapped = inventory.find("seal-sm2");
  ASSERT_EQ(wrapped->key.protection, Protection::wrapped);
  const auto file = test::content_of(plan.file);
  EXPECT_EQ(file.find(base::as_text(wrapped->wrapped)), std::string::npos);
  EXPECT_EQ(file.find(base::to_base64(wrapped->wrapped)), std::string::npos);

  auto restoring = house_->into(place_);
  restoring.file = plan.file;
  const auto report = hsm::restore(restoring, house_->cards({0, 1, 2}), house_->random, kQuiet);
  ASSERT_TRUE(report.ok()) << report.error().detail;
  for (const auto& proof : report->keys)  // no probe was taken: secret keys have nothing to show
    EXPECT_EQ(proof.how, proof.key.algorithm == Algorithm::aes_256 ? KeyProof::How::compared
                                                                   : KeyProof::How::signed_test)
        << proof.key.label;

  std::ofstream(place_ / "softhsm2.conf")
      << "directories.tokendir = " << (place_ / "tokens").string() << "\n";
  ::setenv("SOFTHSM2_CONF", (place_ / "softhsm2.conf").c_str(), 1);
  auto config = token.config();
  config.inventory = place_ / "inventory.json";
  auto opened = Token::open(std::move(config), house_->random);
  ASSERT_TRUE(opened.ok()) << opened.error().detail;
  for (const auto* label : {"seal-sm2", "seal-p384", "seal-ed25519"}) {
    const auto signature = (*(*opened)->key(label))->sign_message(base::as_bytes("restored"));
    ASSERT_TRUE(signature.ok()) << label;
    EXPECT_TRUE(test::openssl_verifies(inventory.find(label)->key, *signature, "restored"))
        << label;
  }
}

TEST_F(BackupTest, NothingSecretStandsInTheFileInClear) {
  const auto bytes = test::content_of(house_->file());
  const auto pin = house_->token.pin();
  EXPECT_EQ(bytes.find(pin), std::string::npos);
  EXPECT_EQ(bytes.find(base::to_base64(base::as_bytes(pin))), std::string::npos);
  EXPECT_EQ(bytes.find(base::to_hex(base::as_bytes(pin))), std::string::npos);
  EXPECT_EQ(bytes.find("the officers' ledger"), std::string::npos);
  // No 32 bytes of any file of the token.
  for (const auto& one : std::filesystem::recursive_directory_iterator(house_->token.tokens())) {
    if (!one.is_regular_file() || one.path().extension() != ".object") continue;
    const auto content = test::content_of(one.path());
    for (std::size_t at = 0; at + 32 <= content.size(); at += 32) {
      const auto piece = content.substr(at, 32);
      if (piece.find_first_not_of(piece[0]) == std::string::npos) continue;
      if (bytes.find(piece) != std::string::npos) {
        // The header names public keys in base64, never as bytes.
        ADD_FAILURE() << one.path() << " at " << at;
      }
    }
  }
  EXPECT_EQ(std::filesystem::status(house_->file()).permissions(), std::filesystem::perms(0600));
}

/// Runs `deed` in a child that dies at the named point. 128 + SIGKILL when it did.
int killed_at(const std::string& point, const std::function<void()>& deed) {
  const auto child = ::fork();
  if (child == 0) {
    base::arm_fail_point(point);
    deed();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

TEST_F(BackupTest, AKillDuringABackupLeavesNoFileOfThatName) {
  const auto plan = house_->plan(place_ / "killed.backup");
  for (const auto* point : {"backup.header", "backup.entry", "backup.written"}) {
    EXPECT_EQ(killed_at(point, [&] { (void)backup(plan, house_->random, house_->clock); }), 137);
    EXPECT_FALSE(std::filesystem::exists(plan.file)) << point;
  }
  ASSERT_TRUE(backup(plan, house_->random, house_->clock).ok());  // over what the kills left
  std::filesystem::remove(plan.file);
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupTest, AKillDuringARestoreLeavesNoToken) {
  for (const auto* point :
       {"restore.entry", "restore.unpacked", "restore.proven", "restore.placed"}) {
    EXPECT_EQ(killed_at(point, [&] { (void)restore({0, 1, 2}); }), 137) << point;
    EXPECT_FALSE(std::filesystem::exists(place_ / "tokens")) << point;
    if (std::string(point) == "restore.placed") {  // told, and for people to remove
      const auto again = restore({0, 1, 2});
      ASSERT_FALSE(again.ok());
      EXPECT_EQ(again.error().key, "hsm.file_exists");
      for (const auto* name : {"inventory.json", "ledger", "pin", "state"})
        std::filesystem::remove_all(place_ / name);
    }
  }
  ASSERT_TRUE(restore({0, 1, 2}).ok());
  EXPECT_FALSE(std::filesystem::exists(place_ / "tokens.restoring"));
}

TEST_F(BackupTest, ADrillThatWasKilledIsClearedByTheNext) {
  const auto run = [&] {
    return drill(house_->file(), test::Token::module(), place_, house_->cards({0, 1, 2}),
                 house_->random, kQuiet);
  };
  EXPECT_EQ(killed_at("restore.unpacked", [&] { (void)run(); }), 137);
  EXPECT_FALSE(nothing_left());
  EXPECT_TRUE(run().ok());
  EXPECT_TRUE(nothing_left());
}

TEST_F(BackupTest, AHeaderSurvivesARoundTrip) {
  std::size_t ignored = 0;
  const auto head = BackupHead::read(house_->file(), ignored);
  ASSERT_TRUE(head.ok());
  const auto again = BackupHeader::from_text(head->header.text());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->text(), head->header.text());
  EXPECT_EQ(again->made_at, house_->facts().made_at);
}

TEST_F(BackupTest, OfficersAreHeldToTheirForm) {
  auto plan = house_->plan(place_ / "x");
  plan.officers[1] = plan.officers[0];
  EXPECT_EQ(backup(plan, house_->random, house_->clock).error().key, "hsm.share_holder");
  plan = house_->plan(place_ / "x");
  plan.officers[2].share_key.pop_back();
  EXPECT_EQ(backup(plan, house_->random, house_->clock).error().key, "hsm.share_holder");
  plan = house_->plan(place_ / "x");
  plan.threshold = 5;
  EXPECT_EQ(backup(plan, house_->random, house_->clock).error().key, "hsm.threshold");
}

}  // namespace
}  // namespace hsm
