// WebAuthn ceremonies as the relying party judges them: what a browser sends, against what was
// asked. W3C Web Authentication Level 3 §7.1, §7.2. No database and no time here: challenges are
// spent and counters compared by auth/passkeys.h.
//
// Signatures are verified by libfido2; what it does not look at is looked at here
// (docs/decisions/0120-webauthn.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authenticator_data.h"

namespace auth {

/// Who asks: our host, our name, our address as browsers see it ("https://id.example").
struct RelyingParty {
  std::string id, name, origin;
};
enum class UserVerification { preferred, required };
enum class Ceremony { registration, authentication };

constexpr std::size_t kClientDataMost = 4096;          ///< bytes
constexpr std::size_t kPasskeyAnswerMost = 64 * 1024;  ///< bytes of JSON

/// RegistrationResponseJSON (§5.1.8).
struct RegistrationResponse {
  base::Bytes credential_id, client_data, attestation_object;
  std::string transports;  ///< known words, space-separated; a hint and nothing more
};
/// AuthenticationResponseJSON (§5.1.8).
struct AssertionResponse {
  base::Bytes credential_id, client_data, authenticator_data, signature;
  std::optional<base::Bytes> user_handle;
};

// Errors of all that follow: invalid_argument `auth.passkey.refused`, what is wrong in `detail`.
base::Result<RegistrationResponse> parse_registration_response(std::string_view json);
base::Result<AssertionResponse> parse_assertion_response(std::string_view json);

/// The challenge that the client data answer (32 bytes), once they are for this ceremony, from our
/// origin to the letter, and not from inside another site's page (§5.8.1, §7.1 steps 7–12).
base::Result<base::Bytes> read_client_data(base::BytesView json, Ceremony ceremony,
                                           const RelyingParty& party);

struct VerifiedCredential {
  AttestedCredential credential;
  std::uint32_t sign_count = 0;
  bool user_verified = false, backup_eligible = false, backed_up = false;
  /// "none"; "self": signed by the key itself; "packed", "fido-u2f": signed by a key of the maker,
  /// of whom nobody vouches here.
  std::string attestation;
};
/// §7.1 from step 13 on. Errors also: `auth.passkey.unverified`: nobody was verified, though
/// required.
base::Result<VerifiedCredential> verify_attestation(const RegistrationResponse& response,
                                                    const RelyingParty& party,
                                                    UserVerification wanted);

struct KnownCredential {
  base::Bytes id;
  CoseAlgorithm algorithm = CoseAlgorithm::es256;
  base::Bytes public_key;  ///< DER SubjectPublicKeyInfo
  bool backup_eligible = false;
};
struct VerifiedAssertion {
  std::uint32_t sign_count = 0;
  bool user_verified = false, backed_up = false;
};
/// §7.2 from step 15 on, but for the counter. Errors as verify_attestation.
base::Result<VerifiedAssertion> verify_assertion(const AssertionResponse& response,
                                                 const KnownCredential& known,
                                                 const RelyingParty& party,
                                                 UserVerification wanted);

}  // namespace auth
