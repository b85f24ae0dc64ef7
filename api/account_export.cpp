#include "api/account_export.h"

#include "api/json_answer.h"
#include "auth/details.h"
#include "auth/identities.h"
#include "auth/locks.h"
#include "base/canonical_json.h"
#include "base/digest.h"
#include "base/encoding.h"

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
  const auto now = call.services.clock.now();
  base::JsonWriter w;
  w.StartObject();
  w.member("made_at", base::to_rfc3339(now));
  w.member("made_by", call.services.config.public_url);
  put_subject(w, person, login_name, Shown::whole);
  put_details(w, details, Shown::whole);
  put_documents(w, documents, Shown::whole);
  put_consents(w, "consents", consents);
  put_agreement_acts(w, "agreements", acts);
  put_rows(w, "factors", factors, [&](const auto& one) { put_factor(w, one, now); });
  put_own_locks(w, locks);
  put_trace(w, trace);
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
