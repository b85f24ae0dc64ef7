// The export of one's own data, signed. Personal Information Protection Law 45;
// docs/decisions/0085-signed-export.md.
#pragma once

#include "api/handlers.h"

namespace api {

/// All that is kept of the subject and is his to have, as a file. Errors: those of the rooms below.
base::Result<Response> account_file(Call& call, const auth::SubjectId& subject);

}  // namespace api
