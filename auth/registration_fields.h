// What a registration asks for: the fields of LD/T 01-2020 6.2.2 a–e and 6.2.3 a–f, in the steps in
// which they are asked, and how each is judged. No I/O.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/person.h"
#include "base/clock.h"
#include "base/result.h"

namespace auth {

/// The last step, `account` (user name, password, agreements), is never kept: see registration.h.
enum class RegistrationStep { identity, details, account };
std::string_view to_text(RegistrationStep step);

struct RegistrationField {
  std::string_view name;  ///< "id_number"; its label in the catalogue is `web.field.<name>`
  SubjectKind kind;
  RegistrationStep step;
  bool required = true;    ///< by itself; `country`, `card_number` and `bank_account` depend
  std::size_t most = 120;  ///< octets
};

/// All fields of a kind of account, in the order in which they are asked.
std::span<const RegistrationField> registration_fields(SubjectKind kind);

/// As typed, by field name.
using FieldValues = std::map<std::string, std::string, std::less<>>;

/// Whether a change of these must come from a login just made: a telephone is how its owner is
/// reached, and whoever sits at somebody's open session must not turn it.
bool needs_fresh_login(const FieldValues& typed);
/// As the owner is shown it: enough to know it by, not to copy it.
std::string masked_value(std::string_view field, std::string_view value);

struct Judged {
  FieldValues values;                    ///< in the forms in which they are kept
  std::vector<base::FieldError> wrong;   ///< in the order of the fields
  std::vector<base::FieldError> doubts;  ///< told, and no obstacle
};
/// Judges one step; fields of other steps are read where a rule needs them. `today` in China.
Judged judge_fields(SubjectKind kind, RegistrationStep step, const FieldValues& typed,
                    base::Date today);

}  // namespace auth
