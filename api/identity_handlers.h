// Handlers of what needs staff, or a code from staff, and of the export of one's own data. LD/T
// 01-2020 6.2.5; Personal Information Protection Law 45.
#pragma once

#include "api/handlers.h"

namespace api::handlers {
base::Result<Response> account_ask_identity(Call&);  // POST /account/identity
base::Result<Response> account_export(Call&);        // POST /account/export
base::Result<Response> activate_page(Call&);         // GET /activate
base::Result<Response> activate_submit(Call&);       // POST /activate
}  // namespace api::handlers
