// SM2 in this process, for keys that the token wraps. Private to this room.
//
// Botan makes the signatures; they are verified with OpenSSL before they leave, as all others.
// Whatever is secret stands in base::Secret or in Botan's own locked, wiped memory.
#pragma once

#include "base/random.h"
#include "base/secret.h"
#include "hsm/key.h"

namespace hsm {

struct Sm2Pair {
  base::Secret scalar;  ///< d, 32 bytes, big-endian
  base::Bytes spki;
};
Sm2Pair make_sm2_pair(base::Random& random);

/// r‖s over e (32 bytes). Errors: invalid_argument `hsm.public_key` when the scalar is none.
base::Result<base::Bytes> sm2_sign(base::BytesView scalar, base::BytesView e, base::Random& random);

}  // namespace hsm
