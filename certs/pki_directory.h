// The PKI directory: the files that an installation's programs and relying parties read.
//
//   root.pem issuing.pem <key label>.pem   certificates
//   root.crl issuing.crl                   revocation lists, DER
//   root-sm2.*, issuing-sm2.*              the same of the SM2 line, where there is one
//   trust-list.jws                         the signed trust list
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "certs/certificate.h"

namespace certs {

class PkiDirectory {
 public:
  explicit PkiDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  static constexpr std::string_view kRoot = "root.pem";
  static constexpr std::string_view kIssuing = "issuing.pem";
  static constexpr std::string_view kRootCrl = "root.crl";
  static constexpr std::string_view kIssuingCrl = "issuing.crl";
  static constexpr std::string_view kRootSm2 = "root-sm2.pem";
  static constexpr std::string_view kIssuingSm2 = "issuing-sm2.pem";
  static constexpr std::string_view kRootSm2Crl = "root-sm2.crl";
  static constexpr std::string_view kIssuingSm2Crl = "issuing-sm2.crl";
  static constexpr std::string_view kTrustList = "trust-list.jws";

  const std::filesystem::path& path() const { return path_; }
  bool has(std::string_view name) const;
  /// Errors: unavailable `certs.pki_file`, when missing, unreadable or past 16 MiB.
  base::Result<std::string> read(std::string_view name) const;
  /// Errors: as read(), and invalid_argument `certs.malformed`.
  base::Result<Certificate> certificate(std::string_view name) const;
  /// All or nothing, and durable, when it returns; makes the directory. Errors: unavailable
  /// `certs.pki_file`.
  base::Result<void> write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

}  // namespace certs
