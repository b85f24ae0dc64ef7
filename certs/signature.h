// Checks a bare signature with a public key: what hsm::Key::sign makes.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/digest.h"

namespace certs {

/// A signature over a SHA-256 digest: P-256 (`signature` is r‖s, 64 octets) or RSA of 2048 to 8192
/// bits (RSASSA-PKCS1-v1_5). Other keys sign something else: false. `public_key` is DER
/// SubjectPublicKeyInfo.
bool verify_signature(base::BytesView public_key, const base::Digest& digest,
                      base::BytesView signature);

/// The same over what each kind of key signs:
///   P-256, RSA  a SHA-256 digest, as above
///   P-384       a SHA-384 digest; r‖s, 96 octets
///   SM2         SM3(Z ‖ M), 32 octets; r‖s, 64 octets (GB/T 32918.2-2016)
///   Ed25519     the message itself (RFC 8032); 64 octets
bool verify_input(base::BytesView public_key, base::BytesView input, base::BytesView signature);

/// The same over a message: with the digest that belongs to the key, and for SM2 with Z over the
/// default user id (GB/T 35276-2017 §10).
bool verify_message(base::BytesView public_key, base::BytesView message, base::BytesView signature);

/// r‖s (64 or 96 octets) to the DER form that X.509 and CMS carry. RFC 3279 §2.2.3.
base::Bytes ecdsa_to_der(base::BytesView raw);

/// Back: r‖s of `half` octets each; nothing when it is not that one strict value.
std::optional<base::Bytes> ecdsa_from_der(base::BytesView signature, std::size_t half = 32);

/// What an SM2 signature over a message comes to. The wrong ways are told apart because each is
/// a mistake that devices really make: it helps who has to mend one, and refuses all the same.
enum class Sm2Answer {
  holds,
  broken,     ///< none of the below
  other_key,  ///< the key is not on the SM2 curve, or is no key
  other_id,   ///< made under an empty user id instead of the default one
  ecdsa,      ///< ECDSA over the SM2 curve and an SM3 digest
};
/// `signature` is DER (GB/T 35276-2017 §7), under the default user id.
Sm2Answer judge_sm2(base::BytesView public_key, base::BytesView message, base::BytesView signature);

/// Whether `signed_der` (strict DER: SEQUENCE { what is signed, algorithm, BIT STRING }, as a
/// certificate or a revocation list) carries an SM2-with-SM3 signature of this key, under the
/// default user id: OpenSSL takes an empty id where a list cannot be told another.
bool sm2_signed(base::BytesView public_key, base::BytesView signed_der);

/// The user id that enters SM2 signatures.
inline constexpr std::string_view kSm2UserId = "1234567812345678";

}  // namespace certs
