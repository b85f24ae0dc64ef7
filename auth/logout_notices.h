// Notices to clients that a session ended: written within the deed that ends it, before what was
// issued in it is revoked. Sent by Provider::send_logouts. OpenID Connect Back-Channel Logout 1.0;
// docs/decisions/0102-back-channel-logout.md.
#pragma once

#include <string_view>

#include "auth/actor.h"
#include "store/store.h"

namespace auth {

/// To each client that got tokens in this session and wants to know. Errors: as Tx::run.
base::Result<void> note_session_end(store::Tx& tx, std::string_view session, base::Time now);
/// To each that holds tokens of this subject, for every session but `keep`; empty: for all, devices
/// (which are of none) too. Errors: as Tx::run.
base::Result<void> note_sessions_end(store::Tx& tx, const SubjectId& subject, std::string_view keep,
                                     base::Time now);

/// To this client, for whatever it holds of this subject: it was allowed nothing any more. Errors: as
/// Tx::run.
base::Result<void> note_client_end(store::Tx& tx, const SubjectId& subject, std::string_view client,
                                   base::Time now);

}  // namespace auth
