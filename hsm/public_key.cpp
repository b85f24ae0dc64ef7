#include "hsm/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <mutex>
#include <vector>

#include "base/encoding.h"

namespace hsm {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;

// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING } up to the point: RFC 5480 §2.
constexpr std::array<std::uint8_t, 26> kP256Prefix{
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
constexpr std::size_t kPointSize = 65;

// DigestInfo { sha256, NULL } up to the digest: RFC 8017 §9.2, note 1.
constexpr std::array<std::uint8_t, 19> kDigestInfoPrefix{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                         0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                         0x01, 0x05, 0x00, 0x04, 0x20};

base::Error bad_key(std::string_view why) {
  return base::error(base::Code::invalid_argument, "hsm.public_key", std::string(why));
}

PkeyPtr parse(base::BytesView spki) {
  const auto* at = spki.data();
  PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (key && at != spki.data() + spki.size()) key.reset();
  return key;
}

/// DER SEQUENCE { r INTEGER, s INTEGER } from r‖s.
bool ecdsa_der(base::BytesView raw, std::array<std::uint8_t, 80>& der, std::size_t& size) {
  const auto integer = [&](base::BytesView number, std::size_t at) {
    std::size_t skip = 0;
    while (skip + 1 < number.size() && number[skip] == 0) ++skip;
    const bool pad = (number[skip] & 0x80) != 0;
    der[at++] = 0x02;
    der[at++] = static_cast<std::uint8_t>(number.size() - skip + (pad ? 1 : 0));
    if (pad) der[at++] = 0;
    for (; skip < number.size(); ++skip) der[at++] = number[skip];
    return at;
  };
  if (raw.size() != 64) return false;
  size = integer(raw.subspan(32), integer(raw.first(32), 2));
  der[0] = 0x30;
  der[1] = static_cast<std::uint8_t>(size - 2);
  return true;
}

}  // namespace

base::Result<base::Bytes> p256_spki(base::BytesView ec_point) {
  if (ec_point.size() == kPointSize + 2 && ec_point[0] == 0x04 && ec_point[1] == kPointSize)
    ec_point = ec_point.subspan(2);
  if (ec_point.size() != kPointSize || ec_point[0] != 0x04)
    return bad_key("not an uncompressed P-256 point");
  base::Bytes spki(kP256Prefix.begin(), kP256Prefix.end());
  base::append(spki, ec_point);
  if (!parse(spki)) return bad_key("the point is not on P-256");
  return spki;
}

base::Result<base::Bytes> rsa_spki(base::BytesView modulus, base::BytesView exponent) {
  const NumberPtr n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const NumberPtr e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_num_bits(n.get()) != 3072 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return bad_key("not an RSA-3072 key");
  const std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>> params(
      OSSL_PARAM_BLD_to_param(builder.get()));
  const ContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return bad_key("OpenSSL refuses the RSA key");
  const PkeyPtr key(made);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return bad_key("OpenSSL cannot encode the RSA key");
  base::Bytes spki(der, der + size);
  OPENSSL_free(der);
  return spki;
}

KeyId id_of(base::BytesView spki) {
  const auto digest = base::sha256(spki);
  return KeyId(base::to_hex(base::BytesView(digest).first(20)));
}

base::Bytes digest_info(const base::Digest& digest) {
  base::Bytes out(kDigestInfoPrefix.begin(), kDigestInfoPrefix.end());
  base::append(out, digest);
  return out;
}

struct SignatureCheck::State {
  Algorithm algorithm;
  PkeyPtr key;
  mutable std::mutex lock;               // guards idle
  mutable std::vector<ContextPtr> idle;  // initialised for verification, one per concurrent check

  ContextPtr take() const {
    {
      const std::scoped_lock guard(lock);
      if (!idle.empty()) {
        auto context = std::move(idle.back());
        idle.pop_back();
        return context;
      }
    }
    ContextPtr context(EVP_PKEY_CTX_new(key.get(), nullptr));
    if (!context || EVP_PKEY_verify_init(context.get()) != 1) return nullptr;
    if (algorithm == Algorithm::rsa_3072 &&
        (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
         EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1))
      return nullptr;
    return context;
  }
};

SignatureCheck::SignatureCheck(std::unique_ptr<State> state) : state_(std::move(state)) {}
SignatureCheck::~SignatureCheck() = default;

base::Result<std::unique_ptr<SignatureCheck>> SignatureCheck::make(Algorithm algorithm,
                                                                   base::BytesView spki) {
  auto state = std::make_unique<State>();
  state->algorithm = algorithm;
  state->key = parse(spki);
  if (!state->key) return bad_key("not a SubjectPublicKeyInfo");
  std::array<char, 32> group{};
  std::size_t size = 0;
  switch (algorithm) {
    case Algorithm::ecdsa_p256:
      if (EVP_PKEY_get_group_name(state->key.get(), group.data(), group.size(), &size) != 1 ||
          std::string_view(group.data(), size) != "prime256v1")
        return bad_key("not a P-256 key");
      break;
    case Algorithm::rsa_3072:
      if (!EVP_PKEY_is_a(state->key.get(), "RSA") || EVP_PKEY_get_bits(state->key.get()) != 3072)
        return bad_key("not an RSA-3072 key");
      break;
    case Algorithm::aes_256:
      return bad_key("a secret key has no public half");
  }
  return std::unique_ptr<SignatureCheck>(new SignatureCheck(std::move(state)));
}

std::size_t SignatureCheck::signature_size() const {
  return state_->algorithm == Algorithm::ecdsa_p256 ? 64 : 384;
}

bool SignatureCheck::good(const base::Digest& digest, base::BytesView signature) const {
  if (signature.size() != signature_size()) return false;
  auto context = state_->take();
  if (!context) return false;  // no memory: nothing leaves unchecked
  std::array<std::uint8_t, 80> der{};
  auto size = signature.size();
  const auto* bytes = signature.data();
  if (state_->algorithm == Algorithm::ecdsa_p256) {
    if (!ecdsa_der(signature, der, size)) return false;
    bytes = der.data();
  }
  const bool good = EVP_PKEY_verify(context.get(), bytes, size, digest.data(), digest.size()) == 1;
  const std::scoped_lock guard(state_->lock);
  state_->idle.push_back(std::move(context));
  return good;
}

}  // namespace hsm
