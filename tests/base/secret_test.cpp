#include "base/secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace base {
namespace {

class SecretFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "xinyin-secret-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path write(std::string_view content, mode_t mode) {
    const auto path = directory_ / "secret";
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }

  std::filesystem::path directory_;
};

TEST_F(SecretFileTest, OneLineEndIsNotPartOfTheSecret) {
  const auto secret = Secret::from_file(write("1234\n", 0600));
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(secret->reveal_text(), "1234");
  EXPECT_TRUE(secret->equals(as_bytes("1234")));
}

TEST_F(SecretFileTest, WorldReadableEmptyOversizedAndMissingAreRefused) {
  EXPECT_EQ(Secret::from_file(write("1234", 0644)).error().key, "config.secret_file");
  EXPECT_FALSE(Secret::from_file(write("\n", 0600)).ok());
  EXPECT_FALSE(Secret::from_file(write(std::string(70'000, 'x'), 0600)).ok());
  EXPECT_FALSE(Secret::from_file("/nonexistent/pin").ok());
}

TEST(SecretTest, MovingLeavesNothingBehind) {
  Secret a(as_bytes("pin"));
  Secret b(std::move(a));
  EXPECT_TRUE(a.empty());  // NOLINT: the moved-from state is the point
  EXPECT_EQ(b.reveal_text(), "pin");
}

}  // namespace
}  // namespace base
