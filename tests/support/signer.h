// The real xinyin-signer as a child process, serving a test::Token.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/child.h"
#include "hsm/client.h"
#include "test_paths.h"
#include "tests/support/token.h"

namespace test {

class Signer {
 public:
  struct Options {
    std::filesystem::path program;              ///< XINYIN_BIN_DIR "/xinyin-signer"
    bool officer = true;                        ///< opens the officers' socket as well
    std::filesystem::path module = {};          ///< empty: SoftHSM
    std::vector<std::string> settings = {};     ///< more "key = value" lines
    std::vector<std::string> environment = {};  ///< more NAME=value, for the shim
    uid_t user = static_cast<uid_t>(-1);        ///< runs as this user (root only)
    bool wait = true;                           ///< until the token is up
  };
  /// Starts it; when it does not come up the test program stops and shows its log. The Token must
  /// not be open in this process for long: SoftHSM would see two users of its files.
  Signer(const Token& token, Options options);
  ~Signer();
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  hsm::ClientConfig client(std::chrono::milliseconds deadline = std::chrono::seconds(5)) const;
  hsm::ClientConfig officer(std::chrono::milliseconds deadline = std::chrono::seconds(5)) const;
  std::filesystem::path socket() const { return directory_ / "signer.sock"; }
  std::filesystem::path oplog() const { return directory_ / "operations.log"; }
  const std::filesystem::path& directory() const { return directory_; }
  std::string log() const;                     ///< what it wrote to standard error
  pid_t pid() const { return child_->pid(); }  ///< 0 once it was waited for
  pid_t worker() const;                        ///< 0 when there is none at the moment
  /// SIGTERM, and the exit status.
  int stop();
  /// Waits for it to end by itself; the exit status.
  int wait();

 private:
  std::filesystem::path directory_;
  std::optional<base::Child> child_;
};

}  // namespace test
