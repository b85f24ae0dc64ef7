// Login with a certificate of an admitted body, by a signed challenge or by mutual TLS, without a
// plug-in. LD/T 01-2020 5.4.1.3b, 6.2.6d, 6.2.7. docs/decisions/0121-certificate-login.md
//
// A certificate belongs to an account only when it says the number of one of the account's
// documents. What is wrong with one is told to the audit trail; to the person all refusals are the
// same. A bound certificate is a factor: named and removed as every other (auth/factors.h).
// docs/decisions/0124-certificate-and-password.md
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/accounts.h"
#include "auth/factor_challenges.h"
#include "auth/notices.h"
#include "certs/foreign.h"

namespace auth {

constexpr std::size_t kCertificatesMost = 10;  ///< of one subject
constexpr std::chrono::seconds kCertificateChallengeLife{120};

/// What certificates of bodies are judged with, as of now.
struct BodyTrust {
  certs::TrustList list;
  std::vector<base::Bytes> crls;  ///< DER, the bodies' own
};
class BodyTrustSource {
 public:
  virtual ~BodyTrustSource() = default;
  /// Thread-safe. Errors: unavailable.
  virtual base::Result<std::shared_ptr<const BodyTrust>> now() = 0;
};

enum class CertificatePurpose { login, binding };

/// A certificate as it came, of whose key somebody proved possession.
struct ShownCertificate {
  certs::Certificate leaf;
  std::vector<certs::Certificate> others;
  std::string_view how;  ///< "challenge", "tls"
};

struct BoundCertificate {
  std::string id;  ///< Factor::id
  std::string issuer, serial, holder;  ///< holder: subject of the certificate, RFC 2253
  base::Time not_before, not_after, bound_at;
  std::optional<base::Time> used_at;
};

/// A certificate that was bound, and what of it tells who its holder is.
struct Binding {
  BoundCertificate certificate;
  std::string body;          ///< the certification body, as the trust list names it
  std::string name, number;  ///< of the holder: common name, and the number that was compared
  std::string fingerprint;   ///< SHA-256, hex
};

struct CertificateLogin {
  SubjectId subject;
  SubjectKind kind = SubjectKind::person;
  std::string certificate;  ///< BoundCertificate::id
};

/// Thread-safe through its parts.
class Certificates {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
    base::Random& random;
    Accounts& accounts;
    Notices& notices;
    BodyTrustSource& trust;
    std::string issuer;  ///< our address, which the person reads and signs
  };
  explicit Certificates(Parts parts);

  struct Asked {
    std::string challenge;  ///< base64url, sent back with the answer
    std::string text;       ///< what is to be signed, to the byte: says where, what for
  };
  base::Result<Asked> ask(CertificatePurpose purpose, const std::optional<SubjectId>& subject,
                          std::string_view binding);
  /// The text of a challenge that waits for its answer, for who keeps it as a file.
  /// Errors: expired `auth.certificate.expired`.
  base::Result<std::string> text_of(CertificatePurpose purpose, std::string_view binding,
                                    std::string_view challenge);
  /// Takes the challenge, once, and the answer apart. Errors: expired `auth.certificate.expired`;
  /// unauthenticated `auth.certificate.refused`.
  base::Result<ShownCertificate> answer(CertificatePurpose purpose,
                                        const std::optional<SubjectId>& subject,
                                        std::string_view binding, std::string_view challenge,
                                        std::string_view sent);

  /// Binds to an account whose document's number the certificate says; its owner is told. Errors:
  /// unauthenticated `auth.certificate.refused`; permission_denied `auth.certificate.other_holder`;
  /// conflict `auth.certificate.known`, `auth.certificate.too_many`, those of add_factor;
  /// unavailable of the trust source.
  base::Result<Binding> bind(const SubjectId& subject, const ShownCertificate& shown);
  /// Whose it is; with `expected` it must be his. A new certificate of the same body for the same
  /// holder, that still says the number, takes its place beside the bound one (a renewal keeps the
  /// account). Errors: as bind.
  base::Result<CertificateLogin> log_in(const ShownCertificate& shown,
                                        const std::optional<SubjectId>& expected = std::nullopt);

  /// Oldest first. Taken away with OwnCodes::remove, as every factor.
  base::Result<std::vector<BoundCertificate>> list(const SubjectId& subject);
  base::Result<std::int64_t> sweep(int most = 1000) { return challenges_.sweep(most); }

 private:
  struct Judged;
  struct Bound;
  base::Result<Judged> judge(const ShownCertificate& shown, std::string_view act,
                             const std::string& actor);
  base::Result<std::optional<std::string>> own_number(const certs::Certificate& leaf,
                                                      const SubjectId& subject);
  base::Result<std::optional<Bound>> find(const Judged& judged, const certs::Certificate& leaf);
  base::Result<BoundCertificate> put(store::Tx& tx, const SubjectId& subject, const Judged& judged,
                                     const certs::Certificate& leaf, std::string_view renews);
  base::Result<void> note(std::string_view actor, std::string_view act, const base::Error& why,
                          const ShownCertificate& shown);
  std::string statement(CertificatePurpose purpose, std::string_view challenge) const;
  base::Digest holder_lookup(const certs::Certificate& leaf) const;

  Parts parts_;
  FactorChallenges challenges_;
};

/// Numbers of identity that a certificate says of its holder: serialNumber and
/// organizationIdentifier of the subject (X.520; also with ETSI EN 319 412-1's prefix), and the
/// identification extensions of GB/T 20518. Not checked in any way but for length.
std::vector<std::string> numbers_in(const certs::Certificate& leaf);

}  // namespace auth
