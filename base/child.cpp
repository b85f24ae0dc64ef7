#include "base/child.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "base/unique_fd.h"

namespace base {
namespace {

constexpr int kNoProgram = 127, kNoAccount = 126;
constexpr auto kLook = std::chrono::milliseconds(2);

Error failed(const std::filesystem::path& program, std::string why) {
  auto failure = error(Code::unavailable, "base.child", program.string() + ": " + why);
  failure.args = {{"program", program.string()}, {"why", std::move(why)}};
  return failure;
}

void put(const std::filesystem::path& file, int how, int to, int also = -1) {
  const int fd = ::open(file.c_str(), how | O_CLOEXEC, 0600);
  if (fd < 0) return;
  ::dup2(fd, to);
  if (also >= 0) ::dup2(fd, also);
}

/// In the child. Never returns.
[[noreturn]] void become(const ChildPlan& plan, int program, pid_t parent) {
  put(plan.input.empty() ? "/dev/null" : plan.input, O_RDONLY, STDIN_FILENO);
  if (!plan.output.empty())
    put(plan.output, O_WRONLY | O_CREAT | O_APPEND, STDOUT_FILENO, STDERR_FILENO);
  for (const auto& name : plan.unset) ::unsetenv(name.c_str());
  for (const auto& one : plan.environment) ::putenv(const_cast<char*>(one.c_str()));
  if (plan.uid != static_cast<uid_t>(-1) && plan.uid != ::geteuid()) {
    const auto gid = plan.gid == static_cast<gid_t>(-1) ? plan.uid : plan.gid;
    if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(plan.uid) != 0)
      ::_exit(kNoAccount);
  }
  if (!plan.directory.empty() && ::chdir(plan.directory.c_str()) != 0) ::_exit(kNoAccount);
  // After the account: a change of it forgets this.
  ::prctl(PR_SET_PDEATHSIG, plan.farewell);
  if (::getppid() != parent) ::_exit(kNoProgram);
  auto words = plan.arguments;
  words.insert(words.begin(), plan.program.string());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::fexecve(program, arguments.data(), environ);
  ::_exit(kNoProgram);
}

}  // namespace

Result<Child> Child::start(const ChildPlan& plan) {
  // Opened before the account changes: it may stand where only this one may enter.
  const UniqueFd program(::open(plan.program.c_str(), O_RDONLY | O_CLOEXEC));
  if (!program) return failed(plan.program, std::strerror(errno));
  const auto parent = ::getpid();
  const auto pid = ::fork();
  if (pid < 0) return failed(plan.program, std::strerror(errno));
  if (pid == 0) become(plan, program.get(), parent);
  return Child(pid, plan.farewell);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), farewell_(other.farewell_), status_(other.status_) {}

Child::~Child() {
  if (pid_ != 0) (void)stop();
}

bool Child::collect(int options) {
  int status = 0;
  const auto ended = ::waitpid(pid_, &status, options);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = 0;
  return true;
}

bool Child::running() {
  return pid_ != 0 && !collect(WNOHANG);
}

int Child::wait() {
  while (pid_ != 0 && !collect(0)) {
  }
  return status_;
}

int Child::end_within(std::chrono::seconds patience) {
  for (const auto until = std::chrono::steady_clock::now() + patience; running();) {
    if (std::chrono::steady_clock::now() > until) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(kLook);
  }
  return status_;
}

int Child::stop(std::chrono::seconds patience) {
  if (pid_ != 0) ::kill(pid_, farewell_);
  return end_within(patience);
}

Result<void> run_to_end(const ChildPlan& plan) {
  BASE_TRY(auto child, Child::start(plan));
  const int status = child.wait();
  if (status == 0) return {};
  std::ostringstream said;
  if (!plan.output.empty()) said << std::ifstream(plan.output, std::ios::binary).rdbuf();
  return failed(plan.program, "exit status " + std::to_string(status) +
                                  (said.str().empty() ? "" : ": " + said.str().substr(0, 2000)));
}

}  // namespace base
