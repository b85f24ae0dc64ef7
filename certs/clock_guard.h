// May this clock be attested? Compared with a clock that nobody can set, with the database
// server's, and with the last moment that was attested, over restarts too. security.md §4.3 (19);
// docs/decisions/0017-time-stamps.md. Target xinyin_certs_authority.
#pragma once

#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace store {
class Pool;
}

namespace certs {

/// What lies outside this process. Thread-safe.
class ClockWitness {
 public:
  virtual ~ClockWitness() = default;
  struct Seen {
    base::Time now;                                     ///< by the witness's own clock
    std::optional<base::Time> attested = std::nullopt;  ///< the latest moment marked, by anybody
  };
  virtual base::Result<Seen> look() = 0;
  /// Durable when it returns; an earlier moment than the latest changes nothing.
  virtual base::Result<void> mark(base::Time attested) = 0;
};

/// The database server's clock, and certs.clock_mark.
class DatabaseWitness final : public ClockWitness {
 public:
  explicit DatabaseWitness(store::Pool& pool) : pool_(pool) {}
  base::Result<Seen> look() override;
  base::Result<void> mark(base::Time attested) override;

 private:
  store::Pool& pool_;
};

/// Thread-safe.
class ClockGuard {
 public:
  struct Config {
    std::chrono::milliseconds jump{2'000};           ///< a difference past this is a jump
    std::chrono::milliseconds look_every{10'000};    ///< at the witness
    std::chrono::milliseconds believed_for{60'000};  ///< while the witness is away
    std::chrono::milliseconds mark_every{1'000};
  };
  ClockGuard(const base::Clock& clock, const base::SteadyClock& steady, ClockWitness& witness,
             Config config);
  ClockGuard(const base::Clock& clock, const base::SteadyClock& steady, ClockWitness& witness)
      : ClockGuard(clock, steady, witness, Config{}) {}

  /// The moment, which may be attested. It may ask the witness. Errors: unavailable
  /// `certs.clock_jumped` until the clock stands again where it would be had it not jumped (or the
  /// program starts anew beside a witness that agrees); `certs.clock_unchecked` while the witness
  /// is away for longer than believed_for, or a moment cannot be marked.
  base::Result<base::Time> moment();

  struct Standing {
    bool sane = false;
    std::chrono::microseconds drift{0};         ///< from the steady clock, since the last look
    std::chrono::microseconds from_witness{0};  ///< at the last look
  };
  /// Without asking anybody.
  Standing standing() const;

 private:
  struct Reference {
    base::Time wall;
    std::chrono::microseconds steady;
  };
  std::chrono::microseconds drift(base::Time now, std::chrono::microseconds elapsed) const;
  base::Result<void> look();

  const base::Clock& clock_;
  const base::SteadyClock& steady_;
  ClockWitness& witness_;
  const Config config_;
  mutable std::mutex mutex_;  ///< protects what follows
  std::optional<Reference> reference_;
  std::optional<base::Time> marked_;
  bool witness_agrees_ = true;
  std::chrono::microseconds from_witness_{0};
};

}  // namespace certs
