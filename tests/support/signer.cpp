#include "tests/support/signer.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/unique_fd.h"

namespace test {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);  // a limit, never the expected time

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

int status_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Signer::Signer(const Token& token, Options options) {
  base::check(std::filesystem::exists(options.program),
              options.program.string() + " is not built: ninja xinyin-signer");
  std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-signer-XXXXXX").string();
  base::check(::mkdtemp(pattern.data()) != nullptr, "cannot make " + pattern);
  directory_ = pattern;
  ::chmod(directory_.c_str(), 0755);  // a client under another user must reach the socket
  const auto config = directory_ / "signer.conf";
  std::ofstream out(config);
  out << "token.module = " << (options.module.empty() ? Token::module() : options.module).string()
      << "\n"
      << "token.label = " << token.label() << "\n"
      << "token.pin_file = " << token.pin_file().string() << "\n"
      << "token.softhsm_conf = " << token.softhsm_conf().string() << "\n"
      << "token.inventory = " << token.inventory().string() << "\n"
      << "socket.service = signer.sock\n"
      << "oplog.file = operations.log\n";
  if (options.officer) out << "socket.officer = officer.sock\n";
  for (const auto& line : options.settings) out << line << "\n";
  out.close();

  if (options.user != static_cast<uid_t>(-1) && ::geteuid() == 0) {
    for (const auto& path : {directory_, config})
      base::check(::chown(path.c_str(), options.user, options.user) == 0, "chown");
  }
  // Opened before the user changes: the checkout may stand in a directory that only root may enter.
  const base::UniqueFd program(::open(options.program.c_str(), O_RDONLY | O_CLOEXEC));
  base::check(static_cast<bool>(program), options.program.string() + " cannot be opened");
  pid_ = ::fork();
  base::check(pid_ >= 0, "fork");
  if (pid_ == 0) {
    const int log = ::open((directory_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(log, 2);
    ::unsetenv("SOFTHSM2_CONF");  // it must come from the configuration
    ::setenv("ASAN_OPTIONS", "detect_leaks=0",
             1);  // not possible in a process that is not dumpable
    for (const auto& one : options.environment) ::putenv(const_cast<char*>(one.c_str()));
    if (options.user != static_cast<uid_t>(-1) && options.user != ::geteuid() &&
        (::setgroups(0, nullptr) != 0 || ::setgid(options.user) != 0 ||
         ::setuid(options.user) != 0))
      ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a test that aborts leaves no signer behind
    std::string words[] = {options.program.string(), "--config", config.string()};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    ::fexecve(program.get(), arguments, environ);
    ::_exit(127);
  }
  if (!options.wait) return;
  hsm::Client client(options.officer ? officer() : this->client());
  for (const auto until = std::chrono::steady_clock::now() + kPatience;;) {
    const auto health = client.health();
    if (health.ok() && health->token_up) return;
    if (std::chrono::steady_clock::now() > until || ::kill(pid_, 0) != 0)
      base::fail("the signer does not come up: " + log());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Signer::~Signer() {
  if (pid_ != 0) (void)stop();
  const auto said = log();  // a sanitized build speaks there
  base::check(said.find("Sanitizer") == std::string::npos &&
                  said.find("runtime error") == std::string::npos,
              said);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

hsm::ClientConfig Signer::client(std::chrono::milliseconds deadline) const {
  hsm::ClientConfig config;
  config.socket = socket();
  config.deadline = deadline;
  return config;
}

hsm::ClientConfig Signer::officer(std::chrono::milliseconds deadline) const {
  auto config = client(deadline);
  config.socket = directory_ / "officer.sock";
  return config;
}

std::string Signer::log() const {
  return read(directory_ / "stderr");
}

pid_t Signer::worker() const {
  const auto id = std::to_string(pid_);
  const auto children = read("/proc/" + id + "/task/" + id + "/children");
  return static_cast<pid_t>(std::strtol(children.c_str(), nullptr, 10));
}

int Signer::stop() {
  ::kill(pid_, SIGTERM);
  return wait();
}

int Signer::wait() {
  int status = 0;
  for (const auto until = std::chrono::steady_clock::now() + kPatience;;) {
    const auto ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno != EINTR)) break;
    if (std::chrono::steady_clock::now() > until) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  pid_ = 0;
  return status_of(status);
}

}  // namespace test
