#include "auth/mandates.h"

#include <algorithm>

#include "auth/details.h"
#include "auth/identities.h"
#include "auth/identity_requests.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr const char* kField = "auth/mandate";
constexpr int kMostOpen = 100;

constexpr store::Query kPut{"auth.put_mandate", R"sql(
  insert into auth.mandate (id, principal, agent_type, agent_lookup, agent_sealed, items, since,
                            until, most_uses, offered_at, offered_by, evidence)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9::bigint::integer, $10, $11, $12))sql"};
constexpr store::Query kOpenOf{"auth.open_mandates_of", R"sql(
  select count(*) from auth.mandate where principal = $1 and ended_at is null and until > $2)sql"};
constexpr store::Query kGiven{"auth.mandates_given", R"sql(
  select id, principal, agent, agent_sealed, items, since, until, most_uses, uses, offered_at,
         evidence, ended_at is not null
    from auth.mandate where principal = $1 order by offered_at desc, id limit 200)sql"};
constexpr store::Query kReceived{"auth.mandates_received", R"sql(
  select m.id, m.principal, m.agent, m.agent_sealed, m.items, m.since, m.until, m.most_uses, m.uses,
         m.offered_at, m.evidence, m.ended_at is not null
    from auth.mandate m join auth.subject p on p.id = m.principal
     and auth.is_open(p.active, p.locked_until, $2)
   where m.agent = $1
      or (m.accepted_at is null and m.ended_at is null and m.until > $2 and m.principal <> $1
          and (m.agent_type, m.agent_lookup) in (
            select d.type, d.lookup from auth.identity_document d
              join auth.subject s on s.id = d.subject_id
               and auth.proofing_at(s.proofing, s.proofing_until, $2) >= 2
             where d.subject_id = $1))
   order by m.offered_at desc, m.id limit 200)sql"};
// Of any number of answers at once one finds it open.
constexpr store::Query kAccept{"auth.accept_mandate", R"sql(
  update auth.mandate m set agent = $2, accepted_at = $3
    from auth.identity_document d
   where m.id = $1 and m.accepted_at is null and m.ended_at is null and m.until > $3
     and m.principal <> $2 and d.subject_id = $2 and d.type = m.agent_type
     and d.lookup = m.agent_lookup
  returning m.principal)sql"};
constexpr store::Query kAcceptRecorded{"auth.accept_recorded_mandate", R"sql(
  update auth.mandate set agent = $2, accepted_at = $3 where id = $1 and accepted_at is null)sql"};
constexpr store::Query kEnd{"auth.end_mandate", R"sql(
  update auth.mandate m set ended_at = $3, ended_by = $2
   where m.id = $1 and m.ended_at is null
     and (m.principal = $2 or m.agent = $2
          or (m.accepted_at is null and (m.agent_type, m.agent_lookup) in (
                select d.type, d.lookup from auth.identity_document d
                  join auth.subject s on s.id = d.subject_id
                   and auth.proofing_at(s.proofing, s.proofing_until, $3) >= 2
                 where d.subject_id = $2)))
  returning m.principal)sql"};
constexpr store::Query kEndByStaff{"auth.end_mandate_by_staff", R"sql(
  update auth.mandate set ended_at = $3, ended_by = $2 where id = $1 and ended_at is null
  returning principal)sql"};
constexpr store::Query kChoose{"auth.choose_mandate", R"sql(
  update auth.session s set mandate_id = $3
   where s.id = $1 and s.subject_id = $2
     and ($3::text is null or exists (
       select 1 from auth.mandate m join auth.subject p on p.id = m.principal
          and auth.is_open(p.active, p.locked_until, $4)
        where m.id = $3 and m.agent = $2 and m.ended_at is null and m.since <= $4
          and m.until > $4)))sql"};
constexpr store::Query kChosen{"auth.chosen_mandate", R"sql(
  select m.id, m.principal, m.agent, m.agent_sealed, m.items, m.since, m.until, m.most_uses, m.uses,
         m.offered_at, m.evidence, false
    from auth.session s
    join auth.mandate m on m.id = s.mandate_id and m.agent = s.subject_id and m.ended_at is null
     and m.since <= $2 and m.until > $2
    join auth.subject p on p.id = m.principal
     and auth.is_open(p.active, p.locked_until, $2)
   where s.id = $1)sql"};
constexpr store::Query kNoteUse{"auth.note_mandate_use", R"sql(
  insert into auth.mandate_use (mandate_id, request, item, at) values ($1, $2, $3, $4)
  on conflict do nothing)sql"};
constexpr store::Query kCountUse{"auth.count_mandate_use", R"sql(
  update auth.mandate set uses = uses + 1
   where id = $1 and (most_uses is null or uses < most_uses))sql"};
// Locked: what ends it meanwhile waits for the use, or the use finds it ended.
constexpr store::Query kForUse{"auth.mandate_for_use", R"sql(
  select items from auth.mandate
   where id = $1 and accepted_at is not null and ended_at is null and since <= $2 and until > $2
     for update)sql"};

base::Error unknown() {
  return base::error(base::Code::not_found, "auth.mandate.unknown");
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_item(std::string_view word) {
  return !word.empty() && word.size() <= 60 &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::string facts_of(std::string_view principal, const std::string& items = {}) {
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("principal", principal);
  if (!items.empty()) facts.member("items", items);
  facts.EndObject();
  return facts.text();
}

}  // namespace

std::string_view to_text(Mandate::Standing standing) {
  switch (standing) {
    case Mandate::Standing::offered:
      return "offered";
    case Mandate::Standing::waiting:
      return "waiting";
    case Mandate::Standing::in_force:
      return "in_force";
    case Mandate::Standing::over:
      return "over";
    case Mandate::Standing::ended:
      return "ended";
  }
  return "ended";
}

base::Result<std::vector<Mandate>> Mandates::read(const store::Rows& rows) const {
  const auto now = parts_.clock.now();
  std::vector<Mandate> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Mandate one;
    one.id = rows.text(i, 0);
    one.principal = SubjectId(std::string(rows.text(i, 1)));
    if (!rows.is_null(i, 2)) one.agent = SubjectId(std::string(rows.text(i, 2)));
    BASE_TRY(const auto opened, parts_.cipher.open(kField, one.id, rows.bytes(i, 3)));
    const auto named = values_from_json(base::as_text(opened));
    const auto value = [&](const char* name) {
      const auto it = named.find(name);
      return it == named.end() ? std::string() : it->second;
    };
    one.agent_name = value("name");
    one.agent_number = base::mask_number(value("id_number"));
    one.terms.items = split(rows.text(i, 4));
    one.terms.since = rows.time(i, 5);
    one.terms.until = rows.time(i, 6);
    if (!rows.is_null(i, 7)) one.terms.most_uses = static_cast<int>(rows.integer(i, 7));
    one.uses = static_cast<int>(rows.integer(i, 8));
    one.offered_at = rows.time(i, 9);
    one.evidence = rows.text(i, 10);
    using Standing = Mandate::Standing;
    one.standing = rows.boolean(i, 11)                                       ? Standing::ended
                   : one.terms.until <= now                                  ? Standing::over
                   : !one.agent                                              ? Standing::offered
                   : one.terms.since > now                                   ? Standing::waiting
                   : one.terms.most_uses && one.uses >= *one.terms.most_uses ? Standing::over
                                                                             : Standing::in_force;
    out.push_back(std::move(one));
  }
  return out;
}

base::Result<std::string> Mandates::put(store::Tx& tx, const SubjectId& principal,
                                        const Named& agent, const MandateTerms& terms,
                                        std::string_view by, std::string_view evidence) {
  const auto now = parts_.clock.now();
  auto invalid = base::error(base::Code::invalid_argument, "auth.mandate.terms");
  const auto wrong = [&](const char* field, const char* key) {
    invalid.fields.push_back({field, key});
  };
  const auto name = normal_name(SubjectKind::person, agent.name);
  if (!name) wrong("name", "auth.name.form");
  const auto document = read_identity_document(SubjectKind::person, agent.id_type, agent.id_number,
                                               agent.country, base::china_date(now));
  if (!document.ok()) wrong("id_number", "auth.mandate.document");
  auto items = terms.items;
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  if (items.empty() || items.size() > 50 || !std::all_of(items.begin(), items.end(), is_item))
    wrong("items", "auth.mandate.items");
  if (terms.until <= now || terms.until <= terms.since) wrong("until", "auth.mandate.until");
  if (terms.until > std::max(now, terms.since) + parts_.longest)
    wrong("until", "auth.mandate.too_long");
  if (terms.most_uses && (*terms.most_uses < 1 || *terms.most_uses > 100'000))
    wrong("most_uses", "auth.mandate.uses");
  if (document.ok()) {
    BASE_TRY(const auto own, find_subject(parts_.pool, parts_.cipher, *document));
    if (own && *own == principal) wrong("id_number", "auth.mandate.self");
  }
  if (!invalid.fields.empty()) return invalid;
  BASE_TRY(const auto open, tx.run(kOpenOf, {principal.value(), now}));
  if (open.integer(0, 0) >= kMostOpen)
    return base::error(base::Code::conflict, "auth.mandate.many");
  const auto id = base::to_hex(parts_.random.bytes(16));
  const auto sealed = parts_.cipher.seal(
      kField, id,
      base::as_bytes(to_json(FieldValues{{"name", *name}, {"id_number", document->number}})));
  std::optional<std::int64_t> most;
  if (terms.most_uses) most = *terms.most_uses;
  BASE_TRY_VOID(tx.run(kPut, {id, principal.value(), document->type,
                              base::BytesView(document_lookup(parts_.cipher, *document)), sealed,
                              joined(items), terms.since, terms.until, most, now, by, evidence}));
  BASE_TRY_VOID(store::audit(tx, {now, std::string(by), "mandate.offer", id, "ok",
                                  facts_of(principal.value(), joined(items))}));
  return id;
}

base::Result<std::string> Mandates::offer(const SubjectId& principal, const Named& agent,
                                          const MandateTerms& terms) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(auto id, put(tx, principal, agent, terms, principal.value(), ""));
  BASE_TRY_VOID(tx.commit());
  return id;
}

base::Result<void> Mandates::accept(std::string_view mandate, const SubjectId& agent) {
  const auto now = parts_.clock.now();
  BASE_TRY(const auto person, parts_.accounts.subject(agent));
  // A number that somebody else registered first must not get him what was meant for its owner.
  if (person.proofing < Proofing::p2)
    return base::error(base::Code::permission_denied, "auth.mandate.unproven");
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto accepted, tx.run(kAccept, {mandate, agent.value(), now}));
  if (accepted.empty()) return unknown();
  BASE_TRY_VOID(store::audit(tx, {now, agent.value(), "mandate.accept", std::string(mandate), "ok",
                                  facts_of(accepted.text(0, 0))}));
  return tx.commit();
}

base::Result<void> Mandates::end(std::string_view mandate, const SubjectId& by) {
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto ended, tx.run(kEnd, {mandate, by.value(), now}));
  if (ended.empty()) return unknown();
  BASE_TRY_VOID(store::audit(tx, {now, by.value(), "mandate.end", std::string(mandate), "ok",
                                  facts_of(ended.text(0, 0))}));
  return tx.commit();
}

base::Result<std::string> Mandates::record(const SubjectId& principal, const SubjectId& agent,
                                           const MandateTerms& terms, const SubjectId& staff,
                                           std::string_view evidence) {
  IdentityRequests requests({parts_.pool, parts_.cipher, parts_.clock, parts_.random});
  BASE_TRY(const bool may, requests.is_staff(staff));
  if (!may) return base::error(base::Code::permission_denied, "auth.staff.none");
  if (staff == principal || staff == agent)
    return base::error(base::Code::permission_denied, "auth.staff.own");
  if (evidence.empty() || base::printable(evidence, 100) != evidence)
    return base::error(base::Code::invalid_argument, "auth.proofing.evidence");
  BASE_TRY_VOID(parts_.accounts.subject(principal));
  BASE_TRY(const auto person, parts_.accounts.subject(agent));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(auto id,
           put(tx, principal, {person.name, person.id_type, person.id_number, person.id_country},
               terms, staff.value(), evidence));
  const auto now = parts_.clock.now();
  BASE_TRY_VOID(tx.run(kAcceptRecorded, {id, agent.value(), now}));
  BASE_TRY_VOID(store::audit(
      tx, {now, staff.value(), "mandate.accept", id, "ok", facts_of(principal.value())}));
  BASE_TRY_VOID(tx.commit());
  return id;
}

base::Result<void> Mandates::end_by_staff(std::string_view mandate, const SubjectId& staff) {
  IdentityRequests requests({parts_.pool, parts_.cipher, parts_.clock, parts_.random});
  BASE_TRY(const bool may, requests.is_staff(staff));
  if (!may) return base::error(base::Code::permission_denied, "auth.staff.none");
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto ended, tx.run(kEndByStaff, {mandate, staff.value(), now}));
  if (ended.empty()) return unknown();
  BASE_TRY_VOID(store::audit(tx, {now, staff.value(), "mandate.end", std::string(mandate), "ok",
                                  facts_of(ended.text(0, 0))}));
  return tx.commit();
}

base::Result<std::vector<Mandate>> Mandates::given(const SubjectId& principal) {
  BASE_TRY(const auto rows, parts_.pool.run(kGiven, {principal.value()}));
  return read(rows);
}

base::Result<std::vector<Mandate>> Mandates::received(const SubjectId& agent) {
  BASE_TRY(const auto rows, parts_.pool.run(kReceived, {agent.value(), parts_.clock.now()}));
  return read(rows);
}

base::Result<void> Mandates::choose(std::string_view session, const SubjectId& agent,
                                    std::string_view mandate) {
  std::optional<std::string> wanted;
  if (!mandate.empty()) wanted = std::string(mandate);
  const auto now = parts_.clock.now();
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto chosen, tx.run(kChoose, {session, agent.value(), wanted, now}));
  if (chosen.affected() == 0) return unknown();
  BASE_TRY_VOID(store::audit(
      tx, {now, agent.value(), "mandate.choose", wanted ? *wanted : std::string(session), "ok"}));
  return tx.commit();
}

base::Result<std::optional<Mandate>> Mandates::chosen(std::string_view session) {
  BASE_TRY(const auto rows, parts_.pool.run(kChosen, {session, parts_.clock.now()}));
  BASE_TRY(auto found, read(rows));
  if (found.empty()) return std::optional<Mandate>();
  return std::optional<Mandate>(std::move(found.front()));
}

base::Result<void> Mandates::use(std::string_view mandate, std::string_view item,
                                 std::string_view request) {
  const auto now = parts_.clock.now();
  const auto key =
      parts_.cipher.lookup("auth/mandate_use", std::string(mandate) + "\n" + std::string(request));
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto rows, tx.run(kForUse, {mandate, now}));
  if (rows.empty()) return unknown();
  const auto items = split(rows.text(0, 0));
  if (std::find(items.begin(), items.end(), item) == items.end())
    return base::error(base::Code::permission_denied, "auth.mandate.item");
  BASE_TRY(const auto noted, tx.run(kNoteUse, {mandate, base::BytesView(key), item, now}));
  if (noted.affected() == 0) return {};  // the same request again
  BASE_TRY(const auto counted, tx.run(kCountUse, {mandate}));
  if (counted.affected() == 0)
    return base::error(base::Code::permission_denied, "auth.mandate.used_up");
  return tx.commit();
}

}  // namespace auth
