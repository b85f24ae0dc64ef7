// Changes to the token while it is served: keys made or destroyed after the officers' approval.
//
// A software token is rewritten in place at every login, and a kill then tears it (security.md
// §0.1, §4.3). So a change is made to a copy beside it, by a child process with its own login, and
// proven there; the copy then takes the token's place in one rename, together with its inventory.
// The order of the two is put right at the next start, by the inventory's digest in the ledger. A
// device is changed in place; making keys there is idempotent.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/random.h"
#include "base/result.h"
#include "hsm/provision.h"
#include "hsm/token.h"

namespace hsm {

/// Where the token is and how it is opened: a part of the signer's configuration.
struct TokenPlace {
  std::filesystem::path module, pin_file, softhsm_conf, directory, inventory;
  std::string label, serial;
  Sm2Native sm2 = {};
  std::chrono::milliseconds longest_change{600'000};  ///< then the child is stopped
};

struct TokenWish {
  std::vector<PlannedKey> make;
  std::vector<std::string> destroy;  ///< labels
};

struct PreparedChange {
  base::Digest inventory{};  ///< of the new inventory file
  std::string
      keys_json;  ///< array: {"algorithm","attributes","id","label","protection","purpose","spki"}
};

/// Makes the change beside the token; what is served is untouched. Minutes may pass on slow tokens.
/// Errors: those of provision(); unavailable `hsm.token_change` when the child fails.
base::Result<PreparedChange> prepare_change(const TokenPlace& place, const TokenWish& wish);
/// Puts what was prepared in place. The old token is overwritten and removed.
/// Errors: unavailable `hsm.token_change`; may be called again.
base::Result<void> adopt_change(const TokenPlace& place);
/// Throws away what was prepared, if anything.
void discard_change(const TokenPlace& place);
/// Digest of a prepared inventory that was not adopted; nothing when there is none.
std::optional<base::Digest> prepared_inventory(const TokenPlace& place);
std::optional<base::Digest> digest_of_file(const std::filesystem::path& file);

/// The child: `xinyin-signer change-token`, wish and place as JSON on standard input, the keys on
/// standard output. Exit status 0, or 1 with one line of why on standard error.
int change_token(base::Random& random);

}  // namespace hsm
