// 授权代办: mandates given and received, and for whom one acts. LD/T 01-2020 5.4.1.5, 6.2.2d.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/item_policy.h"
#include "api/pages/renderer.h"
#include "auth/mandates.h"
#include "auth/registration_fields.h"

namespace api::pages {

struct MandatesPage {
  std::string csrf;
  std::span<const ItemPolicy> policies = {};  ///< of all items
  std::vector<auth::Mandate> given;
  struct Received {
    auth::Mandate mandate;
    std::string principal;  ///< a unit's name, or a person's in part
  };
  std::vector<Received> received;
  std::string acting;  ///< the mandate that this session acts under; empty: himself
  auth::FieldValues typed;
  std::vector<std::string> items;  ///< ticked before
  std::string done = {};           ///< key of what was done
  const base::Error* problem = nullptr;
};
std::string mandates(const Renderer& look, const MandatesPage& page);

}  // namespace api::pages
