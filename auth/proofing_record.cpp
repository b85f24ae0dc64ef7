// What was found, put down; the level that follows from it; separate consents.
#include "auth/proofings.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

// Locked first: evidence of one subject is put down one after the other, so that a level is reached
// once.
constexpr store::Query kLockLevel{"auth.lock_proofing", R"sql(
  select proofing, proofing_until from auth.subject where id = $1 for update)sql"};
constexpr store::Query kPutProofing{"auth.put_proofing", R"sql(
  insert into auth.proofing (id, subject_id, method, source, outcome, level, matched, transaction,
                             at, valid_until)
  values ($1, $2, $3, $4, $5, $6::bigint::smallint, $7, $8, $9, $10))sql"};
constexpr store::Query kBestProofing{"auth.best_proofing", R"sql(
  select level, case when bool_or(valid_until is null) then null else max(valid_until) end
    from auth.proofing
   where subject_id = $1 and outcome = 'matches' and ended_at is null
     and (valid_until is null or valid_until > $2)
   group by level order by level desc limit 1)sql"};
constexpr store::Query kSetLevel{"auth.set_proofing", R"sql(
  update auth.subject set proofing = $2::bigint::smallint, proofing_until = $3 where id = $1)sql"};
constexpr store::Query kHistory{"auth.proofing_history", R"sql(
  select method, source, outcome, transaction, level, at, valid_until,
         outcome = 'matches' and ended_at is null and (valid_until is null or valid_until > $2)
    from auth.proofing where subject_id = $1 order by at desc, id limit $3)sql"};
constexpr store::Query kStanding{"auth.proofing_standing", R"sql(
  select auth.proofing_at(proofing, proofing_until, $2), proofing_until
    from auth.subject where id = $1)sql"};
constexpr store::Query kHasConsent{"auth.has_proofing_consent", R"sql(
  select 1 from auth.proofing_consent
   where subject_id = $1 and method = $2 and sha256 = $3 and withdrawn_at is null)sql"};
constexpr store::Query kEndConsent{"auth.end_proofing_consent", R"sql(
  update auth.proofing_consent set withdrawn_at = $3
   where subject_id = $1 and method = $2 and withdrawn_at is null)sql"};
constexpr store::Query kPutConsent{"auth.put_proofing_consent", R"sql(
  insert into auth.proofing_consent (subject_id, method, sha256, given_at)
  values ($1, $2, $3, $4))sql"};
constexpr store::Query kEndVisits{"auth.end_proofing_visits", R"sql(
  delete from auth.proofing_visit where subject_id = $1 and method = $2)sql"};
constexpr store::Query kRunOut{"auth.proofings_run_out", R"sql(
  select id from auth.subject where proofing_until <= $1 order by proofing_until limit $2)sql"};
constexpr store::Query kSweepVisits{"auth.sweep_proofing_visits", R"sql(
  delete from auth.proofing_visit where digest in (
    select digest from auth.proofing_visit where expires_at < $1 order by expires_at limit $2))sql"};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

base::Result<Proofing> settle_proofing(store::Tx& tx, const SubjectId& subject, base::Time now,
                                       std::string_view by) {
  BASE_TRY(const auto stands, tx.run(kLockLevel, {subject.value()}));
  if (stands.empty()) return base::error(base::Code::not_found, "auth.subject_unknown");
  const auto before = stands.integer(0, 0);
  BASE_TRY(const auto best, tx.run(kBestProofing, {subject.value(), now}));
  const auto level = best.empty() ? 0 : best.integer(0, 0);
  std::optional<base::Time> until, stood_until;
  if (!best.empty() && !best.is_null(0, 1)) until = best.time(0, 1);
  if (!stands.is_null(0, 1)) stood_until = stands.time(0, 1);
  if (level == before && until == stood_until) return static_cast<Proofing>(level);
  BASE_TRY_VOID(tx.run(kSetLevel, {subject.value(), level, until}));
  if (level != before) {
    base::JsonWriter facts;
    facts.StartObject();
    facts.member("from", before);
    facts.member("to", level);
    facts.EndObject();
    BASE_TRY_VOID(store::audit(
        tx, {now, std::string(by), level > before ? "proofing.raise" : "proofing.lapse",
             subject.value(), "ok", facts.text()}));
  }
  return static_cast<Proofing>(level);
}

base::Result<Proofing> put_proofing(store::Tx& tx, base::Random& random,
                                    const ProofingEvidence& evidence, base::Time now,
                                    std::string_view by) {
  const bool good = evidence.outcome == ProofingOutcome::matches;
  base::check(good == evidence.level.has_value(), "a match proves a level, and nothing else does");
  BASE_TRY(const auto there, tx.run(kLockLevel, {evidence.subject.value()}));
  if (there.empty()) return base::error(base::Code::not_found, "auth.subject_unknown");
  std::optional<std::int64_t> level;
  if (evidence.level) level = static_cast<int>(*evidence.level);
  auto put = tx.run(kPutProofing, {base::to_hex(random.bytes(16)), evidence.subject.value(),
                                   evidence.method, evidence.source, to_text(evidence.outcome),
                                   level, good ? joined(evidence.matched) : std::string(),
                                   evidence.transaction, now, evidence.valid_until});
  if (!put.ok() && store::is_violation(put.error(), "proofing_once"))
    return base::error(base::Code::conflict, "auth.proofing.replayed");
  BASE_TRY_VOID(std::move(put));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("method", evidence.method);
  facts.member("source", evidence.source);
  if (!evidence.transaction.empty()) facts.member("transaction", evidence.transaction);
  if (level) facts.member("level", *level);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, std::string(by), "proofing.try", evidence.subject.value(),
           good ? "ok" : "auth.proofing." + std::string(to_text(evidence.outcome)), facts.text()}));
  return settle_proofing(tx, evidence.subject, now, by);
}

base::Result<std::vector<Proofings::Row>> Proofings::history(const SubjectId& subject, int most) {
  BASE_TRY(const auto rows, parts_.pool.run(kHistory, {subject.value(), parts_.clock.now(), most}));
  std::vector<Row> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Row one{std::string(rows.text(i, 0)),
            std::string(rows.text(i, 1)),
            std::string(rows.text(i, 2)),
            std::string(rows.text(i, 3)),
            std::nullopt,
            rows.time(i, 5),
            std::nullopt,
            rows.boolean(i, 7)};
    if (!rows.is_null(i, 4)) one.level = static_cast<Proofing>(rows.integer(i, 4));
    if (!rows.is_null(i, 6)) one.valid_until = rows.time(i, 6);
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<Proofings::Standing> Proofings::standing(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kStanding, {subject.value(), parts_.clock.now()}));
  if (rows.empty()) return base::error(base::Code::not_found, "auth.subject_unknown");
  Standing out{static_cast<Proofing>(rows.integer(0, 0)), std::nullopt};
  if (!rows.is_null(0, 1)) out.until = rows.time(0, 1);
  return out;
}

base::Result<bool> Proofings::has_consent(const SubjectId& subject, std::string_view method) {
  const auto text = base::sha256(base::as_bytes(parts_.config.face_consent));
  BASE_TRY(const auto rows,
           parts_.pool.run(kHasConsent, {subject.value(), method, base::BytesView(text)}));
  return !rows.empty();
}

base::Result<void> Proofings::consent(const SubjectId& subject, std::string_view method) {
  const auto* known = proofing_method(method);
  if (known == nullptr || !known->consent)
    return base::error(base::Code::invalid_argument, "auth.proofing.method");
  const auto now = parts_.clock.now();
  const auto text = base::sha256(base::as_bytes(parts_.config.face_consent));
  BASE_TRY(const bool given, has_consent(subject, method));
  if (given) return {};
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(tx.run(kLockLevel, {subject.value()}));
  BASE_TRY_VOID(tx.run(kEndConsent, {subject.value(), method, now}));  // to a text of before
  BASE_TRY_VOID(tx.run(kPutConsent, {subject.value(), method, base::BytesView(text), now}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("method", method);
  facts.member("text_sha256", base::to_hex(text));
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, subject.value(), "proofing.consent", subject.value(), "ok", facts.text()}));
  return tx.commit();
}

base::Result<void> Proofings::withdraw(const SubjectId& subject, std::string_view method) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto ended, tx.run(kEndConsent, {subject.value(), method, now}));
  if (ended.affected() == 0) return base::error(base::Code::not_found, "auth.proofing.consent");
  BASE_TRY_VOID(tx.run(kEndVisits, {subject.value(), method}));  // also one that is under way
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("method", method);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {now, subject.value(), "proofing.withdraw", subject.value(), "ok", facts.text()}));
  return tx.commit();
}

base::Result<std::int64_t> Proofings::sweep(int most) {
  const auto now = parts_.clock.now();
  BASE_TRY(const auto visits, parts_.pool.run(kSweepVisits, {now, most}));
  auto count = static_cast<std::int64_t>(visits.affected());
  BASE_TRY(const auto over, parts_.pool.run(kRunOut, {now, most}));
  for (std::size_t i = 0; i < over.size(); ++i) {
    BASE_TRY(auto tx, parts_.pool.begin());
    BASE_TRY_VOID(
        settle_proofing(tx, SubjectId(std::string(over.text(i, 0))), now, "system:xinyind"));
    BASE_TRY_VOID(tx.commit());
    ++count;
  }
  return count;
}

}  // namespace auth
