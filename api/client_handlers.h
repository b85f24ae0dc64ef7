// Clients that register themselves, on the wire: RFC 7591 §3, RFC 7592 §2.
#pragma once

#include "api/handlers.h"

namespace api::handlers {
base::Result<Response> register_client(Call&);     // POST /oauth/register
base::Result<Response> read_own_client(Call&);     // GET /oauth/register/{client}
base::Result<Response> replace_own_client(Call&);  // PUT /oauth/register/{client}
base::Result<Response> remove_own_client(Call&);   // DELETE /oauth/register/{client}
}  // namespace api::handlers
