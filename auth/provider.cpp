#include <algorithm>

#include "auth/actor_factory.h"
#include "auth/dynamic_clients.h"
#include "auth/jose.h"
#include "auth/provider_impl.h"
#include "auth/redirect.h"
#include "auth/system_actor.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"

namespace auth {
namespace {

// Everything that can end a token early is asked at its every use, by two or three keys.
constexpr store::Query kLiveGrant{"auth.live_grant", R"sql(
  select g.subject_id, g.scopes, g.methods, g.authenticated_at,
         auth.proofing_at(s.proofing, s.proofing_until, $4), c.scopes, g.mandate_id,
         (select string_agg(f.id, ' ') from auth.subject f where f.merged_into = s.id)
    from auth.authorization_grant g
    join auth.subject s on s.id = g.subject_id
     and auth.is_open(s.active, s.locked_until, $4)
    join auth.client c on c.id = g.client_id and c.active
     and (c.agreement_until is null or c.agreement_until > $4)
     and (c.grants_from is null or g.granted_at >= c.grants_from)
    join auth.client a on a.id = $3 and a.active
     and (a.agreement_until is null or a.agreement_until > $4)
   where g.id = $1 and g.client_id = $2 and g.revoked_at is null and g.used_at is not null)sql"};
constexpr store::Query kEndedToken{"auth.ended_token", R"sql(
  select 1::bigint from auth.revoked_token where digest = $1)sql"};
constexpr store::Query kClaimsOfGrant{"auth.claims_of_grant", R"sql(
  select claims from auth.authorization_grant where id = $1 and claims is not null)sql"};
// A session that is over has no row, or one that has run out.
constexpr store::Query kLoginOfGrant{"auth.login_of_grant", R"sql(
  select s.id, g.methods, g.authenticated_at
    from auth.authorization_grant g
    left join auth.session s on s.id = g.session_id and s.expires_at > $2
   where g.id = $1)sql"};
constexpr store::Query kLiveSubject{"auth.live_subject", R"sql(
  select auth.proofing_at(s.proofing, s.proofing_until, $2),
         (select string_agg(f.id, ' ') from auth.subject f where f.merged_into = s.id)
    from auth.subject s where s.id = $1 and auth.is_open(s.active, s.locked_until, $2))sql"};

constexpr std::array<store::Query, 11> kSweeps{{
    {"auth.sweep_grants", R"sql(
  delete from auth.authorization_grant where id in (
    select id from auth.authorization_grant where lives_until < $1
     order by lives_until limit $2))sql"},
    {"auth.sweep_refresh", R"sql(
  delete from auth.refresh_token where digest in (
    select digest from auth.refresh_token where expires_at < $1
     order by expires_at limit $2))sql"},
    {"auth.sweep_revoked", R"sql(
  delete from auth.revoked_token where digest in (
    select digest from auth.revoked_token where expires_at < $1
     order by expires_at limit $2))sql"},
    {"auth.sweep_jtis", R"sql(
  delete from auth.spent_jti where digest in (
    select digest from auth.spent_jti where expires_at < $1 - interval '5 minutes'
     order by expires_at limit $2))sql"},
    {"auth.sweep_devices", R"sql(
  delete from auth.device_request where digest in (
    select digest from auth.device_request where expires_at < $1
     order by expires_at limit $2))sql"},
    {"auth.sweep_pushed", R"sql(
  delete from auth.pushed_request where digest in (
    select digest from auth.pushed_request where expires_at < $1
     order by expires_at limit $2))sql"},
    {"auth.sweep_requests", R"sql(
  delete from auth.authorization_request where digest in (
    select digest from auth.authorization_request where expires_at < $1
     order by expires_at limit $2))sql"},
    {"auth.sweep_old_secrets", R"sql(
  update auth.client set old_secret_digest = null, old_secret_until = null where id in (
    select id from auth.client where old_secret_until < $1 order by old_secret_until limit $2))sql"},
    {"auth.sweep_sessions", R"sql(
  delete from auth.session where cookie_digest in (
    select cookie_digest from auth.session where expires_at < $1 - interval '1 hour'
     order by expires_at limit $2))sql"},
    {"auth.sweep_failures", R"sql(
  delete from auth.login_failure where key in (
    select key from auth.login_failure where last_at < $1 - interval '30 days'
       and blocked_until < $1 order by last_at limit $2))sql"},
    {"auth.sweep_networks", R"sql(
  delete from auth.known_network where (account, network) in (
    select account, network from auth.known_network where last_ok_at < $1 - interval '180 days'
     order by last_ok_at limit $2))sql"},
}};

base::Error token_invalid(const char* why) {
  return base::error(base::Code::unauthenticated, "auth.token_invalid", why);
}

/// A member as JSON; empty when there is none.
std::string member_as_json(const rapidjson::Value& object, const char* name) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd()) return {};
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  member->value.Accept(writer);
  return text.GetString();
}

base::Result<std::shared_ptr<const KeyRing>> make_ring(const Provider::SigningKeys& keys) {
  const auto refuse = [](const char* why) {
    return base::error(base::Code::invalid_argument, "auth.token_key", why);
  };
  std::vector<KeyRing::Signer> signers;
  std::vector<TokenKey> published;
  const auto publish = [&](base::BytesView spki) -> base::Result<std::string> {
    const auto vouched = std::find_if(keys.endorsed.begin(), keys.endorsed.end(), [&](auto& one) {
      return std::equal(one.first.begin(), one.first.end(), spki.begin(), spki.end());
    });
    BASE_TRY(auto key,
             TokenKey::from_spki(spki, vouched == keys.endorsed.end() ? "" : vouched->second));
    auto id = key.id();
    for (const auto& other : published)
      if (other.id() == id) return id;
    published.push_back(std::move(key));
    return id;
  };
  for (const auto& key : keys.signing) {
    const std::string algorithm(token_algorithm(key->info().algorithm));
    for (const auto& other : signers)
      if (other.algorithm == algorithm) return refuse("two keys of one algorithm");
    BASE_TRY(auto id, publish(key->info().public_key));
    signers.push_back({algorithm, std::move(id), key});
  }
  if (signers.empty() || signers.front().algorithm != "ES256")
    return refuse("the OpenID signing key is a P-256 key");
  signers.front().until = keys.signs_until;
  auto lasting = signers.front();
  if (keys.lasting) {
    BASE_TRY(auto id, publish(keys.lasting->info().public_key));
    lasting = {"ES256", std::move(id), keys.lasting};
  }
  for (const auto& spki : keys.beside) BASE_TRY_VOID(publish(spki));
  return std::make_shared<const KeyRing>(
      KeyRing{std::move(signers), std::move(lasting), TokenKeys(std::move(published))});
}

}  // namespace

std::size_t VerifiedTokens::Hash::operator()(const base::Digest& digest) const {
  std::size_t out = 0;
  std::copy_n(digest.begin(), sizeof out, reinterpret_cast<std::uint8_t*>(&out));
  return out;
}

std::optional<AccessClaims> VerifiedTokens::find(const base::Digest& digest) {
  const std::lock_guard hold(mutex_);
  if (const auto at = young_.find(digest); at != young_.end()) return at->second;
  const auto at = old_.find(digest);
  if (at == old_.end()) return std::nullopt;
  const auto claims = at->second;
  young_.emplace(digest, claims);
  return claims;
}

void VerifiedTokens::clear() {
  const std::lock_guard hold(mutex_);
  young_ = {};
  old_ = {};
}

void VerifiedTokens::put(const base::Digest& digest, AccessClaims claims) {
  const std::lock_guard hold(mutex_);
  if (young_.size() >= kGeneration) {
    old_ = std::move(young_);
    young_ = {};
  }
  young_.insert_or_assign(digest, std::move(claims));
}

Provider::Impl::Impl(Config given, Parts below)
    : config(std::move(given)), parts(std::move(below)), clients(parts.pool) {
  auto made = make_ring({{parts.signing_key}, config.earlier_keys});
  base::check(made.ok(), "the OpenID signing key is a P-256 key, earlier ones are token keys");
  held_ring = std::move(*made);
  base::check(registrable_host(config.issuer).has_value() && !config.issuer.ends_with('/') &&
                  config.issuer.find('?') == std::string::npos,
              "Provider::Config::issuer is an https (or loopback) address without a slash behind");
  base::check(config.code_life <= std::chrono::seconds(60), "codes live 60 s at most");
}

base::Result<std::string> Provider::Impl::sign(std::string_view algorithm, std::string_view type,
                                               std::string_view claims) const {
  const auto now = ring();
  for (const auto& one : now->signers) {
    if (one.algorithm != algorithm) continue;
    if (one.until && parts.clock.now() >= *one.until) break;
    return sign_jws(*one.key, one.id, type, claims);
  }
  return base::error(base::Code::unavailable, "auth.no_signing_key", std::string(algorithm));
}

base::Result<std::string> Provider::Impl::sign_lasting(std::string_view type,
                                                       std::string_view claims) const {
  const auto now = ring();
  return sign_jws(*now->lasting.key, now->lasting.id, type, claims);
}

std::string Provider::Impl::sid(std::string_view session, std::string_view client) const {
  return base::to_base64url(
      parts.accounts.cipher().lookup("auth/sid", std::string(client) + " " + std::string(session)));
}

base::Result<KnownOfPerson> Provider::Impl::known_of(const SubjectId& subject,
                                                     std::string_view scopes) {
  KnownOfPerson out;
  out.now = parts.clock.now();
  out.scopes = scopes;
  BASE_TRY(const auto record, parts.accounts.subject(subject));
  out.name = record.name;
  out.kind = record.kind;
  BASE_TRY(out.evidence, proofing_evidence(parts.pool, subject, out.now));
  return out;
}

base::Result<void> Provider::take_keys(const SigningKeys& keys) {
  BASE_TRY(auto ring, make_ring(keys));
  const auto ids = [](const KeyRing& one) {
    std::vector<std::string> out;
    for (const auto& key : one.published.all()) out.push_back(key.id());
    return out;
  };
  const auto now_published = ids(*ring);
  {
    const std::lock_guard hold(impl_->ring_mutex);
    impl_->held_ring.swap(ring);
  }
  // A key that was taken away verifies nothing any more.
  if (ids(*ring) != now_published) impl_->verified.clear();
  return {};
}

std::string Provider::id_token_algorithms() const {
  std::string out;
  for (const auto& one : impl_->ring()->signers) out += (out.empty() ? "" : " ") + one.algorithm;
  return out;
}

std::string Provider::Impl::pairwise(const SubjectId& subject, const Client& client) const {
  return pairwise(subject, client.sector);
}

std::string Provider::Impl::pairwise(const SubjectId& subject, std::string_view sector) const {
  const auto& cipher = parts.accounts.cipher();
  return base::to_base64url(
      cipher.lookup("auth/pairwise_subject", std::string(sector) + " " + subject.value()));
}

std::optional<rapidjson::Document> Provider::Impl::read_hint(std::string_view id_token) const {
  auto jws = ring()->published.verify(id_token, kIdTokenType);
  if (!jws.ok() || base::json_text(jws->claims, "iss") != config.issuer) return std::nullopt;
  return std::move(jws->claims);
}

base::Result<AccessClaims> Provider::Impl::read_access_token(std::string_view token) {
  if (token.empty() || token.size() > kTokenMost) return token_invalid("empty or too long");
  const auto now_s = base::to_unix_s(parts.clock.now());
  const auto digest = base::sha256(base::as_bytes(token));
  if (const auto known = verified.find(digest)) {
    if (now_s >= known->expires_s) return token_invalid("expired");
    return *known;
  }
  const auto keys = ring();
  BASE_TRY(const auto jws, keys->published.verify(token, kAccessTokenType));
  const auto& claims = jws.claims;
  const auto expires = base::json_int(claims, "exp");
  const auto issued = base::json_int(claims, "iat");
  AccessClaims out;
  out.grant = base::json_text(claims, "grant");
  out.subject = base::json_text(claims, "sub");
  out.client = base::json_text(claims, "client_id");
  out.audience = base::json_text(claims, "aud");  // as text: one for several is somebody else's too
  out.scopes = base::json_text(claims, "scope");
  out.jti = base::json_text(claims, "jti");
  out.granted_to = base::json_text(claims, "granted_to");
  out.claims_asked = claims.HasMember("claims_asked");
  out.actors = member_as_json(claims, "act");
  out.acting_for = member_as_json(claims, "acting_for");
  if (const auto bound = claims.FindMember("cnf"); bound != claims.MemberEnd()) {
    if (bound->value.IsObject()) {
      out.key = base::json_text(bound->value, "jkt");
      out.certificate = base::json_text(bound->value, "x5t#S256");
    }
    if (out.key.empty() == out.certificate.empty())
      return token_invalid("bound in a way that we never write");
  }
  if (base::json_text(claims, "iss") != config.issuer) return token_invalid("another issuer");
  if (out.audience.empty()) return token_invalid("another audience");
  if (!expires || !issued || out.subject.empty() || out.client.empty() || out.jti.empty() ||
      (claims.HasMember("grant") ? out.grant.empty() : out.subject != out.client))
    return token_invalid("a claim is missing");
  if (now_s >= *expires) return token_invalid("expired");
  if (*issued > now_s + kSkew_s) return token_invalid("issued in the future");
  out.issued_s = *issued;
  out.expires_s = *expires;
  verified.put(digest, out);
  return out;
}

base::Result<std::optional<LiveGrant>> Provider::Impl::live_grant(const AccessClaims& claims) {
  const auto& owner = claims.granted_to.empty() ? claims.client : claims.granted_to;
  if (!claims.granted_to.empty()) {  // may have been ended by itself (RFC 7009)
    const auto noted = base::sha256(base::as_bytes(claims.jti));
    BASE_TRY(const auto ended, parts.pool.run(kEndedToken, {base::BytesView(noted)}));
    if (!ended.empty()) return std::optional<LiveGrant>();
  }
  BASE_TRY(const auto rows,
           parts.pool.run(kLiveGrant, {claims.grant, owner, claims.client, parts.clock.now()}));
  if (rows.empty()) return std::optional<LiveGrant>();
  // The token may say less than was granted and less than its client may ask for, never more.
  if (!has_all_scopes(rows.text(0, 1), claims.scopes) ||
      !has_all_scopes(rows.text(0, 5), claims.scopes))
    return std::optional<LiveGrant>();
  LiveGrant out;
  out.subject = SubjectId(std::string(rows.text(0, 0)));
  out.methods = Methods::from_bits(rows.integer(0, 2));
  out.authenticated_at = rows.time(0, 3);
  out.proofing = static_cast<Proofing>(rows.integer(0, 4));
  if (!rows.is_null(0, 7)) out.merged = rows.text(0, 7);
  if (rows.is_null(0, 6)) return std::optional<LiveGrant>(std::move(out));
  // A mandate bites at once when it ends: asked with each use.
  BASE_TRY(out.acting, acting_under(parts.pool, rows.text(0, 6), out.subject, parts.clock.now()));
  if (!out.acting) return std::optional<LiveGrant>();
  out.proofing = std::min(out.proofing, out.acting->proofing);
  return std::optional<LiveGrant>(std::move(out));
}

Provider::Provider(Config config, Parts parts)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(parts))) {}
Provider::~Provider() = default;

base::Result<void> Provider::register_client(const NewClient& client, std::string_view by) {
  // Tokens for ourselves are nobody else's to ask about.
  if (client.resource == impl_->config.issuer) {
    auto invalid = base::error(base::Code::invalid_argument, "auth.client_invalid");
    invalid.fields.push_back({"resource", "auth.client.resource"});
    return invalid;
  }
  return impl_->clients.put(client, impl_->parts.clock.now(), by);
}

base::Result<Actor> Provider::actor(std::string_view access_token) {
  return actor(ShownToken{.token = std::string(access_token)});
}

base::Result<Actor> Provider::actor(const ShownToken& shown) {
  BASE_TRY(const auto claims, impl_->read_access_token(shown.token));
  if (claims.audience != impl_->config.issuer) return token_invalid("another audience");
  if (claims.grant.empty())
    return base::error(base::Code::permission_denied, "auth.scope_missing", "names no person");
  BASE_TRY(auto grant, impl_->live_grant(claims));
  if (!grant) return token_invalid("revoked");
  BASE_TRY_VOID(impl_->check_shown(shown, claims));
  ActorFactory::Facts facts;
  facts.subject = std::move(grant->subject);
  facts.client = ClientId(claims.client);
  facts.scopes = claims.scopes;
  facts.authentication = authentication_of(grant->methods);
  facts.authenticated_at = grant->authenticated_at;
  facts.proofing = grant->proofing;
  facts.merged = std::move(grant->merged);
  if (grant->acting) {
    facts.acting_for = std::move(grant->acting->principal);
    facts.mandate = std::move(grant->acting->mandate);
    facts.items = std::move(grant->acting->items);
    facts.merged = std::move(grant->acting->merged);
  }
  return ActorFactory::make(std::move(facts));
}

base::Result<Actor> Provider::system_actor(const ShownToken& shown) {
  BASE_TRY(const auto claims, impl_->read_access_token(shown.token));
  if (claims.audience != impl_->config.issuer) return token_invalid("another audience");
  if (!claims.grant.empty() || claims.subject != claims.client)
    return base::error(base::Code::permission_denied, "auth.scope_missing", "a person's token");
  BASE_TRY(const bool alive, impl_->live_machine(claims));
  if (!alive) return token_invalid("revoked");
  BASE_TRY_VOID(impl_->check_shown(shown, claims));
  return ActorFactory::make({.subject = SubjectId(std::string(kSystemPrefix) + claims.client),
                             .acting_for = {},
                             .client = ClientId(claims.client),
                             .authenticated_at = base::from_unix_s(claims.issued_s),
                             .scopes = claims.scopes});
}

base::Result<Actor> Provider::actor(const Session& session) {
  BASE_TRY(const auto rows, impl_->parts.pool.run(
                                kLiveSubject, {session.subject.value(), impl_->parts.clock.now()}));
  if (rows.empty()) return base::error(base::Code::unauthenticated, "auth.session_over");
  ActorFactory::Facts facts;
  facts.subject = session.subject;
  facts.authentication = session.authentication;
  facts.authenticated_at = session.authenticated_at;
  facts.proofing = static_cast<Proofing>(rows.integer(0, 0));
  if (!rows.is_null(0, 1)) facts.merged = rows.text(0, 1);
  return ActorFactory::make(std::move(facts));
}

base::Result<Provider::TokenLogin> Provider::login_of(std::string_view access_token) {
  BASE_TRY(const auto claims, impl_->read_access_token(access_token));
  BASE_TRY(const auto rows,
           impl_->parts.pool.run(kLoginOfGrant, {claims.grant, impl_->parts.clock.now()}));
  if (rows.empty()) return token_invalid("revoked");
  TokenLogin out;
  if (!rows.is_null(0, 0)) out.session = rows.text(0, 0);
  out.methods = Methods::from_bits(rows.integer(0, 1));
  out.authenticated_at = rows.time(0, 2);
  return out;
}

std::string Provider::session_name(std::string_view session, const ClientId& client) const {
  return impl_->sid(session, client.value());
}

base::Result<std::string> Provider::userinfo(std::string_view access_token) {
  BASE_TRY(const auto who, actor(access_token));
  return userinfo(access_token, who);
}

base::Result<std::string> Provider::userinfo(std::string_view access_token, const Actor& who) {
  if (!who.has_scope("openid"))
    return base::error(base::Code::permission_denied, "auth.scope_missing", "openid");
  BASE_TRY(const auto claims, impl_->read_access_token(access_token));
  base::JsonWriter out;
  out.StartObject();
  out.member("sub", claims.subject);
  out.member("proofing_level", "p" + std::to_string(static_cast<int>(who.proofing())));
  if (who.has_scope("profile")) {
    BASE_TRY(const auto record, impl_->parts.accounts.subject(who.subject()));
    out.member("name", record.name);
    out.member("subject_kind", record.kind == SubjectKind::unit ? "unit" : "person");
  }
  if (claims.claims_asked && claims.granted_to.empty()) {
    BASE_TRY(const auto asked, impl_->parts.pool.run(kClaimsOfGrant, {claims.grant}));
    if (!asked.empty()) {
      BASE_TRY(const auto known, impl_->known_of(who.subject(), claims.scopes));
      put_claims(out, asked.text(0, 0), "userinfo", known);
    }
  }
  if (who.acts_for_another()) {
    BASE_TRY(const auto client,
             impl_->clients.find(who.client().value(), impl_->parts.clock.now()));
    out.key("acting_for");
    out.StartObject();
    if (client) out.member("sub", impl_->pairwise(who.acting_for(), *client));
    if (who.has_scope("profile")) {
      BASE_TRY(const auto principal, impl_->parts.accounts.subject(who.acting_for()));
      out.member("name", principal.name);
      out.member("subject_kind", principal.kind == SubjectKind::unit ? "unit" : "person");
    }
    out.EndObject();
  }
  out.EndObject();
  return out.text();
}

base::Result<Provider::LogoutAnswer> Provider::end_session(const Parameters& parameters,
                                                           const std::optional<Session>& session) {
  LogoutAnswer out;
  for (const auto* name : {"id_token_hint", "client_id", "post_logout_redirect_uri", "state"})
    if (is_given_twice(parameters, name)) {
      out.notice = "auth.parameter_twice";
      return out;
    }
  const auto hint_text = value_of(parameters, "id_token_hint");
  const auto wanted = value_of(parameters, "post_logout_redirect_uri");
  std::string client_id(value_of(parameters, "client_id"));
  std::optional<rapidjson::Document> hint;
  if (!hint_text.empty()) {
    hint = impl_->read_hint(hint_text);
    const std::string audience(hint ? base::json_text(*hint, "aud") : "");
    if (!hint || (!client_id.empty() && client_id != audience)) {
      out.notice = "auth.logout_hint";
      return out;
    }
    client_id = audience;
  }
  BASE_TRY(const auto client, impl_->clients.find(client_id, impl_->parts.clock.now()));
  if (!wanted.empty()) {
    const auto& allowed = client ? client->post_logout_redirect_uris : std::vector<std::string>();
    if (std::find(allowed.begin(), allowed.end(), wanted) == allowed.end()) {
      out.notice = "auth.logout_address";
      return out;
    }
    out.state = value_of(parameters, "state");
    out.location =
        out.state.empty() ? std::string(wanted) : with_query(wanted, {{"state", out.state}});
  }
  // No question to the person only when the hint is this session's own: nobody else's page can log
  // somebody out without being seen.
  const bool own = hint && client && session &&
                   base::json_text(*hint, "sub") == impl_->pairwise(session->subject, *client);
  out.confirm = session.has_value() && !own;
  return out;
}

std::string Provider::discovery() const {
  const auto& impl = *impl_;
  base::JsonWriter out;
  const auto list = [&](std::string_view name, const std::vector<std::string>& values) {
    out.key(name);
    out.StartArray();
    for (const auto& value : values) out.string(value);
    out.EndArray();
  };
  out.StartObject();
  out.member("issuer", impl.config.issuer);
  out.member("authorization_endpoint", impl.endpoint(kAuthorizePath));
  out.member("token_endpoint", impl.endpoint(kTokenPath));
  out.member("userinfo_endpoint", impl.endpoint(kUserinfoPath));
  out.member("device_authorization_endpoint", impl.endpoint(kDevicePath));
  out.member("pushed_authorization_request_endpoint", impl.endpoint(kPushPath));
  out.member("require_pushed_authorization_requests", false);
  out.member("introspection_endpoint", impl.endpoint(kIntrospectPath));
  out.member("revocation_endpoint", impl.endpoint(kRevokePath));
  out.member("jwks_uri", impl.endpoint(kJwksPath));
  out.member("end_session_endpoint", impl.endpoint(kEndSessionPath));
  out.member("registration_endpoint", impl.endpoint(kRegistrationPath));
  list("scopes_supported", split_scopes(kScopes));
  list("response_types_supported", {"code"});
  list("response_modes_supported", {"query"});
  list("grant_types_supported", split_scopes(kGrantTypes));
  list("subject_types_supported", {"pairwise"});
  list("id_token_signing_alg_values_supported", split_scopes(id_token_algorithms()));
  for (const auto* endpoint : {"token", "revocation", "introspection"}) {
    const auto name = std::string(endpoint) + "_endpoint_auth_";
    std::vector<std::string> methods{"client_secret_basic", "client_secret_post",
                                     "private_key_jwt"};
    if (!impl.config.mtls_url.empty()) methods.emplace_back("self_signed_tls_client_auth");
    if (std::string_view(endpoint) != "introspection") methods.emplace_back("none");
    list(name + "methods_supported", methods);
    list(name + "signing_alg_values_supported", split_scopes(kForeignAlgorithms));
  }
  list("code_challenge_methods_supported", {"S256"});
  list("prompt_values_supported", {"none", "login", "consent", "select_account"});
  std::vector<std::string> levels;
  for (const auto proofing : {Proofing::p0, Proofing::p1, Proofing::p2, Proofing::p3})
    levels.push_back(acr_of(proofing, Authentication::password));
  list("acr_values_supported", levels);
  list("claims_supported",
       {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
        "name", "subject_kind", "proofing_level", "verified_claims"});
  // OpenID Connect for Identity Assurance 1.0 §7.
  out.member("verified_claims_supported", true);
  list("trust_frameworks_supported", {std::string(kTrustFramework)});
  list("evidence_supported", split_scopes(kEvidenceTypes));
  list("claims_in_verified_claims_supported", split_scopes(kVerifiedClaims));
  list("ui_locales_supported", {"zh-CN", "en"});
  list("request_object_signing_alg_values_supported", split_scopes(kForeignAlgorithms));
  list("dpop_signing_alg_values_supported", split_scopes(kForeignAlgorithms));
  out.member("backchannel_logout_supported", true);
  out.member("backchannel_logout_session_supported", true);
  out.member("claims_parameter_supported", true);
  out.member("request_parameter_supported", true);
  out.member("request_uri_parameter_supported", false);
  out.member("authorization_response_iss_parameter_supported", true);
  if (!impl.config.mtls_url.empty()) {  // RFC 8705 §3.3, §5
    out.member("tls_client_certificate_bound_access_tokens", true);
    out.key("mtls_endpoint_aliases");
    out.StartObject();
    const auto alias = [&](const char* name, std::string_view path) {
      out.member(name, impl.config.mtls_url + std::string(path));
    };
    alias("token_endpoint", kTokenPath);
    alias("pushed_authorization_request_endpoint", kPushPath);
    alias("device_authorization_endpoint", kDevicePath);
    alias("introspection_endpoint", kIntrospectPath);
    alias("revocation_endpoint", kRevokePath);
    alias("userinfo_endpoint", kUserinfoPath);
    out.EndObject();
  }
  out.EndObject();
  return out.text();
}

base::Result<std::string> Provider::sign_export(std::string_view claims) {
  return impl_->sign_lasting(kExportType, claims);
}

base::Result<std::string> Provider::sign_client_assertion(std::string_view claims) {
  return impl_->sign_lasting(kClientAssertionType, claims);
}

std::string Provider::jwks() const {
  return impl_->ring()->published.jwks();
}

base::Result<std::int64_t> Provider::sweep(int most) {
  std::int64_t gone = 0;
  for (const auto& query : kSweeps) {
    BASE_TRY(const auto rows, impl_->parts.pool.run(query, {impl_->parts.clock.now(), most}));
    gone += static_cast<std::int64_t>(rows.affected());
  }
  return gone;
}

}  // namespace auth
