// What the endpoints of the provider share. Included by auth's own sources alone.
#pragma once

#include <array>
#include <mutex>
#include <unordered_map>

#include "auth/acting.h"
#include "auth/claims_request.h"
#include "auth/clients.h"
#include "auth/jwt.h"
#include "auth/provider.h"

namespace auth {

constexpr std::int64_t kSkew_s = 60;  ///< how far another machine's clock may be ahead

/// What an access token of ours says, once its signature was verified. The rest is in its grant's
/// row.
struct AccessClaims {
  std::string grant;    ///< auth.authorization_grant.id; empty: the client's own token
  std::string subject;  ///< pairwise; of a client's own token its id
  std::string client, audience, scopes, jti;
  std::string granted_to;     ///< the client of the grant, where it is another (RFC 8693)
  std::string actors;         ///< "act" as JSON; may be empty
  bool claims_asked = false;  ///< its grant has a claims parameter
  std::string acting_for;     ///< as JSON; may be empty
  std::string key;  ///< RFC 7638 thumbprint of the key that it is bound to (RFC 9449); or empty
  std::string
      certificate;  ///< x5t#S256 of the certificate that it is bound to (RFC 8705); or empty
  std::int64_t issued_s = 0, expires_s = 0;
};

/// A grant that is in force, and what is true of its subject now.
struct LiveGrant {
  SubjectId subject;
  Methods methods;
  base::Time authenticated_at;
  Proofing proofing = Proofing::p0;  ///< of one who acts for another the lesser of both
  std::string merged;                ///< who was merged into the subject, separated by spaces
  std::optional<Acting> acting = std::nullopt;
};

/// Tokens whose signature was verified, by their SHA-256: a token used again costs a hash, not a
/// verification. Two generations, so that it never holds more than twice kGeneration. Thread-safe.
class VerifiedTokens {
 public:
  std::optional<AccessClaims> find(const base::Digest& digest);
  void put(const base::Digest& digest, AccessClaims claims);
  void clear();

 private:
  static constexpr std::size_t kGeneration = 8192;
  struct Hash {
    std::size_t operator()(const base::Digest& digest) const;
  };
  using Map = std::unordered_map<base::Digest, AccessClaims, Hash>;
  std::mutex mutex_;  // protects both generations
  Map young_, old_;
};

/// A checked authorization request: what will be granted, to whom.
struct GrantRequest {
  Client client;
  std::string redirect_uri, scopes, state, nonce, code_challenge;
  std::string code_key;  ///< dpop_jkt; may be empty
  std::string acr;       ///< the essential one that is met; may be empty
  /// What was asked for claim by claim, and what of it needs the person's consent
  /// (auth/claims_request.h); may be empty.
  std::string claims = {}, claim_words = {};
  /// Under which mandate; nothing: as the session chose; empty: for himself.
  std::optional<std::string> mandate = std::nullopt;
  /// The pushed request that it came in, while that is unspent.
  std::optional<base::Digest> pushed = std::nullopt;
};

/// An authorization request as its endpoint takes it.
struct ResolvedRequest {
  Parameters parameters;
  bool is_signed = false;                             ///< RFC 9101
  std::optional<base::Digest> pushed = std::nullopt;  ///< RFC 9126
};

/// The keys at work, and what is published beside them. Immutable.
struct KeyRing {
  struct Signer {
    std::string algorithm, id;
    std::shared_ptr<const hsm::Key> key;
    std::optional<base::Time> until = std::nullopt;  ///< signs no longer
  };
  std::vector<Signer> signers;  ///< one an algorithm; ES256 is there always, first
  Signer lasting;               ///< signs what is to be kept
  TokenKeys published;
};

struct Provider::Impl {
  Impl(Config given, Parts below);

  /// The same person is a different `sub` in each sector (OpenID Connect Core §8.1): HMAC under the
  /// look-up key that is derived from the data key, docs/decisions/0043-pairwise-subjects.md.
  std::string pairwise(const SubjectId& subject, const Client& client) const;
  std::string pairwise(const SubjectId& subject, std::string_view sector) const;
  /// An ID token that we once issued, expired or not; its claims. Nothing for anything else.
  std::optional<rapidjson::Document> read_hint(std::string_view id_token) const;
  /// Signature, type, issuer and times of an access token. The audience is the caller's matter.
  base::Result<AccessClaims> read_access_token(std::string_view token);
  /// The grant of a person's token, while it, the person and the client are in force.
  base::Result<std::optional<LiveGrant>> live_grant(const AccessClaims& claims);
  /// Whether a client's own token and the client are in force (introspect.cpp).
  base::Result<bool> live_machine(const AccessClaims& claims);

  /// What may be told of a person claim by claim. Errors: as Accounts::subject.
  base::Result<KnownOfPerson> known_of(const SubjectId& subject, std::string_view scopes);

  // client_auth.cpp
  /// Who asks. Errors: invalid_client 401, invalid_request, trouble of the rooms below.
  /// `certificate`: DER, of its TLS; empty: none.
  std::variant<Client, OAuthError> authenticate(const Parameters& form,
                                                std::string_view authorization,
                                                base::BytesView certificate);
  std::variant<Client, OAuthError> authenticate_by_key(const Parameters& form);
  /// Whether `jti` of `who` is used for the first time; remembered `until`. One statement: of any
  /// number at once one is the first.
  base::Result<bool> spend_jti(std::string_view kind, std::string_view who, std::string_view jti,
                               base::Time until);
  std::string endpoint(std::string_view path) const { return config.issuer + std::string(path); }

  // request_object.cpp
  /// The parameters that a signed request object of `client` holds.
  /// Errors: invalid_request_object.
  std::variant<Parameters, OAuthError> read_request_object(std::string_view text,
                                                           const Client& client) const;
  // pushed.cpp
  /// Follows request_uri and request. Errors: invalid_request_uri, invalid_request_object.
  std::variant<ResolvedRequest, OAuthError> resolve(const Parameters& given, const Client& client);
  base::Result<void> keep_pushed(const base::Digest& digest, base::Time until);
  /// Whether this call is the one that took it; in `tx`, or by itself.
  base::Result<bool> take_pushed(store::Tx* tx, const base::Digest& digest);

  // dpop.cpp
  /// The thumbprint of the key that proved itself (RFC 9449 §4.3). `access_token` is empty where
  /// none is shown. Errors: invalid_dpop_proof, use_dpop_nonce, trouble of the rooms below.
  std::variant<std::string, OAuthError> check_proof(const ProvedRequest& request,
                                                    std::string_view access_token);
  /// Whether a token was shown in the way it is bound (RFC 9449 §7).
  base::Result<void> check_shown(const ShownToken& shown, const AccessClaims& claims);
  // tls.cpp
  base::Result<void> check_certificate(const ShownToken& shown, const AccessClaims& claims) const;
  std::string dpop_nonce(int slices_ago) const;
  OAuthError bad_proof(const char* key) const;

  // authorize.cpp, authorize_answer.cpp
  base::Result<AuthorizeAnswer> issue_code(const GrantRequest& request, const Session& session,
                                           bool new_consent);
  std::string error_location(const GrantRequest& request, const OAuthError& failure) const;

  std::shared_ptr<const KeyRing> ring() const {
    const std::lock_guard hold(ring_mutex);
    return held_ring;
  }
  /// Errors: those of hsm::Key::sign; unavailable `auth.no_signing_key` when no key of this
  /// algorithm is at work.
  base::Result<std::string> sign(std::string_view algorithm, std::string_view type,
                                 std::string_view claims) const;
  /// By the key inside the hardware token, whatever signs tokens: for what is kept, and where we are
  /// known by our key. ES256. Errors: those of hsm::Key::sign.
  base::Result<std::string> sign_lasting(std::string_view type, std::string_view claims) const;
  /// "sid" of a session: another for each client. OpenID Connect Back-Channel Logout 1.0 §2.1.
  std::string sid(std::string_view session, std::string_view client) const;

  const Config config;
  Parts parts;
  mutable std::mutex ring_mutex;  // protects held_ring
  std::shared_ptr<const KeyRing> held_ring;
  Clients clients;
  VerifiedTokens verified;
};

}  // namespace auth
