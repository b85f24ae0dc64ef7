// Whom to believe, as of a moment: chain building and validation. RFC 5280 §6.
//
// Decided by OpenSSL per straight path (never by Botan 2.19; security.md §0.5), with a purpose always
// set and revocation asked of the caller's source.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "certs/certificate.h"
#include "certs/trust_list.h"

namespace certs {

enum class ChainPurpose { seal, timestamp, openid, document_code, any };

enum class ChainAnswer { trusted, untrusted, expired, not_yet_valid, revoked, unsure };

struct ChainStatus {
  ChainAnswer answer = ChainAnswer::untrusted;
  std::string reason;                       ///< message-catalogue key, e.g. "certs.untrusted_root"
  std::vector<Certificate> path;            ///< leaf first, when one was built
  std::optional<base::Time> revoked_at;     ///< when answer is revoked
};

/// Is `leaf` trusted for `purpose` as of `at`? `extra` are certificates that came along (untrusted).
/// Revocation after `at` does not hurt; before it does. Missing or stale revocation data is `unsure`.
ChainStatus validate(const Certificate& leaf, std::span<const Certificate> extra,
                     const TrustList& trust, ChainPurpose purpose, base::Time at);

}  // namespace certs
