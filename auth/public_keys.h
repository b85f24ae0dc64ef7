// Public keys from their bare numbers, as JSON Web Keys and COSE keys write them. auth's own.
#pragma once

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/owned.h"

namespace auth {

using Pkey = base::Owned<EVP_PKEY, EVP_PKEY_free>;

/// A point of P-256, 32 bytes each; null when it is not on the curve.
Pkey ec_key(base::BytesView x, base::BytesView y);
/// Modulus and exponent, most significant byte first; null when OpenSSL takes them for none.
Pkey rsa_key(base::BytesView n, base::BytesView e);

}  // namespace auth
