// The operation log: a chain that shows every change, kept before anything leaves.
#include "hsm/op_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/hsm/op_log_check.h"

namespace hsm {
namespace {

class OpLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "xinyin-oplog-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    config_.file = directory_ / "operations.log";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<OpLog> open() {
    auto log = OpLog::open(config_, clock_);
    EXPECT_TRUE(log.ok()) << log.error().detail;
    return log.ok() ? std::move(*log) : nullptr;
  }
  void add(OpLog& log, const std::string& key) {
    bool kept = false;
    log.add({"sign", "service", 1000, 1, key, "00", "ok"}, [&](bool yes) { kept = yes; });
    EXPECT_TRUE(kept);
  }
  std::string content() const {
    std::ostringstream text;
    text << std::ifstream(config_.file).rdbuf();
    return text.str();
  }
  void write(const std::string& text) { std::ofstream(config_.file, std::ios::trunc) << text; }
  std::string refusal() {
    const auto log = OpLog::open(config_, clock_);
    return log.ok() ? "" : log.error().detail;
  }

  std::filesystem::path directory_;
  OpLogConfig config_;
  base::SystemClock clock_;
};

TEST_F(OpLogTest, TheChainGoesOnAfterReopening) {
  for (int i = 0; i < 3; ++i) {
    const auto log = open();
    for (int j = 0; j < 4; ++j) add(*log, "k" + std::to_string(i));
  }
  EXPECT_EQ(test::check_op_log(config_.file), "12 lines");
}

TEST_F(OpLogTest, AChangedARemovedAndASwappedLineAreRefused) {
  {
    const auto log = open();
    for (int i = 0; i < 5; ++i) add(*log, "key-" + std::to_string(i));
  }
  const auto good = content();
  std::vector<std::string> lines;
  std::istringstream in(good);
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  ASSERT_EQ(lines.size(), 5u);

  auto changed = good;
  changed[changed.find("key-2") + 4] = '7';
  write(changed);
  EXPECT_NE(refusal().find("line 4"), std::string::npos) << refusal();
  write(lines[0] + lines[1] + lines[3] + lines[4]);
  EXPECT_NE(refusal().find("line 3"), std::string::npos);
  write(lines[0] + lines[2] + lines[1] + lines[3] + lines[4]);
  EXPECT_NE(refusal().find("line 2"), std::string::npos);
  write(lines[0] + "nonsense\n");
  EXPECT_NE(refusal().find("line 2"), std::string::npos);
  write(good);
  EXPECT_EQ(refusal(), "");
}

TEST_F(OpLogTest, ALineTornByACrashIsCutOff) {
  {
    const auto log = open();
    add(*log, "a");
  }
  const auto good = content();
  write(good + R"({"n":2,"time":"2026)");
  {
    const auto log = open();
    EXPECT_EQ(content(), good);
    add(*log, "b");
  }
  EXPECT_EQ(test::check_op_log(config_.file), "2 lines");
}

TEST_F(OpLogTest, TwoProcessesCannotWriteIt) {
  const auto log = open();
  const auto second = OpLog::open(config_, clock_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, base::Code::conflict);
}

TEST_F(OpLogTest, LinesOfManyThreadsMakeOneChain) {
  const auto log = open();
  std::atomic<int> kept{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        log->add({"sign", "service", 1, t, "k", std::to_string(i), "ok"},
                 [&](bool yes) { kept += yes ? 1 : 0; });
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(kept, 400);
  EXPECT_EQ(test::check_op_log(config_.file), "400 lines");
}

TEST_F(OpLogTest, AFullFileIsPutAsideAndTheChainGoesOn) {
  config_.most_bytes = 1000;
  std::vector<std::filesystem::path> files;
  {
    const auto log = open();
    for (int i = 0; i < 20; ++i) add(*log, "k");
  }
  { const auto again = open(); }
  std::size_t aside = 0;
  for (const auto& one : std::filesystem::directory_iterator(directory_))
    aside += one.path() != config_.file;
  EXPECT_GE(aside, 3u);
  EXPECT_LT(std::filesystem::file_size(config_.file), 1400u);
  EXPECT_EQ(test::check_op_log(config_.file), "20 lines");
}

TEST_F(OpLogTest, RoomIsPreparedAndTakenAwayAtTheEnd) {
  config_.room_bytes = 4096;
  {
    const auto log = open();
    for (int i = 0; i < 30; ++i) add(*log, "k");
    EXPECT_EQ(std::filesystem::file_size(config_.file) % 4096, 0u);
    EXPECT_EQ(test::check_op_log(config_.file), "30 lines");
  }
  EXPECT_EQ(content().find('\0'), std::string::npos);
  EXPECT_EQ(test::check_op_log(config_.file), "30 lines");
}

TEST_F(OpLogTest, WhatACrashLeavesOfOneWriteIsCutOffAndNoMore) {
  {
    const auto log = open();
    add(*log, "a");
  }
  const auto good = content();
  const std::string zeros(4096, '\0');
  const std::string page = "000\",\"outcome\":\"ok\"}\n{\"n\":9,\"time";
  for (const auto& left : {
           zeros,                                 // room only
           R"({"n":2,"ti)" + zeros,               // the first page half
           zeros + page + zeros,                  // the second page before the first
           R"({"n":2,"time":"2)" + zeros + page,  // a hole
       }) {
    write(good + left);
    {
      const auto log = open();
      ASSERT_NE(log, nullptr);
      EXPECT_EQ(content(), good);
    }
  }
  // Lines far behind a hole were once kept: nothing of them may vanish in silence.
  write(good + std::string(64 * 1024, '\0') + page);
  EXPECT_NE(refusal().find("missing after line 1"), std::string::npos) << refusal();
  write(good + R"({"n":2,"time":"2)" + std::string(200'000, '\0') + page);
  EXPECT_NE(refusal().find("missing after line 1"), std::string::npos) << refusal();
}

TEST_F(OpLogTest, WhatWasPreparedTakesLinesOnAFullDisk) {
  config_.room_bytes = 4096;
  const auto log = open();
  add(*log, "before");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit tight{4096, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  int kept = 0, lost = 0;
  for (int i = 0; i < 40; ++i)
    log->add({"sign", "service", 1, 1, "k", "", "ok"}, [&](bool yes) { ++(yes ? kept : lost); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_GE(kept, 5);
  EXPECT_GE(lost, 20);
  EXPECT_FALSE(log->broken());
  add(*log, "after");
  EXPECT_EQ(test::check_op_log(config_.file), std::to_string(kept + 2) + " lines");
}

TEST_F(OpLogTest, OnAFullDiskNothingIsKeptAndTheChainSurvives) {
  config_.room_bytes = 0;
  const auto log = open();
  add(*log, "before");
  const auto good = content();
  // No byte may be written past half of the next line.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit tight{good.size() + good.size() / 2, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  bool kept = true;
  log->add({"sign", "service", 1, 1, "lost", "", "ok"}, [&](bool yes) { kept = yes; });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_FALSE(kept);
  EXPECT_FALSE(log->broken());
  EXPECT_EQ(content(), good);
  add(*log, "after");
  EXPECT_EQ(test::check_op_log(config_.file), "2 lines");
}

}  // namespace
}  // namespace hsm
