// Clients: the portals that log people in here, and how they prove who they are. RFC 6749 §2.
// Used by auth's own sources.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/provider.h"
#include "base/digest.h"

namespace auth {

struct Client {
  ClientId id;
  std::string name;
  std::optional<base::Digest> secret;  ///< SHA-256; none: a public client
  std::vector<std::string> redirect_uris, post_logout_redirect_uris;
  std::string scopes;  ///< what it may ask for, space-separated
  std::string sector;  ///< whose pairwise subject ids it shares (OpenID Connect Core §8.1)
};

/// Thread-safe through its pool.
class Clients {
 public:
  explicit Clients(store::Pool& pool) : pool_(pool) {}

  /// Registers, or replaces the registration with this id.
  /// Errors: invalid_argument `auth.client_invalid` with fields.
  base::Result<void> put(const NewClient& client, base::Time now, std::string_view by);
  /// The active client, or nothing.
  base::Result<std::optional<Client>> find(std::string_view id);

  /// Who asks at the token endpoint (RFC 6749 §2.3): client_secret_basic, client_secret_post, or
  /// none for a public client; two methods at once are refused.
  std::variant<Client, OAuthError> authenticate(const Parameters& form,
                                                std::string_view authorization);

 private:
  store::Pool& pool_;
};

/// Space-separated scopes, RFC 6749 §3.3.
std::vector<std::string> split_scopes(std::string_view scopes);
bool has_scope(std::string_view scopes, std::string_view scope);
bool has_all_scopes(std::string_view scopes, std::string_view wanted);

/// The one value of `name`; an empty value counts as none (RFC 6749 §3.1). Duplicates are the
/// checks' matter: the first one here.
std::string_view value_of(const Parameters& parameters, std::string_view name);
bool is_given_twice(const Parameters& parameters, std::string_view name);

/// A failure of the rooms below, as OAuth says it: temporarily_unavailable 503, or server_error
/// 500.
OAuthError oauth_trouble(const base::Error& failure);

}  // namespace auth
