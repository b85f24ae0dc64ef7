// What each service item demands of who asks for it (LD/T 01-2020 5.4.1.5): how certain it must be
// who he is, how lately he must have logged in, and whether he must come himself (本人办理). One
// table, for routes, pages and mandates; an installation demands more by configuration, not less.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "auth/actor.h"

namespace api {

struct ItemPolicy {
  std::string_view id;       ///< as mandates name it
  std::string_view message;  ///< its name in the catalogue: `web.proofing.item.<message>`
  auth::Proofing proofing = auth::Proofing::p2;
  auth::Authentication authentication = auth::Authentication::password;
  std::chrono::seconds max_age{0};  ///< since the login; zero: as long as it lasts
  bool self_only = false;           ///< 本人办理
};
/// The least that is demanded. Config::items is what an installation demands.
std::span<const ItemPolicy> least_item_policies();
/// Null: there is none.
const ItemPolicy* find_item(std::span<const ItemPolicy> items, std::string_view id);

}  // namespace api
