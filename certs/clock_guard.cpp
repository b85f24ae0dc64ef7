#include "certs/clock_guard.h"

#include <algorithm>

#include "store/store.h"

namespace certs {
namespace {

using base::Code;
using std::chrono::microseconds;

constexpr store::Query kLook{"certs.clock_look", R"sql(
  select clock_timestamp(), (select at from certs.clock_mark where name = 'timestamp'))sql"};
constexpr store::Query kMark{"certs.clock_mark", R"sql(
  insert into certs.clock_mark as m (name, at) values ('timestamp', $1)
  on conflict (name) do update set at = greatest(m.at, excluded.at))sql"};

base::Error jumped(std::string_view what, microseconds by) {
  auto failure =
      base::error(Code::unavailable, "certs.clock_jumped",
                  std::string(what) + " by " + std::to_string(by.count() / 1000) + " ms");
  failure.retry_after = std::chrono::seconds(10);
  return failure;
}

base::Error unchecked(const base::Error& why) {
  auto failure =
      base::error(Code::unavailable, "certs.clock_unchecked", why.key + ": " + why.detail);
  failure.retry_after = std::chrono::seconds(2);
  return failure;
}

}  // namespace

base::Result<ClockWitness::Seen> DatabaseWitness::look() {
  BASE_TRY(const auto rows, pool_.run(kLook));
  Seen out{rows.time(0, 0)};
  if (!rows.is_null(0, 1)) out.attested = rows.time(0, 1);
  return out;
}

base::Result<void> DatabaseWitness::mark(base::Time attested) {
  BASE_TRY_VOID(pool_.run(kMark, {attested}));
  return {};
}

ClockGuard::ClockGuard(const base::Clock& clock, const base::SteadyClock& steady,
                       ClockWitness& witness, Config config)
    : clock_(clock), steady_(steady), witness_(witness), config_(config) {}

microseconds ClockGuard::drift(base::Time now, microseconds elapsed) const {
  return (now - reference_->wall) - (elapsed - reference_->steady);
}

/// Compares with the witness, and takes this moment for the new reference when they agree.
base::Result<void> ClockGuard::look() {
  const auto before = clock_.now();
  const auto seen = witness_.look();
  const auto after = clock_.now();
  if (!seen) {
    if (reference_ && witness_agrees_ &&
        steady_.elapsed() - reference_->steady < config_.believed_for)
      return {};
    return unchecked(seen.error());
  }
  // The answer was made somewhere between the two: the difference may be that much less.
  from_witness_ = seen->now < before  ? seen->now - before
                  : seen->now > after ? seen->now - after
                                      : microseconds(0);
  witness_agrees_ = std::chrono::abs(from_witness_) <= config_.jump;
  if (!witness_agrees_) return jumped("differs from the database's clock", -from_witness_);
  if (seen->attested && after + config_.jump < *seen->attested) {
    witness_agrees_ = false;
    return jumped("stands before a moment attested already", after - *seen->attested);
  }
  reference_ = Reference{clock_.now(), steady_.elapsed()};
  return {};
}

base::Result<base::Time> ClockGuard::moment() {
  const std::lock_guard lock(mutex_);
  const auto elapsed = steady_.elapsed();
  if (reference_) {
    const auto by = drift(clock_.now(), elapsed);
    if (std::chrono::abs(by) > config_.jump) return jumped("jumped", by);
  }
  if (!reference_ || !witness_agrees_ || elapsed - reference_->steady >= config_.look_every)
    BASE_TRY_VOID(look());
  const auto now = clock_.now();
  if (!marked_ || now - *marked_ >= config_.mark_every || now < *marked_) {
    const auto done = witness_.mark(now);
    if (!done) return unchecked(done.error());
    marked_ = now;
  }
  return now;
}

ClockGuard::Standing ClockGuard::standing() const {
  const std::lock_guard lock(mutex_);
  Standing out;
  if (!reference_) return out;
  out.drift = drift(clock_.now(), steady_.elapsed());
  out.from_witness = from_witness_;
  out.sane = witness_agrees_ && std::chrono::abs(out.drift) <= config_.jump;
  return out;
}

}  // namespace certs
