// Provisioning: from an empty token directory to a token with its keys and its inventory, or from a
// partly provisioned one onwards. Idempotent; never touches what it did not make.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/secret.h"
#include "hsm/key.h"
#include "hsm/token.h"

namespace hsm {

struct PlannedKey {
  std::string label;
  Algorithm algorithm = Algorithm::ecdsa_p256;
  Purpose purpose = Purpose::seal;
};

/// {"keys":[{"label":…,"algorithm":…,"purpose":…}]}
/// Errors: invalid_argument `hsm.plan`.
base::Result<std::vector<PlannedKey>> plan_from_json(std::string_view json);

struct ProvisionConfig {
  std::filesystem::path module;
  std::string label;
  std::string serial;               ///< empty: any token of that label
  std::filesystem::path directory;  ///< where a software token lies; empty for a device
  std::filesystem::path inventory;
  base::Secret pin;
  base::Secret so_pin;  ///< empty: no token is initialised
  Sm2Native sm2 = {};   ///< wrapped, or native with the module's numbers
};

struct ProvisionStep {
  enum class Outcome { done, kept, warning, failed };
  std::string what;   ///< "token", "key", "inventory", "debris"
  std::string label;  ///< of the key or token
  Outcome outcome = Outcome::done;
  std::string detail;
};
std::string_view to_string(ProvisionStep::Outcome outcome);

/// Does what is missing and tells each step as it is done. Keys that the token does not make itself
/// are wrapped by the inventory's newest key of the purpose key_wrapping, which the plan may name
/// anywhere before them. Keys that could not be made or that are
/// half-made are told by name, the others are made all the same; the Error is then the first of
/// them. Errors: unavailable `hsm.token_damaged` (a directory with files but no token: a damaged
/// token looks like that, and initialising it would finish it off), `hsm.no_so_pin`; those of
/// KeyMaker and Inventory.
base::Result<void> provision(ProvisionConfig config, const std::vector<PlannedKey>& plan,
                             base::Random& random,
                             const std::function<void(const ProvisionStep&)>& tell);

/// Gives the owner's write permission on a token directory and all in it, or takes everybody's
/// away: a served token must not be writable (security.md §0.1). An empty path is nothing to do.
/// Errors: unavailable `hsm.token_directory`.
base::Result<void> set_writable(const std::filesystem::path& directory, bool writable);

}  // namespace hsm
