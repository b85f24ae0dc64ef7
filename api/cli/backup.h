// The verbs of `xinyin key` that bring a backup back, and what a ceremony shares with them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "api/cli/card_file.h"
#include "api/cli/commands.h"
#include "hsm/restore.h"

namespace cli {

/// restore, drill, test-shares. The backup itself is made by the signer, after officers approved
/// it.
void add_backup_verbs(CLI::App& noun, Context& context);
/// prove-backup, adopt: keys that may be used since a backup of them was proven, and keys that were
/// there before there were officers.
void add_proof_verbs(CLI::App& noun, Context& context);

inline constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

/// The shares of these cards, one card open at a time; a card that holds none is passed over. Its
/// Error: permission_denied `hsm.too_few_shares`.
hsm::NextShare shares_of(Context& context, std::vector<CardOptions> cards);
/// Memory that no disk keeps; anywhere else is said.
std::filesystem::path drill_place(Context& context, const std::filesystem::path& wanted);
/// What `xinyin key drill --json` has as data.
std::string drill_json(const hsm::RestoreReport& report);

}  // namespace cli
