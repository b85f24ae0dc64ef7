// What the command line offers, taken from the parser itself: completion and manual pages are made
// of this, so that they say what the program does and nothing else.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// An option, or an operand (then without dashes).
struct CommandOption {
  std::vector<std::string> names;    ///< "-n", "--most"; of an operand "LABEL"
  std::string value;                 ///< "FILE", "TEXT", …; empty: a flag
  std::vector<std::string> choices;  ///< the only values there are; empty: any
  std::string help, preset;          ///< preset: the value when it is left out, if there is one
  bool required = false, repeated = false;

  bool names_a_file() const { return value == "FILE" || value == "DIR"; }
};

struct Command {
  std::string name, help;
  std::vector<CommandOption> options, operands;
  std::vector<Command> verbs;
};

/// The whole program; the root's options may stand anywhere.
Command command_tree(const CLI::App& app);

/// "key list": the words from the root to a command, in the order of registration, the root first.
struct Place {
  std::string path;  ///< empty: the root
  const Command* command;
};
/// `root` outlives what comes back.
std::vector<Place> places(const Command& root);

struct ExitCode {
  int code;
  std::string_view zh, en;
};
/// Every exit code with its meaning, ascending. security.md §1.4.
std::span<const ExitCode> exit_codes();
/// For the end of `xinyin --help`.
std::string exit_code_help();

}  // namespace cli
