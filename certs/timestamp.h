// RFC 3161 time stamps: made by our own authority with a key in the token, and judged.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "certs/chain.h"

namespace hsm {
class Key;
}

namespace certs {

class ClockGuard;  // certs/clock_guard.h

/// Thread-safe. (Target xinyin_certs_authority.)
class TimestampAuthority {
 public:
  struct Config {
    std::string policy_oid;
    std::chrono::milliseconds accuracy{1000};
  };
  /// With a `guard`, which must outlive this, a moment is attested only while the guard vouches for
  /// the clock; without one, `clock` is believed and only must not go back.
  TimestampAuthority(std::shared_ptr<const hsm::Key> key, Certificate certificate,
                     std::vector<Certificate> chain, Config config, const base::Clock& clock,
                     base::Random& random, ClockGuard* guard = nullptr);
  /// A TimeStampToken (DER ContentInfo) over a SHA-256 digest. Serials are random, 128 bits.
  /// Errors: unavailable `certs.clock_back`, `certs.clock_jumped`, `certs.clock_unchecked`,
  /// `certs.timestamp_key_over`; what hsm::Key::sign gives.
  base::Result<base::Bytes> stamp(const base::Digest& digest) const;
  /// What a stamp says, for whoever records it.
  struct Stamped {
    std::string serial_hex;
    std::string_view digest;  ///< "sha256", "sha384", "sha512"
    base::Bytes imprint;
    base::Time at;
  };
  struct Answer {
    base::Bytes response;
    std::optional<Stamped> stamped;  ///< nothing: a rejection
  };
  base::Result<Answer> respond(base::BytesView request) const;
  /// Answers a TimeStampReq with a TimeStampResp (RFC 3161 §2.4).
  base::Result<base::Bytes> answer(base::BytesView request) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

struct TimestampStatus {
  bool intact = false;  ///< signature holds and the imprint is `digest`
  ChainStatus chain;    ///< of the authority's certificate, at the stamped time
  base::Time at;        ///< the attested moment, when intact
};

/// Judges a token over `digest`. (Target xinyin_certs.)
TimestampStatus judge_timestamp(base::BytesView token, const base::Digest& digest,
                                const TrustList& trust);

}  // namespace certs
