#include "seal/seal_gate.h"

#include "store/audit.h"

namespace seal {
namespace {

using base::Code;
using base::error;
using namespace std::chrono_literals;

constexpr int kStripes = 16;
constexpr std::string_view kBySystem = "system:seal-policy";
constexpr auto kChina = 8h;  // China Standard Time, without summer time

constexpr store::Query kGate{"seal.gate", R"sql(
  select spec::text, state from seal.seal where id = $1)sql"};

// Three rows, always in the same order; what other stripes say is as of the statement's beginning.
constexpr store::Query kCount{"seal.count_use", R"sql(
  with mine as (
    insert into seal.seal_use (seal, span, begins, stripe, uses)
    values ($1, 'm', $2, $5::bigint::smallint, 1), ($1, 'h', $3, $5::bigint::smallint, 1),
           ($1, 'd', $4, $5::bigint::smallint, 1)
    on conflict (seal, span, begins, stripe) do update set uses = seal.seal_use.uses + 1
    returning span, uses),
  everyone as (
    select span, uses from mine
    union all
    select span, uses from seal.seal_use
     where seal = $1 and stripe <> $5::bigint
       and ((span = 'm' and begins = $2) or (span = 'h' and begins = $3)
            or (span = 'd' and begins = $4)))
  select s.spec::text, s.state,
         (select sum(uses) from everyone where span = 'm')::bigint,
         (select sum(uses) from everyone where span = 'h')::bigint,
         (select sum(uses) from everyone where span = 'd')::bigint
    from seal.seal s where s.id = $1)sql"};

constexpr store::Query kForget{"seal.forget_uses", R"sql(
  delete from seal.seal_use
   where (span = 'm' and begins < $1) or (span = 'h' and begins < $2))sql"};

struct Standing {
  SealSpec spec;
  std::string state;
};

Standing standing_of(const store::Rows& rows) {
  auto spec = read_seal_spec(rows.text(0, 0));
  base::check(spec.ok(), "a stored seal's spec cannot be read");
  return {std::move(*spec), std::string(rows.text(0, 1))};
}

base::Result<void> usable(const Standing& seal, base::Time at) {
  if (seal.state != to_string(SealState::active)) {
    auto failure = error(Code::unavailable, "seal.not_active", seal.spec.id);
    failure.args = {{"state", seal.state}};
    return failure;
  }
  if (!seal.spec.in_validity(at)) return error(Code::unavailable, "seal.not_valid", seal.spec.id);
  return {};
}

/// The beginning of the day in China.
base::Time day_of(base::Time at) {
  return std::chrono::floor<std::chrono::days>(at + kChina) - kChina;
}

/// Until the policy's hours begin again.
std::chrono::seconds until_open(const SealPolicy& policy, base::Time at) {
  auto opens = day_of(at) + std::chrono::minutes(policy.from_minute);
  if (opens <= at) opens += 24h;
  return std::chrono::ceil<std::chrono::seconds>(opens - at);
}

base::Error over(std::int64_t limit, std::string_view span, std::chrono::seconds wait) {
  auto failure = error(Code::rate_limited, "seal.policy.limit");
  failure.args = {{"limit", std::to_string(limit)}, {"span", std::string(span)}};
  failure.retry_after = wait;
  return failure;
}

}  // namespace

base::Result<void> SealGate::may(const auth::Actor& actor, std::string_view kind, SealUse use) {
  BASE_TRY(const auto rows, parts_.pool.run(kGate, {seal_}));
  if (rows.empty()) return error(Code::unavailable, "seal.none");
  const auto seal = standing_of(rows);
  const auto now = parts_.clock.now();
  BASE_TRY_VOID(usable(seal, now));
  const auto& policy = seal.spec.policy;
  if (!policy.allows_kind(kind))
    return refused(actor, error(Code::permission_denied, "seal.policy.kind"));
  if (!policy.allows(use)) return refused(actor, error(Code::permission_denied, "seal.policy.use"));
  if (!policy.allows_client(actor.client().value()))
    return refused(actor, error(Code::permission_denied, "seal.policy.client"));
  if (static_cast<int>(actor.proofing()) < policy.proofing ||
      static_cast<int>(actor.authentication()) < policy.authentication) {
    auto failure = error(Code::permission_denied, "seal.policy.level");
    failure.args = {{"level", "P" + std::to_string(policy.proofing) + " A" +
                                  std::to_string(policy.authentication)}};
    return refused(actor, std::move(failure));
  }
  if (!policy.allows_at(now)) {
    auto failure = error(Code::unavailable, "seal.policy.hours");
    failure.retry_after = until_open(policy, now);
    return refused(actor, std::move(failure));
  }
  return {};
}

/// Whoever is refused must not be able to fill the trail: a reason is noted once an hour.
base::Error SealGate::refused(const auth::Actor& actor, base::Error failure) {
  const auto now = parts_.clock.now();
  {
    const std::scoped_lock lock(lock_);
    auto& last = noted_[failure.key];
    if (last != base::Time() && now - last < 1h) return failure;
    last = now;
  }
  auto tx = parts_.pool.begin();
  if (!tx.ok()) return failure;
  // The refusal holds whether or not it could be written down.
  if (store::audit(*tx, {now, actor.subject().value(), "seal.refuse_use", seal_, failure.key, "{}"})
          .ok()) [[maybe_unused]]
    const auto done = tx->commit();
  return failure;
}

base::Result<void> SealGate::count(store::Tx& tx, base::Time at, std::uint8_t stripe) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(at);
  const auto hour = std::chrono::floor<std::chrono::hours>(at);
  BASE_TRY(const auto rows, tx.run(kCount, {seal_, base::Time(minute), base::Time(hour), day_of(at),
                                            static_cast<std::int64_t>(stripe % kStripes)}));
  if (rows.empty()) return error(Code::unavailable, "seal.none");
  const auto seal = standing_of(rows);
  BASE_TRY_VOID(usable(seal, at));
  const auto& policy = seal.spec.policy;
  const auto seconds = [](auto span) { return std::chrono::ceil<std::chrono::seconds>(span); };
  if (policy.stop_per_minute > 0 && rows.integer(0, 2) > policy.stop_per_minute)
    return error(Code::unavailable, "seal.policy.stopped");
  if (policy.per_hour > 0 && rows.integer(0, 3) > policy.per_hour)
    return over(policy.per_hour, "1 h", seconds(hour + 1h - at));
  if (policy.per_day > 0 && rows.integer(0, 4) > policy.per_day)
    return over(policy.per_day, "24 h", seconds(day_of(at) + 24h - at));
  return {};
}

base::Result<void> SealGate::stop() {
  Seals seals({parts_.pool, parts_.clock, parts_.random});
  auto done = seals.suspend(seal_, "seal.policy.stopped", kBySystem);
  // Another document that was refused in the same moment did it.
  if (!done.ok() && done.error().key == "seal.state") return {};
  return done;
}

base::Result<void> SealGate::forget_old() {
  const auto now = parts_.clock.now();
  BASE_TRY_VOID(parts_.pool.run(kForget, {now - 48h, now - 40 * 24h}));
  return {};
}

}  // namespace seal
