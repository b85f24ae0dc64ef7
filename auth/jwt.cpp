#include "auth/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/json.h"
#include "base/owned.h"

namespace auth {
namespace {

constexpr std::size_t kHeaderMost = 1024;
constexpr std::size_t kSignatureMost = 512;  // bytes: RSA of 4096 bits
constexpr int kRsaLeast = 2048, kRsaMost = 4096;

base::Error invalid(const char* why) {
  return base::error(base::Code::unauthenticated, "auth.token_invalid", why);
}

using base::Owned;
using Pkey = Owned<EVP_PKEY, EVP_PKEY_free>;
using PkeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

/// Only alg, typ and kid: whatever else a header may say, we never wrote it (RFC 8725
/// §3.1, 3.10, 3.11).
base::Result<void> read_header(std::string_view json, Jws& out) {
  const auto header = base::parse_json(json, {.bytes = kHeaderMost, .depth = 2});
  if (!header.ok() || !header->IsObject()) return invalid("header is not strict JSON");
  for (const auto& member : header->GetObject()) {
    if (!member.value.IsString()) return invalid("header member is not text");
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    const std::string_view value(member.value.GetString(), member.value.GetStringLength());
    if (name == "alg")
      out.algorithm = value;
    else if (name == "typ")
      out.type = value;
    else if (name == "kid")
      out.key_id = value;
    else
      return invalid("header member that we never write");
  }
  if (out.algorithm != "ES256" && out.algorithm != "RS256" && out.algorithm != "EdDSA")
    return invalid("algorithm is not ES256, RS256 or EdDSA");
  return {};
}

}  // namespace

base::Result<Jws> parse_jws(std::string_view compact) {
  if (compact.size() > kTokenMost) return invalid("too long");
  const auto first = compact.find('.');
  const auto last = compact.rfind('.');
  if (first == std::string_view::npos || first == last) return invalid("not three parts");
  const auto header_text = compact.substr(0, first);
  const auto payload_text = compact.substr(first + 1, last - first - 1);
  const auto signature_text = compact.substr(last + 1);
  if (header_text.empty() || payload_text.empty() || signature_text.empty())
    return invalid("a part has the wrong length");
  if (header_text.size() > kHeaderMost * 4 / 3) return invalid("header too long");
  const auto header = base::from_base64url(header_text);
  const auto payload = base::from_base64url(payload_text);  // a fourth part's '.' fails here
  auto signature = base::from_base64url(signature_text);
  if (!header || !payload || !signature || signature->size() > kSignatureMost)
    return invalid("not strict base64url");
  Jws out;
  BASE_TRY_VOID(read_header(base::as_text(*header), out));
  auto claims = base::parse_json(base::as_text(*payload), {.bytes = kTokenMost, .depth = 8});
  if (!claims.ok() || !claims->IsObject()) return invalid("payload is not strict JSON");
  out.claims = std::move(*claims);
  out.signed_text = compact.substr(0, last);
  out.signature = std::move(*signature);
  return out;
}

std::string_view token_algorithm(hsm::Algorithm algorithm) {
  switch (algorithm) {
    case hsm::Algorithm::ecdsa_p256:
      return "ES256";
    case hsm::Algorithm::rsa_3072:
    case hsm::Algorithm::rsa_4096:
      return "RS256";
    case hsm::Algorithm::ed25519:
      return "EdDSA";
    default:
      return {};
  }
}

std::string half_hash(std::string_view algorithm, std::string_view text) {
  if (algorithm != "EdDSA") {
    const auto digest = base::sha256(base::as_bytes(text));
    return base::to_base64url(base::BytesView(digest).first(16));
  }
  std::array<std::uint8_t, 64> digest{};
  unsigned size = 0;
  base::check(
      EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha512(), nullptr) == 1 &&
          size == digest.size(),
      "SHA-512 is always there");
  return base::to_base64url(base::BytesView(digest).first(32));
}

base::Result<std::string> sign_jws(const hsm::Key& key, std::string_view key_id,
                                   std::string_view type, std::string_view claims_json) {
  const auto algorithm = token_algorithm(key.info().algorithm);
  if (algorithm.empty())
    return base::error(base::Code::internal, "auth.bad_signature", "a key that signs no tokens");
  base::JsonWriter header;
  header.StartObject();
  header.member("alg", algorithm);
  header.member("typ", type);
  header.member("kid", key_id);
  header.EndObject();
  std::string out = base::to_base64url(base::as_bytes(header.text()));
  out += '.';
  out += base::to_base64url(base::as_bytes(claims_json));
  const auto bytes = base::as_bytes(out);
  BASE_TRY(const auto signature,
           algorithm == "EdDSA" ? key.sign_message(bytes) : key.sign(base::sha256(bytes)));
  if (signature.size() != (algorithm == "RS256" ? signature.size() : 64) || signature.empty())
    return base::error(base::Code::internal, "auth.bad_signature", "signature is not r and s");
  out += '.';
  out += base::to_base64url(signature);
  return out;
}

struct TokenKey::Context {
  Pkey key;
  PkeyContext prototype;  // ready to verify; copied for each use, never used itself
};

TokenKey::TokenKey() : context_(std::make_unique<Context>()) {}
TokenKey::TokenKey(TokenKey&&) noexcept = default;
TokenKey& TokenKey::operator=(TokenKey&&) noexcept = default;
TokenKey::~TokenKey() = default;

namespace {

base::Error refuse_key(const char* why) {
  return base::error(base::Code::invalid_argument, "auth.token_key", why);
}

std::string number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return {};
  base::Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, bytes.data());
  BN_free(number);
  return base::to_base64url(bytes);
}

}  // namespace

base::Result<void> TokenKey::read_ec() {
  const auto& key = context_->key;
  std::array<char, 32> group{};
  std::array<std::uint8_t, 65> point{};
  std::size_t size = 0;
  if (EVP_PKEY_get_utf8_string_param(key.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                     group.size(), &size) != 1 ||
      std::string_view(group.data()) != "prime256v1")
    return refuse_key("not a P-256 key");
  if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                      point.size(), &size) != 1 ||
      size != point.size() || point[0] != 4)
    return refuse_key("not an uncompressed point");
  const auto x = base::to_base64url(base::BytesView(point).subspan(1, 32));
  const auto y = base::to_base64url(base::BytesView(point).subspan(33, 32));
  // RFC 7638 §3.2: the required members in the order of their names.
  id_ = R"({"crv":"P-256","kty":"EC","x":")" + x + R"(","y":")" + y + R"("})";
  jwk_ = R"({"kty":"EC","crv":"P-256","x":")" + x + R"(","y":")" + y + "\"";
  algorithm_ = "ES256";
  return {};
}

base::Result<void> TokenKey::read_rsa() {
  const auto& key = context_->key;
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < kRsaLeast || bits > kRsaMost) return refuse_key("RSA keys have 2048 to 4096 bits");
  const auto n = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N);
  const auto e = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E);
  if (n.empty() || e.empty()) return refuse_key("no modulus");
  id_ = R"({"e":")" + e + R"(","kty":"RSA","n":")" + n + R"("})";
  jwk_ = R"({"kty":"RSA","n":")" + n + R"(","e":")" + e + "\"";
  algorithm_ = "RS256";
  return {};
}

base::Result<void> TokenKey::read_edwards() {
  std::array<std::uint8_t, 32> raw{};
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(context_->key.get(), raw.data(), &size) != 1 ||
      size != raw.size())
    return refuse_key("not an Ed25519 key");
  const auto x = base::to_base64url(raw);
  id_ = R"({"crv":"Ed25519","kty":"OKP","x":")" + x + R"("})";
  jwk_ = R"({"kty":"OKP","crv":"Ed25519","x":")" + x + "\"";
  algorithm_ = "EdDSA";
  return {};
}

base::Result<TokenKey> TokenKey::from_spki(base::BytesView der, std::string_view endorsement) {
  const auto* at = der.data();
  TokenKey out;
  auto& key = out.context_->key;
  key.reset(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size()) return refuse_key("not a SubjectPublicKeyInfo");
  if (EVP_PKEY_is_a(key.get(), "EC") == 1)
    BASE_TRY_VOID(out.read_ec());
  else if (EVP_PKEY_is_a(key.get(), "RSA") == 1)
    BASE_TRY_VOID(out.read_rsa());
  else if (EVP_PKEY_is_a(key.get(), "ED25519") == 1)
    BASE_TRY_VOID(out.read_edwards());
  else
    return refuse_key("not a P-256, RSA or Ed25519 key");
  out.id_ = base::to_base64url(base::sha256(base::as_bytes(out.id_)));
  out.jwk_ += R"(,"use":"sig","alg":")" + out.algorithm_ + R"(","kid":")" + out.id_ + '"';
  // A JWS is letters, digits, '-', '_' and '.'. Members that a client does not know it ignores (RFC
  // 7517 §4).
  if (!endorsement.empty()) out.jwk_ += R"(,"xinyin_endorsement":")" + std::string(endorsement) + '"';
  out.jwk_ += '}';
  if (out.algorithm_ == "EdDSA") return out;

  auto& prototype = out.context_->prototype;
  prototype.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!prototype || EVP_PKEY_verify_init(prototype.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(prototype.get(), EVP_sha256()) != 1 ||
      (out.algorithm_ == "RS256" &&
       EVP_PKEY_CTX_set_rsa_padding(prototype.get(), RSA_PKCS1_PADDING) != 1))
    return refuse_key("cannot verify with this key");
  return out;
}

bool TokenKey::verifies_edwards(std::string_view text, base::BytesView signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  const auto bytes = base::as_bytes(text);
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, context_->key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(),
                          bytes.size()) == 1;
}

bool TokenKey::verifies(std::string_view text, base::BytesView signature) const {
  if (algorithm_ == "EdDSA") return verifies_edwards(text, signature);
  const auto digest = base::sha256(base::as_bytes(text));
  std::array<std::uint8_t, 80> der{};  // 72 at most for P-256
  if (algorithm_ == "ES256") {
    if (signature.size() != 64) return false;
    const Signature parts(ECDSA_SIG_new());
    auto* r = BN_bin2bn(signature.data(), 32, nullptr);
    auto* s = BN_bin2bn(signature.data() + 32, 32, nullptr);
    if (!parts || ECDSA_SIG_set0(parts.get(), r, s) != 1) {
      BN_free(r);
      BN_free(s);
      return false;
    }
    auto* end = der.data();
    const auto size = i2d_ECDSA_SIG(parts.get(), &end);
    if (size <= 0) return false;
    signature = base::BytesView(der).first(static_cast<std::size_t>(size));
  }
  const PkeyContext context(EVP_PKEY_CTX_dup(context_->prototype.get()));
  // OpenSSL itself refuses r or s of 0 and from n on.
  return context && EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                    digest.data(), digest.size()) == 1;
}

base::Result<Jws> TokenKeys::verify(std::string_view compact, std::string_view type) const {
  BASE_TRY(auto jws, parse_jws(compact));
  if (jws.type != type) return invalid("another type of token");
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [&](const TokenKey& each) { return each.id() == jws.key_id; });
  if (key == keys_.end()) return invalid("key is not ours");
  if (key->algorithm() != jws.algorithm) return invalid("another algorithm than its key's");
  if (!key->verifies(jws.signed_text, jws.signature)) return invalid("signature does not fit");
  return jws;
}

std::string TokenKeys::jwks() const {
  std::string out = R"({"keys":[)";
  for (const auto& key : keys_) {
    if (out.back() != '[') out += ',';
    out += key.jwk();
  }
  return out + "]}";
}

}  // namespace auth
