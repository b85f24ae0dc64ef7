// Fresh revocation lists and a new trust list, made from what the register holds.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "certs/register.h"

namespace certs {

struct PublishParts {
  std::shared_ptr<const hsm::Key> root_key, issuing_key;
  Certificate root, issuing;
  std::string domain;               ///< where verification pages stand
  std::chrono::hours life{24 * 7};  ///< of the lists
  std::int64_t least_sequence = 1;  ///< one more than what relying parties may have seen already
};

struct Published {
  base::Bytes root_crl, issuing_crl;  ///< DER
  TrustList list;
  std::string jws;
};

/// Makes and records them in the register's transaction: commit it, then hand them out.
/// Errors: those of Authority and CertificateRegister.
base::Result<Published> publish(CertificateRegister& issued, const PublishParts& parts,
                                const base::Clock& clock, base::Random& random);

}  // namespace certs
