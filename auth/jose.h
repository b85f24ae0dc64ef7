// JSON Web Signatures and keys of others: client assertions, request objects, proofs of possession.
// RFC 7515, 7517, 7518 §3.4–3.5, 7638, 8037, 8725. Our own tokens are auth/jwt.h.
//
// Asymmetric algorithms from a short list, each tied to its kind of key: neither `none` nor a MAC
// exists here, so no algorithm can be confused with another. A key comes from the registration, or
// for proofs from the header itself, never from an address in it.
#pragma once

#include <rapidjson/document.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace auth {

constexpr std::size_t kForeignJwsMost = 16 * 1024;  ///< bytes
constexpr std::size_t kForeignKeysMost = 16;        ///< keys of one client
constexpr std::string_view kForeignAlgorithms = "ES256 PS256 EdDSA";
/// What ID tokens of platforms may be signed with: each platform says one of them. RS256 too, for
/// every OpenID provider has it (Core §15.1).
constexpr std::string_view kPlatformAlgorithms = "ES256 PS256 EdDSA RS256";

/// A public key of somebody else. Immutable, thread-safe.
class ForeignKey {
 public:
  /// P-256, RSA of 2048 to 4096 bits, or Ed25519. Private or secret members, another `use` than
  /// sig, an `alg` that does not fit and spare bytes are refused. `rsa`: what a key of that kind
  /// signs with, PS256 or RS256; never both.
  /// Errors: invalid_argument `auth.jwk`, what is wrong in `detail`.
  static base::Result<ForeignKey> from_jwk(const rapidjson::Value& jwk,
                                           std::string_view rsa = "PS256");
  ForeignKey(ForeignKey&&) noexcept;
  ForeignKey& operator=(ForeignKey&&) noexcept;
  ~ForeignKey();

  const std::string& id() const { return id_; }                  ///< its "kid"; may be empty
  const std::string& algorithm() const { return algorithm_; }    ///< the one that it signs with
  const std::string& thumbprint() const { return thumbprint_; }  ///< RFC 7638, SHA-256
  bool verifies(std::string_view message, base::BytesView signature) const;
  bool is_of(base::BytesView certificate) const;  ///< DER

 private:
  ForeignKey();
  struct Held;
  std::unique_ptr<Held> held_;
  std::string id_, algorithm_, thumbprint_;
};

/// A JWS taken apart; nothing of it is believed yet.
struct ForeignJws {
  std::string algorithm, type, key_id;
  std::optional<ForeignKey> key;  ///< "jwk" of the header, where it is allowed
  rapidjson::Document claims;     ///< an object
  std::string signed_text;
  base::Bytes signature;
};

enum class HeaderKey { refused, needed };
/// The header holds alg (a word of `algorithms`), typ, kid and, when needed, jwk: anything else
/// (crit, b64, jku, x5u, x5c …) is refused. Errors: unauthenticated `auth.jws`, what is wrong in
/// `detail`.
base::Result<ForeignJws> parse_foreign_jws(std::string_view compact, HeaderKey header_key,
                                           std::string_view algorithms = kForeignAlgorithms);

/// The keys that a client registered. Immutable, thread-safe.
class ForeignKeys {
 public:
  /// RFC 7517 §5: {"keys":[…]}, 1 to kForeignKeysMost, each different.
  /// Errors: invalid_argument `auth.jwk`.
  static base::Result<ForeignKeys> parse(std::string_view jwks);
  /// Of what a platform publishes, the keys that sign with `algorithm`; those of other kinds and
  /// uses are left out, for they are none of our business. Errors: invalid_argument `auth.jwk`: not
  /// a set, more than 64 keys, or none of that algorithm.
  static base::Result<ForeignKeys> of_platform(std::string_view jwks, std::string_view algorithm);
  /// Whether one of these keys signed it, with its own algorithm: the one that "kid" names, or
  /// without a kid the only one of that algorithm.
  bool verify(const ForeignJws& jws) const;
  /// Whether a certificate (DER) is of one of these keys (RFC 8705 §2.2).
  bool holds(base::BytesView certificate) const;

 private:
  std::vector<ForeignKey> keys_;
};

}  // namespace auth
