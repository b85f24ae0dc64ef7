// Making a seal that seals OFD: its object is prepared here, seen and voted for by officers, signed
// by the seal maker's key, and put in the register. docs/decisions/0184-seal-maker.md.
#pragma once

#include <filesystem>

#include "api/cli/governance.h"

namespace cli {

struct SealOrder {
  std::string seal, maker, reason;
  std::string font;
  bool dry_run = false;
};

/// Asks officers to sign the object of a seal that was approved. Errors: not_found `seal.unknown`;
/// conflict `seal.made`, `seal.state`; those of the PKI directory, of the signer and of the draft.
base::Result<Answer> ask_seal_object(Context& context, const SealOrder& order);

/// What came of it: the seal stands in the register with it. Again changes nothing.
base::Result<std::string> finish_seal_object(Officer& officer,
                                             const hsm::officers::Sign::Item& item,
                                             base::BytesView signature);
base::Result<bool> seal_object_finished(Officer& officer, const hsm::officers::Sign::Item& item);

}  // namespace cli
