// Building the rooms that need keys: who is acting, and what may be sealed.
#pragma once

#include <memory>

#include "api/handlers.h"

namespace api {

/// Asks the signer for keys and for the data key, and builds what stands on them, in floor order.
/// Errors: unavailable while signer or trust list are away; what is wrong with a file or key
/// otherwise.
base::Result<std::shared_ptr<Upstairs>> build_upstairs(Services& services);

}  // namespace api
