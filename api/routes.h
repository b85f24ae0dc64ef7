// The one table of routes: what may be asked, of whom, how much of it, and where it is answered.
//
// Everything a request may not do is refused from this table before a handler sees it, in this
// order: path, method, media type, size, rate, who, where a form came from. A row that names no
// rule does not compile; tests/api walks the table and shows that each rule refuses.
#pragma once

#include <span>
#include <string_view>

#include "api/http/message.h"
#include "base/result.h"

namespace api {

struct Call;      // api/handlers.h
struct Services;  // api/handlers.h

/// Where a request is answered. The reactor must never wait; each pool has its own threads, queue
/// and deadline, so that one full pool sheds (503) and the others go on.
enum class Where : std::uint8_t {
  reactor,  ///< memory only
  lookup,   ///< register look-ups behind verification
  pages,    ///< sessions, tokens, pages: short database work
  login,    ///< waits for a password hash
  issue,    ///< composes, signs, records
  upload,   ///< judges foreign files
  outside,  ///< waits for a system of others: text messages, proofing
};
constexpr std::size_t kPools = 6;  ///< Where without reactor
std::string_view to_string(Where where);

enum class Who : std::uint8_t {
  everyone,   ///< no login; says so on purpose
  session,    ///< a live browser session; pages send to /login
  bearer,     ///< an access token with Route::scope
  system,     ///< an access token of a system's own (client_credentials) with Route::scope
  client,     ///< the handler authenticates an OAuth client (RFC 6749 §2.3)
  operators,  ///< only from the networks of `http.operators`
};

/// Where a state-changing request must come from.
enum class Origin : std::uint8_t {
  any,   ///< not a browser form: bearer tokens, client credentials, or it changes nothing
  form,  ///< our own pages: Origin/Sec-Fetch-Site are ours and the form carries Call::form_token()
         ///< as "csrf"
};

/// How often one network may ask (limits.* in the configuration).
enum class Rate : std::uint8_t {
  none,
  lookup,
  login,
  token,
  issue,
  upload,
  ocsp,       ///< answers about revocation that lie ready
  ocsp_live,  ///< those that must be signed; taken by the handler
  timestamp,
  registration,  ///< steps of registering by oneself
};

/// How errors are told on this route.
enum class Face : std::uint8_t {
  problem,  ///< RFC 9457 problem+json
  oauth,    ///< RFC 6749 §5.2
  page,     ///< a page for people; problem+json for whoever does not ask for text/html
};

/// Bodies a route takes; none means none at all.
namespace media {
constexpr unsigned none = 0, form = 1, json = 2, pdf = 4, multipart = 8, ocsp = 16, timestamp = 32;
}

using Handler = base::Result<Response> (*)(Call&);
/// A reactor route's handler may say "not from memory": nothing, and the pool `fallback` answers by
/// `handler`.
using QuickHandler = std::optional<Response> (*)(const Services&, const Request&,
                                                 std::string_view tail);

struct Route {
  Method method;
  std::string_view path;  ///< "/v/{code}": one segment each, the name is Call::path("code")
  Handler handler;
  Where where;
  Who who;
  Face face = Face::problem;
  Rate rate = Rate::none;
  std::size_t body_limit = 0;
  unsigned takes = media::none;
  Origin origin = Origin::any;
  std::string_view scope = {};  ///< for Who::bearer and Who::system
  /// For Who::bearer: the service item (api/item_policy.h). It says how certain the person must be
  /// proven and whether one may act for another; without one nobody does.
  std::string_view item = {};
  std::string_view acr = {};     ///< for Who::bearer: how certain the login must be (RFC 9470)
  QuickHandler quick = nullptr;  ///< tried on the reactor first; `where` answers the rest
  bool verify_only = false;      ///< served by --only=verify too
  bool tail = false;             ///< the last place takes the rest of the path, slashes included
};

/// Each thing that the route gives has an item of its own, and its handler looks at it.
constexpr std::string_view kEachItem = "*";

/// Behind this stands a request about revocation, in base64. RFC 6960 A.1.
constexpr std::string_view kOcspPath = "/v1/pki/ocsp/";

constexpr std::string_view kPkiPath = "/v1/pki/";

/// HEAD is answered for every GET; OPTIONS for every path.
extern const std::span<const Route> kRoutes;

}  // namespace api
