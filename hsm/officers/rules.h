// What the parts of State share. Private to this folder.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "hsm/officers/state.h"

namespace hsm::officers {

/// Between the clock of a card's computer and the signer's.
inline constexpr auto kSkew = std::chrono::minutes(5);

/// `why` is also the catalogue text's argument.
base::Error refused(base::Code code, std::string key, const std::string& why = {});
base::Error bad_line(const std::string& why);
std::optional<base::Digest> digest_from(std::string_view hex);

/// States from which a step may be taken, and where it leads.
struct Step {
  std::string_view op;
  std::set<KeyState> from;
  KeyState to;
};
const Step* step_of(std::string_view op);

}  // namespace hsm::officers
