// Where SoftHSM finds a token's files. It can be told so by a configuration file only, and of that
// by its environment only: the module's own interface, used nowhere else.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace hsm {

/// For the next login of this process. An empty path changes nothing. Not thread-safe.
void point_softhsm_at(const std::filesystem::path& conf);

/// A configuration that names `directory`. Errors: unavailable `hsm.token_directory`.
base::Result<void> write_softhsm_conf(const std::filesystem::path& conf,
                                      const std::filesystem::path& directory);

}  // namespace hsm
