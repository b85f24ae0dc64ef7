#include "auth/staff.h"

#include "auth/id_numbers.h"

namespace auth {
namespace {

constexpr store::Query kIsStaff{"auth.is_staff", R"sql(
  select 1::bigint from auth.staff f join auth.subject s on s.id = f.subject_id
     and auth.is_open(s.active, s.locked_until, $2)
   where f.subject_id = $1 and f.ended_at is null)sql"};

}  // namespace

base::Result<bool> is_staff(store::Pool& pool, const SubjectId& who, base::Time now) {
  BASE_TRY(const auto rows, pool.run(kIsStaff, {who.value(), now}));
  return !rows.empty();
}

base::Result<void> staff_alone(store::Tx& tx, const SubjectId& who, base::Time now) {
  BASE_TRY(const auto rows, tx.run(kIsStaff, {who.value(), now}));
  if (rows.empty()) return base::error(base::Code::permission_denied, "auth.staff.none");
  return {};
}

base::Result<void> staff_for_another(store::Tx& tx, const SubjectId& who, const SubjectId& subject,
                                     base::Time now) {
  BASE_TRY_VOID(staff_alone(tx, who, now));
  if (who == subject) return base::error(base::Code::permission_denied, "auth.staff.own");
  return {};
}

base::Result<void> reason_given(std::string_view reason) {
  if (reason.find_first_not_of(" \t\r\n") == std::string_view::npos || reason.size() > kReasonMost)
    return base::error(base::Code::invalid_argument, "auth.request.reason");
  for (std::size_t at = 0; at + 18 <= reason.size(); ++at) {
    const auto number = reason.substr(at, 18);
    const auto end = number.find_first_not_of("0123456789");
    if (end < 17) continue;
    const char last = number[17] == 'x' ? 'X' : number[17];
    if (citizen_check(number.substr(0, 17)) == last)
      return base::error(base::Code::invalid_argument, "auth.request.reason.number");
  }
  return {};
}

}  // namespace auth
