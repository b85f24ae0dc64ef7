#include "certs/ocsp.h"

#include <openssl/ocsp.h>

#include <algorithm>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/lint.h"
#include "certs/oids.h"
#include "certs/openssl.h"
#include "certs/path.h"
#include "certs/profiles.h"
#include "certs/tbs.h"

namespace certs {
namespace {

using base::Bytes;
using base::BytesView;
using base::Code;

constexpr const char* kBasic = "1.3.6.1.5.5.7.48.1.1";
constexpr const char* kNonce = "1.3.6.1.5.5.7.48.1.2";
constexpr const char* kInvalidityDate = "2.5.29.24";
constexpr const char* kExtendedRevoke = "1.3.6.1.5.5.7.48.1.9";
constexpr int kCertificateHold = 6;

const EVP_MD* digest_of(OcspHash hash) {
  return hash == OcspHash::sha1 ? EVP_sha1() : EVP_sha256();
}

Bytes name_hash(const Certificate& certificate, OcspHash hash) {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  X509_NAME_digest(X509_get_subject_name(raw(certificate)), digest_of(hash), out.data(), &size);
  out.resize(size);
  return out;
}

/// Of the key's bit string without its header. RFC 6960 §4.1.1, §4.2.1.
Bytes key_hash(const Certificate& certificate, OcspHash hash) {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  X509_pubkey_digest(raw(certificate), digest_of(hash), out.data(), &size);
  out.resize(size);
  return out;
}

Bytes enumerated(int number) {
  const std::uint8_t octet[] = {static_cast<std::uint8_t>(number)};
  return der::value(0x0A, BytesView(octet));
}

Bytes cert_id(const Certificate& issuer, const std::string& serial_hex, OcspHash hash) {
  const auto serial = base::from_hex(serial_hex);
  base::check(serial.has_value(), "a serial number that is not hex");
  const auto* oid = hash == OcspHash::sha1 ? "1.3.14.3.2.26" : "2.16.840.1.101.3.4.2.1";
  return der::sequence({der::sequence({der::oid(oid), der::null()}),
                        der::octets(name_hash(issuer, hash)), der::octets(key_hash(issuer, hash)),
                        der::integer(*serial)});
}

/// CertStatus. Who was never issued is revoked since 1970, on hold: RFC 6960 §2.2.
Bytes cert_status(const OcspStatus& status) {
  if (!status.issued)
    return der::value(0xA1, {der::generalized_time(base::Time{}, false),
                             der::value(0xA0, enumerated(kCertificateHold))});
  if (!status.revoked) return der::value(0x80, BytesView{});
  Bytes reason;
  if (status.revoked->reason != 0)  // RFC 5280 §5.3.1: unspecified is left out
    reason = der::value(0xA0, enumerated(status.revoked->reason));
  return der::value(0xA1, {der::generalized_time(status.revoked->at, false), reason});
}

/// `assemble`'s three parts and a fourth behind them.
Bytes with_certificate(const Bytes& assembled, const Certificate& certificate) {
  const std::size_t head = assembled[1] < 0x80 ? 2 : 2 + (assembled[1] & 0x7FU);
  return der::sequence(
      {BytesView(assembled).subspan(head), der::value(0xA0, der::sequence({certificate.der()}))});
}

/// OpenSSL takes the response as whoever trusts the issuer will.
bool openssl_takes(BytesView der, const Certificate& issuer) {
  const unsigned char* at = der.data();
  const Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
      d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (!response || at != der.data() + der.size()) return false;
  const Owned<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_response_get1_basic(response.get()));
  const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  if (!basic || !store) return false;
  X509_STORE_add_cert(store.get(), raw(issuer));
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  return OCSP_basic_verify(basic.get(), nullptr, store.get(), 0) == 1;
}

}  // namespace

Bytes ocsp_refusal(OcspRefusal refusal) {
  return der::sequence({enumerated(static_cast<int>(refusal))});
}

bool asks_about(const OcspRequest& request, const Certificate& issuer) {
  return request.name_hash == name_hash(issuer, request.hash) &&
         request.key_hash == key_hash(issuer, request.hash);
}

base::Result<OcspResponder> OcspResponder::create(std::shared_ptr<const hsm::Key> key,
                                                  Certificate certificate, Certificate issuer) {
  X509* x509 = raw(certificate);
  if (!std::ranges::equal(key->info().public_key, certificate.public_key()) ||
      !issued_by(certificate, issuer) || (X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) == 0 ||
      X509_get_extended_key_usage(x509) != XKU_OCSP_SIGN)
    return base::error(Code::invalid_argument, "certs.wrong_issuer",
                       "not this authority's responder: " + certificate.subject());
  return OcspResponder(std::move(key), std::move(certificate), std::move(issuer));
}

base::Result<OcspResponder::Answer> OcspResponder::answer(const std::string& serial_hex,
                                                          OcspHash hash, const OcspStatus& status,
                                                          base::Time now, std::chrono::seconds life,
                                                          BytesView nonce) const {
  Answer out;
  out.this_update = std::chrono::floor<std::chrono::seconds>(now);
  out.next_update = std::min<base::Time>(out.this_update + life, certificate_.not_after());
  if (now < certificate_.not_before() || out.next_update <= out.this_update)
    return base::error(Code::expired, "certs.responder_over", certificate_.subject());

  // Since when nothing of it counts, as in the revocation list. RFC 6960 §4.4.5.
  Bytes since;
  if (status.revoked && status.revoked->invalid_since)
    since = der::value(
        0xA1,
        der::sequence({extension(kInvalidityDate, false,
                                 der::generalized_time(*status.revoked->invalid_since, false))}));
  const auto single =
      der::sequence({cert_id(issuer_, serial_hex, hash), cert_status(status),
                     der::generalized_time(out.this_update, false),
                     der::value(0xA0, der::generalized_time(out.next_update, false)), since});
  Bytes extensions;
  if (!nonce.empty()) base::append(extensions, extension(kNonce, false, der::octets(nonce)));
  if (!status.issued) base::append(extensions, extension(kExtendedRevoke, false, der::null()));
  if (!extensions.empty()) extensions = der::value(0xA1, der::sequence({extensions}));
  const auto data = der::sequence(
      {der::value(0xA2, der::octets(key_hash(certificate_, OcspHash::sha1))),
       der::generalized_time(out.this_update, false), der::sequence({single}), extensions});

  BASE_TRY(const auto signature, key_->sign_message(data));
  const auto basic =
      with_certificate(assemble(data, key_->info().algorithm, signature), certificate_);
  out.der = der::sequence(
      {enumerated(0), der::value(0xA0, der::sequence({der::oid(kBasic), der::octets(basic)}))});
  if (!openssl_takes(out.der, issuer_))
    return base::error(Code::internal, "certs.wrong_signature", "answer: " + openssl_errors());
  ERR_clear_error();
  return out;
}

}  // namespace certs
