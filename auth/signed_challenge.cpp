#include "auth/signed_challenge.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/encoding.h"
#include "base/owned.h"

namespace auth {
namespace {

using base::Owned;
using Cms = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
using Bio = Owned<BIO, BIO_free_all>;
void free_certificates(STACK_OF(X509) * list) {
  sk_X509_pop_free(list, X509_free);
}
using Certificates = Owned<STACK_OF(X509), free_certificates>;
void free_list(STACK_OF(X509) * list) {
  sk_X509_free(list);
}
using Signers = Owned<STACK_OF(X509), free_list>;

constexpr int kCertificatesMost = 9;

base::Error bad(const char* why) {
  ERR_clear_error();
  return base::error(base::Code::invalid_argument, "auth.certificate.refused", why);
}

std::optional<base::Bytes> to_der(std::string_view sent) {
  if (sent.find("-----BEGIN") == std::string_view::npos)
    return base::to_bytes(base::as_bytes(sent));
  auto der = base::from_pem("CMS", sent);
  return der ? der : base::from_pem("PKCS7", sent);
}

/// `openssl cms -sign` without -binary signs CR LF.
std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

/// Digests and signatures that still count; MD5 and SHA-1 do not.
bool algorithms_count(CMS_SignerInfo* signer) {
  X509_ALGOR *digest = nullptr, *signature = nullptr;
  EVP_PKEY* key = nullptr;
  CMS_SignerInfo_get0_algs(signer, &key, nullptr, &digest, &signature);
  const auto name = [](const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    return OBJ_obj2nid(object);
  };
  const int hash = name(digest);
  if (hash != NID_sha256 && hash != NID_sha384 && hash != NID_sha512) return false;
  switch (name(signature)) {
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
    case NID_rsaEncryption:
    case NID_sha256WithRSAEncryption:
    case NID_sha384WithRSAEncryption:
    case NID_sha512WithRSAEncryption:
    case NID_rsassaPss:
      return true;
    default:
      return false;
  }
}

base::Result<certs::Certificate> to_certificate(X509* x509) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(x509, &der);
  if (size <= 0) return bad("certificate cannot be written");
  const base::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  auto out = certs::Certificate::from_der(bytes);
  if (!out.ok()) return bad("certificate is malformed");
  return out;
}

/// Whether it is a good signature over `text`, of the certificates in it.
bool signs(CMS_ContentInfo* cms, std::string_view text) {
  const Bio content(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const auto* inside = CMS_get0_content(cms);
  const bool detached = inside == nullptr || *inside == nullptr;
  if (!detached) {
    const base::BytesView octets(ASN1_STRING_get0_data(*inside),
                                 static_cast<std::size_t>(ASN1_STRING_length(*inside)));
    if (base::as_text(octets) != text) return false;
  }
  const bool good = CMS_verify(cms, nullptr, nullptr, detached ? content.get() : nullptr, nullptr,
                               CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

base::Result<SignedChallenge> read_signed_challenge(std::string_view sent, std::string_view text) {
  if (sent.size() > kSignedChallengeMost) return bad("longer than a signature is");
  const auto der = to_der(sent);
  if (!der || der->empty()) return bad("neither PEM nor DER");
  const auto* at = der->data();
  const Cms cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der->size())));
  if (!cms || at != der->data() + der->size()) return bad("not CMS, or bytes behind it");
  if (OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed ||
      OBJ_obj2nid(CMS_get0_eContentType(cms.get())) != NID_pkcs7_data)
    return bad("not signed data");
  auto* signers = CMS_get0_SignerInfos(cms.get());
  if (sk_CMS_SignerInfo_num(signers) != 1) return bad("not one signer");
  const Certificates all(CMS_get1_certs(cms.get()));
  if (!all || sk_X509_num(all.get()) < 1 || sk_X509_num(all.get()) > kCertificatesMost)
    return bad("no certificate came along, or more than nine");
  if (!algorithms_count(sk_CMS_SignerInfo_value(signers, 0)))
    return bad("algorithm does not count");
  if (!signs(cms.get(), text) && !signs(cms.get(), with_crlf(text)))
    return bad("not a signature over this challenge");
  const Signers who(CMS_get0_signers(cms.get()));
  if (!who || sk_X509_num(who.get()) != 1) return bad("signer's certificate did not come along");
  auto* leaf = sk_X509_value(who.get(), 0);
  BASE_TRY(auto signer, to_certificate(leaf));
  SignedChallenge out{std::move(signer), {}};
  for (int i = 0; i < sk_X509_num(all.get()); ++i) {
    auto* one = sk_X509_value(all.get(), i);
    if (X509_cmp(one, leaf) == 0) continue;
    BASE_TRY(auto other, to_certificate(one));
    out.others.push_back(std::move(other));
  }
  return out;
}

}  // namespace auth
