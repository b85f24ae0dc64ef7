// The inventory: which keys the token holds and what each is for, written when a key is made and
// adopted, compared at every opening. A token does not authenticate its own objects (security.md
// §0.2), so what is not written here is not used, and what differs from here is refused by name.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hsm/key.h"
#include "hsm/token_files.h"

namespace hsm {

struct InventoryEntry {
  KeyInfo key;
  /// As read back when the key was adopted; a wrapped key has none, it is not on the token.
  std::map<std::string, bool, std::less<>> attributes;
  base::Bytes wrapped = {};  ///< of a wrapped key: hsm/wrapped_key.h
  KeyId wrapped_by = {};     ///< id of the token key that wraps it
};

struct Inventory {
  std::string token_label;
  std::string token_serial;
  std::vector<InventoryEntry> keys;
  FileDigests files = {};  ///< of a software token; empty: not compared

  const InventoryEntry* find(std::string_view label) const;

  /// Errors: unavailable `hsm.inventory` (missing, unreadable, malformed, a label or id twice).
  static base::Result<Inventory> from_file(const std::filesystem::path& path);
  static base::Result<Inventory> from_text(std::string_view json);
  std::string text() const;
  /// Written beside and renamed over, synced: a crash leaves the old one or the new one.
  /// Errors: unavailable `hsm.inventory`.
  base::Result<void> save(const std::filesystem::path& path) const;
};

}  // namespace hsm
