// What an authenticator says: authenticator data, the public key in it, the attestation object
// round it. WebAuthn Level 3 §6.1, §6.5; RFC 9052 §7, RFC 9053 §7. Nothing is believed here: who
// made it is auth/webauthn.h's matter.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"

namespace auth {

constexpr std::size_t kCredentialIdMost = 1023;       ///< bytes, §5.8.3 and §7.1
constexpr std::size_t kAuthenticatorDataMost = 4096;  ///< bytes
constexpr std::size_t kAttestationMost = 16 * 1024;   ///< bytes

/// COSE algorithms (RFC 9053, RFC 8812) that a credential may have.
enum class CoseAlgorithm : int { es256 = -7, eddsa = -8, rs256 = -257 };

struct AttestedCredential {
  std::array<std::uint8_t, 16> aaguid{};
  base::Bytes id;
  CoseAlgorithm algorithm = CoseAlgorithm::es256;
  base::Bytes public_key;  ///< DER SubjectPublicKeyInfo: P-256, Ed25519, or RSA of 2048 bits
};

struct AuthenticatorData {
  base::Digest rp_id_hash{};
  bool user_present = false, user_verified = false;
  bool backup_eligible = false, backed_up = false;
  std::uint32_t sign_count = 0;
  std::optional<AttestedCredential> credential;
};

/// Strict: nothing behind it, extension outputs well made (they are not looked at: none was asked
/// for), backed up only what may be. Errors: invalid_argument `auth.passkey.refused`, what is wrong
/// in `detail`.
base::Result<AuthenticatorData> parse_authenticator_data(base::BytesView bytes);

struct AttestationObject {
  std::string_view format;                    ///< "none", "packed", "fido-u2f"
  base::BytesView statement;                  ///< CBOR map, as it came
  base::BytesView data;                       ///< authenticator data, as it came
  std::int64_t algorithm = 0;                 ///< "alg" of the statement; 0: none
  base::BytesView signature;                  ///< "sig"; empty: none
  std::vector<base::BytesView> certificates;  ///< "x5c", DER, leaf first, at most eight
};

/// Views into `bytes`. The three members once each and nothing else; of the statement those that
/// the format has. Errors: invalid_argument `auth.passkey.refused`.
base::Result<AttestationObject> parse_attestation_object(base::BytesView bytes);

}  // namespace auth
