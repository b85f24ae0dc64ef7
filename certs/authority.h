// The certificate authority whose keys are in the token: issues by profile, revokes, publishes CRLs
// and the trust list. RFC 5280; profiles of security.md §2.1.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "certs/certificate.h"
#include "certs/trust_list.h"
#include "hsm/key.h"

namespace certs {

enum class Profile {
  root_ca,
  issuing_ca,
  seal,
  timestamp,
  openid,
  document_code,
  seal_maker,    ///< signs seal objects, never documents (GB/T 38540)
  ocsp,          ///< answers for the authority that issued it (RFC 6960 §4.2.2.2)
  officer,       ///< a security officer's approvals
  person_login,  ///< a person logs in; known by a pseudonym
  unit_login,    ///< a unit logs in
  tls_server,    ///< our own servers; names in the SAN alone
  audit,         ///< heads of the audit trail and of the officers' ledger
  log,           ///< checkpoints of the transparency log
};

struct Subject {
  std::string common_name;
  std::string organization;
  std::string organization_id;  ///< unified social credit code
  std::string country = "CN";
  /// Of login certificates: a pseudonym, 8 to 64 of A-Z, a-z, 0-9 and '-'; never an identity
  /// number.
  std::string serial_number = {};
  /// Of servers, which have nothing else: DNS names in lower case, and addresses as text.
  std::vector<std::string> dns_names = {}, ip_addresses = {};
};

/// Makes certificates. It holds no state of its own: what was issued is recorded by
/// CertificateRegister.
class Authority {
 public:
  /// `issuer` is the CA's own certificate; nothing for a root that is to certify itself.
  /// `crl_url`, `ocsp_url`: where relying parties fetch the revocation list and ask about one
  /// certificate; empty leaves the extension out. Only end entities carry `ocsp_url`.
  Authority(std::shared_ptr<const hsm::Key> key, std::optional<Certificate> issuer,
            const base::Clock& clock, base::Random& random, std::string crl_url = {},
            std::string ocsp_url = {});

  /// The template alone decides the extensions. Linted before it is signed and before it is given
  /// out; its life ends with the issuer's at the latest. Serials are 128 random bits. Errors:
  /// invalid_argument `certs.bad_subject`, `certs.bad_public_key`, `certs.wrong_issuer` (a root
  /// issues authorities only, an issuing authority end entities only, for uses it has itself);
  /// expired `certs.issuer_expired`; internal `certs.lint`; what hsm::Key::sign gives.
  base::Result<Certificate> issue(Profile profile, const Subject& subject,
                                  base::BytesView public_key);

  /// What is to be signed, and the same as a certificate that nobody has signed.
  struct Prepared {
    base::Bytes tbs;
    Certificate draft;
  };
  /// The two halves of issue(), where officers approve in between. Errors: as issue().
  base::Result<Prepared> prepare(Profile profile, const Subject& subject,
                                 base::BytesView public_key);
  base::Result<Certificate> finish(base::BytesView tbs, base::BytesView signature) const;

  struct Revocation {
    std::string serial_hex;
    base::Time at;
    int reason = 0;  ///< RFC 5280 §5.3.1
    /// What the key signed before this stays good (with a trusted time stamp). RFC 5280 §5.3.2.
    std::optional<base::Time> invalid_since = std::nullopt;
  };
  /// A complete CRL (DER). `number` rises with each one; `next_update` is at most a year away.
  /// Errors: as issue().
  base::Result<base::Bytes> crl(std::int64_t number, const std::vector<Revocation>& revoked,
                                base::Time next_update);

  /// Signs a trust list with the key of its first root (P-256), as a compact JWS, and reads it
  /// back. Errors: invalid_argument `certs.trust_list_malformed`, `certs.wrong_issuer`; what
  /// hsm::Key::sign gives.
  base::Result<std::string> sign_trust_list(const TrustList& list);

 private:
  base::Result<base::Bytes> sign(base::BytesView tbs) const;

  std::shared_ptr<const hsm::Key> key_;
  std::optional<Certificate> issuer_;
  std::string crl_url_, ocsp_url_;
  const base::Clock& clock_;
  base::Random& random_;
};

}  // namespace certs
