#include "tests/auth/foreign_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdexcept>
#include <vector>

#include "base/digest.h"
#include "base/encoding.h"

namespace auth::test_house {
namespace {

void need(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

std::string url(base::BytesView bytes) {
  return base::to_base64url(bytes);
}
std::string url(std::string_view text) {
  return base::to_base64url(base::as_bytes(text));
}

std::string number(const EVP_PKEY* key, const char* name, int size = 0) {
  BIGNUM* value = nullptr;
  need(EVP_PKEY_get_bn_param(key, name, &value) == 1, name);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size != 0 ? size : BN_num_bytes(value)));
  BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size()));
  BN_free(value);
  return url(bytes);
}

bool starts(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

}  // namespace

struct ForeignSigner::Held {
  ~Held() { EVP_PKEY_free(key); }
  EVP_PKEY* key = nullptr;
};

ForeignSigner::ForeignSigner() : held_(std::make_unique<Held>()) {}
ForeignSigner::ForeignSigner(ForeignSigner&&) noexcept = default;
ForeignSigner& ForeignSigner::operator=(ForeignSigner&&) noexcept = default;
ForeignSigner::~ForeignSigner() = default;

ForeignSigner ForeignSigner::make(std::string_view algorithm) {
  ForeignSigner out;
  auto& key = out.held_->key;
  if (algorithm == "EdDSA")
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  else if (algorithm == "ES256")
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  else if (algorithm == "ES384")
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
  else
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA",
                            static_cast<std::size_t>(algorithm == "RS1024" ? 1024 : 2048));
  need(key != nullptr, "key");
  out.algorithm_ = algorithm == "RS1024" ? "RS256" : algorithm;
  return out;
}

std::string ForeignSigner::jwk(std::string_view more) const {
  const auto* key = held_->key;
  std::string out = "{" + std::string(more);
  if (algorithm_ == "EdDSA") {
    std::array<std::uint8_t, 32> raw{};
    std::size_t size = raw.size();
    need(EVP_PKEY_get_raw_public_key(key, raw.data(), &size) == 1, "raw");
    return out + R"("crv":"Ed25519","kty":"OKP","x":")" + url(raw) + "\"}";
  }
  if (starts(algorithm_, "ES")) {
    const int size = algorithm_ == "ES256" ? 32 : 48;
    return out + R"("crv":")" + (size == 32 ? "P-256" : "P-384") + R"(","kty":"EC","x":")" +
           number(key, OSSL_PKEY_PARAM_EC_PUB_X, size) + R"(","y":")" +
           number(key, OSSL_PKEY_PARAM_EC_PUB_Y, size) + "\"}";
  }
  return out + R"("e":")" + number(key, OSSL_PKEY_PARAM_RSA_E) + R"(","kty":"RSA","n":")" +
         number(key, OSSL_PKEY_PARAM_RSA_N) + "\"}";
}

std::string ForeignSigner::thumbprint() const {
  return url(base::sha256(base::as_bytes(jwk())));  // jwk() writes the members in their order
}

base::Bytes ForeignSigner::certificate() const {
  auto* x509 = X509_new();
  need(X509_set_version(x509, X509_VERSION_3) == 1, "version");
  std::uint64_t serial = 0;
  need(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), 7) == 1, "serial");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial | 1);
  ASN1_TIME_set_string(X509_getm_notBefore(x509), "20260101000000Z");
  ASN1_TIME_set_string(X509_getm_notAfter(x509), "20360101000000Z");
  auto* name = X509_NAME_new();
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("client"), -1, -1, 0);
  X509_set_subject_name(x509, name);
  X509_set_issuer_name(x509, name);
  X509_NAME_free(name);
  X509_set_pubkey(x509, held_->key);
  need(X509_sign(x509, held_->key, algorithm_ == "EdDSA" ? nullptr : EVP_sha256()) > 0, "sign");
  unsigned char* der = nullptr;
  const int size = i2d_X509(x509, &der);
  const base::Bytes out(der, der + size);
  OPENSSL_free(der);
  X509_free(x509);
  return out;
}

std::string ForeignSigner::sign(std::string_view header, std::string_view payload) const {
  const auto text = url(header) + "." + url(payload);
  auto* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* settings = nullptr;
  const auto* digest = algorithm_ == "EdDSA"   ? nullptr
                       : algorithm_ == "ES384" ? EVP_sha384()
                                               : EVP_sha256();
  need(EVP_DigestSignInit(context, &settings, digest, nullptr, held_->key) == 1, "sign");
  if (algorithm_ == "PS256") {
    need(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1, "pss");
    need(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1, "salt");
  }
  const auto bytes = base::as_bytes(text);
  std::size_t size = 0;
  need(EVP_DigestSign(context, nullptr, &size, bytes.data(), bytes.size()) == 1, "size");
  std::vector<std::uint8_t> signature(size);
  need(EVP_DigestSign(context, signature.data(), &size, bytes.data(), bytes.size()) == 1, "sign");
  signature.resize(size);
  EVP_MD_CTX_free(context);
  if (starts(algorithm_, "ES")) {
    const auto* at = signature.data();
    auto* parts = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size()));
    const int half = algorithm_ == "ES256" ? 32 : 48;
    std::vector<std::uint8_t> raw(static_cast<std::size_t>(half) * 2);
    BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw.data(), half);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw.data() + half, half);
    ECDSA_SIG_free(parts);
    signature = raw;
  }
  return text + "." + url(signature);
}

std::string ForeignSigner::sign_as(std::string_view type, std::string_view payload) const {
  return sign(R"({"alg":")" + algorithm_ + R"(","typ":")" + std::string(type) + "\"}", payload);
}

std::string unsigned_jws(std::string_view type, std::string_view payload) {
  return url(R"({"alg":"none","typ":")" + std::string(type) + "\"}") + "." + url(payload) + ".";
}

std::string mac_jws(std::string_view type, std::string_view payload, std::string_view secret) {
  const auto text =
      url(R"({"alg":"HS256","typ":")" + std::string(type) + "\"}") + "." + url(payload);
  return text + "." + url(base::hmac_sha256(base::as_bytes(secret), base::as_bytes(text)));
}

}  // namespace auth::test_house
