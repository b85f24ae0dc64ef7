// Documents of rights (LD/T 01-2020 5.4.2.2c, 5.4.2.3): their facts, read from this room's tables
// as of now, in one snapshot. What becomes of them is seal's: seal/templates/<kind> says by
// schema.json what the facts of each kind are, and by template.json what they look like.
//
// Kinds: enrolment-certificate 参保证明, contribution-certificate 参保缴费凭证, rights-record
// 缴费权益记录, benefit-statement 待遇明细; of a unit unit-enrolment-certificate and
// unit-rights-record, asked for by the same names without "unit-".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/actor.h"
#include "base/clock.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace services {

inline constexpr std::string_view kEnrolmentCertificate = "enrolment-certificate";
inline constexpr std::string_view kUnitEnrolmentCertificate = "unit-enrolment-certificate";
inline constexpr std::string_view kContributionCertificate = "contribution-certificate";
inline constexpr std::string_view kRightsRecord = "rights-record";
inline constexpr std::string_view kUnitRightsRecord = "unit-rights-record";
inline constexpr std::string_view kBenefitStatement = "benefit-statement";
inline constexpr int kMostMonths = 24;      ///< of a certificate's monthly table
inline constexpr int kBenefitMonths = 12;   ///< of a statement of benefits
inline constexpr int kMostRoster = 20'000;  ///< members of a roster

/// What the service must know of a subject from the floor above it (api asks auth and passes it
/// in).
struct Holder {
  std::string subject;
  bool is_unit = false;
  std::string handler = {};  ///< name of who acts for it; empty: the holder himself
};

/// What the holder may wish.
struct Asked {
  std::string purpose = {};  ///< 用途, his own words; empty: 本人自用 or 单位自用
  std::optional<int> year = std::nullopt;  ///< of a rights record; the last full one
  bool roster = false;                     ///< of a unit's certificate: with the names
};

/// For seal::Templates::draft.
struct Facts {
  std::string kind;
  std::string json;
};

/// Thread-safe.
class Records {
 public:
  Records(store::Pool& pool, const store::FieldCipher& cipher, const base::Clock& clock);
  /// Facts about whom the actor acts for (himself, or by a mandate); rows of somebody who was
  /// merged into the holder are the holder's. Errors: not_found `services.not_enrolled`,
  /// `services.not_entitled`, `services.no_year`; permission_denied `services.not_own`;
  /// invalid_argument `services.purpose`, `services.request` (args "field": a wish that this kind
  /// does not know), `seal.kind` (no such kind, or not of such a holder); those of store::Pool.
  base::Result<Facts> facts(std::string_view kind, const auth::Actor& actor, const Holder& holder,
                            const Asked& asked);

 private:
  store::Pool& pool_;
  const store::FieldCipher& cipher_;
  const base::Clock& clock_;
};

}  // namespace services
