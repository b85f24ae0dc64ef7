// The seals of an OFD package, judged: what each of them covers, and what none of them does. GB/T
// 33190-2016 18; GB/T 38540-2020 7.3; GM/T 0099-2020.
//
// A seal signs the exact bytes of its Signature.xml, and that lists files with their digests. The
// law on top of the standards: every file of the package is in that list, OFD.xml too, whether
// anything reaches it or not. Left out may only be the list of the seals and the files of the seals
// themselves, each of which is bound otherwise: Signature.xml by the value over it, the value by
// its own signature, Seal.esl by being the very seal that is in the value.
#pragma once

#include "certs/trust_list.h"
#include "verify/ofd/package.h"
#include "verify/verdict.h"

namespace verify::ofd {

/// In the order in which the package lists them.
std::vector<SealReport> judge_seals(const Package& package, const certs::TrustList& trust,
                                    base::Time at);

/// Says so when files that look like those of a seal are in the package although it lists none.
bool has_loose_seal(const Package& package);

}  // namespace verify::ofd
