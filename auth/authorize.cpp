// The authorization endpoint: two ordered lists of checks, then login, consent, code.
// RFC 6749 §4.1.1–4.1.2, RFC 7636 §4.3–4.4, RFC 9207, RFC 9700 §2.1, OpenID Connect Core §3.1.2.
//
// The first list establishes whom we talk to and where answers may go; what fails there is shown to
// the person and never redirected. What fails in the second list goes back to the client.
#include <algorithm>
#include <charconv>

#include "auth/provider_impl.h"
#include "auth/redirect.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/messages.h"
#include "base/text.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kFindConsent{"auth.find_consent", R"sql(
  select scopes from auth.consent where subject_id = $1 and client_id = $2)sql"};
constexpr store::Query kPutConsent{"auth.put_consent", R"sql(
  insert into auth.consent (subject_id, client_id, scopes, granted_at) values ($1, $2, $3, $4)
  on conflict (subject_id, client_id) do update
    set scopes = excluded.scopes, granted_at = excluded.granted_at)sql"};
constexpr store::Query kPutRequest{"auth.put_request", R"sql(
  insert into auth.authorization_request (digest, session_id, client_id, sealed, expires_at)
  values ($1, $2, $3, $4, $5))sql"};
// Taking it is deleting it: of two answers one finds it.
constexpr store::Query kTakeRequest{"auth.take_request", R"sql(
  delete from auth.authorization_request
   where digest = $1 and session_id = $2 and expires_at > $3
  returning client_id, sealed)sql"};
constexpr store::Query kPutGrant{"auth.put_grant", R"sql(
  insert into auth.authorization_grant (id, code_digest, subject_id, session_id, client_id,
    redirect_uri, scopes, nonce, code_challenge, authentication, authenticated_at, granted_at,
    code_expires_at, lives_until, offline)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint::smallint, $11, $12, $13, $14, $15))sql"};

constexpr std::size_t kStateMost = 1024;  // bytes
constexpr std::size_t kNonceMost = 512;
constexpr std::chrono::minutes kAnswerWithin{10};  // on the consent page
constexpr std::chrono::minutes kLoginCounts{15};   // a login that was asked for counts as fresh
/// In our own return addresses: the login that was asked for must be younger than this moment.
constexpr std::string_view kLoginAfter = "xinyin_login_after";

struct AuthorizeCall {
  Provider::Impl& provider;
  const Parameters& parameters;
  const std::optional<Session>& session;
  base::Time now;
  GrantRequest request = {};
  std::vector<std::string> prompts = {};
  std::optional<std::int64_t> max_age_s = std::nullopt, login_after_s = std::nullopt;

  std::string_view value(std::string_view name) const { return value_of(parameters, name); }
  bool prompts_for(std::string_view prompt) const {
    return std::find(prompts.begin(), prompts.end(), prompt) != prompts.end();
  }
};

using Refusal = std::optional<OAuthError>;
Refusal refuse(const char* error, const char* key) {
  return OAuthError{error, key};
}

/// Digits alone, at most ten.
std::optional<std::int64_t> seconds_from(std::string_view text) {
  if (text.empty() || text.size() > 10) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// --- whom we talk to
// -------------------------------------------------------------------------------

Refusal one_client_and_address(AuthorizeCall& call) {
  if (is_given_twice(call.parameters, "client_id") ||
      is_given_twice(call.parameters, "redirect_uri"))
    return refuse("invalid_request", "auth.parameter_twice");
  return {};
}

Refusal known_client(AuthorizeCall& call) {
  auto found = call.provider.clients.find(call.value("client_id"));
  if (!found.ok()) return oauth_trouble(found.error());
  if (!*found) return refuse("invalid_request", "auth.client_unknown");
  if (!has_scope((*found)->grant_types, "authorization_code"))
    return refuse("unauthorized_client", "auth.client_no_logins");
  call.request.client = std::move(**found);
  return {};
}

/// Equal as strings, byte for byte: RFC 9700 §4.1.3.
Refusal registered_redirect_uri(AuthorizeCall& call) {
  const auto wanted = call.value("redirect_uri");
  const auto& allowed = call.request.client.redirect_uris;
  if (std::find(allowed.begin(), allowed.end(), wanted) == allowed.end())
    return refuse("invalid_request", "auth.redirect_uri_unregistered");
  call.request.redirect_uri = wanted;
  return {};
}

// --- what is asked
// -----------------------------------------------------------------------------------

/// RFC 6749 appendix A.5: printable ASCII. Comes first, so that later refusals can carry it back.
Refusal state_fits(AuthorizeCall& call) {
  if (is_given_twice(call.parameters, "state"))
    return refuse("invalid_request", "auth.parameter_twice");
  const auto state = call.value("state");
  if (state.size() > kStateMost ||
      std::any_of(state.begin(), state.end(), [](char c) { return c < ' ' || c > '~'; }))
    return refuse("invalid_request", "auth.state");
  call.request.state = state;
  return {};
}

Refusal one_value_each(AuthorizeCall& call) {
  for (const auto& [name, value] : call.parameters)
    if (is_given_twice(call.parameters, name))
      return refuse("invalid_request", "auth.parameter_twice");
  return {};
}

Refusal no_request_object(AuthorizeCall& call) {
  if (!call.value("request").empty()) return refuse("request_not_supported", "auth.request_object");
  if (!call.value("request_uri").empty())
    return refuse("request_uri_not_supported", "auth.request_object");
  if (!call.value("registration").empty())
    return refuse("registration_not_supported", "auth.request_object");
  return {};
}

Refusal response_type_code(AuthorizeCall& call) {
  const auto type = call.value("response_type");
  if (type.empty()) return refuse("invalid_request", "auth.response_type");
  if (type != "code") return refuse("unsupported_response_type", "auth.response_type");
  return {};
}

Refusal response_mode_query(AuthorizeCall& call) {
  const auto mode = call.value("response_mode");
  if (!mode.empty() && mode != "query") return refuse("invalid_request", "auth.response_mode");
  return {};
}

/// Nothing is granted that was not asked for by name, and nothing is dropped in silence.
Refusal scope_allowed(AuthorizeCall& call) {
  std::string scopes;  // each once, in order
  for (const auto& scope : split_scopes(call.value("scope"))) {
    if (!has_scope(call.request.client.scopes, scope))
      return refuse("invalid_scope", "auth.scope_unknown");
    if (!has_scope(scopes, scope)) scopes += (scopes.empty() ? "" : " ") + scope;
  }
  if (scopes.empty()) return refuse("invalid_scope", "auth.scope_unknown");
  call.request.scopes = std::move(scopes);
  return {};
}

/// OpenID Connect Core §11: for clients that may refresh. The person has agreed to it by name, on
/// the consent page.
Refusal offline_access_allowed(AuthorizeCall& call) {
  return has_scope(call.request.scopes, kOfflineAccess) &&
                 !has_scope(call.request.client.grant_types, "refresh_token")
             ? refuse("invalid_scope", "auth.scope_unknown")
             : Refusal();
}

/// RFC 7636 §4.3 for every client (RFC 9700 §2.1.1); `plain`, also as the default, is refused.
Refusal pkce_s256(AuthorizeCall& call) {
  const auto challenge = call.value("code_challenge");
  if (challenge.empty()) return refuse("invalid_request", "auth.pkce_missing");
  if (call.value("code_challenge_method") != "S256")
    return refuse("invalid_request", "auth.pkce_method");
  const auto bytes = base::from_base64url(challenge);
  if (challenge.size() != 43 || !bytes || bytes->size() != 32)
    return refuse("invalid_request", "auth.pkce_challenge");
  call.request.code_challenge = challenge;
  return {};
}

Refusal nonce_fits(AuthorizeCall& call) {
  const auto nonce = call.value("nonce");
  if (nonce.size() > kNonceMost ||
      std::any_of(nonce.begin(), nonce.end(), [](char c) { return c < ' ' || c > '~'; }))
    return refuse("invalid_request", "auth.nonce");
  call.request.nonce = nonce;
  return {};
}

Refusal prompt_known(AuthorizeCall& call) {
  call.prompts = split_scopes(call.value("prompt"));
  for (const auto& prompt : call.prompts)
    if (prompt != "none" && prompt != "login" && prompt != "consent" && prompt != "select_account")
      return refuse("invalid_request", "auth.prompt");
  if (call.prompts_for("none") && call.prompts.size() > 1)
    return refuse("invalid_request", "auth.prompt");
  return {};
}

Refusal max_age_is_seconds(AuthorizeCall& call) {
  call.login_after_s = seconds_from(call.value(kLoginAfter));
  if (call.value("max_age").empty()) return {};
  call.max_age_s = seconds_from(call.value("max_age"));
  if (!call.max_age_s) return refuse("invalid_request", "auth.max_age");
  return {};
}

/// Names the person whom the client expects (OpenID Connect Core §3.1.2.1).
Refusal id_token_hint_is_ours(AuthorizeCall& call) {
  const auto text = call.value("id_token_hint");
  if (text.empty()) return {};
  const auto hint = call.provider.read_hint(text);
  if (!hint || base::json_text(*hint, "aud") != call.request.client.id.value())
    return refuse("invalid_request", "auth.hint");
  if (call.session && base::json_text(*hint, "sub") !=
                          call.provider.pairwise(call.session->subject, call.request.client))
    return refuse("login_required", "auth.hint_other");
  return {};
}

struct AuthorizeCheck {
  std::string_view name;
  Refusal (*refuses)(AuthorizeCall&);
};

constexpr AuthorizeCheck kAddressChecks[] = {
    {"one_client_and_address", one_client_and_address},
    {"known_client", known_client},
    {"registered_redirect_uri", registered_redirect_uri},
};
constexpr AuthorizeCheck kAuthorizeChecks[] = {
    {"state_fits", state_fits},
    {"one_value_each", one_value_each},
    {"no_request_object", no_request_object},
    {"response_type_code", response_type_code},
    {"response_mode_query", response_mode_query},
    {"scope_allowed", scope_allowed},
    {"offline_access_allowed", offline_access_allowed},
    {"pkce_s256", pkce_s256},
    {"nonce_fits", nonce_fits},
    {"prompt_known", prompt_known},
    {"max_age_is_seconds", max_age_is_seconds},
    {"id_token_hint_is_ours", id_token_hint_is_ours},
};

// --- the person
// ----------------------------------------------------------------------------------------

/// Whether the session's login is as fresh as the client asks.
bool login_needed(const AuthorizeCall& call) {
  if (!call.session) return true;
  const auto at = call.session->authenticated_at;
  // Back from the login that we sent the person to: it counts, even for max_age=0.
  if (call.login_after_s && base::to_unix_s(at) >= *call.login_after_s &&
      call.now - at < kLoginCounts)
    return false;
  if (call.prompts_for("login") || call.prompts_for("select_account")) return true;
  return call.max_age_s && call.now - at > std::chrono::seconds(*call.max_age_s);
}

/// The same request again, to come back to after the login.
std::string return_address(const AuthorizeCall& call) {
  Pairs pairs;
  for (const auto& [name, value] : call.parameters)
    if (!value.empty() && name != kLoginAfter) pairs.emplace_back(name, value);
  pairs.emplace_back(kLoginAfter, std::to_string(base::to_unix_s(call.now)));
  return with_query(kAuthorizePath, pairs);
}

base::Result<bool> consented(const AuthorizeCall& call) {
  BASE_TRY(const auto rows,
           call.provider.parts.pool.run(
               kFindConsent, {call.session->subject.value(), call.request.client.id.value()}));
  return !rows.empty() && has_all_scopes(rows.text(0, 0), call.request.scopes);
}

std::string to_json(const GrantRequest& request) {
  base::JsonWriter out;
  out.StartObject();
  out.member("redirect_uri", request.redirect_uri);
  out.member("scope", request.scopes);
  out.member("state", request.state);
  out.member("nonce", request.nonce);
  out.member("code_challenge", request.code_challenge);
  out.EndObject();
  return out.text();
}

base::Result<AuthorizeAnswer> ask_consent(const AuthorizeCall& call) {
  const auto& parts = call.provider.parts;
  const auto secret = parts.random.bytes(32);
  const auto digest = base::sha256(secret);
  BASE_TRY_VOID(parts.pool.run(
      kPutRequest, {base::BytesView(digest), call.session->id, call.request.client.id.value(),
                    parts.accounts.cipher().seal("auth/authorization_request", base::to_hex(digest),
                                                 base::as_bytes(to_json(call.request))),
                    call.now + kAnswerWithin}));
  return AuthorizeAnswer(AskConsent{base::to_base64url(secret), call.request.client.id,
                                    call.request.client.name, split_scopes(call.request.scopes)});
}

base::Result<AuthorizeAnswer> answer(const AuthorizeCall& call) {
  const auto send_back = [&](const char* error, const char* key) {
    return AuthorizeAnswer(
        SendBack{call.provider.error_location(call.request, OAuthError{error, key})});
  };
  const bool silent = call.prompts_for("none");
  if (login_needed(call)) {
    if (silent) return send_back("login_required", "auth.login_required");
    return AuthorizeAnswer(AskLogin{return_address(call)});
  }
  BASE_TRY(const bool agreed, consented(call));
  if (!agreed || call.prompts_for("consent")) {
    if (silent) return send_back("consent_required", "auth.consent_required");
    return ask_consent(call);
  }
  return call.provider.issue_code(call.request, *call.session, false);
}

/// error_description takes printable ASCII without quote and backslash (RFC 6749 §4.1.2.1).
std::string describe(const OAuthError& failure) {
  std::string out;
  for (const char c : base::message(failure.key, base::Language::en))
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') out += c;
  return out;
}

}  // namespace

std::string Provider::Impl::error_location(const GrantRequest& request,
                                           const OAuthError& failure) const {
  Pairs pairs{{"error", failure.error}, {"error_description", describe(failure)}};
  if (!request.state.empty()) pairs.emplace_back("state", request.state);
  pairs.emplace_back("iss", config.issuer);
  return with_query(request.redirect_uri, pairs);
}

base::Result<AuthorizeAnswer> Provider::Impl::issue_code(const GrantRequest& request,
                                                         const Session& session, bool new_consent) {
  const auto now = parts.clock.now();
  const auto code = parts.random.bytes(32);
  const auto grant = base::to_hex(parts.random.bytes(16));
  const auto& subject = session.subject.value();
  const auto& client = request.client.id.value();
  std::optional<std::string> nonce;
  if (!request.nonce.empty()) nonce = request.nonce;
  // Kept a day longer than anything issued for it may live.
  const bool offline = has_scope(request.scopes, kOfflineAccess);
  const auto lives_until = now + std::chrono::hours(24) +
                           (offline ? config.refresh_family_life : std::chrono::seconds(0));

  BASE_TRY(auto tx, parts.pool.begin());
  if (new_consent) {
    BASE_TRY(const auto before, tx.run(kFindConsent, {subject, client}));
    std::string scopes(before.empty() ? "" : before.text(0, 0));
    for (const auto& scope : split_scopes(request.scopes))
      if (!has_scope(scopes, scope)) scopes += (scopes.empty() ? "" : " ") + scope;
    BASE_TRY_VOID(tx.run(kPutConsent, {subject, client, scopes, now}));
  }
  BASE_TRY_VOID(
      tx.run(kPutGrant, {grant, base::BytesView(base::sha256(code)), subject, session.id, client,
                         request.redirect_uri, request.scopes, nonce, request.code_challenge,
                         static_cast<int>(session.authentication), session.authenticated_at, now,
                         now + config.code_life, lives_until, offline}));
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", client);
  facts.member("scope", request.scopes);
  facts.member("session", session.id);
  facts.EndObject();
  if (new_consent)
    BASE_TRY_VOID(store::audit(tx, {now, subject, "consent.grant", client, "ok", facts.text()}));
  BASE_TRY_VOID(store::audit(tx, {now, subject, "code.issue", grant, "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());

  Pairs pairs{{"code", base::to_base64url(code)}};
  if (!request.state.empty()) pairs.emplace_back("state", request.state);
  pairs.emplace_back("iss", config.issuer);
  return AuthorizeAnswer(SendBack{with_query(request.redirect_uri, pairs)});
}

base::Result<AuthorizeAnswer> Provider::authorize(const Parameters& parameters,
                                                  const std::optional<Session>& session) {
  AuthorizeCall call{*impl_, parameters, session, impl_->parts.clock.now()};
  for (const auto& check : kAddressChecks)
    if (const auto refusal = check.refuses(call)) return AuthorizeAnswer(ShowError{*refusal});
  for (const auto& check : kAuthorizeChecks)
    if (const auto refusal = check.refuses(call))
      return AuthorizeAnswer(SendBack{impl_->error_location(call.request, *refusal)});
  auto answered = answer(call);
  if (!answered.ok())  // the client is known by now: it is told (RFC 6749 §4.1.2.1)
    return AuthorizeAnswer(
        SendBack{impl_->error_location(call.request, oauth_trouble(answered.error()))});
  return answered;
}

base::Result<AuthorizeAnswer> Provider::consent(std::string_view transaction, bool granted,
                                                const Session& session) {
  const auto over = [] { return base::error(base::Code::expired, "auth.request_expired"); };
  const auto& parts = impl_->parts;
  const auto secret = base::from_base64url(transaction);
  if (!secret || secret->size() != 32) return over();
  const auto digest = base::sha256(*secret);
  const auto now = parts.clock.now();
  BASE_TRY(const auto rows,
           parts.pool.run(kTakeRequest, {base::BytesView(digest), session.id, now}));
  if (rows.empty()) return over();
  BASE_TRY(auto client, impl_->clients.find(rows.text(0, 0)));
  if (!client) return over();
  BASE_TRY(const auto opened, parts.accounts.cipher().open("auth/authorization_request",
                                                           base::to_hex(digest), rows.bytes(0, 1)));
  BASE_TRY(const auto json, base::parse_json(base::as_text(opened)));
  GrantRequest request;
  request.client = std::move(*client);
  request.redirect_uri = base::json_text(json, "redirect_uri");
  request.scopes = base::json_text(json, "scope");
  request.state = base::json_text(json, "state");
  request.nonce = base::json_text(json, "nonce");
  request.code_challenge = base::json_text(json, "code_challenge");
  // The address may have been withdrawn while the person thought.
  const auto& allowed = request.client.redirect_uris;
  if (std::find(allowed.begin(), allowed.end(), request.redirect_uri) == allowed.end())
    return over();
  if (granted) return impl_->issue_code(request, session, true);

  BASE_TRY(auto tx, parts.pool.begin());
  BASE_TRY_VOID(store::audit(tx, {now, session.subject.value(), "consent.deny",
                                  request.client.id.value(), "access_denied"}));
  BASE_TRY_VOID(tx.commit());
  return AuthorizeAnswer(
      SendBack{impl_->error_location(request, OAuthError{"access_denied", "auth.consent_denied"})});
}

}  // namespace auth
