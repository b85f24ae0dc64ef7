#include <openssl/ocsp.h>

#include <algorithm>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/ocsp.h"
#include "certs/openssl.h"

namespace certs {
namespace {

using base::Bytes;
using base::BytesView;

constexpr std::size_t kMostRequest = 2048;
constexpr std::size_t kMostNonce = 128, kMostEchoed = 32;
constexpr std::size_t kMostSerial = 20;  // RFC 5280 §4.1.2.2

base::Error malformed(std::string why) {
  ERR_clear_error();
  return base::error(base::Code::invalid_argument, "certs.ocsp_malformed", std::move(why));
}

BytesView view(const ASN1_STRING* data) {
  return {ASN1_STRING_get0_data(data), static_cast<std::size_t>(ASN1_STRING_length(data))};
}

/// The nonce to repeat, or nothing; false when the request must be refused. RFC 9654 §2.1.
bool read_nonce(OCSP_REQUEST* request, Bytes& out) {
  bool found = false;
  for (int i = 0; i < OCSP_REQUEST_get_ext_count(request); ++i) {
    X509_EXTENSION* one = OCSP_REQUEST_get_ext(request, i);
    if (OBJ_obj2nid(X509_EXTENSION_get_object(one)) != NID_id_pkix_OCSP_Nonce) {
      if (X509_EXTENSION_get_critical(one) != 0) return false;
      continue;
    }
    if (found) return false;
    found = true;
    // An OCTET STRING within the extension's own: short lengths only, 128 takes two octets.
    BytesView value = view(X509_EXTENSION_get_data(one));
    if (value.size() < 3 || value[0] != 0x04 || !der::is_strict(value)) return false;
    const std::size_t head = value[1] < 0x80 ? 2 : 3;
    value = value.subspan(head);
    if (value.empty() || value.size() > kMostNonce) return false;
    if (value.size() <= kMostEchoed) out = base::to_bytes(value);
  }
  return true;
}

}  // namespace

base::Result<OcspRequest> parse_ocsp_request(BytesView bytes) {
  if (bytes.size() > kMostRequest || !der::is_strict(bytes))
    return malformed("not DER of at most 2048 octets");
  const unsigned char* at = bytes.data();
  const Owned<OCSP_REQUEST, OCSP_REQUEST_free> request(
      d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(bytes.size())));
  if (!request || at != bytes.data() + bytes.size()) return malformed("not an OCSPRequest");
  if (OCSP_request_onereq_count(request.get()) != 1) return malformed("not exactly one question");
  OCSP_ONEREQ* one = OCSP_request_onereq_get0(request.get(), 0);
  for (int i = 0; i < OCSP_ONEREQ_get_ext_count(one); ++i)
    if (X509_EXTENSION_get_critical(OCSP_ONEREQ_get_ext(one, i)) != 0)
      return malformed("a critical extension that is not known");
  ASN1_OCTET_STRING* name_hash = nullptr;
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_OCTET_STRING* key_hash = nullptr;
  ASN1_INTEGER* serial = nullptr;
  OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, &serial, OCSP_onereq_get0_id(one));
  OcspRequest out;
  const int nid = OBJ_obj2nid(algorithm);
  if (nid != NID_sha1 && nid != NID_sha256) return malformed("another digest than SHA-1, SHA-256");
  out.hash = nid == NID_sha1 ? OcspHash::sha1 : OcspHash::sha256;
  out.name_hash = base::to_bytes(view(name_hash));
  out.key_hash = base::to_bytes(view(key_hash));
  const std::size_t size = nid == NID_sha1 ? 20 : 32;
  if (out.name_hash.size() != size || out.key_hash.size() != size)
    return malformed("a digest of another length");
  const auto number = view(serial);
  if ((ASN1_STRING_type(serial) & V_ASN1_NEG) != 0 || number.empty() || number.size() > kMostSerial)
    return malformed("serial number");
  out.serial_hex = base::to_hex(number);
  if (!read_nonce(request.get(), out.nonce)) return malformed("an extension");
  ERR_clear_error();
  return out;
}

}  // namespace certs
