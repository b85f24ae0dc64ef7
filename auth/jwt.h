// JSON Web Signatures as this provider makes and reads them: compact, ES256, nothing else.
// RFC 7515, 7518 §3.4, 8725, 9068.
//
// A token that is not byte for byte what sign_jws could have written is refused: other algorithms,
// other header members (crit, b64, jku, jwk, x5c …), padding, white space, duplicate members.
#pragma once

#include <rapidjson/document.h>

#include <array>
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
constexpr std::size_t kTokenMost = 8192;  ///< bytes

/// A JWS taken apart; nothing of it is believed yet.
struct Jws {
  std::string type, key_id;
  rapidjson::Document claims;  ///< an object
  base::Digest signed_digest{};
  std::array<std::uint8_t, 64> signature{};
};

/// Errors: unauthenticated `auth.token_invalid`, with what is wrong in `detail`.
base::Result<Jws> parse_jws(std::string_view compact);

/// Errors: those of Key::sign; internal `auth.bad_signature` when the key gives something else than
/// 64 bytes.
base::Result<std::string> sign_jws(const hsm::Key& key, std::string_view key_id,
                                   std::string_view type, std::string_view claims_json);

/// A public key that tokens are verified with. Immutable, thread-safe.
class TokenKey {
 public:
  /// A P-256 key from its DER SubjectPublicKeyInfo.
  /// Errors: invalid_argument `auth.token_key`.
  static base::Result<TokenKey> from_spki(base::BytesView der);
  TokenKey(TokenKey&&) noexcept;
  TokenKey& operator=(TokenKey&&) noexcept;
  ~TokenKey();

  const std::string& id() const { return id_; }  ///< RFC 7638 thumbprint
  /// {"kty":"EC","crv":"P-256",…}: public members only.
  const std::string& jwk() const { return jwk_; }
  bool verifies(const base::Digest& digest, base::BytesView signature) const;

 private:
  TokenKey();
  struct Context;
  std::unique_ptr<Context> context_;
  std::string id_, jwk_;
};

/// The keys that are in force: the one that signs, and earlier ones whose tokens still live.
class TokenKeys {
 public:
  explicit TokenKeys(std::vector<TokenKey> keys) : keys_(std::move(keys)) {}
  /// Takes the token apart, and checks type, key and signature; claims are the caller's matter.
  /// Errors: unauthenticated `auth.token_invalid`.
  base::Result<Jws> verify(std::string_view compact, std::string_view type) const;
  std::string jwks() const;  ///< RFC 7517 §5

 private:
  std::vector<TokenKey> keys_;
};

}  // namespace auth
