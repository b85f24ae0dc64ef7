#include "seal/foreign_timestamps.h"

namespace seal {

ForeignTimestamps::ForeignTimestamps(std::vector<std::unique_ptr<certs::TimestampServer>> servers,
                                     certs::ForeignAuthorities accepted, const base::Clock& clock,
                                     base::Random& random, Config config)
    : servers_(std::move(servers)),
      accepted_(std::move(accepted)),
      clock_(clock),
      random_(random),
      config_(config),
      breakers_(servers_.size()) {}

/// One call tries a resting server when its rest is over; the others pass by until that one knows.
bool ForeignTimestamps::may_ask(std::size_t server) const {
  const std::lock_guard lock(mutex_);
  auto& breaker = breakers_[server];
  if (!breaker.resting_since) return true;
  const auto now = clock_.now();
  // A clock that went back must not prolong the rest.
  if (now >= *breaker.resting_since && now < *breaker.resting_since + config_.rest) return false;
  breaker.resting_since = now;
  return true;
}

void ForeignTimestamps::note(std::size_t server, bool good) const {
  const std::lock_guard lock(mutex_);
  auto& breaker = breakers_[server];
  if (good) {
    breaker = {};
  } else if (++breaker.failures >= config_.failures) {
    breaker.resting_since = clock_.now();
  }
}

base::Result<base::Bytes> ForeignTimestamps::stamp(const base::Digest& digest) const {
  std::string why = "no server may be asked now";
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    if (!may_ask(i)) continue;
    auto nonce = random_.bytes(16);
    nonce[0] = static_cast<std::uint8_t>((nonce[0] & 0x7F) | 0x40);  // positive, always 16 octets
    const auto answer = servers_[i]->ask(certs::timestamp_query(digest, nonce, accepted_));
    auto token = answer.ok()
                     ? certs::take_timestamp(*answer, digest, nonce, accepted_, clock_.now())
                     : base::Result<base::Bytes>(answer.error());
    note(i, token.ok());
    if (token.ok()) return token;
    why = servers_[i]->name() + ": " + token.error().key + ": " + token.error().detail;
  }
  return base::error(base::Code::unavailable, "seal.timestamp", why);
}

}  // namespace seal
