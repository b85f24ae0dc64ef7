// What a drill says of a backup, as `xinyin key drill --json` prints it, and the request that makes
// it count: keys that stand in a proven backup may be used where the policy wants one first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace hsm::officers {

inline constexpr std::size_t kMostDrillBytes = 4 << 20;
inline constexpr std::size_t kMostDrillKeys = 10'000;

struct DrillReport {
  struct Key {
    std::string id, label;
    std::string proof;  ///< signed, unwrapped or compared (hsm/restore.h)
  };
  base::Digest backup{};  ///< SHA-256 of the backup's file
  base::Digest report{};  ///< SHA-256 of the report's own text: what is filed can be told later
  std::vector<Key> keys;
};

/// The whole answer {"ok":true,"data":{…}} or its data alone; what else stands there is left alone.
/// Errors: invalid_argument `hsm.officers.drill` saying what is wrong.
base::Result<DrillReport> read_drill_report(std::string_view text);

/// params of `backup.prove`.
std::string prove_params(const DrillReport& report);

}  // namespace hsm::officers
