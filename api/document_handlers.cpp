// Formal documents: issued, listed, fetched. LD/T 01-2020 5.4.2: nothing leaves that is not an
// Issued.
#include <algorithm>

#include "api/handlers.h"
#include "auth/system_actor.h"
#include "base/json.h"
#include "base/text.h"

namespace api {
namespace {

std::string verify_address(const Services& services, std::string_view pretty) {
  std::string out = services.config.public_url + "/v/";
  for (const char c : pretty)
    if (c != '-') out += c;
  return out;
}

base::Error bad_member(std::string field) {
  auto error =
      base::error(base::Code::invalid_argument, "api.member", "unknown or of another type");
  error.args = {{"member", base::printable(field, 64)}};
  error.fields = {{std::move(field), "api.member"}};
  return error;
}

/// The holder's wishes: {"purpose": "…", "year": 2025, "roster": true}, an empty object, or no body
/// at all. A member that is not known is refused rather than ignored: nobody believes that it was
/// heard (security.md case 119).
base::Result<services::Asked> asked_of(const Request& request) {
  services::Asked out;
  if (request.body.empty()) return out;
  BASE_TRY(const auto json, base::parse_json(request.body, {.bytes = 16 * 1024, .depth = 4}));
  if (!json.IsObject()) return bad_member("");
  for (const auto& member : json.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (name == "purpose" && member.value.IsString())
      out.purpose.assign(member.value.GetString(), member.value.GetStringLength());
    else if (name == "year" && member.value.IsInt())
      out.year = member.value.GetInt();
    else if (name == "roster" && member.value.IsBool())
      out.roster = member.value.GetBool();
    else
      return bad_member(name);
  }
  return out;
}

/// What a handling system states: {"subject": {"id_type": …, "id_number": …}, "facts": {…}}.
struct Stated {
  std::string id_type = "cn-id", id_number, facts_json;
};
base::Result<Stated> stated_in(const Request& request) {
  BASE_TRY(const auto json, base::parse_json(request.body, {.bytes = 256 * 1024, .depth = 10}));
  if (!json.IsObject()) return bad_member("");
  Stated out;
  for (const auto& member : json.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (name == "subject" && member.value.IsObject()) {
      for (const auto& one : member.value.GetObject()) {
        const std::string_view which(one.name.GetString(), one.name.GetStringLength());
        if (!one.value.IsString() || (which != "id_type" && which != "id_number"))
          return bad_member("subject/" + std::string(which));
        (which == "id_type" ? out.id_type : out.id_number) = one.value.GetString();
      }
    } else if (name == "facts" && member.value.IsObject()) {
      base::JsonWriter facts;
      member.value.Accept(facts);
      out.facts_json = facts.text();
    } else {
      return bad_member(name);
    }
  }
  if (out.id_number.empty()) return bad_member("subject/id_number");
  if (out.facts_json.empty()) return bad_member("facts");
  return out;
}

/// The service item that a kind of document belongs to.
std::string_view item_of(std::string_view kind) {
  if (kind == services::kUnitEnrolmentCertificate) return services::kEnrolmentCertificate;
  return kind == services::kUnitRightsRecord ? services::kRightsRecord : kind;
}

seal::DocumentHolder holder_of(const auth::SubjectRecord& subject) {
  return {subject.id.value(), subject.kind == auth::SubjectKind::unit, subject.name,
          subject.id_number};
}

Response created(const Call& call, const seal::Draft& draft, const seal::Issued& issued) {
  base::JsonWriter w;
  w.StartObject();
  w.member("id", issued.id().value());
  w.member("kind", draft.kind);
  w.member("template_version", draft.version);
  w.member("code", issued.code());
  w.member("verify_url", verify_address(call.services, issued.code()));
  w.member("issued_at", base::to_rfc3339(issued.issued_at()));
  w.member("media_type", issued.media_type());
  w.member("bytes", static_cast<std::int64_t>(issued.file().size()));
  w.EndObject();
  auto out = Response::json(w.text(), 201);
  out.set("Location", "/v1/documents/" + percent_encode(issued.id().value()));
  return out;
}

}  // namespace

namespace handlers {

base::Result<Response> issue_document(Call& call) {
  BASE_TRY(const auto asked, asked_of(call.request));
  BASE_TRY(const auto house, call.house());
  const auto& actor = *call.actor;
  BASE_TRY(const auto person, house->accounts->subject(actor.acting_for()));
  const auto about = holder_of(person);
  services::Holder holder{about.subject, about.is_unit};
  const auto key = call.request.header("idempotency-key");
  if (actor.acts_for_another()) {
    BASE_TRY(const auto handler, house->accounts->subject(actor.subject()));
    holder.handler = handler.name;
  }
  BASE_TRY(const auto facts, house->records->facts(call.route.item, actor, holder, asked));
  BASE_TRY(const auto templates, seal::Templates::built_in());
  BASE_TRY(const auto draft, templates->draft(facts.kind, about, facts.json, call.services.random));
  if (actor.acts_for_another())
    BASE_TRY_VOID(house->mandates->use(actor.mandate(), call.route.item, key));
  BASE_TRY(const auto issued, house->issuer->issue(actor, draft, key));
  return created(call, draft, issued);
}

// Which client may state which kind is the installation's to say; none may by itself.
base::Result<Response> issue_stated_document(Call& call) {
  const std::string kind(call.path("kind"));
  BASE_TRY(const auto templates, seal::Templates::built_in());
  const auto* publication = templates->find(kind);
  if (publication == nullptr || publication->source != seal::FactSource::system)
    return base::error(base::Code::not_found, "seal.kind");
  const auto& allowed = call.services.config.documents.issuers;
  const auto who = call.actor->client().value() + "/" + kind;
  if (std::find(allowed.begin(), allowed.end(), who) == allowed.end())
    return base::error(base::Code::permission_denied, "api.documents.not_issuer");
  BASE_TRY(const auto stated, stated_in(call.request));
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto found, house->accounts->find_by_number(stated.id_type, stated.id_number));
  if (!found) return base::error(base::Code::not_found, "api.documents.no_subject");
  BASE_TRY(const auto subject, house->accounts->subject(*found));
  BASE_TRY(const auto draft,
           templates->draft(kind, holder_of(subject), stated.facts_json, call.services.random));
  BASE_TRY(const auto issued, house->issuer->issue(auth::in_matter_of(*call.actor, *found), draft,
                                                   call.request.header("idempotency-key")));
  return created(call, draft, issued);
}

base::Result<Response> list_documents(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto documents, house->issuer->list(*call.actor));
  base::JsonWriter w;
  w.StartObject();
  w.key("documents");
  w.StartArray();
  for (const auto& one : documents) {
    if (!call.actor->may(item_of(one.kind))) continue;
    w.StartObject();
    w.member("id", one.id.value());
    w.member("kind", one.kind);
    w.member("issued_at", base::to_rfc3339(one.issued_at));
    w.EndObject();
  }
  w.EndArray();
  w.EndObject();
  return Response::json(w.text());
}

base::Result<Response> fetch_document(Call& call) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto issued,
           house->issuer->fetch(*call.actor, verify::DocumentId(std::string(call.path("id")))));
  // Of what the mandate does not name there is nothing to be seen.
  if (!call.actor->may(item_of(issued.kind())))
    return base::error(base::Code::not_found, "seal.no_document");
  return Response::file(issued.file(), issued.media_type(), issued.file_name());
}

}  // namespace handlers
}  // namespace api
