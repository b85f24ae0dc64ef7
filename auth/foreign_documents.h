// Documents of foreigners: both generations of the permanent-residence card, passports, and the
// machine-readable line of a passport. What passes here is well made, not proven to exist. No I/O.
// LD/T 01-2020 6.2.3b; ICAO Doc 9303.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace auth {

/// 外国人永久居留身份证 of either generation. Both are valid until they expire, and a person may
/// have had both.
struct ResidenceCard {
  std::string number;       ///< 18 or 15 characters, upper case
  std::string nationality;  ///< ISO 3166-1 alpha-3
  std::string born_yymmdd;  ///< what both generations say of the date of birth
  bool old_generation = false;
};

/// 18 characters since December 2023: 9, province, country (numeric), YYYYMMDD, sequence, check by
/// ISO 7064 MOD 11-2. 15 before: country (alpha-3), four digits of a region, YYMMDD, sequence,
/// check with weights 7 3 1. `today` in China.
/// Errors: invalid_argument `auth.id_number.form`, `.country`, `.region`, `.date`, `.check`.
base::Result<ResidenceCard> parse_residence_card(std::string_view text, base::Date today);

struct Passport {
  std::string number;                           ///< upper case, without fillers
  std::string country;                          ///< nationality, ISO 3166-1 alpha-3
  std::optional<std::string> born_yymmdd = {};  /// known from the machine-readable line alone
};

/// A passport's number and the holder's nationality. A number has no check of its own: 5 to 20
/// letters and digits; China's have the forms that are issued. Errors: `auth.id_number.form`,
/// `auth.id_number.country`.
base::Result<Passport> parse_passport(std::string_view number, std::string_view country);

/// The second machine-readable line of a passport (TD3, 44 characters) with its five checks.
/// Errors: `auth.mrz.form`, `auth.mrz.check`, `auth.id_number.country`, `auth.id_number.date`.
/// ICAO Doc 9303-4 §4.2.2.
base::Result<Passport> parse_passport_line(std::string_view text);

/// The check digit of machine-readable text: weights 7 3 1, A=10 … Z=35, < is 0. Nothing when there
/// is another character. ICAO Doc 9303-3 §4.9.
std::optional<char> mrz_check(std::string_view text);

}  // namespace auth
