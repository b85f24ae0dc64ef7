#include "certs/signature.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "certs/der.h"
#include "certs/openssl.h"

namespace certs {

base::Bytes ecdsa_to_der(base::BytesView raw) {
  base::check(raw.size() == 64, "ecdsa_to_der of a signature that is not r||s");
  return der::sequence({der::integer(raw.first(32)), der::integer(raw.last(32))});
}

bool verify_signature(base::BytesView public_key, const base::Digest& digest,
                      base::BytesView signature) {
  const unsigned char* at = public_key.data();
  const OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  bool good = false;
  if (key && at == public_key.data() + public_key.size()) {
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key.get(), nullptr));
    base::Bytes encoded;
    base::BytesView given = signature;
    bool fits = context && EVP_PKEY_verify_init(context.get()) == 1;
    if (EVP_PKEY_is_a(key.get(), "EC")) {
      char group[32] = {};
      fits = fits && signature.size() == 64 &&
             EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) == 1 &&
             std::string_view(group) == "prime256v1";
      if (fits) given = encoded = ecdsa_to_der(signature);
    } else if (EVP_PKEY_is_a(key.get(), "RSA")) {
      const int bits = EVP_PKEY_get_bits(key.get());
      fits = fits && bits >= 2048 && bits <= 8192 &&
             EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1;
    } else {
      fits = false;
    }
    good = fits && EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
           EVP_PKEY_verify(context.get(), given.data(), given.size(), digest.data(),
                           digest.size()) == 1;
  }
  ERR_clear_error();
  return good;
}

}  // namespace certs
