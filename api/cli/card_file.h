// An officer's card as the command line names it: a small settings file, and where the PIN comes
// from.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "api/cli/commands.h"
#include "api/cli/pin.h"
#include "hsm/card.h"

namespace cli {

/// What the file says. Relative paths are relative to it.
struct CardFile {
  std::filesystem::path module;
  std::string label;
  std::string serial;                  ///< empty: any card of that label
  std::filesystem::path softhsm_conf;  ///< of a software card
  std::filesystem::path directory;     ///< of a software card
  std::filesystem::path pin_file;      ///< empty: asked for

  /// Errors: those of base::Settings.
  static base::Result<CardFile> read(const std::filesystem::path& path);
  /// "card-zhang (8f3a…)", as questions name it.
  std::string name() const;
};

struct CardOptions {
  std::filesystem::path card;
  PinSource pin;  ///< nothing given: the card's file decides, else the terminal
};

/// --card FILE (required), --pin-file FILE, --pin-fd N. `options` outlives `app`.
void add_card_options(CLI::App& app, CardOptions& options);

/// The card, logged in; `writable` to store a certificate or change its PIN. One at a time in a
/// process: let it go before the next is opened.
/// Errors: those of CardFile::read, read_pin and hsm::Card::open.
base::Result<std::unique_ptr<hsm::Card>> open_card(Context& context, const CardOptions& options,
                                                   bool writable = false);

}  // namespace cli
