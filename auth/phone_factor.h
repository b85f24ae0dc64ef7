// A telephone as a factor: confirmed by a code that came to it, and a second step by another.
// LD/T 01-2020 6.2.5b, 6.2.6a. It is what somebody has, not a key: with a password it makes A2,
// never A3 (GB/T 22239-2019 8.1.4.1 d).
#pragma once

#include "auth/notices.h"
#include "auth/soft_lock.h"
#include "auth/otps.h"

namespace auth {

/// Thread-safe through its parts.
class PhoneFactor {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Otps& codes;
    Notices& notices;
    const base::Clock& clock;
    base::Random& random;
    /// How long a number that takes another's place waits before it counts, unless the old number
    /// agreed: time for its owner to object.
    std::chrono::seconds cool_off{24 * 3600};
  };
  explicit PhoneFactor(Parts parts) : parts_(parts) {}

  /// Sends a code to a number that is to be confirmed.
  /// Errors: invalid_argument `auth.field.mobile`; those of Otps::send.
  base::Result<void> offer(std::string_view session, std::string_view phone,
                           std::string_view network);
  /// The number counts from now on, in the place of an earlier one; both are told.
  /// Errors: invalid_argument `auth.field.mobile`; unauthenticated `auth.code.wrong`.
  base::Result<void> confirm(const SubjectId& subject, std::string_view session,
                             std::string_view phone, std::string_view code);

  /// A code to the confirmed number, as a second step. `browser`: what it is bound to.
  /// Errors: not_found `auth.factor.unknown`; those of Otps::send.
  base::Result<void> send_step(const SubjectId& subject, std::string_view browser,
                               std::string_view network);
  /// Errors: unauthenticated `auth.code.wrong`; rate_limited `auth.login_slow`.
  base::Result<void> check_step(const SubjectId& subject, std::string_view browser,
                                std::string_view code, std::string_view network);

 private:
  base::Result<std::optional<Factor>> factor_of(const SubjectId& subject);
  Parts parts_;
};

}  // namespace auth
