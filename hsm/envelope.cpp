#include "hsm/envelope.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>

#include "base/owned.h"
#include "hsm/public_key.h"

namespace hsm {
namespace {

using base::Owned;
using KeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

constexpr std::size_t kSharedBytes = 32;
constexpr GcmIv kOnlyOnce{};  // an envelope's key encrypts one thing

base::Error bad_key(std::string_view why) {
  return base::error(base::Code::invalid_argument, "hsm.public_key", std::string(why));
}

KeyPtr parse_p256(base::BytesView spki) {
  if (auto sound = SignatureCheck::make(Algorithm::ecdsa_p256, spki); !sound.ok()) return nullptr;
  const auto* at = spki.data();
  return KeyPtr(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

/// A key pair whose scalar is our own chance: 1 … n−1, by trying again (FIPS 186-5 A.2.2).
KeyPtr fresh_pair(base::Random& random) {
  const Owned<EC_GROUP, EC_GROUP_free> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Owned<BIGNUM, BN_clear_free> scalar(BN_secure_new());
  const Owned<EC_POINT, EC_POINT_free> point(group ? EC_POINT_new(group.get()) : nullptr);
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!scalar || !point || !builder) return nullptr;
  do {
    auto bytes = random.bytes(kSharedBytes);
    const bool read =
        BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), scalar.get()) != nullptr;
    base::wipe(bytes);
    if (!read) return nullptr;
  } while (BN_is_zero(scalar.get()) || BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0);
  BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
  std::array<unsigned char, 65> encoded{};
  if (EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(),
                         encoded.size(), nullptr) != encoded.size() ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get()) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded.data(),
                                       encoded.size()) != 1)
    return nullptr;
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()) != 1)
    return nullptr;
  return KeyPtr(made);
}

base::Secret derive(EVP_PKEY* own, EVP_PKEY* peer) {
  const KeyContext context(EVP_PKEY_CTX_new(own, nullptr));
  std::array<std::uint8_t, kSharedBytes> shared{};
  std::size_t size = shared.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer) != 1 ||
      EVP_PKEY_derive(context.get(), shared.data(), &size) != 1 || size != shared.size())
    return {};
  base::Secret secret{base::BytesView(shared)};
  base::wipe(shared);
  return secret;
}

base::Secret envelope_key(const base::Secret& shared, base::BytesView ephemeral,
                          base::BytesView recipient, base::BytesView context) {
  return hkdf_sha256(shared.reveal(), {},
                     framed({base::as_bytes("xinyin envelope 1"), context, ephemeral, recipient}),
                     kGcmKeyBytes);
}

}  // namespace

base::Bytes framed(std::initializer_list<base::BytesView> parts) {
  base::Bytes out;
  for (const auto part : parts) {
    for (int shift = 24; shift >= 0; shift -= 8)
      out.push_back(static_cast<std::uint8_t>(part.size() >> shift));
    base::append(out, part);
  }
  return out;
}

base::Secret hkdf_sha256(base::BytesView secret, base::BytesView salt, base::BytesView info,
                         std::size_t size) {
  const KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  base::Bytes out(size);
  const bool done =
      context && EVP_PKEY_derive_init(context.get()) == 1 &&
      EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
      (salt.empty() || EVP_PKEY_CTX_set1_hkdf_salt(context.get(), salt.data(),
                                                   static_cast<int>(salt.size())) == 1) &&
      EVP_PKEY_CTX_set1_hkdf_key(context.get(), secret.data(), static_cast<int>(secret.size())) ==
          1 &&
      EVP_PKEY_CTX_add1_hkdf_info(context.get(), info.data(), static_cast<int>(info.size())) == 1 &&
      EVP_PKEY_derive(context.get(), out.data(), &size) == 1;
  base::check(done && size == out.size(), "HKDF-SHA-256 is not to be had");
  base::Secret key{base::BytesView(out)};
  base::wipe(out);
  return key;
}

base::Bytes gcm_encrypt(const base::Secret& key, const GcmIv& iv, base::BytesView bound,
                        base::BytesView clear) {
  base::check(key.reveal().size() == kGcmKeyBytes, "AES-256 needs 32 bytes of key");
  const CipherContext context(EVP_CIPHER_CTX_new());
  base::Bytes out(clear.size() + kGcmTagBytes);
  int size = 0, rest = 0;
  const bool done = context &&
                    EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                                       key.reveal().data(), iv.data()) == 1 &&
                    EVP_EncryptUpdate(context.get(), nullptr, &size, bound.data(),
                                      static_cast<int>(bound.size())) == 1 &&
                    EVP_EncryptUpdate(context.get(), out.data(), &size, clear.data(),
                                      static_cast<int>(clear.size())) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), out.data() + size, &rest) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kGcmTagBytes,
                                        out.data() + clear.size()) == 1;
  base::check(done && static_cast<std::size_t>(size + rest) == clear.size(),
              "AES-256-GCM is not to be had");
  return out;
}

std::optional<base::Secret> gcm_decrypt(const base::Secret& key, const GcmIv& iv,
                                        base::BytesView bound, base::BytesView encrypted) {
  base::check(key.reveal().size() == kGcmKeyBytes, "AES-256 needs 32 bytes of key");
  if (encrypted.size() < kGcmTagBytes) return std::nullopt;
  const auto body = encrypted.first(encrypted.size() - kGcmTagBytes);
  auto tag = base::to_bytes(encrypted.subspan(body.size()));
  const CipherContext context(EVP_CIPHER_CTX_new());
  base::Bytes out(body.size() + 1);  // never a null pointer
  int size = 0, rest = 0;
  const bool good =
      context &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.reveal().data(),
                         iv.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, bound.data(),
                        static_cast<int>(bound.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), out.data(), &size, body.data(),
                        static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kGcmTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out.data() + size, &rest) == 1;
  std::optional<base::Secret> clear;
  if (good) clear.emplace(base::BytesView(out).first(body.size()));
  base::wipe(out);
  return clear;
}

base::Result<Ephemeral> agree_once(base::BytesView peer, base::Random& random) {
  const auto other = parse_p256(peer);
  if (!other) return bad_key("not a P-256 key");
  const auto own = fresh_pair(random);
  base::check(own != nullptr, "OpenSSL makes no P-256 key");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(own.get(), &der);
  base::check(size > 0, "OpenSSL encodes no P-256 key");
  Ephemeral made{base::Bytes(der, der + size), derive(own.get(), other.get())};
  OPENSSL_free(der);
  if (made.shared.empty()) return bad_key("no agreement with this key");
  return made;
}

base::Result<Envelope> enclose(base::BytesView recipient, base::BytesView context,
                               base::BytesView secret, base::Random& random) {
  BASE_TRY(auto ours, agree_once(recipient, random));
  const auto key = envelope_key(ours.shared, ours.public_key, recipient, context);
  return Envelope{std::move(ours.public_key), gcm_encrypt(key, kOnlyOnce, {}, secret)};
}

std::optional<base::Secret> open_envelope(const Envelope& envelope, const base::Secret& shared,
                                          base::BytesView recipient, base::BytesView context) {
  const auto key = envelope_key(shared, envelope.ephemeral, recipient, context);
  return gcm_decrypt(key, kOnlyOnce, {}, envelope.encrypted);
}

}  // namespace hsm
