#include "api/json_answer.h"

#include "base/text.h"

namespace api {

void put_texts(base::JsonWriter& w, std::string_view name, const std::vector<std::string>& texts) {
  w.key(name);
  w.StartArray();
  for (const auto& text : texts) w.string(text);
  w.EndArray();
}

void put_raw(base::JsonWriter& w, std::string_view name, const std::string& json) {
  w.key(name);
  w.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

void put_time(base::JsonWriter& w, std::string_view name, const std::optional<base::Time>& at) {
  if (at) w.member(name, base::to_rfc3339(*at));
}

void put_text(base::JsonWriter& w, std::string_view name, std::string_view value) {
  if (!value.empty()) w.member(name, value);
}

std::string level_text(auth::Proofing level) {
  return "p" + std::to_string(static_cast<int>(level));
}

void put_subject(base::JsonWriter& w, const auth::SubjectRecord& subject,
                 std::string_view login_name, Shown shown) {
  const bool unit = subject.kind == auth::SubjectKind::unit;
  w.member("kind", unit ? "unit" : "person");
  w.member("login_name", login_name);
  // A unit's name is public.
  w.member("name", unit || shown == Shown::whole ? subject.name : base::mask_name(subject.name));
  w.member("proofing", level_text(subject.proofing));
}

void put_details(base::JsonWriter& w, const auth::FieldValues& details, Shown shown) {
  w.key("details");
  w.StartObject();
  for (const auto& [name, value] : details)
    put_text(w, name, shown == Shown::whole ? value : auth::masked_value(name, value));
  w.EndObject();
}

void put_documents(base::JsonWriter& w, const std::vector<auth::LinkedDocument>& documents,
                   Shown shown) {
  put_rows(w, "documents", documents, [&](const auth::LinkedDocument& one) {
    w.member("id", one.id);
    w.member("type", one.document.type);
    w.member("number", shown == Shown::whole ? one.document.number : one.document.masked());
    put_text(w, "country", one.document.country);
    w.member("in_use", one.leading);
    w.member("linked_at", base::to_rfc3339(one.linked_at));
    put_time(w, "replaced_at", one.replaced_at);
  });
}

void put_consents(base::JsonWriter& w, std::string_view name,
                  const std::vector<auth::OwnConsent>& consents) {
  put_rows(w, name, consents, [&](const auth::OwnConsent& one) {
    w.member("client_id", one.client_id);
    w.member("client_name", one.client_name);
    put_texts(w, "scopes", one.scopes);
    w.member("granted_at", base::to_rfc3339(one.granted_at));
  });
}

void put_agreement_acts(base::JsonWriter& w, std::string_view name,
                        const std::vector<auth::AgreementAct>& acts) {
  put_rows(w, name, acts, [&](const auth::AgreementAct& one) {
    w.member("kind", auth::to_text(one.kind));
    w.member("version", one.version);
    w.member("sha256", one.sha256);
    w.member("act", one.accepted ? "accepted" : "withdrawn");
    w.member("how", one.how);
    w.member("at", base::to_rfc3339(one.at));
  });
}

void put_trace(base::JsonWriter& w, const std::vector<auth::TraceRow>& trace) {
  put_rows(w, "trace", trace, [&](const auth::TraceRow& one) {
    w.member("at", base::to_rfc3339(one.at));
    w.member("act", one.act);
    w.member("outcome", one.outcome);
    put_text(w, "network", one.network);
    w.member("by_self", one.by_self);
  });
}

void put_factor(base::JsonWriter& w, const auth::Factor& factor, base::Time now) {
  w.member("id", factor.id);
  w.member("kind", auth::to_text(factor.kind));
  w.member("label", factor.label);
  w.member("added_at", base::to_rfc3339(factor.added_at));
  w.member("counts", factor.usable_from <= now);
  if (factor.usable_from > now) put_time(w, "usable_from", factor.usable_from);
  put_time(w, "last_used_at", factor.last_used_at);
}

void put_proofing(base::JsonWriter& w, const auth::Proofings::Row& row) {
  w.member("method", row.method);
  w.member("outcome", row.outcome);
  if (row.level) w.member("level", level_text(*row.level));
  w.member("transaction", row.transaction);
  w.member("at", base::to_rfc3339(row.at));
  put_time(w, "valid_until", row.valid_until);
  w.member("in_force", row.in_force);
}

void put_own_locks(base::JsonWriter& w, const std::vector<auth::AccountLock>& locks) {
  put_rows(w, "locks", locks, [&](const auth::AccountLock& one) {
    w.member("at", base::to_rfc3339(one.at));
    put_time(w, "until", one.until);
    put_time(w, "ended_at", one.ended_at);
  });
}

void put_identity_request(base::JsonWriter& w, const auth::IdentityRequest& request) {
  w.member("id", request.id);
  w.member("kind", auth::to_text(request.change.kind));
  w.member("standing", request.standing);
  w.member("asked_at", base::to_rfc3339(request.asked_at));
  w.member("expires_at", base::to_rfc3339(request.expires_at));
  put_text(w, "reason", request.reason);
}

}  // namespace api
