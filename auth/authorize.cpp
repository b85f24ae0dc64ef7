// The authorization endpoint: two ordered lists of checks, then login, consent, code.
// RFC 6749 §4.1.1–4.1.2, RFC 7636 §4.3–4.4, RFC 9101, RFC 9126, RFC 9207, RFC 9449 §10, RFC 9700
// §2.1, OpenID Connect Core §3.1.2, §5.5.
//
// The first list establishes whom we talk to and where answers may go; what fails there is shown to
// the person and never redirected. What fails in the second list goes back to the client.
#include "auth/authorize_call.h"

#include <charconv>

#include "base/encoding.h"
#include "base/json.h"

namespace auth {
namespace {

constexpr std::size_t kStateMost = 1024;  // bytes
constexpr std::size_t kNonceMost = 512;
constexpr std::size_t kClaimsMost = 4096;
constexpr std::size_t kAcrsMost = 16;

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
  for (const auto* name : {"client_id", "redirect_uri", "request", "request_uri"})
    if (is_given_twice(call.given, name)) return refuse("invalid_request", "auth.parameter_twice");
  return {};
}

Refusal known_client(AuthorizeCall& call) {
  auto found = call.provider.clients.find(value_of(call.given, "client_id"), call.now);
  if (!found.ok()) return oauth_trouble(found.error());
  if (!*found) return refuse("invalid_request", "auth.client_unknown");
  if (!has_scope((*found)->grant_types, "authorization_code"))
    return refuse("unauthorized_client", "auth.client_no_logins");
  call.request.client = std::move(**found);
  return {};
}

/// What the request refers to, by reference (RFC 9126 §4) or as a signed object (RFC 9101).
Refusal request_resolved(AuthorizeCall& call) {
  auto resolved = call.provider.resolve(call.given, call.request.client);
  if (auto* failure = std::get_if<OAuthError>(&resolved)) return std::move(*failure);
  auto& found = std::get<ResolvedRequest>(resolved);
  call.parameters = std::move(found.parameters);
  call.is_signed = found.is_signed;
  call.request.pushed = found.pushed;
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

/// What was followed is gone from the parameters by now: what is left points to somebody's server.
Refusal nothing_to_fetch(AuthorizeCall& call) {
  if (!call.value("request_uri").empty())
    return refuse("request_uri_not_supported", "auth.request_uri");
  if (!call.value("registration").empty())
    return refuse("registration_not_supported", "auth.registration");
  return {};
}

/// What a client promised of all its requests (RFC 9126 §6, RFC 9101 §10.5).
Refusal as_registered(AuthorizeCall& call) {
  if (call.request.client.require_pushed && !call.request.pushed)
    return refuse("invalid_request", "auth.push_needed");
  if (call.request.client.require_signed && !call.is_signed)
    return refuse("invalid_request", "auth.request_object_needed");
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
  call.login_after_s = seconds_from(value_of(call.given, kLoginAfter));
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

/// RFC 9449 §10: the key that will redeem the code.
Refusal dpop_key_well_made(AuthorizeCall& call) {
  const auto key = call.value("dpop_jkt");
  if (key.empty()) return {};
  const auto bytes = base::from_base64url(key);
  if (!bytes || bytes->size() != 32) return refuse("invalid_request", "auth.dpop.jkt");
  call.request.code_key = key;
  return {};
}

/// One member of claims.id_token, or null.
const rapidjson::Value* id_token_claim(const rapidjson::Value& claims, const char* name) {
  const auto part = claims.FindMember("id_token");
  if (part == claims.MemberEnd() || !part->value.IsObject()) return nullptr;
  const auto claim = part->value.FindMember(name);
  return claim == part->value.MemberEnd() || !claim->value.IsObject() ? nullptr : &claim->value;
}

/// The texts of "value" and "values"; nothing when something else stands there.
std::optional<std::vector<std::string>> values_of(const rapidjson::Value& claim) {
  std::vector<std::string> out;
  if (claim.HasMember("value")) {
    if (!claim["value"].IsString()) return std::nullopt;
    out.emplace_back(claim["value"].GetString(), claim["value"].GetStringLength());
  }
  if (claim.HasMember("values")) {
    if (!claim["values"].IsArray() || claim["values"].Size() > kAcrsMost) return std::nullopt;
    for (const auto& each : claim["values"].GetArray()) {
      if (!each.IsString()) return std::nullopt;
      out.emplace_back(each.GetString(), each.GetStringLength());
    }
  }
  return out;
}

/// OpenID Connect Core §5.5: acr and sub have a say here; others are told when the person agrees to
/// them, and what we do not know is left out (§5.5.1).
Refusal claims_read(AuthorizeCall& call) {
  if (call.value("claims").empty()) return {};
  const auto json = base::parse_json(call.value("claims"), {.bytes = kClaimsMost, .depth = 11});
  if (!json.ok() || !json->IsObject()) return refuse("invalid_request", "auth.claims");
  for (const auto* part : {"id_token", "userinfo"})
    if (json->HasMember(part) && !(*json)[part].IsObject() && !(*json)[part].IsNull())
      return refuse("invalid_request", "auth.claims");
  auto asked = read_claims_request(*json, call.request.scopes);
  if (!asked.ok()) return OAuthError{"invalid_request", asked.error().key};
  call.request.claims = std::move(asked->kept);
  call.request.claim_words = std::move(asked->words);
  if (const auto* acr = id_token_claim(*json, "acr")) {
    const auto values = values_of(*acr);
    if (!values) return refuse("invalid_request", "auth.claims");
    const auto essential = acr->FindMember("essential");
    const bool must = essential != acr->MemberEnd() && essential->value.IsTrue();
    (must ? call.essential_acrs : call.wanted_acrs) = *values;
  }
  if (const auto* sub = id_token_claim(*json, "sub")) {
    const auto values = values_of(*sub);
    if (!values) return refuse("invalid_request", "auth.claims");
    const auto is_one = [&](const std::string& known) {
      return std::find(values->begin(), values->end(), known) != values->end();
    };
    if (!values->empty() && call.session &&
        !is_one(call.provider.pairwise(call.session->subject, call.request.client)))
      return refuse("login_required", "auth.hint_other");
  }
  return {};
}

/// Ours: the portal wants the person to say for whom he acts.
Refusal acting_for_read(AuthorizeCall& call) {
  const auto value = call.value("acting_for");
  return value.empty() || value == "choose" ? Refusal()
                                            : refuse("invalid_request", "auth.mandate.parameter");
}

Refusal acr_values_read(AuthorizeCall& call) {
  const auto values = split_scopes(call.value("acr_values"));
  if (values.size() > kAcrsMost) return refuse("invalid_request", "auth.claims");
  call.wanted_acrs.insert(call.wanted_acrs.end(), values.begin(), values.end());
  return {};
}

struct AuthorizeCheck {
  std::string_view name;
  Refusal (*refuses)(AuthorizeCall&);
};

constexpr AuthorizeCheck kAddressChecks[] = {
    {"one_client_and_address", one_client_and_address},
    {"known_client", known_client},
    {"request_resolved", request_resolved},
    {"registered_redirect_uri", registered_redirect_uri},
};
constexpr AuthorizeCheck kAuthorizeChecks[] = {
    {"state_fits", state_fits},
    {"one_value_each", one_value_each},
    {"nothing_to_fetch", nothing_to_fetch},
    {"as_registered", as_registered},
    {"response_type_code", response_type_code},
    {"response_mode_query", response_mode_query},
    {"scope_allowed", scope_allowed},
    {"offline_access_allowed", offline_access_allowed},
    {"pkce_s256", pkce_s256},
    {"nonce_fits", nonce_fits},
    {"prompt_known", prompt_known},
    {"max_age_is_seconds", max_age_is_seconds},
    {"id_token_hint_is_ours", id_token_hint_is_ours},
    {"dpop_key_well_made", dpop_key_well_made},
    {"claims_read", claims_read},
    {"acr_values_read", acr_values_read},
    {"acting_for_read", acting_for_read},
};

}  // namespace

/// Equal as strings, byte for byte: RFC 9700 §4.1.3.
std::optional<OAuthError> registered_redirect_uri(AuthorizeCall& call) {
  const auto wanted = call.value("redirect_uri");
  const auto& allowed = call.request.client.redirect_uris;
  if (is_given_twice(call.parameters, "redirect_uri") ||
      std::find(allowed.begin(), allowed.end(), wanted) == allowed.end())
    return refuse("invalid_request", "auth.redirect_uri_unregistered");
  call.request.redirect_uri = wanted;
  return {};
}

std::optional<OAuthError> address_trouble(AuthorizeCall& call) {
  for (const auto& check : kAddressChecks)
    if (auto refusal = check.refuses(call)) return refusal;
  return {};
}

std::optional<OAuthError> request_trouble(AuthorizeCall& call) {
  for (const auto& check : kAuthorizeChecks)
    if (auto refusal = check.refuses(call)) return refusal;
  return {};
}

base::Result<AuthorizeAnswer> Provider::authorize(const Parameters& parameters,
                                                  const std::optional<Session>& session) {
  AuthorizeCall call{*impl_, parameters, session, impl_->parts.clock.now()};
  if (const auto refusal = address_trouble(call)) return AuthorizeAnswer(ShowError{*refusal});
  if (const auto refusal = request_trouble(call))
    return AuthorizeAnswer(SendBack{impl_->error_location(call.request, *refusal)});
  auto answered = answer_request(call);
  if (!answered.ok())  // the client is known by now: it is told (RFC 6749 §4.1.2.1)
    return AuthorizeAnswer(
        SendBack{impl_->error_location(call.request, oauth_trouble(answered.error()))});
  return answered;
}

std::string Provider::answer_address(const Parameters& parameters) {
  const std::optional<Session> nobody;
  AuthorizeCall call{*impl_, parameters, nobody, impl_->parts.clock.now()};
  return address_trouble(call) ? std::string() : call.request.redirect_uri;
}

}  // namespace auth
