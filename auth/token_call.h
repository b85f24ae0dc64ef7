// One request at the token endpoint, and what its kinds of grant share. Included by auth's own
// sources: token.cpp is the endpoint, *_grant.cpp hold one kind each, issue.cpp writes the tokens.
#pragma once

#include <span>

#include "auth/provider_impl.h"

namespace auth {

/// What was granted: its row (auth.authorization_grant), and what is true of its subject now.
struct Grant {
  std::string id, client, redirect_uri, code_challenge, subject, scopes, nonce;
  base::Time code_expires_at, authenticated_at, granted_at;
  Methods methods;
  Proofing proofing = Proofing::p0;
  std::string code_key, refresh_key, acr;  ///< may each be empty
  std::string session;                     ///< that it began in; empty for a device's
  std::string claims;                      ///< asked for one by one (claims_request.h)
  std::optional<Acting> acting = std::nullopt;
  bool used = false, revoked = false, active = false, offline = false;
};

/// A refresh token as it was shown (auth.refresh_token).
struct Refresh {
  base::Digest digest{};
  base::Bytes secret;
  base::Time expires_at;
  std::optional<base::Time> used_at;
  base::Bytes salt;             ///< of the successor, when there is one
  bool successor_used = false;  ///< somebody has it already
};

struct TokenCall {
  Provider::Impl& provider;
  const Parameters& form;
  std::string_view authorization;
  const ProvedRequest& proved;
  base::Time now;
  Client client = {};
  Grant grant = {};
  Refresh refresh = {};
  std::string scopes = {};    ///< of the access token; at most the grant's
  std::string audience = {};  ///< of the access token
  std::string key = {};       ///< thumbprint that a DPoP proof gave; empty: bearer tokens
  /// x5t#S256 of the client's certificate, when there is one and no proof: RFC 8705 §3.
  std::string certificate = {};

  AccessClaims subject_claims = {};  ///< of a token that is exchanged
  std::string sector = {};           ///< of the system that it is exchanged for

  std::string_view value(std::string_view name) const { return value_of(form, name); }
  /// What a public client's refresh tokens are bound to: a key's or a certificate's thumbprint,
  /// digests of things that are never the same. May be empty.
  const std::string& possession() const { return key.empty() ? certificate : key; }
};

using TokenAnswer = std::variant<TokenReply, OAuthError>;
using TokenRefusal = std::optional<OAuthError>;
struct TokenCheck {
  std::string_view name;
  TokenRefusal (*refuses)(TokenCall&);
};

/// One kind of grant: its checks in their order, then the deed.
struct GrantType {
  std::string_view name;
  std::span<const TokenCheck> checks;
  TokenAnswer (*issue)(TokenCall&);
};
extern const GrantType kCodeGrant;      // code_grant.cpp
extern const GrantType kRefreshGrant;   // refresh_grant.cpp
extern const GrantType kClientGrant;    // client_grant.cpp
extern const GrantType kDeviceGrant;    // device.cpp
extern const GrantType kExchangeGrant;  // exchange_grant.cpp

TokenRefusal refuse_token(const char* error, const char* key);
/// Fills grant.acting; refuses when the mandate is not in force any more.
TokenRefusal read_acting(TokenCall& call, std::string_view mandate);
/// The access token's scopes: those asked for, or all of `most` when none is. One that is not in
/// `most` is refused with `key`.
TokenRefusal narrow_scopes(TokenCall& call, const std::string& most, const char* key);
/// The grant is dead with all that was issued for it; told in the trail once.
base::Result<void> revoke_grant(Provider::Impl& provider, const std::string& grant,
                                const ClientId& by, const char* act, const char* outcome);
/// Somebody holds what he should not hold, or uses it twice: nobody uses it any more.
TokenRefusal burn_and_refuse(TokenCall& call, const char* act, const char* key);

struct Signed {
  std::string access_token, id_token, refresh_token;
};
/// An access token for the grant, and with scope openid an ID token; the refresh token is the
/// caller's. Errors: those of hsm::Key::sign.
base::Result<Signed> sign_tokens(const TokenCall& call);
/// An access token of the client for itself. Errors: those of hsm::Key::sign.
base::Result<std::string> sign_machine_token(const TokenCall& call);
/// A token of the same grant for another system. Errors: those of hsm::Key::sign.
base::Result<std::string> sign_exchanged_token(const TokenCall& call);
std::int64_t exchanged_end_s(const TokenCall& call);
TokenReply token_reply(const TokenCall& call, const Signed& tokens);
OAuthError signer_trouble(const base::Error& failure);

/// A family's first refresh token, written in `tx`; its text.
base::Result<std::string> begin_family(store::Tx& tx, const TokenCall& call);

}  // namespace auth
