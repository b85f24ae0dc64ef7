#include "auth/authenticator_data.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <set>
#include <string>

#include "auth/cbor.h"
#include "auth/public_keys.h"
#include "base/encoding.h"

namespace auth {
namespace {


// Bits of the flags, §6.1.
constexpr int kPresent = 0x01, kVerified = 0x04, kEligible = 0x08, kBackedUp = 0x10,
              kAttested = 0x40, kExtensions = 0x80;
constexpr std::size_t kHeadSize = 37;
constexpr std::size_t kCertificatesMost = 8;
constexpr std::size_t kExtensionsMost = 16;

// COSE_Key: labels and values, RFC 9052 §7.1, RFC 9053 §7.1–7.2, RFC 8230 §4.
constexpr std::int64_t kLabelType = 1, kLabelAlgorithm = 3;
constexpr std::int64_t kTypeOkp = 1, kTypeEc = 2, kTypeRsa = 3, kCurveP256 = 1, kCurveEd25519 = 6;
constexpr std::size_t kRsaBytes = 256;

base::Error bad(const char* why) {
  return base::error(base::Code::invalid_argument, "auth.passkey.refused", why);
}

/// The members that a key of ours may have; §6.5.1.1: alg, and no other optional one.
struct CoseKey {
  std::optional<std::int64_t> type, algorithm, curve;
  base::BytesView x_or_n, y_or_e;
};

/// -1 is the curve of an EC or OKP key and the modulus of an RSA key; the types stand before it in
/// the canonical order, so that is known by then.
base::Result<CoseKey> read_cose(CborReader& reader) {
  CoseKey out;
  const auto count = reader.map();
  if (!count || *count > 5) return bad("public key is no map of five members at most");
  std::set<std::int64_t> seen;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto label = reader.integer();
    if (!label || !seen.insert(*label).second) return bad("public key: a label twice, or no label");
    if (*label == kLabelType) {
      out.type = reader.integer();
    } else if (*label == kLabelAlgorithm) {
      out.algorithm = reader.integer();
    } else if (*label == -1 && out.type != kTypeRsa) {
      out.curve = reader.integer();
    } else if (*label == -1 || (*label == -2 && out.type != kTypeRsa)) {
      out.x_or_n = reader.byte_string().value_or(base::BytesView());
    } else if (*label == -2 || *label == -3) {
      out.y_or_e = reader.byte_string().value_or(base::BytesView());
    } else {
      return bad("public key: a member that has no place here");
    }
    if (!reader.ok()) return bad("public key: malformed member");
  }
  return out;
}

base::Result<Pkey> to_key(const CoseKey& key) {
  const auto& [type, algorithm, curve, first, second] = key;
  if (type == kTypeEc && algorithm == -7 && curve == kCurveP256 && first.size() == 32 &&
      second.size() == 32)
    return ec_key(first, second);
  if (type == kTypeOkp && algorithm == -8 && curve == kCurveEd25519 && first.size() == 32 &&
      second.empty())
    return Pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, first.data(), 32));
  // The one size that libfido2 verifies, and that authenticators make (TPMs).
  static constexpr std::uint8_t kExponent[] = {1, 0, 1};
  if (type == kTypeRsa && algorithm == -257 && first.size() == kRsaBytes && first[0] >= 0x80 &&
      std::equal(second.begin(), second.end(), std::begin(kExponent), std::end(kExponent)))
    return rsa_key(first, second);
  return bad("public key is not P-256 for ES256, Ed25519 for EdDSA or RSA-2048 for RS256");
}

base::Result<AttestedCredential> read_credential(base::BytesView rest, std::size_t& taken) {
  AttestedCredential out;
  if (rest.size() < 18) return bad("attested credential is cut off");
  std::copy_n(rest.begin(), 16, out.aaguid.begin());
  const std::size_t id_size = std::size_t{rest[16]} << 8 | rest[17];
  if (id_size == 0 || id_size > kCredentialIdMost) return bad("credential id has a wrong length");
  if (rest.size() - 18 < id_size) return bad("credential id is cut off");
  out.id = base::to_bytes(rest.subspan(18, id_size));
  CborReader reader(rest.subspan(18 + id_size));
  BASE_TRY(const auto cose, read_cose(reader));
  BASE_TRY(const auto key, to_key(cose));
  if (!key) return bad("public key is not a point or number of its kind");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return bad("public key cannot be written");
  out.public_key.assign(der, der + size);
  OPENSSL_free(der);
  out.algorithm = static_cast<CoseAlgorithm>(*cose.algorithm);
  taken = 18 + id_size + reader.position();
  return out;
}

/// A map from names to anything, nothing behind it.
bool extensions_well_made(base::BytesView rest) {
  CborReader reader(rest);
  const auto count = reader.map();
  if (!count || *count == 0 || *count > kExtensionsMost) return false;
  std::set<std::string_view> seen;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto name = reader.text();
    if (!name || !seen.insert(*name).second || !reader.skip()) return false;
  }
  return reader.at_end();
}

base::Result<void> read_certificates(CborReader& reader, AttestationObject& out) {
  const auto count = reader.array();
  if (!count || *count == 0 || *count > kCertificatesMost) return bad("x5c is no list of 1 to 8");
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto certificate = reader.byte_string();
    if (!certificate || certificate->empty()) return bad("x5c holds no certificate");
    out.certificates.push_back(*certificate);
  }
  return {};
}

base::Result<void> read_statement(AttestationObject& out) {
  CborReader reader(out.statement);
  const auto count = reader.map();
  if (!count || *count > 3) return bad("attestation statement is no map of three members at most");
  std::set<std::string_view> seen;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto name = reader.text();
    if (!name || !seen.insert(*name).second) return bad("attestation statement: a member twice");
    if (*name == "alg")
      out.algorithm = reader.integer().value_or(0);
    else if (*name == "sig")
      out.signature = reader.byte_string().value_or(base::BytesView());
    else if (*name == "x5c")
      BASE_TRY_VOID(read_certificates(reader, out));
    else
      return bad("attestation statement: a member that has no place here");
    if (!reader.ok()) return bad("attestation statement: malformed member");
  }
  if (!reader.at_end()) return bad("attestation statement: bytes behind it");
  return {};
}

}  // namespace

base::Result<AuthenticatorData> parse_authenticator_data(base::BytesView bytes) {
  if (bytes.size() < kHeadSize || bytes.size() > kAuthenticatorDataMost)
    return bad("authenticator data has a wrong length");
  AuthenticatorData out;
  std::copy_n(bytes.begin(), out.rp_id_hash.size(), out.rp_id_hash.begin());
  const int flags = bytes[32];
  out.user_present = (flags & kPresent) != 0;
  out.user_verified = (flags & kVerified) != 0;
  out.backup_eligible = (flags & kEligible) != 0;
  out.backed_up = (flags & kBackedUp) != 0;
  if (out.backed_up && !out.backup_eligible) return bad("backed up, and must not be (§6.1.3)");
  for (std::size_t i = 33; i < kHeadSize; ++i) out.sign_count = out.sign_count << 8 | bytes[i];
  auto rest = bytes.subspan(kHeadSize);
  if ((flags & kAttested) != 0) {
    std::size_t taken = 0;
    BASE_TRY(out.credential, read_credential(rest, taken));
    rest = rest.subspan(taken);
  }
  if ((flags & kExtensions) != 0) {
    if (!extensions_well_made(rest)) return bad("extension outputs are malformed");
  } else if (!rest.empty()) {
    return bad("bytes behind the authenticator data");
  }
  return out;
}

base::Result<AttestationObject> parse_attestation_object(base::BytesView bytes) {
  if (bytes.size() > kAttestationMost) return bad("attestation object is too long");
  AttestationObject out;
  CborReader reader(bytes);
  if (reader.map() != 3) return bad("attestation object is no map of three members");
  std::set<std::string_view> seen;
  for (int i = 0; i < 3; ++i) {
    const auto name = reader.text();
    if (!name || !seen.insert(*name).second) return bad("attestation object: a member twice");
    if (*name == "fmt")
      out.format = reader.text().value_or("");
    else if (*name == "attStmt")
      out.statement = reader.skip().value_or(base::BytesView());
    else if (*name == "authData")
      out.data = reader.byte_string().value_or(base::BytesView());
    else
      return bad("attestation object: a member that has no place here");
    if (!reader.ok()) return bad("attestation object: malformed member");
  }
  if (!reader.at_end()) return bad("attestation object: bytes behind it");
  if (out.format != "none" && out.format != "packed" && out.format != "fido-u2f")
    return bad("attestation format is not none, packed or fido-u2f");
  BASE_TRY_VOID(read_statement(out));
  return out;
}

}  // namespace auth
