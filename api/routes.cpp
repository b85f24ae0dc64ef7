#include "api/routes.h"

#include "api/handlers.h"
#include "api/page_handlers.h"

namespace api {
namespace {

constexpr std::size_t kForm = 64 * 1024;
constexpr std::size_t kFile = 32u << 20;

using namespace handlers;

// A table, one row a route.
// clang-format off
constexpr Route kTable[] = {
    // Public verification: LD/T 01-2020 5.4.2.4c.
    {.method = Method::get, .path = "/v1/verify/{code}", .handler = verify_code,
     .where = Where::lookup, .who = Who::everyone, .quick = verify_code_quick,
     .verify_only = true},
    {.method = Method::post, .path = "/v1/verify/file", .handler = verify_file,
     .where = Where::upload, .who = Who::everyone, .rate = Rate::upload, .body_limit = kFile,
     .takes = media::pdf, .verify_only = true},
    {.method = Method::get, .path = "/v1/trust-list", .handler = trust_list,
     .where = Where::reactor, .who = Who::everyone, .verify_only = true},
    {.method = Method::get, .path = "/v1/trust/bodies", .handler = trust_bodies,
     .where = Where::reactor, .who = Who::everyone, .verify_only = true},
    {.method = Method::get, .path = "/v1/pki/root.pem", .handler = root_certificate,
     .where = Where::reactor, .who = Who::everyone, .verify_only = true},
    {.method = Method::get, .path = "/v1/pki/issuing.crl", .handler = issuing_crl,
     .where = Where::reactor, .who = Who::everyone, .verify_only = true},
    {.method = Method::get, .path = "/v1/pki/ocsp/{request}", .handler = ocsp_get,
     .where = Where::pages, .who = Who::everyone, .rate = Rate::ocsp, .verify_only = true,
     .tail = true},
    {.method = Method::post, .path = "/v1/pki/ocsp", .handler = ocsp_post, .where = Where::pages,
     .who = Who::everyone, .rate = Rate::ocsp, .body_limit = 4 * 1024, .takes = media::ocsp,
     .verify_only = true},
    {.method = Method::post, .path = "/v1/pki/tsa", .handler = timestamp, .where = Where::issue,
     .who = Who::everyone, .rate = Rate::timestamp, .body_limit = 4 * 1024,
     .takes = media::timestamp},

    // OpenID: auth/provider.h.
    {.method = Method::get, .path = auth::kDiscoveryPath, .handler = discovery,
     .where = Where::reactor, .who = Who::everyone},
    {.method = Method::get, .path = "/.well-known/oauth-authorization-server",
     .handler = discovery, .where = Where::reactor, .who = Who::everyone},
    {.method = Method::get, .path = auth::kJwksPath, .handler = jwks, .where = Where::reactor,
     .who = Who::everyone},
    {.method = Method::get, .path = auth::kAuthorizePath, .handler = authorize,
     .where = Where::pages, .who = Who::everyone, .face = Face::page, .rate = Rate::login},
    {.method = Method::post, .path = auth::kAuthorizePath, .handler = authorize,
     .where = Where::pages, .who = Who::everyone, .face = Face::page, .rate = Rate::login,
     .body_limit = kForm, .takes = media::form},
    {.method = Method::post, .path = auth::kTokenPath, .handler = token, .where = Where::pages,
     .who = Who::client, .face = Face::oauth, .rate = Rate::token, .body_limit = kForm,
     .takes = media::form},
    {.method = Method::post, .path = auth::kPushPath, .handler = push, .where = Where::pages,
     .who = Who::client, .face = Face::oauth, .rate = Rate::login, .body_limit = kForm,
     .takes = media::form},
    {.method = Method::post, .path = auth::kDevicePath, .handler = begin_device,
     .where = Where::pages, .who = Who::client, .face = Face::oauth, .rate = Rate::login,
     .body_limit = kForm, .takes = media::form},
    {.method = Method::post, .path = auth::kIntrospectPath, .handler = introspect,
     .where = Where::pages, .who = Who::client, .face = Face::oauth, .rate = Rate::token,
     .body_limit = kForm, .takes = media::form},
    {.method = Method::post, .path = auth::kRevokePath, .handler = revoke, .where = Where::pages,
     .who = Who::client, .face = Face::oauth, .rate = Rate::token, .body_limit = kForm,
     .takes = media::form},
    {.method = Method::get, .path = auth::kUserinfoPath, .handler = userinfo,
     .where = Where::pages, .who = Who::bearer, .rate = Rate::token, .scope = "openid"},
    {.method = Method::post, .path = auth::kUserinfoPath, .handler = userinfo,
     .where = Where::pages, .who = Who::bearer, .rate = Rate::token, .body_limit = kForm,
     .takes = media::form, .scope = "openid"},
    {.method = Method::get, .path = auth::kEndSessionPath, .handler = logout,
     .where = Where::pages, .who = Who::everyone, .face = Face::page, .rate = Rate::login},
    {.method = Method::post, .path = auth::kEndSessionPath, .handler = logout,
     .where = Where::pages, .who = Who::everyone, .face = Face::page, .rate = Rate::login,
     .body_limit = kForm, .takes = media::form},

    // Formal documents.
    {.method = Method::post, .path = "/v1/documents/enrolment-certificate",
     .handler = issue_enrolment_certificate, .where = Where::issue, .who = Who::bearer,
     .rate = Rate::issue, .body_limit = kForm, .takes = media::json, .scope = "documents",
     .acr = "urn:xinyin:acr:p1a1"},
    {.method = Method::get, .path = "/v1/documents", .handler = list_documents,
     .where = Where::pages, .who = Who::bearer, .rate = Rate::token, .scope = "documents"},
    {.method = Method::get, .path = "/v1/documents/{id}", .handler = fetch_document,
     .where = Where::pages, .who = Who::bearer, .rate = Rate::token, .scope = "documents"},

    // Pages for people.
    {.method = Method::get, .path = "/", .handler = home, .where = Where::reactor,
     .who = Who::everyone, .face = Face::page, .verify_only = true},
    {.method = Method::get, .path = "/about", .handler = about, .where = Where::reactor,
     .who = Who::everyone, .face = Face::page, .verify_only = true},
    {.method = Method::get, .path = "/trust/bodies", .handler = bodies_page,
     .where = Where::reactor, .who = Who::everyone, .face = Face::page, .verify_only = true},
    {.method = Method::get, .path = "/static/{name}", .handler = static_asset,
     .where = Where::reactor, .who = Who::everyone, .face = Face::page, .verify_only = true},
    {.method = Method::get, .path = "/static/{version}/{name}", .handler = static_asset,
     .where = Where::reactor, .who = Who::everyone, .face = Face::page, .verify_only = true},
    {.method = Method::get, .path = "/v", .handler = verify_page, .where = Where::reactor,
     .who = Who::everyone, .face = Face::page, .verify_only = true},
    {.method = Method::post, .path = "/v", .handler = verify_submit, .where = Where::lookup,
     .who = Who::everyone, .face = Face::page, .rate = Rate::lookup, .body_limit = kForm,
     .takes = media::form, .verify_only = true},
    {.method = Method::post, .path = "/v/file", .handler = file_page, .where = Where::upload,
     .who = Who::everyone, .face = Face::page, .rate = Rate::upload, .body_limit = kFile + kForm,
     .takes = media::multipart, .verify_only = true},
    {.method = Method::get, .path = "/v/{code}", .handler = verdict_page, .where = Where::lookup,
     .who = Who::everyone, .face = Face::page, .rate = Rate::lookup, .verify_only = true},
    {.method = Method::get, .path = "/login", .handler = login_page, .where = Where::pages,
     .who = Who::everyone, .face = Face::page, .rate = Rate::login},
    {.method = Method::post, .path = "/login", .handler = login_submit, .where = Where::login,
     .who = Who::everyone, .face = Face::page, .rate = Rate::login, .body_limit = kForm,
     .takes = media::form, .origin = Origin::form},
    {.method = Method::post, .path = "/consent", .handler = consent_submit, .where = Where::pages,
     .who = Who::session, .face = Face::page, .rate = Rate::login, .body_limit = kForm,
     .takes = media::form, .origin = Origin::form},
    {.method = Method::get, .path = auth::kDevicePagePath, .handler = device_page,
     .where = Where::pages, .who = Who::session, .face = Face::page, .rate = Rate::login},
    {.method = Method::post, .path = auth::kDevicePagePath, .handler = device_submit,
     .where = Where::pages, .who = Who::session, .face = Face::page, .rate = Rate::login,
     .body_limit = kForm, .takes = media::form, .origin = Origin::form},
    {.method = Method::post, .path = "/logout", .handler = logout_submit, .where = Where::pages,
     .who = Who::session, .face = Face::page, .rate = Rate::login, .body_limit = kForm,
     .takes = media::form, .origin = Origin::form},

    // Operation.
    {.method = Method::get, .path = "/health/live", .handler = live, .where = Where::reactor,
     .who = Who::everyone, .verify_only = true},
    {.method = Method::get, .path = "/health/ready", .handler = ready, .where = Where::pages,
     .who = Who::everyone, .verify_only = true},
    {.method = Method::get, .path = "/metrics", .handler = metrics_text, .where = Where::pages,
     .who = Who::operators, .verify_only = true},
    {.method = Method::get, .path = "/openapi.json", .handler = openapi, .where = Where::reactor,
     .who = Who::everyone, .verify_only = true},
};
// clang-format on

}  // namespace

const std::span<const Route> kRoutes{kTable};

}  // namespace api
