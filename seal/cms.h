// The CMS signature of a document: CAdES baseline B and T as PAdES wants it (ETSI EN 319 142-1 §5,
// ETSI EN 319 122-1 §5, RFC 5652). What is the same for every document is written once per
// certificate.
//
// Signed attributes: contentType, messageDigest, signing-certificate-v2 with issuer and serial; no
// signing-time (PAdES: the claimed time stands in the signature dictionary). DER throughout.
// SHA-256 with ECDSA P-256, RSA-3072 or RSA-4096: docs/decisions/0180-pades-levels.md
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"
#include "certs/certificate.h"
#include "hsm/key.h"

namespace seal {

/// Immutable, thread-safe.
class CmsFrame {
 public:
  /// `chain` goes into the file beside the signer's certificate; order does not matter.
  /// Errors: internal `seal.certificate`: the certificate is not of this key, or unreadable;
  /// invalid_argument `seal.algorithm`: a key that no PDF reader could check with SHA-256.
  static base::Result<CmsFrame> create(const hsm::KeyInfo& key, const certs::Certificate& signer,
                                       std::span<const certs::Certificate> chain);

  /// The digest that the key signs, for a document with this digest.
  base::Digest to_sign(const base::Digest& document) const;
  /// What CMS carries of what hsm::Key::sign gave; a time stamp is taken over its SHA-256.
  base::Bytes signature_value(base::BytesView signature) const;
  /// The ContentInfo. An empty token leaves the signature at baseline B.
  base::Bytes finish(const base::Digest& document, base::BytesView signature_value,
                     base::BytesView timestamp_token) const;
  /// The most that finish() can give with a token of at most `token_bytes`.
  std::size_t most_bytes(std::size_t token_bytes) const;

 private:
  CmsFrame() = default;
  base::Bytes attributes(const base::Digest& document) const;

  bool rsa_ = false;
  std::size_t most_signature_ = 0;                  // octets, as written
  base::Bytes content_type_, signing_certificate_;  // attributes
  base::Bytes certificates_;                        // [0] IMPLICIT
  base::Bytes issuer_and_serial_;
  base::Bytes digest_algorithm_, signature_algorithm_;
};

}  // namespace seal
