// The soft lock in front of whatever can be guessed.
//
// A try is counted before it is looked at: any number of tries at once cannot pass the limit, on
// any number of instances, and a restart forgets nothing. What is counted against is
//   - the account (a login name, known or not) or the factor, from everywhere but where its owner
//     got in before;
//   - the same at such a network, by itself: strangers cannot lock the owner out;
//   - the network, so that one address cannot try a thousand names.
// Delays grow and never become a lock that somebody must open (docs/decisions/0041-soft-lock.md).
#pragma once

#include <string_view>

#include "base/clock.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

/// Thread-safe through its parts.
class SoftLock {
 public:
  // What is guessed: each kind of thing has counters of its own.
  static constexpr std::string_view kAccount = "auth/login_failure/account";
  static constexpr std::string_view kFactor = "auth/login_failure/factor";

  SoftLock(store::Pool& pool, const store::FieldCipher& cipher, const base::Clock& clock)
      : pool_(pool), cipher_(cipher), clock_(clock) {}

  /// A counted try: which counters it stands in.
  struct Admission {
    base::Digest account{};  ///< keyed hash of what is guessed
    base::Digest network{};
    base::Digest counter{};  ///< the account's, or the account's at this known network
    bool known = false;      ///< its owner got in from this network before
  };
  /// Errors: rate_limited `auth.login_slow` with retry_after.
  base::Result<Admission> admit(std::string_view kind, std::string_view id,
                                std::string_view network);
  /// The try was never looked at.
  base::Result<void> forgive(const Admission& admission);
  /// Within the deed that came of it.
  void succeeded(store::Tx& tx, const Admission& admission);

 private:
  store::Pool& pool_;
  const store::FieldCipher& cipher_;
  const base::Clock& clock_;
};

}  // namespace auth
