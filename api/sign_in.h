// Logging in by steps, as handlers share it: after a first proof, at the second, and before
// something that needs a login just made. What counts stands in auth/sign_in.h.
#pragma once

#include <optional>
#include <string>

#include "api/handlers.h"
#include "auth/sign_in.h"

namespace api {

constexpr std::string_view kSignInCookie = "xinyin_sign_in";

/// The first step showed `proven`: on to the second, or logged in and on to `return_to`.
base::Result<Response> after_first_step(Call& call, const auth::SubjectId& subject,
                                        auth::Methods proven, const std::string& return_to);

/// Who stands at the second step: a login that waits, or a session that is to be proven further.
struct AtSecondStep {
  auth::SubjectId subject;
  auth::Methods proven;
  std::string binding;  ///< what codes are bound to
  bool raise = false;   ///< a session
};
/// Nothing: to /login.
base::Result<std::optional<AtSecondStep>> at_second_step(Call& call);
/// The next step showed `proven`: logged in, the session goes on stronger, or on to another step.
base::Result<Response> after_second_step(Call& call, const AtSecondStep& at, auth::Method proven,
                                         const std::string& return_to);

/// The way to prove oneself again, when this session's login is older than ten minutes or a second
/// factor is there that it did not show; nothing when it may change how its owner logs in.
base::Result<std::optional<Response>> ask_fresh_login(Call& call, std::string_view return_to);

/// A factor was added by showing it: this session has proven it too, where it counts already.
base::Result<Response> factor_added(Call& call, auth::FactorKind kind, std::string_view return_to);

/// A path of ours that may be led back to, or "/".
std::string own_return_path(std::string_view wanted);

}  // namespace api
