// The audit trail: who did what to what, in the same transaction as the deed.
//
// Rows are hash-chained (each carries the SHA-256 of its content and of the row before it),
// append-only: no role but the owner can change or delete one. Facts hold no secrets, codes, tokens
// or plain personal numbers. LD/T 01-2020 6.2.5e, 6.3.2.
#pragma once

#include <string>

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

/// Appends to the chain within `tx`.
base::Result<void> audit(Tx& tx, const AuditEntry& entry);

struct AuditReport {
  std::int64_t rows = 0;
  std::optional<std::int64_t> broken_at;  ///< sequence number of the first row that does not fit
};

/// Walks the whole chain.
base::Result<AuditReport> verify_audit(Pool& pool);

}  // namespace store
