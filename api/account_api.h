// The person's own account for programs: what /account and /account/security do, as JSON, for
// tokens with the scope `account`. LD/T 01-2020 6.2.4–6.2.6; docs/decisions/0160-account-api.md.
//
// Passkeys are added at our own pages alone: the browser binds them to our origin.
#pragma once

#include "api/handlers.h"

namespace api {

/// The login behind this token, when it may change how its owner logs in. Errors: unauthenticated
/// `auth.login_not_fresh` with `acr_values` and `max_age` (RFC 9470 §3): it is of no session that
/// lives, too old, or without the second factor that is there.
base::Result<auth::Provider::TokenLogin> fresh_login(Call& call);

namespace handlers {
// account_api.cpp
base::Result<Response> read_account(Call&);              // GET /v1/account
base::Result<Response> change_account_details(Call&);    // POST /v1/account/details
base::Result<Response> change_account_password(Call&);   // POST /v1/account/password
base::Result<Response> list_account_sessions(Call&);     // GET /v1/account/sessions
base::Result<Response> end_account_session(Call&);       // DELETE /v1/account/sessions/{id}
base::Result<Response> list_account_consents(Call&);     // GET /v1/account/consents
base::Result<Response> withdraw_account_consent(Call&);  // DELETE /v1/account/consents/{client}
base::Result<Response> read_account_trace(Call&);        // GET /v1/account/trace
base::Result<Response> export_account(Call&);            // GET /v1/account/export
base::Result<Response> read_cancellation(Call&);         // GET /v1/account/cancellation
base::Result<Response> ask_cancellation(Call&);          // POST /v1/account/cancellation
base::Result<Response> withdraw_cancellation(Call&);     // DELETE /v1/account/cancellation
base::Result<Response> read_account_agreements(Call&);   // GET /v1/account/agreements
base::Result<Response> accept_account_agreements(Call&); // POST /v1/account/agreements
base::Result<Response> withdraw_account_privacy(Call&);  // DELETE /v1/account/agreements/privacy
base::Result<Response> list_identity_requests(Call&);    // GET /v1/account/identity-requests
base::Result<Response> ask_identity_change(Call&);       // POST /v1/account/identity-requests
// factor_api.cpp
base::Result<Response> list_factors(Call&);              // GET /v1/account/factors
base::Result<Response> name_factor(Call&);               // POST /v1/account/factors/{id}
base::Result<Response> remove_factor(Call&);             // DELETE /v1/account/factors/{id}
base::Result<Response> offer_totp(Call&);                // POST /v1/account/totp
base::Result<Response> confirm_totp(Call&);              // POST /v1/account/totp/confirm
base::Result<Response> offer_phone(Call&);               // POST /v1/account/phone
base::Result<Response> confirm_phone(Call&);             // POST /v1/account/phone/confirm
base::Result<Response> make_recovery_codes(Call&);       // POST /v1/account/recovery-codes
}  // namespace handlers

}  // namespace api
