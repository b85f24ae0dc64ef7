// Our own time-stamp authority as the source of sealing's time stamps.
#pragma once

#include "certs/timestamp.h"
#include "seal/timestamp_source.h"

namespace seal {

/// Thread-safe. The authority must outlive it.
class LocalTimestamps final : public TimestampSource {
 public:
  explicit LocalTimestamps(const certs::TimestampAuthority& authority) : authority_(authority) {}
  base::Result<base::Bytes> stamp(const base::Digest& digest) const override;

 private:
  const certs::TimestampAuthority& authority_;
};

}  // namespace seal
