// Whom to believe, as of a moment, by the trust list. RFC 5280 §6.
//
// The path is judged by certs/path_judge.h; what is added here is the list: its root, its purposes
// and which keys are in it.
#pragma once

#include <optional>
#include <span>

#include "certs/path_judge.h"
#include "certs/trust_list.h"

namespace certs {

enum class ChainPurpose { seal, seal_maker, timestamp, openid, document_code, any };

struct ChainStatus : PathStatus {
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
