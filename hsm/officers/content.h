// What a certificate authority's key is asked to sign, looked at by the signer itself: such a key
// signs nothing that it has not seen. RFC 5280 §4.1, §5.1; the trust list as certs writes it.
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace hsm::officers {

enum class ContentKind { certificate, crl, trust_list };
std::string_view to_string(ContentKind kind);

struct Content {
  ContentKind kind = ContentKind::certificate;
  base::Time from, to;  ///< lists: this and next update
  std::map<std::string, std::string>
      revoked;            ///< revocation list: serial (hex) -> revocation date and invalidity date
  base::Digest stable{};  ///< trust list: of all but sequence, dates and revocation lists
  std::int64_t sequence = 0;
};

/// A TBSCertificate, a TBSCertList, or a trust list's JWS signing input; at most 4 MiB.
/// Errors: invalid_argument `hsm.officers.content` for anything else.
base::Result<Content> read_content(base::BytesView bytes);

}  // namespace hsm::officers
