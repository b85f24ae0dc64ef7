// Answers about one certificate's revocation: requests read strictly, answers written by us and
// signed by a delegated responder. RFC 6960, RFC 5019, RFC 9654. Target xinyin_certs_authority.
// docs/decisions/0016-ocsp.md
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "certs/authority.h"

namespace certs {

/// The digests by which a request may name the issuer.
enum class OcspHash { sha1, sha256 };

/// One question. RFC 6960 §4.1.1.
struct OcspRequest {
  OcspHash hash = OcspHash::sha1;
  base::Bytes name_hash, key_hash;
  std::string serial_hex;  ///< lower case, as in the register
  base::Bytes nonce;       ///< 1 to 32 octets that the answer repeats; empty: none to be repeated
};

/// Strict DER of at most 2 KiB that asks about exactly one certificate (RFC 5019 §2.1.1). A nonce
/// of 33 to 128 octets is left unanswered, another length refused (RFC 9654 §2.1). A signature of
/// the asker is not looked at. Errors: invalid_argument `certs.ocsp_malformed`.
base::Result<OcspRequest> parse_ocsp_request(base::BytesView der);

/// OCSPResponseStatus of what cannot be answered; nobody signs these. RFC 6960 §4.2.1.
enum class OcspRefusal {
  malformed_request = 1,
  internal_error = 2,
  try_later = 3,
  unauthorized = 6
};
base::Bytes ocsp_refusal(OcspRefusal refusal);

struct OcspStatus {
  bool issued = true;  ///< false: nobody issued it, which is told as revoked since 1970
  std::optional<Authority::Revocation> revoked = std::nullopt;
};

/// Does the request ask about a certificate of this authority?
bool asks_about(const OcspRequest& request, const Certificate& issuer);

/// Thread-safe.
class OcspResponder {
 public:
  /// `certificate` is of `key`, for OCSP signing alone, issued by `issuer` itself (RFC 6960
  /// §4.2.2.2). Errors: invalid_argument `certs.wrong_issuer`.
  static base::Result<OcspResponder> create(std::shared_ptr<const hsm::Key> key,
                                            Certificate certificate, Certificate issuer);

  struct Answer {
    base::Bytes der;
    base::Time this_update, next_update;
  };
  /// A signed response, read back by OpenSSL before it is given out. Good for `life`, or until the
  /// responder's certificate ends. Errors: expired `certs.responder_over`; internal
  /// `certs.wrong_signature`; what hsm::Key::sign_message gives.
  base::Result<Answer> answer(const std::string& serial_hex, OcspHash hash,
                              const OcspStatus& status, base::Time now, std::chrono::seconds life,
                              base::BytesView nonce = {}) const;

  const Certificate& certificate() const { return certificate_; }
  const Certificate& issuer() const { return issuer_; }

 private:
  OcspResponder(std::shared_ptr<const hsm::Key> key, Certificate certificate, Certificate issuer)
      : key_(std::move(key)), certificate_(std::move(certificate)), issuer_(std::move(issuer)) {}

  std::shared_ptr<const hsm::Key> key_;
  Certificate certificate_, issuer_;
};

}  // namespace certs
