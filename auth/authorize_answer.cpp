// What comes of an authorization request that passed its checks: a login, the person's consent, a
// code. RFC 6749 §4.1.2, OpenID Connect Core §3.1.2.3–3.1.2.6, RFC 9470 §5.
#include "auth/authorize_call.h"
#include "auth/consents.h"
#include "auth/redirect.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/messages.h"
#include "store/audit.h"

namespace auth {
namespace {

constexpr store::Query kFindConsent{"auth.find_consent", R"sql(
  select scopes, claims from auth.consent where subject_id = $1 and client_id = $2)sql"};
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
    redirect_uri, scopes, nonce, code_challenge, authentication, methods, authenticated_at,
    granted_at, code_expires_at, lives_until, offline, code_key, acr, claims, mandate_id)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint::smallint, $11::bigint::integer, $12, $13,
    $14, $15, $16, $17, $18, $19, $20))sql"};
constexpr store::Query kProofingOf{"auth.proofing_of", R"sql(
  select auth.proofing_at(proofing, proofing_until, $2), kind
    from auth.subject where id = $1)sql"};

constexpr std::chrono::minutes kAnswerWithin{10};  // on the consent page
constexpr std::chrono::minutes kLoginCounts{15};   // a login that was asked for counts as fresh
constexpr std::chrono::minutes kProofWithin{30};   // and so long for proofing
constexpr std::chrono::minutes kLoginWithin{15};   // so long a pushed request waits for it

/// Back from the login that we sent the person to: it counts, even for max_age=0.
bool just_logged_in(const AuthorizeCall& call) {
  if (!call.session || !call.login_after_s) return false;
  const auto at = call.session->authenticated_at;
  return base::to_unix_s(at) >= *call.login_after_s && call.now - at < kLoginCounts;
}

/// Whether the session's login is as fresh as the client asks.
bool login_needed(const AuthorizeCall& call) {
  if (!call.session) return true;
  const auto at = call.session->authenticated_at;
  if (just_logged_in(call)) return false;
  if (call.prompts_for("login") || call.prompts_for("select_account")) return true;
  return call.max_age_s && call.now - at > std::chrono::seconds(*call.max_age_s);
}

/// The same request again, to come back to, with what was asked of the person meanwhile: none of it
/// is asked for twice.
std::string again(const AuthorizeCall& call, std::string_view marker, const std::string& value) {
  Pairs pairs;
  for (const auto& [name, given] : call.given)
    if (!given.empty() && name != marker) pairs.emplace_back(name, given);
  pairs.emplace_back(marker, value);
  return with_query(kAuthorizePath, pairs);
}

/// Whether a way to prove more is open to this kind of subject, and was not offered yet.
std::optional<Proofing> could_prove(const AuthorizeCall& call, std::string_view kind,
                                    const std::vector<Acr>& wanted) {
  if (call.prompts_for("none") || !value_of(call.given, kProofingAsked).empty())
    return std::nullopt;
  const auto& config = call.provider.config;
  const auto most = kind == "unit" ? config.provable_unit : config.provable_person;
  std::optional<Proofing> least;
  for (const auto& acr : wanted)
    if (acr.proofing <= most && (!least || acr.proofing < *least)) least = acr.proofing;
  return least;
}

base::Result<bool> consented(const AuthorizeCall& call) {
  BASE_TRY(const auto rows,
           call.provider.parts.pool.run(
               kFindConsent, {call.session->subject.value(), call.request.client.id.value()}));
  return !rows.empty() && has_all_scopes(rows.text(0, 0), call.request.scopes) &&
         has_all_scopes(rows.text(0, 1), call.request.claim_words);
}

std::string to_json(const GrantRequest& request) {
  base::JsonWriter out;
  out.StartObject();
  out.member("redirect_uri", request.redirect_uri);
  out.member("scope", request.scopes);
  out.member("state", request.state);
  out.member("nonce", request.nonce);
  out.member("code_challenge", request.code_challenge);
  out.member("code_key", request.code_key);
  out.member("acr", request.acr);
  out.member("claims", request.claims);
  out.member("claim_words", request.claim_words);
  out.EndObject();
  return out.text();
}

AuthorizeAnswer pushed_gone() {
  return ShowError{OAuthError{"invalid_request_uri", "auth.request_uri_used"}};
}

/// The pushed request is spent here: what waits for the person's answer is our own row.
base::Result<AuthorizeAnswer> ask_consent(const AuthorizeCall& call) {
  const auto& parts = call.provider.parts;
  if (call.request.pushed) {
    BASE_TRY(const bool mine, call.provider.take_pushed(nullptr, *call.request.pushed));
    if (!mine) return pushed_gone();
  }
  const auto secret = parts.random.bytes(32);
  const auto digest = base::sha256(secret);
  BASE_TRY_VOID(parts.pool.run(
      kPutRequest, {base::BytesView(digest), call.session->id, call.request.client.id.value(),
                    parts.accounts.cipher().seal("auth/authorization_request", base::to_hex(digest),
                                                 base::as_bytes(to_json(call.request))),
                    call.now + kAnswerWithin}));
  AskConsent ask{base::to_base64url(secret), call.request.client.id, call.request.client.name,
                 split_scopes(call.request.scopes + " " + call.request.claim_words),
                 call.request.redirect_uri};
  BASE_TRY(const auto choices, acting_choices(parts.pool, call.session->subject, call.now));
  BASE_TRY(const auto chosen, mandate_of_session(parts.pool, call.session->id));
  for (const auto& one : choices)
    ask.acting.push_back({one.mandate, one.principal, one.mandate == chosen});
  return AuthorizeAnswer(std::move(ask));
}

AuthorizeAnswer send_back(const AuthorizeCall& call, const char* error, const char* key) {
  return SendBack{call.provider.error_location(call.request, OAuthError{error, key})};
}

/// To the login and back here, with the same request. `raise_to`: with the session that is there,
/// proven further; the person may come back without.
base::Result<AuthorizeAnswer> ask_login(const AuthorizeCall& call,
                                        Authentication raise_to = Authentication::none) {
  if (call.prompts_for("none")) return send_back(call, "login_required", "auth.login_required");
  if (call.request.pushed)
    BASE_TRY_VOID(call.provider.keep_pushed(*call.request.pushed, call.now + kLoginWithin));
  return AuthorizeAnswer(
      raise_to > Authentication::none
          ? AskLogin{again(call, kRaiseAsked, "1"), raise_to}
          : AskLogin{again(call, kLoginAfter, std::to_string(base::to_unix_s(call.now)))});
}

/// The acr that is asked for against the one that is reached: OpenID Connect Core §5.5.1.1, RFC
/// 9470 §5. Nothing: go on, with request.acr set. A login is asked for once when it could help.
base::Result<std::optional<AuthorizeAnswer>> check_acr(AuthorizeCall& call) {
  const bool must = !call.essential_acrs.empty();
  const auto& asked = must ? call.essential_acrs : call.wanted_acrs;
  if (asked.empty()) return std::optional<AuthorizeAnswer>();
  BASE_TRY(const auto rows,
           call.provider.parts.pool.run(kProofingOf, {call.session->subject.value(), call.now}));
  if (rows.empty()) return base::error(base::Code::unauthenticated, "auth.session_over");
  const Acr reached{static_cast<Proofing>(rows.integer(0, 0)), call.session->authentication};
  auto raise_to = Authentication::none;  // the least that would do
  std::vector<Acr> unproven;
  for (const auto& each : asked) {
    const auto needed = acr_from(each);
    if (!needed) continue;
    if (reached.meets(*needed)) {
      if (must) call.request.acr = each;
      return std::optional<AuthorizeAnswer>();
    }
    if (reached.proofing < needed->proofing) unproven.push_back(*needed);
    if (reached.proofing >= needed->proofing &&
        (raise_to == Authentication::none || needed->authentication < raise_to))
      raise_to = needed->authentication;
  }
  const bool raise_asked = !value_of(call.given, kRaiseAsked).empty();
  if (raise_to > Authentication::none && !just_logged_in(call) && !raise_asked &&
      (must || !call.prompts_for("none"))) {
    BASE_TRY(auto login, ask_login(call, raise_to));
    return std::optional<AuthorizeAnswer>(std::move(login));
  }
  // A wish is worth the way as a demand is: the person may go on without.
  if (const auto level = could_prove(call, rows.text(0, 1), unproven)) {
    if (call.request.pushed)
      BASE_TRY_VOID(call.provider.keep_pushed(*call.request.pushed, call.now + kProofWithin));
    return std::optional<AuthorizeAnswer>(
        AuthorizeAnswer(AskProofing{
            again(call, kProofingAsked, std::to_string(static_cast<int>(*level))), *level}));
  }
  if (!must) return std::optional<AuthorizeAnswer>();
  return std::optional<AuthorizeAnswer>(
      send_back(call, "unmet_authentication_requirements", "auth.acr_unmet"));
}

/// error_description takes printable ASCII without quote and backslash (RFC 6749 §4.1.2.1).
std::string describe(const OAuthError& failure) {
  std::string out;
  for (const char c : base::message(failure.key, base::Language::en))
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') out += c;
  return out;
}

}  // namespace

base::Result<AuthorizeAnswer> answer_request(const AuthorizeCall& passed) {
  AuthorizeCall call = passed;
  if (login_needed(call)) return ask_login(call);
  BASE_TRY(auto unmet, check_acr(call));
  if (unmet) return std::move(*unmet);
  BASE_TRY(const bool agreed, consented(call));
  bool choose = false;  // the portal asks for whom; only who has a choice is bothered
  if (call.value("acting_for") == "choose") {
    BASE_TRY(const auto choices,
             acting_choices(call.provider.parts.pool, call.session->subject, call.now));
    choose = !choices.empty();
  }
  if (!agreed || choose || call.prompts_for("consent")) {
    if (call.prompts_for("none"))
      return send_back(call, "consent_required", "auth.consent_required");
    return ask_consent(call);
  }
  return call.provider.issue_code(call.request, *call.session, false);
}

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
  std::optional<std::string> nonce, code_key, acr, claims, mandate;
  BASE_TRY(const auto chosen, request.mandate ? base::Result<std::string>(*request.mandate)
                                              : mandate_of_session(parts.pool, session.id));
  std::optional<Acting> acting;
  if (!chosen.empty()) {
    BASE_TRY(acting, acting_under(parts.pool, chosen, session.subject, now));
    // Chosen just now it is refused; a choice of before that is over means himself again.
    if (!acting && request.mandate)
      return base::error(base::Code::not_found, "auth.mandate.unknown");
    if (acting) mandate = chosen;
  }
  if (!request.nonce.empty()) nonce = request.nonce;
  if (!request.code_key.empty()) code_key = request.code_key;
  if (!request.acr.empty()) acr = request.acr;
  if (!request.claims.empty()) claims = request.claims;
  // Kept a day longer than anything issued for it may live.
  const bool offline = has_scope(request.scopes, kOfflineAccess);
  const auto lives_until = now + std::chrono::hours(24) +
                           (offline ? config.refresh_family_life : std::chrono::seconds(0));

  BASE_TRY(auto tx, parts.pool.begin());
  if (request.pushed) {
    BASE_TRY(const bool mine, take_pushed(&tx, *request.pushed));
    if (!mine) return pushed_gone();
  }
  if (new_consent)
    BASE_TRY_VOID(add_consent(tx, subject, client, request.scopes, request.claim_words, now));
  tx.put(kPutGrant, {grant, base::BytesView(base::sha256(code)), subject, session.id, client,
                     request.redirect_uri, request.scopes, nonce, request.code_challenge,
                     static_cast<int>(session.authentication), session.methods.bits(),
                     session.authenticated_at, now, now + config.code_life, lives_until, offline,
                     code_key, acr, claims, mandate});
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("client", client);
  facts.member("scope", request.scopes);
  if (!request.claim_words.empty()) facts.member("claims", request.claim_words);
  facts.member("session", session.id);
  if (acting) {
    facts.member("on_behalf_of", acting->principal.value());
    facts.member("mandate", acting->mandate);
  }
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

base::Result<AuthorizeAnswer> Provider::consent(std::string_view transaction, bool granted,
                                                const Session& session, std::string_view mandate) {
  const auto over = [] { return base::error(base::Code::expired, "auth.request_expired"); };
  const auto& parts = impl_->parts;
  const auto secret = base::from_base64url(transaction);
  if (!secret || secret->size() != 32) return over();
  const auto digest = base::sha256(*secret);
  const auto now = parts.clock.now();
  BASE_TRY(const auto rows,
           parts.pool.run(kTakeRequest, {base::BytesView(digest), session.id, now}));
  if (rows.empty()) return over();
  BASE_TRY(auto client, impl_->clients.find(rows.text(0, 0), now));
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
  request.code_key = base::json_text(json, "code_key");
  request.acr = base::json_text(json, "acr");
  request.claims = base::json_text(json, "claims");
  request.claim_words = base::json_text(json, "claim_words");
  request.mandate = std::string(mandate);
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
