// A revision appended to a sealed PDF that changes nothing of what it shows: evidence for the
// security store, and an invisible document time stamp. ISO 32000-1 §7.5.6; ETSI EN 319 142-1 §5.4.
#pragma once

#include "base/result.h"
#include "seal/pdf/document.h"

namespace seal {

/// Room for a document time stamp of at most `stamp_bytes`; 0: none, and the file is finished. Of
/// the evidence, what the file holds already is left out. Every octet of `file` stays where it is.
/// Errors: invalid_argument `seal.not_augmentable`: not a sealed PDF with a classic cross-reference
/// table, or nothing to add.
base::Result<pdf::Unsigned> append_revision(base::BytesView file, const pdf::Evidence& evidence,
                                            std::size_t stamp_bytes);

}  // namespace seal
