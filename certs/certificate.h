// One X.509 certificate, parsed once. RFC 5280.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace certs {

/// Immutable, cheap to copy, thread-safe.
class Certificate {
 public:
  /// Strict DER, nothing behind it, at most 64 KiB.
  /// Errors: invalid_argument `certs.malformed`.
  static base::Result<Certificate> from_der(base::BytesView der);
  static base::Result<Certificate> from_pem(std::string_view pem);

  base::BytesView der() const;
  std::string pem() const;
  base::Bytes public_key() const;  ///< DER SubjectPublicKeyInfo
  std::string subject() const;     ///< RFC 2253 text, UTF-8
  std::string issuer() const;
  std::string common_name() const;
  std::string organization() const;
  std::string serial_hex() const;
  base::Time not_before() const;
  base::Time not_after() const;
  base::Digest sha256() const;  ///< of the DER
  base::Digest public_key_sha256() const;

  struct Impl;
  explicit Certificate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Every PEM block of the text, at most 64. Errors: invalid_argument `certs.malformed`, also when
/// there is none.
base::Result<std::vector<Certificate>> certificates_from_pem(std::string_view pem);

}  // namespace certs
