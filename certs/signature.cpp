#include "certs/signature.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "certs/der.h"
#include "certs/openssl.h"

namespace certs {
namespace {

using Context = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using MdContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;

enum class Kind { p256, p384, sm2, rsa, ed25519 };

/// A public key of a kind that we judge by, or nothing.
struct Judge {
  OwnedKey key;
  Kind kind;
};

std::optional<Judge> judge_of(base::BytesView public_key) {
  const unsigned char* at = public_key.data();
  OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  if (!key || at != public_key.data() + public_key.size()) return std::nullopt;
  if (EVP_PKEY_is_a(key.get(), "ED25519")) return Judge{std::move(key), Kind::ed25519};
  if (EVP_PKEY_is_a(key.get(), "RSA")) {
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits < 2048 || bits > 8192) return std::nullopt;
    return Judge{std::move(key), Kind::rsa};
  }
  char name[32] = {};
  if (EVP_PKEY_get_group_name(key.get(), name, sizeof name, nullptr) != 1) return std::nullopt;
  const std::string_view group = name;
  if (group == "prime256v1") return Judge{std::move(key), Kind::p256};
  if (group == "secp384r1") return Judge{std::move(key), Kind::p384};
  if (group == "SM2") return Judge{std::move(key), Kind::sm2};
  return std::nullopt;
}

bool ed25519_holds(EVP_PKEY* key, base::BytesView message, base::BytesView signature) {
  const MdContext context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

bool holds(const Judge& judge, base::BytesView input, base::BytesView signature) {
  if (judge.kind == Kind::ed25519) return ed25519_holds(judge.key.get(), input, signature);
  const bool rsa = judge.kind == Kind::rsa;
  const std::size_t size = judge.kind == Kind::p384 ? 48 : 32;
  if (input.size() != size || (!rsa && signature.size() != 2 * size)) return false;
  const Context context(EVP_PKEY_CTX_new(judge.key.get(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1) return false;
  if (rsa && (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
              EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1))
    return false;
  const base::Bytes given = rsa ? base::to_bytes(signature) : ecdsa_to_der(signature);
  return EVP_PKEY_verify(context.get(), given.data(), given.size(), input.data(), input.size()) ==
         1;
}

/// `signature` is DER.
bool sm2_holds(EVP_PKEY* key, base::BytesView message, base::BytesView signature) {
  const Context context(EVP_PKEY_CTX_new(key, nullptr));
  const MdContext digest(EVP_MD_CTX_new());
  if (!context || !digest ||
      EVP_PKEY_CTX_set1_id(context.get(), kSm2UserId.data(), kSm2UserId.size()) != 1)
    return false;
  EVP_MD_CTX_set_pkey_ctx(digest.get(), context.get());
  return EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sm3(), nullptr, key) == 1 &&
         EVP_DigestVerify(digest.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

/// Takes one DER value off the front; whole or only its content.
base::BytesView take(base::BytesView& in, int tag, bool whole) {
  const unsigned char* at = in.data();
  long size = 0;
  int found = 0, kind = 0;
  const int form = ASN1_get_object(&at, &size, &found, &kind, static_cast<long>(in.size()));
  if ((form & 0x80) != 0 || found != tag || kind != V_ASN1_UNIVERSAL) {
    in = {};
    return {};
  }
  const auto head = static_cast<std::size_t>(at - in.data());
  const auto all = in.first(head + static_cast<std::size_t>(size));
  in = in.subspan(all.size());
  return whole ? all : all.subspan(head);
}

}  // namespace

base::Bytes ecdsa_to_der(base::BytesView raw) {
  base::check(raw.size() == 64 || raw.size() == 96, "ecdsa_to_der of what is not r||s");
  const auto half = raw.size() / 2;
  return der::sequence({der::integer(raw.first(half)), der::integer(raw.last(half))});
}

bool verify_signature(base::BytesView public_key, const base::Digest& digest,
                      base::BytesView signature) {
  const auto judge = judge_of(public_key);
  const bool good = judge && (judge->kind == Kind::p256 || judge->kind == Kind::rsa) &&
                    holds(*judge, digest, signature);
  ERR_clear_error();
  return good;
}

bool verify_input(base::BytesView public_key, base::BytesView input, base::BytesView signature) {
  const auto judge = judge_of(public_key);
  const bool good = judge && holds(*judge, input, signature);
  ERR_clear_error();
  return good;
}

bool verify_message(base::BytesView public_key, base::BytesView message,
                    base::BytesView signature) {
  const auto judge = judge_of(public_key);
  bool good = false;
  if (judge && judge->kind == Kind::sm2)
    good = signature.size() == 64 && sm2_holds(judge->key.get(), message, ecdsa_to_der(signature));
  else if (judge && judge->kind == Kind::p384)
    good = holds(*judge, base::sha384(message), signature);
  else if (judge && judge->kind == Kind::ed25519)
    good = holds(*judge, message, signature);
  else if (judge)
    good = holds(*judge, base::sha256(message), signature);
  ERR_clear_error();
  return good;
}

std::optional<base::Bytes> ecdsa_from_der(base::BytesView signature, std::size_t half) {
  if (!der::is_strict(signature)) return std::nullopt;
  const auto pair = der::Walk(signature).take(0x30);
  if (!pair) return std::nullopt;
  der::Walk numbers(*pair);
  base::Bytes out;
  for (int i = 0; i < 2; ++i) {
    auto number = numbers.take(0x02);
    if (!number || ((*number)[0] & 0x80) != 0) return std::nullopt;
    if ((*number)[0] == 0) number = number->subspan(1);
    if (number->size() > half) return std::nullopt;
    out.insert(out.end(), half - number->size(), 0);
    base::append(out, *number);
  }
  if (!numbers.empty()) return std::nullopt;
  return out;
}

bool sm2_signed(base::BytesView public_key, base::BytesView signed_der) {
  const auto judge = judge_of(public_key);
  auto content = take(signed_der, V_ASN1_SEQUENCE, /*whole=*/false);
  const auto tbs = take(content, V_ASN1_SEQUENCE, /*whole=*/true);
  const auto algorithm = take(content, V_ASN1_SEQUENCE, /*whole=*/false);
  const auto bits = take(content, V_ASN1_BIT_STRING, /*whole=*/false);
  const auto expected = der::oid("1.2.156.10197.1.501");
  const bool good = judge && judge->kind == Kind::sm2 && !tbs.empty() && content.empty() &&
                    algorithm.size() >= expected.size() &&
                    std::equal(expected.begin(), expected.end(), algorithm.begin()) &&
                    bits.size() > 1 && bits[0] == 0 &&
                    sm2_holds(judge->key.get(), tbs, bits.subspan(1));
  ERR_clear_error();
  return good;
}

}  // namespace certs
