// A key that never leaves: what may be known of it, and the one thing it does.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/strong.h"

namespace hsm {

using KeyId = base::Strong<struct KeyIdTag>;  ///< hex of SHA-256(SPKI)[0:20], also the CKA_ID

/// Facts of each are in hsm/algorithm.h.
enum class Algorithm {
  ecdsa_p256,  ///< ECDSA over P-256, SHA-256; signatures are r‖s, 64 bytes, low-S not forced
  ecdsa_p384,  ///< ECDSA over P-384, SHA-384; signatures are r‖s, 96 bytes
  rsa_3072,    ///< RSASSA-PKCS1-v1_5 with SHA-256
  rsa_4096,    ///< likewise
  ed25519,     ///< pure Ed25519 (RFC 8032); signs the message itself
  sm2,         ///< SM2 with SM3 (GB/T 32918); signatures are r‖s, 64 bytes
  aes_256,     ///< wraps (AES-256-GCM); signs nothing, has no public half
};

/// Where the private key really is. Shown to auditors, never glossed over.
enum class Protection {
  token,    ///< born in the token, never extractable
  wrapped,  ///< wrapped at rest by a token key, clear in the signer and only while it signs
  working,  ///< wrapped at rest by a token key, clear in the service while it is in force
};

/// What a key is for; the signer refuses any other use.
enum class Purpose {
  root_ca,
  issuing_ca,
  seal,
  seal_maker,  ///< signs seal objects, never documents (GB/T 38540)
  timestamp,
  ocsp,  ///< answers about revocation, RFC 6960
  openid,
  document_code,
  audit,          ///< signs heads of the audit trail and of the officers' ledger
  log,            ///< signs checkpoints of the transparency log
  data_wrapping,  ///< wraps the service's secrets, on request
  key_wrapping,   ///< wraps private keys that the token cannot hold itself; never on request
};

std::string_view to_string(Algorithm algorithm);
std::string_view to_string(Protection protection);
std::string_view to_string(Purpose purpose);
std::optional<Algorithm> algorithm_from(std::string_view text);
std::optional<Purpose> purpose_from(std::string_view text);

/// The longest secret that may be wrapped, in bytes.
inline constexpr std::size_t kMostSecretBytes = 4096;

struct KeyInfo {
  KeyId id;
  std::string label;  ///< unique on the token, e.g. "seal-2026"
  Algorithm algorithm = Algorithm::ecdsa_p256;
  Protection protection = Protection::token;
  Purpose purpose = Purpose::seal;
  base::Bytes public_key;  ///< DER SubjectPublicKeyInfo; empty for a secret key
};

/// Thread-safe.
class Key {
 public:
  virtual ~Key() = default;
  virtual const KeyInfo& info() const = 0;
  /// Signs a digest of 32 bytes: SHA-256, or for SM2 SM3(Z ‖ M). Every signature of the signer has
  /// been verified with the recorded public key. Errors: unavailable `hsm.unavailable` (token or signer away,
  /// deadline); permission_denied `hsm.refused` (the signer's policy); invalid_argument `hsm.input`
  /// (an algorithm that signs something else: P-384, Ed25519).
  virtual base::Result<base::Bytes> sign(const base::Digest& digest) const = 0;
  /// Signs the message itself: with the digest that belongs to the algorithm, or, where the key may
  /// sign only what it sees (certificate authorities), by showing it to the signer.
  /// For every algorithm that signs; Ed25519 messages have at most 4096 bytes. Errors: as sign().
  virtual base::Result<base::Bytes> sign_message(base::BytesView message) const;
};

}  // namespace hsm
