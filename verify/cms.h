// CMS SignedData with one signer, read strictly. RFC 5652, RFC 5035; ETSI EN 319 122-1, EN 319
// 142-1.
//
// Octets that the signature does not cover leave no choice to whoever sends them: DER only,
// versions as RFC 5652 says, one digest algorithm, no revocation lists, no unsigned attribute but
// the time stamp. Only SHA-256 with ECDSA P-256 or RSA.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "certs/certificate.h"

namespace verify {

/// Views into the container given to read(), which must outlive it.
struct SignedData {
  std::string content_type;  ///< dotted; of what was signed
  bool detached = false;
  std::vector<certs::Certificate> certificates;  ///< all that came along
  std::optional<certs::Certificate> signer;      ///< the one that the signer info names
  base::Digest message_digest{};
  base::Digest attributes_digest{};           ///< what the signature is over
  base::BytesView signature;                  ///< as written
  base::Bytes bare_signature;                 ///< as certs::verify_signature takes it
  std::optional<base::BytesView> time_stamp;  ///< the token

  /// Errors: invalid_argument `verify.seal.malformed`, `verify.seal.algorithm`,
  /// `verify.seal.attributes` (content type, digest or signing certificate missing, given twice or
  /// not fitting), `verify.seal.no_certificate`, `verify.seal.unknown_attribute` (unsigned).
  static base::Result<SignedData> read(base::BytesView container);
  bool signature_holds() const;
};

/// The certificates that came along in a time-stamp token; nothing when it is not strictly written.
std::optional<std::vector<certs::Certificate>> certificates_of_token(base::BytesView token);

}  // namespace verify
