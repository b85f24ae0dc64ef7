// Proofs of possession: a token that works only with the key it was made for. RFC 9449.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace auth {

/// What HTTP knows of the request that a proof belongs to.
struct ProvedRequest {
  std::vector<std::string> proofs = {};  ///< values of the DPoP header; more than one is refused
  std::string method = {};               ///< "POST"
  std::string path = {};                 ///< below the issuer, without query
  /// DER; of the client's TLS, when a proxy that proved itself told it (RFC 8705). Else empty.
  base::Bytes certificate = {};
};

/// A token as it was shown at a resource.
struct ShownToken {
  std::string token;
  bool dpop = false;  ///< "Authorization: DPoP …", else Bearer
  ProvedRequest request = {};
};

/// How long a proof counts from its iat, on either side.
constexpr std::chrono::seconds kProofLife{60};
/// A nonce of ours is good for this long at least, and twice as long at most.
constexpr std::chrono::seconds kNonceLife{120};

}  // namespace auth
