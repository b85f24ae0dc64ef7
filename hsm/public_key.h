// Public halves: their DER form, the id made from it, and the check that every signature passes
// before it leaves. Private to this room.
#pragma once

#include <memory>

#include "hsm/key.h"

namespace hsm {

/// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of a P-256 point (CKA_EC_POINT: a DER OCTET STRING
/// round the uncompressed point, or the bare point) or of an RSA key's modulus and exponent
/// (big-endian). Errors: invalid_argument `hsm.public_key`.
base::Result<base::Bytes> p256_spki(base::BytesView ec_point);
base::Result<base::Bytes> rsa_spki(base::BytesView modulus, base::BytesView exponent);

/// Hex of SHA-256(SPKI)[0:20].
KeyId id_of(base::BytesView spki);

/// What CKM_RSA_PKCS signs: DigestInfo of SHA-256 (RFC 8017 §9.2).
base::Bytes digest_info(const base::Digest& digest);

/// Verifies signatures of one recorded public key. Thread-safe; contexts are kept and reused.
class SignatureCheck {
 public:
  /// Errors: invalid_argument `hsm.public_key` when the SPKI is not a key of this algorithm.
  static base::Result<std::unique_ptr<SignatureCheck>> make(Algorithm algorithm,
                                                            base::BytesView spki);
  ~SignatureCheck();

  std::size_t signature_size() const;  ///< in bytes
  bool good(const base::Digest& digest, base::BytesView signature) const;

 private:
  struct State;
  explicit SignatureCheck(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hsm
