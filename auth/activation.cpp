#include "auth/activation.h"

#include "auth/registration.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kHasAccount{"auth.has_account", R"sql(
  select 1 from auth.account where subject_id = $1)sql"};
constexpr store::Query kVoidActivations{"auth.void_activations", R"sql(
  delete from auth.activation where subject_id = $1)sql"};
constexpr store::Query kPutActivation{"auth.put_activation", R"sql(
  insert into auth.activation (digest, subject_id, made_at, made_by, expires_at)
  values ($1, $2, $3, $4, $5))sql"};
constexpr store::Query kFindActivation{"auth.find_activation", R"sql(
  select a.subject_id, a.made_by, a.made_at, a.expires_at
    from auth.activation a join auth.account c on c.subject_id = a.subject_id
   where a.digest = $1 and a.expires_at > $2 and c.login_name = $3)sql"};
constexpr store::Query kSpendActivation{"auth.spend_activation", R"sql(
  delete from auth.activation where digest = $1)sql"};
constexpr store::Query kSweepActivations{"auth.sweep_activations", R"sql(
  delete from auth.activation where digest in (
    select digest from auth.activation where expires_at < $1 order by expires_at limit $2))sql"};

base::Error unknown() {
  return base::error(base::Code::unauthenticated, "auth.activation.unknown");
}

}  // namespace

base::Result<std::string> Activation::issue(const SubjectId& subject, std::string_view by) {
  const auto now = parts_.clock.now();
  const auto secret = parts_.random.bytes(16);
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto there, tx.run(kHasAccount, {subject.value()}));
  if (there.empty()) return base::error(base::Code::not_found, "auth.subject_unknown");
  BASE_TRY_VOID(tx.run(kVoidActivations, {subject.value()}));
  BASE_TRY_VOID(tx.run(kPutActivation, {base::BytesView(base::sha256(secret)), subject.value(), now,
                                        by, now + parts_.life}));
  BASE_TRY_VOID(
      store::audit(tx, {now, std::string(by), "activation.issue", subject.value(), "ok"}));
  BASE_TRY_VOID(tx.commit());
  return base::to_hex(secret);
}

base::Result<void> Activation::redeem(std::string_view login_name, std::string_view code,
                                      const base::Secret& password) {
  const auto bytes = base::from_hex(plain_reference(code));
  const auto name = normal_login_name(login_name);
  if (!bytes || bytes->size() != 16 || !name) return unknown();
  const auto digest = base::sha256(*bytes);
  BASE_TRY(const auto rows,
           parts_.pool.run(kFindActivation, {base::BytesView(digest), parts_.clock.now(), *name}));
  if (rows.empty()) return unknown();
  const SubjectId id(std::string(rows.text(0, 0)));
  BASE_TRY(const auto record, parts_.accounts.subject(id));
  BASE_TRY_VOID(parts_.accounts.judge_password(
      {record.kind, record.name, record.id_type, record.id_number, *name}, password));
  // Spent by one statement: of several at once, one goes on.
  BASE_TRY(const auto spent, parts_.pool.run(kSpendActivation, {base::BytesView(digest)}));
  if (spent.affected() == 0) return unknown();
  auto replaced = parts_.accounts.replace_password(id, password, id.value());
  if (!replaced.ok())  // not done after all: the code is good again
    BASE_TRY_VOID(parts_.pool.run(
        kPutActivation,
        {base::BytesView(digest), id.value(), rows.time(0, 2), rows.text(0, 1), rows.time(0, 3)}));
  return replaced;
}

base::Result<std::int64_t> Activation::sweep(int most) {
  BASE_TRY(const auto gone, parts_.pool.run(kSweepActivations, {parts_.clock.now(), most}));
  return static_cast<std::int64_t>(gone.affected());
}

}  // namespace auth
