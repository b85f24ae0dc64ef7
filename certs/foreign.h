// Judging certificates that bodies of others issued: by their roots, within our limits, as the body
// stood at the moment. LD/T 01-2020 6.2.7: what a body provides is used after its admission, and
// no longer once it has ended.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "certs/chain.h"

namespace certs {

enum class BodyUse { login, seal };

struct ForeignStatus {
  ChainAnswer answer = ChainAnswer::untrusted;
  std::string reason = "certs.body_unknown";  ///< message-catalogue key
  std::vector<Certificate> path;              ///< leaf first, when one was built
  std::optional<base::Time> revoked_at;       ///< certificate or body, when answer is revoked
  std::int64_t body = 0;                      ///< number of the body it leads to; 0: none
  std::string body_name, body_code;
  std::string body_reason;  ///< why the body was stopped, when that decided (is_stopping_reason)
};

/// May `leaf` be believed for `use` as of `at`?
///
/// Trusted means: a path to a root of a body in the list that RFC 5280 §6 accepts; all of it in
/// force at `at`; key usage and, where there is one, extended key usage that fit (login: client
/// authentication; seal: document signing or e-mail protection); our policies and name limits;
/// the body admitted for this use, standing as admitted at `at`, not past its expiry; and for each
/// certificate below the root one of `crls` (DER, the bodies' own, as somebody fetched them) that
/// reaches to `at` and does not name it. Missing revocation data is `unsure`, and so is an `at`
/// past the trust list's next update.
///
/// For login and new seals `at` is now. For what was made earlier `at` is the moment that a trusted
/// time stamp gives; without one it is now too: a body that has been suspended, removed or found
/// compromised since then vouches for no claimed moment. Bounded: no input makes it run long.
ForeignStatus judge_foreign(const Certificate& leaf, std::span<const Certificate> extra,
                            const TrustList& trust, BodyUse use, std::span<const base::Bytes> crls,
                            base::Time at);

/// The same by one body alone, however it stands: what admission checks samples with.
ForeignStatus judge_by_body(const Certificate& leaf, std::span<const Certificate> extra,
                            const TrustBody& body, BodyUse use, std::span<const base::Bytes> crls,
                            base::Time at);

}  // namespace certs
