// Small secrets handed to the holder of a P-256 key, and the two primitives under that: HKDF and
// AES-256-GCM. Private to this room; backups and officers' shares stand on it.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace hsm {

inline constexpr std::size_t kGcmKeyBytes = 32, kGcmIvBytes = 12, kGcmTagBytes = 16;
using GcmIv = std::array<std::uint8_t, kGcmIvBytes>;

/// HKDF-SHA-256, RFC 5869. `size` is at most 255 · 32 bytes.
base::Secret hkdf_sha256(base::BytesView secret, base::BytesView salt, base::BytesView info,
                         std::size_t size);

/// Ciphertext and tag. A key and an IV are used together once.
base::Bytes gcm_encrypt(const base::Secret& key, const GcmIv& iv, base::BytesView bound,
                        base::BytesView clear);
/// Nothing when the tag does not fit.
std::optional<base::Secret> gcm_decrypt(const base::Secret& key, const GcmIv& iv,
                                        base::BytesView bound, base::BytesView encrypted);

/// One side of an ECDH whose other side is `peer`: a fresh key pair, used once and forgotten.
struct Ephemeral {
  base::Bytes public_key;  ///< DER SubjectPublicKeyInfo
  base::Secret shared;     ///< the x coordinate, 32 bytes
};
/// Errors: invalid_argument `hsm.public_key` when `peer` is not the SPKI of a P-256 key.
base::Result<Ephemeral> agree_once(base::BytesView peer, base::Random& random);

/// What only the holder of the private half can open.
struct Envelope {
  base::Bytes ephemeral;  ///< SubjectPublicKeyInfo
  base::Bytes encrypted;  ///< with its tag
};
/// ECDH with a fresh key, HKDF-SHA-256 whose info binds `context` and both public keys,
/// AES-256-GCM. Errors: as agree_once.
base::Result<Envelope> enclose(base::BytesView recipient, base::BytesView context,
                               base::BytesView secret, base::Random& random);
/// `shared`: what the recipient's key agrees on with `envelope.ephemeral`. Nothing when the
/// envelope was altered, or made for another key or context.
std::optional<base::Secret> open_envelope(const Envelope& envelope, const base::Secret& shared,
                                          base::BytesView recipient, base::BytesView context);

/// `parts` one after the other, each behind its length (4 octets): no two lists look the same.
base::Bytes framed(std::initializer_list<base::BytesView> parts);

}  // namespace hsm
