// Asking the register and the judge: what the JSON side and the pages of verification share.
#pragma once

#include <memory>

#include "api/handlers.h"
#include "verify/code.h"
#include "verify/verdict.h"

namespace api {

/// From memory, or from the register itself; null when nobody issued it.
/// Errors: unavailable when the code is not in memory and the database does not answer.
base::Result<std::shared_ptr<const verify::Entry>> look_up(Services& services,
                                                           const verify::DocumentCode& code);

struct JudgedFile {
  verify::Verdict verdict;
  std::shared_ptr<const verify::Entry> entry;  ///< what the register knows of exactly these bytes
  bool register_asked = false;                 ///< false: the register could not be asked
};
/// Errors: unavailable `api.no_trust_list`.
base::Result<JudgedFile> judge_file(Services& services, base::BytesView file);

/// A register entry as of a moment: how it stands, or expired.
enum class State { in_force, expired, superseded, revoked, suspended };
State state_of(const verify::Entry& entry, base::Time now);
std::string_view to_string(State state);

}  // namespace api
