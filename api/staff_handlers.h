// The console of staff: people and units, what waits for a decision, portals, the audit trail.
// LD/T 01-2020 6.2.5, 6.1.2e; docs/decisions/0151-staff-desk.md.
//
// Whoever is no staff gets the page of an address that is not there. Rules stand in auth
// (staff_desk.h, locks.h, identity_requests.h, portals.h) and are the command line's too; what is
// done between is api/staff_deeds.h and the JSON's too.
#pragma once

#include <string>

#include "api/handlers.h"

namespace api {

namespace pages {
struct StaffPage;  // api/pages/staff_pages.h
}

/// Nothing: it is staff, with two kinds of proof in this session; or the way to the second.
/// Errors: not_found `http.not_found` of anybody else.
base::Result<std::optional<Response>> ask_staff(Call& call, std::string_view return_to);
/// The same before a deed: with a login just made.
base::Result<std::optional<Response>> ask_staff_deed(Call& call, std::string_view return_to);

/// What every page has.
void begin_staff(Call& call, pages::StaffPage& shown);
/// With the status of what was refused, if anything was.
Response staff_answer(Call& call, std::string html, const base::Error* problem);
/// Whether a refusal is told on the page that was sent; the rest is an error page.
bool is_told_on_page(const base::Error& problem);

namespace handlers {
// staff_handlers.cpp: people
base::Result<Response> staff_page(Call&);           // GET /staff
base::Result<Response> staff_find(Call&);           // POST /staff/find
base::Result<Response> staff_person_page(Call&);    // GET /staff/people/{id}
base::Result<Response> staff_lock(Call&);           // POST /staff/people/{id}/lock
base::Result<Response> staff_unlock(Call&);         // POST /staff/people/{id}/unlock
base::Result<Response> staff_reset(Call&);          // POST /staff/people/{id}/reset
base::Result<Response> staff_ask(Call&);            // POST /staff/people/{id}/ask
base::Result<Response> staff_trail_page(Call&);     // GET /staff/trail
// staff_request_handlers.cpp: what waits, and portals
base::Result<Response> staff_requests_page(Call&);  // GET /staff/requests
base::Result<Response> staff_request_page(Call&);   // GET /staff/requests/{id}
base::Result<Response> staff_decide(Call&);         // POST /staff/requests/{id}
base::Result<Response> staff_portals_page(Call&);   // GET /staff/portals
base::Result<Response> staff_propose(Call&);        // POST /staff/portals
base::Result<Response> staff_portal_page(Call&);    // GET /staff/portals/{client}
base::Result<Response> staff_portal_act(Call&);     // POST /staff/portals/{client}
base::Result<Response> staff_tokens_page(Call&);    // GET /staff/tokens
base::Result<Response> staff_propose_token(Call&);  // POST /staff/tokens
base::Result<Response> staff_revoke_token(Call&);   // POST /staff/tokens/{id}
// seal_handlers.cpp: seals
base::Result<Response> staff_seals_page(Call&);         // GET /staff/seals
base::Result<Response> staff_seal_apply(Call&);         // POST /staff/seals
base::Result<Response> staff_seal_page(Call&);          // GET /staff/seals/{id}
base::Result<Response> staff_seal_act(Call&);           // POST /staff/seals/{id}
base::Result<Response> staff_seal_request_page(Call&);  // GET /staff/seal-requests/{id}
base::Result<Response> staff_seal_decide(Call&);        // POST /staff/seal-requests/{id}
}  // namespace handlers

}  // namespace api
