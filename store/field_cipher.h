// Personal fields at rest: encrypted, bound to their place, and found by keyed hash. LD/T
// 01-2020 6.4.3.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace store {

/// AES-256-GCM under a key derived from the data key, with field and row bound as associated data,
/// so that a value moved to another row or column does not open; HMAC-SHA-256 under another derived
/// key for look-up. Thread-safe.
class FieldCipher {
 public:
  /// `data_key` is 32 bytes, unwrapped by the token when the service starts.
  FieldCipher(const base::Secret& data_key, base::Random& random);
  base::Bytes seal(std::string_view field, std::string_view row, base::BytesView plain) const;
  /// Errors: internal `store.field_damaged`.
  base::Result<base::Bytes> open(std::string_view field, std::string_view row,
                                 base::BytesView sealed) const;
  base::Digest lookup(std::string_view field, std::string_view plain) const;

 private:
  struct Keys;
  std::shared_ptr<const Keys> keys_;
  base::Random& random_;
};

}  // namespace store
