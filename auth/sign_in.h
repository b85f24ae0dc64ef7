// A login in steps: what was proven first, what is wanted yet. docs/decisions/0083-factors.md.
//
// Whoever has a second factor shows it at every login. Nobody is logged in before: what stands
// between is a row of its own under a cookie of its own, good for nothing but the next step.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/factors.h"
#include "auth/notices.h"
#include "auth/sessions.h"

namespace auth {

/// How old a login may be that changes how its owner logs in, or ends his account.
constexpr std::chrono::minutes kFreshLogin{10};
/// What such a login lacks: a second factor that is there must have been shown, and not long ago.
enum class LoginLack { nothing, second_step, new_login };
/// `steps`: where it stands (SignIn::steps).
LoginLack lack_of(const Steps& steps, base::Time authenticated_at, base::Time now);

/// Thread-safe through its parts.
class SignIn {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Sessions& sessions;
    Notices& notices;
    const base::Clock& clock;
    base::Random& random;
  };
  explicit SignIn(Parts parts) : parts_(parts) {}

  /// What came of a step: a session, or the cookie of a login that waits for the next.
  struct Step {
    std::optional<Sessions::Opened> opened;
    std::string pending;
  };
  /// Where somebody stands who has shown `proven`. Errors: not_found `auth.subject_unknown`.
  base::Result<Steps> steps(const SubjectId& subject, Methods proven);

  /// `proven` is what the first step showed. `network`: where from; a login from where there was
  /// none before is told to its owner.
  base::Result<Step> begin(const SubjectId& subject, Methods proven, std::string_view network);

  /// A login that waits.
  struct Pending {
    SubjectId subject;
    Methods proven;
    base::Time started_at;
    std::string id;  ///< what codes may be bound to; not the cookie
  };
  /// Nothing when it is unknown, spent or older than ten minutes.
  base::Result<std::optional<Pending>> find(std::string_view cookie);
  /// The next step was shown: a session, or another step is wanted yet, within the same ten
  /// minutes. Once. Errors: unauthenticated `auth.sign_in_over`.
  base::Result<Step> finish(std::string_view cookie, Method proven, std::string_view network);
  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  base::Result<Sessions::Opened> open(const SubjectId& subject, Methods proven,
                                      std::string_view network);
  base::Result<Step> go_on(const SubjectId& subject, Methods proven, std::string_view network,
                           base::Time until);
  Parts parts_;
};

}  // namespace auth
