// Fresh revocation lists and a new trust list, made from what the register holds.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "certs/bodies.h"
#include "certs/register.h"

namespace certs {

/// A root and the authority that issues below it, with their own algorithm and their own lists.
struct AuthorityLine {
  std::shared_ptr<const hsm::Key> root_key;
  std::shared_ptr<const hsm::Key> issuing_key;  ///< as in PublishParts
  Certificate root, issuing;
  std::int64_t least_root_number = 1, least_issuing_number = 1;  ///< likewise
};

struct PublishParts {
  std::shared_ptr<const hsm::Key> root_key;
  std::shared_ptr<const hsm::Key>
      issuing_key;  ///< nothing when the token does not hold it any more
  Certificate root, issuing;
  std::string domain;               ///< where verification pages stand
  std::chrono::hours life{24 * 7};  ///< of the lists
  std::int64_t least_sequence = 1;  ///< one more than what relying parties may have seen already
  /// The wish about a certification body that this list makes true. Without one the bodies stand as
  /// in the list before: a wish that waits for approval does not hold up a renewal.
  std::optional<std::int64_t> wish = std::nullopt;
  /// As `least_sequence`, of the revocation lists' numbers.
  std::int64_t least_root_number = 1, least_issuing_number = 1;
  /// Others that the list names too, behind the first, which signs it.
  /// docs/decisions/0172-two-roots.md
  std::vector<AuthorityLine> beside = {};
};

/// Revocation lists of one line, DER, recorded.
struct LineLists {
  base::Bytes root, issuing;  ///< issuing: as it was, or empty, when the authority was stopped
};

/// All that goes out, before the list is signed: `trust_list_payload(list)` is what officers
/// approve.
struct Prepared {
  base::Bytes root_crl;     ///< DER, recorded
  base::Bytes issuing_crl;  ///< likewise; as it was, or empty, when the authority was stopped
  TrustList list;
  std::optional<std::int64_t> wish;
  std::vector<LineLists> beside;  ///< in the order of PublishParts::beside
};

struct Published {
  base::Bytes root_crl, issuing_crl;  ///< DER
  TrustList list;
  std::string jws;
  std::vector<LineLists> beside;
};

/// Fresh revocation lists, recorded, and the list that is to be signed: every end entity that an
/// issuing authority ever certified, those revoked with their end, those compromised with the
/// moment since when; and the bodies.
///
/// An issuing authority whose key may not be used, is gone, or has a successor, signs no more: its
/// last revocation list stays in the trust list as it was, and the root's own list goes out all the
/// same. When its key is compromised, every entry below it ends at that moment at the latest.
/// docs/decisions/0077-compromised-authority.md
/// Errors: those of Authority, CertificateRegister and Bodies.
base::Result<Prepared> prepare(CertificateRegister& issued, const PublishParts& parts,
                               const base::Clock& clock, base::Random& random);
/// Records what was signed, and that the wish has come true.
base::Result<Published> finish(CertificateRegister& issued, Prepared prepared, std::string jws);

/// Both, signed with the root's key in between, in the register's transaction: commit it, then
/// hand them out. Errors: those of Authority, CertificateRegister and Bodies.
base::Result<Published> publish(CertificateRegister& issued, const PublishParts& parts,
                                const base::Clock& clock, base::Random& random);

}  // namespace certs
