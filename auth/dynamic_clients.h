// Clients that register themselves: RFC 7591, RFC 7592;
// docs/decisions/0101-dynamic-registration.md.
//
// Only with a token that staff made (auth/portals.h), which bounds how many, until when, which
// scopes and which hosts. What such a client never has: tokens for itself, a place as a system that
// takes tokens, exchanged tokens, scopes for documents, a sector that others share. Nothing is
// fetched.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "auth/clients.h"

namespace auth {

constexpr std::string_view kRegistrationPath = "/oauth/register";
/// What clients may ask people for that registered themselves.
constexpr std::string_view kDynamicScopes = "openid profile offline_access";
constexpr std::string_view kDynamicGrantTypes =
    "authorization_code refresh_token urn:ietf:params:oauth:grant-type:device_code";

/// A token for registering, as staff propose it in JSON: {"uses", "until", "scope", "hosts",
/// "operator", "agreement": {"number", "until"}}.
struct InitialToken {
  int uses = 1;
  base::Time expires_at;  ///< at most 30 days away
  std::string scopes;
  std::vector<std::string> hosts;
  std::string operator_name, agreement;
  base::Time clients_until;
};
/// Errors: invalid_argument `auth.metadata` with fields; those of base::parse_json.
base::Result<InitialToken> read_initial_token(std::string_view json, base::Time now);

/// Within the deed that makes it; the digest alone is kept. Errors: as Tx::run.
base::Result<void> put_initial_token(store::Tx& tx, std::string_view id, std::string_view token,
                                     const InitialToken& what, base::Time now, std::string_view by);

struct InitialTokenRow {
  std::string id, scopes, operator_name, made_by;
  std::int64_t uses_left = 0;
  base::Time expires_at;
};

/// Thread-safe through its parts.
class DynamicClients {
 public:
  struct Parts {
    store::Pool& pool;
    Clients& clients;
    const base::Clock& clock;
    base::Random& random;
    std::string issuer;                   ///< registration addresses stand below it
    std::string id_token_algs = "ES256";  ///< those that we can sign with
  };
  explicit DynamicClients(Parts parts) : parts_(std::move(parts)) {}

  using Answer = std::variant<TokenReply, OAuthError>;
  /// `authorization` is that header. Errors: invalid_token 401; invalid_redirect_uri,
  /// invalid_client_metadata (RFC 7591 §3.2.2), which use up nothing.
  Answer add(std::string_view authorization, std::string_view metadata);
  /// With the client's registration access token (RFC 7592 §2.1). Errors: invalid_token 401.
  Answer read(std::string_view id, std::string_view authorization);
  /// Replaces the registration, and its token (§2.2): of several at once one succeeds.
  /// Errors: as add.
  Answer update(std::string_view id, std::string_view authorization, std::string_view metadata);
  /// The client is unknown from now on, its tokens are dead (§2.3). 204. Errors: as read.
  Answer remove(std::string_view id, std::string_view authorization);

  /// Those that can still be used.
  base::Result<std::vector<InitialTokenRow>> tokens();
  /// It registers nobody any more. Errors: permission_denied `auth.staff.none`; not_found
  /// `auth.dynamic.token_unknown`.
  base::Result<void> revoke_token(std::string_view id, const SubjectId& staff);

 private:
  struct Bounds;
  struct Held;
  base::Result<std::optional<Held>> held(store::Tx& tx, std::string_view id,
                                         std::string_view authorization);
  std::variant<NewClient, OAuthError> judged(std::string_view metadata, const Bounds& bounds,
                                             const ClientId& id) const;
  TokenReply reply(const NewClient& client, std::string_view registration_token, base::Time issued,
                   int status) const;
  Answer add_in(std::string_view authorization, std::string_view metadata,
                base::Result<void>& trouble);
  Answer update_in(std::string_view id, std::string_view authorization, std::string_view metadata,
                   base::Result<void>& trouble);
  Parts parts_;
};

}  // namespace auth
