// Numbers of persons and of organisations: what they say and whether they can be right. No I/O.
//
// A number that passes here is well made, not proven to exist: proofing is another matter.
// LD/T 01-2020 6.2.2b, 6.2.3b; GB 11643-1999, GB 32100-2015, GB 11714-1997.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace auth {

struct CitizenNumber {
  std::string number;  ///< 18 characters, check X in upper case
  base::Date born;
  bool male = false;
};

/// 公民身份号码, 18 characters: six digits of a region (the first 1–8; historical regions stay
/// valid, so today's list is not asked), date of birth, sequence, check by ISO 7064 MOD 11-2. Also
/// 港澳台居民居住证 (810000, 820000, 830000), which is made the same way. `today` in China. Errors:
/// invalid_argument `auth.id_number.form`, `.region`, `.date`, `.check`. GB 11643.
base::Result<CitizenNumber> parse_citizen_number(std::string_view text, base::Date today);

/// The 18-character number to look a person up by: also takes the old 15 digits (YYMMDD, no check),
/// which are read as born in 19YY. Never for registration.
/// Errors: as parse_citizen_number.
base::Result<std::string> citizen_number_for_lookup(std::string_view text, base::Date today);

/// The check character of the first 17 digits. GB 11643 (ISO 7064 MOD 11-2).
char citizen_check(std::string_view first_17);

struct UnifiedCode {
  std::string code;  ///< 18 characters, upper case
  /// False when the organisation code inside (GB 11714) does not check: a warning, for old codes
  /// are in use that fail.
  bool organisation_checks = true;
};

/// 统一社会信用代码. Errors: invalid_argument `auth.uscc.form`, `auth.uscc.check`. GB 32100.
base::Result<UnifiedCode> parse_unified_code(std::string_view text);

/// The check character of the first 17. GB 32100.
char unified_code_check(std::string_view first_17);

/// The form of a number: "cn-id", "hmt-permit" and "uscc" by their rules above; "passport",
/// "unit-number", "project-code" and "overseas-body" in upper case, 1 to 40 printable ASCII
/// characters. What somebody typed goes through auth/identity_document.h.
/// Errors: those above, `auth.id_type.unknown`.
base::Result<std::string> normal_id_number(std::string_view id_type, std::string_view text,
                                           base::Date today);

}  // namespace auth
