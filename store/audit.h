// The audit trail: who did what to what, in the same transaction as the deed.
//
// Rows are hash-chained (each carries the SHA-256 of its content and of the row before it),
// append-only: no role but the owner can change or delete one. Facts hold no secrets, codes, tokens
// or plain personal numbers. LD/T 01-2020 6.2.5e, 6.3.2.
#pragma once

#include <string>

#include "base/digest.h"
#include "store/store.h"

namespace store {

struct AuditEntry {
  base::Time at;
  std::string actor;    ///< subject id, "officer:…", or "system:xinyind"
  std::string act;      ///< dotted verb, e.g. "document.issue", "login.password"
  std::string object;   ///< what it was done to: an id, never a code or a personal number
  std::string outcome;  ///< "ok" or an error key
  std::string facts_json = "{}";
};

/// The texts of one entry together, in octets: what reads a trail need not expect more.
inline constexpr std::size_t kMostAuditBytes = 64 << 10;

/// Appends to the chain within `tx`: put (store.h), so that a failure of it is one of what follows,
/// at the latest of the commit, and of the deed. Errors: as Tx::run; internal `store.audit_headless`,
/// `store.audit_too_large`.
base::Result<void> audit(Tx& tx, const AuditEntry& entry);

}  // namespace store
