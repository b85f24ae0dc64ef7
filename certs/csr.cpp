#include "certs/csr.h"

#include <openssl/x509.h>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/openssl.h"

namespace certs {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;

base::Error bad(std::string_view why) {
  ERR_clear_error();
  return base::error(base::Code::invalid_argument, "certs.bad_csr", std::string(why));
}

}  // namespace

base::Result<base::Bytes> read_csr(std::string_view pem) {
  if (pem.size() > kMostBytes) return bad("larger than 64 KiB");
  const auto der = base::from_pem("CERTIFICATE REQUEST", pem);
  if (!der || !der::is_strict(*der)) return bad("not a certificate request in PEM");
  const unsigned char* at = der->data();
  const Owned<X509_REQ, X509_REQ_free> request(
      d2i_X509_REQ(nullptr, &at, static_cast<long>(der->size())));
  if (!request || at != der->data() + der->size()) return bad("not a certificate request");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) return bad("an unknown kind of key");
  if (EVP_PKEY_is_a(key, "SM2") != 0) {
    // The user id that enters SM2 signatures. GB/T 35276-2017 §10.
    ASN1_OCTET_STRING* id = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(id, reinterpret_cast<const unsigned char*>("1234567812345678"), 16);
    X509_REQ_set0_distinguishing_id(request.get(), id);
  }
  if (X509_REQ_verify(request.get(), key) != 1)
    return bad("its signature is not by the key it names");
  unsigned char* spki = nullptr;
  const int size = i2d_PUBKEY(key, &spki);
  if (size <= 0) return bad("its key cannot be written");
  base::Bytes out(spki, spki + size);
  OPENSSL_free(spki);
  return out;
}

}  // namespace certs
