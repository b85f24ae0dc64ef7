// PINs at the command line: from the terminal without echo, from a file, or from a descriptor that
// the caller opened. Never from an argument or the environment, which others can read.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "api/cli/path_option.h"
#include "base/result.h"
#include "base/secret.h"

namespace cli {

/// Neither: the person at the terminal is asked.
struct PinSource {
  std::filesystem::path file;
  int fd = -1;
};

/// --<name>-file FILE and --<name>-fd N, one or the other. `source` outlives `app`.
void add_pin_options(CLI::App& app, const std::string& name, const std::string& what,
                     PinSource& source);

/// `whose` is shown in the question, e.g. "card-zhang (8f3a…)". From a descriptor one line is read,
/// so that one descriptor may carry several PINs.
/// Errors: invalid_argument `cli.no_terminal`, `cli.pin_form`; unavailable `config.secret_file`;
/// permission_denied `cli.interrupted`.
base::Result<base::Secret> read_pin(const PinSource& source, const std::string& whose);
/// A PIN to be set: asked twice, 6 to 64 characters. Errors: as read_pin.
base::Result<base::Secret> read_new_pin(const PinSource& source, const std::string& whose);

}  // namespace cli
