#include "auth/tls.h"

#include "auth/provider_impl.h"
#include "base/digest.h"
#include "base/encoding.h"

namespace auth {

std::string certificate_thumbprint(base::BytesView der) {
  return der.empty() ? std::string() : base::to_base64url(base::sha256(der));
}

base::Result<void> Provider::Impl::check_certificate(const ShownToken& shown,
                                                     const AccessClaims& claims) const {
  if (claims.certificate.empty()) return {};
  const auto given = certificate_thumbprint(shown.request.certificate);
  if (given.empty()) return base::error(base::Code::unauthenticated, "auth.tls.needed");
  if (!base::constant_time_equal(base::as_bytes(given), base::as_bytes(claims.certificate)))
    return base::error(base::Code::unauthenticated, "auth.tls.other_certificate");
  return {};
}

}  // namespace auth
