// What goes into a document's security store: the certificates of seal and time stamps up to their
// roots, and a revocation list in force of each authority among them. ETSI EN 319 142-1 §5.4.2.
#pragma once

#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "certs/trust_list.h"
#include "seal/pdf/document.h"

namespace seal {

struct GatheredEvidence {
  pdf::Evidence evidence;
  base::Time good_until;  ///< the first of the lists' next updates
};

/// For a seal made now, stamped by any time-stamp authority of the list that works now: who will
/// stamp is not known before. An authority without a list in force is left out; what it stamps is
/// then not judged genuine, here as anywhere. A list is in force from its thisUpdate to its
/// nextUpdate. Errors: unavailable `seal.revocation_stale`: not so for the seal's own authorities.
base::Result<GatheredEvidence> evidence_for_sealing(const certs::Certificate& seal,
                                                    std::span<const certs::Certificate> chain,
                                                    const certs::TrustList& trust, base::Time now);

/// Of the time-stamp authorities alone that work now; none without a list in force.
base::Result<GatheredEvidence> evidence_for_stamping(const certs::TrustList& trust, base::Time now);

/// For certificates that a file holds already. An authority that signs no more has its last list in
/// the trust list, which reaches to all that it ever certified; one without any is left out, for
/// the file may hold what is needed.
pdf::Evidence evidence_for_archive(std::span<const certs::Certificate> held,
                                   const certs::TrustList& trust, base::Time now);

}  // namespace seal
