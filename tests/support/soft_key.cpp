#include "tests/support/soft_key.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/encoding.h"
#include "hsm/algorithm.h"

namespace test {

struct SoftKey::State {
  EVP_PKEY* key = nullptr;
  ~State() { EVP_PKEY_free(key); }
};

namespace {

/// DER ECDSA-Sig-Value to r‖s.
base::Bytes to_raw(const base::Bytes& der, std::size_t size) {
  const unsigned char* at = der.data();
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  base::check(signature != nullptr, "SoftKey: unreadable signature");
  base::Bytes out(size);
  const auto half = static_cast<int>(size / 2);
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out.data(), half);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out.data() + half, half);
  ECDSA_SIG_free(signature);
  return out;
}

EVP_PKEY* make_key(hsm::Algorithm algorithm) {
  switch (algorithm) {
    case hsm::Algorithm::ecdsa_p256:
      return EVP_EC_gen("P-256");
    case hsm::Algorithm::ecdsa_p384:
      return EVP_EC_gen("P-384");
    case hsm::Algorithm::rsa_3072:
      return EVP_RSA_gen(3072);
    case hsm::Algorithm::rsa_4096:
      return EVP_RSA_gen(4096);
    case hsm::Algorithm::ed25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case hsm::Algorithm::sm2:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "SM2");
    case hsm::Algorithm::aes_256:
      break;
  }
  return nullptr;
}

}  // namespace

SoftKey::SoftKey(hsm::KeyInfo info, std::unique_ptr<State> state)
    : info_(std::move(info)), state_(std::move(state)) {}
SoftKey::~SoftKey() = default;

std::shared_ptr<SoftKey> SoftKey::make(std::string label, hsm::Algorithm algorithm,
                                       hsm::Purpose purpose) {
  auto state = std::make_unique<State>();
  state->key = make_key(algorithm);
  base::check(state->key != nullptr, "SoftKey: no key was made");
  hsm::KeyInfo info;
  info.label = std::move(label);
  info.algorithm = algorithm;
  info.purpose = purpose;
  info.protection = hsm::Protection::wrapped;  // nothing here is in a token
  unsigned char* out = nullptr;
  const int size = i2d_PUBKEY(state->key, &out);
  info.public_key.assign(out, out + size);
  OPENSSL_free(out);
  const auto digest = base::sha256(info.public_key);
  info.id = hsm::KeyId(base::to_hex({digest.data(), 20}));
  return std::shared_ptr<SoftKey>(new SoftKey(std::move(info), std::move(state)));
}

base::Result<base::Bytes> SoftKey::sign(const base::Digest& digest) const {
  if (fail_with) return *fail_with;
  if (info_.algorithm == hsm::Algorithm::ed25519)
    return base::error(base::Code::invalid_argument, "hsm.input", info_.label);
  return sign_input(digest);
}

base::Result<base::Bytes> SoftKey::sign_message(base::BytesView message) const {
  if (fail_with) return *fail_with;
  BASE_TRY(const auto input, hsm::input_of(info_, message));
  return sign_input(input);
}

base::Result<base::Bytes> SoftKey::sign_input(base::BytesView input) const {
  BASE_TRY_VOID(hsm::check_input(info_, input));
  const auto& facts = hsm::facts_of(info_.algorithm);
  std::size_t size = 1024;
  base::Bytes out(size);
  bool good = false;
  if (facts.scheme == hsm::Scheme::eddsa) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    good = EVP_DigestSignInit(context, nullptr, nullptr, nullptr, state_->key) == 1 &&
           EVP_DigestSign(context, out.data(), &size, input.data(), input.size()) == 1;
    EVP_MD_CTX_free(context);
  } else {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(state_->key, nullptr);
    const bool rsa = facts.scheme == hsm::Scheme::rsa;
    good = EVP_PKEY_sign_init(context) == 1 &&
           (!rsa || (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1)) &&
           EVP_PKEY_sign(context, out.data(), &size, input.data(), input.size()) == 1;
    EVP_PKEY_CTX_free(context);
  }
  base::check(good, "SoftKey: signing failed");
  out.resize(size);
  if (facts.scheme == hsm::Scheme::ecdsa || facts.scheme == hsm::Scheme::sm2)
    out = to_raw(out, facts.signature_size);
  if (corrupt) out[out.size() / 2] ^= 1;
  return out;
}

}  // namespace test
