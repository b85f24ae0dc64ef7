// Handlers of what needs staff, or a code from staff, and of the export of one's own data. LD/T
// 01-2020 6.2.5; Personal Information Protection Law 45.
#pragma once

#include "api/handlers.h"

namespace api {

/// What somebody wants to be known as from now on, as he typed it.
struct TypedIdentity {
  std::string name, id_type, id_number, country;
};
/// Asks staff for it on the subject's own behalf: another name, or else another document. Gives the
/// request's id. Errors: those of read_identity_document and IdentityRequests::ask.
base::Result<std::string> ask_identity(Call& call, const auth::SubjectId& subject, bool renamed,
                                       const TypedIdentity& typed);

namespace handlers {
base::Result<Response> account_ask_identity(Call&);  // POST /account/identity
base::Result<Response> account_export(Call&);        // POST /account/export
base::Result<Response> activate_page(Call&);         // GET /activate
base::Result<Response> activate_submit(Call&);       // POST /activate
}  // namespace handlers

}  // namespace api
