// Straight paths from a leaf to an anchor: found with bounds, checked one by one.
//
// OpenSSL does not try another issuer when the first one leads nowhere, and building without bounds
// can be made to run for ever by a pile of same-name certificates; so paths are built here, and
// OpenSSL is asked about one finished path at a time (security.md §0.5, §2.3). RFC 4158.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "certs/certificate.h"

namespace certs {

/// Where a path may end, and what is known beforehand. Borrows: what it names must outlive it.
struct Anchors {
  std::span<const Certificate> roots;  ///< self-signed or not: nothing above one is looked at
  std::span<const Certificate> known;  ///< authorities between, tried before what came along
};

struct PathLimits {
  std::size_t depth = 8;  ///< certificates in a path, leaf and root included
  std::size_t signature_checks = 128;
  std::size_t paths = 32;
  std::size_t extra = 256;  ///< certificates that came along and are looked at
};

/// What a search did: no more than its limits, whatever it was given.
struct PathWork {
  std::size_t signature_checks = 0;
  std::size_t paths = 0;
  std::size_t list_checks = 0;  ///< signatures of revocation lists and of their signers
};

/// RFC 5280 §6.1.1 (c), (e), (f), (g).
struct PolicyRules {
  std::vector<std::string> accepted;  ///< dotted; none: any policy
  bool required = false;              ///< initial-explicit-policy
  bool no_mapping = false;            ///< initial-policy-mapping-inhibit
  bool no_any = false;                ///< initial-any-policy-inhibit
};

/// Offers each complete path (leaf first, an anchor last, each signature checked) to `visit` until
/// it says true or a bound is reached. Known certificates are tried before those that came along,
/// so that a pile of foreign ones cannot crowd out a good path.
PathWork each_path(const Certificate& leaf, std::span<const Certificate> extra,
                   const Anchors& anchors, const PathLimits& limits,
                   const std::function<bool(const std::vector<Certificate>&)>& visit);

/// RFC 5280 §6 by OpenSSL, strictly, and the rules of form that it leaves out (certs/path_form.h);
/// without times and revocation (both are judged as of a moment). `timestamp` sets the purpose of
/// RFC 3161 signers.
bool straight_path_holds(const std::vector<Certificate>& path, bool timestamp,
                         const PolicyRules& policies = {});

/// `issuer`'s key made `subject`'s signature, and names, key identifiers and key usage fit.
bool issued_by(const Certificate& subject, const Certificate& issuer);

}  // namespace certs
