// What is wrong with an SM2 signature that does not hold. EC_KEY is deprecated in OpenSSL 3, but
// what replaces it makes no ECDSA key of a point on the SM2 curve.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ec.h>

#include "base/sm3.h"
#include "certs/openssl.h"
#include "certs/signature.h"

namespace certs {
namespace {

using EcKey = Owned<EC_KEY, EC_KEY_free>;

bool is_sm2_key(base::BytesView public_key) {
  const unsigned char* at = public_key.data();
  const OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  return key && at == public_key.data() + public_key.size() && public_key.size() > 64 &&
         EVP_PKEY_is_a(key.get(), "SM2") == 1;
}

bool ecdsa_holds(base::BytesView point, const base::Digest& digest, base::BytesView signature) {
  const EcKey key(EC_KEY_new_by_curve_name(NID_sm2));
  return key && EC_KEY_oct2key(key.get(), point.data(), point.size(), nullptr) == 1 &&
         ECDSA_verify(0, digest.data(), static_cast<int>(digest.size()), signature.data(),
                      static_cast<int>(signature.size()), key.get()) == 1;
}

}  // namespace

Sm2Answer judge_sm2(base::BytesView public_key, base::BytesView message,
                    base::BytesView signature) {
  const auto answer = [&] {
    if (!is_sm2_key(public_key)) return Sm2Answer::other_key;
    const auto bare = ecdsa_from_der(signature);
    if (!bare) return Sm2Answer::broken;
    if (verify_message(public_key, message, *bare)) return Sm2Answer::holds;
    const auto input = [&](std::string_view id) {
      return base::Sm3().update(base::sm2_z(public_key.last(64), id)).update(message).finish();
    };
    if (verify_input(public_key, input(""), *bare)) return Sm2Answer::other_id;
    // A device that knows the curve but not SM2 is given SM3(Z ‖ M), or makes SM3(M) itself.
    const auto point = public_key.last(65);
    if (ecdsa_holds(point, input(kSm2UserId), signature) ||
        ecdsa_holds(point, base::sm3(message), signature))
      return Sm2Answer::ecdsa;
    return Sm2Answer::broken;
  }();
  ERR_clear_error();
  return answer;
}

}  // namespace certs
