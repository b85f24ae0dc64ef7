// Seal objects (SESeal, 电子印章) and seal signatures (SES_Signature, 电子签章), read strictly.
//
// v4 is GB/T 38540-2020, v5 GM/T 0031-2025, v1 GM/T 0031-2014. DER is the only text: what the
// maker or the sealer signed is the raw range of these bytes, and nothing is ever encoded anew.
// docs/decisions/0170-seal-objects-read.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace verify::ses {

enum class Version : std::uint8_t { v1 = 1, v4 = 4, v5 = 5 };

/// SM2 with SM3, the only signature of these formats that is accepted. GM/T 0006-2012.
inline constexpr std::string_view kSm2WithSm3 = "1.2.156.10197.1.501";
inline constexpr std::string_view kSm3 = "1.2.156.10197.1.401";

struct Limits {
  std::size_t bytes = 2 << 20;  ///< of a whole seal signature
  std::size_t picture_bytes = 1 << 20;
  std::size_t certificate_bytes = 16 << 10;
  std::size_t token_bytes = 64 << 10;
  std::size_t listed = 256;  ///< signers in a seal's list
  std::size_t extensions = 32;
  std::int64_t picture_mm = 500;  ///< width and height
};

struct Extension {
  std::string id;  ///< dotted
  bool critical = false;
  base::BytesView value;
};

struct Picture {
  std::string type;  ///< lower case: png, jpg, gif, bmp, svg, ofd
  base::BytesView data;
  std::int64_t width_mm = 0, height_mm = 0;
};

/// Views into the bytes given to read(), which must outlive it.
struct Seal {
  Version version = Version::v4;
  std::string vendor;                         ///< Vid
  std::string id;                             ///< esID
  std::int64_t type = 0;                      ///< the maker's own code
  std::string name;                           ///< UTF-8
  std::vector<base::BytesView> certificates;  ///< the signers, certListType 1 and v1; each DER
  std::vector<base::BytesView> digests;       ///< the signers, certListType 2: SM3 of each
  base::Time created, valid_from, valid_until;
  Picture picture;
  std::vector<Extension> extensions;
  base::BytesView maker;                      ///< certificate, DER
  base::BytesView signature;                  ///< DER SEQUENCE { r, s }
  std::optional<base::BytesView> time_stamp;  ///< token over `signature`, v5 only
  base::BytesView whole;                      ///< the SESeal
  base::BytesView info;                       ///< its SES_SealInfo
  base::BytesView maker_fields;               ///< v1: certificate and algorithm as they stand

  /// What the maker signed: the information alone; v1: with certificate and algorithm.
  base::Bytes signed_bytes() const;
  /// Whether this certificate (DER) is in the list of signers.
  bool lists(base::BytesView certificate) const;

  /// Errors: invalid_argument, each its own: `verify.ses.too_large`, `verify.ses.der`,
  /// `verify.ses.trailing`, `verify.ses.structure`, `verify.ses.version`,
  /// `verify.ses.time_stamp_not_in_version`, `verify.ses.header`, `verify.ses.text`,
  /// `verify.ses.list_type`, `verify.ses.list`, `verify.ses.list_digest`, `verify.ses.time`,
  /// `verify.ses.picture_type`, `verify.ses.picture`, `verify.ses.extensions`,
  /// `verify.ses.certificate`, `verify.ses.algorithm`, `verify.ses.signature_value`.
  static base::Result<Seal> read(base::BytesView der, const Limits& limits = {});
};

/// Views into the bytes given to read(), which must outlive it.
struct Signature {
  Version version = Version::v4;
  Seal seal;
  std::optional<base::Time> signed_at;       ///< as claimed; nothing when v1 has a token instead
  std::optional<base::BytesView> time_info;  ///< v1: the token that stands in place of the time
  base::BytesView data_hash;                 ///< of the original
  std::string property_info;                 ///< which original; OFD: path of Signature.xml
  std::vector<Extension> extensions;
  base::BytesView signer;                     ///< certificate, DER
  base::BytesView to_sign;                    ///< TBS_Sign, what the sealer signed
  base::BytesView signature;                  ///< DER SEQUENCE { r, s }
  std::optional<base::BytesView> time_stamp;  ///< token over `signature`; v4 and v5

  /// Errors: as Seal::read(); invalid_argument `verify.ses.version_mixed` (the signature is of
  /// another version than its seal), `verify.ses.data_hash`.
  static base::Result<Signature> read(base::BytesView der, const Limits& limits = {});
};

}  // namespace verify::ses
