// Actors that are no person: a system with a token of its own, and nobody in particular.
//
// The second door of this room (docs/decisions/0177-systems-that-state-facts.md): seal asks which
// kind of actor stands before it. Made by Provider::system_actor and samples_actor() alone.
#pragma once

#include "auth/actor.h"

namespace auth {

/// A system acts under "client:" and its id; subjects of persons and units never look like that.
inline constexpr std::string_view kSystemPrefix = "client:";
inline bool is_system(const Actor& actor) {
  return actor.subject().value().starts_with(kSystemPrefix);
}
/// The same system in a matter of `subject`. For a system alone: a person acts for another by a
/// mandate.
Actor in_matter_of(const Actor& system, const SubjectId& subject);

/// What samples are made and read with (LD/T 01-2020 5.6.2e); no token ever says it.
inline constexpr std::string_view kSampleScope = "documents.samples";
/// Nobody in particular, for what is published to everybody: may have samples made, nothing else.
Actor samples_actor();

}  // namespace auth
