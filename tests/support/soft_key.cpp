#include "tests/support/soft_key.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/encoding.h"

namespace test {

struct SoftKey::State {
  EVP_PKEY* key = nullptr;
  ~State() { EVP_PKEY_free(key); }
};

namespace {

/// DER ECDSA-Sig-Value to r‖s.
base::Bytes to_raw(const base::Bytes& der) {
  const unsigned char* at = der.data();
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  base::check(signature != nullptr, "SoftKey: unreadable signature");
  base::Bytes out(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out.data() + 32, 32);
  ECDSA_SIG_free(signature);
  return out;
}

}  // namespace

SoftKey::SoftKey(hsm::KeyInfo info, std::unique_ptr<State> state)
    : info_(std::move(info)), state_(std::move(state)) {}
SoftKey::~SoftKey() = default;

std::shared_ptr<SoftKey> SoftKey::make(std::string label, hsm::Algorithm algorithm,
                                       hsm::Purpose purpose) {
  auto state = std::make_unique<State>();
  state->key = algorithm == hsm::Algorithm::rsa_3072 ? EVP_RSA_gen(3072) : EVP_EC_gen("P-256");
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
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(state_->key, nullptr);
  const bool rsa = info_.algorithm == hsm::Algorithm::rsa_3072;
  bool good = EVP_PKEY_sign_init(context) == 1 &&
              (!rsa || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1) &&
              EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1;
  std::size_t size = 1024;
  base::Bytes out(size);
  good = good && EVP_PKEY_sign(context, out.data(), &size, digest.data(), digest.size()) == 1;
  EVP_PKEY_CTX_free(context);
  base::check(good, "SoftKey: signing failed");
  out.resize(size);
  if (!rsa) out = to_raw(out);
  if (corrupt) out[out.size() / 2] ^= 1;
  return out;
}

}  // namespace test
