// Options that hold a path are shown as FILE, and completed with the names of files.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

namespace CLI::detail {

template <>
constexpr const char* type_name<std::filesystem::path>() {
  return "FILE";
}

}  // namespace CLI::detail
