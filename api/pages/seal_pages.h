// The console's pages about seals. LD/T 01-2020 5.3.4; docs/decisions/0182-life-of-a-seal.md.
#pragma once

#include "api/pages/staff_pages.h"
#include "seal/seals.h"

namespace api::pages {

struct StaffSeals : StaffPage {
  std::vector<seal::Seal> all;
  std::vector<seal::SealRequest> open;
  std::string preview;  ///< SVG of what was typed; empty: not looked at
};
std::string staff_seals(const Renderer& look, const StaffSeals& page);

struct StaffSeal : StaffPage {
  seal::Seal seal;
  std::vector<seal::SealStep> steps;
  std::string svg;  ///< its picture, drawn now when it is not made yet
};
std::string staff_seal(const Renderer& look, const StaffSeal& page);

struct StaffSealRequest : StaffPage {
  seal::SealRequest request;
  std::string svg;       ///< of a seal that is applied for
  std::string in_force;  ///< the spec as it is now, JSON; empty of a new seal
};
std::string staff_seal_request(const Renderer& look, const StaffSealRequest& page);

}  // namespace api::pages
