#include "tests/support/terminal.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/check.h"

namespace test {
namespace {

constexpr int kPatienceMs = 60'000;  // a broken program ends the test, it does not hang it

}  // namespace

Terminal::Terminal(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const auto& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  pid_ = ::forkpty(&master_, nullptr, nullptr, nullptr);
  base::check(pid_ >= 0, "no pseudo-terminal");
  if (pid_ == 0) {
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(master_);
}

bool Terminal::read_some() {
  pollfd one{master_, POLLIN, 0};
  if (::poll(&one, 1, kPatienceMs) != 1) return false;
  char buffer[4096];
  const auto got = ::read(master_, buffer, sizeof buffer);
  if (got <= 0) return false;  // EIO: the program ended
  shown_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

bool Terminal::sees(const std::string& text) {
  while (true) {
    if (const auto at = shown_.find(text, from_); at != std::string::npos) {
      from_ = at + text.size();
      return true;
    }
    if (!read_some()) return false;
  }
}

void Terminal::type(const std::string& keys) {
  base::check(::write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()),
              "cannot type");
}

int Terminal::wait() {
  while (read_some()) {
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> processes_showing(const std::string& text) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator("/proc", ignored))
    for (const auto* name : {"cmdline", "environ"}) {
      std::ifstream file(process.path() / name, std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(file)), {});
      if (content.find(text) != std::string::npos) found.push_back(process.path() / name);
    }
  return found;
}

}  // namespace test
