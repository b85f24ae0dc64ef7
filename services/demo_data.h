// Demonstration rows for the enrolment tables: invented, and only for a demonstration. The program
// that calls this refuses under the production profile; a real installation's rows come from its
// core system.
#pragma once

#include <string>

#include "base/clock.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace services {

/// Subjects that auth knows already. The unit employs the person; the person is its handler
/// (经办人) when `handler` names him.
struct DemoSubjects {
  std::string person;     ///< subject id
  std::string unit;       ///< subject id
  std::string unit_name;  ///< 示范科技有限责任公司
  std::string unit_code;  ///< unified social credit code
  std::string handler;    ///< subject id, or empty
};

/// Puts the unit, the person's three insurances since July 2019, three years of contributions up to
/// the month of `now`, whose own have not arrived yet, the pension account by year, a survivor's
/// benefit, and the unit's last years. Again is harmless. Errors: those of store::Tx.
base::Result<void> insert_demo_data(store::Tx& tx, const DemoSubjects& subjects, base::Time now);

/// Puts `members` invented people on the unit's roster, names and numbers sealed. Again is
/// harmless. Errors: those of store::Tx.
base::Result<void> insert_demo_roster(store::Tx& tx, const store::FieldCipher& cipher,
                                      const std::string& unit, int members);

}  // namespace services
