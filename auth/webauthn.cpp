#include "auth/webauthn.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/owned.h"

namespace auth {
namespace {

constexpr std::size_t kChallengeSize = 32;
constexpr std::size_t kSignatureMost = 1024;  // RSA-2048: 256
constexpr std::size_t kUserHandleMost = 64;   // §4
constexpr std::string_view kTransports[] = {"ble", "hybrid", "internal",
                                            "nfc", "usb",    "smart-card"};

using Pkey = base::Owned<EVP_PKEY, EVP_PKEY_free>;
using X509Ptr = base::Owned<X509, X509_free>;

// libfido2 frees through a pointer to the pointer.
void free_cred(fido_cred_t* object) {
  fido_cred_free(&object);
}
void free_assert(fido_assert_t* object) {
  fido_assert_free(&object);
}
void free_es256(es256_pk_t* key) {
  es256_pk_free(&key);
}
void free_eddsa(eddsa_pk_t* key) {
  eddsa_pk_free(&key);
}
void free_rs256(rs256_pk_t* key) {
  rs256_pk_free(&key);
}
using Cred = base::Owned<fido_cred_t, free_cred>;
using Assert = base::Owned<fido_assert_t, free_assert>;
using Es256 = base::Owned<es256_pk_t, free_es256>;
using Eddsa = base::Owned<eddsa_pk_t, free_eddsa>;
using Rs256 = base::Owned<rs256_pk_t, free_rs256>;

base::Error bad(std::string why) {
  return base::error(base::Code::invalid_argument, "auth.passkey.refused", std::move(why));
}
base::Error bad_fido(const char* what, int code) {
  return bad(std::string(what) + ": libfido2 says " + fido_strerr(code));
}

/// A member that is base64url of 1 to `most` bytes.
std::optional<base::Bytes> member(const rapidjson::Value& object, const char* name,
                                  std::size_t most) {
  auto bytes = base::from_base64url(base::json_text(object, name));
  if (!bytes || bytes->empty() || bytes->size() > most) return std::nullopt;
  return bytes;
}

struct Envelope {
  rapidjson::Document json;
  base::Bytes credential_id;
  const rapidjson::Value& response() const { return json["response"]; }
};

base::Result<Envelope> read_envelope(std::string_view text) {
  auto json = base::parse_json(text, {.bytes = kPasskeyAnswerMost, .depth = 8});
  if (!json.ok() || !json->IsObject()) return bad("answer is not strict JSON");
  if (base::json_text(*json, "type") != "public-key") return bad("type is not public-key");
  auto id = member(*json, "rawId", kCredentialIdMost);
  if (!id || base::json_text(*json, "id") != base::json_text(*json, "rawId"))
    return bad("id and rawId are not one credential id");
  if (!json->HasMember("response") || !(*json)["response"].IsObject())
    return bad("response is missing");
  return Envelope{std::move(*json), std::move(*id)};
}

std::string transports_of(const rapidjson::Value& response) {
  std::string out;
  const auto it = response.FindMember("transports");
  if (it == response.MemberEnd() || !it->value.IsArray()) return out;
  for (const auto known : kTransports)
    for (const auto& word : it->value.GetArray())
      if (word.IsString() && std::string_view(word.GetString(), word.GetStringLength()) == known) {
        out += (out.empty() ? "" : " ") + std::string(known);
        break;
      }
  return out;
}

/// What both ceremonies ask of the data, §7.1 steps 13–17, §7.2 steps 15–18.
base::Result<void> check_data(const AuthenticatorData& data, const RelyingParty& party,
                              UserVerification wanted) {
  if (data.rp_id_hash != base::sha256(base::as_bytes(party.id)))
    return bad("made for another site (rpIdHash)");
  if (!data.user_present) return bad("nobody was present (UP)");
  if (wanted == UserVerification::required && !data.user_verified)
    return base::error(base::Code::invalid_argument, "auth.passkey.unverified",
                       "nobody was verified (UV)");
  return {};
}

/// What §8.2.1 and §8.6 want of a maker's certificate.
base::Result<void> check_maker(const AttestationObject& object,
                               const AttestedCredential& credential) {
  const auto der = object.certificates.front();
  const auto* at = der.data();
  const X509Ptr maker(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!maker || at != der.data() + der.size()) return bad("x5c: malformed certificate");
  if (object.format == "fido-u2f") {
    const auto* key = X509_get0_pubkey(maker.get());
    if (object.certificates.size() != 1 || key == nullptr || EVP_PKEY_get_bits(key) != 256 ||
        EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
      return bad("fido-u2f: not one certificate of a P-256 key (§8.6)");
    return {};
  }
  const auto* name = X509_get_subject_name(maker.get());
  const auto text = [&](int nid) {
    const int index = X509_NAME_get_index_by_NID(name, nid, -1);
    if (index < 0) return std::string();
    const auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
    return std::string(base::as_text(
        {ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))}));
  };
  if (X509_get_version(maker.get()) != X509_VERSION_3 || text(NID_countryName).empty() ||
      text(NID_organizationName).empty() || text(NID_commonName).empty() ||
      text(NID_organizationalUnitName) != "Authenticator Attestation")
    return bad("packed: not a certificate of an authenticator (§8.2.1)");
  const auto flags = X509_get_extension_flags(maker.get());
  if ((flags & EXFLAG_INVALID) != 0 || (flags & EXFLAG_BCONS) == 0 || (flags & EXFLAG_CA) != 0)
    return bad("packed: certificate of an authority, or without basic constraints (§8.2.1)");
  const base::Owned<ASN1_OBJECT, ASN1_OBJECT_free> kind(
      OBJ_txt2obj("1.3.6.1.4.1.45724.1.1.4", 1));  // id-fido-gen-ce-aaguid
  const int index = X509_get_ext_by_OBJ(maker.get(), kind.get(), -1);
  if (index < 0) return {};
  auto* extension = X509_get_ext(maker.get(), index);
  const auto* value = X509_EXTENSION_get_data(extension);
  const base::BytesView octets(ASN1_STRING_get0_data(value),
                               static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (X509_EXTENSION_get_critical(extension) != 0 || octets.size() != 18 || octets[0] != 4 ||
      octets[1] != 16 ||
      !std::equal(credential.aaguid.begin(), credential.aaguid.end(), octets.begin() + 2))
    return bad("packed: certificate of another model (§8.2.1)");
  return {};
}

/// libfido2 reads the same bytes anew: what two readers take differently is refused.
base::Result<Cred> read_again(const RegistrationResponse& response, const AttestationObject& object,
                              const AttestedCredential& credential, const RelyingParty& party) {
  Cred cred(fido_cred_new());
  base::check(cred != nullptr, "out of memory");
  const auto hash = base::sha256(response.client_data);
  int code = fido_cred_set_type(cred.get(), static_cast<int>(credential.algorithm));
  if (code == FIDO_OK) code = fido_cred_set_rp(cred.get(), party.id.c_str(), nullptr);
  if (code == FIDO_OK) code = fido_cred_set_clientdata_hash(cred.get(), hash.data(), hash.size());
  if (code == FIDO_OK)
    code = fido_cred_set_authdata_raw(cred.get(), object.data.data(), object.data.size());
  if (code != FIDO_OK) return bad_fido("authenticator data", code);
  const base::BytesView id(fido_cred_id_ptr(cred.get()), fido_cred_id_len(cred.get()));
  if (!std::equal(id.begin(), id.end(), credential.id.begin(), credential.id.end()))
    return bad("two readers find two credential ids");
  return cred;
}

base::Result<std::string> check_statement(const RegistrationResponse& response,
                                          const AttestationObject& object,
                                          const AttestedCredential& credential,
                                          const RelyingParty& party) {
  BASE_TRY(const auto cred, read_again(response, object, credential, party));
  const bool certified = !object.certificates.empty();
  if (object.format == "none") {
    if (object.statement.size() != 1) return bad("none: the statement is not empty (§8.7)");
    return std::string("none");
  }
  if (object.signature.empty() || object.signature.size() > kSignatureMost)
    return bad("attestation without a signature");
  const bool packed = object.format == "packed";
  if (packed == (object.algorithm == 0)) return bad("attestation: alg where it must not be");
  if (packed && !certified && object.algorithm != static_cast<int>(credential.algorithm))
    return bad("packed: alg is not the key's (§8.2)");
  if (!packed && !certified) return bad("fido-u2f: no certificate (§8.6)");
  if (certified) BASE_TRY_VOID(check_maker(object, credential));
  int code = fido_cred_set_fmt(cred.get(), packed ? "packed" : "fido-u2f");
  if (code == FIDO_OK)
    code = fido_cred_set_attstmt(cred.get(), object.statement.data(), object.statement.size());
  if (code == FIDO_OK)
    code = certified ? fido_cred_verify(cred.get()) : fido_cred_verify_self(cred.get());
  if (code != FIDO_OK) return bad_fido("attestation", code);
  return std::string(!certified ? "self" : packed ? "packed" : "fido-u2f");
}

base::Result<int> verify_with_key(const fido_assert_t* shown, const KnownCredential& known) {
  const auto* at = known.public_key.data();
  const Pkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(known.public_key.size())));
  if (!key) return bad("stored key cannot be read");
  switch (known.algorithm) {
    case CoseAlgorithm::es256: {
      const Es256 own(es256_pk_new());
      if (!own || es256_pk_from_EVP_PKEY(own.get(), key.get()) != FIDO_OK) break;
      return fido_assert_verify(shown, 0, COSE_ES256, own.get());
    }
    case CoseAlgorithm::eddsa: {
      const Eddsa own(eddsa_pk_new());
      if (!own || eddsa_pk_from_EVP_PKEY(own.get(), key.get()) != FIDO_OK) break;
      return fido_assert_verify(shown, 0, COSE_EDDSA, own.get());
    }
    case CoseAlgorithm::rs256: {
      const Rs256 own(rs256_pk_new());
      if (!own || rs256_pk_from_EVP_PKEY(own.get(), key.get()) != FIDO_OK) break;
      return fido_assert_verify(shown, 0, COSE_RS256, own.get());
    }
  }
  return bad("stored key is not of its algorithm");
}

}  // namespace

base::Result<RegistrationResponse> parse_registration_response(std::string_view text) {
  BASE_TRY(auto envelope, read_envelope(text));
  const auto& response = envelope.response();
  auto client_data = member(response, "clientDataJSON", kClientDataMost);
  auto object = member(response, "attestationObject", kAttestationMost);
  if (!client_data || !object) return bad("clientDataJSON or attestationObject is missing");
  return RegistrationResponse{std::move(envelope.credential_id), std::move(*client_data),
                              std::move(*object), transports_of(response)};
}

base::Result<AssertionResponse> parse_assertion_response(std::string_view text) {
  BASE_TRY(auto envelope, read_envelope(text));
  const auto& response = envelope.response();
  auto client_data = member(response, "clientDataJSON", kClientDataMost);
  auto data = member(response, "authenticatorData", kAuthenticatorDataMost);
  auto signature = member(response, "signature", kSignatureMost);
  if (!client_data || !data || !signature)
    return bad("clientDataJSON, authenticatorData or signature is missing");
  AssertionResponse out{std::move(envelope.credential_id), std::move(*client_data),
                        std::move(*data), std::move(*signature), std::nullopt};
  const auto handle = response.FindMember("userHandle");
  if (handle != response.MemberEnd() && !handle->value.IsNull()) {
    out.user_handle = member(response, "userHandle", kUserHandleMost);
    if (!out.user_handle) return bad("userHandle is malformed");
  }
  return out;
}

base::Result<base::Bytes> read_client_data(base::BytesView text, Ceremony ceremony,
                                           const RelyingParty& party) {
  const auto json = base::parse_json(base::as_text(text), {.bytes = kClientDataMost, .depth = 8});
  if (!json.ok() || !json->IsObject()) return bad("client data are not strict JSON");
  const auto* type = ceremony == Ceremony::registration ? "webauthn.create" : "webauthn.get";
  if (base::json_text(*json, "type") != type) return bad("client data of another ceremony");
  auto challenge = base::from_base64url(base::json_text(*json, "challenge"));
  if (!challenge || challenge->size() != kChallengeSize) return bad("client data: no challenge");
  if (base::json_text(*json, "origin") != party.origin) return bad("client data: another origin");
  // We are in nobody's frame: neither may say that we are.
  const auto cross = json->FindMember("crossOrigin");
  if (cross != json->MemberEnd() && !cross->value.IsFalse())
    return bad("client data: from inside another site's page");
  if (json->HasMember("topOrigin")) return bad("client data: below another site's page");
  const auto binding = json->FindMember("tokenBinding");  // Level 2; nobody has it
  if (binding != json->MemberEnd() && base::json_text(binding->value, "status") != "supported")
    return bad("client data: token binding");
  return std::move(*challenge);
}

base::Result<VerifiedCredential> verify_attestation(const RegistrationResponse& response,
                                                    const RelyingParty& party,
                                                    UserVerification wanted) {
  BASE_TRY(const auto object, parse_attestation_object(response.attestation_object));
  BASE_TRY(auto data, parse_authenticator_data(object.data));
  BASE_TRY_VOID(check_data(data, party, wanted));
  if (!data.credential) return bad("no credential was made (AT)");
  if (data.credential->id != response.credential_id) return bad("another credential's id");
  BASE_TRY(auto attestation, check_statement(response, object, *data.credential, party));
  return VerifiedCredential{std::move(*data.credential), data.sign_count, data.user_verified,
                            data.backup_eligible,        data.backed_up,  std::move(attestation)};
}

base::Result<VerifiedAssertion> verify_assertion(const AssertionResponse& response,
                                                 const KnownCredential& known,
                                                 const RelyingParty& party,
                                                 UserVerification wanted) {
  if (response.credential_id != known.id) return bad("another credential's id");
  BASE_TRY(const auto data, parse_authenticator_data(response.authenticator_data));
  BASE_TRY_VOID(check_data(data, party, wanted));
  if (data.credential) return bad("a new credential in an assertion (AT)");
  if (data.backup_eligible != known.backup_eligible)
    return bad("may be backed up, and may not when it was made (BE)");
  const Assert shown(fido_assert_new());
  base::check(shown != nullptr, "out of memory");
  const auto hash = base::sha256(response.client_data);
  int code = fido_assert_set_rp(shown.get(), party.id.c_str());
  if (code == FIDO_OK)
    code = fido_assert_set_clientdata_hash(shown.get(), hash.data(), hash.size());
  if (code == FIDO_OK) code = fido_assert_set_count(shown.get(), 1);
  if (code == FIDO_OK)
    code = fido_assert_set_authdata_raw(shown.get(), 0, response.authenticator_data.data(),
                                        response.authenticator_data.size());
  if (code == FIDO_OK)
    code =
        fido_assert_set_sig(shown.get(), 0, response.signature.data(), response.signature.size());
  if (code == FIDO_OK) code = fido_assert_set_up(shown.get(), FIDO_OPT_TRUE);
  if (code == FIDO_OK && wanted == UserVerification::required)
    code = fido_assert_set_uv(shown.get(), FIDO_OPT_TRUE);
  if (code != FIDO_OK) return bad_fido("assertion", code);
  BASE_TRY(code, verify_with_key(shown.get(), known));
  if (code != FIDO_OK) return bad_fido("assertion", code);
  return VerifiedAssertion{data.sign_count, data.user_verified, data.backed_up};
}

}  // namespace auth
