// What a seal is, as whoever applies for it writes it down: its number and name, whose it is, its
// picture, how long it is valid, which keys seal with it, and who may cause it to be used for what.
// GB/T 38540-2020 5.2 (SES_ESPropertyInfo), GB/T 33481-2016; docs/decisions/0182-life-of-a-seal.md.
//
// One JSON object, strict: a member that is not known is refused.
//   {"id": "11010000000001",            division code (6 digits) and 8 digits of the maker's own
//    "name": "示范市社会保险经办中心社会保险业务专用章",
//    "type": "business",                unit, business, finance, contract, personal, other
//    "owner": {"name": "示范市社会保险经办中心", "code": "12110000MB0000000X"},
//    "picture": {"shape": "round", "width_mm": 42, "height_mm": 42,
//                "text": "示范市社会保险经办中心", "caption": "社会保险业务专用章"},
//    "valid": {"from": "2026-01-01", "until": "2031-12-31"},
//    "keys": {"pdf": "seal-1", "ofd": "seal-sm2-1"},     labels; either may be missing
//    "format": 4,                       of its seal object: 4 or 5; without a key for OFD: missing
//    "policy": {…}}                     see SealPolicy
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "seal/pdf/seal_picture.h"

namespace seal {

enum class SealType : std::uint8_t { unit, business, finance, contract, personal, other };
std::string_view to_string(SealType type);

std::string_view to_string(SealShape shape);

/// In which way a seal is used.
enum class SealUse : std::uint8_t { own, batch, remote };
std::string_view to_string(SealUse use);

/// Who may cause a seal to be used for what, when and how often. Nothing given: nothing allowed but
/// what a default says. Times are China Standard Time.
struct SealPolicy {
  std::vector<std::string> kinds;  ///< of documents; "*": all
  std::vector<SealUse> uses = {SealUse::own};
  std::vector<std::string> clients;             ///< through which applications; none: through any
  int proofing = 0;                             ///< of the actor, at least (P0 to P3)
  int authentication = 0;                       ///< of his session, at least (A0 to A3)
  int from_minute = 0, until_minute = 24 * 60;  ///< of the day; outside it no use
  std::int64_t per_hour = 0, per_day = 0;       ///< uses; 0: without a limit
  std::int64_t stop_per_minute = 0;             ///< beyond it the seal suspends itself; 0: never
  bool operator==(const SealPolicy&) const = default;

  bool allows_kind(std::string_view kind) const;
  bool allows(SealUse use) const;
  bool allows_client(std::string_view client) const;
  bool allows_at(base::Time at) const;
};

struct SealSpec {
  std::string id, name;
  SealType type = SealType::business;
  std::string owner, owner_code;
  SealPictureSpec picture;
  base::Time valid_from, valid_until;  ///< the first moment after it
  std::string pdf_key, ofd_key;        ///< labels in the token; empty: not in that format
  int format = 0;                      ///< of the seal object; 0 without a key for OFD
  SealPolicy policy;

  bool in_validity(base::Time at) const { return valid_from <= at && at < valid_until; }
};

/// The most a spec may have, in bytes.
inline constexpr std::size_t kMostSpecBytes = 16 << 10;

/// Errors: invalid_argument `seal.spec` with fields, each named by its JSON pointer.
base::Result<SealSpec> read_seal_spec(std::string_view json);
base::Result<SealPolicy> read_seal_policy(std::string_view json);
/// In one spelling: the same spec gives the same text.
std::string to_json(const SealSpec& spec);
std::string to_json(const SealPolicy& policy);

}  // namespace seal
