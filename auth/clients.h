// Clients: the portals that log people in here, and systems that act for themselves: what is
// registered of them. How they prove who they are is auth/client_auth.cpp. RFC 6749 §2, RFC 7591
// §2. Used by auth's own sources.
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
  std::string scopes;          ///< what it may ask for, space-separated
  std::string sector;          ///< whose pairwise subject ids it shares (OpenID Connect Core §8.1)
  std::string grant_types;     ///< space-separated
  std::string machine_scopes;  ///< of tokens that it gets for itself
  std::string resource;        ///< whose tokens it may ask about; may be empty
  std::string keys;            ///< RFC 7517 §5; may be empty
  bool require_pushed = false, require_signed = false, require_dpop = false;

  /// Proves nothing: an application on somebody's device.
  bool is_public() const { return !secret && keys.empty(); }
};

/// Thread-safe through its pool.
class Clients {
 public:
  explicit Clients(store::Pool& pool) : pool_(pool) {}

  /// Registers, or replaces the registration with this id.
  /// Errors: invalid_argument `auth.client_invalid` with fields.
  base::Result<void> put(const NewClient& client, base::Time now, std::string_view by);
  /// The client, while it is active and its agreement lasts; or nothing.
  base::Result<std::optional<Client>> find(std::string_view id, base::Time now);

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
