// Another program, run as a child: started, waited for, ended. It never outlives who started it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace base {

struct ChildPlan {
  std::filesystem::path program;
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< NAME=value, more than this process's own
  std::vector<std::string> unset;        ///< names that it does not get
  std::filesystem::path directory;       ///< where it works; empty: as this process
  std::filesystem::path input;           ///< standard input; empty: none
  std::filesystem::path output;          ///< both streams, appended; empty: as this process's
  uid_t uid = static_cast<uid_t>(-1);    ///< as another account; for root
  gid_t gid = static_cast<gid_t>(-1);
  int farewell = SIGTERM;  ///< asks it to end, also when this process dies
};

/// For one thread; the one that starts it must not end before it.
class Child {
 public:
  /// Errors: unavailable `base.child` when there is no such program, or none can be started.
  static Result<Child> start(const ChildPlan& plan);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();  ///< stop()

  pid_t pid() const { return pid_; }
  bool running();
  /// Its exit status, 128 + signal when it was killed. Waits without a limit.
  int wait();
  /// Waits, and after `patience` ends it with SIGKILL; its exit status.
  int end_within(std::chrono::seconds patience);
  /// The farewell, then end_within().
  int stop(std::chrono::seconds patience = std::chrono::seconds(30));

 private:
  Child(pid_t pid, int farewell) : pid_(pid), farewell_(farewell) {}
  bool collect(int options);

  pid_t pid_ = 0;
  int farewell_ = SIGTERM;
  int status_ = 0;
};

/// To its end. Errors: as Child::start; unavailable `base.child` when its status is not 0, with
/// what it wrote to `plan.output`.
Result<void> run_to_end(const ChildPlan& plan);

}  // namespace base
