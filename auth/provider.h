// The OpenID provider: authorization code with PKCE, and nothing older. OpenID Connect Core 1.0,
// RFC 6749, 7009, 7523, 7636, 7662, 9068, 9101, 9126, 9207, 9449, 9470, 9700. Endpoints are ordered
// lists of small named checks (auth/authorize.cpp, auth/token.cpp and its *_grant.cpp).
// docs/identity.md tells them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "auth/accounts.h"
#include "auth/acr.h"
#include "auth/dpop.h"
#include "auth/logout_sender.h"
#include "auth/sessions.h"
#include "hsm/key.h"

namespace auth {

// Where the endpoints stand below the issuer; discovery says so and api's routes use them.
constexpr std::string_view kAuthorizePath = "/oauth/authorize";
constexpr std::string_view kTokenPath = "/oauth/token";
constexpr std::string_view kPushPath = "/oauth/par";
constexpr std::string_view kDevicePath = "/oauth/device_authorization";
constexpr std::string_view kDevicePagePath = "/device";
constexpr std::string_view kUserinfoPath = "/oauth/userinfo";
constexpr std::string_view kIntrospectPath = "/oauth/introspect";
constexpr std::string_view kRevokePath = "/oauth/revoke";
constexpr std::string_view kJwksPath = "/oauth/jwks";
constexpr std::string_view kEndSessionPath = "/oauth/logout";
constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";

/// Use beyond the person's session: refresh tokens. OpenID Connect Core §11.
constexpr std::string_view kOfflineAccess = "offline_access";
/// What a person may be asked for.
constexpr std::string_view kScopes =
    "openid profile documents proofing mandates account offline_access";
/// What a client may be registered for.
constexpr std::string_view kGrantTypes =
    "authorization_code refresh_token client_credentials "
    "urn:ietf:params:oauth:grant-type:device_code urn:ietf:params:oauth:grant-type:token-exchange";
constexpr std::string_view kDeviceGrantName = "urn:ietf:params:oauth:grant-type:device_code";

/// Parameters as they came, in order, duplicates kept: the checks look for them.
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// An OAuth error (RFC 6749 §4.1.2.1, §5.2).
struct OAuthError {
  std::string error;  ///< e.g. "invalid_grant"
  std::string key;    ///< message-catalogue key that explains it
  int status = 400;
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
  std::string dpop_nonce = {};  ///< for the header DPoP-Nonce (RFC 9449 §8)
  std::string field = {};       ///< the member that is wrong (RFC 7591 §3.2.2)
};

// What the authorization endpoint decides. A redirect only ever goes to a registered address.
struct ShowError {
  OAuthError error;
};  ///< bad client or address: a page, no redirect
struct SendBack {
  std::string location;
};  ///< redirect to the client, with code or error
struct AskLogin {
  std::string return_to;
  /// More than none: the session is fresh enough but not strong enough, and is to be proven
  /// further (RFC 9470).
  Authentication raise_to = Authentication::none;
};  ///< /login?…, then back here
/// The person's identity is proven less than is asked for, and there are ways to prove it further.
struct AskProofing {
  std::string return_to;  ///< back here; the second time what is not reached is an error
  Proofing needed = Proofing::p1;
};
/// In our own return addresses: the person was asked to prove his identity further; to what level.
constexpr std::string_view kProofingAsked = "xinyin_proofing_asked";

/// For whom the person may act under a mandate that is in force.
struct ActingChoice {
  std::string mandate;
  SubjectId principal;
  bool chosen = false;  ///< by this session
};
struct AskConsent {         ///< a page that lists what will be given
  std::string transaction;  ///< names the checked request; single use
  ClientId client;
  std::string client_name;
  std::vector<std::string> scopes;
  std::string redirect_uri;  ///< where the answer will go
  std::vector<ActingChoice> acting = {};
};
using AuthorizeAnswer = std::variant<ShowError, SendBack, AskLogin, AskConsent, AskProofing>;

struct TokenReply {
  std::string json;  ///< e.g. RFC 6749 §5.1 body
  int status = 200;
};

struct NewClient {
  ClientId id;
  std::string name;
  std::string secret;  ///< empty: a public client
  std::vector<std::string> redirect_uris;
  std::vector<std::string> post_logout_redirect_uris;
  std::string scopes;
  bool trusted_first_party = false;  ///< consent is still asked once; reserved
  std::string sector = {};  ///< pairwise ids are shared in it; empty: the redirect URIs' one host
  std::string grant_types = "authorization_code refresh_token";  ///< of kGrantTypes
  /// What tokens for itself may say (client_credentials): words of the systems that read them,
  /// none of kScopes.
  std::string machine_scopes = {};
  /// The address it is known by as a system that takes tokens of ours (RFC 8707); it may ask about
  /// them.
  std::string resource = {};
  /// RFC 7517 §5. Without a secret it proves itself with one of them (private_key_jwt).
  std::string keys = {};
  bool require_pushed = false;  ///< RFC 9126 §6
  bool require_signed = false;  ///< RFC 9101 §10.5
  bool require_dpop = false;    ///< RFC 9449 §5.2: no token without a proof
  /// FAPI 2.0 Security Profile §5.3.2: a key and no secret, pushed requests, bound tokens. Sets the
  /// three switches; refused for a client that cannot.
  bool fapi2 = false;
  /// The end of the agreement with its operator: from then on it is unknown, and its tokens are
  /// dead.
  std::optional<base::Time> agreement_until = std::nullopt;
  /// "portal", "third_party" (needs an agreement with an end), "system", or "dynamic": it
  /// registered itself.
  std::string kind = "portal";
  std::string operator_name = {};  ///< who runs it
  std::string agreement = {};      ///< the number of the agreement with him
  /// As RFC 7591 §2 names it; empty: what secret and keys say.
  std::string auth_method = {};
  std::string id_token_alg = "ES256";       ///< or RS256, EdDSA
  std::string backchannel_logout_uri = {};  ///< OpenID Connect Back-Channel Logout 1.0 §2.2
  bool backchannel_session = false;         ///< logout tokens must name the session
};

/// Thread-safe.
class Provider {
 public:
  struct Config {
    std::string issuer;  ///< e.g. "http://127.0.0.1:8080", no trailing slash
    std::chrono::seconds code_life{60};
    std::chrono::seconds access_token_life{600};
    std::chrono::seconds id_token_life{600};
    /// Unused that long, a refresh token ends; its family ends in any case after the longer time.
    std::chrono::seconds refresh_token_life{std::chrono::hours(30 * 24)};
    std::chrono::seconds refresh_family_life{std::chrono::hours(180 * 24)};
    /// How long a spent refresh token gives the same successor again (a lost answer).
    std::chrono::seconds refresh_grace{10};
    std::chrono::seconds pushed_life{90};  ///< of a pushed request until it is first used
    /// What people and units can be proven to here (Proofings::reachable).
    Proofing provable_person = Proofing::p0, provable_unit = Proofing::p0;
    bool dpop_nonce_needed = false;  ///< every proof must hold a nonce of ours
    /// Where clients show certificates (RFC 8705 §5); empty: nowhere.
    std::string mtls_url = {};
    /// DER SPKIs of earlier signing keys whose tokens may still live: published and accepted.
    std::vector<base::Bytes> earlier_keys = {};
  };
  struct Parts {
    store::Pool& pool;
    Accounts& accounts;
    std::shared_ptr<const hsm::Key> signing_key;  ///< P-256, until take_keys()
    const base::Clock& clock;
    base::Random& random;
  };
  Provider(Config config, Parts parts);
  ~Provider();

  /// What signs from now on, and the public keys (DER SPKI) that are published and accepted beside:
  /// those that will sign next, and earlier ones whose tokens may still live.
  struct SigningKeys {
    std::vector<std::shared_ptr<const hsm::Key>> signing;  ///< P-256 first; one an algorithm
    std::vector<base::Bytes> beside = {};
    // Where a working key signs (auth/working_keys.h):
    std::shared_ptr<const hsm::Key> lasting = nullptr;  ///< signs what is to be kept; null: the first
    std::optional<base::Time> signs_until = std::nullopt;  ///< the first one, by this ring
    /// Public keys with what a key of the hardware token says of them, published with them.
    std::vector<std::pair<base::Bytes, std::string>> endorsed = {};
  };
  /// Thread-safe; requests that began with the old keys end with them.
  /// Errors: invalid_argument `auth.token_key`; nothing is changed then.
  base::Result<void> take_keys(const SigningKeys& keys);

  /// Registers, or replaces the registration with this id. A secret is at least 43 characters (256
  /// bits) made by a machine, kept as SHA-256.
  /// Errors: invalid_argument `auth.client_invalid` with fields.
  base::Result<void> register_client(const NewClient& client,
                                     std::string_view by = "system:xinyind");

  /// A failure below is an answer too (temporarily_unavailable, server_error): there is no Error.
  base::Result<AuthorizeAnswer> authorize(const Parameters& parameters,
                                          const std::optional<Session>& session);
  /// The person's answer on the consent page. Single use, in the session that was asked.
  /// Errors: expired `auth.request_expired`; unavailable.
  /// `mandate`: for whom he acts in what this client does; empty: for himself.
  /// Also: not_found `auth.mandate.unknown` when it is not in force.
  base::Result<AuthorizeAnswer> consent(std::string_view transaction, bool granted,
                                        const Session& session, std::string_view mandate = {});
  /// `authorization` is the Authorization header, empty when absent; `proved` what a DPoP proof
  /// must fit.
  std::variant<TokenReply, OAuthError> token(const Parameters& form, std::string_view authorization,
                                             const ProvedRequest& proved = {});
  /// Takes an authorization request from its client directly (RFC 9126), checked as authorize()
  /// would; 201 with its request_uri.
  std::variant<TokenReply, OAuthError> push(const Parameters& form, std::string_view authorization,
                                            const ProvedRequest& proved = {});
  /// A device without a browser asks for codes (RFC 8628 §3.1).
  std::variant<TokenReply, OAuthError> begin_device(const Parameters& form,
                                                    std::string_view authorization,
                                                    const ProvedRequest& proved = {});
  /// What a person who typed a device's code is asked.
  struct DeviceRequest {
    std::string user_code;  ///< as the device shows it
    std::string client_name;
    std::vector<std::string> scopes;
  };
  /// Errors: not_found `auth.device.unknown`: never was, answered already, or too old.
  base::Result<DeviceRequest> device_request(std::string_view user_code);
  /// The person's answer; once. Errors: as device_request.
  base::Result<void> decide_device(std::string_view user_code, bool granted,
                                   const Session& session);
  /// Where authorize() would send the answer to these parameters: a registered address, or empty.
  /// For the pages on the way. Changes nothing.
  std::string answer_address(const Parameters& parameters);

  /// What a client may know of a token (RFC 7662): of its own, and of those for its resource; any
  /// other is `{"active":false}`. Writes nothing.
  std::variant<TokenReply, OAuthError> introspect(const Parameters& form,
                                                  std::string_view authorization,
                                                  const ProvedRequest& proved = {});
  /// Ends a token of the client's, with all that was issued for the same grant (RFC 7009). One that
  /// is none is no error.
  std::variant<TokenReply, OAuthError> revoke(const Parameters& form,
                                              std::string_view authorization,
                                              const ProvedRequest& proved = {});

  /// Errors: unauthenticated `auth.token_invalid`, `auth.dpop.…` (a bound token without its proof;
  /// args may hold `dpop_nonce`); permission_denied `auth.scope_missing` (it names no person).
  base::Result<Actor> actor(const ShownToken& shown);
  /// One that came as a bearer token.
  base::Result<Actor> actor(std::string_view access_token);
  /// The person at our own pages, where no client stands between (no scopes, client id empty).
  base::Result<Actor> actor(const Session& session);
  /// A system that acts with a token of its own (client_credentials): subject() is "client:" and
  /// its id, its scopes are those it is registered for, none of a person's.
  /// docs/decisions/0177-systems-that-state-facts.md. Errors: as actor(shown); permission_denied
  /// `auth.scope_missing` (a person's token).
  base::Result<Actor> system_actor(const ShownToken& shown);
  /// The login that an access token goes back to, for what not every login may do (RFC 9470).
  struct TokenLogin {
    /// Empty: of no session (a device's), or of one that is over.
    std::string session;
    Methods methods;  ///< what was proven when the token was granted
    base::Time authenticated_at;
  };
  /// Of a token that actor() took. Errors: as actor.
  base::Result<TokenLogin> login_of(std::string_view access_token);
  /// What a client knows a session as: `sid` of its ID tokens.
  std::string session_name(std::string_view session, const ClientId& client) const;
  /// Claims of the person behind an access token, as JSON (OpenID Connect Core §5.3).
  base::Result<std::string> userinfo(std::string_view access_token);
  /// The same, for a token that actor() took already.
  base::Result<std::string> userinfo(std::string_view access_token, const Actor& who);

  /// RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): where to go after, when allowed.
  struct LogoutAnswer {
    bool confirm = true;   ///< ask the person first: no valid id_token_hint
    std::string location;  ///< where to send the browser after; empty: our own page
    std::string state;     ///< already part of location
    std::string notice;    ///< message key: why there is no way back; empty: all well
  };
  base::Result<LogoutAnswer> end_session(const Parameters& parameters,
                                         const std::optional<Session>& session);

  /// Tells clients of sessions that ended, at most `most` of them, each within some seconds: for a
  /// worker. Gives how many there were. Errors: the first trouble of the rooms below; the others
  /// were told all the same.
  base::Result<int> send_logouts(const LogoutSender& sender, int most = 8);
  /// For those who keep registrations: with what ID tokens can be signed, space-separated.
  std::string id_token_algorithms() const;
  /// A statement of this provider's for somebody to keep and show: a JWS of type kExportType over
  /// `claims` (a JSON object's text), by the key of jwks(). No token: nothing of ours takes it.
  /// Errors: those of hsm::Key::sign.
  base::Result<std::string> sign_export(std::string_view claims);
  /// What we prove ourselves with as a client of others (private_key_jwt): of type
  /// kClientAssertionType, by the ES256 key of jwks(). Errors: those of hsm::Key::sign.
  base::Result<std::string> sign_client_assertion(std::string_view claims);

  std::string discovery() const;  ///< RFC 8414 / OpenID discovery document, JSON
  std::string jwks() const;       ///< RFC 7517, JSON

  /// Deletes what has run out, at most `most` rows a table: for a worker, every few minutes.
  /// Gives the number of rows deleted.
  base::Result<std::int64_t> sweep(int most = 1000);

  struct Impl;  ///< auth/provider_impl.h, auth's own

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace auth
