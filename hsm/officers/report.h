// What the signer tells about the ledger, as JSON: for the command line, for the mirror in the
// database, for anybody who may connect. Nothing in it is secret.
#pragma once

#include <string>
#include <vector>

#include "hsm/officers/state.h"

namespace hsm::officers {

/// {"head","keys":[…],"lines","people":[…],"policy":{…},"requests":[…],"rules":[…],"token","world"}
std::string state_report(const State& state, const LedgerFile& ledger, base::Time now);
/// One request, whole: {"approvals":[…],"id","needed","request","standing","result","votes":[…]}
std::string request_report(const State& state, const Asked& asked, base::Time now);
/// {"count":…,"lines":["…"]}
std::string lines_report(const std::vector<std::string>& lines, std::int64_t count);

}  // namespace hsm::officers
