// Judges seal objects and seal signatures: every step of GB/T 38540-2020 6.3 and 7.3, of GM/T
// 0031-2025 and, for what is old, GM/T 0031-2014 6.2.3, each with its clause and its own reason.
//
// Two laws of our own on top: the maker's key is never the sealer's, and a sealing moment that
// nobody but the sealer vouches for (decision 0022) holds only while the certificate still does.
// docs/eseal.md
#pragma once

#include "certs/trust_list.h"
#include "verify/ses.h"
#include "verify/verdict.h"

namespace verify::ses {

/// What the container says of the original. The container's reader fills it in.
struct Original {
  base::BytesView digest;               ///< SM3 of the bytes that are protected
  std::string_view property_info;       ///< what the signature must name; empty: not asked
  std::string_view algorithm;           ///< dotted, where the container names one too; else empty
  std::optional<base::BytesView> seal;  ///< where the container carries it apart as well
};

/// Judges a SES_Signature as of `at`. `whole_document` is the container's question and stays false.
/// Never fails: what cannot be read is not intact, with the reader's reason.
SealReport judge_signature(base::BytesView signature, const Original& original,
                           const certs::TrustList& trust, base::Time at);

/// Judges a SESeal by itself as of `at`: may it be used then? `sealed_at` is when it was made.
SealReport judge_seal(base::BytesView seal, const certs::TrustList& trust, base::Time at);

}  // namespace verify::ses
