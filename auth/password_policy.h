// What a password must be. NIST SP 800-63B-4 §3.1.1.2: long enough, not well known, nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace auth {

/// No rules of composition and no periodic change: they make passwords worse. Immutable.
struct PasswordPolicy {
  std::size_t minimum = 15;             ///< code points, when the password stands alone
  std::size_t minimum_with_second = 8;  ///< code points, beside a second factor
  std::vector<std::string> own_words = {"xinyin", "信印"};  ///< the service's names
};

constexpr std::size_t kPasswordMost = 128;  ///< code points

/// The bytes that are hashed: NFKC, so that one password typed on two devices is one password.
/// Nothing is cut off, nothing is trimmed; NUL is a character like others.
/// Errors: invalid_argument `auth.password.too_long`, before any costly work; `auth.password.text`
/// when it is not UTF-8.
base::Result<base::Secret> normal_password(const base::Secret& password);

/// Whether `normal` (from normal_password) may become a password. `about` are words that others
/// would try first: login name, name of the person. Errors: invalid_argument
/// `auth.password.too_short` (args: minimum), `auth.password.well_known`.
base::Result<void> judge_new_password(const base::Secret& normal, const PasswordPolicy& policy,
                                      bool second_factor, const std::vector<std::string>& about);

}  // namespace auth
