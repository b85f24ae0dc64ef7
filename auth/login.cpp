// Logging in by password: the soft lock (auth/soft_lock.h), one hash, one answer.
#include "auth/accounts.h"
#include "auth/locks.h"
#include "auth/soft_lock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kFindCredential{"auth.find_credential", R"sql(
  select a.subject_id, c.sealed, auth.is_open(s.active, s.locked_until, $2), s.locked_until,
         s.merged_into is not null
    from auth.account a
    join auth.subject s on s.id = a.subject_id
    left join auth.credential c on c.subject_id = a.subject_id and c.kind = 'password'
   where a.login_name = $1)sql"};
constexpr store::Query kRenewCredential{"auth.renew_credential", R"sql(
  update auth.credential set sealed = $2 where subject_id = $1 and kind = 'password'
     and sealed = $3)sql"};

std::string facts_of(std::string_view network) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("network", base::printable(network, 64));
  facts.EndObject();
  return facts.text();
}

}  // namespace

base::Result<SubjectId> Accounts::log_in(std::string_view login_name, const base::Secret& password,
                                         std::string_view network) {
  BASE_TRY(const auto normal, normal_password(password));
  // What cannot be a login name is an unknown one: same answer, same work. A hash stands for it, so
  // that a password typed into the wrong field is kept nowhere.
  const auto name = normal_login_name(login_name);
  const auto counted_as =
      name ? *name : "?" + base::to_hex(base::sha256(base::as_bytes(login_name)));
  SoftLock lock(parts_.pool, parts_.cipher, parts_.clock);
  BASE_TRY(const auto admission, lock.admit(SoftLock::kAccount, counted_as, network));

  BASE_TRY(const auto found, parts_.pool.run(kFindCredential, {name ? *name : counted_as, parts_.clock.now()}));
  const SubjectId id(found.empty() ? std::string() : std::string(found.text(0, 0)));
  std::string stored;
  if (!found.empty() && !found.is_null(0, 1)) {
    BASE_TRY(const auto opened,
             parts_.cipher.open("auth/credential/password", id.value(), found.bytes(0, 1)));
    stored = base::as_text(opened);
  }
  auto matched = parts_.hasher.matches(normal, stored);
  if (!matched.ok()) {  // never looked at: not a failure of the person's
    BASE_TRY_VOID(lock.forgive(admission));
    return std::move(matched).error();
  }
  // One who proved himself is told of the lock; to all others a locked account is like any. What he
  // typed was right: it is no failure to count.
  if (*matched && !found.boolean(0, 2) && !found.boolean(0, 4)) {
    BASE_TRY_VOID(lock.forgive(admission));
    const auto told =
        locked_error(found.is_null(0, 3) ? std::nullopt : std::optional(found.time(0, 3)));
    BASE_TRY(auto tx, parts_.pool.begin());
    BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), id.value(), "login.password", id.value(),
                                    told.key, facts_of(network)}));
    BASE_TRY_VOID(tx.commit());
    return told;
  }
  const bool good = *matched && found.boolean(0, 2);
  std::optional<base::Bytes> renewed;
  if (good && !parts_.hasher.is_current(stored))
    if (const auto hash = parts_.hasher.hash(normal); hash.ok())
      renewed = parts_.cipher.seal("auth/credential/password", id.value(), base::as_bytes(*hash));

  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  if (good) {
    lock.succeeded(tx, admission);
    if (renewed) tx.put(kRenewCredential, {id.value(), *renewed, found.bytes(0, 1)});
  }
  BASE_TRY_VOID(store::audit(tx, {now, good ? id.value() : "anonymous", "login.password",
                                  id.value(), good ? "ok" : "auth.login_failed", facts_of(network)}));
  BASE_TRY_VOID(tx.commit());
  if (!good) return base::error(base::Code::unauthenticated, "auth.login_failed");
  return id;
}

}  // namespace auth
