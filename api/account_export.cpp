#include "api/account_export.h"

#include "auth/details.h"
#include "auth/identities.h"
#include "auth/locks.h"
#include "base/canonical_json.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"

namespace api {
namespace {

/// `json` with a member "proof": a JWS over the SHA-256 of the canonical text (RFC 8785) of all the
/// rest, so that whoever is shown the file can see that it is ours and whole.
base::Result<std::string> with_proof(Call& call, const Upstairs& house, std::string_view json) {
  BASE_TRY(auto parsed, base::parse_json(json, {.bytes = 64 << 20, .depth = 16}));
  BASE_TRY(const auto canonical, base::canonical_json(parsed));
  base::JsonWriter claims;
  claims.StartObject();
  claims.member("iss", call.services.config.public_url);
  claims.member("iat", base::to_unix_s(call.services.clock.now()));
  claims.member("sha256", base::to_hex(base::sha256(base::as_bytes(canonical))));
  claims.EndObject();
  BASE_TRY(const auto proof, house.provider->sign_export(claims.text()));
  return canonical.substr(0, canonical.size() - 1) + ",\"proof\":\"" + proof + "\"}";
}

/// All that is kept of the person and is his to have, in one JSON object.
base::Result<std::string> export_of(Call& call, const Upstairs& house,
                                    const auth::SubjectId& subject) {
  BASE_TRY(const auto person, house.accounts->subject(subject));
  BASE_TRY(const auto login_name, house.own_account->login_name(subject));
  BASE_TRY(const auto details, auth::details_of(call.services.pool, *house.cipher, subject));
  BASE_TRY(const auto documents, auth::documents_of(call.services.pool, *house.cipher, subject));
  BASE_TRY(const auto consents, house.own_account->consents(subject));
  BASE_TRY(const auto acts, house.agreements->acts(subject));
  BASE_TRY(const auto trace, house.own_account->trace(subject, 10'000));
  BASE_TRY(const auto factors, auth::factors_of(call.services.pool, *house.cipher, subject));
  BASE_TRY(const auto locks,
           auth::Locks({call.services.pool, *house.cipher, call.services.clock}).history(subject));
  base::JsonWriter w;
  w.StartObject();
  w.member("made_at", base::to_rfc3339(call.services.clock.now()));
  w.member("made_by", call.services.config.public_url);
  w.member("kind", person.kind == auth::SubjectKind::unit ? "unit" : "person");
  w.member("login_name", login_name);
  w.member("name", person.name);
  w.member("proofing", static_cast<int>(person.proofing));
  w.key("details");
  w.StartObject();
  for (const auto& [name, value] : details) w.member(name, std::string_view(value));
  w.EndObject();
  w.key("documents");
  w.StartArray();
  for (const auto& one : documents) {
    w.StartObject();
    w.member("type", one.document.type);
    w.member("number", one.document.number);
    w.member("country", one.document.country);
    w.member("in_use", one.leading);
    w.member("linked_at", base::to_rfc3339(one.linked_at));
    w.EndObject();
  }
  w.EndArray();
  w.key("portals");
  w.StartArray();
  for (const auto& one : consents) {
    w.StartObject();
    w.member("client", one.client_id);
    w.member("name", one.client_name);
    w.member("granted_at", base::to_rfc3339(one.granted_at));
    w.key("scopes");
    w.StartArray();
    for (const auto& scope : one.scopes) w.string(scope);
    w.EndArray();
    w.EndObject();
  }
  w.EndArray();
  w.key("agreements");
  w.StartArray();
  for (const auto& one : acts) {
    w.StartObject();
    w.member("kind", auth::to_text(one.kind));
    w.member("version", one.version);
    w.member("act", one.accepted ? "accepted" : "withdrawn");
    w.member("sha256", one.sha256);
    w.member("how", one.how);
    w.member("at", base::to_rfc3339(one.at));
    w.EndObject();
  }
  w.EndArray();
  w.key("factors");
  w.StartArray();
  for (const auto& one : factors) {
    w.StartObject();
    w.member("kind", auth::to_text(one.kind));
    w.member("label", one.label);
    w.member("added_at", base::to_rfc3339(one.added_at));
    w.EndObject();
  }
  w.EndArray();
  w.key("locks");
  w.StartArray();
  for (const auto& one : locks) {
    w.StartObject();
    w.member("at", base::to_rfc3339(one.at));
    if (one.until) w.member("until", base::to_rfc3339(*one.until));
    if (one.ended_at) w.member("ended_at", base::to_rfc3339(*one.ended_at));
    w.EndObject();
  }
  w.EndArray();
  w.key("trace");
  w.StartArray();
  for (const auto& one : trace) {
    w.StartObject();
    w.member("at", base::to_rfc3339(one.at));
    w.member("act", one.act);
    w.member("outcome", one.outcome);
    w.member("network", one.network);
    w.member("by_self", one.by_self);
    w.EndObject();
  }
  w.EndArray();
  w.EndObject();
  return w.text();
}

}  // namespace

base::Result<Response> account_file(Call& call, const auth::SubjectId& subject) {
  BASE_TRY(const auto house, call.house());
  BASE_TRY(const auto plain, export_of(call, *house, subject));
  BASE_TRY(const auto json, with_proof(call, *house, plain));
  return Response::file(base::to_bytes(base::as_bytes(json)), "application/json",
                        "xinyin-account.json");
}

}  // namespace api
