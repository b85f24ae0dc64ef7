// SHA-256, SHA-384, SM3, HMAC-SHA-256 and constant-time comparison, with the library's method
// objects fetched once.
#pragma once

#include <array>
#include <string>

#include "base/bytes.h"

namespace base {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(BytesView bytes);
std::array<std::uint8_t, 48> sha384(BytesView bytes);
Digest sm3(BytesView bytes);  ///< GB/T 32905-2016
Digest hmac_sha256(BytesView key, BytesView bytes);

/// A running SHA-256 whose state can be copied: what stands before is hashed once.
class Sha256 {
 public:
  Sha256();
  Sha256& update(BytesView bytes);
  Digest finish() const;  ///< of all so far; more may follow

 private:
  // A SHA256_CTX, kept as plain bytes so that OpenSSL's headers stay out of this one.
  alignas(8) std::array<std::uint8_t, 128> state_;
};

/// Same time wherever they differ; different lengths are unequal at once.
bool constant_time_equal(BytesView a, BytesView b);

}  // namespace base
