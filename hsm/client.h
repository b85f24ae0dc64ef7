// The signer's client: what the service holds instead of a token.
//
// Talks to xinyin-signer over its Unix socket; requests from many threads share a few connections
// and are pipelined. A signer or token that is away is `unavailable` at once or at the deadline,
// and works again when it is back, without restarting anything.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/secret.h"
#include "hsm/key.h"

namespace hsm {

struct ClientConfig {
  std::filesystem::path socket;
  std::chrono::milliseconds deadline{2000};
  int connections = 2;
};

struct SignerHealth {
  bool token_up = false;
  std::string token_label;
  std::string token_serial;
  std::uint64_t signatures = 0;  ///< since the signer started
  std::string reason;            ///< why it is down, for operators
};

/// Thread-safe. Connects lazily.
class Client {
 public:
  explicit Client(ClientConfig config);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  base::Result<SignerHealth> health();
  base::Result<std::vector<KeyInfo>> keys();
  /// The key with this label. The Key stays good when the signer restarts.
  /// Errors: not_found `hsm.no_key`; unavailable `hsm.unavailable`.
  base::Result<std::shared_ptr<const Key>> key(std::string_view label);

  /// Wraps or unwraps a small secret (at most 4 KiB) with the token's data-wrapping key
  /// (AES-256-GCM in the token; `name` is bound as associated data). Errors: invalid_argument
  /// `hsm.bad_wrapping` when it was not made by this key under this name.
  base::Result<base::Bytes> wrap(std::string_view name, const base::Secret& secret);
  base::Result<base::Secret> unwrap(std::string_view name, base::BytesView wrapped);

  /// A request of the officers (hsm/officers/conductor.h): "state", "request", "ledger" through any
  /// door; "submit", "vote", "execute", "content" through theirs. The answer is JSON.
  /// Errors: what the rules say (`hsm.officers.…`); unavailable `hsm.unavailable`.
  base::Result<std::string> officers(std::string_view verb, std::string_view data = {});

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hsm
