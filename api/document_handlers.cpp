// Formal documents: issued, listed, fetched. LD/T 01-2020 5.4.2: nothing leaves that is not an
// Issued.
#include "api/handlers.h"
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

/// The holder's wish, in words: {"purpose": "…"}, an empty object, or no body at all. A member that
/// is not known is refused rather than ignored: nobody believes that it was heard (security.md case
/// 119).
base::Result<std::string> purpose_of(const Request& request) {
  if (request.body.empty()) return std::string();
  BASE_TRY(const auto json, base::parse_json(request.body, {.bytes = 16 * 1024, .depth = 4}));
  const auto refuse = [](std::string field) {
    auto error = base::error(base::Code::invalid_argument, "api.member", "unknown or not a text");
    error.args = {{"member", base::printable(field, 64)}};
    error.fields = {{std::move(field), "api.member"}};
    return error;
  };
  if (!json.IsObject()) return refuse("");
  std::string purpose;
  for (const auto& member : json.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (name != "purpose" || !member.value.IsString()) return refuse(name);
    purpose.assign(member.value.GetString(), member.value.GetStringLength());
  }
  return purpose;
}

/// The service item that a kind of document belongs to.
std::string_view item_of(std::string_view kind) {
  return kind == services::kUnitEnrolmentCertificate ? services::kEnrolmentCertificate : kind;
}

}  // namespace

namespace handlers {

base::Result<Response> issue_enrolment_certificate(Call& call) {
  BASE_TRY(const auto purpose, purpose_of(call.request));
  BASE_TRY(const auto house, call.house());
  const auto& actor = *call.actor;
  BASE_TRY(const auto person, house->accounts->subject(actor.acting_for()));
  services::Holder holder{person.id.value(), person.kind == auth::SubjectKind::unit, person.name,
                          person.id_number};
  const auto key = call.request.header("idempotency-key");
  if (actor.acts_for_another()) {
    BASE_TRY(const auto handler, house->accounts->subject(actor.subject()));
    holder.handler = handler.name;
  }
  BASE_TRY(const auto draft, house->enrolments->draft_certificate(actor, holder, purpose));
  if (actor.acts_for_another())
    BASE_TRY_VOID(house->mandates->use(actor.mandate(), call.route.item, key));
  BASE_TRY(const auto issued, house->issuer->issue(actor, draft, key));
  base::JsonWriter w;
  w.StartObject();
  w.member("id", issued.id().value());
  w.member("kind", draft.kind);
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
