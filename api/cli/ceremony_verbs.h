// What the verbs of `xinyin ceremony` share.
#pragma once

#include <filesystem>
#include <vector>

#include "api/cli/ceremony_run.h"

namespace cli {

/// Errors: those of PkiDirectory::read and CeremonyPlan::parse.
base::Result<CeremonyPlan> read_plan(const std::filesystem::path& file, const Config& config);
/// What the plan will do, for people and machines.
Answer plan_answer(const CeremonyPlan& plan, const Config& config);
void put_steps(base::JsonWriter& out, const std::vector<CeremonyStep>& steps);

/// rehearse
void add_rehearse_verb(CLI::App& noun, Context& context);

}  // namespace cli
