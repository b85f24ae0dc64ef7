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
#include <optional>
#include <vector>

#include "base/encoding.h"
#include "base/owned.h"
#include "hsm/algorithm.h"

namespace hsm {
namespace {

using base::Owned;
using PkeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;
using ContextPtr = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using NumberPtr = Owned<BIGNUM, BN_free>;

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

/// DER SEQUENCE { r INTEGER, s INTEGER } from r‖s of at most 48 bytes each.
struct DerSignature {
  std::array<std::uint8_t, 104> bytes{};
  std::size_t size = 0;

  explicit DerSignature(base::BytesView raw) {
    const auto half = raw.size() / 2;
    size = integer(raw.last(half), integer(raw.first(half), 2));
    bytes[0] = 0x30;
    bytes[1] = static_cast<std::uint8_t>(size - 2);
  }

 private:
  std::size_t integer(base::BytesView number, std::size_t at) {
    std::size_t skip = 0;
    while (skip + 1 < number.size() && number[skip] == 0) ++skip;
    const bool pad = (number[skip] & 0x80) != 0;
    bytes[at++] = 0x02;
    bytes[at++] = static_cast<std::uint8_t>(number.size() - skip + (pad ? 1 : 0));
    if (pad) bytes[at++] = 0;
    for (; skip < number.size(); ++skip) bytes[at++] = number[skip];
    return at;
  }
};

std::string_view group_of(const AlgorithmFacts& facts) {
  switch (facts.algorithm) {
    case Algorithm::ecdsa_p256:
      return "prime256v1";
    case Algorithm::ecdsa_p384:
      return "secp384r1";
    case Algorithm::sm2:
      return "SM2";
    default:
      return {};
  }
}

bool is_key_of(EVP_PKEY* key, const AlgorithmFacts& facts) {
  if (facts.scheme == Scheme::rsa)
    return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == facts.bits;
  if (facts.scheme == Scheme::eddsa) return EVP_PKEY_is_a(key, "ED25519");
  std::array<char, 32> group{};
  std::size_t size = 0;
  return EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == group_of(facts);
}

}  // namespace

base::Result<base::Bytes> point_spki(Algorithm algorithm, base::BytesView ec_point) {
  const auto& facts = facts_of(algorithm);
  if (ec_point.size() == facts.public_size + 2 && ec_point[0] == 0x04 &&
      ec_point[1] == facts.public_size)
    ec_point = ec_point.subspan(2);
  auto spki = base::to_bytes(facts.spki_prefix);
  base::append(spki, ec_point);
  if (!good_form(algorithm, spki)) return bad_key("not a point of " + std::string(facts.name));
  return spki;
}

base::Result<base::Bytes> rsa_spki(base::BytesView modulus, base::BytesView exponent) {
  const NumberPtr n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const NumberPtr e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return bad_key("not an RSA key");
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
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

base::Bytes digest_info(base::BytesView digest) {
  base::Bytes out(kDigestInfoPrefix.begin(), kDigestInfoPrefix.end());
  base::append(out, digest);
  return out;
}

base::Bytes raw_signature(base::BytesView der, std::size_t size) {
  const auto* at = der.data();
  const Owned<ECDSA_SIG, ECDSA_SIG_free> parsed(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  base::Bytes out(size);
  const auto half = static_cast<int>(size / 2);
  if (!parsed || at != der.data() + der.size() ||
      BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out.data(), half) != half ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out.data() + half, half) != half)
    return {};
  return out;
}

struct SignatureCheck::State {
  const AlgorithmFacts* facts;
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
    if (facts->scheme == Scheme::rsa &&
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
  state->facts = &facts_of(algorithm);
  if (state->facts->scheme == Scheme::none) return bad_key("a secret key has no public half");
  state->key = parse(spki);
  if (!state->key) return bad_key("not a SubjectPublicKeyInfo");
  if (!good_form(algorithm, spki) || !is_key_of(state->key.get(), *state->facts))
    return bad_key("not a key of " + std::string(state->facts->name));
  return std::unique_ptr<SignatureCheck>(new SignatureCheck(std::move(state)));
}

std::size_t SignatureCheck::signature_size() const {
  return state_->facts->signature_size;
}

bool SignatureCheck::good(base::BytesView input, base::BytesView signature) const {
  const auto& facts = *state_->facts;
  if (signature.size() != facts.signature_size || !good_input_size(facts.algorithm, input.size()))
    return false;
  if (facts.scheme == Scheme::eddsa) {
    // OpenSSL offers EdDSA through EVP_DigestVerify alone, whose contexts serve once.
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> once(EVP_MD_CTX_new());
    return once &&
           EVP_DigestVerifyInit(once.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1 &&
           EVP_DigestVerify(once.get(), signature.data(), signature.size(), input.data(),
                            input.size()) == 1;
  }
  auto context = state_->take();
  if (!context) return false;  // no memory: nothing leaves unchecked
  const bool rsa = facts.scheme == Scheme::rsa;
  const auto der = rsa ? std::optional<DerSignature>() : DerSignature(signature);
  const auto given = der ? base::BytesView(der->bytes).first(der->size) : signature;
  const bool good =
      EVP_PKEY_verify(context.get(), given.data(), given.size(), input.data(), input.size()) == 1;
  const std::scoped_lock guard(state_->lock);
  state_->idle.push_back(std::move(context));
  return good;
}

}  // namespace hsm
