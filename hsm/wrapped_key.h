// Keys that the token cannot hold itself, wrapped by one that it does. Private to this room.
//
// A wrapping is version, IV, ciphertext and tag: AES-256-GCM by a token key of the purpose
// key_wrapping, bound to everything that the inventory says of the key. It is opened at each
// signature and wiped after it; no request reaches these wrappings.
// docs/decisions/0071-wrapped-keys.md
#pragma once

#include <optional>

#include "hsm/inventory.h"
#include "hsm/pkcs11.h"

namespace hsm {

/// The associated data: label, purpose, algorithm and public key, each with its length.
base::Bytes wrapping_bound(const KeyInfo& key);

/// The parts of a wrapping; nothing when it has another form.
struct Wrapping {
  base::BytesView iv, sealed;
};
std::optional<Wrapping> wrapping_parts(base::BytesView wrapped);
base::Bytes wrapping_of(base::BytesView iv, base::BytesView sealed);

/// How much room the token wants for the opened scalar, in bytes.
inline constexpr std::size_t kScalarRoom = 48;
inline constexpr std::size_t kScalarSize = 32;

}  // namespace hsm
