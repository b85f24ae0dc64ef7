// Who is staff, and what each of their deeds asks first. LD/T 01-2020 6.2.5;
// docs/decisions/0082-staff.md.
//
// Staff are accounts that the installation's owner named (`xinyin staff`). Whoever is locked,
// merged or released is none.
#pragma once

#include <string_view>

#include "auth/actor.h"
#include "store/store.h"

namespace auth {

/// Deeds of staff by a program (docs/decisions/0164-staff-api.md). Beside kScopes (provider.h): it is
/// told to those alone who may have it.
constexpr std::string_view kStaffScope = "staff";

base::Result<bool> is_staff(store::Pool& pool, const SubjectId& who, base::Time now);
/// Within a deed of staff. Errors: permission_denied `auth.staff.none`.
base::Result<void> staff_alone(store::Tx& tx, const SubjectId& who, base::Time now);
/// A deed of staff to somebody else. Errors: as staff_alone; permission_denied `auth.staff.own`.
base::Result<void> staff_for_another(store::Tx& tx, const SubjectId& who, const SubjectId& subject,
                                     base::Time now);

constexpr std::size_t kReasonMost = 1000;  ///< bytes
/// It goes into the trail, where no personal number may stand. Errors: invalid_argument
/// `auth.request.reason`: none is given, or it is too long; `auth.request.reason.number`: a
/// citizen's number is in it.
base::Result<void> reason_given(std::string_view reason);

}  // namespace auth
