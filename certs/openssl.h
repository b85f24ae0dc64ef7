// OpenSSL inside this room: owners for its objects, and what a Certificate is made of.
// Included by certs/*.cpp only.
#pragma once

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>

#include "base/owned.h"
#include "certs/certificate.h"

namespace certs {

using base::Owned;

using OwnedX509 = Owned<X509, X509_free>;
using OwnedCrl = Owned<X509_CRL, X509_CRL_free>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;

inline void free_bytes(unsigned char* bytes) {
  OPENSSL_free(bytes);
}

/// i2d_X into Bytes: encode([&](unsigned char** out) { return i2d_X509(x, out); })
template <class I2d>
base::Bytes encode(I2d i2d) {
  unsigned char* out = nullptr;
  const int size = i2d(&out);
  if (size <= 0) return {};
  base::Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

struct Certificate::Impl {
  OwnedX509 x509;
  base::Bytes der;
  base::Bytes public_key;
  base::Digest sha256{};
  base::Digest public_key_sha256{};
  base::Time not_before;
  base::Time not_after;
};

inline X509* raw(const Certificate& certificate) {
  return certificate.impl().x509.get();
}

/// UTCTime or GeneralizedTime without a fraction.
std::optional<base::Time> to_time(const ASN1_TIME* time);
std::string name_text(const X509_NAME* name);
/// What OpenSSL has to say, for Error.detail; empties its queue.
std::string openssl_errors();

}  // namespace certs
