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

/// Sequences and numbers of lists stay below it: every JSON reader holds them exactly.
inline constexpr std::int64_t kMostSequence = std::int64_t{1} << 52;

struct Content {
  ContentKind kind = ContentKind::certificate;
  base::Time from, to;  ///< lists: this and next update; certificates: their life
  /// SHA-256 of a name's DER: of a revocation list its issuer, of a certificate its subject.
  base::Digest name{};
  std::int64_t sequence = 0;  ///< of a trust list; of a revocation list its number
  /// Revocation list: serial (hex) -> revocation date and, behind a space, invalidity date.
  std::map<std::string, std::string> revoked;
  base::Bytes public_key;  ///< certificate: SPKI
  /// Trust list: its header and, canonical, all but sequence, dates and revocation lists.
  std::string said;
  base::Digest stable{};  ///< of `said`
};

/// A TBSCertificate, a TBSCertList, or a trust list's JWS signing input; at most 4 MiB.
/// Errors: invalid_argument `hsm.officers.content` for anything else.
base::Result<Content> read_content(base::BytesView bytes);

}  // namespace hsm::officers
