#include "seal/cms.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "certs/der.h"
#include "certs/signature.h"
#include "hsm/algorithm.h"

namespace seal {
namespace {

namespace der = certs::der;

constexpr const char* kData = "1.2.840.113549.1.7.1";
constexpr const char* kSignedData = "1.2.840.113549.1.7.2";
constexpr const char* kContentType = "1.2.840.113549.1.9.3";
constexpr const char* kMessageDigest = "1.2.840.113549.1.9.4";
constexpr const char* kSigningCertificateV2 = "1.2.840.113549.1.9.16.2.47";
constexpr const char* kSignatureTimeStamp = "1.2.840.113549.1.9.16.2.14";
constexpr const char* kSha256 = "2.16.840.1.101.3.4.2.1";
constexpr const char* kEcdsaWithSha256 = "1.2.840.10045.4.3.2";
constexpr const char* kSha256WithRsa = "1.2.840.113549.1.1.11";
constexpr std::size_t kMostP256Der = 72;  // SEQUENCE of two INTEGERs of at most 33 octets

struct Release {
  void operator()(X509* p) const { X509_free(p); }
};

template <class I2d>
base::Bytes encoded(I2d i2d) {
  unsigned char* out = nullptr;
  const int size = i2d(&out);
  if (size <= 0) return {};
  base::Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

base::Bytes attribute(const char* oid, base::BytesView value) {
  return der::sequence({der::oid(oid), der::set({value})});
}

// SET OF in DER stands in the order of its members' encodings (X.690 §11.6).
base::Bytes sorted(std::vector<base::Bytes> members) {
  std::sort(members.begin(), members.end());
  base::Bytes out;
  for (const auto& member : members) base::append(out, member);
  return out;
}

}  // namespace

base::Result<CmsFrame> CmsFrame::create(const hsm::KeyInfo& key, const certs::Certificate& signer,
                                        std::span<const certs::Certificate> chain) {
  const auto wrong = [](const char* why) {
    return base::error(base::Code::internal, "seal.certificate", why);
  };
  const auto& facts = hsm::facts_of(key.algorithm);
  const bool rsa = facts.scheme == hsm::Scheme::rsa;
  if (!rsa && key.algorithm != hsm::Algorithm::ecdsa_p256)
    return base::error(base::Code::invalid_argument, "seal.algorithm", std::string(facts.name));
  if (signer.public_key() != key.public_key)
    return wrong("the seal's certificate is not of the seal's key");
  const auto der_bytes = signer.der();
  const unsigned char* at = der_bytes.data();
  const std::unique_ptr<X509, Release> x509(
      d2i_X509(nullptr, &at, static_cast<long>(der_bytes.size())));
  ERR_clear_error();
  if (!x509) return wrong("the seal's certificate cannot be read");
  const auto issuer = encoded(
      [&](unsigned char** out) { return i2d_X509_NAME(X509_get_issuer_name(x509.get()), out); });
  const auto serial = encoded([&](unsigned char** out) {
    return i2d_ASN1_INTEGER(X509_get0_serialNumber(x509.get()), out);
  });
  if (issuer.empty() || serial.empty()) return wrong("the seal's certificate cannot be read");

  CmsFrame frame;
  frame.rsa_ = rsa;
  frame.most_signature_ = rsa ? facts.signature_size : kMostP256Der;
  frame.issuer_and_serial_ = der::sequence({issuer, serial});
  // ESSCertIDv2 whose hash algorithm is the default, SHA-256, and so left out (RFC 5035 §4).
  const auto general_names = der::sequence({der::value(0xA4, issuer)});
  const auto id =
      der::sequence({der::octets(signer.sha256()), der::sequence({general_names, serial})});
  frame.signing_certificate_ =
      attribute(kSigningCertificateV2, der::sequence({der::sequence({id})}));
  frame.content_type_ = attribute(kContentType, der::oid(kData));
  std::vector<base::Bytes> all{base::to_bytes(signer.der())};
  for (const auto& certificate : chain)
    if (certificate.sha256() != signer.sha256()) all.push_back(base::to_bytes(certificate.der()));
  frame.certificates_ = der::value(0xA0, sorted(std::move(all)));
  frame.digest_algorithm_ = der::sequence({der::oid(kSha256)});
  frame.signature_algorithm_ = rsa ? der::sequence({der::oid(kSha256WithRsa), der::null()})
                                   : der::sequence({der::oid(kEcdsaWithSha256)});
  return frame;
}

base::Bytes CmsFrame::attributes(const base::Digest& document) const {
  return sorted(
      {content_type_, attribute(kMessageDigest, der::octets(document)), signing_certificate_});
}

base::Digest CmsFrame::to_sign(const base::Digest& document) const {
  // Signed as SET OF, carried as [0] (RFC 5652 §5.4).
  return base::sha256(der::value(0x31, attributes(document)));
}

base::Bytes CmsFrame::signature_value(base::BytesView signature) const {
  return rsa_ ? base::to_bytes(signature) : certs::ecdsa_to_der(signature);
}

base::Bytes CmsFrame::finish(const base::Digest& document, base::BytesView signature_value,
                             base::BytesView timestamp_token) const {
  base::Bytes unsigned_attributes;
  if (!timestamp_token.empty())
    unsigned_attributes = der::value(0xA1, attribute(kSignatureTimeStamp, timestamp_token));
  const auto signer = der::sequence({der::integer(1), issuer_and_serial_, digest_algorithm_,
                                     der::value(0xA0, attributes(document)), signature_algorithm_,
                                     der::octets(signature_value), unsigned_attributes});
  const auto data =
      der::sequence({der::integer(1), der::set({digest_algorithm_}),
                     der::sequence({der::oid(kData)}), certificates_, der::set({signer})});
  return der::sequence({der::oid(kSignedData), der::value(0xA0, data)});
}

std::size_t CmsFrame::most_bytes(std::size_t token_bytes) const {
  return finish({}, base::Bytes(most_signature_, 0xff), base::Bytes(token_bytes)).size();
}

}  // namespace seal
