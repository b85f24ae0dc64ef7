#include "auth/soft_lock.h"

#include "base/encoding.h"

namespace auth {
namespace {

constexpr store::Query kIsKnownNetwork{"auth.is_known_network", R"sql(
  select 1 from auth.known_network where account = $1 and network = $2)sql"};
// Failures in a row: 7 at once, then 3 s, 5 s, 10 s; past 100 one try a day (SP 800-63B-4 §3.2.2).
constexpr store::Query kAdmitAccount{"auth.admit_account", R"sql(
  insert into auth.login_failure as f (key, failures, last_at, blocked_until)
  values ($1, 1, $2, $2)
  on conflict (key) do update set
    failures = f.failures + 1,
    last_at = $2,
    blocked_until = $2 + case when f.failures + 1 < 8 then interval '0'
                              when f.failures + 1 < 25 then interval '3 seconds'
                              when f.failures + 1 < 50 then interval '5 seconds'
                              when f.failures + 1 < 100 then interval '10 seconds'
                              else interval '1 day' end
   where f.blocked_until <= $2
  returning f.failures)sql"};
// A network is shared by many people: 30 failures at once, forgotten after a quiet quarter of an
// hour.
constexpr store::Query kAdmitNetwork{"auth.admit_network", R"sql(
  insert into auth.login_failure as f (key, failures, last_at, blocked_until)
  values ($1, 1, $2, $2)
  on conflict (key) do update set
    failures = case when f.last_at < $2 - interval '15 minutes' then 1 else f.failures + 1 end,
    last_at = $2,
    blocked_until = $2 + case when f.last_at < $2 - interval '15 minutes' or f.failures + 1 < 30
                                then interval '0'
                              when f.failures + 1 < 100 then interval '1 second'
                              when f.failures + 1 < 1000 then interval '5 seconds'
                              else interval '30 seconds' end
   where f.blocked_until <= $2
  returning f.failures)sql"};
constexpr store::Query kBlockedUntil{"auth.blocked_until", R"sql(
  select blocked_until from auth.login_failure where key = $1)sql"};
constexpr store::Query kForgiveTry{"auth.forgive_try", R"sql(
  update auth.login_failure
     set failures = greatest(failures - 1, 0), blocked_until = least(blocked_until, $2)
   where key = $1)sql"};
constexpr store::Query kForgetFailures{"auth.forget_failures", R"sql(
  delete from auth.login_failure where key = $1)sql"};
constexpr store::Query kKnowNetwork{"auth.know_network", R"sql(
  insert into auth.known_network (account, network, last_ok_at) values ($1, $2, $3)
  on conflict (account, network) do update set last_ok_at = excluded.last_ok_at)sql"};

base::Error slow(base::Time now, base::Time until) {
  auto failure = base::error(base::Code::rate_limited, "auth.login_slow");
  const auto wait = std::chrono::ceil<std::chrono::seconds>(until - now);
  failure.retry_after = std::max(wait, std::chrono::seconds(1));
  failure.args = {{"seconds", std::to_string(failure.retry_after->count())}};
  return failure;
}

/// What counting one try under `key` gave: nothing where it has to wait.
base::Result<void> counted(store::Tx& tx, const store::Rows& row, const base::Digest& key,
                           base::Time now) {
  if (!row.empty()) return {};
  BASE_TRY(const auto rows, tx.run(kBlockedUntil, {base::BytesView(key)}));
  return slow(now, rows.empty() ? now : rows.time(0, 0));
}

}  // namespace

base::Result<SoftLock::Admission> SoftLock::admit(std::string_view kind, std::string_view id,
                                                  std::string_view network) {
  const auto now = clock_.now();
  Admission out;
  out.account = cipher_.lookup(kind, id);
  out.network = cipher_.lookup("auth/login_failure/network", network);
  BASE_TRY(auto tx, pool_.begin());
  BASE_TRY(const auto known,
           tx.run(kIsKnownNetwork, {base::BytesView(out.account), base::BytesView(out.network)}));
  out.known = !known.empty();
  out.counter = !out.known
                    ? out.account
                    : cipher_.lookup("auth/login_failure/known",
                                     base::to_hex(out.account) + " " + base::to_hex(out.network));
  // Account first, network second, everywhere: two tries never wait for each other in a ring. A try
  // that one of the two refuses counts in neither: the transaction is dropped.
  BASE_TRY(const auto both, tx.run_all({{kAdmitAccount, {base::BytesView(out.counter), now}},
                                        {kAdmitNetwork, {base::BytesView(out.network), now}}}));
  BASE_TRY_VOID(counted(tx, both[0], out.counter, now));
  BASE_TRY_VOID(counted(tx, both[1], out.network, now));
  BASE_TRY_VOID(tx.commit());
  return out;
}

base::Result<void> SoftLock::forgive(const Admission& admission) {
  const auto now = clock_.now();
  BASE_TRY(auto tx, pool_.begin());
  tx.put(kForgiveTry, {base::BytesView(admission.counter), now});
  tx.put(kForgiveTry, {base::BytesView(admission.network), now});
  return tx.commit();
}

void SoftLock::succeeded(store::Tx& tx, const Admission& admission) {
  const auto now = clock_.now();
  tx.put(kForgetFailures, {base::BytesView(admission.counter)});
  tx.put(kForgiveTry, {base::BytesView(admission.network), now});
  tx.put(kKnowNetwork,
         {base::BytesView(admission.account), base::BytesView(admission.network), now});
}

}  // namespace auth
