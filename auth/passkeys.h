// Passkeys: WebAuthn credentials of people, enrolled and used. W3C Web Authentication Level 3;
// LD/T 01-2020 6.2.6. docs/decisions/0120-webauthn.md
//
// An answer counts once, in the session or browser where it was asked for. What is wrong with one
// is told to nobody but the trail; the person is told to try again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/factor_challenges.h"
#include "auth/webauthn.h"
#include "store/field_cipher.h"

namespace auth {

constexpr std::size_t kPasskeysMost = 20;          ///< of one subject
constexpr std::size_t kPasskeyLabelMost = 40;      ///< code points
constexpr std::chrono::seconds kPasskeyLife{300};  ///< of a challenge: as long as browsers ask

struct Passkey {
  std::string id;     ///< ours, not the authenticator's
  std::string label;  ///< what its owner calls it
  bool user_verified = false, backed_up = false;
  std::string attestation;  ///< as VerifiedCredential
  base::Time created_at;
  std::optional<base::Time> used_at;
  /// Its counter went back: somebody may have a copy. It is refused until it is removed.
  std::optional<base::Time> suspended_at;
};

/// A passkey proved itself.
struct PasskeyLogin {
  SubjectId subject;
  std::string passkey;         ///< Passkey::id
  bool user_verified = false;  ///< by PIN or body: two factors in one
};

/// Thread-safe through its parts.
class Passkeys {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
    base::Random& random;
    RelyingParty party;
  };
  explicit Passkeys(Parts parts);

  /// A relying party has a host name; browsers have no passkeys for an address in numbers (§5.1.2).
  static bool possible_at(std::string_view origin);
  static RelyingParty party_of(std::string_view origin, std::string_view name);

  /// PublicKeyCredentialCreationOptionsJSON. `name` is shown by the authenticator.
  /// Errors: conflict `auth.passkey.too_many`.
  base::Result<std::string> begin_enrolment(const SubjectId& subject, std::string_view name,
                                            std::string_view binding);
  /// Errors: invalid_argument `auth.passkey.refused`, `auth.passkey.label`; expired
  /// `auth.passkey.expired`; conflict `auth.passkey.known` (somebody has it),
  /// `auth.passkey.too_many`.
  base::Result<Passkey> finish_enrolment(const SubjectId& subject, std::string_view binding,
                                         std::string_view json, std::string_view label);

  /// PublicKeyCredentialRequestOptionsJSON. Without a subject anybody's discoverable credential
  /// may answer, and the user must be verified; with one, his passkeys, as a second factor.
  base::Result<std::string> begin_login(const std::optional<SubjectId>& subject,
                                        std::string_view binding);
  /// `subject` as it was asked for. Errors: unauthenticated `auth.passkey.refused`,
  /// `auth.passkey.unverified`, `auth.passkey.suspended`, `auth.passkey.cloned`; expired
  /// `auth.passkey.expired`.
  base::Result<PasskeyLogin> finish_login(const std::optional<SubjectId>& subject,
                                          std::string_view binding, std::string_view json);

  /// Oldest first.
  base::Result<std::vector<Passkey>> list(const SubjectId& subject);
  /// Errors: invalid_argument `auth.passkey.label`; not_found `auth.passkey.unknown`.
  base::Result<void> rename(const SubjectId& subject, std::string_view id, std::string_view label);
  /// Errors: not_found `auth.passkey.unknown`.
  base::Result<void> remove(const SubjectId& subject, std::string_view id, std::string_view by);
  base::Result<std::int64_t> sweep(int most = 1000) { return challenges_.sweep(most); }

 private:
  struct Stored;
  base::Result<base::Bytes> handle_of(const SubjectId& subject);
  base::Result<std::optional<Stored>> find(base::BytesView credential_id);
  base::Result<PasskeyLogin> count(const Stored& stored, const VerifiedAssertion& shown);
  base::Result<void> note_refusal(std::string_view actor, std::string_view act,
                                  const base::Error& why);

  Parts parts_;
  FactorChallenges challenges_;
};

}  // namespace auth
