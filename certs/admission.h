// What is looked at before a certification body may be admitted: its authorities' certificates, its
// revocation lists, and certificates that it issued, through our own judge. LD/T 01-2020 6.2.7
// 服务功能验收; security.md §2.4.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "certs/trust_body.h"

namespace certs {

struct AdmissionCheck {
  std::string object;  ///< "anchor 1", "crl 2", "sample 3", "use login"
  std::string rule;    ///< e.g. "basic-constraints"
  std::string clause;  ///< where it comes from
  bool passed = false;
  std::string found;  ///< what was seen, for people
};

struct AdmissionReport {
  base::Time at;
  std::vector<AdmissionCheck> checks;
  bool passed() const;  ///< something was checked, and all of it held
  /// {"at", "passed", "checks": […]}
  std::string json() const;
};

/// Checks all, whatever fails first. A body needs at least one sample for each of its uses, and for
/// each sample revocation lists that cover it.
AdmissionReport check_admission(const TrustBody& body, std::span<const Certificate> samples,
                                std::span<const base::Bytes> crls, base::Time now);

}  // namespace certs
