// The console of staff for programs: what /staff does, as JSON, for tokens with the scope `staff`.
// LD/T 01-2020 6.2.5, 6.1.2e; docs/decisions/0164-staff-api.md.
//
// The same rules: whoever is no staff gets the answer of an address that is not there; two kinds of
// proof, by the route; deeds in a login just made. What proposes takes an Idempotency-Key.
#pragma once

#include "api/staff_deeds.h"
#include "base/json.h"

namespace api {

/// Who asks is staff, in a session that lives. Errors: not_found `http.not_found`; unauthenticated
/// `auth.login_not_fresh` with `acr_values` (RFC 9470): of no session that lives.
base::Result<void> staff_token(Call& call);
/// The same before a deed. Errors: as staff_token, fresh_login (account_api.h).
base::Result<void> staff_deed_token(Call& call);
/// 201, with where the request is to be seen.
Response proposed_answer(const std::string& request);
/// "names": login names of the subjects whose ids stand in the answer.
void put_names(base::JsonWriter& w, const LoginNames& names);

namespace handlers {
// staff_api.cpp: people
base::Result<Response> find_person(Call&);     // POST /v1/staff/people/find
base::Result<Response> read_person(Call&);     // GET /v1/staff/people/{id}
base::Result<Response> lock_person(Call&);     // POST /v1/staff/people/{id}/lock
base::Result<Response> unlock_person(Call&);   // POST /v1/staff/people/{id}/unlock
base::Result<Response> reset_person(Call&);    // POST /v1/staff/people/{id}/reset
base::Result<Response> ask_for_person(Call&);  // POST /v1/staff/people/{id}/requests
base::Result<Response> read_trail(Call&);      // GET /v1/staff/trail
// staff_request_api.cpp: what waits, portals, tokens for registering
base::Result<Response> list_requests(Call&);           // GET /v1/staff/requests
base::Result<Response> read_request(Call&);            // GET /v1/staff/requests/{id}
base::Result<Response> approve_open_request(Call&);    // POST /v1/staff/requests/{id}/approve
base::Result<Response> refuse_open_request(Call&);     // POST /v1/staff/requests/{id}/refuse
base::Result<Response> list_portals(Call&);            // GET /v1/staff/portals
base::Result<Response> propose_portal(Call&);          // POST /v1/staff/portals
base::Result<Response> read_portal(Call&);             // GET /v1/staff/portals/{client}
base::Result<Response> suspend_portal(Call&);          // POST /v1/staff/portals/{client}/suspend
base::Result<Response> end_old_portal_secret(Call&);   // …/{client}/end-old-secret
base::Result<Response> propose_portal_resume(Call&);   // …/{client}/resume
base::Result<Response> propose_portal_renewal(Call&);  // …/{client}/renew
base::Result<Response> propose_portal_secret(Call&);   // …/{client}/rotate-secret
base::Result<Response> list_initial_tokens(Call&);     // GET /v1/staff/initial-tokens
base::Result<Response> propose_initial_token(Call&);   // POST /v1/staff/initial-tokens
base::Result<Response> revoke_initial_token(Call&);    // DELETE /v1/staff/initial-tokens/{id}
}  // namespace handlers

}  // namespace api
