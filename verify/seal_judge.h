// Judges one signature of a PDF: its container, its key, its time. ETSI EN 319 102-1 in spirit: the
// answers say which of the questions failed.
#pragma once

#include "certs/trust_list.h"
#include "verify/pdf_seals.h"
#include "verify/verdict.h"

namespace verify {

/// As of `at`. Whether something was added behind the signature is the caller's question.
SealReport judge_seal(base::BytesView file, const pdf::Signature& signature,
                      const certs::TrustList& trust, base::Time at);

}  // namespace verify
