// Public halves: their DER form, the id made from it, and the check that every signature passes
// before it leaves. Private to this room.
#pragma once

#include <memory>

#include "hsm/key.h"

namespace hsm {

/// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of a curve's point (CKA_EC_POINT: a DER OCTET STRING
/// round the point, or the bare point; uncompressed, or Ed25519's 32 bytes) or of an RSA key's
/// modulus and exponent (big-endian). Only the form is looked at; SignatureCheck judges the key.
/// Errors: invalid_argument `hsm.public_key`.
base::Result<base::Bytes> point_spki(Algorithm algorithm, base::BytesView ec_point);
base::Result<base::Bytes> rsa_spki(base::BytesView modulus, base::BytesView exponent);

/// Hex of SHA-256(SPKI)[0:20].
KeyId id_of(base::BytesView spki);

/// What CKM_RSA_PKCS signs: DigestInfo of a SHA-256 digest (RFC 8017 §9.2).
base::Bytes digest_info(base::BytesView digest);

/// r‖s of `size` bytes from SEQUENCE { r INTEGER, s INTEGER }; empty when it is none.
base::Bytes raw_signature(base::BytesView der, std::size_t size);

/// Verifies signatures of one recorded public key. Thread-safe; contexts are kept and reused.
class SignatureCheck {
 public:
  /// Errors: invalid_argument `hsm.public_key` when the SPKI is not a key of this algorithm.
  static base::Result<std::unique_ptr<SignatureCheck>> make(Algorithm algorithm,
                                                            base::BytesView spki);
  ~SignatureCheck();

  std::size_t signature_size() const;  ///< in bytes
  /// `input` is what the key signed: see hsm/algorithm.h.
  bool good(base::BytesView input, base::BytesView signature) const;

 private:
  struct State;
  explicit SignatureCheck(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hsm
