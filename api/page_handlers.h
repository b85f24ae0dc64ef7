// Handlers of what people see in a browser: verification, login, consent, logout, static files.
#pragma once

#include "api/handlers.h"
#include "api/pages/renderer.h"
#include "api/pages/security_pages.h"

namespace api {

/// The pages of this installation; call once, before the server starts.
void set_up_pages(Look look);
const Renderer& pages_look();

/// Only a path of our own login journey may be returned to after login: no other host, no other
/// page.
bool is_own_return_path(std::string_view path);

/// What the authorization endpoint decided, as an answer to a browser (used by the authorize
/// handler and by the consent page).
base::Result<Response> authorize_answer(Call& call, const auth::AuthorizeAnswer& answer);
/// What RP-initiated logout decided: a page that asks, or the end of the session and the way back.
base::Result<Response> logout_answer(Call& call, const auth::Provider::LogoutAnswer& answer);

/// The third-party platforms that pages offer.
std::vector<pages::PlatformChoice> platform_choices(const Upstairs& house);

/// Where the answer to this journey's form may redirect to, for form-action of its page.
std::vector<std::string> origins_in(Call& call, std::string_view return_to);

/// When there are agreements that this subject has not accepted: the way to the page that asks,
/// which leads back to `return_to`. Nothing when there are none. LD/T 01-2020 6.2.4.
base::Result<std::optional<Response>> ask_agreements(Call& call, const auth::SubjectId& subject,
                                                     std::string_view return_to);

/// The account page with what was refused.
base::Result<Response> account_refused(Call& call, const base::Error& problem);

namespace handlers {
base::Result<Response> home(Call&);
base::Result<Response> about(Call&);
base::Result<Response> static_asset(Call&);    // /static/{version}/{name}, /static/{name}
base::Result<Response> verify_page(Call&);     // GET /v
base::Result<Response> verify_submit(Call&);   // POST /v
base::Result<Response> verdict_page(Call&);    // GET /v/{code}
base::Result<Response> file_page(Call&);       // POST /v/file
base::Result<Response> login_page(Call&);      // GET /login
base::Result<Response> login_submit(Call&);    // POST /login
base::Result<Response> consent_submit(Call&);  // POST /consent
base::Result<Response> logout_submit(Call&);   // POST /logout
}  // namespace handlers

}  // namespace api
