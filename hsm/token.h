// The token, opened for serving: one login, a bounded pool of sessions, cached handles, and no code
// that could write to it. Used inside the signer process, and directly by tests.
//
// Promises: only keys that the inventory knows and that look on the token as recorded are used;
// every signature is verified with the recorded public key before it leaves; a session that saw an
// error is closed. Once the module itself fails, `condition()` is down and every call is refused at
// once: drop this Token (and its Keys) and open another.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/secret.h"
#include "hsm/key.h"
#include "hsm/self_test.h"
#include "hsm/sm2_native.h"

namespace hsm {

struct TokenConfig {
  std::filesystem::path module;
  std::string label;
  std::string serial;  ///< empty: any token of that label
  base::Secret pin;
  std::filesystem::path inventory;
  std::filesystem::path directory =
      {};  ///< of a software token: its files are compared; may be empty
  int sessions = 4;
  std::chrono::milliseconds session_wait{1000};  ///< for a free session
  Sm2Native sm2 = {};
};

enum class Condition {
  up,
  down,   ///< token or module away: opening again may help
  alarm,  ///< PIN refused: stop until a person has looked
};

/// Something on the token or in the inventory that is not as it should be.
struct Finding {
  std::string label;
  std::string why;
};

/// Thread-safe. One at a time in a process; the module must be initialised after the last fork.
class Token {
 public:
  /// Errors: unavailable `hsm.module`, `hsm.in_use`, `hsm.no_token`, `hsm.pin`, `hsm.inventory`,
  /// `hsm.token_files`, `hsm.self_test`, `hsm.unavailable`. `random` outlives the Token and its
  /// Keys.
  static base::Result<std::unique_ptr<Token>> open(TokenConfig config, base::Random& random);
  ~Token();

  const std::string& label() const;
  const std::string& serial() const;
  Condition condition() const;
  std::string reason() const;  ///< why it is not up; for operators
  std::vector<Finding> findings() const;

  /// The keys in use, in the inventory's order.
  std::vector<KeyInfo> keys() const;
  /// Errors: not_found `hsm.no_key`; unavailable `hsm.key_refused` with the reason.
  base::Result<std::shared_ptr<const Key>> key(std::string_view label) const;
  base::Result<KeyInfo> info(std::string_view label) const;

  /// `input` is what this key's algorithm signs: hsm/algorithm.h. Errors: as Key::sign; also
  /// unavailable `hsm.wrong_signature`, `hsm.suspended`, `hsm.key_refused`.
  base::Result<base::Bytes> sign(std::string_view label, base::BytesView input) const;
  /// Two wrong signatures suspend a key; so may an operator, or an earlier process's record.
  void suspend(std::string_view label, std::string reason);
  std::vector<Finding> suspended() const;

  /// See Client::wrap. Errors: not_found `hsm.no_key`; invalid_argument `hsm.bad_wrapping`;
  /// unavailable.
  base::Result<base::Bytes> wrap(std::string_view name, const base::Secret& secret) const;
  base::Result<base::Secret> unwrap(std::string_view name, base::BytesView wrapped) const;

  /// Looks at the token again: whether it is there, whether its files changed, and whether its keys
  /// are as recorded: all of them when there are few, a slice in turn and all from time to time
  /// when there are many. A key that has not signed yet in this process is made to. A key that
  /// drifted or went since brings the condition down: the next opening refuses that key by name.
  /// Errors: unavailable `hsm.unavailable`.
  base::Result<void> recheck();

  /// Known answers, the sources of chance, and a signature (or wrapping) of every key in use. A
  /// known answer or a source that fails brings the condition down, a key that fails is suspended.
  std::vector<SelfTestResult> self_test();

 private:
  struct State;
  explicit Token(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with the Keys
};

}  // namespace hsm
