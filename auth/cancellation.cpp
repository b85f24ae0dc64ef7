#include "auth/cancellation.h"

#include "auth/logout_notices.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kIsStaff{"auth.cancel_is_staff", R"sql(
  select 1::bigint from auth.staff where subject_id = $1 and ended_at is null)sql"};
constexpr store::Query kAsk{"auth.ask_cancellation", R"sql(
  insert into auth.cancellation as c (subject_id, asked_at, due_at) values ($1, $2, $3)
  on conflict (subject_id) do update
    set asked_at = excluded.asked_at, due_at = excluded.due_at, ended_at = null, outcome = null
   where c.ended_at is not null
  returning 1::bigint)sql"};
constexpr store::Query kDueOf{"auth.cancellation_of", R"sql(
  select due_at from auth.cancellation where subject_id = $1 and ended_at is null)sql"};
constexpr store::Query kWithdraw{"auth.withdraw_cancellation", R"sql(
  update auth.cancellation set ended_at = $2, outcome = 'withdrawn'
   where subject_id = $1 and ended_at is null returning 1::bigint)sql"};
constexpr store::Query kAllDue{"auth.due_cancellations", R"sql(
  select subject_id from auth.cancellation where ended_at is null and due_at <= $1
   order by due_at limit $2)sql"};
constexpr store::Query kErase{"auth.erase_cancelled", R"sql(
  select auth.erase_subject($1, $2))sql"};

}  // namespace

base::Result<base::Time> Cancellation::ask(const SubjectId& subject) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto staff, tx.run(kIsStaff, {subject.value()}));
  if (!staff.empty()) return base::error(base::Code::conflict, "auth.cancel.staff");
  BASE_TRY(const auto asked, tx.run(kAsk, {subject.value(), now, now + parts_.wait}));
  if (!asked.empty()) {
    BASE_TRY_VOID(parts_.notices.tell(tx, subject, "web.notice.cancel_asked"));
    BASE_TRY_VOID(
        store::audit(tx, {now, subject.value(), "account.cancel.ask", subject.value(), "ok"}));
  }
  BASE_TRY(const auto rows, tx.run(kDueOf, {subject.value()}));
  const auto due = rows.time(0, 0);
  BASE_TRY_VOID(tx.commit());
  return due;
}

base::Result<std::optional<base::Time>> Cancellation::due(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kDueOf, {subject.value()}));
  if (rows.empty()) return std::optional<base::Time>();
  return std::optional(rows.time(0, 0));
}

base::Result<void> Cancellation::withdraw(const SubjectId& subject) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto withdrawn, tx.run(kWithdraw, {subject.value(), now}));
  if (withdrawn.empty()) return base::error(base::Code::not_found, "auth.cancel.none");
  BASE_TRY_VOID(parts_.notices.tell(tx, subject, "web.notice.cancel_withdrawn"));
  BASE_TRY_VOID(
      store::audit(tx, {now, subject.value(), "account.cancel.withdraw", subject.value(), "ok"}));
  return tx.commit();
}

base::Result<int> Cancellation::run_due(int most) {
  const auto now = parts_.clock.now();
  BASE_TRY(const auto due, parts_.pool.run(kAllDue, {now, most}));
  int done = 0;
  for (std::size_t i = 0; i < due.size(); ++i) {
    const std::string subject(due.text(i, 0));
    BASE_TRY(auto tx, parts_.pool.begin());
    // Portals hear of it while it is known which they are.
    BASE_TRY_VOID(note_sessions_end(tx, SubjectId(subject), "", now));
    // Of several instances one erases; he may have withdrawn a moment ago.
    BASE_TRY(const auto erased, tx.run(kErase, {subject, now}));
    if (!erased.boolean(0, 0)) continue;
    BASE_TRY_VOID(store::audit(tx, {now, "system:cancellation", "account.cancel", subject, "ok"}));
    BASE_TRY_VOID(tx.commit());
    ++done;
  }
  return done;
}

}  // namespace auth
