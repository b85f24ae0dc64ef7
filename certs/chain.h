// Whom to believe, as of a moment: chain building and validation. RFC 5280 §6.
//
// Decided by OpenSSL per straight path (never by Botan 2.19; security.md §0.5), with a purpose
// always set and revocation asked of the caller's source.
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
  std::string reason;                    ///< message-catalogue key, e.g. "certs.untrusted_root"
  std::vector<Certificate> path;         ///< leaf first, when one was built
  std::optional<base::Time> revoked_at;  ///< when answer is revoked
  /// Others are known to have had the leaf's key since then, whatever the answer is: what bears no
  /// proof of having been made before proves nothing.
  std::optional<base::Time> compromised_since;
  std::optional<TrustEntry> entry;  ///< the list's entry of the leaf's key: for which agency
};

/// Is `leaf` trusted for `purpose` as of `at`? `extra` are certificates that came along
/// (untrusted).
///
/// Trusted means: a path to a root of the list that RFC 5280 §6 accepts; each certificate in it in
/// force at `at` (both ends included); key usage and the purpose's own extended key usage; the
/// leaf's key is in the list under that purpose and in use at `at`; and for each certificate below
/// the root a revocation list of its issuer that reaches to `at` (nextUpdate not before it) and
/// does not name it. Revocation after `at` does not hurt; before it does, counted from the
/// invalidity date where the list gives one. What a revoked time-stamp key stamped counts for
/// nothing at any moment, unless the reason shows that nobody else had the key (RFC 3161 §4):
/// whoever has it stamps any moment. Missing or stale revocation data is `unsure`. `any` asks
/// neither for usage nor for an entry. Bounded: no input makes it run long (certs/path.h).
ChainStatus validate(const Certificate& leaf, std::span<const Certificate> extra,
                     const TrustList& trust, ChainPurpose purpose, base::Time at);

}  // namespace certs
