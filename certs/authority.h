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

enum class Profile { root_ca, issuing_ca, seal, timestamp, openid, document_code };

struct Subject {
  std::string common_name;
  std::string organization;
  std::string organization_id;  ///< unified social credit code
  std::string country = "CN";
};

/// Makes certificates. It holds no state of its own: what was issued is recorded by
/// CertificateRegister.
class Authority {
 public:
  /// `issuer` is the CA's own certificate; nothing for a root that is to certify itself.
  /// `crl_url`: where relying parties fetch the revocation list; empty leaves the extension out.
  Authority(std::shared_ptr<const hsm::Key> key, std::optional<Certificate> issuer,
            const base::Clock& clock, base::Random& random, std::string crl_url = {});

  /// The template alone decides the extensions. Linted before it is signed and before it is given
  /// out; its life ends with the issuer's at the latest. Serials are 128 random bits. Errors:
  /// invalid_argument `certs.bad_subject`, `certs.bad_public_key`, `certs.wrong_issuer` (a root
  /// issues authorities only, an issuing authority end entities only); expired
  /// `certs.issuer_expired`; internal `certs.lint`; what hsm::Key::sign gives.
  base::Result<Certificate> issue(Profile profile, const Subject& subject,
                                  base::BytesView public_key);

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
  std::string crl_url_;
  const base::Clock& clock_;
  base::Random& random_;
};

}  // namespace certs
