// The third-party platforms that the configuration names, and auth's logins by them on top.
#pragma once

#include <memory>
#include <vector>

#include "api/handlers.h"
#include "base/clock.h"
#include "gateways/platform_client.h"

namespace api {

struct PlatformSources {
  base::SystemSteadyClock steady;
  std::vector<std::unique_ptr<gateways::PlatformClient>> clients;  ///< in the file's order
};

/// Errors: unavailable `config.secret_file`.
base::Result<std::shared_ptr<const PlatformSources>> build_platform_sources(Services& services);
/// On what is built of `rooms` by then.
std::shared_ptr<auth::Platforms> build_platforms(Services& services, const Lasting& rooms);

}  // namespace api
