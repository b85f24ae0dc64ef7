// Keeps the token open: opens it, notices that it went, opens it again with back-off, and says why
// it is not up. One thread of its own; the calls that use the token run on the callers' threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/secret.h"
#include "hsm/token.h"
#include "hsm/watch.h"

namespace hsm {

struct KeeperConfig {
  std::filesystem::path module;
  std::string label, serial;
  std::filesystem::path pin_file;
  std::filesystem::path inventory;
  std::filesystem::path directory;  ///< see TokenConfig
  std::filesystem::path
      suspensions;  ///< labels of suspended keys, kept over restarts; empty: not kept
  int sessions = 4;
  Sm2Native sm2 = {};
  std::chrono::milliseconds recheck{5000};
  std::chrono::milliseconds least_wait{250}, most_wait{5000};  ///< between attempts to open
  std::chrono::milliseconds longest_opening{30'000};  ///< then the watchdog may end the process
};

struct KeeperHealth {
  Condition condition = Condition::down;
  std::string label, serial;
  std::string reason;  ///< why it is not up, and which keys are not served
};

/// Thread-safe.
class TokenKeeper {
 public:
  /// Something an operator should see: "up", "down", "alarm", "suspended", "finding".
  using Notice = std::function<void(std::string_view what, const std::string& why)>;
  TokenKeeper(KeeperConfig config, base::Random& random, Watch& watch, Notice notice);
  ~TokenKeeper();

  /// The open token. Errors: unavailable `hsm.unavailable` with the reason. Hold it for one call
  /// only: a token that went away is opened again when nobody holds it any more.
  base::Result<std::shared_ptr<Token>> token() const;
  /// To be called after a call that failed: looks whether the token went, and at suspended keys.
  void look_again();
  KeeperHealth health() const;
  /// Closes the token and opens it again, as after a change to it; comes back when that was tried.
  void reopen();
  /// Takes a suspension back that was kept over restarts; holds from the next opening on, which
  /// happens here.
  void forgive(const std::string& label);
  /// The first opening has come to an end, whichever.
  bool tried() const { return tried_; }

 private:
  void run();
  void work();
  void open();
  void close(const std::string& why, Condition condition);
  void note_suspensions(const Token& token);
  bool pause(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds wait);

  const KeeperConfig config_;
  base::Random& random_;
  Watch& watch_;
  const Notice notice_;
  mutable std::mutex lock_;  // guards all below
  mutable std::condition_variable woken_;
  std::shared_ptr<Token> token_;
  Condition condition_ = Condition::down;
  std::string reason_ = "not opened yet";
  std::string label_, serial_;
  std::string findings_;
  std::string last_told_;
  bool look_ = false, stop_ = false;
  bool reopen_ = false;                 ///< asked for
  bool opening_ = false;                ///< under way
  bool ended_ = false;                  ///< the thread has gone: nothing is opened any more
  std::vector<std::string> suspended_;  ///< labels told already
  std::atomic<bool> tried_{false};
  std::thread thread_;
};

}  // namespace hsm
