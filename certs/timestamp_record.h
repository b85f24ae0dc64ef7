// The record of time stamps given to others: append-only. docs/decisions/0017-time-stamps.md
#pragma once

#include "certs/timestamp.h"
#include "store/store.h"

namespace certs {

/// Durable when it returns; `authority` is the key's SHA-256 (Certificate::public_key_sha256).
/// Errors: conflict `certs.serial_taken`; those of the database.
base::Result<void> record_timestamp(store::Pool& pool, const base::Digest& authority,
                                    const TimestampAuthority::Stamped& stamped);

}  // namespace certs
