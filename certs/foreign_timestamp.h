// Asking another time-stamp authority, and judging what it answers before anybody uses it.
// RFC 3161 §2.4; docs/decisions/0064-foreign-time-stamps.md
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "certs/certificate.h"

namespace certs {

struct ForeignAuthorities {
  std::vector<Certificate> roots;     ///< what the signer's chain must lead to
  std::vector<std::string> policies;  ///< accepted, as dotted text; none: any
  std::size_t most_bytes = 4608;      ///< of a token: what a seal keeps room for
};

/// A TimeStampReq over a SHA-256 digest that wants the certificates along. With exactly one
/// accepted policy it is asked for.
base::Bytes timestamp_query(const base::Digest& digest, base::BytesView nonce,
                            const ForeignAuthorities& accepted);

/// The token of a TimeStampResp, when it was granted, is over `digest` with `nonce` under an
/// accepted policy, says a time within five minutes of `now`, and its signer leads to one of the
/// roots (strictly, for time stamping alone, at `now`). Errors: unavailable
/// `certs.foreign_timestamp`.
base::Result<base::Bytes> take_timestamp(base::BytesView response, const base::Digest& digest,
                                         base::BytesView nonce, const ForeignAuthorities& accepted,
                                         base::Time now);

}  // namespace certs
