// Codes that somebody carries with him: of an authenticator app (RFC 6238), and recovery codes.
// LD/T 01-2020 6.2.6, NIST SP 800-63B-4 §3.1.2, §3.1.4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/factors.h"
#include "auth/notices.h"
#include "auth/soft_lock.h"
#include "base/clock.h"

namespace auth {

/// Thread-safe through its parts.
class OwnCodes {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Notices& notices;
    const base::Clock& clock;
    base::Random& random;
    std::string issuer;  ///< the name that an app shows beside the code
  };
  explicit OwnCodes(Parts parts) : parts_(std::move(parts)) {}

  /// A secret that is offered and kept nowhere yet.
  struct Offer {
    std::string token;    ///< comes back with the first code; good in this session, for ten minutes
    std::string secret;   ///< base32, to be typed
    std::string address;  ///< otpauth://, to be scanned
  };
  Offer offer_totp(const SubjectId& subject, std::string_view session,
                   std::string_view login_name) const;
  /// The offer of this token again, while it is good: a code was mistyped.
  std::optional<Offer> same_offer(const SubjectId& subject, std::string_view session,
                                  std::string_view token, std::string_view login_name) const;
  /// The app shows its first code: from now on it counts.
  /// Errors: expired `auth.totp.offer_over`; unauthenticated `auth.code.wrong`; conflict
  /// `auth.factor.taken`; those of add_factor.
  base::Result<void> add_totp(const SubjectId& subject, std::string_view session,
                              std::string_view token, std::string_view code,
                              std::string_view label);
  /// A code of the app; each once.
  /// Errors: unauthenticated `auth.code.wrong`; rate_limited `auth.login_slow`.
  base::Result<void> check_totp(const SubjectId& subject, std::string_view code,
                                std::string_view network);

  /// Ten new ones, 80 bits each, shown this once; earlier ones are void.
  base::Result<std::vector<std::string>> make_recovery_codes(const SubjectId& subject);
  base::Result<std::int64_t> recovery_codes_left(const SubjectId& subject);
  /// Errors: as check_totp.
  base::Result<void> check_recovery_code(const SubjectId& subject, std::string_view code,
                                         std::string_view network);

  /// Any factor of the person's ends; its owner is told where he can be reached.
  /// Errors: not_found `auth.factor.unknown`; conflict `auth.factor.last`: without it he could not
  /// log in any more.
  base::Result<void> remove(const SubjectId& subject, std::string_view id);

 private:
  std::optional<base::Bytes> secret_in(const SubjectId& subject, std::string_view session,
                                       std::string_view token) const;
  base::Result<std::optional<Factor>> factor_of(const SubjectId& subject, FactorKind kind);
  base::Result<void> note_failure(const Factor& factor);
  Parts parts_;
};

}  // namespace auth
