// One revocation list, read by ourselves so that revocation can be judged as of any moment.
//
// Complete, partitioned and delta lists of one issuer are read. An indirect list, one of attribute
// certificates, and one with a critical extension that is not known are not used at all, which
// makes the answer "unsure", never "good". RFC 5280 §5.
#pragma once

#include <memory>
#include <optional>

#include "certs/certificate.h"

namespace certs {

struct RevokedEntry {
  base::Time
      revoked_at;  ///< the earlier of the invalidity date, where given, and the revocation date
  int reason = 0;  ///< RFC 5280 §5.3.1
};

/// Immutable, cheap to copy, thread-safe.
class Crl {
 public:
  /// Strict DER, at most 16 MiB, version 2, with nextUpdate and a CRL number.
  /// Errors: invalid_argument `certs.crl_malformed`.
  static base::Result<Crl> from_der(base::BytesView der);

  base::BytesView der() const;
  std::string issuer() const;
  base::Time this_update() const;
  base::Time next_update() const;
  std::string number_hex() const;
  std::size_t size() const;  ///< entries
  bool has_authority_key_id() const;
  /// No entry says unspecified (0, to be left out), 7 (unused) or a number past 10. RFC 5280
  /// §5.3.1.
  bool reasons_ok() const;
  /// Its issuer field is `issuer`'s subject, whose key made it and may sign revocation lists.
  bool signed_by(const Certificate& issuer) const;
  bool issued_by_name_of(const Certificate& issuer) const;
  /// The entry of `certificate`, which must have the same issuer.
  std::optional<RevokedEntry> find(const Certificate& certificate) const;

  /// Reason flags, bit n for flag n of RFC 5280 §4.2.1.13 (unused (0) left out).
  static constexpr std::uint32_t kAllReasons = 0x1FE;
  /// For which reasons this list speaks about `certificate`, by the list's issuing distribution
  /// point and the certificate's own distribution points: 0, not at all. RFC 5280 §6.3.3 (b), (d).
  std::uint32_t reasons_covered(const Certificate& certificate) const;
  /// DER of the issuing distribution point, or empty: lists of one issuer that are equal in this
  /// replace each other.
  base::BytesView partition() const;
  /// A delta list: what changed since the complete list of some number.
  bool is_delta() const;
  /// This delta list may be applied to `complete`. RFC 5280 §5.2.4.
  bool completes(const Crl& complete) const;
  /// This delta list takes `certificate` off the complete list (removeFromCRL).
  bool removes(const Certificate& certificate) const;

  struct Impl;
  explicit Crl(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace certs
