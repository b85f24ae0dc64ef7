// How a client proves who it is: client_secret_basic, client_secret_post, private_key_jwt,
// self_signed_tls_client_auth, or by nothing for a public one. RFC 6749 §2.3, RFC 7521 §4.2,
// RFC 7523 §3, RFC 8705 §2.2, OpenID Connect Core §9.
//
// One way for each client, the one it registered, and one way for each request. A secret is 256
// random bits, so one SHA-256 compared in constant time is enough (identity peers lose nine tenths
// of their rate to a slow hash here).
#include <algorithm>

#include "auth/jose.h"
#include "auth/provider_impl.h"
#include "auth/redirect.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"

namespace auth {
namespace {

constexpr store::Query kSpendJti{"auth.spend_jti", R"sql(
  insert into auth.spent_jti (digest, expires_at) values ($1, $2)
  on conflict do nothing returning 1::bigint)sql"};

constexpr std::string_view kAssertionType =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr std::int64_t kAssertionLife_s = 600;  // from its iat, or from now when it has none
constexpr std::size_t kJtiMost = 256;           // bytes

OAuthError unknown_client() {
  return {"invalid_client", "auth.client_refused", 401};
}
OAuthError bad_assertion(const char* key) {
  return {"invalid_client", key, 401};
}

/// "Basic …" to id and secret, each form-encoded (RFC 6749 §2.3.1). One text for one value.
std::optional<std::pair<std::string, std::string>> read_basic(std::string_view header) {
  constexpr std::string_view kScheme = "basic ";
  if (header.size() <= kScheme.size() || header.size() > 1024) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i])
      return std::nullopt;
  }
  const auto bytes = base::from_base64(header.substr(kScheme.size()));
  if (!bytes) return std::nullopt;
  const auto text = base::as_text(*bytes);
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto id = form_decode(text.substr(0, colon));
  auto secret = form_decode(text.substr(colon + 1));
  if (!id || !secret) return std::nullopt;
  return std::pair(std::move(*id), std::move(*secret));
}

/// Who an assertion says it comes from, before anything of it is believed.
struct Assertion {
  ForeignJws jws;
  std::string client;
};

std::variant<Assertion, OAuthError> read_assertion(const Parameters& form) {
  if (value_of(form, "client_assertion_type") != kAssertionType)
    return OAuthError{"invalid_request", "auth.assertion_type"};
  auto jws = parse_foreign_jws(value_of(form, "client_assertion"), HeaderKey::refused);
  if (!jws.ok()) return bad_assertion("auth.assertion_form");
  const std::string client(base::json_text(jws->claims, "sub"));
  // RFC 7523 §3: issuer and subject are both the client.
  if (client.empty() || base::json_text(jws->claims, "iss") != client)
    return bad_assertion("auth.assertion_client");
  const auto named = value_of(form, "client_id");
  if (!named.empty() && named != client)
    return OAuthError{"invalid_request", "auth.client_two_methods"};
  return Assertion{std::move(*jws), client};
}

/// Why the claims of a genuine assertion do not hold now; empty when they do.
const char* assertion_trouble(const rapidjson::Value& claims, std::string_view issuer,
                              std::int64_t now_s) {
  // The issuer and nothing else, as one text: an assertion made for somebody else, or for several,
  // could be shown here by him (FAPI 2.0 Security Profile §5.3.3.1).
  if (base::json_text(claims, "aud") != issuer) return "auth.assertion_audience";
  const auto expires = base::json_int(claims, "exp");
  if (!expires || now_s >= *expires) return "auth.assertion_time";
  const auto issued = base::json_int(claims, "iat"), from = base::json_int(claims, "nbf");
  if ((claims.HasMember("iat") && !issued) || (claims.HasMember("nbf") && !from))
    return "auth.assertion_time";
  if ((issued && (*issued < 0 || *issued > now_s + kSkew_s)) || (from && *from > now_s + kSkew_s))
    return "auth.assertion_time";
  if (*expires - issued.value_or(now_s) > kAssertionLife_s) return "auth.assertion_time";
  const auto jti = base::json_text(claims, "jti");
  if (jti.empty() || jti.size() > kJtiMost) return "auth.assertion_jti";
  return nullptr;
}

}  // namespace

base::Result<bool> Provider::Impl::spend_jti(std::string_view kind, std::string_view who,
                                             std::string_view jti, base::Time until) {
  const auto digest = base::sha256(
      base::as_bytes(std::string(kind) + "\n" + std::string(who) + "\n" + std::string(jti)));
  BASE_TRY(const auto rows, parts.pool.run(kSpendJti, {base::BytesView(digest), until}));
  return !rows.empty();
}

std::variant<Client, OAuthError> Provider::Impl::authenticate_by_key(const Parameters& form) {
  auto read = read_assertion(form);
  if (auto* failure = std::get_if<OAuthError>(&read)) return std::move(*failure);
  const auto& [jws, id] = std::get<Assertion>(read);
  auto found = clients.find(id, parts.clock.now());
  if (!found.ok()) return oauth_trouble(found.error());
  if (!*found || (*found)->keys.empty() || (*found)->secret) return unknown_client();
  const auto registered = ForeignKeys::parse((*found)->keys);
  if (!registered.ok() || !registered->verify(jws))
    return bad_assertion("auth.assertion_signature");
  const auto now_s = base::to_unix_s(parts.clock.now());
  if (const auto* trouble = assertion_trouble(jws.claims, config.issuer, now_s))
    return bad_assertion(trouble);
  const auto expires = base::from_unix_s(*base::json_int(jws.claims, "exp"));
  const auto fresh = spend_jti("assertion", id, base::json_text(jws.claims, "jti"), expires);
  if (!fresh.ok()) return oauth_trouble(fresh.error());
  if (!*fresh) return bad_assertion("auth.assertion_replayed");
  return std::move(**found);
}

std::variant<Client, OAuthError> Provider::Impl::authenticate(const Parameters& form,
                                                              std::string_view authorization,
                                                              base::BytesView certificate) {
  const auto form_id = value_of(form, "client_id");
  const auto form_secret = value_of(form, "client_secret");
  if (!value_of(form, "client_assertion").empty() ||
      !value_of(form, "client_assertion_type").empty()) {
    if (!authorization.empty() || !form_secret.empty())
      return OAuthError{"invalid_request", "auth.client_two_methods"};
    return authenticate_by_key(form);
  }
  std::string id(form_id), secret(form_secret);
  if (!authorization.empty()) {
    if (!form_secret.empty()) return OAuthError{"invalid_request", "auth.client_two_methods"};
    const auto basic = read_basic(authorization);
    if (!basic) return unknown_client();
    if (!form_id.empty() && form_id != basic->first)
      return OAuthError{"invalid_request", "auth.client_two_methods"};
    id = basic->first;
    secret = basic->second;
  }
  if (id.empty()) return unknown_client();
  auto found = clients.find(id, parts.clock.now());
  if (!found.ok()) return oauth_trouble(found.error());
  // Two digests are compared, for an unknown client and one with a single secret too, there with
  // what fits nothing: the time tells neither.
  const auto given = base::sha256(base::as_bytes(secret));
  const base::Digest nothing{};
  const bool known = found->has_value();
  const bool is_public = known && (*found)->is_public();
  const bool fits_new =
      base::constant_time_equal(given, known ? (*found)->secret.value_or(nothing) : nothing);
  const bool fits_old =
      base::constant_time_equal(given, known ? (*found)->old_secret.value_or(nothing) : nothing);
  const bool fits = fits_new || fits_old;
  // RFC 8705 §2.2: with the key that it registered, in the handshake instead of an assertion.
  if (known && !certificate.empty() && secret.empty() && authorization.empty() &&
      !(*found)->secret && !(*found)->keys.empty()) {
    const auto registered = ForeignKeys::parse((*found)->keys);
    if (registered.ok() && registered->holds(certificate)) return std::move(**found);
  }
  if (!known || (is_public ? !secret.empty() || !authorization.empty() : !fits))
    return unknown_client();
  return std::move(**found);
}

}  // namespace auth
