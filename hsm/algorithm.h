// What there is to know of each algorithm, in one table that all who sign, check or encode read.
//
// What a key signs is its *input*: the digest that belongs to its algorithm, or, for Ed25519, the
// message itself. docs/decisions/0070-algorithms.md
#pragma once

#include <span>

#include "hsm/key.h"

namespace hsm {

enum class Scheme {
  none,   ///< signs nothing
  ecdsa,  ///< FIPS 186-5 §6; signatures are r‖s
  rsa,    ///< RSASSA-PKCS1-v1_5 with SHA-256, RFC 8017 §8.2
  eddsa,  ///< pure Ed25519, RFC 8032 §5.1
  sm2,    ///< GB/T 32918.2-2016 with SM3; signatures are r‖s
};

struct AlgorithmFacts {
  Algorithm algorithm;
  std::string_view name;  ///< in configuration, inventory, log and protocol
  Scheme scheme;
  std::size_t input_size;       ///< exact, in bytes; 0: a message of at most kMostMessageBytes
  std::size_t signature_size;   ///< in bytes
  int bits;                     ///< of the modulus or field
  base::BytesView spki_prefix;  ///< SubjectPublicKeyInfo up to the key; empty for RSA
  std::size_t public_size;      ///< of what follows the prefix, in bytes
  base::BytesView parameters;   ///< CKA_EC_PARAMS, an object identifier; empty for RSA
};

/// The longest message that an Ed25519 key signs, in bytes: it crosses the signer's socket whole.
inline constexpr std::size_t kMostMessageBytes = 4096;
/// The user id that enters every SM2 signature of ours. GB/T 35276-2017 §10.
inline constexpr std::string_view kSm2UserId = "1234567812345678";

std::span<const AlgorithmFacts> algorithm_facts();
const AlgorithmFacts& facts_of(Algorithm algorithm);

inline bool signs(Algorithm algorithm) {
  return facts_of(algorithm).scheme != Scheme::none;
}
/// Secret keys wrap, all others do not.
bool fits(Algorithm algorithm, Purpose purpose);
bool good_input_size(Algorithm algorithm, std::size_t size);

/// Errors: permission_denied `hsm.refused` (it signs nothing); invalid_argument `hsm.input` (not
/// the length that this algorithm signs).
base::Result<void> check_input(const KeyInfo& key, base::BytesView input);
/// The input that belongs to a message. Errors: as check_input; invalid_argument `hsm.public_key`.
base::Result<base::Bytes> input_of(const KeyInfo& key, base::BytesView message);

/// Whether these bytes have the form of a public key of this algorithm: the prefix and the length.
/// Whether the point is on its curve is for SignatureCheck to say.
bool good_form(Algorithm algorithm, base::BytesView spki);

/// SM3(Z ‖ M) with Z over kSm2UserId, the curve and the key's own point; GB/T 32918.2-2016 §6.1.
/// `point` is x‖y, 64 bytes.
base::Digest sm2_input(base::BytesView point, base::BytesView message);

}  // namespace hsm
