// Checks a bare signature with a public key: what hsm::Key::sign makes.
#pragma once

#include "base/bytes.h"
#include "base/digest.h"

namespace certs {

/// `public_key` is DER SubjectPublicKeyInfo. P-256: `signature` is r‖s, 64 octets. RSA (2048 to
/// 8192 bits): RSASSA-PKCS1-v1_5 with SHA-256. Anything else is false.
bool verify_signature(base::BytesView public_key, const base::Digest& digest,
                      base::BytesView signature);

/// r‖s (64 octets) to the DER form that X.509 and CMS carry. RFC 3279 §2.2.3.
base::Bytes ecdsa_to_der(base::BytesView raw);

}  // namespace certs
