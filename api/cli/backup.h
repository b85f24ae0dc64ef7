// The verbs of `xinyin key` that bring a backup back.
#pragma once

#include "api/cli/commands.h"

namespace cli {

/// restore, drill, test-shares. The backup itself is made by the signer, after officers approved
/// it.
void add_backup_verbs(CLI::App& noun, Context& context);

}  // namespace cli
