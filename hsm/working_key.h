// A working key (工作密钥): P-256, made in the service, wrapped at rest by a key of the token, and
// clear in the service's own memory while it is in force. For what is short-lived and must be fast,
// which is tokens; never for seals, certificates, time stamps, heads or checkpoints.
// docs/decisions/0133-working-keys.md
#pragma once

#include "base/secret.h"
#include "hsm/key.h"

namespace hsm {

/// Thread-safe. Signs in this process: nothing waits, and no operation log tells of it.
class WorkingKey final : public Key {
 public:
  /// A new one; `scalar` is what is to be wrapped: 32 bytes, big-endian.
  struct Made {
    std::shared_ptr<const WorkingKey> key;
    base::Secret scalar;
  };
  /// Errors: internal `hsm.working_key`.
  static base::Result<Made> make(std::string label, Purpose purpose);
  /// One that was unwrapped. It signs and verifies once before it is given out. Errors:
  /// invalid_argument `hsm.working_key` when the scalar is not that of `public_key` (DER SPKI).
  static base::Result<std::shared_ptr<const WorkingKey>> open(std::string label, Purpose purpose,
                                                              base::BytesView public_key,
                                                              const base::Secret& scalar);
  ~WorkingKey() override;

  const KeyInfo& info() const override { return info_; }
  /// Errors: internal `hsm.working_key`.
  base::Result<base::Bytes> sign(const base::Digest& digest) const override;

 private:
  struct State;
  WorkingKey(KeyInfo info, std::unique_ptr<State> state);
  KeyInfo info_;
  std::unique_ptr<State> state_;
};

}  // namespace hsm
