// Files with secrets: whole or not at all, readable by their owner alone.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace cli {

/// Takes the place of a file that is there. Errors: unavailable `auth.demo.file` with path and why.
base::Result<void> write_private(const std::filesystem::path& file, std::string_view content);

/// `auth.demo.file` about this file.
base::Error file_failure(const std::filesystem::path& file, std::string why);

}  // namespace cli
