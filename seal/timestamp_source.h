// The interface to a time-stamp authority that sealing needs; ours or a foreign one implements it.
#pragma once

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"

namespace seal {

class TimestampSource {
 public:
  virtual ~TimestampSource() = default;
  /// An RFC 3161 TimeStampToken (DER) over the digest.
  /// Errors: unavailable `seal.timestamp`.
  virtual base::Result<base::Bytes> stamp(const base::Digest& digest) const = 0;
};

}  // namespace seal
