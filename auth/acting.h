// For whom a grant acts (授权代办), asked anew with each use of it. Auth's own sources alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/actor.h"
#include "base/clock.h"
#include "store/store.h"

namespace auth {

/// A mandate in force, and what is true of its principal now.
struct Acting {
  std::string mandate;
  SubjectId principal;
  std::string items;  ///< separated by spaces
  Proofing proofing = Proofing::p0;
  std::string merged;  ///< who was merged into the principal, separated by spaces
};
/// Nothing when it is not in force at `now` or not this agent's.
base::Result<std::optional<Acting>> acting_under(store::Pool& pool, std::string_view mandate,
                                                 const SubjectId& agent, base::Time now);
/// All that are in force for this agent.
base::Result<std::vector<Acting>> acting_choices(store::Pool& pool, const SubjectId& agent,
                                                 base::Time now);
/// What the session chose, in force or not; empty: himself.
base::Result<std::string> mandate_of_session(store::Pool& pool, std::string_view session);

}  // namespace auth
