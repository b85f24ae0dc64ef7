// QR symbols (GB/T 18284-2000, ISO/IEC 18004) as one-bit rasters.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace seal::pdf {

struct QrSymbol {
  int modules = 0;   ///< a side, without the quiet zone
  base::Bytes rows;  ///< each row padded to whole bytes, most significant bit first, 1 is dark
};

/// Byte mode, error correction M (15 %). Errors: invalid_argument `seal.qr` (too long or empty).
base::Result<QrSymbol> qr_symbol(std::string_view content);

}  // namespace seal::pdf
