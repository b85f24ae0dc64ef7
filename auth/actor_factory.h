// Makes actors. Included by auth's own sources and by tests; `tools/tidy.py` keeps it out of other
// rooms, so that outside auth an Actor can only be received.
#pragma once

#include "auth/actor.h"

namespace auth {

class ActorFactory {
 public:
  struct Facts {
    SubjectId subject;
    SubjectId acting_for;  ///< empty: itself
    ClientId client;
    Proofing proofing = Proofing::p0;
    Authentication authentication = Authentication::none;
    base::Time authenticated_at;
    std::string scopes;
    std::string mandate = {}, items = {};  ///< of one who acts for another
    std::string merged = {};               ///< who was merged into acting_for, separated by spaces
  };
  static Actor make(Facts facts);
};

}  // namespace auth
