// A simulator of tests/fakes as a child that ends with the test. It prints its port, or several.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "test_paths.h"

namespace test {

class Simulator {
 public:
  /// `program`: a file of tests/fakes; `arguments` follow it.
  Simulator(const std::string& program, std::vector<std::string> arguments) {
    int to[2], from[2];
    base::check(::pipe2(to, O_CLOEXEC) == 0 && ::pipe2(from, O_CLOEXEC) == 0, "pipe");
    arguments.insert(arguments.begin(),
                     {"python3", "-B", std::string(XINYIN_SOURCE_DIR) + "/tests/fakes/" + program});
    std::vector<char*> argv;
    for (auto& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(to[0], 0);
      ::dup2(from[1], 1);
      ::execv("/usr/bin/python3", argv.data());
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    input_ = to[1];
    std::string line;
    for (char c = 0; ::read(from[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(from[0]);
    std::istringstream ports(line);
    for (int port = 0; ports >> port;) ports_.push_back(port);
    base::check(!ports_.empty(), "a simulator did not start: it needs python3 and openssl");
  }
  ~Simulator() {
    ::close(input_);
    ::waitpid(child_, nullptr, 0);
  }
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;
  int port(std::size_t which = 0) const { return ports_.at(which); }
  std::string address() const { return "http://127.0.0.1:" + std::to_string(port()); }

 private:
  pid_t child_ = 0;
  int input_ = -1;
  std::vector<int> ports_;
};

/// A directory of its own below /tmp, gone with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/xinyin-test-XXXXXX";
    base::check(::mkdtemp(name) != nullptr, "no temporary directory");
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace test
