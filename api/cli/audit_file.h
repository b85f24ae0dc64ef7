// A file of the audit commands, which appears under its name only when it is whole and on the disk.
// A run that was cut off leaves FILE.part; the next one starts it anew.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace cli {

using AuditOut = std::function<base::Result<void>(std::string_view bytes)>;

/// Errors: unavailable `cli.audit_file`; those of `write`.
base::Result<void> write_audit_file(
    const std::filesystem::path& file,
    const std::function<base::Result<void>(const AuditOut&)>& write);

}  // namespace cli
