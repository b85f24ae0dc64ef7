#include "auth/system_actor.h"

#include "auth/actor_factory.h"
#include "base/check.h"

namespace auth {

Actor in_matter_of(const Actor& system, const SubjectId& subject) {
  base::check(is_system(system), "a person acts for another by a mandate");
  return ActorFactory::make({.subject = system.subject(),
                             .acting_for = subject,
                             .client = system.client(),
                             .authenticated_at = system.authenticated_at(),
                             .scopes = system.scopes()});
}

Actor samples_actor() {
  return ActorFactory::make({.subject = SubjectId("sample"),
                             .acting_for = {},
                             .client = {},
                             .authenticated_at = {},
                             .scopes = std::string(kSampleScope)});
}

}  // namespace auth
