// Algorithms as PKCS#11 mechanisms, and the operations that are made with them. Private to this
// room.
#pragma once

#include <optional>

#include "hsm/key.h"
#include "hsm/pkcs11.h"

namespace hsm::p11 {

struct Mechanism {
  unsigned long generate = 0, sign = 0;
  unsigned long key_type = 0;
};
/// Nothing when the token does not do it: SM2 without `token.sm2 = native`.
std::optional<Mechanism> mechanism_of(const Login& login, Algorithm algorithm);

/// C_SignInit and C_Sign. `input` as check_input allows; `signature` comes in the house's form, and
/// empty when the module's was of another length.
Rv sign_once(const Login& login, Handle session, Handle object, Algorithm algorithm,
             base::BytesView input, base::Bytes& signature);

inline constexpr std::size_t kGcmIvSize = 12, kGcmTagSize = 16;

/// AES-256-GCM in the token (NIST SP 800-38D). `sealed` is ciphertext and tag, `clear` at least so
/// long as `sealed`; `size` is what of it is filled.
Rv gcm_encrypt(const Login& login, Handle session, Handle object, base::BytesView iv,
               base::BytesView bound, base::BytesView clear, base::Bytes& sealed);
Rv gcm_decrypt(const Login& login, Handle session, Handle object, base::BytesView iv,
               base::BytesView bound, base::BytesView sealed, std::span<std::uint8_t> clear,
               std::size_t& size);

}  // namespace hsm::p11
