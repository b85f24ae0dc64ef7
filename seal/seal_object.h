// A seal of the register as the seal maker signs it: GB/T 38540-2020 6.1, GM/T 0031-2025.
#pragma once

#include <vector>

#include "seal/seal_spec.h"
#include "seal/ses.h"

namespace seal {

/// The number that stands for a type in a seal object. GM/T 0031-2014 names 1 (unit) and 2
/// (person); the codes in use beyond them are those that seal makers share: 2 finance, 4 contract,
/// 5 personal name, 99 other.
std::int64_t type_code(SealType type);

/// `created` is now; `sealers` are the certificates of who may use it. The picture is a small OFD
/// file, drawn with `face`. Errors: invalid_argument as pdf::draw_seal; `seal.spec.format` (it is
/// no seal for OFD).
base::Result<SealDraft> object_draft(const SealSpec& spec, const pdf::FontFace& face,
                                     std::vector<certs::Certificate> sealers, base::Time created);

}  // namespace seal
