#include "store/audit_search.h"

#include <algorithm>
#include <limits>

namespace store {
namespace {

constexpr Query kEnds{"audit.search_ends", R"sql(
  select coalesce((select seq from audit.entry order by seq limit 1), 0),
         coalesce((select seq from audit.entry order by seq desc limit 1), 0))sql"};
constexpr Query kAtOrAfter{"audit.search_place", R"sql(
  select seq, case when isfinite(at) then at else 'epoch' end
    from audit.entry where seq >= $1 order by seq limit 1)sql"};
constexpr Query kAll{"audit.search", R"sql(
  select seq, case when isfinite(at) then at else 'epoch' end, actor, act, object, outcome,
         facts::text
    from audit.entry
   where seq >= $1 and seq < $2 and ($4::timestamptz is null or at >= $4)
     and ($5::timestamptz is null or at < $5)
   order by seq desc limit $3)sql"};
constexpr Query kByActor{"audit.search_actor", R"sql(
  select seq, case when isfinite(at) then at else 'epoch' end, actor, act, object, outcome,
         facts::text
    from audit.entry
   where actor = $6 and seq >= $1 and seq < $2 and ($4::timestamptz is null or at >= $4)
     and ($5::timestamptz is null or at < $5)
   order by seq desc limit $3)sql"};
constexpr Query kConcerning{"audit.search_concerning", R"sql(
  select seq, case when isfinite(at) then at else 'epoch' end, actor, act, object, outcome,
         facts::text
    from audit.entry
   where seq in (
     (select seq from audit.entry
       where actor = $6 and seq >= $1 and seq < $2 and ($4::timestamptz is null or at >= $4)
         and ($5::timestamptz is null or at < $5)
       order by seq desc limit $3)
     union
     (select seq from audit.entry
       where object = $6 and seq >= $1 and seq < $2 and ($4::timestamptz is null or at >= $4)
         and ($5::timestamptz is null or at < $5)
       order by seq desc limit $3))
   order by seq desc limit $3)sql"};

/// Instances' clocks may differ by so much: rows this near to a moment may stand on either side.
constexpr std::chrono::minutes kSkew{10};

/// The first place from which all rows are of `moment` or later, but for the skew.
base::Result<std::int64_t> place_of(Pool& pool, base::Time moment, std::int64_t low,
                                    std::int64_t high) {
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    BASE_TRY(const auto row, pool.run(kAtOrAfter, {middle}));
    if (row.empty()) {
      high = middle;
    } else if (row.time(0, 1) >= moment) {
      high = middle;
    } else {
      low = row.integer(0, 0) + 1;
    }
  }
  return low;
}

}  // namespace

base::Result<AuditLines> search_audit(Pool& pool, const AuditQuestion& question) {
  AuditLines out;
  BASE_TRY(const auto ends, pool.run(kEnds));
  auto low = ends.integer(0, 0), high = ends.integer(0, 1) + 1;
  const auto first = low, last = high;
  if (question.from) {
    BASE_TRY(low, place_of(pool, *question.from - kSkew, first, last));
  }
  if (question.until) {
    BASE_TRY(high, place_of(pool, *question.until + kSkew, first, last));
  }
  if (question.before > 0) high = std::min(high, question.before);
  const auto most = std::clamp(question.most, 1, 500);
  const auto& who = question.actor.empty() ? question.concerning : question.actor;
  // One more than the page has tells whether there is another.
  std::vector<Param> values{low, high, most + 1, question.from, question.until};
  if (!who.empty()) values.emplace_back(who);
  const auto& query = who.empty() ? kAll : question.actor.empty() ? kConcerning : kByActor;
  BASE_TRY(const auto rows, pool.run(query, values));
  const auto shown = std::min(rows.size(), static_cast<std::size_t>(most));
  for (std::size_t i = 0; i < shown; ++i)
    out.lines.push_back({rows.integer(i, 0), rows.time(i, 1), std::string(rows.text(i, 2)),
                         std::string(rows.text(i, 3)), std::string(rows.text(i, 4)),
                         std::string(rows.text(i, 5)), std::string(rows.text(i, 6))});
  if (rows.size() > shown) out.next = out.lines.back().seq;
  return out;
}

}  // namespace store
