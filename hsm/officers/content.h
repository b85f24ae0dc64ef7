// What a certificate authority's or a seal maker's key is asked to sign, looked at by the signer
// itself: such a key signs nothing that it has not seen. RFC 5280 §4.1, §5.1; the trust list as
// certs writes it; GB/T 38540-2020 5.2 (SES_SealInfo).
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace hsm::officers {

enum class ContentKind { certificate, crl, trust_list, seal_object };
std::string_view to_string(ContentKind kind);

/// Sequences and numbers of lists stay below it: every JSON reader holds them exactly.
inline constexpr std::int64_t kMostSequence = std::int64_t{1} << 52;

struct Content {
  ContentKind kind = ContentKind::certificate;
  base::Time from, to;  ///< lists: this and next update; certificates and seals: their validity
  /// SHA-256 of a name's DER: of a revocation list its issuer, of a certificate its subject; of a
  /// seal's picture.
  base::Digest name{};
  std::int64_t sequence = 0;  ///< of a trust list; of a revocation list its number
  /// Revocation list: serial (hex) -> revocation date and, behind a space, invalidity date.
  std::map<std::string, std::string> revoked;
  base::Bytes public_key;  ///< certificate: SPKI
  /// Trust list: its header and, canonical, all but sequence, dates and revocation lists.
  std::string said;
  base::Digest stable{};           ///< of `said`
  std::string seal_id, seal_name;  ///< of a seal object
};

/// A TBSCertificate, a TBSCertList, a SES_SealInfo, or a trust list's JWS signing input; at most
/// 4 MiB.
/// Errors: invalid_argument `hsm.officers.content` for anything else.
base::Result<Content> read_content(base::BytesView bytes);

}  // namespace hsm::officers
