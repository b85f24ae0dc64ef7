#include "store/audit.h"

#include <algorithm>

#include "base/digest.h"

namespace store {
namespace {

// The head's row lock makes the chain: whoever holds it knows the row before its own.
constexpr Query kHead{"audit.head", "select seq, hash from audit.head where id = 1 for update"};
constexpr Query kAppend{"audit.append", R"sql(
  with entry as (
    insert into audit.entry (seq, at, actor, act, object, outcome, facts, previous, hash)
    values ($1, $2, $3, $4, $5, $6, $7::json, $8, $9)
    returning seq, hash)
  update audit.head set seq = entry.seq, hash = entry.hash from entry where id = 1)sql"};
constexpr Query kReadHead{"audit.read_head", "select seq, hash from audit.head where id = 1"};
constexpr Query kReadPage{"audit.read_page", R"sql(
  select seq, at, actor, act, object, outcome, facts, previous, hash
    from audit.entry where seq > $1 order by seq limit $2)sql"};

constexpr std::int64_t kPageRows = 2000;

void put_number(base::Sha256& out, std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes{};
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[static_cast<std::size_t>(i)] = value & 0xff;
  out.update(bytes);
}

/// Length first, so that no two entries are hashed over the same bytes.
void put_text(base::Sha256& out, std::string_view text) {
  put_number(out, text.size());
  out.update(base::as_bytes(text));
}

base::Digest hash_of(std::int64_t seq, base::BytesView previous, base::Time at,
                     std::initializer_list<std::string_view> texts) {
  base::Sha256 hash;
  put_text(hash, "xinyin audit 1");
  put_number(hash, static_cast<std::uint64_t>(seq));
  hash.update(previous);
  put_number(hash, static_cast<std::uint64_t>(at.time_since_epoch().count()));
  for (const auto text : texts) put_text(hash, text);
  return hash.finish();
}

bool same(base::BytesView a, base::BytesView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

base::Result<void> audit(Tx& tx, const AuditEntry& entry) {
  BASE_TRY(const auto head, tx.run(kHead));
  if (head.empty())
    return base::error(base::Code::internal, "store.audit_headless", "audit.head has no row");
  const auto seq = head.integer(0, 0) + 1;
  const auto previous = head.bytes(0, 1);
  const auto hash =
      hash_of(seq, previous, entry.at,
              {entry.actor, entry.act, entry.object, entry.outcome, entry.facts_json});
  BASE_TRY_VOID(tx.run(kAppend, {seq, entry.at, entry.actor, entry.act, entry.object, entry.outcome,
                                 entry.facts_json, previous, base::BytesView(hash)}));
  return {};
}

base::Result<AuditReport> verify_audit(Pool& pool) {
  BASE_TRY(auto tx, pool.begin(Mode::read_only));
  BASE_TRY(const auto head, tx.run(kReadHead));
  AuditReport report;
  if (head.empty()) {
    report.broken_at = 1;
    return report;
  }
  // Rows that are appended while we walk stand behind this head and are not looked at.
  const auto last = head.integer(0, 0);
  base::Bytes previous(32, 0);
  while (report.rows < last) {
    BASE_TRY(const auto page, tx.run(kReadPage, {report.rows, kPageRows}));
    for (std::size_t i = 0; i < page.size() && report.rows < last; ++i) {
      const auto seq = report.rows + 1;
      const auto hash = hash_of(
          seq, previous, page.time(i, 1),
          {page.text(i, 2), page.text(i, 3), page.text(i, 4), page.text(i, 5), page.text(i, 6)});
      if (page.integer(i, 0) != seq || !same(page.bytes(i, 7), previous) ||
          !same(page.bytes(i, 8), hash)) {
        report.broken_at = seq;
        return report;
      }
      previous = base::to_bytes(hash);
      report.rows = seq;
    }
    if (page.empty()) break;
  }
  // Rows cut off the end, or a head that was set back.
  if (report.rows != last || !same(head.bytes(0, 1), previous)) report.broken_at = report.rows + 1;
  return report;
}

}  // namespace store
