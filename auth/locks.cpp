#include "auth/locks.h"

#include "auth/logout_notices.h"
#include "auth/staff.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

// Not of whoever was merged into another or erased: those are nobody's accounts.
constexpr store::Query kLock{"auth.lock_subject", R"sql(
  update auth.subject set active = false, locked_until = $2
   where id = $1 and merged_into is null and octet_length(name_sealed) > 0
  returning 1::bigint)sql"};
constexpr store::Query kUnlock{"auth.unlock_subject", R"sql(
  update auth.subject set active = true, locked_until = null
   where id = $1 and merged_into is null and octet_length(name_sealed) > 0
     and not auth.is_open(active, locked_until, $2)
  returning 1::bigint)sql"};
constexpr store::Query kIsThere{"auth.lockable_subject", R"sql(
  select 1::bigint from auth.subject
   where id = $1 and merged_into is null and octet_length(name_sealed) > 0)sql"};
constexpr store::Query kPutLock{"auth.put_lock", R"sql(
  insert into auth.account_lock (subject_id, reason, by, at, until)
  values ($1, $2, $3, $4, $5))sql"};
// One whose time was over had ended by itself, whoever comes after.
constexpr store::Query kEndLock{"auth.end_lock", R"sql(
  update auth.account_lock
     set ended_at = least($2, until),
         ended_by = case when until <= $2 then null else $3 end,
         end_reason = case when until <= $2 then null else $4 end
   where subject_id = $1 and ended_at is null)sql"};
constexpr store::Query kCurrent{"auth.current_lock", R"sql(
  select coalesce(l.reason, ''), coalesce(l.by, ''), coalesce(l.at, s.created_at), s.locked_until,
         null::timestamptz, null::text, null::text
    from auth.subject s
    left join auth.account_lock l on l.subject_id = s.id and l.ended_at is null
   where s.id = $1 and s.merged_into is null and octet_length(s.name_sealed) > 0
     and not auth.is_open(s.active, s.locked_until, $2))sql"};
constexpr store::Query kHistory{"auth.lock_history", R"sql(
  select reason, by, at, until, coalesce(ended_at, case when until <= $2 then until end), ended_by,
         end_reason
    from auth.account_lock where subject_id = $1 order by id desc limit 50)sql"};
constexpr store::Query kRevokeOfLocked{"auth.revoke_of_locked", R"sql(
  update auth.authorization_grant set revoked_at = $2
   where subject_id = $1 and revoked_at is null)sql"};
constexpr store::Query kEndSessionsOfLocked{"auth.end_sessions_of_locked", R"sql(
  delete from auth.session where subject_id = $1)sql"};

AccountLock read(const store::Rows& rows, std::size_t row) {
  AccountLock out;
  out.reason = rows.text(row, 0);
  out.by = rows.text(row, 1);
  out.at = rows.time(row, 2);
  if (!rows.is_null(row, 3)) out.until = rows.time(row, 3);
  if (!rows.is_null(row, 4)) out.ended_at = rows.time(row, 4);
  if (!rows.is_null(row, 5)) out.ended_by = rows.text(row, 5);
  if (!rows.is_null(row, 6)) out.end_reason = rows.text(row, 6);
  return out;
}

std::string facts_of(std::string_view reason, const std::optional<base::Time>& until) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("reason", reason);
  if (until) facts.member("until", base::to_rfc3339(*until));
  facts.EndObject();
  return facts.text();
}

/// As people say it: the last moment that it holds, to the minute, in China.
std::string shown(base::Time until) {
  return base::to_china_time(until);
}

}  // namespace

base::Error locked_error(std::optional<base::Time> until) {
  auto out = base::error(base::Code::permission_denied, until ? "auth.locked_until" : "auth.locked");
  if (until) out.args = {{"until", shown(*until)}};
  return out;
}

base::Error refused_login(store::Tx& tx, const SubjectId& subject, base::Time now) {
  const auto rows = tx.run(kCurrent, {subject.value(), now});
  if (!rows.ok()) return rows.error();
  if (rows->empty()) return base::error(base::Code::unauthenticated, "auth.login_failed");
  return locked_error(read(*rows, 0).until);
}

base::Result<void> Locks::lock(const SubjectId& subject, const SubjectId& staff,
                               std::string_view reason, std::optional<base::Time> until) {
  const auto now = parts_.clock.now();
  BASE_TRY_VOID(reason_given(reason));
  if (until && *until <= now)
    return base::error(base::Code::invalid_argument, "auth.lock.until");
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(staff_for_another(tx, staff, subject, now));
  BASE_TRY(const auto locked, tx.run(kLock, {subject.value(), until}));
  if (locked.empty()) return base::error(base::Code::not_found, "auth.subject_unknown");
  BASE_TRY_VOID(tx.run(kEndLock, {subject.value(), now, staff.value(), reason}));
  BASE_TRY_VOID(tx.run(kPutLock, {subject.value(), reason, staff.value(), now, until}));
  BASE_TRY_VOID(note_sessions_end(tx, subject, "", now));
  BASE_TRY_VOID(tx.run(kRevokeOfLocked, {subject.value(), now}));
  BASE_TRY_VOID(tx.run(kEndSessionsOfLocked, {subject.value()}));
  Notices notices({parts_.pool, parts_.cipher, parts_.clock});
  if (until) {
    const std::pair<std::string, std::string> args[] = {{"until", shown(*until)}};
    BASE_TRY_VOID(notices.tell(tx, subject, "web.notice.locked_until", args));
  } else {
    BASE_TRY_VOID(notices.tell(tx, subject, "web.notice.locked"));
  }
  BASE_TRY_VOID(store::audit(tx, {now, staff.value(), "subject.lock", subject.value(), "ok",
                                  facts_of(reason, until)}));
  return tx.commit();
}

base::Result<void> Locks::unlock(const SubjectId& subject, const SubjectId& staff,
                                 std::string_view reason) {
  const auto now = parts_.clock.now();
  BASE_TRY_VOID(reason_given(reason));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(staff_for_another(tx, staff, subject, now));
  BASE_TRY(const auto unlocked, tx.run(kUnlock, {subject.value(), now}));
  if (unlocked.empty()) {
    BASE_TRY(const auto there, tx.run(kIsThere, {subject.value()}));
    return there.empty() ? base::error(base::Code::not_found, "auth.subject_unknown")
                         : base::error(base::Code::conflict, "auth.lock.none");
  }
  BASE_TRY_VOID(tx.run(kEndLock, {subject.value(), now, staff.value(), reason}));
  BASE_TRY_VOID(
      Notices({parts_.pool, parts_.cipher, parts_.clock}).tell(tx, subject, "web.notice.unlocked"));
  BASE_TRY_VOID(store::audit(tx, {now, staff.value(), "subject.unlock", subject.value(), "ok",
                                  facts_of(reason, std::nullopt)}));
  return tx.commit();
}

base::Result<std::optional<AccountLock>> Locks::current(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kCurrent, {subject.value(), parts_.clock.now()}));
  if (rows.empty()) return std::optional<AccountLock>();
  return std::optional(read(rows, 0));
}

base::Result<std::vector<AccountLock>> Locks::history(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kHistory, {subject.value(), parts_.clock.now()}));
  std::vector<AccountLock> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(read(rows, i));
  return out;
}

}  // namespace auth
