// Laws of `xinyin document`: run as a program, against a real database.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/json.h"
#include "store/audit.h"
#include "test_paths.h"
#include "tests/support/postgres.h"
#include "tests/verify/entries.h"
#include "tests/verify/pdf_maker.h"

namespace {

class DocumentCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_);
    test::write_file(at("pepper"), kPepper);
    ::chmod(at("pepper").c_str(), 0600);
    test::write_file(at("xinyin.conf"),
                     "database.service = " + database_.conninfo(test::Role::service) +
                         "\nsecrets.code_pepper = pepper\n");
    auto code = verify::DocumentCode::parse("1B20-8H44-RM2M-B1E6-0S57");
    verify::Entry first = test::entry(1);
    first.code = digest_of(*code, base::Secret(base::as_bytes(kPepper)));
    auto tx = database_.pool().begin();
    ASSERT_TRUE(tx);
    ASSERT_TRUE(register_.record(*tx, first));
    ASSERT_TRUE(register_.record(*tx, test::entry(2)));
    ASSERT_TRUE(tx->commit());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string at(const std::string& name) { return (directory_ / name).string(); }

  std::string document(const std::string& arguments, int expected) {
    int code = -1;
    const std::string said = test::run(XINYIN_BIN_DIR "/xinyin --json --config " +
                                           at("xinyin.conf") + " document " + arguments + " 2>&1",
                                       &code);
    EXPECT_EQ(code, expected) << arguments << "\n" << said;
    return said;
  }
  std::string standing(const std::string& id) {
    auto found = register_.find_by_id(verify::DocumentId(id));
    return found && *found ? std::string(to_string((*found)->standing)) : "nowhere";
  }

  static constexpr std::string_view kPepper = "0123456789abcdef0123456789abcdef";
  std::filesystem::path directory_ = std::filesystem::path(::testing::TempDir()) /
                                     ("document-command-" + std::to_string(::getpid()));
  test::Database database_;
  verify::Register register_{database_.pool()};
};

TEST_F(DocumentCommandTest, ShowsByIdAndByCode) {
  for (const std::string named :
       {"doc-1", "1B20-8H44-RM2M-B1E6-0S57", "'1b20 8h44 rm2m b1e6 0s57'"}) {
    const auto said = document("show " + named, 0);
    EXPECT_NE(said.find("\"doc-1\""), std::string::npos) << said;
    EXPECT_NE(said.find("in_force"), std::string::npos) << said;
  }
  EXPECT_NE(document("show doc-9", 9).find("verify.register.unknown"), std::string::npos);
  EXPECT_NE(document("show 1B20-8H44-RM2M-B1E6-0S58", 2).find("verify.code.typo"),
            std::string::npos);
  document("show 1012-3456-789A-BCDE-FG8E", 9);
}

TEST_F(DocumentCommandTest, RevokesForGoodAndLeavesATrail) {
  document("revoke 1B20-8H44-RM2M-B1E6-0S57 --reason issued_in_error", 0);
  EXPECT_EQ(standing("doc-1"), "revoked");
  document("revoke doc-1 --reason fraud", 9);
  document("resume doc-1", 9);
  EXPECT_EQ(standing("doc-1"), "revoked");
  const auto rows = database_.sql(
      test::Role::superuser,
      "select act, object, actor, facts::text from audit.entry where act like 'document.%'");
  ASSERT_EQ(rows.size(), 1u) << "what did not happen leaves no row";
  EXPECT_EQ(rows[0][0], "document.revoke");
  EXPECT_EQ(rows[0][1], "doc-1");
  EXPECT_TRUE(rows[0][2].starts_with("officer:"));
  EXPECT_NE(rows[0][3].find("verify.reason.issued_in_error"), std::string::npos);
  EXPECT_EQ(rows[0][3].find("1B20"), std::string::npos) << "no code in the trail";
}

TEST_F(DocumentCommandTest, SuspendsResumesAndSupersedes) {
  document("suspend doc-1 --reason under_review", 0);
  EXPECT_EQ(standing("doc-1"), "suspended");
  document("resume doc-1", 0);
  EXPECT_EQ(standing("doc-1"), "in_force");
  document("supersede doc-1 --by doc-1", 2);
  document("supersede doc-1 --by doc-9", 9);
  const auto said = document("supersede doc-1 --by doc-2", 0);
  EXPECT_NE(said.find("\"successor\":\"doc-2\""), std::string::npos) << said;
  EXPECT_EQ(standing("doc-1"), "superseded");
}

TEST_F(DocumentCommandTest, WantsAReasonThatTheCatalogueWords) {
  document("revoke doc-1", 2);
  document("revoke doc-1 --reason because", 2);
  EXPECT_EQ(standing("doc-1"), "in_force");
}

TEST_F(DocumentCommandTest, WithoutADatabaseAsksToTryAgain) {
  test::write_file(at("xinyin.conf"), "database.service = host=/nonexistent dbname=x user=x\n");
  document("show doc-1", 75);
}

}  // namespace
