// Straight paths from a leaf to a root of the trust list: found with bounds, checked one by one.
//
// OpenSSL does not try another issuer when the first one leads nowhere, and building without bounds
// can be made to run for ever by a pile of same-name certificates; so paths are built here, and
// OpenSSL is asked about one finished path at a time (security.md §0.5, §2.3). RFC 4158.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "certs/certificate.h"
#include "certs/trust_list.h"

namespace certs {

struct PathLimits {
  std::size_t depth = 8;  ///< certificates in a path, leaf and root included
  std::size_t signature_checks = 128;
  std::size_t paths = 32;
  std::size_t extra = 256;  ///< certificates that came along and are looked at
};

/// Offers each complete path (leaf first, a root of the list last, each signature checked) to
/// `visit` until it says true or a bound is reached. Certificates of the list are tried before
/// those that came along, so that a pile of foreign ones cannot crowd out a good path.
void each_path(const Certificate& leaf, std::span<const Certificate> extra, const TrustList& trust,
               const PathLimits& limits,
               const std::function<bool(const std::vector<Certificate>&)>& visit);

/// RFC 5280 §6 by OpenSSL, strictly, without times and revocation (both are judged as of a moment
/// by chain.cpp). `timestamp` sets the purpose of RFC 3161 signers.
bool straight_path_holds(const std::vector<Certificate>& path, bool timestamp);

/// `issuer`'s key made `subject`'s signature, and names, key identifiers and key usage fit.
bool issued_by(const Certificate& subject, const Certificate& issuer);

}  // namespace certs
