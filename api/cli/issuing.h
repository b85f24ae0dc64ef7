// Certificates and trust lists that officers approve: prepared, asked for, and, once signed,
// recorded and put where others read them. Whoever carries a request out finishes it; doing so
// again changes nothing.
#pragma once

#include <string>
#include <vector>

#include "api/cli/governance.h"
#include "certs/authority.h"

namespace cli {

/// A certificate that is wanted.
struct WantedCertificate {
  certs::Profile profile = certs::Profile::seal;
  certs::Subject subject;
  base::Bytes public_key;  ///< SPKI
};

/// SM2 keys are certified in a line of their own, where there is one.
bool is_sm2(base::BytesView public_key);

/// An item of a "sign" request for a certificate by the issuing (or root) authority of the PKI
/// directory. Errors: those of Authority::prepare.
base::Result<hsm::officers::Sign::Item> certificate_item(Officer& officer, const Authorities& with,
                                                         const WantedCertificate& wanted);
/// params of a "sign" request.
std::string sign_params(const std::vector<hsm::officers::Sign::Item>& items);

/// What came of a "sign" request that is done: each certificate recorded in the register and
/// written to the PKI directory under its key's label (others under their serial number), each
/// trust list recorded and published, each seal object put in the register of seals. One line of text for each. Errors: those of Authority,
/// CertificateRegister, PkiDirectory; internal `cli.signer_answer`.
base::Result<std::vector<std::string>> finish_signing(Officer& officer,
                                                      const RequestRecord& record);

/// Does all that came of it stand in the register, and the newest list in the directory?
base::Result<bool> signing_finished(Officer& officer, const RequestRecord& record);

/// What follows from keys declared compromised: their certificates are revoked as of `since`, and
/// the lists that say so go out; the trust list waits for officers where it says something new.
/// Nothing twice. One line of text for each. Errors: as of publish_lists.
struct FinishOutcome {
  std::vector<std::string> lines;
  std::optional<RequestRecord> waiting;
};
base::Result<FinishOutcome> finish_compromise(Officer& officer, const RequestRecord& record);

/// Fresh revocation lists, and a trust list: signed at once when it only renews what officers
/// approved, else a request that waits for them: the one that is open already when it says the
/// same. `wish` is about a certification body.
struct PublishOutcome {
  std::optional<certs::TrustList> published;
  std::optional<RequestRecord> waiting;
};
base::Result<PublishOutcome> publish_lists(Officer& officer, std::chrono::hours life,
                                           const std::string& reason,
                                           std::optional<std::int64_t> wish = std::nullopt);

}  // namespace cli
