#include "auth/actor.h"

#include "auth/actor_factory.h"

namespace auth {

bool Actor::has_scope(std::string_view scope) const {
  if (scope.empty()) return false;
  std::string_view rest = scopes_;
  while (!rest.empty()) {
    const auto end = rest.find(' ');
    if (rest.substr(0, end) == scope) return true;
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return false;
}

Actor ActorFactory::make(Facts facts) {
  Actor actor;
  actor.acting_for_ =
      facts.acting_for.value().empty() ? facts.subject : std::move(facts.acting_for);
  actor.subject_ = std::move(facts.subject);
  actor.client_ = std::move(facts.client);
  actor.proofing_ = facts.proofing;
  actor.authentication_ = facts.authentication;
  actor.authenticated_at_ = facts.authenticated_at;
  actor.scopes_ = std::move(facts.scopes);
  return actor;
}

}  // namespace auth
