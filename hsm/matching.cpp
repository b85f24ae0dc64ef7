#include "hsm/matching.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/text.h"

namespace hsm {
namespace {

std::string judge(const InventoryEntry& entry, const std::vector<const p11::Object*>& parts,
                  p11::Handle& handle) {
  const bool secret = entry.key.algorithm == Algorithm::aes_256;
  const p11::Object* holder = nullptr;
  const p11::Object* open_half = nullptr;
  for (const auto* part : parts) {
    auto& place = part->part == p11::Part::public_half ? open_half : holder;
    if (place != nullptr)
      return "the token holds its " + std::string(to_string(part->part)) + " twice";
    place = part;
  }
  if (holder == nullptr) return "its key is not on the token";
  if (holder->part != (secret ? p11::Part::secret : p11::Part::private_half))
    return "the object on the token is of another kind";
  if (holder->label != entry.key.label)
    return "its label on the token is " + base::printable(holder->label);
  if (holder->algorithm != entry.key.algorithm) return "its algorithm on the token differs";
  if (!secret) {
    if (open_half == nullptr) return "its public half is not on the token";
    if (open_half->spki != entry.key.public_key) return "its public half on the token differs";
  }
  if (auto drift = p11::differences(holder->attributes, entry.attributes); !drift.empty())
    return "drifted from the inventory: " + drift;
  if (auto unsound =
          p11::differences(holder->attributes, p11::wanted_attributes(entry.key.algorithm));
      !unsound.empty())
    return "unsound: " + unsound;
  handle = holder->handle;
  return {};
}

}  // namespace

Matching match(const Inventory& inventory, const std::vector<p11::Object>& objects) {
  Matching result;
  std::set<const p11::Object*> known;
  for (const auto& entry : inventory.keys) {
    std::vector<const p11::Object*> parts;
    for (const auto& object : objects)
      if (base::to_hex(object.id) == entry.key.id.value()) parts.push_back(&object);
    known.insert(parts.begin(), parts.end());
    Match one{&entry, 0, {}};
    one.refusal = judge(entry, parts, one.handle);
    result.keys.push_back(std::move(one));
  }
  for (const auto& object : objects)
    if (known.count(&object) == 0)
      result.unknown.push_back({base::printable(object.label),
                                std::string(to_string(object.part)) + " with id " +
                                    base::to_hex(object.id) + " is not in the inventory"});
  return result;
}

}  // namespace hsm
