#include "base/sm3.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "base/encoding.h"

namespace base {
namespace {

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

}  // namespace base
