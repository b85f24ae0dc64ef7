#include "api/staff_deeds.h"

#include "auth/client_metadata.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace api {
namespace {

/// A day, or a moment of RFC 3339.
std::optional<base::Time> moment_of(std::string_view text) {
  if (text.size() == 10) return base::parse_rfc3339(std::string(text) + "T00:00:00+08:00");
  return base::parse_rfc3339(text);
}

base::Result<store::AuditQuestion> question_of(auth::FieldValues& asked) {
  store::AuditQuestion out;
  (asked["mode"] == "actor" ? out.actor : out.concerning) = asked["id"];
  const auto wrong = base::error(base::Code::invalid_argument, "web.staff.trail.day");
  if (!asked["from"].empty() && !(out.from = moment_of(asked["from"]))) return wrong;
  if (!asked["until"].empty()) {
    out.until = moment_of(asked["until"]);
    if (!out.until) return wrong;
    // A day is meant with its end.
    if (asked["until"].size() == 10) *out.until += std::chrono::hours(24);
  }
  for (const char c : asked["before"].substr(0, 18))
    if (c >= '0' && c <= '9') out.before = out.before * 10 + (c - '0');
  return out;
}

/// An id that nothing was found under is not noted: somebody may have typed a personal number
/// there, which stands nowhere in the trail.
base::Result<void> note_look(Call& call, const auth::SubjectId& staff, auth::FieldValues asked,
                             bool found) {
  if (auto& id = asked["id"]; !found && !id.empty()) id = "unknown";
  base::JsonWriter facts;
  facts.StartObject();
  for (const auto& [name, value] : asked)
    if (!value.empty()) facts.member(name, std::string_view(value));
  facts.EndObject();
  BASE_TRY(auto tx, call.services.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {call.services.clock.now(), staff.value(), "staff.trail",
                                  found ? asked["id"] : "", "ok", facts.text()}));
  return tx.commit();
}

}  // namespace

PeopleDesk::PeopleDesk(Call& call, const Upstairs& house)
    : files({call.services.pool, *house.cipher, *house.accounts, call.services.clock,
             call.services.random}),
      locks({call.services.pool, *house.cipher, call.services.clock}),
      requests({call.services.pool, *house.cipher, call.services.clock, call.services.random}) {}

PortalDesk::PortalDesk(Call& call)
    : clients(call.services.pool),
      portals({call.services.pool, clients, call.services.clock, call.services.random}),
      tokens({call.services.pool, clients, call.services.clock, call.services.random,
              call.services.config.public_url}) {}

base::Result<void> put_login_name(const Upstairs& house, const std::string& id, LoginNames& names) {
  if (id.size() != 32 || names.contains(id)) return {};
  BASE_TRY(names[id], house.own_account->login_name(auth::SubjectId(id)));
  return {};
}

base::Result<void> put_login_names(const Upstairs& house, const auth::PersonFile& file,
                                   LoginNames& names) {
  for (const auto& one : file.locks) {
    BASE_TRY_VOID(put_login_name(house, one.by, names));
    BASE_TRY_VOID(put_login_name(house, one.ended_by, names));
  }
  for (const auto& one : file.changes) BASE_TRY_VOID(put_login_name(house, one.by, names));
  for (const auto& one : file.requests) BASE_TRY_VOID(put_login_name(house, one.asked_by, names));
  return {};
}

base::Result<auth::IdentityDocument> typed_document(Call& call, const TypedIdentity& typed) {
  const auto* type = auth::document_type(typed.id_type);
  if (type == nullptr) return base::error(base::Code::invalid_argument, "auth.id_type.unknown");
  return auth::read_identity_document(type->kind, typed.id_type, typed.id_number, typed.country,
                                      base::china_date(call.services.clock.now()));
}

base::Result<auth::IdentityChange> typed_change(Call& call, const TypedChange& typed) {
  using Kind = auth::IdentityChange::Kind;
  auth::IdentityChange out;
  if (typed.what == "name") {
    out.name = typed.identity.name;
  } else if (typed.what == "document") {
    out.kind = Kind::document;
    BASE_TRY(out.document, typed_document(call, typed.identity));
    out.leads = typed.leads;
  } else if (typed.what == "unlink") {
    out.kind = Kind::unlink;
    out.document_id = typed.document;
  } else if (typed.what == "merge") {
    out.kind = Kind::merge;
    out.duplicate = auth::SubjectId(typed.duplicate);
  } else if (typed.what == "factor") {
    out.kind = Kind::factor;
    out.factor_id = typed.factor;
  } else {
    return base::error(base::Code::invalid_argument, "auth.request.nothing");
  }
  return out;
}

base::Result<std::optional<base::Time>> lock_end(std::string_view day) {
  if (day.empty()) return std::optional<base::Time>();
  const auto end = auth::end_of_day(day);
  if (!end) return base::error(base::Code::invalid_argument, "auth.lock.until");
  return end;
}

base::Result<OpenRequest> open_request(Call& call, const Upstairs& house,
                                       const auth::SubjectId& staff, std::string_view id) {
  OpenRequest out;
  BASE_TRY(out.person, PeopleDesk(call, house).files.open_request(staff, id));
  if (out.person) {
    BASE_TRY(const auto record, house.accounts->subject(out.person->subject));
    out.person_name = record.name;
    return out;
  }
  PortalDesk desk(call);
  BASE_TRY(out.portal, desk.portals.find_open(id));
  if (!out.portal) return base::error(base::Code::not_found, "auth.request.unknown");
  const auto now = desk.portals.show(out.portal->client.value());
  if (now.ok()) out.in_force = auth::client_metadata(now->client);
  return out;
}

base::Result<Approved> approve_request(Call& call, const Upstairs& house,
                                       const auth::SubjectId& staff, std::string_view id,
                                       std::string_view reason) {
  Approved out;
  PeopleDesk people(call, house);
  BASE_TRY(const auto person, people.requests.find_open(id));
  if (person) {
    BASE_TRY(const auto outcome, people.requests.approve(id, staff, reason));
    out.waits = outcome == auth::IdentityRequests::Outcome::waiting;
    return out;
  }
  auto secret = base::to_base64url(call.services.random.bytes(32));
  BASE_TRY(const auto outcome, PortalDesk(call).portals.approve(id, staff, secret, reason));
  out.waits = outcome == auth::Portals::Outcome::waiting;
  if (outcome == auth::Portals::Outcome::done_with_secret) out.secret = std::move(secret);
  return out;
}

base::Result<void> refuse_request(Call& call, const Upstairs& house, const auth::SubjectId& staff,
                                  std::string_view id, std::string_view reason) {
  PeopleDesk people(call, house);
  BASE_TRY(const auto person, people.requests.find_open(id));
  return person ? people.requests.refuse(id, staff, reason)
                : PortalDesk(call).portals.refuse(id, staff, reason);
}

base::Result<store::AuditLines> search_trail(Call& call, const auth::SubjectId& staff,
                                             auth::FieldValues asked) {
  BASE_TRY(const auto question, question_of(asked));
  BASE_TRY(auto found, store::search_audit(call.services.pool, question));
  BASE_TRY_VOID(note_look(call, staff, std::move(asked), !found.lines.empty()));
  return found;
}

}  // namespace api
