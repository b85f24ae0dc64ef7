#include "store/field_cipher.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "base/check.h"

// A sealed value: version (1) | salt (12) | nonce (12) | ciphertext | tag (16).
//
// The AES key of each value is HMAC(root, salt): with the nonce that makes 192 random bits, so that
// the 2^32 values after which random 96-bit nonces under one key grow doubtful (SP 800-38D §8.3)
// are no limit for a database of a nation's fields.
namespace store {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSaltBytes = 12, kNonceBytes = 12, kTagBytes = 16;
constexpr std::size_t kHeadBytes = 1 + kSaltBytes + kNonceBytes;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

/// Fetched once: a fetch per value costs more than the encryption of a short one.
const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  base::check(cipher != nullptr, "OpenSSL has no AES-256-GCM");
  return cipher;
}

base::Secret derive(const base::Secret& data_key, std::string_view purpose) {
  auto key = base::hmac_sha256(data_key.reveal(), base::as_bytes(purpose));
  base::Secret out{base::BytesView(key)};
  base::wipe(key);
  return out;
}

void put_text(base::Bytes& out, std::string_view text) {
  auto size = text.size();
  for (int i = 0; i < 8; ++i, size >>= 8) out.push_back(size & 0xff);
  base::append(out, base::as_bytes(text));
}

/// What a value is bound to: its version, its field, its row.
base::Bytes place(std::string_view field, std::string_view row) {
  base::Bytes out{kVersion};
  put_text(out, field);
  put_text(out, row);
  return out;
}

struct ValueKey {
  base::Digest bytes;
  ValueKey(const base::Secret& root, base::BytesView salt)
      : bytes(base::hmac_sha256(root.reveal(), salt)) {}
  ~ValueKey() { base::wipe(bytes); }
  ValueKey(const ValueKey&) = delete;
  ValueKey& operator=(const ValueKey&) = delete;
};

base::Error damaged(std::string_view field) {
  return base::error(base::Code::internal, "store.field_damaged",
                     "a sealed value of " + std::string(field) + " does not open in its place");
}

}  // namespace

struct FieldCipher::Keys {
  base::Secret seal, lookup;
};

FieldCipher::FieldCipher(const base::Secret& data_key, base::Random& random) : random_(random) {
  base::check(data_key.reveal().size() == 32, "the data key is not 32 bytes long");
  keys_ = std::make_shared<const Keys>(
      Keys{derive(data_key, "xinyin field seal 1"), derive(data_key, "xinyin field lookup 1")});
}

base::Bytes FieldCipher::seal(std::string_view field, std::string_view row,
                              base::BytesView plain) const {
  base::Bytes out(kHeadBytes + plain.size() + kTagBytes);
  out[0] = kVersion;
  random_.fill(std::span(out).subspan(1, kSaltBytes + kNonceBytes));
  const ValueKey key(keys_->seal, base::BytesView(out).subspan(1, kSaltBytes));
  const auto bound = place(field, row);
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  // EVP_EncryptUpdate takes a null input for "no data", so an empty value needs no call.
  const bool sealed =
      context != nullptr &&
      EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), key.bytes.data(),
                          out.data() + 1 + kSaltBytes, nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, bound.data(),
                        static_cast<int>(bound.size())) == 1 &&
      (plain.empty() || EVP_EncryptUpdate(context.get(), out.data() + kHeadBytes, &size,
                                          plain.data(), static_cast<int>(plain.size())) == 1) &&
      EVP_EncryptFinal_ex(context.get(), out.data() + out.size() - kTagBytes, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                          out.data() + out.size() - kTagBytes) == 1;
  base::check(sealed, "AES-256-GCM refused to encrypt");
  return out;
}

base::Result<base::Bytes> FieldCipher::open(std::string_view field, std::string_view row,
                                            base::BytesView sealed) const {
  if (sealed.size() < kHeadBytes + kTagBytes || sealed[0] != kVersion) return damaged(field);
  const ValueKey key(keys_->seal, sealed.subspan(1, kSaltBytes));
  const auto bound = place(field, row);
  const auto body = sealed.subspan(kHeadBytes, sealed.size() - kHeadBytes - kTagBytes);
  auto tag = base::to_bytes(sealed.last(kTagBytes));
  base::Bytes out(body.size());
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool opened =
      context != nullptr &&
      EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), key.bytes.data(),
                          sealed.data() + 1 + kSaltBytes, nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, bound.data(),
                        static_cast<int>(bound.size())) == 1 &&
      (body.empty() || EVP_DecryptUpdate(context.get(), out.data(), &size, body.data(),
                                         static_cast<int>(body.size())) == 1) &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), tag.data(), &size) == 1;
  if (opened) return out;
  base::wipe(out);  // what GCM decrypted before its tag failed is nobody's plain text
  return damaged(field);
}

base::Digest FieldCipher::lookup(std::string_view field, std::string_view plain) const {
  base::Bytes named;
  put_text(named, field);
  base::append(named, base::as_bytes(plain));
  const auto out = base::hmac_sha256(keys_->lookup.reveal(), named);
  base::wipe(named);
  return out;
}

}  // namespace store
