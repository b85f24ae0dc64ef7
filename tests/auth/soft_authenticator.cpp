#include "tests/auth/soft_authenticator.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdexcept>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"

namespace auth::test_house {
namespace {

using base::Bytes;

void need(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

void head(Bytes& out, int kind, std::size_t value) {
  const auto first = static_cast<std::uint8_t>(kind << 5);
  if (value < 24) {
    out.push_back(static_cast<std::uint8_t>(first | value));
  } else if (value < 256) {
    out.push_back(first | 24);
    out.push_back(static_cast<std::uint8_t>(value));
  } else {
    out.push_back(first | 25);
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
  }
}
void put_text(Bytes& out, std::string_view text) {
  head(out, 3, text.size());
  base::append(out, base::as_bytes(text));
}
void put_bytes(Bytes& out, base::BytesView bytes) {
  head(out, 2, bytes.size());
  base::append(out, bytes);
}

Bytes number(const EVP_PKEY* key, const char* name, int size) {
  BIGNUM* value = nullptr;
  need(EVP_PKEY_get_bn_param(key, name, &value) == 1, name);
  Bytes out(static_cast<std::size_t>(size));
  need(BN_bn2binpad(value, out.data(), size) == size, name);
  BN_free(value);
  return out;
}

}  // namespace

struct SoftAuthenticator::Key {
  ~Key() { EVP_PKEY_free(key); }
  EVP_PKEY* key = nullptr;
};

SoftAuthenticator::SoftAuthenticator(std::string_view algorithm)
    : id(32), key_(std::make_unique<Key>()), algorithm_(algorithm) {
  if (algorithm == "EdDSA")
    key_->key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  else if (algorithm == "ES256")
    key_->key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  else
    key_->key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  need(key_->key != nullptr && RAND_bytes(id.data(), static_cast<int>(id.size())) == 1, "key");
}
SoftAuthenticator::~SoftAuthenticator() = default;

Bytes SoftAuthenticator::cose() const {
  if (algorithm_ == "EdDSA") {
    Bytes raw(32), out = {0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21};
    std::size_t size = raw.size();
    need(EVP_PKEY_get_raw_public_key(key_->key, raw.data(), &size) == 1, "raw");
    put_bytes(out, raw);
    return out;
  }
  if (algorithm_ == "ES256") {
    Bytes out = {0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21};
    put_bytes(out, number(key_->key, OSSL_PKEY_PARAM_EC_PUB_X, 32));
    out.push_back(0x22);
    put_bytes(out, number(key_->key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
    return out;
  }
  Bytes out = {0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20};
  put_bytes(out, number(key_->key, OSSL_PKEY_PARAM_RSA_N, 256));
  out.push_back(0x21);
  put_bytes(out, number(key_->key, OSSL_PKEY_PARAM_RSA_E, 3));
  return out;
}

Bytes SoftAuthenticator::data(std::string_view rp_id, std::uint8_t more_flags) const {
  const auto hash = base::sha256(base::as_bytes(rp_id));
  Bytes out(hash.begin(), hash.end());
  out.push_back(flags | more_flags);
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(count >> shift));
  return out;
}

Bytes SoftAuthenticator::sign(base::BytesView message) const {
  auto* context = EVP_MD_CTX_new();
  need(EVP_DigestSignInit(context, nullptr, algorithm_ == "EdDSA" ? nullptr : EVP_sha256(), nullptr,
                          key_->key) == 1,
       "sign");
  std::size_t size = 0;
  need(EVP_DigestSign(context, nullptr, &size, message.data(), message.size()) == 1, "size");
  Bytes out(size);
  need(EVP_DigestSign(context, out.data(), &size, message.data(), message.size()) == 1, "sign");
  out.resize(size);
  EVP_MD_CTX_free(context);
  return out;
}

std::string client_data(std::string_view type, std::string_view challenge, std::string_view origin,
                        std::string_view more) {
  return R"({"type":")" + std::string(type) + R"(","challenge":")" + std::string(challenge) +
         R"(","origin":")" + std::string(origin) + R"(","crossOrigin":false)" + std::string(more) +
         "}";
}

SoftAnswer SoftAuthenticator::create(std::string_view options, std::string_view origin) {
  const auto json = base::parse_json(options);
  need(json.ok(), "options");
  handle = base::from_base64url(base::json_text((*json)["user"], "id")).value();
  SoftAnswer out;
  out.client_data = client_data("webauthn.create", base::json_text(*json, "challenge"), origin);
  out.data = data(base::json_text((*json)["rp"], "id"), 0x40);
  out.data.insert(out.data.end(), 16, 0);  // AAGUID
  out.data.push_back(0);
  out.data.push_back(static_cast<std::uint8_t>(id.size()));
  base::append(out.data, id);
  base::append(out.data, cose());
  out.id = id;
  return out;
}

SoftAnswer SoftAuthenticator::get(std::string_view options, std::string_view origin) {
  const auto json = base::parse_json(options);
  need(json.ok(), "options");
  ++count;
  SoftAnswer out;
  out.client_data = client_data("webauthn.get", base::json_text(*json, "challenge"), origin);
  out.data = data(base::json_text(*json, "rpId"), 0);
  out.id = id;
  out.handle = handle;
  return out;
}

void SoftAuthenticator::attest_self(SoftAnswer& answer) const {
  auto message = answer.data;
  base::append(message, base::sha256(base::as_bytes(answer.client_data)));
  answer.format = "packed";
  answer.statement = {0xa2};
  put_text(answer.statement, "alg");
  if (algorithm_ == "RS256")
    base::append(answer.statement, base::Bytes{0x39, 0x01, 0x00});
  else
    answer.statement.push_back(algorithm_ == "ES256" ? 0x26 : 0x27);
  put_text(answer.statement, "sig");
  put_bytes(answer.statement, sign(message));
}

std::string SoftAuthenticator::registration(const SoftAnswer& answer) const {
  Bytes object = {0xa3};
  put_text(object, "fmt");
  put_text(object, answer.format);
  put_text(object, "attStmt");
  base::append(object, answer.statement);
  put_text(object, "authData");
  put_bytes(object, answer.data);
  const auto name = base::to_base64url(answer.id);
  return R"({"type":"public-key","id":")" + name + R"(","rawId":")" + name +
         R"(","response":{"transports":["internal","pigeon"],"clientDataJSON":")" +
         base::to_base64url(base::as_bytes(answer.client_data)) + R"(","attestationObject":")" +
         base::to_base64url(object) + R"("},"clientExtensionResults":{}})";
}

std::string SoftAuthenticator::assertion(const SoftAnswer& answer) const {
  auto message = answer.data;
  base::append(message, base::sha256(base::as_bytes(answer.client_data)));
  const auto name = base::to_base64url(answer.id);
  return R"({"type":"public-key","id":")" + name + R"(","rawId":")" + name +
         R"(","response":{"clientDataJSON":")" +
         base::to_base64url(base::as_bytes(answer.client_data)) + R"(","authenticatorData":")" +
         base::to_base64url(answer.data) + R"(","signature":")" +
         base::to_base64url(sign(message)) +
         (answer.handle.empty()
              ? "\""
              : R"(","userHandle":")" + base::to_base64url(answer.handle) + "\"") +
         R"(},"clientExtensionResults":{}})";
}

}  // namespace auth::test_house
