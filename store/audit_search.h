// Looking into the trail by who, whom and when, a page at a time. LD/T 01-2020 6.2.5e.
//
// The cost of a page does not grow with the trail: pages go on from a key, and a time is turned
// into a place of the chain by halving, since rows stand in the order in which they were made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace store {

struct AuditQuestion {
  std::string actor = {};       ///< what he did; empty: whoever
  std::string concerning = {};  ///< what this id did or what was done to it; not beside `actor`
  std::optional<base::Time> from = std::nullopt, until = std::nullopt;  ///< until is not in it
  std::int64_t before = 0;  ///< rows of smaller number; 0: from the newest
  int most = 50;
};

struct AuditLine {
  std::int64_t seq = 0;
  base::Time at;
  std::string actor, act, object, outcome, facts_json;
};

struct AuditLines {
  std::vector<AuditLine> lines;  ///< newest first
  std::int64_t next = 0;         ///< `before` of the next page; 0: there is none
};

/// Errors: as Pool::run.
base::Result<AuditLines> search_audit(Pool& pool, const AuditQuestion& question);

}  // namespace store
