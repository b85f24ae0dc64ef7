// The token's objects held against the inventory. Private to this room.
#pragma once

#include <string>
#include <vector>

#include "hsm/inventory.h"
#include "hsm/pkcs11_objects.h"
#include "hsm/token.h"

namespace hsm {

struct Match {
  const InventoryEntry* entry = nullptr;
  p11::Handle handle = 0;       ///< of the private half or secret key; none of a wrapped key
  p11::Handle open_handle = 0;  ///< of the public half
  std::string refusal;          ///< why it must not be used; empty: sound
};

struct Matching {
  std::vector<Match> keys;       ///< one for each inventory entry, in its order
  std::vector<Finding> unknown;  ///< objects that the inventory does not know: never used
};

/// Why the parts found for one entry must not be used; empty when they are as recorded.
std::string judge(const InventoryEntry& entry, const std::vector<const p11::Object*>& parts,
                  Match& found);

/// Time grows with keys and objects, not with their product.
Matching match(const Inventory& inventory, const std::vector<p11::Object>& objects);

}  // namespace hsm
