// Makes the seals and seal signatures of the national format: SESeal and SES_Signature, v4 of GB/T
// 38540-2020 and v5 of GM/T 0031-2025, SM2 with SM3.
//
// The maker's key (制章者) signs seals and never documents, the sealer's (签章者) the other way
// round; the purpose of the key, its certificate and the verdict on the finished seal keep them
// apart. What every signature of a seal begins with, the seal itself, is hashed once.
// docs/decisions/0171-seal-objects-written.md
#pragma once

#include <string>
#include <vector>

#include "base/sm3.h"
#include "certs/certificate.h"
#include "hsm/key.h"
#include "seal/timestamp_source.h"
#include "verify/ses.h"

namespace seal {

/// What a seal is to say. Times are kept to the second.
struct SealDraft {
  verify::ses::Version version = verify::ses::Version::v5;  ///< v4 or v5; v1 is only read
  std::string vendor = "XINYIN";                            ///< Vid, printable ASCII
  std::string id;                                           ///< esID, printable ASCII
  std::int64_t type = 0;
  std::string name;                         ///< UTF-8
  bool by_digest = false;                   ///< the list holds SM3 digests, not certificates
  std::vector<certs::Certificate> sealers;  ///< who may use it; SM2 keys
  base::Time created, valid_from, valid_until;
  std::string picture_type;  ///< png, jpg, gif, bmp, svg, ofd
  base::Bytes picture;
  std::int64_t width_mm = 0, height_mm = 0;
};

/// A SESeal, signed by `maker`, read back and verified. `timestamps`, for v5 alone, attest its
/// signature value; nullptr leaves the token out. Errors: invalid_argument `seal.ses.version`,
/// `seal.ses.maker` (not an SM2 key of the purpose seal_maker, or the certificate of another key),
/// `seal.ses.maker_is_sealer`, `seal.ses.sealer` (none, or not an SM2 key), and what
/// verify::ses::Seal::read gives of a draft that breaks its rules; internal
/// `seal.ses.wrong_signature`; what hsm::Key::sign and TimestampSource::stamp give.
base::Result<base::Bytes> make_seal(const SealDraft& draft, const hsm::Key& maker,
                                    const certs::Certificate& maker_certificate,
                                    const TimestampSource* timestamps = nullptr);

/// The seal signatures of one seal in one place of a package, as CmsFrame is for PDF: what is the
/// same for every document is encoded and hashed once. Immutable, thread-safe, cheap to copy.
class SesFrame {
 public:
  /// `property_info` says what is signed (GB/T 38540-2020 7.1); in OFD the path of Signature.xml.
  /// Errors: invalid_argument `seal.ses.version`, `seal.ses.sealer` (not an SM2 key of the purpose
  /// seal, the certificate of another key, or not in the seal's list), `verify.ses.text`; what
  /// verify::ses::Seal::read gives.
  static base::Result<SesFrame> create(const hsm::KeyInfo& key,
                                       const certs::Certificate& certificate, base::BytesView seal,
                                       const std::string& property_info);

  /// SM3(Z ‖ TBS_Sign), which the key signs, for an original with this SM3, dated `at` (kept to the
  /// second).
  base::Digest to_sign(const base::Digest& original, base::Time at) const;
  /// What the BIT STRING carries of what hsm::Key::sign gave; a time stamp is over its SHA-256.
  static base::Bytes signature_value(base::BytesView signature);
  /// The SES_Signature, of what was given to to_sign(). An empty token is left out.
  base::Bytes finish(const base::Digest& original, base::Time at, base::BytesView signature_value,
                     base::BytesView timestamp_token) const;
  /// The most that finish() can give with a token of at most `token_bytes`.
  std::size_t most_bytes(std::size_t token_bytes) const;

 private:
  SesFrame() = default;
  base::Bytes tail(const base::Digest& original, base::Time at) const;

  base::Bytes begin_;        ///< of TBS_Sign, up to the end of the seal
  base::Sm3 state_;          ///< Z and begin_
  base::Bytes property_;     ///< IA5String
  base::Bytes certificate_;  ///< OCTET STRING, and the algorithm behind it
};

/// All of it at once: digest, signature, token where `timestamps` are given. Errors: what
/// hsm::Key::sign and TimestampSource::stamp give.
base::Result<base::Bytes> sign_with(const SesFrame& frame, const hsm::Key& key,
                                    const base::Digest& original, base::Time at,
                                    const TimestampSource* timestamps = nullptr);

}  // namespace seal
