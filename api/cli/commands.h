// The shape of `xinyin`: one noun a file, each registering its verbs; what they share is the
// Context.
//
// A noun `report`:
//   1. api/cli/report.cpp defines  void cli::register_report(CLI::App& app, Context& context)
//   2. api/cli/CMakeLists.txt gets  cli_noun(report USES <rooms>)
// It adds a subcommand, its verbs, and gives each a callback that ends in context.done(result) or
// context.run(…).
//
// stdout carries the answer, stderr the talk. With --json the answer is one object
// {"ok", "code", "data", "warnings"}. Exit codes: security.md §1.4.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cli/config.h"
#include "api/cli/path_option.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

namespace cli {

/// security.md §1.4; their meaning in words: exit_codes() in command_tree.h.
enum Exit : int {
  kDone = 0,
  kFailed = 1,  ///< a mistake of ours
  kUsage = 2,
  kRefused = 3,
  kWaiting = 4,
  kInvalidSignature = 5,
  kTokenUnavailable = 6,
  kIntegrity = 7,
  kSelfTestFailed = 8,
  kConflict = 9,
  kExpired = 10,
  kLogBroken = 11,
  kOfficersTooFew = 12,
  kTryAgain = 75,
  kInterrupted = 130,
};

/// What a verb comes to: JSON for machines, text for people.
struct Answer {
  std::string json = "{}";  ///< one JSON value
  std::string text;         ///< without a line end at the end
  int exit = kDone;
};

class Context {
 public:
  std::filesystem::path config_file;
  bool json = false;
  int exit = kDone;

  const base::Clock& clock() const { return clock_; }
  base::Random& random() { return random_; }

  /// The configuration, read at the first call. Errors: those of Settings and Config.
  base::Result<const Config*> config();

  /// Runs a verb and prints what it comes to; sets `exit`.
  void run(const std::function<base::Result<Answer>()>& verb);

  /// A progress line, on stderr.
  void say(std::string_view line) const;
  /// Something the caller should know of; goes into the answer's "warnings" and to stderr.
  void warn(std::string line);

 private:
  void print(const Answer& answer) const;
  void print(const base::Error& failure) const;

  base::SystemClock clock_;
  base::SystemRandom random_;
  std::optional<Config> config_;
  std::vector<std::string> warnings_;
};

int exit_code_of(const base::Error& failure);

#define XINYIN_NOUN(noun) void register_##noun(CLI::App& app, Context& context);
#include "cli_nouns.inc"
#undef XINYIN_NOUN

}  // namespace cli
