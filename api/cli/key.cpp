// xinyin key: the token's keys.
#include "api/cli/backup.h"

namespace cli {

void register_key(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("key", "the token's keys");
  noun->require_subcommand(1);
  add_backup_verbs(*noun, context);
}

}  // namespace cli
