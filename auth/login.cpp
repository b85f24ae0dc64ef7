// Logging in by password, and the soft lock in front of it.
//
// A try is counted before its password is looked at: any number of tries at once cannot pass the
// limit, on any number of instances, and a restart forgets nothing. What is counted against is
//   - the login name, known or not, from everywhere but where its owner logged in before;
//   - the login name at such a network, by itself: strangers cannot lock the owner out;
//   - the network, so that one address cannot try a thousand names.
// Delays grow and never become a lock that somebody must open (security.md §3.A 12–15,
// docs/decisions/0041-soft-lock.md).
#include "auth/accounts.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

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
constexpr store::Query kFindCredential{"auth.find_credential", R"sql(
  select a.subject_id, c.sealed, s.active
    from auth.account a
    join auth.subject s on s.id = a.subject_id
    left join auth.credential c on c.subject_id = a.subject_id and c.kind = 'password'
   where a.login_name = $1)sql"};
constexpr store::Query kRenewCredential{"auth.renew_credential", R"sql(
  update auth.credential set sealed = $2 where subject_id = $1 and kind = 'password'
     and sealed = $3)sql"};

base::Error slow(base::Time now, base::Time until) {
  auto failure = base::error(base::Code::rate_limited, "auth.login_slow");
  const auto wait = std::chrono::ceil<std::chrono::seconds>(until - now);
  failure.retry_after = std::max(wait, std::chrono::seconds(1));
  failure.args = {{"seconds", std::to_string(failure.retry_after->count())}};
  return failure;
}

/// Counts one try under `key`, or says how long to wait.
base::Result<void> count_try(store::Tx& tx, const store::Query& query, const base::Digest& key,
                             base::Time now) {
  BASE_TRY(const auto counted, tx.run(query, {base::BytesView(key), now}));
  if (!counted.empty()) return {};
  BASE_TRY(const auto rows, tx.run(kBlockedUntil, {base::BytesView(key)}));
  return slow(now, rows.empty() ? now : rows.time(0, 0));
}

}  // namespace

/// A counted try: which counters it stands in.
struct Accounts::Admission {
  base::Digest account{};  // keyed hash of the login name
  base::Digest network{};
  base::Digest counter{};  // the account's, or the account's at this known network
};

base::Result<Accounts::Admission> Accounts::admit(std::string_view login_name,
                                                  std::string_view network) {
  const auto& cipher = parts_.cipher;
  const auto now = parts_.clock.now();
  Admission out;
  out.account = cipher.lookup("auth/login_failure/account", login_name);
  out.network = cipher.lookup("auth/login_failure/network", network);
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto known,
           tx.run(kIsKnownNetwork, {base::BytesView(out.account), base::BytesView(out.network)}));
  out.counter = known.empty()
                    ? out.account
                    : cipher.lookup("auth/login_failure/known",
                                    base::to_hex(out.account) + " " + base::to_hex(out.network));
  // Account first, network second, everywhere: two tries never wait for each other in a ring. A try
  // that one of the two refuses counts in neither: the transaction is dropped.
  BASE_TRY_VOID(count_try(tx, kAdmitAccount, out.counter, now));
  BASE_TRY_VOID(count_try(tx, kAdmitNetwork, out.network, now));
  BASE_TRY_VOID(tx.commit());
  return out;
}

base::Result<void> Accounts::forgive(const Admission& admission) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(tx.run(kForgiveTry, {base::BytesView(admission.counter), now}));
  BASE_TRY_VOID(tx.run(kForgiveTry, {base::BytesView(admission.network), now}));
  return tx.commit();
}

base::Result<SubjectId> Accounts::log_in(std::string_view login_name, const base::Secret& password,
                                         std::string_view network) {
  BASE_TRY(const auto normal, normal_password(password));
  // What cannot be a login name is an unknown one: same answer, same work. A hash stands for it, so
  // that a password typed into the wrong field is kept nowhere.
  const auto name = normal_login_name(login_name);
  const auto counted_as =
      name ? *name : "?" + base::to_hex(base::sha256(base::as_bytes(login_name)));
  BASE_TRY(const auto admission, admit(counted_as, network));

  BASE_TRY(const auto found, parts_.pool.run(kFindCredential, {name ? *name : counted_as}));
  const SubjectId id(found.empty() ? std::string() : std::string(found.text(0, 0)));
  std::string stored;
  if (!found.empty() && !found.is_null(0, 1)) {
    BASE_TRY(const auto opened,
             parts_.cipher.open("auth/credential/password", id.value(), found.bytes(0, 1)));
    stored = base::as_text(opened);
  }
  auto matched = parts_.hasher.matches(normal, stored);
  if (!matched.ok()) {  // never looked at: not a failure of the person's
    BASE_TRY_VOID(forgive(admission));
    return std::move(matched).error();
  }
  const bool good = *matched && found.boolean(0, 2);
  std::optional<base::Bytes> renewed;
  if (good && !parts_.hasher.is_current(stored))
    if (const auto hash = parts_.hasher.hash(normal); hash.ok())
      renewed = parts_.cipher.seal("auth/credential/password", id.value(), base::as_bytes(*hash));

  const auto now = parts_.clock.now();
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("network", base::printable(network, 64));
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  if (good) {
    BASE_TRY_VOID(tx.run(kForgetFailures, {base::BytesView(admission.counter)}));
    BASE_TRY_VOID(tx.run(kForgiveTry, {base::BytesView(admission.network), now}));
    BASE_TRY_VOID(tx.run(kKnowNetwork, {base::BytesView(admission.account),
                                        base::BytesView(admission.network), now}));
    if (renewed) BASE_TRY_VOID(tx.run(kRenewCredential, {id.value(), *renewed, found.bytes(0, 1)}));
  }
  BASE_TRY_VOID(store::audit(tx, {now, good ? id.value() : "anonymous", "login.password",
                                  id.value(), good ? "ok" : "auth.login_failed", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  if (!good) return base::error(base::Code::unauthenticated, "auth.login_failed");
  return id;
}

}  // namespace auth
