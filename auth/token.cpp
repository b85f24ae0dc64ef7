// The token endpoint: one ordered list of checks, then signatures, then the code is spent.
// RFC 6749 §4.1.3–4.1.4, §5; RFC 7636 §4.5–4.6; RFC 9068; OpenID Connect Core §3.1.3.
//
// Order of deeds: everything is checked, both tokens are signed, and only then is the code spent,
// by one update that finds it unspent, in one transaction with its audit row; what was signed
// leaves after the commit. So of any number of redemptions at once one succeeds, and a signer that
// is away costs the person nothing: the code is still good for the client's next try.
#include <algorithm>

#include "auth/provider_impl.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kFindCode{"auth.find_code", R"sql(
  select g.id, g.client_id, g.redirect_uri, g.code_challenge, g.code_expires_at, g.used_at,
         g.revoked_at, g.subject_id, g.scopes, g.nonce, g.authentication, g.authenticated_at,
         s.proofing, s.active
    from auth.authorization_grant g
    join auth.subject s on s.id = g.subject_id
   where g.code_digest = $1)sql"};
constexpr store::Query kSpendCode{"auth.spend_code", R"sql(
  update auth.authorization_grant set used_at = $2
   where id = $1 and used_at is null and revoked_at is null
  returning id)sql"};
// Burnt: the code can no more be spent, and what was issued for it is dead.
constexpr store::Query kBurnGrant{"auth.burn_grant", R"sql(
  update auth.authorization_grant set used_at = coalesce(used_at, $2), revoked_at = $2
   where id = $1 and revoked_at is null)sql"};

struct Grant {
  std::string id, client, redirect_uri, code_challenge, subject, scopes, nonce;
  base::Time code_expires_at, authenticated_at;
  Authentication authentication = Authentication::none;
  Proofing proofing = Proofing::p0;
  bool used = false, revoked = false, active = false;
};

struct TokenCall {
  Provider::Impl& provider;
  const Parameters& form;
  std::string_view authorization;
  base::Time now;
  Client client = {};
  Grant grant = {};

  std::string_view value(std::string_view name) const { return value_of(form, name); }
};

using Refusal = std::optional<OAuthError>;
Refusal refuse(const char* error, const char* key) {
  return OAuthError{error, key};
}

base::Result<void> burn(TokenCall& call, const char* outcome) {
  BASE_TRY(auto tx, call.provider.parts.pool.begin());
  BASE_TRY(const auto burnt, tx.run(kBurnGrant, {call.grant.id, call.now}));
  if (burnt.affected() == 0) return {};  // already
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", call.client.id.value());
  facts.EndObject();
  BASE_TRY_VOID(store::audit(tx, {call.now, "client:" + call.client.id.value(), "code.burn",
                                  call.grant.id, outcome, facts.text()}));
  return tx.commit();
}

/// Somebody holds a code that he should not hold, or tries to use it twice: nobody uses it any
/// more.
Refusal burn_and_refuse(TokenCall& call, const char* key) {
  if (const auto burnt = burn(call, key); !burnt.ok()) return oauth_trouble(burnt.error());
  return refuse("invalid_grant", key);
}

Refusal one_value_each(TokenCall& call) {
  for (const auto& [name, value] : call.form)
    if (is_given_twice(call.form, name)) return refuse("invalid_request", "auth.parameter_twice");
  return {};
}

Refusal client_is_who_it_says(TokenCall& call) {
  auto who = call.provider.clients.authenticate(call.form, call.authorization);
  if (const auto* failure = std::get_if<OAuthError>(&who)) return *failure;
  call.client = std::get<Client>(std::move(who));
  return {};
}

Refusal known_grant_type(TokenCall& call) {
  const auto type = call.value("grant_type");
  if (type.empty()) return refuse("invalid_request", "auth.grant_type");
  if (type != "authorization_code") return refuse("unsupported_grant_type", "auth.grant_type");
  return {};
}

Refusal code_and_address_given(TokenCall& call) {
  if (call.value("code").empty()) return refuse("invalid_request", "auth.code_missing");
  if (call.value("redirect_uri").empty())
    return refuse("invalid_request", "auth.redirect_uri_missing");
  return {};
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters. One that is not there is judged with the grant.
Refusal verifier_well_made(TokenCall& call) {
  const auto verifier = call.value("code_verifier");
  if (verifier.empty()) return {};
  const bool good = verifier.size() >= 43 && verifier.size() <= 128 &&
                    std::all_of(verifier.begin(), verifier.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
                    });
  return good ? Refusal() : refuse("invalid_request", "auth.pkce_verifier_form");
}

Refusal code_known(TokenCall& call) {
  const auto code = base::from_base64url(call.value("code"));
  if (!code || code->size() != 32) return refuse("invalid_grant", "auth.code_unknown");
  const auto found =
      call.provider.parts.pool.run(kFindCode, {base::BytesView(base::sha256(*code))});
  if (!found.ok()) return oauth_trouble(found.error());
  if (found->empty()) return refuse("invalid_grant", "auth.code_unknown");
  auto& grant = call.grant;
  grant.id = found->text(0, 0);
  grant.client = found->text(0, 1);
  grant.redirect_uri = found->text(0, 2);
  grant.code_challenge = found->text(0, 3);
  grant.code_expires_at = found->time(0, 4);
  grant.used = !found->is_null(0, 5);
  grant.revoked = !found->is_null(0, 6);
  grant.subject = found->text(0, 7);
  grant.scopes = found->text(0, 8);
  if (!found->is_null(0, 9)) grant.nonce = found->text(0, 9);
  grant.authentication = static_cast<Authentication>(found->integer(0, 10));
  grant.authenticated_at = found->time(0, 11);
  grant.proofing = static_cast<Proofing>(found->integer(0, 12));
  grant.active = found->boolean(0, 13);
  return {};
}

/// RFC 6749 §4.1.2: a second use also revokes what the first one got.
Refusal code_unspent(TokenCall& call) {
  return call.grant.used || call.grant.revoked ? burn_and_refuse(call, "auth.code_used")
                                               : Refusal();
}

Refusal code_of_this_client(TokenCall& call) {
  return call.grant.client != call.client.id.value() ? burn_and_refuse(call, "auth.code_foreign")
                                                     : Refusal();
}

Refusal code_in_time(TokenCall& call) {
  return call.now >= call.grant.code_expires_at ? refuse("invalid_grant", "auth.code_expired")
                                                : Refusal();
}

Refusal same_redirect_uri(TokenCall& call) {
  return call.value("redirect_uri") != call.grant.redirect_uri
             ? burn_and_refuse(call, "auth.redirect_uri_other")
             : Refusal();
}

/// RFC 7636 §4.6. The challenge is always there: no downgrade is possible (RFC 9700 §2.1.1).
Refusal verifier_fits(TokenCall& call) {
  const auto verifier = call.value("code_verifier");
  const auto digest = base::sha256(base::as_bytes(verifier));
  const bool fits =
      !verifier.empty() && base::constant_time_equal(base::as_bytes(base::to_base64url(digest)),
                                                     base::as_bytes(call.grant.code_challenge));
  return fits ? Refusal() : burn_and_refuse(call, "auth.pkce_verifier");
}

Refusal subject_active(TokenCall& call) {
  return call.grant.active ? Refusal() : burn_and_refuse(call, "auth.subject_inactive");
}

struct TokenCheck {
  std::string_view name;
  Refusal (*refuses)(TokenCall&);
};

constexpr TokenCheck kTokenChecks[] = {
    {"one_value_each", one_value_each},
    {"client_is_who_it_says", client_is_who_it_says},
    {"known_grant_type", known_grant_type},
    {"code_and_address_given", code_and_address_given},
    {"verifier_well_made", verifier_well_made},
    {"code_known", code_known},
    {"code_unspent", code_unspent},
    {"code_of_this_client", code_of_this_client},
    {"code_in_time", code_in_time},
    {"same_redirect_uri", same_redirect_uri},
    {"verifier_fits", verifier_fits},
    {"subject_active", subject_active},
};

/// What both tokens say of the login (OpenID Connect Core §2, RFC 9068 §2.2.1).
void put_login(base::JsonWriter& out, const Grant& grant) {
  out.member("auth_time", base::to_unix_s(grant.authenticated_at));
  out.member("acr", acr_of(grant.proofing, grant.authentication));
  out.key("amr");  // RFC 8176
  out.StartArray();
  out.string("pwd");
  if (grant.authentication == Authentication::two_factor) out.string("otp");
  if (grant.authentication == Authentication::hardware) out.string("hwk");
  if (grant.authentication > Authentication::password) out.string("mfa");
  out.EndArray();
}

std::string access_claims(const TokenCall& call, const std::string& subject) {
  const auto& config = call.provider.config;
  const auto now_s = base::to_unix_s(call.now);
  base::JsonWriter out;
  out.StartObject();
  out.member("iss", config.issuer);
  out.member("aud", config.issuer);
  out.member("sub", subject);
  out.member("client_id", call.client.id.value());
  out.member("iat", now_s);
  out.member("exp", now_s + config.access_token_life.count());
  out.member("jti", base::to_base64url(call.provider.parts.random.bytes(16)));
  out.member("scope", call.grant.scopes);
  out.member("grant", call.grant.id);
  put_login(out, call.grant);
  out.EndObject();
  return out.text();
}

std::string id_claims(const TokenCall& call, const std::string& subject,
                      const std::string& access_token) {
  const auto& config = call.provider.config;
  const auto now_s = base::to_unix_s(call.now);
  const auto half = base::sha256(base::as_bytes(access_token));
  base::JsonWriter out;
  out.StartObject();
  out.member("iss", config.issuer);
  out.member("aud", call.client.id.value());
  out.member("sub", subject);
  out.member("iat", now_s);
  out.member("exp", now_s + config.id_token_life.count());
  if (!call.grant.nonce.empty()) out.member("nonce", call.grant.nonce);
  out.member("at_hash", base::to_base64url(base::BytesView(half).first(16)));
  put_login(out, call.grant);
  out.EndObject();
  return out.text();
}

struct Signed {
  std::string access_token, id_token;
};

base::Result<Signed> sign(const TokenCall& call) {
  const auto& provider = call.provider;
  const auto& key = *provider.parts.signing_key;
  const auto subject = provider.pairwise(SubjectId(call.grant.subject), call.client);
  Signed out;
  BASE_TRY(out.access_token,
           sign_jws(key, provider.key_id, kAccessTokenType, access_claims(call, subject)));
  if (has_scope(call.grant.scopes, "openid")) {
    BASE_TRY(out.id_token, sign_jws(key, provider.key_id, kIdTokenType,
                                    id_claims(call, subject, out.access_token)));
  }
  return out;
}

/// Whether this call is the one that spent the code.
base::Result<bool> spend(const TokenCall& call) {
  BASE_TRY(auto tx, call.provider.parts.pool.begin());
  BASE_TRY(const auto spent, tx.run(kSpendCode, {call.grant.id, call.now}));
  if (spent.empty()) return false;
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", call.client.id.value());
  facts.member("scope", call.grant.scopes);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(
      tx, {call.now, call.grant.subject, "token.issue", call.grant.id, "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return true;
}

OAuthError signer_trouble(const base::Error& failure) {
  if (failure.code == base::Code::unavailable)
    return {"temporarily_unavailable", "auth.signing_unavailable", 503,
            failure.retry_after.value_or(std::chrono::seconds(5))};
  return {"server_error", failure.key, 500};
}

}  // namespace

std::variant<TokenReply, OAuthError> Provider::token(const Parameters& form,
                                                     std::string_view authorization) {
  TokenCall call{*impl_, form, authorization, impl_->parts.clock.now()};
  for (const auto& check : kTokenChecks)
    if (auto refusal = check.refuses(call)) return std::move(*refusal);
  const auto tokens = sign(call);
  if (!tokens.ok()) return signer_trouble(tokens.error());
  const auto spent = spend(call);
  if (!spent.ok()) return oauth_trouble(spent.error());
  if (!*spent) return *burn_and_refuse(call, "auth.code_used");

  base::JsonWriter out;
  out.StartObject();
  out.member("access_token", tokens->access_token);
  out.member("token_type", "Bearer");
  out.member("expires_in", impl_->config.access_token_life.count());
  out.member("scope", call.grant.scopes);
  if (!tokens->id_token.empty()) out.member("id_token", tokens->id_token);
  out.EndObject();
  return TokenReply{out.text()};
}

}  // namespace auth
