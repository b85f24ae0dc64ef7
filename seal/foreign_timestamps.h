// Time stamps by the authorities of others: asked in order, each answer judged before it counts,
// one that failed several times left alone for a while. docs/decisions/0064-foreign-time-stamps.md
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "certs/foreign_timestamp.h"
#include "certs/timestamp_server.h"
#include "seal/timestamp_source.h"

namespace seal {

/// Thread-safe.
class ForeignTimestamps final : public TimestampSource {
 public:
  struct Config {
    int failures = 3;               ///< in a row, after which a server rests
    std::chrono::seconds rest{30};  ///< then it is tried by one call again
  };
  ForeignTimestamps(std::vector<std::unique_ptr<certs::TimestampServer>> servers,
                    certs::ForeignAuthorities accepted, const base::Clock& clock,
                    base::Random& random, Config config);
  ForeignTimestamps(std::vector<std::unique_ptr<certs::TimestampServer>> servers,
                    certs::ForeignAuthorities accepted, const base::Clock& clock,
                    base::Random& random)
      : ForeignTimestamps(std::move(servers), std::move(accepted), clock, random, Config{}) {}

  /// Takes as long as all servers' deadlines together at the most.
  base::Result<base::Bytes> stamp(const base::Digest& digest) const override;

 private:
  struct Breaker {
    int failures = 0;
    std::optional<base::Time> resting_since;
  };
  bool may_ask(std::size_t server) const;
  void note(std::size_t server, bool good) const;

  const std::vector<std::unique_ptr<certs::TimestampServer>> servers_;
  const certs::ForeignAuthorities accepted_;
  const base::Clock& clock_;
  base::Random& random_;
  const Config config_;
  mutable std::mutex mutex_;  // protects breakers_
  mutable std::vector<Breaker> breakers_;
};

}  // namespace seal
