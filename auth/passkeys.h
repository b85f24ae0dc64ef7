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
#include "auth/factors.h"
#include "auth/notices.h"
#include "auth/webauthn.h"
#include "store/field_cipher.h"

namespace auth {

constexpr std::chrono::seconds kPasskeyLife{300};  ///< of a challenge: as long as browsers ask

struct Passkey {
  std::string id;  ///< Factor::id
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
    Notices& notices;
    RelyingParty party;
  };
  explicit Passkeys(Parts parts);

  /// A relying party has a host name; browsers have no passkeys for an address in numbers (§5.1.2).
  static bool possible_at(std::string_view origin);
  static RelyingParty party_of(std::string_view origin, std::string_view name);

  /// PublicKeyCredentialCreationOptionsJSON. `name` is shown by the authenticator.
  base::Result<std::string> begin_enrolment(const SubjectId& subject, std::string_view name,
                                            std::string_view binding);
  /// It becomes a factor of the subject's, who is told. Errors: invalid_argument
  /// `auth.passkey.refused`; expired `auth.passkey.expired`; conflict `auth.passkey.known`
  /// (somebody has it, or had); those of add_factor().
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

  /// Those in force, oldest first. Renamed and removed as every factor (auth/factors.h).
  base::Result<std::vector<Passkey>> list(const SubjectId& subject);
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
