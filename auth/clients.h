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
  /// The one before, while it goes on beside it.
  std::optional<base::Digest> old_secret = std::nullopt;
  std::vector<std::string> redirect_uris, post_logout_redirect_uris;
  std::string scopes;          ///< what it may ask for, space-separated
  std::string sector;          ///< whose pairwise subject ids it shares (OpenID Connect Core §8.1)
  std::string grant_types;     ///< space-separated
  std::string machine_scopes;  ///< of tokens that it gets for itself
  std::string resource;        ///< whose tokens it may ask about; may be empty
  std::string keys;            ///< RFC 7517 §5; may be empty
  bool require_pushed = false, require_signed = false, require_dpop = false, fapi2 = false;
  std::string id_token_alg;               ///< "ES256", …
  bool logout_tokens = false;             ///< it wants to be told when a session ends
  std::optional<base::Time> grants_from;  ///< what was granted before is dead

  /// Proves nothing: an application on somebody's device.
  bool is_public() const { return !secret && keys.empty(); }
};

/// All that is registered of a client, whether it is active or not.
struct RegisteredClient {
  NewClient client;  ///< without its secret
  bool has_secret = false, active = false;
  std::int64_t revision = 0;
  base::Time registered_at;
  std::optional<base::Time> old_secret_until = std::nullopt;  ///< may have passed
};

/// Why and by whom a registration is written, for its history and the audit trail.
struct ClientDeed {
  base::Time at;
  std::string_view by;
  std::string_view act = "client.register";
  std::string_view request = {};  ///< auth.portal_request.id, where there is one
  std::string_view reason = {};
  bool keep_secret = false;  ///< the secret that is there goes on
  /// The secret that is there goes on beside the new one so long; one before it ends.
  std::optional<base::Time> old_secret_until = std::nullopt;
  bool active = true;
};

/// Thread-safe through its pool.
class Clients {
 public:
  explicit Clients(store::Pool& pool) : pool_(pool) {}

  /// Registers, or replaces the registration with this id.
  /// Errors: invalid_argument `auth.client_invalid` with fields.
  base::Result<void> put(const NewClient& client, base::Time now, std::string_view by);
  /// Whether it may be registered so; gives its sector. Errors: as put().
  static base::Result<std::string> check(const NewClient& client);
  /// put() within a deed that more belongs to. Errors: as put().
  base::Result<void> write(store::Tx& tx, const NewClient& client, const ClientDeed& deed);
  /// Goes on or stops, as `deed.active` says; false when it is so already. One that stops ends what
  /// was granted to it. Errors: as Tx::run.
  base::Result<bool> switch_to(store::Tx& tx, const NewClient& client, const ClientDeed& deed);
  /// Ends a secret that goes on beside its successor; false when there is none. Errors: as Tx::run.
  base::Result<bool> end_old_secret(store::Tx& tx, const NewClient& client, const ClientDeed& deed);
  /// Locked until the end of `tx`, when it is there.
  base::Result<std::optional<RegisteredClient>> lock(store::Tx& tx, std::string_view id);
  base::Result<std::vector<RegisteredClient>> all();
  /// The client, while it is active and its agreement lasts; or nothing.
  base::Result<std::optional<Client>> find(std::string_view id, base::Time now);

 private:
  base::Result<void> note(store::Tx& tx, const NewClient& client, const ClientDeed& deed,
                          std::int64_t revision);
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
