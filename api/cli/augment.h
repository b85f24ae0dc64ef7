// xinyin seal augment: evidence and document time stamps for what was sealed. docs/pades.md.
#pragma once

#include "api/cli/commands.h"

namespace cli {

void add_augment(CLI::App& noun, Context& context);

}  // namespace cli
