// Building the rooms that need keys: who is acting, and what may be sealed.
//
// A renewal builds anew what stands on certificates and shares the rest; requests that began in
// the old rooms end there. docs/decisions/0017-time-stamps.md
#pragma once

#include <memory>

#include "api/handlers.h"
#include "api/key_choice.h"
#include "base/digest.h"
#include "seal/national.h"
#include "seal/seals.h"

namespace api {

struct ChosenKeys {
  ChosenKey seal, timestamp;
  certs::Certificate issuing;
  std::optional<seal::Seal> registered;  ///< with which documents are sealed; none is there yet
  std::optional<seal::NationalSeal> national;  ///< its other half, when it seals OFD
  std::vector<base::Digest> digests() const {
    return {seal.certificate.sha256(), timestamp.certificate.sha256(), issuing.sha256(),
            base::sha256(base::as_bytes(registered ? registered->spec.id : std::string())),
            national ? national->certificate.sha256() : base::Digest{}};
  }
};

/// The keys that are to work now, by configuration, PKI directory, trust list and clock.
/// Errors: unavailable while signer or trust list are away; what is wrong with a file or key.
base::Result<ChosenKeys> choose_keys(Services& services);

/// Puts the rooms of auth together, over `rooms.cipher` and `rooms.sms`, which are there.
void join_auth(Services& services, Lasting& rooms, const auth::PasswordHasher::Config& hashing,
               std::shared_ptr<const hsm::Key> openid_key);

/// Asks the signer for the data key, and builds what stands on it and on `keys`, in floor order.
/// With `before`, what no certificate touches is taken over from there.
/// Errors: unavailable while the signer is away; what is wrong with a file or key otherwise.
base::Result<std::shared_ptr<Upstairs>> build_upstairs(Services& services, ChosenKeys keys,
                                                       const Upstairs* before);

/// Who answers about revocation. Errors: as choose_keys(); invalid_argument `certs.wrong_issuer`.
base::Result<std::shared_ptr<const certs::OcspResponder>> build_responder(Services& services);

}  // namespace api
