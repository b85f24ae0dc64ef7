#include "auth/factor_challenges.h"

#include "base/digest.h"

namespace auth {
namespace {

constexpr store::Query kPutChallenge{"auth.put_challenge", R"sql(
  insert into auth.factor_challenge (digest, binding, purpose, subject_id, expires_at)
  values ($1, $2, $3, $4, $5))sql"};
constexpr store::Query kTakeChallenge{"auth.take_challenge", R"sql(
  delete from auth.factor_challenge
   where digest = $1 and binding = $2 and purpose = $3 and expires_at > $4
  returning subject_id)sql"};
constexpr store::Query kChallengeWaits{"auth.challenge_waits", R"sql(
  select 1::bigint from auth.factor_challenge
   where digest = $1 and binding = $2 and purpose = $3 and expires_at > $4)sql"};
constexpr store::Query kSweepChallenges{"auth.sweep_challenges", R"sql(
  delete from auth.factor_challenge where digest in (
    select digest from auth.factor_challenge where expires_at < $1 order by expires_at limit $2))sql"};

}  // namespace

base::Result<base::Bytes> FactorChallenges::ask(std::string_view binding, std::string_view purpose,
                                                const std::optional<SubjectId>& subject,
                                                std::chrono::seconds life) {
  auto challenge = parts_.random.bytes(32);
  const auto whose = subject ? std::optional(subject->value()) : std::nullopt;
  BASE_TRY_VOID(
      parts_.pool.run(kPutChallenge, {base::BytesView(base::sha256(challenge)),
                                      base::BytesView(base::sha256(base::as_bytes(binding))),
                                      purpose, whose, parts_.clock.now() + life}));
  return challenge;
}

base::Result<std::optional<FactorChallenges::Asked>> FactorChallenges::take(
    base::BytesView challenge, std::string_view binding, std::string_view purpose) {
  BASE_TRY(const auto rows,
           parts_.pool.run(kTakeChallenge, {base::BytesView(base::sha256(challenge)),
                                            base::BytesView(base::sha256(base::as_bytes(binding))),
                                            purpose, parts_.clock.now()}));
  if (rows.empty()) return std::optional<Asked>();
  Asked out;
  if (!rows.is_null(0, 0)) out.subject = SubjectId(std::string(rows.text(0, 0)));
  return std::optional(std::move(out));
}

base::Result<bool> FactorChallenges::waits(base::BytesView challenge, std::string_view binding,
                                           std::string_view purpose) {
  BASE_TRY(const auto rows,
           parts_.pool.run(kChallengeWaits, {base::BytesView(base::sha256(challenge)),
                                             base::BytesView(base::sha256(base::as_bytes(binding))),
                                             purpose, parts_.clock.now()}));
  return !rows.empty();
}

base::Result<std::int64_t> FactorChallenges::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweepChallenges, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
