#include "hsm/supervisor.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "hsm/signer.h"

namespace hsm {
namespace {

using Steady = std::chrono::steady_clock;
using Ms = std::chrono::milliseconds;

constexpr int kBacklog = 256;
constexpr Ms kLeastWait{100}, kMostWait{5000};  // before the next worker
constexpr Ms kLongLife{10'000};  // a worker that lived so long was not a failure at start
constexpr Ms kFarewell{5000};    // for a worker that was told to stop

class Supervisor {
 public:
  Supervisor(const SignerConfig& config, const base::Clock& clock, base::Random& random,
             const Journal& journal)
      : config_(config), clock_(clock), random_(random), journal_(journal) {}
  ~Supervisor() {
    if (worker_) return;
    for (const auto& door : doors_) ::unlink(door.door.socket.c_str());
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  int run();

 private:
  bool open_doors();
  bool open_door(const Door& door);
  bool catch_signals();
  int work(pid_t supervisor);
  /// Waits for a signal at most so long; 0: none came.
  int wait_signal(Ms most) const;
  int stop_worker(pid_t pid);

  const SignerConfig& config_;
  const base::Clock& clock_;
  base::Random& random_;
  const Journal& journal_;
  std::vector<base::UniqueFd> listeners_;
  std::vector<OpenDoor> doors_;
  base::UniqueFd signals_;
  bool worker_ = false;  // this process is the child
};

bool Supervisor::open_door(const Door& door) {
  const auto failed = [&](std::string_view what) {
    journal_.tell("failed", {{"socket", door.socket.string()},
                             {"why", std::string(what) + ": " + std::strerror(errno)}});
    return false;
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& path = door.socket.native();
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return failed("the path of a Unix socket has 1 to 107 bytes");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!S_ISSOCK(there.st_mode)) {
      errno = EEXIST;
      return failed("something else is in its place");
    }
    if (::connect(probe.get(), generic, sizeof address) == 0) {
      errno = EADDRINUSE;
      return failed("another signer serves it");
    }
    (void)::unlink(path.c_str());  // left over from one that was killed
  }
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::bind(fd.get(), generic, sizeof address) != 0) return failed("bind");
  // Who may use it is judged by the kernel's word on the peer, not by the file's mode.
  if (::chmod(path.c_str(), 0666) != 0 || ::listen(fd.get(), kBacklog) != 0)
    return failed("listen");
  doors_.push_back({door, fd.get()});
  listeners_.push_back(std::move(fd));
  return true;
}

bool Supervisor::open_doors() {
  return std::all_of(config_.doors.begin(), config_.doors.end(),
                     [this](const Door& door) { return open_door(door); });
}

bool Supervisor::catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, one);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return false;
  signals_ = base::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  return static_cast<bool>(signals_);
}

int Supervisor::wait_signal(Ms most) const {
  pollfd readable{signals_.get(), POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(most.count())) <= 0) return 0;
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return 0;
  return static_cast<int>(info.ssi_signo);
}

/// In the child: a worker dies with its supervisor.
int Supervisor::work(pid_t supervisor) {
  worker_ = true;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != supervisor) return kExitStopped;
  (void)::prctl(PR_SET_NAME, "signer-worker");
  sigset_t set;
  sigemptyset(&set);
  for (const int one : {SIGTERM, SIGINT}) sigaddset(&set, one);
  // SIGHUP and SIGCHLD mean nothing here; they stay blocked and unread.
  signals_ = base::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return kExitStuck;
  // SoftHSM's own interface: it finds its configuration in the environment.
  if (!config_.token.softhsm_conf.empty())
    ::setenv("SOFTHSM2_CONF", config_.token.softhsm_conf.c_str(), 1);
  return serve(config_, doors_, {clock_, random_, journal_, signals_.get()});
}

int Supervisor::stop_worker(pid_t pid) {
  (void)::kill(pid, SIGTERM);
  const auto until = Steady::now() + kFarewell;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (Steady::now() >= until) {
      (void)::kill(pid, SIGKILL);
      (void)::waitpid(pid, &status, 0);
      break;
    }
    (void)wait_signal(Ms(50));
  }
  journal_.tell("stopped");
  return kExitStopped;
}

int Supervisor::run() {
  if (!catch_signals() || !open_doors()) return kExitMisconfigured;
  auto wait = kLeastWait;
  while (true) {
    const auto self = ::getpid();
    const auto born = Steady::now();
    const auto pid = ::fork();
    if (pid == 0) return work(self);
    if (pid < 0) {
      journal_.tell("failed", {{"why", std::string("fork: ") + std::strerror(errno)}});
    } else {
      int status = 0;
      while (::waitpid(pid, &status, WNOHANG) == 0) {
        const int caught = wait_signal(Ms(1000));
        if (caught == SIGTERM || caught == SIGINT) return stop_worker(pid);
      }
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      journal_.tell("worker ended",
                    {{"worker", std::to_string(pid)}, {"status", std::to_string(code)}});
      if (code == kExitMisconfigured) return kExitMisconfigured;
    }
    if (Steady::now() - born >= kLongLife) wait = kLeastWait;
    for (const auto until = Steady::now() + wait; Steady::now() < until;) {
      const int caught = wait_signal(std::max(Ms(1), std::chrono::ceil<Ms>(until - Steady::now())));
      if (caught == SIGTERM || caught == SIGINT) return kExitStopped;
    }
    wait = std::min(2 * wait, kMostWait);
  }
}

}  // namespace

int supervise(const SignerConfig& config, const base::Clock& clock, base::Random& random,
              const Journal& journal) {
  Supervisor supervisor(config, clock, random, journal);
  return supervisor.run();
}

void harden_process() {
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::prctl(PR_SET_DUMPABLE, 0);
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  (void)::umask(0077);
  (void)std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace hsm
