// A simulator of tests/fakes as a child that ends with the test. It prints its port.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
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
    port_ = std::atoi(line.c_str());
    base::check(port_ > 0, "a simulator did not start: it needs python3");
  }
  ~Simulator() {
    ::close(input_);
    ::waitpid(child_, nullptr, 0);
  }
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;
  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  pid_t child_ = 0;
  int input_ = -1, port_ = 0;
};

}  // namespace test
