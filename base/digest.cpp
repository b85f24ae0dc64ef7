// SHA256_Init and friends are deprecated in OpenSSL 3 but are the only ones whose state can be
// copied as bytes and that fetch nothing per call (a sixfold difference on a 65-byte input).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstring>

#include "base/check.h"
#include "base/encoding.h"

namespace base {
namespace {

static_assert(sizeof(SHA256_CTX) <= 128);

SHA256_CTX load(const std::array<std::uint8_t, 128>& state) {
  SHA256_CTX context;
  std::memcpy(&context, state.data(), sizeof context);
  return context;
}

EVP_MD* sm3_method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SM3", nullptr);  // for the process's life
  check(method != nullptr, "OpenSSL without SM3");
  return method;
}

// a, b and the base point of the curve, in the order in which Z takes them; GB/T 32918.5-2017 §A.2.
constexpr std::string_view kSm2Curve =
    "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
    "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";

}  // namespace

Sha256::Sha256() : state_{} {
  SHA256_CTX context;
  SHA256_Init(&context);
  std::memcpy(state_.data(), &context, sizeof context);
}

Sha256& Sha256::update(BytesView bytes) {
  auto context = load(state_);
  SHA256_Update(&context, bytes.data(), bytes.size());
  std::memcpy(state_.data(), &context, sizeof context);
  return *this;
}

Digest Sha256::finish() const {
  auto context = load(state_);
  Digest out;
  SHA256_Final(out.data(), &context);
  return out;
}

Digest sha256(BytesView bytes) {
  return Sha256().update(bytes).finish();
}

std::array<std::uint8_t, 48> sha384(BytesView bytes) {
  std::array<std::uint8_t, 48> out;
  SHA384(bytes.data(), bytes.size(), out.data());
  return out;
}

Digest sm3(BytesView bytes) {
  Digest out;
  check(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, sm3_method(), nullptr) == 1,
        "OpenSSL's SM3 failed");
  return out;
}

void Sm3::Release::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sm3::Sm3() : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), sm3_method(), nullptr) == 1,
        "OpenSSL's SM3 failed");
}

Sm3::Sm3(const Sm3& other) : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr && EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) == 1,
        "OpenSSL's SM3 failed");
}

Sm3& Sm3::operator=(const Sm3& other) {
  if (this != &other) *this = Sm3(other);
  return *this;
}

Sm3& Sm3::update(BytesView bytes) {
  check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "OpenSSL's SM3 failed");
  return *this;
}

Digest Sm3::finish() const {
  const Sm3 copy(*this);
  Digest out;
  check(EVP_DigestFinal_ex(copy.context_.get(), out.data(), nullptr) == 1, "OpenSSL's SM3 failed");
  return out;
}

Digest sm2_z(BytesView point, std::string_view user_id) {
  check(point.size() == 64 && user_id.size() < 8192, "a point of the SM2 curve is x||y");
  static const auto curve = from_hex(kSm2Curve).value();
  const auto bits = user_id.size() * 8;
  const std::uint8_t size[] = {static_cast<std::uint8_t>(bits >> 8),
                               static_cast<std::uint8_t>(bits)};
  return Sm3().update(size).update(as_bytes(user_id)).update(curve).update(point).finish();
}

Digest hmac_sha256(BytesView key, BytesView bytes) {
  std::array<std::uint8_t, 64> block{};
  if (key.size() > block.size()) {
    const auto shortened = sha256(key);
    std::memcpy(block.data(), shortened.data(), shortened.size());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  auto inner = block;
  for (auto& byte : inner) byte ^= 0x36;
  for (auto& byte : block) byte ^= 0x5c;
  const auto first = Sha256().update(inner).update(bytes).finish();
  const auto out = Sha256().update(block).update(first).finish();
  OPENSSL_cleanse(inner.data(), inner.size());
  OPENSSL_cleanse(block.data(), block.size());
  return out;
}

bool constant_time_equal(BytesView a, BytesView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace base
