// The round seal as a seal object carries it: a small OFD file, vector paths only (GB/T 38540-2020
// 6.2.4 lets the picture be of type "ofd").
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "seal/pdf/font.h"

namespace seal::ofd {

/// A page of kSealDiameter_mm a side. Errors: as pdf::round_seal; internal `seal.drawing`.
base::Result<base::Bytes> seal_picture(const pdf::FontFace& face, std::string_view agency,
                                       std::string_view caption);

}  // namespace seal::ofd
