#include "auth/staff_desk.h"

#include "auth/activation.h"
#include "auth/staff.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kCounts{"auth.staff_counts", R"sql(
  select (select count(*) from auth.session where subject_id = $1 and expires_at > $2),
         (select count(*) from auth.mandate
           where principal = $1 and ended_at is null and until > $2),
         (select count(*) from auth.mandate
           where agent = $1 and accepted_at is not null and ended_at is null and until > $2))sql"};
constexpr store::Query kMerged{"auth.merged_into", R"sql(
  select id from auth.subject where merged_into = $1 order by id limit 50)sql"};
constexpr store::Query kSignRows{"auth.sign_rows", R"sql(
  select at, act, outcome, coalesce(facts ->> 'network', '') from audit.entry
   where object = $1 order by seq desc limit 300)sql"};

constexpr int kTraceRows = 30;

}  // namespace

std::string masked_change(std::string_view field, const std::string& value) {
  return field == "document" || field == "id_type" ? value : masked_value(field, value);
}

base::Result<std::optional<SubjectId>> StaffDesk::note_search(
    const SubjectId& staff, std::string_view by, const std::optional<SubjectId>& found) {
  const auto now = parts_.clock.now();
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("by", by);
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(staff_alone(tx, staff, now));
  BASE_TRY_VOID(store::audit(tx, {now, staff.value(), "staff.find", found ? found->value() : "",
                                  found ? "ok" : "auth.subject_unknown", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return found;
}

base::Result<std::optional<SubjectId>> StaffDesk::find_login(const SubjectId& staff,
                                                             std::string_view login_name) {
  BASE_TRY(const auto found, parts_.accounts.find_by_login(login_name));
  return note_search(staff, "login_name", found);
}

base::Result<std::optional<SubjectId>> StaffDesk::find_document(const SubjectId& staff,
                                                                const IdentityDocument& document) {
  BASE_TRY(const auto found, find_subject(parts_.pool, parts_.cipher, document));
  return note_search(staff, document.type, found);
}

base::Result<PersonFile> StaffDesk::open(const SubjectId& staff, const SubjectId& subject) {
  const auto now = parts_.clock.now();
  PersonFile out;
  BASE_TRY(const bool may, is_staff(parts_.pool, staff, now));
  if (!may) return base::error(base::Code::permission_denied, "auth.staff.none");
  BASE_TRY(out.record, parts_.accounts.subject(subject));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {now, staff.value(), "staff.view", subject.value(), "ok"}));
  BASE_TRY_VOID(tx.commit());
  OwnAccount own({parts_.pool, parts_.cipher, parts_.clock});
  Locks locks({parts_.pool, parts_.cipher, parts_.clock});
  IdentityRequests requests({parts_.pool, parts_.cipher, parts_.clock, parts_.random});
  Proofings proofings(
      {parts_.pool, parts_.cipher, parts_.accounts, parts_.clock, parts_.random, {}, {}});
  BASE_TRY(out.login_name, own.login_name(subject));
  BASE_TRY(out.documents, documents_of(parts_.pool, parts_.cipher, subject));
  BASE_TRY(const auto standing, proofings.standing(subject));
  out.proofing_until = standing.until;
  BASE_TRY(out.proofings, proofings.history(subject));
  BASE_TRY(out.lock, locks.current(subject));
  BASE_TRY(out.locks, locks.history(subject));
  BASE_TRY(out.factors, factors_of(parts_.pool, parts_.cipher, subject));
  for (auto& factor : out.factors) factor.secret.clear();
  BASE_TRY(const auto counts, parts_.pool.run(kCounts, {subject.value(), now}));
  out.sessions = counts.integer(0, 0);
  out.mandates_given = counts.integer(0, 1);
  out.mandates_received = counts.integer(0, 2);
  BASE_TRY(const auto merged, parts_.pool.run(kMerged, {subject.value()}));
  for (std::size_t i = 0; i < merged.size(); ++i) out.merged.emplace_back(merged.text(i, 0));
  BASE_TRY(out.trace, own.trace(subject, kTraceRows));
  BASE_TRY(const auto rows, parts_.pool.run(kSignRows, {subject.value()}));
  std::vector<SignRow> oldest_first;
  for (std::size_t i = rows.size(); i-- > 0;)
    oldest_first.push_back({rows.time(i, 0), std::string(rows.text(i, 1)),
                            std::string(rows.text(i, 2)), std::string(rows.text(i, 3))});
  out.signs = risk_signs(oldest_first);
  BASE_TRY(out.changes, field_changes(parts_.pool, parts_.cipher, subject));
  BASE_TRY(out.requests, requests.of(subject));
  BASE_TRY(out.is_staff, is_staff(parts_.pool, subject, now));
  return out;
}

base::Result<std::optional<IdentityRequest>> StaffDesk::open_request(const SubjectId& staff,
                                                                     std::string_view request) {
  const auto now = parts_.clock.now();
  BASE_TRY(const bool may, is_staff(parts_.pool, staff, now));
  if (!may) return base::error(base::Code::permission_denied, "auth.staff.none");
  IdentityRequests requests({parts_.pool, parts_.cipher, parts_.clock, parts_.random});
  BASE_TRY(auto found, requests.find_open(request));
  if (!found) return found;
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(store::audit(
      tx, {now, staff.value(), "staff.view_request", found->subject.value(), "ok"}));
  BASE_TRY_VOID(tx.commit());
  return found;
}

base::Result<std::string> StaffDesk::reset(const SubjectId& staff, const SubjectId& subject) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(staff_for_another(tx, staff, subject, parts_.clock.now()));
  BASE_TRY_VOID(tx.commit());
  return Activation({parts_.pool, parts_.accounts, parts_.clock, parts_.random})
      .issue(subject, staff.value());
}

}  // namespace auth
