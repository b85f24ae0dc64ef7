#include "auth/own_account.h"

#include "auth/consents.h"
#include "auth/details.h"
#include "auth/logout_notices.h"
#include "auth/notices.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr const char* kChangeField = "auth/subject_change";

constexpr store::Query kOwnLoginName{"auth.own_login_name", R"sql(
  select login_name from auth.account where subject_id = $1)sql"};
constexpr store::Query kOwnSessions{"auth.own_sessions", R"sql(
  select s.id, s.authentication, s.authenticated_at, s.seen_at,
         (select e.facts ->> 'network' from audit.entry e
           where e.object = s.id and e.act = 'session.open' limit 1)
    from auth.session s
   where s.subject_id = $1 and s.expires_at > $2 order by s.authenticated_at desc limit 100)sql"};
constexpr store::Query kEndOwnSession{"auth.end_own_session", R"sql(
  delete from auth.session where subject_id = $1 and id = $2)sql"};
constexpr store::Query kRevokeInSession{"auth.revoke_in_session", R"sql(
  update auth.authorization_grant set revoked_at = $2
   where session_id = $1 and revoked_at is null)sql"};
constexpr store::Query kOwnConsents{"auth.own_consents", R"sql(
  select n.client_id, c.name, trim(n.scopes || ' ' || n.claims), n.granted_at
    from auth.consent n join auth.client c on c.id = n.client_id
   where n.subject_id = $1 order by n.granted_at desc)sql"};
constexpr store::Query kForgetConsent{"auth.forget_consent", R"sql(
  delete from auth.consent where subject_id = $1 and client_id = $2)sql"};
constexpr store::Query kRevokeOfClient{"auth.revoke_of_client", R"sql(
  update auth.authorization_grant set revoked_at = $3
   where subject_id = $1 and client_id = $2 and revoked_at is null)sql"};
constexpr store::Query kTrace{"auth.own_trace", R"sql(
  select at, act, outcome, facts ->> 'network', actor = $1 from audit.entry
   where seq in (
     (select seq from audit.entry where actor = $1 order by seq desc limit $2)
     union
     (select seq from audit.entry where object = $1 order by seq desc limit $2))
   order by seq desc limit $2)sql"};
constexpr store::Query kNoteChange{"auth.note_change", R"sql(
  insert into auth.subject_change (subject_id, at, by, fields, sealed)
  values ($1, $2, $3, $4, $5))sql"};
constexpr store::Query kChanges{"auth.own_changes", R"sql(
  select at, fields, by = $1 from auth.subject_change
   where subject_id = $1 order by id desc limit 100)sql"};
constexpr store::Query kFieldChanges{"auth.field_changes", R"sql(
  select at, by, fields, sealed from auth.subject_change
   where subject_id = $1 order by id desc limit 100)sql"};

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(at), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

base::Result<void> note_change(store::Tx& tx, const store::FieldCipher& cipher,
                               const SubjectId& subject, std::string_view by,
                               const FieldValues& before, const FieldValues& after,
                               base::Time now) {
  FieldValues both;
  std::string names;
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    both.insert_or_assign(name + ".from", old == before.end() ? std::string() : old->second);
    both.insert_or_assign(name + ".to", value);
    names += (names.empty() ? "" : ",") + name;
  }
  BASE_TRY_VOID(tx.run(
      kNoteChange, {subject.value(), now, by, names,
                    cipher.seal(kChangeField, subject.value(), base::as_bytes(to_json(both)))}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("fields", names);
  facts.EndObject();
  return store::audit(
      tx, {now, std::string(by), "subject.change", subject.value(), "ok", facts.text()});
}

base::Result<std::vector<FieldChange>> field_changes(store::Pool& pool,
                                                     const store::FieldCipher& cipher,
                                                     const SubjectId& subject) {
  BASE_TRY(const auto rows, pool.run(kFieldChanges, {subject.value()}));
  std::vector<FieldChange> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BASE_TRY(const auto opened, cipher.open(kChangeField, subject.value(), rows.bytes(i, 3)));
    auto values = values_from_json(base::as_text(opened));
    for (const auto& field : split(rows.text(i, 2), ','))
      out.push_back({rows.time(i, 0), std::string(rows.text(i, 1)), field, values[field + ".from"],
                     values[field + ".to"]});
  }
  return out;
}

base::Result<std::string> OwnAccount::login_name(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kOwnLoginName, {subject.value()}));
  return rows.empty() ? std::string() : std::string(rows.text(0, 0));
}

base::Result<std::vector<OwnSession>> OwnAccount::sessions(const SubjectId& subject,
                                                           std::string_view current) {
  BASE_TRY(const auto rows, parts_.pool.run(kOwnSessions, {subject.value(), parts_.clock.now()}));
  std::vector<OwnSession> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    OwnSession one;
    one.id = rows.text(i, 0);
    one.authentication = static_cast<Authentication>(rows.integer(i, 1));
    one.authenticated_at = rows.time(i, 2);
    one.seen_at = rows.time(i, 3);
    if (!rows.is_null(i, 4)) one.network = rows.text(i, 4);
    one.current = one.id == current;
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<void> OwnAccount::end_session(const SubjectId& subject, std::string_view session) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto ended, tx.run(kEndOwnSession, {subject.value(), session}));
  if (ended.affected() == 0) return base::error(base::Code::not_found, "auth.session_unknown");
  BASE_TRY_VOID(note_session_end(tx, session, now));
  BASE_TRY_VOID(tx.run(kRevokeInSession, {session, now}));
  BASE_TRY_VOID(
      store::audit(tx, {now, subject.value(), "session.end", std::string(session), "ok"}));
  return tx.commit();
}

base::Result<std::vector<OwnConsent>> OwnAccount::consents(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kOwnConsents, {subject.value()}));
  std::vector<OwnConsent> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({std::string(rows.text(i, 0)), std::string(rows.text(i, 1)),
                   split(rows.text(i, 2), ' '), rows.time(i, 3)});
  return out;
}

base::Result<void> OwnAccount::revoke_consent(const SubjectId& subject, std::string_view client) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto gone, tx.run(kForgetConsent, {subject.value(), client}));
  if (gone.affected() == 0) return base::error(base::Code::not_found, "auth.consent_unknown");
  BASE_TRY_VOID(note_client_end(tx, subject, client, now));
  BASE_TRY_VOID(tx.run(kRevokeOfClient, {subject.value(), client, now}));
  BASE_TRY_VOID(deny_devices(tx, subject, client));
  BASE_TRY_VOID(
      store::audit(tx, {now, subject.value(), "consent.revoke", std::string(client), "ok"}));
  return tx.commit();
}

base::Result<std::vector<TraceRow>> OwnAccount::trace(const SubjectId& subject, int most) {
  BASE_TRY(const auto rows, parts_.pool.run(kTrace, {subject.value(), most}));
  std::vector<TraceRow> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({rows.time(i, 0), std::string(rows.text(i, 1)), std::string(rows.text(i, 2)),
                   rows.is_null(i, 3) ? std::string() : std::string(rows.text(i, 3)),
                   rows.boolean(i, 4)});
  return out;
}

base::Result<Judged> OwnAccount::change_details(const SubjectRecord& subject,
                                                const FieldValues& typed) {
  BASE_TRY(const auto before, details_of(parts_.pool, parts_.cipher, subject.id));
  auto wanted = before;
  for (const auto& [name, value] : typed) wanted.insert_or_assign(name, value);
  // The rules of some fields look at the document.
  wanted.insert_or_assign("id_type", subject.id_type);
  wanted.insert_or_assign("id_number", subject.id_number);
  wanted.insert_or_assign("country", subject.id_country);
  const auto now = parts_.clock.now();
  auto judged =
      judge_fields(subject.kind, RegistrationStep::details, wanted, base::china_date(now));
  if (!judged.wrong.empty()) return judged;
  FieldValues changed;
  for (const auto& field : registration_fields(subject.kind)) {
    if (field.step != RegistrationStep::details) continue;
    const auto old = before.find(field.name);
    const auto next = judged.values.find(field.name);
    const auto was = old == before.end() ? std::string() : old->second;
    const auto is = next == judged.values.end() ? std::string() : next->second;
    if (was != is) changed.emplace(field.name, is);
  }
  if (changed.empty()) return judged;
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY_VOID(put_details(tx, parts_.cipher, subject.id, judged.values, now));
  BASE_TRY_VOID(
      note_change(tx, parts_.cipher, subject.id, subject.id.value(), before, changed, now));
  const auto from = phone_in(before), to = phone_in(judged.values);
  if (from != to)
    BASE_TRY_VOID(Notices({parts_.pool, parts_.cipher, parts_.clock})
                      .contact_changed(tx, subject.id, from, to));
  BASE_TRY_VOID(tx.commit());
  return judged;
}

base::Result<std::vector<ChangeRow>> OwnAccount::changes(const SubjectId& subject) {
  BASE_TRY(const auto rows, parts_.pool.run(kChanges, {subject.value()}));
  std::vector<ChangeRow> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({rows.time(i, 0), split(rows.text(i, 1), ','), rows.boolean(i, 2)});
  return out;
}

}  // namespace auth
