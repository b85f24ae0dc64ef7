#include "auth/public_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/encoding.h"

namespace auth {
namespace {

using PkeyContext = base::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Number = base::Owned<BIGNUM, BN_free>;
using Builder = base::Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = base::Owned<OSSL_PARAM, OSSL_PARAM_free>;

}  // namespace

Pkey ec_key(base::BytesView x, base::BytesView y) {
  // SubjectPublicKeyInfo of P-256 up to the point (RFC 5480 §2): OpenSSL then checks the point.
  static const auto prefix =
      base::from_hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004").value();
  base::Bytes der = prefix;
  der.insert(der.end(), x.begin(), x.end());
  der.insert(der.end(), y.begin(), y.end());
  const auto* at = der.data();
  return Pkey(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
}

Pkey rsa_key(base::BytesView n, base::BytesView e) {
  const Number modulus(BN_bin2bn(n.data(), static_cast<int>(n.size()), nullptr));
  const Number exponent(BN_bin2bn(e.data(), static_cast<int>(e.size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!modulus || !exponent || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return Pkey(key);
}

}  // namespace auth
