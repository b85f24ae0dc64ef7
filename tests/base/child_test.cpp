// Other programs as children: what they get, how they end, and that they never stay behind.
#include "base/child.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/check.h"

namespace {

class ChildTest : public testing::Test {
 protected:
  ChildTest() {
    std::string name = (std::filesystem::temp_directory_path() / "xinyin-child-XXXXXX").string();
    base::check(::mkdtemp(name.data()) != nullptr, "no directory");
    place_ = name;
  }
  ~ChildTest() override { std::filesystem::remove_all(place_); }
  base::ChildPlan shell(const std::string& script) const {
    base::ChildPlan plan;
    plan.program = "/bin/sh";
    plan.arguments = {"-c", script};
    plan.output = place_ / "out";
    return plan;
  }
  std::string said() const {
    std::ostringstream out;
    out << std::ifstream(place_ / "out").rdbuf();
    return out.str();
  }
  /// Until the file is there, which a child makes.
  bool appears(const char* name) const {
    for (int i = 0; i < 6000; ++i) {
      if (std::filesystem::exists(place_ / name)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // looked for again, 60 s at most
    }
    return false;
  }

  std::filesystem::path place_;
};

TEST_F(ChildTest, TellsHowItEnded) {
  auto done = base::Child::start(shell("exit 7"));
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->wait(), 7);
  EXPECT_FALSE(done->running());
  auto killed = base::Child::start(shell("kill -9 $$"));
  ASSERT_TRUE(killed.ok());
  EXPECT_EQ(killed->wait(), 137);
  EXPECT_EQ(killed->stop(), 137) << "asked again";
}

TEST_F(ChildTest, GetsWhatThePlanSays) {
  ::setenv("XINYIN_CHILD_TEST", "not for it", 1);
  std::ofstream(place_ / "in") << "handed in\n";
  auto plan = shell("cat; pwd; echo \"$MORE|$XINYIN_CHILD_TEST|\" >&2");
  plan.input = place_ / "in";
  plan.environment = {"MORE=more"};
  plan.unset = {"XINYIN_CHILD_TEST"};
  plan.directory = "/";
  ASSERT_TRUE(base::run_to_end(plan).ok());
  EXPECT_EQ(said(), "handed in\n/\nmore||\n");
}

TEST_F(ChildTest, AFailureIsToldWithWhatItSaid) {
  const auto failed = base::run_to_end(shell("echo what is wrong; exit 3"));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().key, "base.child");
  EXPECT_NE(failed.error().detail.find("exit status 3: what is wrong"), std::string::npos);
  base::ChildPlan none;
  none.program = place_ / "no-such-program";
  EXPECT_FALSE(base::Child::start(none).ok());
}

TEST_F(ChildTest, IsAskedToEndAndMadeTo) {
  auto plan = shell("trap 'exit 5' INT; : > " + (place_ / "up").string() +
                    "; while :; do sleep 0.05; done");
  plan.farewell = SIGINT;
  auto polite = base::Child::start(plan);
  ASSERT_TRUE(polite.ok() && appears("up"));
  EXPECT_TRUE(polite->running());
  EXPECT_EQ(polite->stop(std::chrono::minutes(1)), 5);
  auto deaf = base::Child::start(
      shell("trap '' TERM; : > " + (place_ / "deaf").string() + "; while :; do sleep 0.05; done"));
  ASSERT_TRUE(deaf.ok() && appears("deaf"));
  EXPECT_EQ(deaf->stop(std::chrono::seconds(0)), 137);
}

TEST_F(ChildTest, EndsWithWhoeverStartedIt) {
  const auto parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    auto child =
        base::Child::start(shell("trap ': > " + (place_ / "ended").string() + "; exit' TERM; : > " +
                                 (place_ / "up").string() + "; while :; do sleep 0.05; done"));
    if (!child.ok() || !appears("up")) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(parent, &status, 0), parent);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(appears("ended"));
}

}  // namespace
