// What an authenticator may send: attestation objects, authenticator data, client data, and the
// JSON round them. The first byte says which. What is taken apart was in its place.
#include "auth/webauthn.h"
#include "base/check.h"

namespace {

const auth::RelyingParty kParty{"example.org", "Example", "https://example.org"};

void registration(base::BytesView bytes) {
  const auto object = auth::parse_attestation_object(bytes);
  const auth::RegistrationResponse response{{1}, {}, base::to_bytes(bytes), ""};
  const auto made = auth::verify_attestation(response, kParty, auth::UserVerification::preferred);
  if (!object.ok()) {
    base::check(!made.ok(), "verified what does not parse");
    return;
  }
  base::check(object->data.size() + object->statement.size() <= bytes.size(), "more than came");
  if (const auto data = auth::parse_authenticator_data(object->data);
      data.ok() && data->credential) {
    auto own = response;
    own.credential_id = data->credential->id;
    (void)auth::verify_attestation(own, kParty, auth::UserVerification::preferred).ok();
  }
}

void assertion(base::BytesView bytes) {
  const auto data = auth::parse_authenticator_data(bytes);
  if (!data.ok()) return;
  base::check(!data->backed_up || data->backup_eligible, "backed up, and must not be");
  // Nobody signed this: whatever it says, it is no assertion of this key.
  static const base::Bytes kKey = [] {
    base::Bytes spki = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    // RFC 8032 §7.1, TEST 1
    for (const int byte : {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
                           0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
                           0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a})
      spki.push_back(static_cast<std::uint8_t>(byte));
    return spki;
  }();
  const auth::AssertionResponse response{{1}, {}, base::to_bytes(bytes), base::Bytes(64, 7), {}};
  const auto shown = auth::verify_assertion(
      response, {{1}, auth::CoseAlgorithm::eddsa, kKey, data->backup_eligible}, kParty,
      auth::UserVerification::preferred);
  base::check(!shown.ok(), "an assertion that nobody signed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::BytesView bytes(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      registration(bytes);
      break;
    case 1:
      assertion(bytes);
      break;
    case 2:
      for (const auto kind : {auth::Ceremony::registration, auth::Ceremony::authentication})
        if (const auto challenge = auth::read_client_data(bytes, kind, kParty); challenge.ok())
          base::check(challenge->size() == 32, "a challenge of another size");
      break;
    default:
      if (const auto made = auth::parse_registration_response(base::as_text(bytes)); made.ok())
        base::check(
            !made->credential_id.empty() && made->credential_id.size() <= auth::kCredentialIdMost,
            "a credential id past the limit");
      (void)auth::parse_assertion_response(base::as_text(bytes)).ok();
  }
  return 0;
}
