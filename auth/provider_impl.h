// What the endpoints of the provider share. Included by provider.cpp, authorize.cpp and token.cpp
// alone.
#pragma once

#include <array>
#include <mutex>
#include <unordered_map>

#include "auth/clients.h"
#include "auth/jwt.h"
#include "auth/provider.h"

namespace auth {

/// What an access token of ours says, once its signature was verified. The rest is in its grant's
/// row.
struct AccessClaims {
  std::string grant;    ///< auth.authorization_grant.id
  std::string subject;  ///< pairwise
  std::int64_t expires_s = 0;
};

/// Tokens whose signature was verified, by their SHA-256: a token used again costs a hash, not a
/// verification. Two generations, so that it never holds more than twice kGeneration. Thread-safe.
class VerifiedTokens {
 public:
  std::optional<AccessClaims> find(const base::Digest& digest);
  void put(const base::Digest& digest, AccessClaims claims);

 private:
  static constexpr std::size_t kGeneration = 8192;
  struct Hash {
    std::size_t operator()(const base::Digest& digest) const;
  };
  using Map = std::unordered_map<base::Digest, AccessClaims, Hash>;
  std::mutex mutex_;  // protects both generations
  Map young_, old_;
};

/// A checked authorization request: what will be granted, to whom.
struct GrantRequest {
  Client client;
  std::string redirect_uri, scopes, state, nonce, code_challenge;
};

struct Provider::Impl {
  Impl(Config given, Parts below);

  /// The same person is a different `sub` in each sector (OpenID Connect Core §8.1): HMAC under the
  /// look-up key that is derived from the data key, docs/decisions/0043-pairwise-subjects.md.
  std::string pairwise(const SubjectId& subject, const Client& client) const;
  /// An ID token that we once issued, expired or not; its claims. Nothing for anything else.
  std::optional<rapidjson::Document> read_hint(std::string_view id_token) const;
  /// Signature, type, issuer, audience and times of an access token.
  base::Result<AccessClaims> read_access_token(std::string_view token);
  std::string endpoint(std::string_view path) const { return config.issuer + std::string(path); }

  // authorize.cpp
  base::Result<AuthorizeAnswer> issue_code(const GrantRequest& request, const Session& session,
                                           bool new_consent);
  std::string error_location(const GrantRequest& request, const OAuthError& failure) const;

  const Config config;
  Parts parts;
  std::string key_id;
  TokenKeys keys;
  Clients clients;
  VerifiedTokens verified;
};

}  // namespace auth
