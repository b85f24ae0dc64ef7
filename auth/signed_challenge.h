// A challenge that somebody signed with his certificate's key: CMS SignedData over exactly our
// text. RFC 5652 §5. Whether the certificate is to be believed is auth/certificates.h's matter.
#pragma once

#include <string_view>
#include <vector>

#include "certs/certificate.h"

namespace auth {

constexpr std::size_t kSignedChallengeMost = 64 * 1024;  ///< bytes, as it is sent

struct SignedChallenge {
  certs::Certificate signer;
  std::vector<certs::Certificate> others;  ///< that came along, at most eight; untrusted
};

/// `sent` is PEM ("CMS" or "PKCS7") or DER, with our text inside or beside it; the text may have
/// been signed with CR LF for its line ends (S/MIME tools do that). One signer, whose certificate
/// came along, SHA-256 or longer, ECDSA or RSA (also PSS).
/// Errors: invalid_argument `auth.certificate.refused`, what is wrong in `detail`.
base::Result<SignedChallenge> read_signed_challenge(std::string_view sent, std::string_view text);

}  // namespace auth
