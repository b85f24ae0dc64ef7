// A program at a terminal of its own: what it prints there, and what is typed.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace test {

class Terminal {
 public:
  /// Starts it with a pseudo-terminal as controlling terminal and as its three streams.
  explicit Terminal(const std::vector<std::string>& arguments);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Reads on until `text` has been shown since the last call, or the program ended.
  bool sees(const std::string& text);
  void type(const std::string& keys);
  /// Reads to the end; the exit status, 128 + signal when killed.
  int wait();
  const std::string& shown() const { return shown_; }  ///< all of it
  pid_t pid() const { return pid_; }

 private:
  bool read_some();
  int master_ = -1;
  pid_t pid_ = 0;
  std::string shown_;
  std::size_t from_ = 0;
};

/// Names of the /proc files of all processes (arguments and environments) that hold `text`.
std::vector<std::string> processes_showing(const std::string& text);

}  // namespace test
