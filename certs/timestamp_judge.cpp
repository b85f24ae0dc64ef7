// Judging RFC 3161 tokens: CMS by OpenSSL, the meaning of TSTInfo by us.
#include <openssl/cms.h>
#include <openssl/ess.h>
#include <openssl/ts.h>

#include <algorithm>

#include "certs/openssl.h"
#include "certs/timestamp.h"

namespace certs {
namespace {

using OwnedCms = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
using OwnedInfo = Owned<TS_TST_INFO, TS_TST_INFO_free>;

constexpr std::size_t kMostBytes = 256 << 10;

void free_stack(STACK_OF(X509) * stack) {
  sk_X509_pop_free(stack, X509_free);
}

bool is_object(const ASN1_OBJECT* object, int nid) {
  return OBJ_obj2nid(object) == nid;
}

/// "20261124030000.123456Z": UTC, a fraction without trailing zeros, or none. RFC 3161 §2.4.2.
std::optional<base::Time> generalized(const ASN1_GENERALIZEDTIME* time) {
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)),
                              static_cast<std::size_t>(ASN1_STRING_length(time)));
  if (text.size() < 15 || text.back() != 'Z') return std::nullopt;
  const std::string_view digits = text.substr(0, 14);
  std::string_view fraction = text.substr(14, text.size() - 15);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  std::string micros = "000000";
  if (!fraction.empty()) {
    if (fraction[0] != '.' || fraction.size() < 2 || fraction.size() > 16 || fraction.back() == '0')
      return std::nullopt;
    fraction.remove_prefix(1);
    if (!std::all_of(fraction.begin(), fraction.end(), is_digit)) return std::nullopt;
    for (std::size_t i = 0; i < std::min<std::size_t>(6, fraction.size()); ++i)
      micros[i] = fraction[i];
  }
  std::string rfc3339(digits.substr(0, 4));
  rfc3339.append("-").append(digits.substr(4, 2)).append("-").append(digits.substr(6, 2));
  rfc3339.append("T").append(digits.substr(8, 2)).append(":").append(digits.substr(10, 2));
  rfc3339.append(":").append(digits.substr(12, 2)).append(".").append(micros).append("Z");
  return base::parse_rfc3339(rfc3339);
}

/// The signing certificate is named in the signed attributes. RFC 5816 (v2), RFC 3161 (v1).
bool names_its_certificate(CMS_SignerInfo* signer, X509* certificate) {
  const auto attribute = [&](int nid) {
    return static_cast<ASN1_STRING*>(
        CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(nid), -3, V_ASN1_SEQUENCE));
  };
  Owned<ESS_SIGNING_CERT, ESS_SIGNING_CERT_free> v1;
  Owned<ESS_SIGNING_CERT_V2, ESS_SIGNING_CERT_V2_free> v2;
  if (const auto* data = attribute(NID_id_smime_aa_signingCertificate)) {
    const unsigned char* at = ASN1_STRING_get0_data(data);
    v1.reset(d2i_ESS_SIGNING_CERT(nullptr, &at, ASN1_STRING_length(data)));
    if (!v1) return false;
  }
  if (const auto* data = attribute(NID_id_smime_aa_signingCertificateV2)) {
    const unsigned char* at = ASN1_STRING_get0_data(data);
    v2.reset(d2i_ESS_SIGNING_CERT_V2(nullptr, &at, ASN1_STRING_length(data)));
    if (!v2) return false;
  }
  const Owned<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }> chain(
      sk_X509_new_null());
  return chain && sk_X509_push(chain.get(), certificate) > 0 &&
         OSSL_ESS_check_signing_certs(v1.get(), v2.get(), chain.get(), 1) == 1;
}

/// The signature algorithm says what was done: this digest, the kind of key that the certificate
/// has. OpenSSL goes by digest and key alone and lets the field say anything.
bool algorithms_fit(X509_ALGOR* digest, X509_ALGOR* signature, X509* certificate) {
  const ASN1_OBJECT* digest_id = nullptr;
  const ASN1_OBJECT* signature_id = nullptr;
  X509_ALGOR_get0(&digest_id, nullptr, nullptr, digest);
  X509_ALGOR_get0(&signature_id, nullptr, nullptr, signature);
  const int digest_nid = OBJ_obj2nid(digest_id);
  if (digest_nid != NID_sha256 && digest_nid != NID_sha384 && digest_nid != NID_sha512)
    return false;
  const int key = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate));
  const int signature_nid = OBJ_obj2nid(signature_id);
  if (signature_nid == NID_rsaEncryption || signature_nid == NID_rsassaPss)
    return key == EVP_PKEY_RSA;
  int its_digest = NID_undef;
  int its_key = NID_undef;
  return OBJ_find_sigid_algs(signature_nid, &its_digest, &its_key) == 1 &&
         its_digest == digest_nid && its_key == key;
}

/// The token's signed content, when the signature of exactly one signer holds.
std::optional<base::Bytes> signed_content(CMS_ContentInfo* cms, const TrustList& trust,
                                          std::optional<Certificate>& signer_out) {
  if (!is_object(CMS_get0_type(cms), NID_pkcs7_signed) ||
      !is_object(CMS_get0_eContentType(cms), NID_id_smime_ct_TSTInfo))
    return std::nullopt;
  STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
  if (sk_CMS_SignerInfo_num(signers) != 1) return std::nullopt;
  // A token asked for without certificates is judged with those of the list.
  const Owned<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }> known(
      sk_X509_new_null());
  for (const auto& entry : trust.entries)
    if (entry.purpose == "timestamp") sk_X509_push(known.get(), raw(entry.certificate));
  const Owned<BIO, BIO_free> content(BIO_new(BIO_s_mem()));
  if (CMS_verify(cms, known.get(), nullptr, nullptr, content.get(),
                 CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1)
    return std::nullopt;
  CMS_SignerInfo* signer = sk_CMS_SignerInfo_value(signers, 0);
  X509* certificate = nullptr;
  X509_ALGOR* digest = nullptr;
  X509_ALGOR* signature = nullptr;
  CMS_SignerInfo_get0_algs(signer, nullptr, &certificate, &digest, &signature);
  if (certificate == nullptr || CMS_signed_get_attr_count(signer) <= 0 ||
      !algorithms_fit(digest, signature, certificate) ||
      !names_its_certificate(signer, certificate))
    return std::nullopt;
  const auto der = encode([&](unsigned char** out) { return i2d_X509(certificate, out); });
  auto parsed = Certificate::from_der(der);
  if (!parsed) return std::nullopt;
  signer_out = std::move(*parsed);
  char* data = nullptr;
  const long size = BIO_get_mem_data(content.get(), &data);
  if (size <= 0) return std::nullopt;
  return base::to_bytes(base::as_bytes({data, static_cast<std::size_t>(size)}));
}

bool imprint_is(TS_TST_INFO* info, const base::Digest& digest) {
  TS_MSG_IMPRINT* imprint = TS_TST_INFO_get_msg_imprint(info);
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, TS_MSG_IMPRINT_get_algo(imprint));
  const ASN1_OCTET_STRING* message = TS_MSG_IMPRINT_get_msg(imprint);
  return is_object(algorithm, NID_sha256) &&
         base::constant_time_equal({ASN1_STRING_get0_data(message),
                                    static_cast<std::size_t>(ASN1_STRING_length(message))},
                                   digest);
}

}  // namespace

TimestampStatus judge_timestamp(base::BytesView token, const base::Digest& digest,
                                const TrustList& trust) {
  TimestampStatus out;
  out.chain.reason = "certs.timestamp_malformed";
  const auto give = [&]() -> TimestampStatus {
    ERR_clear_error();
    return std::move(out);
  };
  if (token.empty() || token.size() > kMostBytes) return give();
  const unsigned char* at = token.data();
  const OwnedCms cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(token.size())));
  if (!cms || at != token.data() + token.size()) return give();
  std::optional<Certificate> signer;
  const auto content = signed_content(cms.get(), trust, signer);
  if (!content) {
    out.chain.reason = "certs.timestamp_forged";
    return give();
  }
  const unsigned char* from = content->data();
  const OwnedInfo info(d2i_TS_TST_INFO(nullptr, &from, static_cast<long>(content->size())));
  if (!info || from != content->data() + content->size() ||
      TS_TST_INFO_get_version(info.get()) != 1)
    return give();
  const auto stamped = generalized(TS_TST_INFO_get_time(info.get()));
  if (!stamped) return give();
  if (!imprint_is(info.get(), digest)) {
    out.chain.reason = "certs.timestamp_of_other";
    return give();
  }
  std::vector<Certificate> extra;
  const Owned<STACK_OF(X509), free_stack> certificates(CMS_get1_certs(cms.get()));
  for (int i = 0; i < sk_X509_num(certificates.get()); ++i) {
    X509* x509 = sk_X509_value(certificates.get(), i);
    auto one =
        Certificate::from_der(encode([&](unsigned char** bytes) { return i2d_X509(x509, bytes); }));
    if (one) extra.push_back(std::move(*one));
  }
  out.intact = true;
  out.at = *stamped;
  out.chain = validate(*signer, extra, trust, ChainPurpose::timestamp, out.at);
  return give();
}

}  // namespace certs
