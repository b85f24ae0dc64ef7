#include "hsm/mechanisms.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>

#include "hsm/algorithm.h"
#include "hsm/public_key.h"

namespace hsm::p11 {
namespace {

constexpr std::size_t kMostSm2Der = 72;

unsigned char* pointer(base::BytesView bytes) {
  return const_cast<unsigned char*>(bytes.data());  // the C interface lacks const
}

CK_GCM_PARAMS gcm_of(base::BytesView iv, base::BytesView bound) {
  return {pointer(iv), iv.size(), iv.size() * 8, pointer(bound), bound.size(), kGcmTagSize * 8};
}

}  // namespace

std::optional<Mechanism> mechanism_of(const Login& login, Algorithm algorithm) {
  switch (facts_of(algorithm).scheme) {
    case Scheme::ecdsa:
      return Mechanism{CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, CKK_EC};
    case Scheme::rsa:
      return Mechanism{CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, CKK_RSA};
    case Scheme::eddsa:
      return Mechanism{CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA, CKK_EC_EDWARDS};
    case Scheme::sm2:
      // CKM_ECDSA on a key of the SM2 curve would make ECDSA: 64 bytes that no SM2 verifier takes.
      if (const auto& sm2 = login.sm2(); sm2.native)
        return Mechanism{sm2.generate_mechanism, sm2.sign_mechanism, sm2.key_type};
      return std::nullopt;
    case Scheme::none:
      return Mechanism{CKM_AES_KEY_GEN, 0, CKK_AES};
  }
  base::fail("unknown Scheme");
}

Rv sign_once(const Login& login, Handle session, Handle object, Algorithm algorithm,
             base::BytesView input, base::Bytes& signature) {
  signature.clear();
  const auto& facts = facts_of(algorithm);
  const auto how = mechanism_of(login, algorithm);
  base::check(how.has_value() && facts.scheme != Scheme::none, "sign_once of what does not sign");
  auto data = facts.scheme == Scheme::rsa ? digest_info(input) : base::to_bytes(input);
  data.reserve(1);  // modules refuse a null pointer, even to an empty message
  const bool der = facts.scheme == Scheme::sm2 && login.sm2().der;
  base::Bytes made(der ? kMostSm2Der : facts.signature_size);
  CK_MECHANISM mechanism{how->sign, nullptr, 0};
  auto& call = login.call();
  if (const auto rv = call.C_SignInit(session, &mechanism, object); rv != CKR_OK) return rv;
  CK_ULONG size = made.size();
  const auto rv = call.C_Sign(session, pointer(data), data.size(), made.data(), &size);
  if (rv != CKR_OK) return rv;
  made.resize(std::min<std::size_t>(size, made.size()));
  if (der) made = raw_signature(made, facts.signature_size);
  if (made.size() == facts.signature_size) signature = std::move(made);
  return CKR_OK;
}

Rv gcm_encrypt(const Login& login, Handle session, Handle object, base::BytesView iv,
               base::BytesView bound, base::BytesView clear, base::Bytes& sealed) {
  auto gcm = gcm_of(iv, bound);
  CK_MECHANISM mechanism{CKM_AES_GCM, &gcm, sizeof gcm};
  auto& call = login.call();
  if (const auto rv = call.C_EncryptInit(session, &mechanism, object); rv != CKR_OK) return rv;
  sealed.assign(clear.size() + kGcmTagSize, 0);
  CK_ULONG size = sealed.size();
  const auto rv = call.C_Encrypt(session, pointer(clear), clear.size(), sealed.data(), &size);
  return rv == CKR_OK && size != sealed.size() ? CKR_DEVICE_ERROR : rv;
}

Rv gcm_decrypt(const Login& login, Handle session, Handle object, base::BytesView iv,
               base::BytesView bound, base::BytesView sealed, std::span<std::uint8_t> clear,
               std::size_t& size) {
  auto gcm = gcm_of(iv, bound);
  CK_MECHANISM mechanism{CKM_AES_GCM, &gcm, sizeof gcm};
  auto& call = login.call();
  if (const auto rv = call.C_DecryptInit(session, &mechanism, object); rv != CKR_OK) return rv;
  CK_ULONG filled = clear.size();
  const auto rv = call.C_Decrypt(session, pointer(sealed), sealed.size(), clear.data(), &filled);
  size = std::min<std::size_t>(filled, clear.size());
  // A length that cannot be: half a secret must not pass for a whole one.
  return rv == CKR_OK && filled + kGcmTagSize != sealed.size() ? CKR_BUFFER_TOO_SMALL : rv;
}

}  // namespace hsm::p11
