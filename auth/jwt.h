// JSON Web Signatures as this provider makes and reads them: compact, ES256, and where a client
// asks for it RS256 or EdDSA. RFC 7515, 7518 §3.3–3.4, 8037 §3.1, 8725, 9068.
//
// A token that is not byte for byte what sign_jws could have written is refused: other algorithms,
// other header members (crit, b64, jku, jwk, x5c …), padding, white space, duplicate members.
#pragma once

#include <rapidjson/document.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "hsm/key.h"

namespace auth {

constexpr std::string_view kAccessTokenType = "at+jwt";  // RFC 9068 §2.1
constexpr std::string_view kIdTokenType = "JWT";
constexpr std::string_view kLogoutTokenType = "logout+jwt";  // Back-Channel Logout 1.0 §2.4
constexpr std::size_t kTokenMost = 8192;                     ///< bytes
/// What we prove ourselves with at platforms (draft-ietf-oauth-rfc7523bis): a type of its own, so
/// that nothing takes it for a token of ours.
constexpr std::string_view kClientAssertionType = "client-authentication+jwt";
constexpr std::string_view kExportType = "xinyin-export+jwt";  // docs/decisions/0085

/// A JWS taken apart; nothing of it is believed yet.
struct Jws {
  std::string algorithm, type, key_id;
  rapidjson::Document claims;    ///< an object
  std::string_view signed_text;  ///< within what was parsed
  base::Bytes signature;
};

/// "ES256", "RS256" or "EdDSA"; empty for a key that signs no tokens.
std::string_view token_algorithm(hsm::Algorithm algorithm);

/// Errors: unauthenticated `auth.token_invalid`, with what is wrong in `detail`.
base::Result<Jws> parse_jws(std::string_view compact);

/// "at_hash" in a token of this algorithm: the left half of the digest that belongs to it (OpenID
/// Connect Core §3.1.3.6); for EdDSA that is SHA-512, which Ed25519 uses within.
std::string half_hash(std::string_view algorithm, std::string_view text);

/// With the algorithm of the key. Errors: those of Key::sign; internal `auth.bad_signature` when
/// the key gives something else than a signature of its algorithm.
base::Result<std::string> sign_jws(const hsm::Key& key, std::string_view key_id,
                                   std::string_view type, std::string_view claims_json);

/// A public key that tokens are verified with. Immutable, thread-safe.
class TokenKey {
 public:
  /// A P-256, RSA (2048 to 4096 bits) or Ed25519 key from its DER SubjectPublicKeyInfo.
  /// `endorsement`: a JWS of somebody who vouches for it, published with it; may be empty.
  /// Errors: invalid_argument `auth.token_key`.
  static base::Result<TokenKey> from_spki(base::BytesView der, std::string_view endorsement = {});
  TokenKey(TokenKey&&) noexcept;
  TokenKey& operator=(TokenKey&&) noexcept;
  ~TokenKey();

  const std::string& id() const { return id_; }  ///< RFC 7638 thumbprint
  const std::string& algorithm() const { return algorithm_; }
  /// {"kty":"EC","crv":"P-256",…}: public members only.
  const std::string& jwk() const { return jwk_; }
  bool verifies(std::string_view text, base::BytesView signature) const;

 private:
  TokenKey();
  struct Context;
  std::unique_ptr<Context> context_;
  base::Result<void> read_ec();
  base::Result<void> read_rsa();
  base::Result<void> read_edwards();
  bool verifies_edwards(std::string_view text, base::BytesView signature) const;
  std::string id_, jwk_, algorithm_;
};

/// The keys that are in force: those that sign, those that will, and earlier ones whose tokens
/// still live.
class TokenKeys {
 public:
  explicit TokenKeys(std::vector<TokenKey> keys) : keys_(std::move(keys)) {}
  const std::vector<TokenKey>& all() const { return keys_; }
  /// Takes the token apart, and checks type, key and signature; claims are the caller's matter.
  /// Errors: unauthenticated `auth.token_invalid`.
  base::Result<Jws> verify(std::string_view compact, std::string_view type) const;
  std::string jwks() const;  ///< RFC 7517 §5

 private:
  std::vector<TokenKey> keys_;
};

}  // namespace auth
