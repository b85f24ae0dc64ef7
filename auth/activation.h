// Resetting a password so that nobody but its owner ever knows one: staff have a code made, whoever
// brings it sets a new password, once. LD/T 01-2020 6.2.5d.
#pragma once

#include <string>
#include <string_view>

#include "auth/accounts.h"

namespace auth {

/// Thread-safe through its parts.
class Activation {
 public:
  struct Parts {
    store::Pool& pool;
    Accounts& accounts;
    const base::Clock& clock;
    base::Random& random;
    std::chrono::seconds life{24 * 3600};
  };
  explicit Activation(Parts parts) : parts_(parts) {}

  /// A code of 32 hexadecimal digits, kept as SHA-256; earlier ones of this subject are void.
  /// Errors: not_found `auth.subject_unknown`.
  base::Result<std::string> issue(const SubjectId& subject, std::string_view by);
  /// Sets the password, ends all sessions and tokens. A code that is unknown, spent or too old, and
  /// one of another account, are the same refusal; a password that is refused does not spend it.
  /// Errors: unauthenticated `auth.activation.unknown`; those of the password policy;
  /// rate_limited `auth.busy`.
  base::Result<void> redeem(std::string_view login_name, std::string_view code,
                            const base::Secret& password);
  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  Parts parts_;
};

}  // namespace auth
