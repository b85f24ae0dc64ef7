// What handlers work with: the rooms' objects, and the one call at hand. One handlers file per
// room: verify_handlers.cpp, auth_handlers.cpp, document_handlers.cpp, operation_handlers.cpp.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/config.h"
#include "api/http/message.h"
#include "api/known_networks.h"
#include "api/routes.h"
#include "auth/accounts.h"
#include "auth/agreements.h"
#include "auth/cancellation.h"
#include "auth/card_login.h"
#include "auth/certificates.h"
#include "auth/mandates.h"
#include "auth/own_account.h"
#include "auth/own_codes.h"
#include "auth/passkeys.h"
#include "auth/phone_factor.h"
#include "auth/platforms.h"
#include "auth/proofings.h"
#include "auth/provider.h"
#include "auth/registration.h"
#include "auth/sessions.h"
#include "auth/sign_in.h"
#include "auth/working_keys.h"
#include "base/clock.h"
#include "base/messages.h"
#include "base/random.h"
#include "certs/clock_guard.h"
#include "certs/health.h"
#include "certs/ocsp.h"
#include "certs/timestamp.h"
#include "certs/trust_list.h"
#include "hsm/client.h"
#include "seal/issuer.h"
#include "services/documents/records.h"
#include "store/store.h"
#include "verify/register.h"
#include "verify/snapshot.h"
#include "verify/verifier.h"

namespace api {

class Metrics;
struct BodyAuthority;    // api/body_trust.h
struct PlatformSources;  // api/platform_sources.cpp
struct ProofingSources;  // api/proofing_sources.cpp
class RateLimits;
class VerdictCache;

/// A part that may be missing for a while (the token is away) or be replaced (a newer trust list).
/// Readers hold what they got for as long as they use it. Thread-safe.
template <class T>
class Slot {
 public:
  std::shared_ptr<T> get() const {
    const std::lock_guard hold(mutex_);
    return part_;
  }
  void set(std::shared_ptr<T> part) {
    const std::lock_guard hold(mutex_);
    part_.swap(part);
  }

 private:
  mutable std::mutex mutex_;  // protects part_
  std::shared_ptr<T> part_;
};

/// Who is acting, and what else no certificate touches: outlives a renewal of keys, the next
/// Upstairs has the same (api/upstairs.h). Declared in floor order.
struct Lasting {
  std::shared_ptr<store::FieldCipher> cipher;
  std::shared_ptr<auth::PasswordHasher> hasher;
  std::shared_ptr<auth::Accounts> accounts;
  std::shared_ptr<auth::Sessions> sessions;
  std::shared_ptr<auth::SmsSender> sms;
  std::shared_ptr<auth::Notices> notices;
  std::shared_ptr<auth::Otps> otps;
  std::shared_ptr<auth::OwnCodes> own_codes;
  std::shared_ptr<auth::PhoneFactor> phone_factor;
  std::shared_ptr<auth::SignIn> sign_in;
  std::shared_ptr<auth::Passkeys> passkeys;           ///< nothing where browsers have none
  std::shared_ptr<auth::BodyTrustSource> body_trust;  ///< what `certificates` judges with
  std::shared_ptr<auth::Certificates> certificates;
  std::shared_ptr<auth::Agreements> agreements;
  std::shared_ptr<auth::Registration> registration;
  std::shared_ptr<auth::OwnAccount> own_account;
  std::shared_ptr<const ProofingSources> proofing_sources;  ///< what `proofings` asks
  std::shared_ptr<auth::Proofings> proofings;
  std::shared_ptr<auth::Mandates> mandates;
  std::shared_ptr<auth::Cancellation> cancellation;
  std::shared_ptr<auth::CardLogin> card_login;
  std::shared_ptr<auth::KeyWrapper> key_wrapper;    ///< that `working_keys` asks
  std::shared_ptr<auth::WorkingKeys> working_keys;  ///< nothing where the token signs each
  std::shared_ptr<auth::Provider> provider;
  std::shared_ptr<const PlatformSources> platform_sources;  ///< what `platforms` asks
  std::shared_ptr<auth::Platforms> platforms;
  std::shared_ptr<seal::Issuer::Life> sealing_life;
  std::shared_ptr<services::Records> records;
};

/// What needs keys, personal data or both: absent in `--only=verify` and until the signer was seen.
/// Declared in floor order, so that it goes down roof first.
struct Upstairs : Lasting {
  std::unique_ptr<certs::TimestampAuthority> authority;
  base::Digest authority_key{};  ///< SHA-256 of its SubjectPublicKeyInfo
  /// The sources that `timestamps` asks, in no order.
  std::vector<std::unique_ptr<seal::TimestampSource>> timestamp_sources;
  std::unique_ptr<seal::TimestampSource> timestamps;
  std::unique_ptr<seal::Issuer> issuer;
  /// Certificates whose keys are at work here, to see when others have come.
  std::vector<base::Digest> in_use;
};

/// Public files of the PKI directory, read once and again when they change.
struct PublicFiles {
  std::string trust_list_jws, root_pem, issuing_crl_der;
  std::optional<certs::Certificate> issuing = std::nullopt;  ///< whom OCSP is answered for
  std::int64_t trust_sequence = 0;
  base::Time trust_next_update;
};

struct Services {
  const Config& config;
  const base::Clock& clock;
  base::Random& random;
  store::Pool& pool;
  verify::Register& documents;
  verify::Snapshot& snapshot;
  const base::Secret& code_pepper;
  hsm::Client* signer = nullptr;  ///< none in --only=verify
  Metrics& metrics;
  RateLimits& rates;
  VerdictCache& verdicts;
  Slot<const verify::Verifier> verifier{};
  Slot<const PublicFiles> files{};
  Slot<const auth::BodyTrust> body_trust{};  ///< of those who log in by certificate
  Slot<const std::vector<BodyAuthority>> body_authorities{};  ///< of the last look at their lists
  Slot<Upstairs> upstairs{};
  Slot<const certs::OcspResponder> responder{};        ///< absent without its key
  certs::ClockGuard* clock_guard = nullptr;            ///< none in --only=verify
  Slot<const std::vector<certs::Finding>> findings{};  ///< of the last look at the PKI's health
  base::Time started_at = clock.now();
  std::atomic<bool> draining{false};  ///< readiness off: about to stop
  std::atomic<std::int64_t> followed_at{
      0};  ///< when the snapshot was last known fresh, Unix seconds
  std::atomic<std::int64_t> audit_unsigned{0};  ///< rows of the trail behind its last signed head
  std::atomic<std::int64_t> ledger_lines{0};    ///< of the officers' ledger, in the mirror
  std::atomic<std::int64_t> ledger_followed_at{0};  ///< when it was last found well, Unix seconds
  std::atomic<bool> ledger_alarm{false};            ///< the signer's ledger and the mirror disagree
  KnownNetworks known_networks{};                   ///< whose logins go first
};

/// One request at its handler. Lives on one worker thread.
struct Call {
  const Request& request;
  Services& services;
  const Route& route;
  std::vector<std::pair<std::string_view, std::string>> path_values = {};
  std::optional<auth::Session> session = std::nullopt;  ///< present on Who::session
  std::optional<auth::Actor> actor = std::nullopt;      ///< present on bearer and system
  std::string access_token = {};                        ///< present on Who::bearer
  std::shared_ptr<Upstairs> upstairs = nullptr;  ///< present on session, bearer and client routes

  /// The path's segment of this name; empty when the route's pattern has none.
  std::string_view path(std::string_view name) const;
  base::Language language() const;
  /// This answer's CSP nonce; made at first use.
  const std::string& nonce();
  /// The rooms upstairs. Errors: unavailable `api.starting` with retry_after.
  base::Result<std::shared_ptr<Upstairs>> house();
  /// The live session of the cookie, on routes that serve everyone; looked up once.
  /// Errors: unavailable.
  base::Result<std::optional<auth::Session>> find_session();
  /// What a DPoP proof of this request must fit. RFC 9449 §4.3.
  auth::ProvedRequest proved() const;
  /// At the address where browsers and clients show certificates (http.mtls_url).
  bool at_mtls() const;
  /// Where this answer's forms come from: that address, or the public one.
  const std::string& own_origin() const;
  /// What a form of ours must carry in its field "csrf": the session's token, or before login one
  /// bound to a cookie, which the answer then sets by itself.
  std::string form_token();
  /// Hands the session to the browser, or takes it away.
  void give_session(Response& on, std::string_view cookie) const;
  void end_session(Response& on) const;

  std::string new_form_cookie_ = {};
  bool session_asked_ = false;
  std::string nonce_ = {};
};

constexpr std::string_view kSessionCookie = "xinyin_session";
constexpr std::string_view kFormCookie = "xinyin_form";
constexpr std::string_view kRegistrationCookie = "xinyin_registration";
constexpr std::string_view kCardCookie = "xinyin_card";

namespace handlers {
// verify_handlers.cpp
std::optional<Response> verify_code_quick(const Services&, const Request&, std::string_view code);
base::Result<Response> verify_code(Call&);
base::Result<Response> verify_file(Call&);
base::Result<Response> trust_list(Call&);
base::Result<Response> root_certificate(Call&);
base::Result<Response> issuing_crl(Call&);
// pki_handlers.cpp
base::Result<Response> ocsp_get(Call&);
base::Result<Response> ocsp_post(Call&);
base::Result<Response> timestamp(Call&);
// trust_handlers.cpp
base::Result<Response> trust_bodies(Call&);  // GET /v1/trust/bodies
base::Result<Response> bodies_page(Call&);   // GET /trust/bodies
// auth_handlers.cpp
base::Result<Response> discovery(Call&);
base::Result<Response> jwks(Call&);
base::Result<Response> authorize(Call&);
base::Result<Response> token(Call&);
base::Result<Response> push(Call&);
base::Result<Response> begin_device(Call&);
base::Result<Response> introspect(Call&);
base::Result<Response> revoke(Call&);
base::Result<Response> userinfo(Call&);
base::Result<Response> logout(Call&);
// device_handlers.cpp
base::Result<Response> device_page(Call&);
base::Result<Response> device_submit(Call&);
// registration_handlers.cpp: the pages
base::Result<Response> register_page(Call&);           // GET /register
base::Result<Response> register_start(Call&);          // POST /register
base::Result<Response> register_with_card(Call&);      // POST /register/card
base::Result<Response> register_resume(Call&);         // POST /register/resume
base::Result<Response> register_identity_page(Call&);  // GET /register/identity
base::Result<Response> register_identity(Call&);       // POST /register/identity
base::Result<Response> register_details_page(Call&);   // GET /register/details
base::Result<Response> register_details(Call&);        // POST /register/details
base::Result<Response> register_account_page(Call&);   // GET /register/account
base::Result<Response> register_complete(Call&);       // POST /register/complete
base::Result<Response> register_done_page(Call&);      // GET /register/done
base::Result<Response> register_discard(Call&);        // POST /register/discard
// account_handlers.cpp
base::Result<Response> agreement_page(Call&);            // GET /agreement
base::Result<Response> agreement_submit(Call&);          // POST /agreement
base::Result<Response> account_page(Call&);              // GET /account
base::Result<Response> account_details(Call&);           // POST /account/details
base::Result<Response> account_password(Call&);          // POST /account/password
base::Result<Response> account_end_session(Call&);       // POST /account/sessions/end
base::Result<Response> account_revoke_consent(Call&);    // POST /account/consents/revoke
base::Result<Response> account_withdraw_privacy(Call&);  // POST /account/privacy/withdraw
base::Result<Response> account_cancel(Call&);            // POST /account/cancel
base::Result<Response> account_keep(Call&);              // POST /account/cancel/withdraw
// card_login_handlers.cpp
base::Result<Response> card_page(Call&);       // GET /login/card
base::Result<Response> card_begin(Call&);      // POST /login/card
base::Result<Response> card_confirmed(Call&);  // GET /login/card/confirmed
// certificate_handlers.cpp
base::Result<Response> certificate_page(Call&);             // GET /login/certificate
base::Result<Response> certificate_submit(Call&);           // POST /login/certificate
base::Result<Response> certificate_text(Call&);             // GET /login/certificate/text
base::Result<Response> second_certificate_page(Call&);      // GET /login/second/certificate
base::Result<Response> second_certificate_submit(Call&);    // POST /login/second/certificate
base::Result<Response> security_certificate_page(Call&);    // GET /account/security/certificate
base::Result<Response> security_certificate_submit(Call&);  // POST /account/security/certificate
// platform_handlers.cpp
base::Result<Response> platform_begin(Call&);       // POST /login/platform/{platform}
base::Result<Response> platform_return(Call&);      // GET /login/platform/{platform}/return
base::Result<Response> platform_begin_link(Call&);  // POST /account/security/platform
base::Result<Response> platform_link_page(Call&);   // GET /account/security/link
base::Result<Response> platform_link(Call&);        // POST /account/security/link
// sign_in_handlers.cpp
base::Result<Response> second_page(Call&);             // GET /login/second
base::Result<Response> second_submit(Call&);           // POST /login/second
base::Result<Response> second_send(Call&);             // POST /login/second/sms
base::Result<Response> second_password(Call&);         // POST /login/second/password
base::Result<Response> security_page(Call&);           // GET /account/security
base::Result<Response> security_begin_totp(Call&);     // POST /account/security/totp
base::Result<Response> security_add_totp(Call&);       // POST /account/security/totp/confirm
base::Result<Response> security_send_phone(Call&);     // POST /account/security/phone
base::Result<Response> security_confirm_phone(Call&);  // POST /account/security/phone/confirm
base::Result<Response> security_make_recovery(Call&);  // POST /account/security/recovery
base::Result<Response> security_remove(Call&);         // POST /account/security/remove
base::Result<Response> security_rename(Call&);         // POST /account/security/rename
// proofing_handlers.cpp
base::Result<Response> proofing_page(Call&);     // GET /account/proofing
base::Result<Response> proofing_ask(Call&);      // POST /account/proofing
base::Result<Response> proofing_consent(Call&);  // POST /account/proofing/consent
base::Result<Response> proofing_begin(Call&);    // POST /account/proofing/begin
base::Result<Response> proofing_return(Call&);   // GET /account/proofing/return
base::Result<Response> proofing_finish(Call&);   // POST /account/proofing/finish
base::Result<Response> read_proofing(Call&);     // GET /v1/proofing
base::Result<Response> do_proofing(Call&);       // POST /v1/proofing
// mandate_handlers.cpp
base::Result<Response> mandates_page(Call&);    // GET /account/mandates
base::Result<Response> mandates_offer(Call&);   // POST /account/mandates
base::Result<Response> mandates_answer(Call&);  // POST /account/mandates/answer
base::Result<Response> mandates_choose(Call&);  // POST /account/mandates/choose
base::Result<Response> list_mandates(Call&);    // GET /v1/mandates
base::Result<Response> offer_mandate(Call&);    // POST /v1/mandates
base::Result<Response> answer_mandate(Call&);   // POST /v1/mandates/{id}
// passkey_handlers.cpp
base::Result<Response> login_passkey(Call&);            // POST /login/passkey
base::Result<Response> login_passkey_finish(Call&);     // POST /login/passkey/finish
base::Result<Response> second_passkey(Call&);           // POST /login/second/passkey
base::Result<Response> second_passkey_finish(Call&);    // POST /login/second/passkey/finish
base::Result<Response> security_passkey(Call&);         // POST /account/security/passkey
base::Result<Response> security_passkey_finish(Call&);  // POST /account/security/passkey/finish
// registration_api.cpp: the same as JSON
base::Result<Response> begin_registration(Call&);     // POST /v1/registrations
base::Result<Response> read_registration(Call&);      // GET /v1/registrations/{reference}
base::Result<Response> fill_registration(Call&);      // POST /v1/registrations/{reference}
base::Result<Response> complete_registration(Call&);  // POST /v1/registrations/{reference}/complete
base::Result<Response> read_agreement(Call&);         // GET /v1/agreements/{kind}
// document_handlers.cpp
base::Result<Response> issue_document(Call&);         // POST /v1/documents/<item>
base::Result<Response> issue_stated_document(Call&);  // POST /v1/documents/{kind}
base::Result<Response> list_documents(Call&);
base::Result<Response> fetch_document(Call&);
// sample_handlers.cpp
base::Result<Response> samples_page(Call&);  // GET /samples
base::Result<Response> sample_file(Call&);   // GET /samples/{kind}
// operation_handlers.cpp
base::Result<Response> live(Call&);
base::Result<Response> ready(Call&);
base::Result<Response> metrics_text(Call&);
base::Result<Response> openapi(Call&);
}  // namespace handlers

}  // namespace api
