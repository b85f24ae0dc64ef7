// The trust list: which keys of which agency may seal, stamp and sign codes; signed by the root.
//
// A JWS (compact, ES256) whose payload is JSON: version, sequence number that only rises, issued
// and next-update times, the root and issuing certificates, the CRLs, and an entry per end-entity
// certificate with its purposes and life; and the certification bodies of others that we admitted.
// A verifier with this one file and nothing else can judge offline.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "certs/certificate.h"
#include "certs/trust_body.h"

namespace certs {

struct TrustEntry {
  std::string purpose;      ///< "seal", "timestamp", "openid", "document_code", "audit"
  std::string agency;       ///< display name of the agency the key acts for
  std::string agency_code;  ///< its unified social credit code (USCC)
  Certificate certificate;
  base::Time since;
  std::optional<base::Time> until;  ///< stopped being used; older signatures stay judgeable
  /// Others have had the key since then: of what it signed, only what a trusted time stamp puts
  /// before this moment stays good. 电子签名法 15.
  std::optional<base::Time> compromised_since = std::nullopt;
};

struct TrustList {
  /// 2 is what we write; 1, without bodies and compromised entries, is still read.
  std::int64_t version = 2;
  std::int64_t sequence = 0;
  base::Time issued;
  base::Time next_update;
  std::string domain;              ///< where verification pages stand, e.g. "si.example.gov.cn"
  std::vector<Certificate> roots;  ///< one, in ordinary life
  std::vector<Certificate> intermediates;
  std::vector<base::Bytes> crls;  ///< DER
  std::vector<TrustEntry> entries;
  std::vector<TrustBody> bodies;

  /// Reads and checks a signed list. `pinned_root` (SHA-256 of the root certificate) must match
  /// when given; without it the list's own root is taken, and the caller shows its fingerprint.
  /// Errors: invalid_argument `certs.trust_list_malformed`, permission_denied
  /// `certs.trust_list_forged`, `certs.trust_list_foreign_root`.
  static base::Result<TrustList> parse(std::string_view jws,
                                       const std::optional<base::Digest>& pinned_root = {});
};

}  // namespace certs
