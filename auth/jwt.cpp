#include "auth/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/owned.h"

namespace auth {
namespace {

constexpr std::size_t kHeaderMost = 1024;
constexpr std::size_t kSignatureText = 86;  // 64 bytes in base64url

base::Error invalid(const char* why) {
  return base::error(base::Code::unauthenticated, "auth.token_invalid", why);
}

using base::Owned;
using Pkey = Owned<EVP_PKEY, EVP_PKEY_free>;
using PkeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

/// Only alg, typ and kid: whatever else a header may say, we never wrote it (RFC 8725
/// §3.1, 3.10, 3.11).
base::Result<void> read_header(std::string_view json, Jws& out) {
  const auto header = base::parse_json(json, {.bytes = kHeaderMost, .depth = 2});
  if (!header.ok() || !header->IsObject()) return invalid("header is not strict JSON");
  std::string_view algorithm;
  for (const auto& member : header->GetObject()) {
    if (!member.value.IsString()) return invalid("header member is not text");
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    const std::string_view value(member.value.GetString(), member.value.GetStringLength());
    if (name == "alg")
      algorithm = value;
    else if (name == "typ")
      out.type = value;
    else if (name == "kid")
      out.key_id = value;
    else
      return invalid("header member that we never write");
  }
  if (algorithm != "ES256") return invalid("algorithm is not ES256");
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
  if (header_text.empty() || payload_text.empty() || signature_text.size() != kSignatureText)
    return invalid("a part has the wrong length");
  if (header_text.size() > kHeaderMost * 4 / 3) return invalid("header too long");
  const auto header = base::from_base64url(header_text);
  const auto payload = base::from_base64url(payload_text);  // a fourth part's '.' fails here
  const auto signature = base::from_base64url(signature_text);
  if (!header || !payload || !signature || signature->size() != 64)
    return invalid("not strict base64url");
  Jws out;
  BASE_TRY_VOID(read_header(base::as_text(*header), out));
  auto claims = base::parse_json(base::as_text(*payload), {.bytes = kTokenMost, .depth = 8});
  if (!claims.ok() || !claims->IsObject()) return invalid("payload is not strict JSON");
  out.claims = std::move(*claims);
  out.signed_digest = base::sha256(base::as_bytes(compact.substr(0, last)));
  std::copy(signature->begin(), signature->end(), out.signature.begin());
  return out;
}

base::Result<std::string> sign_jws(const hsm::Key& key, std::string_view key_id,
                                   std::string_view type, std::string_view claims_json) {
  base::JsonWriter header;
  header.StartObject();
  header.member("alg", "ES256");
  header.member("typ", type);
  header.member("kid", key_id);
  header.EndObject();
  std::string out = base::to_base64url(base::as_bytes(header.text()));
  out += '.';
  out += base::to_base64url(base::as_bytes(claims_json));
  BASE_TRY(const auto signature, key.sign(base::sha256(base::as_bytes(out))));
  if (signature.size() != 64)
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

base::Result<TokenKey> TokenKey::from_spki(base::BytesView der) {
  const auto refuse = [](const char* why) {
    return base::error(base::Code::invalid_argument, "auth.token_key", why);
  };
  const auto* at = der.data();
  TokenKey out;
  auto& key = out.context_->key;
  key.reset(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size()) return refuse("not a SubjectPublicKeyInfo");
  std::array<char, 32> group{};
  std::array<std::uint8_t, 65> point{};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(key.get(), "EC") != 1 ||
      EVP_PKEY_get_utf8_string_param(key.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                     group.size(), &size) != 1 ||
      std::string_view(group.data()) != "prime256v1")
    return refuse("not a P-256 key");
  if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                      point.size(), &size) != 1 ||
      size != point.size() || point[0] != 4)
    return refuse("not an uncompressed point");

  auto& prototype = out.context_->prototype;
  prototype.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!prototype || EVP_PKEY_verify_init(prototype.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(prototype.get(), EVP_sha256()) != 1)
    return refuse("cannot verify with this key");

  const auto x = base::to_base64url(base::BytesView(point).subspan(1, 32));
  const auto y = base::to_base64url(base::BytesView(point).subspan(33, 32));
  // RFC 7638 §3.2: the required members in the order of their names.
  const auto required = R"({"crv":"P-256","kty":"EC","x":")" + x + R"(","y":")" + y + R"("})";
  out.id_ = base::to_base64url(base::sha256(base::as_bytes(required)));
  out.jwk_ = R"({"kty":"EC","crv":"P-256","x":")" + x + R"(","y":")" + y +
             R"(","use":"sig","alg":"ES256","kid":")" + out.id_ + R"("})";
  return out;
}

bool TokenKey::verifies(const base::Digest& digest, base::BytesView signature) const {
  if (signature.size() != 64) return false;
  const Signature parts(ECDSA_SIG_new());
  auto* r = BN_bin2bn(signature.data(), 32, nullptr);
  auto* s = BN_bin2bn(signature.data() + 32, 32, nullptr);
  if (!parts || ECDSA_SIG_set0(parts.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return false;
  }
  std::array<std::uint8_t, 80> der{};  // 72 at most for P-256
  auto* end = der.data();
  const auto size = i2d_ECDSA_SIG(parts.get(), &end);
  if (size <= 0) return false;
  const PkeyContext context(EVP_PKEY_CTX_dup(context_->prototype.get()));
  // OpenSSL itself refuses r or s of 0 and from n on.
  return context && EVP_PKEY_verify(context.get(), der.data(), static_cast<std::size_t>(size),
                                    digest.data(), digest.size()) == 1;
}

base::Result<Jws> TokenKeys::verify(std::string_view compact, std::string_view type) const {
  BASE_TRY(auto jws, parse_jws(compact));
  if (jws.type != type) return invalid("another type of token");
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [&](const TokenKey& each) { return each.id() == jws.key_id; });
  if (key == keys_.end()) return invalid("key is not ours");
  if (!key->verifies(jws.signed_digest, jws.signature)) return invalid("signature does not fit");
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
