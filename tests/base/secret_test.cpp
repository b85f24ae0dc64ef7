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

TEST(SecretTest, ABlankOneIsWrittenInPlaceAndShortened) {
  auto secret = Secret::blank(48);
  ASSERT_EQ(secret.reveal().size(), 48u);
  EXPECT_TRUE(secret.equals(Bytes(48)));
  std::fill(secret.writable().begin(), secret.writable().end(), std::uint8_t{7});
  const auto* place = secret.reveal().data();
  secret.shorten(32);
  EXPECT_TRUE(secret.equals(Bytes(32, 7)));
  EXPECT_EQ(secret.reveal().data(), place);
  for (std::size_t i = 32; i < 48; ++i) EXPECT_EQ(place[i], 0);  // wiped, and still ours
  secret.shorten(0);
  EXPECT_TRUE(secret.empty());
  EXPECT_TRUE(Secret::blank(0).empty());
}

TEST(SecretTest, MovingLeavesNothingBehind) {
  Secret a(as_bytes("pin"));
  Secret b(std::move(a));
  EXPECT_TRUE(a.empty());  // NOLINT: the moved-from state is the point
  EXPECT_EQ(b.reveal_text(), "pin");
}

}  // namespace
}  // namespace base
