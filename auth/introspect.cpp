// What a client may know of a token, and how it ends one. RFC 7662, RFC 7009, RFC 9470 §6.2.
//
// Knowing writes nothing: two reads by key, one of the client and one of what may have ended the
// token. Ending a person's token ends the grant with all that was issued for it, on every instance
// at the next use; a machine's token has no grant and is noted until it would have ended by itself.
#include "auth/token_call.h"
#include "base/encoding.h"
#include "base/json.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kLiveMachine{"auth.live_machine", R"sql(
  select 1::bigint from auth.client
   where id = $1 and active and (agreement_until is null or agreement_until > $3)
     and (grants_from is null or grants_from <= $4)
     and not exists (select from auth.revoked_token where digest = $2))sql"};
constexpr store::Query kLiveRefresh{"auth.live_refresh", R"sql(
  select g.id, g.client_id, g.scopes, r.issued_at, r.expires_at, r.used_at is not null,
         g.revoked_at is not null, auth.is_open(s.active, s.locked_until, $2)
    from auth.refresh_token r
    join auth.authorization_grant g on g.id = r.grant_id
    join auth.subject s on s.id = g.subject_id
   where r.digest = $1)sql"};
constexpr store::Query kRevokeMachine{"auth.revoke_machine", R"sql(
  insert into auth.revoked_token (digest, expires_at) values ($1, $2)
  on conflict do nothing returning 1::bigint)sql"};

constexpr std::string_view kInactive = R"({"active":false})";

/// What both endpoints are sent (RFC 7662 §2.1, RFC 7009 §2.1).
struct TokenQuestion {
  Client client;
  std::string_view token;
};

std::variant<TokenQuestion, OAuthError> read_question(Provider::Impl& provider,
                                                      const Parameters& form,
                                                      std::string_view authorization,
                                                      const ProvedRequest& proved) {
  for (const auto& [name, value] : form)
    if (is_given_twice(form, name)) return OAuthError{"invalid_request", "auth.parameter_twice"};
  auto who = provider.authenticate(form, authorization, proved.certificate);
  if (auto* failure = std::get_if<OAuthError>(&who)) return std::move(*failure);
  const auto token = value_of(form, "token");
  if (token.empty()) return OAuthError{"invalid_request", "auth.token_missing"};
  return TokenQuestion{std::get<Client>(std::move(who)), token};
}

/// The digest of a refresh token, when the text can be one: the kind shows in its form, so a wrong
/// token_type_hint misleads nobody.
std::optional<base::Digest> refresh_digest(std::string_view token) {
  const auto bytes = base::from_base64url(token);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  return base::sha256(*bytes);
}

base::Digest jti_digest(const AccessClaims& claims) {
  return base::sha256(base::as_bytes(claims.jti));
}

bool may_know(const Client& client, const AccessClaims& claims) {
  return claims.client == client.id.value() ||
         (!client.resource.empty() && claims.audience == client.resource);
}

base::Result<std::string> tell_access(Provider::Impl& provider, const AccessClaims& claims) {
  std::optional<LiveGrant> grant;
  if (claims.grant.empty()) {
    BASE_TRY(const bool alive, provider.live_machine(claims));
    if (!alive) return std::string(kInactive);
  } else {
    BASE_TRY(grant, provider.live_grant(claims));
    if (!grant) return std::string(kInactive);
  }
  base::JsonWriter out;
  out.StartObject();
  out.member("active", true);
  out.member("token_type", claims.key.empty() ? "Bearer" : "DPoP");
  out.member("iss", provider.config.issuer);
  out.member("sub", claims.subject);
  out.member("aud", claims.audience);
  out.member("client_id", claims.client);
  out.member("scope", claims.scopes);
  out.member("jti", claims.jti);
  out.member("iat", claims.issued_s);
  out.member("exp", claims.expires_s);
  if (!claims.key.empty()) {
    out.key("cnf");
    out.StartObject();
    out.member("jkt", claims.key);
    out.EndObject();
  } else if (!claims.certificate.empty()) {  // RFC 8705 §3.2
    out.key("cnf");
    out.StartObject();
    out.member("x5t#S256", claims.certificate);
    out.EndObject();
  }
  if (!claims.actors.empty()) {
    out.key("act");
    out.RawValue(claims.actors.data(), claims.actors.size(), rapidjson::kObjectType);
  }
  if (grant) {
    out.member("auth_time", base::to_unix_s(grant->authenticated_at));
    out.member("acr", acr_of(grant->proofing, authentication_of(grant->methods)));
    if (!claims.acting_for.empty()) {
      out.key("acting_for");
      out.RawValue(claims.acting_for.data(), claims.acting_for.size(), rapidjson::kObjectType);
    }
  }
  out.EndObject();
  return out.text();
}

base::Result<std::string> tell_refresh(Provider::Impl& provider, const Client& client,
                                       const base::Digest& digest) {
  BASE_TRY(const auto rows, provider.parts.pool.run(kLiveRefresh, {base::BytesView(digest),
                                                                   provider.parts.clock.now()}));
  const bool alive = !rows.empty() && rows.text(0, 1) == client.id.value() &&
                     provider.parts.clock.now() < rows.time(0, 4) && !rows.boolean(0, 5) &&
                     !rows.boolean(0, 6) && rows.boolean(0, 7) &&
                     !(client.grants_from && rows.time(0, 3) < *client.grants_from);
  if (!alive) return std::string(kInactive);
  base::JsonWriter out;
  out.StartObject();
  out.member("active", true);
  out.member("iss", provider.config.issuer);
  out.member("client_id", client.id.value());
  out.member("scope", rows.text(0, 2));
  out.member("iat", base::to_unix_s(rows.time(0, 3)));
  out.member("exp", base::to_unix_s(rows.time(0, 4)));
  out.EndObject();
  return out.text();
}

base::Result<void> revoke_machine(Provider::Impl& provider, const Client& client,
                                  const AccessClaims& claims) {
  const auto now = provider.parts.clock.now();
  const auto digest = jti_digest(claims);
  BASE_TRY(auto tx, provider.parts.pool.begin());
  BASE_TRY(const auto noted,
           tx.run(kRevokeMachine, {base::BytesView(digest), base::from_unix_s(claims.expires_s)}));
  if (noted.empty()) return {};  // already
  BASE_TRY_VOID(store::audit(
      tx, {now, "client:" + client.id.value(), "token.revoke", "client:" + claims.client, "ok"}));
  return tx.commit();
}

TokenAnswer done(const base::Result<void>& revoked) {
  if (!revoked.ok()) return oauth_trouble(revoked.error());
  return TokenReply{"{}"};
}

}  // namespace

base::Result<bool> Provider::Impl::live_machine(const AccessClaims& claims) {
  BASE_TRY(const auto alive,
           parts.pool.run(kLiveMachine, {claims.client, base::BytesView(jti_digest(claims)),
                                         parts.clock.now(), base::from_unix_s(claims.issued_s)}));
  return !alive.empty();
}

TokenAnswer Provider::introspect(const Parameters& form, std::string_view authorization,
                                 const ProvedRequest& proved) {
  auto read = read_question(*impl_, form, authorization, proved);
  if (auto* failure = std::get_if<OAuthError>(&read)) return std::move(*failure);
  const auto& [client, token] = std::get<TokenQuestion>(read);
  // RFC 7662 §2.1: whoever asks must prove who he is, or tokens could be tried out here.
  if (client.is_public()) return OAuthError{"unauthorized_client", "auth.client_public"};
  base::Result<std::string> told{std::string(kInactive)};
  if (const auto digest = refresh_digest(token)) {
    told = tell_refresh(*impl_, client, *digest);
  } else if (const auto claims = impl_->read_access_token(token);
             claims.ok() && may_know(client, *claims)) {
    told = tell_access(*impl_, *claims);
  }
  if (!told.ok()) return oauth_trouble(told.error());
  return TokenReply{std::move(*told)};
}

TokenAnswer Provider::revoke(const Parameters& form, std::string_view authorization,
                             const ProvedRequest& proved) {
  auto read = read_question(*impl_, form, authorization, proved);
  if (auto* failure = std::get_if<OAuthError>(&read)) return std::move(*failure);
  const auto& [client, token] = std::get<TokenQuestion>(read);
  const OAuthError foreign{"invalid_grant", "auth.revoke_foreign"};
  if (const auto digest = refresh_digest(token)) {
    const auto rows =
        impl_->parts.pool.run(kLiveRefresh, {base::BytesView(*digest), impl_->parts.clock.now()});
    if (!rows.ok()) return oauth_trouble(rows.error());
    if (rows->empty()) return TokenReply{"{}"};
    if (rows->text(0, 1) != client.id.value()) return foreign;
    return done(
        revoke_grant(*impl_, std::string(rows->text(0, 0)), client.id, "token.revoke", "ok"));
  }
  const auto claims = impl_->read_access_token(token);
  if (!claims.ok()) return TokenReply{"{}"};  // RFC 7009 §2.2: nothing to end
  if (claims->client != client.id.value()) return foreign;
  // One that was exchanged ends alone: the person's grant is another client's.
  if (claims->grant.empty() || !claims->granted_to.empty())
    return done(revoke_machine(*impl_, client, *claims));
  return done(revoke_grant(*impl_, claims->grant, client.id, "token.revoke", "ok"));
}

}  // namespace auth
