// Locks of accounts by the agency: with a reason, and an end or none. LD/T 01-2020 6.2.5c;
// docs/decisions/0150-locks.md.
//
// While one holds nobody logs in, and sessions and tokens are dead at their next use. One whose end
// has passed is no lock: every statement that asks whose session or token this is asks that too
// (auth.is_open in the database). Documents that were sealed for the person are judged as before.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/notices.h"

namespace auth {

struct AccountLock {
  std::string reason;  ///< for staff; empty of one that is older than reasons
  std::string by;
  base::Time at;
  std::optional<base::Time> until;  ///< nothing: until somebody unlocks it
  std::optional<base::Time> ended_at;
  std::string ended_by, end_reason;  ///< empty of one that ended by itself
};

/// Thread-safe through its parts.
class Locks {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
  };
  explicit Locks(Parts parts) : parts_(parts) {}

  /// Ends all sessions and tokens at once. One that is locked is locked anew, so that an end can be
  /// moved without letting anybody in between. The person is told by text message.
  /// Errors: permission_denied `auth.staff.none`, `auth.staff.own`; invalid_argument
  /// `auth.request.reason`, `auth.lock.until` for an end that has passed; not_found
  /// `auth.subject_unknown`.
  base::Result<void> lock(const SubjectId& subject, const SubjectId& staff,
                          std::string_view reason, std::optional<base::Time> until = {});
  /// What ended stays ended: the person logs in anew. Errors: as lock; conflict `auth.lock.none`.
  base::Result<void> unlock(const SubjectId& subject, const SubjectId& staff,
                            std::string_view reason);
  /// The one that holds now.
  base::Result<std::optional<AccountLock>> current(const SubjectId& subject);
  /// Newest first, at most fifty.
  base::Result<std::vector<AccountLock>> history(const SubjectId& subject);

 private:
  Parts parts_;
};

/// How somebody is told who has proven himself and is locked: permission_denied `auth.locked`,
/// `auth.locked_until`. The reason is not told there.
base::Error locked_error(std::optional<base::Time> until);
/// Why no session was opened for this subject: locked_error, or unauthenticated
/// `auth.login_failed`.
base::Error refused_login(store::Tx& tx, const SubjectId& subject, base::Time now);

}  // namespace auth
