#include "auth/jose.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <bit>

#include "auth/public_keys.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/owned.h"

namespace auth {
namespace {

constexpr std::size_t kHeaderMost = 4096;
constexpr std::size_t kPlatformKeysMost = 64;
constexpr int kRsaLeast = 2048, kRsaMost = 4096;  // bits

using base::Owned;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

base::Error bad_key(const char* why) {
  return base::error(base::Code::invalid_argument, "auth.jwk", why);
}
base::Error bad_jws(const char* why) {
  return base::error(base::Code::unauthenticated, "auth.jws", why);
}

/// A base64url member of exactly `size` bytes, or of any size for 0.
std::optional<base::Bytes> member_bytes(const rapidjson::Value& jwk, const char* name,
                                        std::size_t size = 0) {
  auto bytes = base::from_base64url(base::json_text(jwk, name));
  if (!bytes || bytes->empty() || (size != 0 && bytes->size() != size)) return std::nullopt;
  return bytes;
}

std::string thumbprint_of(const std::string& required_members) {
  return base::to_base64url(base::sha256(base::as_bytes(required_members)));
}

struct Read {
  Pkey key;
  const char* algorithm = "";
  std::string required;  // RFC 7638 §3.2: the required members in the order of their names
};

base::Result<Read> read_ec(const rapidjson::Value& jwk) {
  if (base::json_text(jwk, "crv") != "P-256") return bad_key("crv is not P-256");
  const auto x = member_bytes(jwk, "x", 32), y = member_bytes(jwk, "y", 32);
  if (!x || !y) return bad_key("x and y are not 32 bytes each");
  return Read{ec_key(*x, *y), "ES256",
              R"({"crv":"P-256","kty":"EC","x":")" + base::to_base64url(*x) + R"(","y":")" +
                  base::to_base64url(*y) + R"("})"};
}

base::Result<Read> read_rsa(const rapidjson::Value& jwk, const char* algorithm) {
  const auto n = member_bytes(jwk, "n"), e = member_bytes(jwk, "e");
  if (!n || !e || n->front() == 0 || e->front() == 0)
    return bad_key("n or e is not a plain number");
  const int bits = static_cast<int>(n->size() * 8) - std::countl_zero(n->front());
  // An exponent of 65537 or a little more, odd: RFC 8017 §3.1, FIPS 186-5 §5.1.
  if (bits < kRsaLeast || bits > kRsaMost) return bad_key("RSA keys have 2048 to 4096 bits");
  if (e->size() < 3 || e->size() > 8 || e->back() % 2 == 0) return bad_key("RSA exponent");
  return Read{rsa_key(*n, *e), algorithm,
              R"({"e":")" + base::to_base64url(*e) + R"(","kty":"RSA","n":")" +
                  base::to_base64url(*n) + R"("})"};
}

base::Result<Read> read_okp(const rapidjson::Value& jwk) {
  if (base::json_text(jwk, "crv") != "Ed25519") return bad_key("crv is not Ed25519");
  const auto x = member_bytes(jwk, "x", 32);
  if (!x) return bad_key("x is not 32 bytes");
  return Read{Pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x->data(), x->size())),
              "EdDSA", R"({"crv":"Ed25519","kty":"OKP","x":")" + base::to_base64url(*x) + R"("})"};
}

base::Bytes der_signature(base::BytesView raw) {
  const Signature parts(ECDSA_SIG_new());
  auto* r = BN_bin2bn(raw.data(), 32, nullptr);
  auto* s = BN_bin2bn(raw.data() + 32, 32, nullptr);
  if (!parts || ECDSA_SIG_set0(parts.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  base::Bytes der(80);  // 72 at most for P-256
  auto* end = der.data();
  const auto size = i2d_ECDSA_SIG(parts.get(), &end);
  der.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return der;
}

bool is_word_of(std::string_view word, std::string_view words) {
  for (;;) {
    const auto end = words.find(' ');
    if (!word.empty() && words.substr(0, end) == word) return true;
    if (end == std::string_view::npos) return false;
    words.remove_prefix(end + 1);
  }
}

base::Result<void> read_header(std::string_view json, HeaderKey header_key,
                               std::string_view algorithms, ForeignJws& out) {
  const auto header = base::parse_json(json, {.bytes = kHeaderMost, .depth = 3});
  if (!header.ok() || !header->IsObject()) return bad_jws("header is not strict JSON");
  for (const auto& member : header->GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (name == "jwk" && header_key == HeaderKey::needed) {
      auto key = ForeignKey::from_jwk(member.value);
      if (!key.ok()) return bad_jws("jwk cannot be used");
      out.key = std::move(*key);
      continue;
    }
    if (!member.value.IsString()) return bad_jws("header member is not text");
    const std::string_view value(member.value.GetString(), member.value.GetStringLength());
    if (name == "alg")
      out.algorithm = value;
    else if (name == "typ")
      out.type = value;
    else if (name == "kid")
      out.key_id = value;
    else
      return bad_jws("header member that has no place here");
  }
  if (!is_word_of(out.algorithm, algorithms)) return bad_jws("an algorithm that has no place here");
  if (header_key == HeaderKey::needed && !out.key) return bad_jws("jwk is missing");
  return {};
}

}  // namespace

struct ForeignKey::Held {
  Pkey key;
};

ForeignKey::ForeignKey() : held_(std::make_unique<Held>()) {}
ForeignKey::ForeignKey(ForeignKey&&) noexcept = default;
ForeignKey& ForeignKey::operator=(ForeignKey&&) noexcept = default;
ForeignKey::~ForeignKey() = default;

base::Result<ForeignKey> ForeignKey::from_jwk(const rapidjson::Value& jwk, std::string_view rsa) {
  if (!jwk.IsObject()) return bad_key("not an object");
  for (const auto* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    if (jwk.HasMember(secret)) return bad_key("a private or secret key");
  if (jwk.HasMember("use") && base::json_text(jwk, "use") != "sig")
    return bad_key("use is not sig");
  const auto kind = base::json_text(jwk, "kty");
  if (kind != "EC" && kind != "RSA" && kind != "OKP") return bad_key("kty is not EC, RSA or OKP");
  BASE_TRY(auto read, kind == "EC" ? read_ec(jwk) : kind == "RSA" ? read_rsa(jwk, rsa == "RS256" ? "RS256" : "PS256")
                                       : read_okp(jwk));
  if (!read.key) return bad_key("not a key of this kind");
  if (jwk.HasMember("alg") && base::json_text(jwk, "alg") != read.algorithm)
    return bad_key("alg does not fit the key");
  const auto id = base::json_text(jwk, "kid");
  if (id.size() > 256) return bad_key("kid is too long");
  ForeignKey out;
  out.held_->key = std::move(read.key);
  out.id_ = id;
  out.algorithm_ = read.algorithm;
  out.thumbprint_ = thumbprint_of(read.required);
  return out;
}

bool ForeignKey::verifies(std::string_view message, base::BytesView signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;  // belongs to the context
  const bool edwards = algorithm_ == "EdDSA";
  if (!context || EVP_DigestVerifyInit(context.get(), &settings, edwards ? nullptr : EVP_sha256(),
                                       nullptr, held_->key.get()) != 1)
    return false;
  base::Bytes der;
  if (algorithm_ == "ES256") {
    if (signature.size() != 64) return false;
    der = der_signature(signature);
    signature = der;
  }
  // RFC 7518 §3.5: MGF1 with the same digest, a salt as long as the digest.
  if (algorithm_ == "PS256" &&
      (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  const auto bytes = base::as_bytes(message);
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(),
                          bytes.size()) == 1;
}

bool ForeignKey::is_of(base::BytesView certificate) const {
  const auto* at = certificate.data();
  const Owned<X509, X509_free> x509(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  if (!x509 || at != certificate.data() + certificate.size()) return false;
  const auto* key = X509_get0_pubkey(x509.get());
  return key != nullptr && EVP_PKEY_eq(held_->key.get(), key) == 1;
}

base::Result<ForeignJws> parse_foreign_jws(std::string_view compact, HeaderKey header_key,
                                           std::string_view algorithms) {
  if (compact.size() > kForeignJwsMost) return bad_jws("too long");
  const auto first = compact.find('.');
  const auto last = compact.rfind('.');
  if (first == std::string_view::npos || first == last) return bad_jws("not three parts");
  const auto header = base::from_base64url(compact.substr(0, first));
  const auto payload =  // a fourth part's '.' fails here
      base::from_base64url(compact.substr(first + 1, last - first - 1));
  auto signature = base::from_base64url(compact.substr(last + 1));
  if (!header || !payload || !signature || header->empty() || payload->empty() ||
      signature->empty())
    return bad_jws("not strict base64url");
  ForeignJws out;
  BASE_TRY_VOID(read_header(base::as_text(*header), header_key, algorithms, out));
  auto claims = base::parse_json(base::as_text(*payload), {.bytes = kForeignJwsMost, .depth = 8});
  if (!claims.ok() || !claims->IsObject()) return bad_jws("payload is not strict JSON");
  out.claims = std::move(*claims);
  out.signed_text = compact.substr(0, last);
  out.signature = std::move(*signature);
  return out;
}

base::Result<ForeignKeys> ForeignKeys::parse(std::string_view jwks) {
  const auto json = base::parse_json(jwks, {.bytes = 64 * 1024, .depth = 4});
  if (!json.ok() || !json->IsObject() || !json->HasMember("keys") || !(*json)["keys"].IsArray())
    return bad_key("not a set of keys");
  const auto& list = (*json)["keys"];
  if (list.Empty() || list.Size() > kForeignKeysMost) return bad_key("1 to 16 keys");
  ForeignKeys out;
  for (const auto& each : list.GetArray()) {
    BASE_TRY(auto key, ForeignKey::from_jwk(each));
    for (const auto& other : out.keys_)
      if (other.thumbprint() == key.thumbprint() || (!key.id().empty() && other.id() == key.id()))
        return bad_key("two keys are the same, or have the same kid");
    out.keys_.push_back(std::move(key));
  }
  return out;
}

base::Result<ForeignKeys> ForeignKeys::of_platform(std::string_view jwks,
                                                   std::string_view algorithm) {
  const auto json = base::parse_json(jwks, {.bytes = 64 * 1024, .depth = 5});
  if (!json.ok() || !json->IsObject() || !json->HasMember("keys") || !(*json)["keys"].IsArray())
    return bad_key("not a set of keys");
  const auto& list = (*json)["keys"];
  if (list.Size() > kPlatformKeysMost) return bad_key("too many keys");
  ForeignKeys out;
  for (const auto& each : list.GetArray()) {
    auto key = ForeignKey::from_jwk(each, algorithm);
    if (key.ok() && key->algorithm() == algorithm) out.keys_.push_back(std::move(*key));
  }
  if (out.keys_.empty()) return bad_key("no key of the algorithm");
  return out;
}

bool ForeignKeys::verify(const ForeignJws& jws) const {
  const ForeignKey* found = nullptr;
  for (const auto& key : keys_) {
    if (key.algorithm() != jws.algorithm) continue;
    if (!jws.key_id.empty() && key.id() != jws.key_id) continue;
    if (found != nullptr) return false;  // which one is meant?
    found = &key;
  }
  return found != nullptr && found->verifies(jws.signed_text, jws.signature);
}

bool ForeignKeys::holds(base::BytesView certificate) const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const ForeignKey& key) { return key.is_of(certificate); });
}

}  // namespace auth
