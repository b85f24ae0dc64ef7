// Remote use of a seal by systems of others, in the style of the CSC API v2: their documents stay
// with them, digests come here. docs/decisions/0186-remote-sealing.md.
//
// First a system has itself authorised for certain digests, then it has exactly those signed, once.
// The seal's state and policy are asked both times (`remote` must be among its uses, "remote" or
// "*" among its kinds); the use is counted and written down before the key is asked, so that there
// is no signature that nobody knows of.
#pragma once

#include <memory>
#include <vector>

#include "base/secret.h"
#include "seal/cms.h"
#include "seal/seal_gate.h"
#include "seal/timestamp_source.h"

namespace seal {

/// The kind that a policy names for what is sealed remotely.
inline constexpr std::string_view kRemoteKind = "remote";
/// Of the system's own token.
inline constexpr std::string_view kRemoteScope = "seal.remote";
/// Digests a call may carry.
inline constexpr std::size_t kMostRemoteHashes = 200;

/// Thread-safe through its parts.
class RemoteSealing {
 public:
  struct Parts {
    store::Pool& pool;
    const base::Clock& clock;
    base::Random& random;
    const TimestampSource& timestamps;
    std::chrono::seconds life{300};  ///< of an authorisation
  };
  /// Errors: as CmsFrame::create.
  static base::Result<std::unique_ptr<RemoteSealing>> create(Parts parts, std::string seal,
                                                             std::shared_ptr<const hsm::Key> key,
                                                             certs::Certificate certificate,
                                                             std::vector<certs::Certificate> chain);

  const std::string& seal() const { return seal_; }
  const hsm::KeyInfo& key() const { return key_->info(); }
  /// The seal's certificate, and those above it.
  const std::vector<certs::Certificate>& certificates() const { return certificates_; }

  struct Grant {
    std::string sad;  ///< signature activation data, 256 random bits
    std::chrono::seconds life{0};
  };
  /// `hashes`: SHA-256, in the order in which they will be signed. Errors: permission_denied
  /// `seal.scope`; invalid_argument `seal.remote.hashes`; those of SealGate::may.
  base::Result<Grant> authorize(const auth::Actor& actor, const std::vector<base::Digest>& hashes);

  /// Signature values over digests as they are: ECDSA-Sig-Value or RSA, as CMS carries them.
  /// Errors: permission_denied `seal.scope`, `seal.remote.sad` (not good for this, or not any
  /// more); those of SealGate and of hsm::Key::sign.
  base::Result<std::vector<base::Bytes>> sign_hashes(const auth::Actor& actor, std::string_view sad,
                                                     const std::vector<base::Digest>& hashes);
  /// Detached CAdES signatures (baseline B; with `stamped`, T) of documents with these digests, as
  /// a PDF's /Contents takes them too. Errors: as sign_hashes; those of the time source.
  base::Result<std::vector<base::Bytes>> sign_documents(const auth::Actor& actor,
                                                        std::string_view sad,
                                                        const std::vector<base::Digest>& digests,
                                                        bool stamped);
  /// Authorisations that are over go; how many did. Safe at any time.
  base::Result<std::int64_t> sweep();

 private:
  RemoteSealing(Parts parts, std::string seal, std::shared_ptr<const hsm::Key> key, CmsFrame cms,
                std::vector<certs::Certificate> certificates);
  base::Result<void> take(const auth::Actor& actor, std::string_view sad,
                          const std::vector<base::Digest>& hashes, std::string_view form);
  base::Result<void> record(const auth::Actor& actor, base::BytesView sad,
                            const std::vector<base::Digest>& hashes, std::string_view form);
  Parts parts_;
  const std::string seal_;
  const std::shared_ptr<const hsm::Key> key_;
  const CmsFrame cms_;
  const std::vector<certs::Certificate> certificates_;
  SealGate gate_;
};

}  // namespace seal
