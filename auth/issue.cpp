// What tokens say, and the answer that carries them. RFC 9068, OpenID Connect Core §2, §3.1.3.3.
#include <algorithm>

#include "auth/token_call.h"
#include "base/encoding.h"
#include "base/json.h"

namespace auth {
namespace {

/// What both tokens say of the login (OpenID Connect Core §2, RFC 9068 §2.2.1).
void put_login(base::JsonWriter& out, const Grant& grant) {
  out.member("auth_time", base::to_unix_s(grant.authenticated_at));
  // What was asked for as essential is said while it is true: evidence may have run out since.
  const Acr reached{grant.proofing, authentication_of(grant.methods)};
  const auto asked = acr_from(grant.acr);
  out.member("acr", asked && reached.meets(*asked)
                        ? grant.acr
                        : acr_of(reached.proofing, reached.authentication));
  out.key("amr");  // RFC 8176
  out.StartArray();
  for (const auto word : amr_of(grant.methods)) out.string(word);
  out.EndArray();
}

/// For whom the person acts, when it is another (授权代办). `sub` stays the person who logged in:
/// docs/decisions/0112-mandates.md.
void put_acting(base::JsonWriter& out, const TokenCall& call, std::string_view sector) {
  if (!call.grant.acting) return;
  out.key("acting_for");
  out.StartObject();
  out.member("sub", call.provider.pairwise(call.grant.acting->principal, sector));
  out.member("mandate", call.grant.acting->mandate);
  out.EndObject();
}

/// What every access token says (RFC 9068 §2.2).
void put_access(base::JsonWriter& out, const TokenCall& call, std::string_view subject,
                std::int64_t end_s) {
  const auto& provider = call.provider;
  const auto now_s = base::to_unix_s(call.now);
  out.member("iss", provider.config.issuer);
  out.member("aud", call.audience);
  out.member("sub", subject);
  out.member("client_id", call.client.id.value());
  out.member("iat", now_s);
  out.member("exp", end_s);
  out.member("jti", base::to_base64url(provider.parts.random.bytes(16)));
  out.member("scope", call.scopes);
  if (!call.key.empty()) {  // RFC 9449 §6.1
    out.key("cnf");
    out.StartObject();
    out.member("jkt", call.key);
    out.EndObject();
  } else if (!call.certificate.empty()) {  // RFC 8705 §3.1
    out.key("cnf");
    out.StartObject();
    out.member("x5t#S256", call.certificate);
    out.EndObject();
  }
}

std::int64_t end_s(const TokenCall& call) {
  return base::to_unix_s(call.now) + call.provider.config.access_token_life.count();
}

std::string access_claims(const TokenCall& call, const std::string& subject) {
  base::JsonWriter out;
  out.StartObject();
  put_access(out, call, subject, end_s(call));
  out.member("grant", call.grant.id);
  if (!call.grant.claims.empty()) out.member("claims_asked", true);
  put_login(out, call.grant);
  put_acting(out, call, call.client.sector);
  out.EndObject();
  return out.text();
}

std::string machine_claims(const TokenCall& call) {
  base::JsonWriter out;
  out.StartObject();
  put_access(out, call, call.client.id.value(), end_s(call));
  out.EndObject();
  return out.text();
}

/// RFC 8693 §4.1: the newest actor outside, those before him within.
std::string exchanged_claims(const TokenCall& call) {
  const auto& before = call.subject_claims;
  base::JsonWriter out;
  out.StartObject();
  put_access(out, call, call.provider.pairwise(SubjectId(call.grant.subject), call.sector),
             exchanged_end_s(call));
  out.member("grant", call.grant.id);
  const auto& owner = before.granted_to.empty() ? before.client : before.granted_to;
  if (owner != call.client.id.value()) out.member("granted_to", owner);
  out.key("act");
  out.StartObject();
  out.member("sub", call.client.id.value());
  if (!before.actors.empty()) {
    out.key("act");
    out.RawValue(before.actors.data(), before.actors.size(), rapidjson::kObjectType);
  }
  out.EndObject();
  put_login(out, call.grant);
  put_acting(out, call, call.sector);
  out.EndObject();
  return out.text();
}

std::string id_claims(const TokenCall& call, const std::string& subject,
                      const std::string& access_token, const KnownOfPerson* known) {
  const auto& config = call.provider.config;
  const auto now_s = base::to_unix_s(call.now);
  base::JsonWriter out;
  out.StartObject();
  out.member("iss", config.issuer);
  out.member("aud", call.client.id.value());
  out.member("sub", subject);
  out.member("iat", now_s);
  out.member("exp", now_s + config.id_token_life.count());
  if (!call.grant.nonce.empty()) out.member("nonce", call.grant.nonce);
  out.member("at_hash", half_hash(call.client.id_token_alg, access_token));
  if (!call.grant.session.empty())
    out.member("sid", call.provider.sid(call.grant.session, call.client.id.value()));
  put_login(out, call.grant);
  if (known != nullptr) put_claims(out, call.grant.claims, "id_token", *known);
  put_acting(out, call, call.client.sector);
  out.EndObject();
  return out.text();
}

}  // namespace

base::Result<Signed> sign_tokens(const TokenCall& call) {
  const auto& provider = call.provider;
  const auto subject = provider.pairwise(SubjectId(call.grant.subject), call.client);
  Signed out;
  BASE_TRY(out.access_token,
           provider.sign("ES256", kAccessTokenType, access_claims(call, subject)));
  if (has_scope(call.scopes, "openid")) {
    std::optional<KnownOfPerson> known;
    if (!call.grant.claims.empty()) {
      BASE_TRY(known, call.provider.known_of(SubjectId(call.grant.subject), call.scopes));
    }
    BASE_TRY(out.id_token,
             provider.sign(call.client.id_token_alg, kIdTokenType,
                           id_claims(call, subject, out.access_token, known ? &*known : nullptr)));
  }
  return out;
}

std::int64_t exchanged_end_s(const TokenCall& call) {
  return std::min(base::to_unix_s(call.now) + call.provider.config.access_token_life.count(),
                  call.subject_claims.expires_s);
}

base::Result<std::string> sign_exchanged_token(const TokenCall& call) {
  return call.provider.sign("ES256", kAccessTokenType, exchanged_claims(call));
}

base::Result<std::string> sign_machine_token(const TokenCall& call) {
  return call.provider.sign("ES256", kAccessTokenType, machine_claims(call));
}

TokenReply token_reply(const TokenCall& call, const Signed& tokens) {
  base::JsonWriter out;
  out.StartObject();
  out.member("access_token", tokens.access_token);
  out.member("token_type", call.key.empty() ? "Bearer" : "DPoP");
  out.member("expires_in", call.provider.config.access_token_life.count());
  out.member("scope", call.scopes);
  if (!tokens.refresh_token.empty()) out.member("refresh_token", tokens.refresh_token);
  if (!tokens.id_token.empty()) out.member("id_token", tokens.id_token);
  out.EndObject();
  return TokenReply{out.text()};
}

}  // namespace auth
