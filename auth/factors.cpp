#include "auth/factors.h"

#include <algorithm>
#include <array>

#include "auth/accounts.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/factor";

// One statement takes the subject's lock first, so that the number of factors is what it seems.
constexpr store::Query kLockSubject{"auth.lock_subject_for_factor", R"sql(
  select count(f.id) from (select id from auth.subject where id = $1 for no key update) s
    left join auth.factor f on f.subject_id = s.id and f.ended_at is null)sql"};
constexpr store::Query kPutFactor{"auth.put_factor", R"sql(
  insert into auth.factor (id, subject_id, kind, label, sealed, lookup, counter, added_at,
                           usable_from)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  on conflict do nothing returning 1::bigint)sql"};
constexpr store::Query kFactorsOf{"auth.factors_of", R"sql(
  select id, subject_id, kind, label, sealed, counter, added_at, usable_from, last_used_at
    from auth.factor where subject_id = $1 and ended_at is null order by added_at, id)sql"};
constexpr store::Query kFindFactor{"auth.find_factor", R"sql(
  select id, subject_id, kind, label, sealed, counter, added_at, usable_from, last_used_at
    from auth.factor where kind = $1 and lookup = $2 and ended_at is null)sql"};
constexpr store::Query kUseCounted{"auth.use_counted_factor", R"sql(
  update auth.factor set counter = $2, last_used_at = $3
   where id = $1 and counter < $2 and ended_at is null returning 1::bigint)sql"};
constexpr store::Query kUse{"auth.use_factor", R"sql(
  update auth.factor set last_used_at = $2
   where id = $1 and ended_at is null returning 1::bigint)sql"};
constexpr store::Query kEndFactor{"auth.end_factor", R"sql(
  update auth.factor set ended_at = $3
   where subject_id = $1 and id = $2 and ended_at is null
  returning id, subject_id, kind, label, sealed, counter, added_at, usable_from, last_used_at)sql"};
constexpr store::Query kForgetCertificate{"auth.forget_certificate", R"sql(
  delete from auth.certificate where id = $1)sql"};
constexpr store::Query kEndAll{"auth.end_factors_of", R"sql(
  update auth.factor set ended_at = $2 where subject_id = $1 and ended_at is null
  returning id, kind)sql"};
// One that its owner removed comes not back, and its row says so; one of a subject that is merged may
// be added to the other, unless there may be a copy of it.
constexpr store::Query kForgetPasskey{"auth.forget_passkey", R"sql(
  delete from auth.passkey where id = $1 and suspended_at is null)sql"};
constexpr store::Query kForgetCertificates{"auth.forget_certificates", R"sql(
  delete from auth.certificate where subject_id = $1)sql"};
constexpr store::Query kForgetSignIns{"auth.forget_sign_ins", R"sql(
  delete from auth.sign_in where subject_id = $1)sql"};
constexpr store::Query kRenameFactor{"auth.rename_factor", R"sql(
  update auth.factor set label = $3
   where subject_id = $1 and id = $2 and ended_at is null returning 1::bigint)sql"};

constexpr std::array<std::string_view, 7> kKinds{
    "sms", "totp", "recovery", "passkey", "certificate", "social_card", "third_party"};

base::Result<Factor> read(const store::FieldCipher& cipher, const store::Rows& rows, std::size_t at) {
  Factor out;
  out.id = rows.text(at, 0);
  out.subject = SubjectId(std::string(rows.text(at, 1)));
  const auto kind = factor_kind(rows.text(at, 2));
  base::check(kind.has_value(), "the database holds known kinds of factors");
  out.kind = *kind;
  out.label = rows.text(at, 3);
  BASE_TRY(out.secret, cipher.open(kField, out.id, rows.bytes(at, 4)));
  out.counter = rows.integer(at, 5);
  out.added_at = rows.time(at, 6);
  out.usable_from = rows.time(at, 7);
  if (!rows.is_null(at, 8)) out.last_used_at = rows.time(at, 8);
  return out;
}

/// One line for people, 1 to 64 code points; nothing when it cannot be one.
std::optional<std::string> normal_label(std::string_view text) {
  auto shown = normal_name(SubjectKind::unit, text);
  if (!shown || base::to_code_points(*shown).size() > 64) return std::nullopt;
  return shown;
}

base::Result<void> note(store::Tx& tx, const char* act, const Factor& factor, std::string_view by,
                        base::Time now) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("factor", factor.id);
  facts.member("kind", to_text(factor.kind));
  facts.EndObject();
  return store::audit(tx, {now, std::string(by), act, factor.subject.value(), "ok", facts.text()});
}

}  // namespace

std::string_view to_text(FactorKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::optional<FactorKind> factor_kind(std::string_view text) {
  const auto at = std::find(kKinds.begin(), kKinds.end(), text);
  if (at == kKinds.end()) return std::nullopt;
  return static_cast<FactorKind>(at - kKinds.begin());
}

base::Result<std::string> add_factor(store::Tx& tx, const store::FieldCipher& cipher,
                                     base::Random& random, const NewFactor& factor,
                                     std::string_view by, base::Time now) {
  const auto label = normal_label(factor.label);
  if (!label) {
    auto failure = base::error(base::Code::invalid_argument, "auth.factor.label");
    failure.fields.push_back({"label", "auth.factor.label"});
    return failure;
  }
  BASE_TRY(const auto locked, tx.run(kLockSubject, {factor.subject.value()}));
  if (locked.integer(0, 0) >= static_cast<std::int64_t>(kMostFactors))
    return base::error(base::Code::conflict, "auth.factor.too_many");
  Factor made;
  made.id = base::to_hex(random.bytes(16));
  made.subject = factor.subject;
  made.kind = factor.kind;
  std::optional<base::Bytes> lookup;
  if (factor.lookup) lookup = base::to_bytes(*factor.lookup);
  BASE_TRY(const auto put,
           tx.run(kPutFactor,
                  {made.id, factor.subject.value(), to_text(factor.kind), *label,
                   cipher.seal(kField, made.id, factor.secret), lookup, factor.counter, now,
                   now + factor.cool_off}));
  if (put.empty()) return base::error(base::Code::conflict, "auth.factor.taken");
  BASE_TRY_VOID(note(tx, "factor.add", made, by, now));
  return made.id;
}

base::Result<std::vector<Factor>> factors_of(store::Pool& pool, const store::FieldCipher& cipher,
                                             const SubjectId& subject) {
  BASE_TRY(const auto rows, pool.run(kFactorsOf, {subject.value()}));
  std::vector<Factor> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BASE_TRY(auto one, read(cipher, rows, i));
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<std::optional<Factor>> find_factor(store::Pool& pool, const store::FieldCipher& cipher,
                                                FactorKind kind, const base::Digest& lookup) {
  BASE_TRY(const auto rows, pool.run(kFindFactor, {to_text(kind), base::BytesView(lookup)}));
  if (rows.empty()) return std::optional<Factor>();
  BASE_TRY(auto one, read(cipher, rows, 0));
  return std::optional<Factor>(std::move(one));
}

base::Result<bool> use_factor(store::Tx& tx, const Factor& factor, std::int64_t counter,
                              base::Time now) {
  BASE_TRY(const auto used, tx.run(kUseCounted, {factor.id, counter, now}));
  return !used.empty();
}

base::Result<bool> use_factor(store::Tx& tx, const Factor& factor, base::Time now) {
  BASE_TRY(const auto used, tx.run(kUse, {factor.id, now}));
  return !used.empty();
}

base::Result<Factor> end_factor(store::Tx& tx, const store::FieldCipher& cipher,
                                const SubjectId& subject, std::string_view id, std::string_view by,
                                base::Time now) {
  BASE_TRY(const auto ended, tx.run(kEndFactor, {subject.value(), id, now}));
  if (ended.empty()) return base::error(base::Code::not_found, "auth.factor.unknown");
  BASE_TRY(auto factor, read(cipher, ended, 0));
  if (factor.kind == FactorKind::certificate) tx.put(kForgetCertificate, {factor.id});
  BASE_TRY_VOID(note(tx, "factor.remove", factor, by, now));
  return factor;
}

base::Result<std::size_t> end_factors_of(store::Tx& tx, const SubjectId& subject,
                                         std::string_view by, base::Time now) {
  BASE_TRY(const auto ended, tx.run(kEndAll, {subject.value(), now}));
  for (std::size_t i = 0; i < ended.size(); ++i) {
    Factor one;
    one.id = ended.text(i, 0);
    one.subject = subject;
    one.kind = *factor_kind(ended.text(i, 1));
    if (one.kind == FactorKind::passkey) BASE_TRY_VOID(tx.run(kForgetPasskey, {one.id}));
    BASE_TRY_VOID(note(tx, "factor.remove", one, by, now));
  }
  BASE_TRY_VOID(tx.run(kForgetCertificates, {subject.value()}));
  BASE_TRY_VOID(tx.run(kForgetSignIns, {subject.value()}));
  return ended.size();
}

base::Result<void> rename_factor(store::Pool& pool, const SubjectId& subject, std::string_view id,
                                 std::string_view label) {
  const auto normal = normal_label(label);
  if (!normal) return base::error(base::Code::invalid_argument, "auth.factor.label");
  BASE_TRY(const auto named, pool.run(kRenameFactor, {subject.value(), id, *normal}));
  if (named.empty()) return base::error(base::Code::not_found, "auth.factor.unknown");
  return {};
}

std::optional<Method> method_of(FactorKind kind) {
  switch (kind) {
    case FactorKind::sms:
      return Method::sms;
    case FactorKind::totp:
      return Method::totp;
    case FactorKind::recovery:
      return Method::recovery_code;
    case FactorKind::passkey:
      return Method::passkey;
    case FactorKind::certificate:
      return Method::certificate;
    case FactorKind::social_card:
      return Method::social_card;
    case FactorKind::third_party:
      return std::nullopt;  // it stands in the password's place, never behind it
  }
  return std::nullopt;
}

std::vector<Factor> second_steps(std::vector<Factor> factors, Methods proven, base::Time now) {
  const auto reached = authentication_of(proven);
  std::erase_if(factors, [&](const Factor& factor) {
    const auto method = method_of(factor.kind);
    return !method || factor.usable_from > now || authentication_of(proven.with(*method)) <= reached;
  });
  return factors;
}

Steps steps_after(std::vector<Factor> factors, SubjectKind kind, Methods proven, base::Time now) {
  Steps out;
  const bool bound =
      kind == SubjectKind::unit &&
      std::any_of(factors.begin(), factors.end(),
                  [](const Factor& one) { return one.kind == FactorKind::certificate; });
  out.password = proven.has(Method::certificate) && !proven.has(Method::password);
  if (bound) {
    const bool shown = proven.has(Method::certificate) || proven.has(Method::recovery_code);
    out.enough = shown && proven.has(Method::password);
    out.password = !proven.has(Method::password);
    if (!shown)
      std::erase_if(factors, [&](const Factor& one) {
        return one.usable_from > now || (one.kind != FactorKind::certificate &&
                                         one.kind != FactorKind::recovery);
      });
    else
      factors = second_steps(std::move(factors), proven, now);
    out.factors = std::move(factors);
    return out;
  }
  out.factors = second_steps(std::move(factors), proven, now);
  out.enough = authentication_of(proven) > Authentication::password ||
               (out.factors.empty() && !out.password);
  return out;
}

}  // namespace auth
