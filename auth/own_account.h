// What a person sees and does of his own account: data and their history, sessions, portals, a
// trace of what was done. LD/T 01-2020 6.2.5 a, b, e.
//
// Everything here takes the subject from a session that was checked, and nothing else names whose
// data are meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/registration_fields.h"
#include "base/clock.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

struct OwnSession {
  std::string id;
  Authentication authentication = Authentication::none;
  base::Time authenticated_at, seen_at;
  std::string network;   ///< that it was opened from; empty when it was not noted
  bool current = false;  ///< the one that asks
};

/// A portal that was allowed something.
struct OwnConsent {
  std::string client_id, client_name;
  std::vector<std::string> scopes;
  base::Time granted_at;
};

struct TraceRow {
  base::Time at;
  std::string act;      ///< as docs/audit.md has it
  std::string outcome;  ///< "ok" or an error key
  std::string network;  ///< where it is known
  bool by_self = false;
};

struct ChangeRow {
  base::Time at;
  std::vector<std::string> fields;
  bool by_self = false;
};

/// One field of one change, whole.
struct FieldChange {
  base::Time at;
  std::string by, field, from, to;
};

/// Thread-safe through its parts.
class OwnAccount {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
  };
  explicit OwnAccount(Parts parts) : parts_(parts) {}

  base::Result<std::string> login_name(const SubjectId& subject);
  /// Newest first.
  base::Result<std::vector<OwnSession>> sessions(const SubjectId& subject,
                                                 std::string_view current);
  /// Ends one of his sessions and what was issued in it. Errors: not_found `auth.session_unknown`.
  base::Result<void> end_session(const SubjectId& subject, std::string_view session);

  base::Result<std::vector<OwnConsent>> consents(const SubjectId& subject);
  /// Takes back what a portal was allowed; its tokens end, and it is told where it wants to be
  /// (auth/logout_notices.h). Errors: not_found `auth.consent_unknown`.
  base::Result<void> revoke_consent(const SubjectId& subject, std::string_view client);

  /// Logins and deeds by him and to him, newest first.
  base::Result<std::vector<TraceRow>> trace(const SubjectId& subject, int most = 50);

  /// Contact data, changed by himself: those fields of the step `details` that are given; the
  /// others stay. Judged as a registration is. Old and new values are kept, sealed. Errors: as
  /// Pool::run; nothing is changed when `wrong` is not empty.
  base::Result<Judged> change_details(const SubjectRecord& subject, const FieldValues& typed);
  base::Result<std::vector<ChangeRow>> changes(const SubjectId& subject);

 private:
  Parts parts_;
};

/// One row of the history, within the deed. `before` and `after` hold the changed fields alone.
base::Result<void> note_change(store::Tx& tx, const store::FieldCipher& cipher,
                               const SubjectId& subject, std::string_view by,
                               const FieldValues& before, const FieldValues& after, base::Time now);
/// The history with its values opened, newest first; for staff. Errors: as Pool::run; internal
/// `store.field_damaged`.
base::Result<std::vector<FieldChange>> field_changes(store::Pool& pool,
                                                     const store::FieldCipher& cipher,
                                                     const SubjectId& subject);

}  // namespace auth
