// A seal's picture as a seal object carries it: a small OFD file, vector paths only (GB/T
// 38540-2020 6.2.4 lets the picture be of type "ofd").
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "seal/pdf/seal_picture.h"

namespace seal::ofd {

/// A page of the seal's size. Errors: as pdf::draw_seal; internal `seal.drawing`.
base::Result<base::Bytes> seal_picture(const pdf::FontFace& face, const SealPictureSpec& seal);

}  // namespace seal::ofd
