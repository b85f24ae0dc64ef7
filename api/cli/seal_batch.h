// xinyin seal batch IN OUT: hands a file of lines in as a batch, waits for its documents with
// progress, and puts them into a directory in their order. Stopped anywhere, it goes on where it
// was. docs/batches.md.
#pragma once

#include <filesystem>
#include <string>

#include "api/cli/commands.h"

namespace cli {

struct BatchOrder {
  std::filesystem::path in, out;
  std::string url, client;
  std::filesystem::path secret_file, roots_file;
  bool dry_run = false;
};

/// Errors: those of reading and writing files; unavailable `gateways.http`; what the service
/// answers, by its keys; unavailable `cli.batch.answer` (args "status").
base::Result<Answer> run_batch(Context& context, const BatchOrder& order);

}  // namespace cli
