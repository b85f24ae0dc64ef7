// 实名核验: the level, how it was reached, the ways to raise it. LD/T 01-2020 5.4.1.2b, 5.4.1.5.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/item_policy.h"
#include "api/pages/renderer.h"
#include "auth/proofings.h"

namespace api::pages {

struct ProofingPage {
  std::string csrf, return_to;  ///< return_to may be empty
  std::span<const ItemPolicy> policies = {};  ///< of all items
  auth::Proofings::Standing standing = {};
  std::vector<auth::Proofings::Row> history;
  struct Way {
    const auth::ProofingMethod* method;
    bool consented = false;
  };
  std::vector<Way> ways;
  bool online = false;                                  ///< some way beside the counter is open
  bool simulated = false;                               ///< the sources are simulators
  std::optional<auth::Proofing> needed = std::nullopt;  ///< by what the person came from
  std::string done = {};                                ///< key of what came of a deed
  bool good = false;
  std::string method = {};  ///< the way that a deed was about
  const base::Error* problem = nullptr;
};
std::string proofing(const Renderer& look, const ProofingPage& page);

struct ProofingVisitPage {
  std::string csrf, method, state;
  std::string address;  ///< empty: it was shown before
  bool pending = false, simulated = false;
};
std::string proofing_visit(const Renderer& look, const ProofingVisitPage& page);

}  // namespace api::pages
