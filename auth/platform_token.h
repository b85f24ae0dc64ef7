// What a third-party platform says of who logged in there: its ID token, judged, and the keys that
// it is judged with. OpenID Connect Core §3.1.3.7, RFC 8725.
//
// Of all that a token may say, who (iss and sub) and how surely (acr) are taken. Names, numbers and
// addresses in it are not read: nothing is matched by them.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "auth/jose.h"
#include "auth/platform_source.h"
#include "base/clock.h"

namespace auth {

/// The keys of one platform: fetched when first needed, again after an hour, and when a token does
/// not verify, at most once a minute. While it does not answer, keys of the last day go on.
/// Thread-safe.
class PlatformKeys {
 public:
  PlatformKeys(const PlatformSource& source, std::string algorithm, const base::Clock& clock)
      : source_(source), algorithm_(std::move(algorithm)), clock_(clock) {}
  /// Errors: as PlatformSource::keys, when there are none that may still be used.
  base::Result<bool> verify(const ForeignJws& jws);

 private:
  using Set = std::shared_ptr<const ForeignKeys>;
  base::Result<Set> current(const Set& failed);
  const PlatformSource& source_;
  const std::string algorithm_;
  const base::Clock& clock_;
  std::mutex mutex_;  // protects what follows, and lets one fetch at a time
  Set keys_;
  std::optional<base::Time> fetched_at_, asked_at_;
};

/// What a token must say to be ours, now.
struct PlatformExpectation {
  std::string issuer, client_id, algorithm, nonce;
  std::chrono::seconds login_age{0};  ///< the oldest login that counts; zero: not asked for
};

struct PlatformIdentity {
  std::string subject;  ///< "sub": who it is there, at most 255 characters
  std::string acr;      ///< how surely, in the platform's words; empty: it does not say
};

/// Errors: unauthenticated `auth.platform.refused` with what is wrong in `detail`; those of
/// PlatformKeys::verify.
base::Result<PlatformIdentity> read_platform_token(std::string_view compact, PlatformKeys& keys,
                                                   const PlatformExpectation& expected,
                                                   base::Time now);

}  // namespace auth
