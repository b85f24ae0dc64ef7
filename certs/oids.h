// The object identifiers that our profiles and our judging share.
//
// Our own ones stand under a UUID arc (ITU-T X.667: 2.25.<UUID as a number>), which needs no
// registration and belongs to nobody else. docs/decisions/0010-own-identifiers.md
#pragma once

#define XINYIN_OID_ARC "2.25.102262581555112947325161223313624548636"

namespace certs::oid {

inline constexpr const char* kPolicy = XINYIN_OID_ARC ".1.1";           ///< certificate policy
inline constexpr const char* kTimestampPolicy = XINYIN_OID_ARC ".1.2";  ///< of our time stamps
inline constexpr const char* kSealUse = XINYIN_OID_ARC ".2.1";          ///< EKU: seals of an agency
inline constexpr const char* kOpenidUse = XINYIN_OID_ARC ".2.2";        ///< EKU: OpenID tokens
inline constexpr const char* kDocumentCodeUse = XINYIN_OID_ARC ".2.3";  ///< EKU: document codes
inline constexpr const char* kSealMakerUse = XINYIN_OID_ARC ".2.4";     ///< EKU: seal objects
inline constexpr const char* kOfficerUse = XINYIN_OID_ARC ".2.5";  ///< EKU: officers' approvals
inline constexpr const char* kAuditUse = XINYIN_OID_ARC ".2.6";    ///< EKU: audit heads
inline constexpr const char* kLogUse = XINYIN_OID_ARC ".2.7";      ///< EKU: log checkpoints

inline constexpr const char* kTimestampUse = "1.3.6.1.5.5.7.3.8";         ///< RFC 3161 §2.3
inline constexpr const char* kDocumentSigningUse = "1.3.6.1.5.5.7.3.36";  ///< RFC 9336
inline constexpr const char* kEmailUse = "1.3.6.1.5.5.7.3.4";             ///< RFC 5280 §4.2.1.12
inline constexpr const char* kServerUse = "1.3.6.1.5.5.7.3.1";            ///< RFC 5280 §4.2.1.12
inline constexpr const char* kClientUse = "1.3.6.1.5.5.7.3.2";            ///< RFC 5280 §4.2.1.12
inline constexpr const char* kOcspUse = "1.3.6.1.5.5.7.3.9";              ///< RFC 6960 §4.2.2.2
inline constexpr const char* kAnyUse = "2.5.29.37.0";

}  // namespace certs::oid
