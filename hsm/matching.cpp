#include "hsm/matching.h"

#include <map>
#include <set>

#include "base/encoding.h"
#include "base/text.h"
#include "hsm/algorithm.h"

namespace hsm {

std::string judge(const InventoryEntry& entry, const std::vector<const p11::Object*>& parts,
                  Match& found) {
  // Nothing of a wrapped key is on the token: an object with its id is somebody's doing.
  if (entry.key.protection == Protection::wrapped)
    return parts.empty() ? "" : "the token holds an object with its id, though it is wrapped";
  const bool secret = !signs(entry.key.algorithm);
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
  found.handle = holder->handle;
  found.open_handle = open_half != nullptr ? open_half->handle : 0;
  return {};
}

Matching match(const Inventory& inventory, const std::vector<p11::Object>& objects) {
  Matching result;
  std::map<std::string, std::vector<const p11::Object*>> by_id;
  for (const auto& object : objects) by_id[base::to_hex(object.id)].push_back(&object);
  std::set<const p11::Object*> known;
  std::map<std::string, std::size_t> wrappers;  // by id: where in result.keys
  for (const auto& entry : inventory.keys) {
    const auto it = by_id.find(entry.key.id.value());
    const auto parts = it == by_id.end() ? std::vector<const p11::Object*>{} : it->second;
    known.insert(parts.begin(), parts.end());
    Match one;
    one.entry = &entry;
    one.refusal = judge(entry, parts, one);
    if (entry.key.purpose == Purpose::key_wrapping)
      wrappers.emplace(entry.key.id.value(), result.keys.size());
    result.keys.push_back(std::move(one));
  }
  for (auto& one : result.keys) {
    if (one.entry->key.protection != Protection::wrapped || !one.refusal.empty()) continue;
    const auto it = wrappers.find(one.entry->wrapped_by.value());
    if (it == wrappers.end())
      one.refusal = "its wrapping key is not in the inventory";
    else if (const auto& why = result.keys[it->second].refusal; !why.empty())
      one.refusal = "its wrapping key is not used: " + why;
  }
  for (const auto& object : objects)
    if (known.count(&object) == 0)
      result.unknown.push_back({base::printable(object.label),
                                std::string(to_string(object.part)) + " with id " +
                                    base::to_hex(object.id) + " is not in the inventory"});
  return result;
}

}  // namespace hsm
