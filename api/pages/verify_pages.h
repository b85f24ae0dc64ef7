// The pages of public verification: the verdict on a code, the verdict on a file, the form.
// LD/T 01-2020 5.4.2.4c; wording after verification.md §2.6: never a bare "true" or "false".
#pragma once

#include <optional>
#include <string>

#include "api/pages/renderer.h"
#include "verify/register.h"
#include "verify/verdict.h"

namespace api::pages {

/// A register entry as of `now`: in force, or why not.
enum class CodeState { in_force, sample, expired, superseded, revoked, suspended };
CodeState state_of(const verify::Entry& entry, base::Time now);
std::string_view to_string(CodeState state);
/// The message that names a kind of document, a sample's like that of what it is a sample of.
std::string kind_key(std::string_view kind);

std::string code_verdict(const Renderer& look, const verify::Entry& entry, base::Time now);
std::string code_unknown(const Renderer& look, base::Time now);
std::string code_unavailable(const Renderer& look, base::Time now);
/// The form, with what was typed and what is wrong with it.
std::string verify_form(const Renderer& look, std::string_view typed, const base::Error* problem);

/// `entry` is what the register knows of these bytes; `registered` false when it could not be
/// asked.
std::string file_verdict(const Renderer& look, const verify::Verdict& verdict,
                         const verify::Entry* entry, bool register_asked, base::Time now);

}  // namespace api::pages
