// What was registered of a subject beside name and document, and its history: encrypted at rest,
// one object a subject. LD/T 01-2020 6.2.2c–d, 6.2.3c–e, 6.2.5a.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/registration_fields.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

/// Puts down what was registered; the first time or anew.
base::Result<void> put_details(store::Tx& tx, const store::FieldCipher& cipher,
                               const SubjectId& subject, const FieldValues& values, base::Time now);
/// Empty when nothing was registered (accounts made by an officer).
/// Errors: as Pool::run; internal `store.field_damaged`.
base::Result<FieldValues> details_of(store::Pool& pool, const store::FieldCipher& cipher,
                                     const SubjectId& subject);
/// How many subjects gave this telephone number: one may serve several people, many are a matter
/// for an officer.
base::Result<std::int64_t> sharers_of_phone(store::Tx& tx, const store::FieldCipher& cipher,
                                            std::string_view phone);

/// The telephone number in these values, whatever kind of subject they are of.
std::string phone_in(const FieldValues& values);

/// One JSON object of texts. Unknown shapes read as empty.
std::string to_json(const FieldValues& values);
FieldValues values_from_json(std::string_view json);

}  // namespace auth
