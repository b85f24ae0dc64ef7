// Browser sessions, kept in PostgreSQL by the digest of their cookie.
#pragma once

#include <optional>
#include <string>

#include "auth/methods.h"
#include "base/clock.h"
#include "base/random.h"
#include "store/store.h"

namespace auth {

struct Session {
  std::string id;  ///< public id, not the cookie
  SubjectId subject;
  Methods methods;  ///< what was proven at the last login or step-up, and before it in this session
  Authentication authentication = Authentication::none;  ///< what they are worth
  base::Time authenticated_at;
  std::string csrf;  ///< the form token of this session; derived from the cookie, stored nowhere
};

/// Thread-safe through its pool.
class Sessions {
 public:
  struct Config {
    std::chrono::seconds idle{1800};
    std::chrono::seconds absolute{8 * 3600};
  };
  Sessions(store::Pool& pool, const base::Clock& clock, base::Random& random, Config config);

  struct Opened {
    std::string cookie;  ///< 256 random bits, base64url; the database keeps its SHA-256
    Session session;
  };
  /// A new session at each login (no fixation). Errors: unauthenticated `auth.login_failed`: the
  /// subject is not there or not active.
  base::Result<Opened> open(const SubjectId& subject, Methods how);
  /// Within a deed that more belongs to: the last before its commit, since the audit trail waits.
  base::Result<Opened> open_in(store::Tx& tx, const SubjectId& subject, Methods how);
  /// The session goes on, proven further: the same id, so that what was issued in it stays, a new
  /// cookie and form token, authenticated now. Of several at once one succeeds.
  /// Errors: unauthenticated `auth.session_over`.
  base::Result<Opened> raise(std::string_view cookie, Method proven);
  /// The live session of this cookie, or nothing: unknown, idle or old too long, or its subject is
  /// not active any more.
  base::Result<std::optional<Session>> find(std::string_view cookie);
  /// Ends the session and the tokens that were issued in it, but for those that the person granted
  /// beyond it (offline_access). One that is not there is no error.
  base::Result<void> close(std::string_view cookie);

 private:
  store::Pool& pool_;
  const base::Clock& clock_;
  base::Random& random_;
  Config config_;
};

}  // namespace auth
