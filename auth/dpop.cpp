// RFC 9449 §4.3, step by step; docs/decisions/0048-bound-tokens.md.
//
// Nonces (§8) are computed: HMAC(k, number of the time slice), the same on every instance and kept
// nowhere. A proof's jti is spent by one insert, after everything else was found right, so that
// nobody fills the table with what is no proof.
#include "auth/dpop.h"

#include <array>

#include "auth/jose.h"
#include "auth/provider_impl.h"
#include "base/encoding.h"
#include "base/json.h"

namespace auth {
namespace {

constexpr std::size_t kProofMost = 4096;  // bytes
constexpr std::size_t kJtiMost = 256;

/// Without query and fragment (§4.3 step 9).
std::string_view plain_address(std::string_view address) {
  return address.substr(0, address.find_first_of("?#"));
}

}  // namespace

std::string Provider::Impl::dpop_nonce(int slices_ago) const {
  const auto slice = base::to_unix_s(parts.clock.now()) / kNonceLife.count() - slices_ago;
  const auto mac = parts.accounts.cipher().lookup("auth/dpop_nonce", std::to_string(slice));
  return base::to_base64url(base::BytesView(mac).first(16));
}

OAuthError Provider::Impl::bad_proof(const char* key) const {
  return {.error = "invalid_dpop_proof", .key = key};
}

std::variant<std::string, OAuthError> Provider::Impl::check_proof(const ProvedRequest& request,
                                                                  std::string_view access_token) {
  if (request.proofs.size() != 1) return bad_proof("auth.dpop.one");
  if (request.proofs[0].size() > kProofMost) return bad_proof("auth.dpop.form");
  auto jws = parse_foreign_jws(request.proofs[0], HeaderKey::needed);
  if (!jws.ok() || jws->type != "dpop+jwt") return bad_proof("auth.dpop.form");
  if (jws->key->algorithm() != jws->algorithm ||
      !jws->key->verifies(jws->signed_text, jws->signature))
    return bad_proof("auth.dpop.signature");
  const auto& claims = jws->claims;
  if (base::json_text(claims, "htm") != request.method) return bad_proof("auth.dpop.method");
  if (plain_address(base::json_text(claims, "htu")) != endpoint(request.path))
    return bad_proof("auth.dpop.address");
  const auto now = parts.clock.now();
  const auto now_s = base::to_unix_s(now);
  const auto issued = base::json_int(claims, "iat");
  if (!issued || *issued > now_s + kProofLife.count() || *issued < now_s - kProofLife.count())
    return bad_proof("auth.dpop.time");
  const auto jti = base::json_text(claims, "jti");
  if (jti.empty() || jti.size() > kJtiMost) return bad_proof("auth.dpop.jti");
  if (claims.HasMember("nonce") || config.dpop_nonce_needed) {
    const auto nonce = base::json_text(claims, "nonce");
    if (nonce.empty() || (nonce != dpop_nonce(0) && nonce != dpop_nonce(1)))
      return OAuthError{
          .error = "use_dpop_nonce", .key = "auth.dpop.nonce", .dpop_nonce = dpop_nonce(0)};
  }
  if (!access_token.empty() && base::json_text(claims, "ath") !=
                                   base::to_base64url(base::sha256(base::as_bytes(access_token))))
    return bad_proof("auth.dpop.token");
  const auto& thumbprint = jws->key->thumbprint();
  const auto fresh = spend_jti("dpop", thumbprint, jti, now + 2 * kProofLife);
  if (!fresh.ok()) return oauth_trouble(fresh.error());
  if (!*fresh) return bad_proof("auth.dpop.replayed");
  return thumbprint;
}

base::Result<void> Provider::Impl::check_shown(const ShownToken& shown,
                                               const AccessClaims& claims) {
  BASE_TRY_VOID(check_certificate(shown, claims));
  if (claims.key.empty() && !shown.dpop) return {};
  // §7.2: a bound token is no bearer token, and one that is not bound gains nothing by a proof.
  if (claims.key.empty() || !shown.dpop)
    return base::error(base::Code::unauthenticated, "auth.dpop.scheme");
  auto proved = check_proof(shown.request, shown.token);
  if (const auto* failure = std::get_if<OAuthError>(&proved)) {
    if (failure->status >= 500)
      return base::error(base::Code::unavailable, failure->key, failure->error);
    auto out = base::error(base::Code::unauthenticated, failure->key, failure->error);
    if (!failure->dpop_nonce.empty()) out.args = {{"dpop_nonce", failure->dpop_nonce}};
    return out;
  }
  if (std::get<std::string>(proved) != claims.key)
    return base::error(base::Code::unauthenticated, "auth.dpop.other_key");
  return {};
}

}  // namespace auth
