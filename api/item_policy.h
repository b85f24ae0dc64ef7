// What each service item demands of who asks for it (LD/T 01-2020 5.4.1.5): how certain it must be
// who he is, and whether he must come himself (本人办理). One table, for routes, pages and
// mandates.
#pragma once

#include <span>
#include <string_view>

#include "auth/actor.h"

namespace api {

struct ItemPolicy {
  std::string_view id;       ///< as mandates name it
  std::string_view message;  ///< its name in the catalogue: `web.proofing.item.<message>`
  auth::Proofing proofing = auth::Proofing::p2;
  auth::Authentication authentication = auth::Authentication::password;
  bool self_only = false;  ///< 本人办理
};
std::span<const ItemPolicy> item_policies();
const ItemPolicy* item_policy(std::string_view id);  ///< null: there is none

}  // namespace api
