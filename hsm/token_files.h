// The files of a software token held against the digests taken when it was provisioned. SoftHSM
// does not authenticate its objects, and a bent one can make it hang, end the whole process, or
// sign wrongly (security.md §0.2): what has changed is refused by name before the module reads it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace hsm {

/// Path below the token directory -> hex of SHA-256.
using FileDigests = std::map<std::string, std::string, std::less<>>;

/// Of every key's file; the token's own object changes at logins. Errors: unavailable `hsm.token_directory`.
base::Result<FileDigests> digest_files(const std::filesystem::path& directory);

/// A file that is missing passes: the inventory names the key that lacks it.
/// Errors: unavailable `hsm.token_files` naming the file.
base::Result<void> check_files(const std::filesystem::path& directory, const FileDigests& expected);

}  // namespace hsm
