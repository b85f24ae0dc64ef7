// The socket of a proxy that proves itself: on it alone a client's certificate is believed, which
// the proxy tells in a header (RFC 9440). docs/decisions/0122-proving-proxy.md
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace api {

/// Listens on a Unix socket, mode 0660. What a dead process left there is removed; a socket that
/// somebody listens on is not. Errors: unavailable `http.listen` (args "address", "why").
base::Result<base::UniqueFd> listen_for_proxy(const std::filesystem::path& path);

/// Whether the account at the other end, as the kernel says (SO_PEERCRED), is `uid`.
bool is_account(int connection, uid_t uid);

}  // namespace api
