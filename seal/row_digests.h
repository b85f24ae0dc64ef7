// Rows that can be shown one by one: each gets a salt of its own, and all stand under one digest,
// which the register publishes. One employee's row of a roster then proves itself without the
// others' (docs/documents.md).
#pragma once

#include <rapidjson/document.h>

#include "base/digest.h"
#include "base/random.h"
#include "base/result.h"

namespace seal {

/// Puts "salt" (16 random bytes, hexadecimal) into each row and returns the root over them: a
/// Merkle tree as RFC 6962 §2.1 has it, whose leaves are the rows' canonical JSON (RFC 8785), salt
/// included. Errors: invalid_argument `json.not_canonical`.
base::Result<base::Digest> digest_rows(rapidjson::Value& rows,
                                       rapidjson::Document::AllocatorType& allocator,
                                       base::Random& random);

}  // namespace seal
