#include "auth/actor.h"

#include "auth/actor_factory.h"

namespace auth {

namespace {

bool has_word(std::string_view words, std::string_view word) {
  if (word.empty()) return false;
  while (!words.empty()) {
    const auto end = words.find(' ');
    if (words.substr(0, end) == word) return true;
    words = end == std::string_view::npos ? std::string_view{} : words.substr(end + 1);
  }
  return false;
}

}  // namespace

bool Actor::has_scope(std::string_view scope) const {
  return has_word(scopes_, scope);
}

bool Actor::may(std::string_view item) const {
  return !acts_for_another() || has_word(items_, item);
}

bool Actor::is_holder(std::string_view subject) const {
  return has_word(holders_, subject);
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
  actor.mandate_ = std::move(facts.mandate);
  actor.items_ = std::move(facts.items);
  actor.holders_ = actor.acting_for_.value();
  if (!facts.merged.empty()) actor.holders_ += " " + facts.merged;
  return actor;
}

}  // namespace auth
