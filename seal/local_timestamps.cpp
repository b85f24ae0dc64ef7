#include "seal/local_timestamps.h"

namespace seal {

base::Result<base::Bytes> LocalTimestamps::stamp(const base::Digest& digest) const {
  auto token = authority_.stamp(digest);
  if (token.ok()) return token;
  // Whoever asked for a seal needs to know that time stamping is away, and we why.
  auto failure = base::error(base::Code::unavailable, "seal.timestamp",
                             token.error().key + ": " + token.error().detail);
  failure.retry_after = token.error().retry_after;
  return failure;
}

}  // namespace seal
