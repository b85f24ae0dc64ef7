// Numbers that a registration asks for beside the document: social security number, card, bank
// account, telephones. What passes here is well made, not proven to exist. No I/O.
// LD/T 01-2020 6.2.2c–d, 6.2.3c–e.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace auth {

/// A mobile number of the mainland: 11 digits from 1, the second 3 to 9; +86, 0086, spaces and
/// hyphens are forgiven. No list of prefixes: they go stale. Nothing when it cannot be one.
std::optional<std::string> normal_mobile(std::string_view typed);

/// A mobile number, or a fixed line with its area code (010-12345678, with an extension behind
/// another hyphen).
std::optional<std::string> normal_telephone(std::string_view typed);

/// 社会保障号码: 18 letters and digits, in upper case. A citizen's is the identity number; a
/// foreigner's is assigned and has no public rule, so nothing else is asked of it.
std::optional<std::string> normal_social_security_number(std::string_view typed);

/// 社会保障卡卡号: 6 to 20 letters and digits; there is no national check.
std::optional<std::string> normal_card_number(std::string_view typed);

/// A bank account on the card: 16 to 19 digits.
std::optional<std::string> normal_bank_account(std::string_view typed);
/// Whether its last digit checks (ISO/IEC 7812-1 B). Advice only: older accounts do not.
bool bank_account_checks(std::string_view digits);

}  // namespace auth
