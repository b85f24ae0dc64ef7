#include "hsm/working_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <array>

#include "base/encoding.h"
#include "base/owned.h"

namespace hsm {
namespace {

using base::Owned;
using Pkey = Owned<EVP_PKEY, EVP_PKEY_free>;
using PkeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using Number = Owned<BIGNUM, BN_clear_free>;
using Builder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using Group = Owned<EC_GROUP, EC_GROUP_free>;
using Point = Owned<EC_POINT, EC_POINT_free>;

constexpr std::size_t kScalarSize = 32, kPointSize = 65, kDerMost = 72;

base::Error failed(base::Code code, const char* why) {
  auto failure = base::error(code, "hsm.working_key", why);
  failure.args = {{"why", why}};
  return failure;
}
base::Error internal(const char* why) {
  return failed(base::Code::internal, why);
}
base::Error refused(const char* why) {
  return failed(base::Code::invalid_argument, why);
}

base::Bytes spki_of(const EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  base::Bytes out(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return out;
}

/// Scalar and point: the point is computed, so that a wrong pair never comes to be.
Pkey key_of(const base::Secret& scalar) {
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Number number(BN_secure_new());
  if (!group || !number ||
      BN_bin2bn(scalar.reveal().data(), static_cast<int>(kScalarSize), number.get()) == nullptr ||
      BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0)
    return nullptr;
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  const Point point(EC_POINT_new(group.get()));
  std::array<std::uint8_t, kPointSize> encoded{};
  if (!point ||
      EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(),
                         encoded.size(), nullptr) != encoded.size())
    return nullptr;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded.data(),
                                       encoded.size()) != 1)
    return nullptr;
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()) != 1)
    return nullptr;
  return Pkey(made);
}

}  // namespace

struct WorkingKey::State {
  Pkey key;
  PkeyContext prototype;  // ready to sign; copied for each use, never used itself
};

WorkingKey::WorkingKey(KeyInfo info, std::unique_ptr<State> state)
    : info_(std::move(info)), state_(std::move(state)) {}
WorkingKey::~WorkingKey() = default;

base::Result<WorkingKey::Made> WorkingKey::make(std::string label, Purpose purpose) {
  const Pkey fresh(EVP_EC_gen("P-256"));
  BIGNUM* number = nullptr;
  if (!fresh || EVP_PKEY_get_bn_param(fresh.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
    return internal("no key was made");
  const Number owned(number);
  auto scalar = base::Secret::blank(kScalarSize);
  if (BN_bn2binpad(number, scalar.writable().data(), static_cast<int>(kScalarSize)) !=
      static_cast<int>(kScalarSize))
    return internal("a scalar has 32 bytes");
  BASE_TRY(auto key, open(std::move(label), purpose, spki_of(fresh.get()), scalar));
  return Made{std::move(key), std::move(scalar)};
}

base::Result<std::shared_ptr<const WorkingKey>> WorkingKey::open(std::string label, Purpose purpose,
                                                                 base::BytesView public_key,
                                                                 const base::Secret& scalar) {
  if (scalar.reveal().size() != kScalarSize) return refused("a scalar has 32 bytes");
  auto state = std::make_unique<State>();
  state->key = key_of(scalar);
  if (!state->key) return refused("not a scalar of P-256");
  KeyInfo info{{},
               std::move(label),
               Algorithm::ecdsa_p256,
               Protection::working,
               purpose,
               spki_of(state->key.get())};
  if (!std::equal(info.public_key.begin(), info.public_key.end(), public_key.begin(),
                  public_key.end()))
    return refused("the scalar of another key");
  const auto digest = base::sha256(info.public_key);
  info.id = KeyId(base::to_hex(base::BytesView(digest).first(20)));
  state->prototype.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, state->key.get(), nullptr));
  if (!state->prototype || EVP_PKEY_sign_init(state->prototype.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(state->prototype.get(), EVP_sha256()) != 1)
    return internal("cannot sign with this key");
  std::shared_ptr<const WorkingKey> key(new WorkingKey(std::move(info), std::move(state)));

  const PkeyContext verify(EVP_PKEY_CTX_new_from_pkey(nullptr, key->state_->key.get(), nullptr));
  std::array<std::uint8_t, kDerMost> der{};
  auto size = der.size();
  const PkeyContext once(EVP_PKEY_CTX_dup(key->state_->prototype.get()));
  if (!verify || !once ||
      EVP_PKEY_sign(once.get(), der.data(), &size, digest.data(), digest.size()) != 1 ||
      EVP_PKEY_verify_init(verify.get()) != 1 ||
      EVP_PKEY_verify(verify.get(), der.data(), size, digest.data(), digest.size()) != 1)
    return internal("its own signature does not verify");
  return key;
}

base::Result<base::Bytes> WorkingKey::sign(const base::Digest& digest) const {
  const PkeyContext context(EVP_PKEY_CTX_dup(state_->prototype.get()));
  std::array<std::uint8_t, kDerMost> der{};
  auto size = der.size();
  if (!context || EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()) != 1)
    return internal("signing failed");
  const auto* at = der.data();
  const Signature parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  base::Bytes out(2 * kScalarSize);
  if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out.data(), kScalarSize) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out.data() + kScalarSize, kScalarSize) < 0)
    return internal("a signature of another form");
  return out;
}

}  // namespace hsm
