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
#include "store/store.h"

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
  Authority(std::shared_ptr<const hsm::Key> key, std::optional<Certificate> issuer,
            const base::Clock& clock, base::Random& random);

  /// The template alone decides the extensions. Linted before it is given out.
  base::Result<Certificate> issue(Profile profile, const Subject& subject,
                                  base::BytesView public_key);

  struct Revocation {
    std::string serial_hex;
    base::Time at;
    int reason = 0;  ///< RFC 5280 §5.3.1
  };
  base::Result<base::Bytes> crl(std::int64_t number, const std::vector<Revocation>& revoked,
                                base::Time next_update);

  /// Signs a trust list (with the root's key).
  base::Result<std::string> sign_trust_list(const TrustList& list);

 private:
  std::shared_ptr<const hsm::Key> key_;
  std::optional<Certificate> issuer_;
  const base::Clock& clock_;
  base::Random& random_;
};

}  // namespace certs
