// Reading the trail from the database, a page at a time; each page is a transaction of its own, so
// that a walk of an hour holds nothing up.
#include <algorithm>

#include "store/audit_chain.h"

namespace store {
namespace {

constexpr std::int64_t kPageRows = 1000;

// Whoever may do all may also have put nulls and infinities there: they are read as something else,
// and do not fit the hash.
constexpr Query kEnds{"audit.ends", R"sql(
  select h.seq, h.hash, (select coalesce(max(seq), 0) from audit.entry),
         (select coalesce(max(seq), 0) from audit.signed_head)
    from audit.head h where h.id = 1)sql"};
constexpr Query kPage{"audit.page", R"sql(
  select e.seq, case when isfinite(e.at) then e.at else 'epoch' end, coalesce(e.actor, ''),
         coalesce(e.act, ''), coalesce(e.object, ''), coalesce(e.outcome, ''),
         coalesce(e.facts::text, ''), coalesce(e.previous, ''), coalesce(e.hash, ''),
         s.key_id, s.public_key, s.jws
    from audit.entry e left join audit.signed_head s using (seq)
   where e.seq > $1 and e.seq <= $2 order by e.seq limit $3)sql"};

constexpr Query kBeyond{"audit.beyond", R"sql(
  select coalesce(jws, '') from audit.signed_head where seq > $1 and seq <= $2
   order by seq limit $3)sql"};

base::Digest digest_of(base::BytesView bytes) {
  base::Digest out{};
  if (bytes.size() == out.size()) std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

AuditRow row_of(const Rows& rows, std::size_t i) {
  return {rows.integer(i, 0),           rows.time(i, 1),
          std::string(rows.text(i, 2)), std::string(rows.text(i, 3)),
          std::string(rows.text(i, 4)), std::string(rows.text(i, 5)),
          std::string(rows.text(i, 6)), digest_of(rows.bytes(i, 7)),
          digest_of(rows.bytes(i, 8))};
}

void put_head(AuditPages::Item& out, const Rows& rows, std::size_t i) {
  if (rows.is_null(i, 11)) return;
  out.head_jws = rows.text(i, 11);
  out.head = parse_head(out.head_jws);
  const bool fits = out.head && out.head->seq == out.row.seq && !rows.is_null(i, 9) &&
                    !rows.is_null(i, 10) && out.head->key_id == rows.text(i, 9) &&
                    audit_key_id(rows.bytes(i, 10)) == out.head->key_id;
  if (fits) return;
  out.bad_head = true;
  out.head.reset();
}

}  // namespace

base::Result<AuditPages> AuditPages::open(Pool& pool, std::int64_t first) {
  AuditPages out(pool, first);
  BASE_TRY(const auto ends, pool.run(kEnds));
  if (ends.empty() || ends.bytes(0, 1).size() != out.hash_.size())
    return base::error(base::Code::internal, "store.audit_headless", "audit.head has no row");
  out.last_ = ends.integer(0, 0);
  out.hash_ = digest_of(ends.bytes(0, 1));
  out.newest_row_ = ends.integer(0, 2);
  out.newest_head_ = ends.integer(0, 3);
  return out;
}

base::Result<std::vector<AuditPages::Item>> AuditPages::next() {
  std::vector<Item> out;
  if (done_ >= last_) return out;
  BASE_TRY(const auto rows, pool_->run(kPage, {done_, last_, kPageRows}));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Item item{row_of(rows, i), {}, false, {}};
    // A head that was signed after open() has its audit row behind what is walked here.
    if (item.row.seq <= newest_head_) put_head(item, rows, i);
    out.push_back(std::move(item));
  }
  if (out.empty())
    done_ = last_;
  else
    done_ = out.back().row.seq;
  return out;
}

base::Result<std::vector<std::string>> AuditPages::heads_beyond() {
  std::vector<std::string> out;
  BASE_TRY(const auto rows, pool_->run(kBeyond, {last_, newest_head_, kPageRows}));
  for (std::size_t i = 0; i < rows.size(); ++i) out.emplace_back(rows.text(i, 0));
  return out;
}

}  // namespace store
