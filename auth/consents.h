// What clients were allowed by people: one row for each client and person. Used by auth's own
// sources.
#pragma once

#include <string_view>

#include "auth/actor.h"
#include "store/store.h"

namespace auth {

/// Adds to what the client may have of this person without asking again. Errors: as Tx::run.
base::Result<void> add_consent(store::Tx& tx, std::string_view subject, std::string_view client,
                               std::string_view scopes, std::string_view claim_words,
                               base::Time now);
/// What was approved at /device and not fetched yet is not given any more; of every client, when
/// none is named. Errors: as Tx::run.
base::Result<void> deny_devices(store::Tx& tx, const SubjectId& subject, std::string_view client);

}  // namespace auth
