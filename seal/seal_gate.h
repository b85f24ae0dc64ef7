// The gate before a seal: whether it is active, and whether its policy lets this actor use it for
// this, now, once more. LD/T 01-2020 5.3.4, 4.3; docs/decisions/0183-policy-of-a-seal.md.
//
// Asked twice: before anything is signed, and in the transaction that releases the document, where
// the use is counted too: what was stopped or used up meanwhile does not leave.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "auth/actor.h"
#include "seal/seals.h"

namespace seal {

/// Thread-safe.
class SealGate {
 public:
  struct Parts {
    store::Pool& pool;
    const base::Clock& clock;
    base::Random& random;
  };
  SealGate(Parts parts, std::string seal) : parts_(parts), seal_(std::move(seal)) {}

  /// Errors: unavailable `seal.none` (there is no such seal), `seal.not_active` (args "state"),
  /// `seal.not_valid` (before or after its validity), `seal.policy.hours` (with when it opens);
  /// permission_denied `seal.policy.kind`, `seal.policy.use`, `seal.policy.client`,
  /// `seal.policy.level`. Refusals by policy are in the audit trail, one an hour for each reason.
  base::Result<void> may(const auth::Actor& actor, std::string_view kind, SealUse use);

  /// Counts one use within `tx`; `stripe` is any number, by chance. Errors: as may, of the seal's
  /// state; rate_limited `seal.policy.limit` (args "limit", "span"); unavailable
  /// `seal.policy.stopped`: too many within a minute, and the caller ends with stop(). Limits are
  /// held but for documents that are released in the same moment.
  base::Result<void> count(store::Tx& tx, base::Time at, std::uint8_t stripe);
  /// After count() said `seal.policy.stopped` and its transaction is over: suspends the seal.
  base::Result<void> stop();

  /// Spans that no limit asks for any more go. Safe at any time.
  base::Result<void> forget_old();

 private:
  base::Error refused(const auth::Actor& actor, base::Error failure);
  Parts parts_;
  const std::string seal_;
  std::mutex lock_;
  std::map<std::string, base::Time> noted_;  // guarded by lock_: when a reason was last noted
};

}  // namespace seal
