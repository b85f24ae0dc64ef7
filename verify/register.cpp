// The register's SQL. Table and rights: store/migrations/0003_verify.sql.
#include "verify/register.h"

#include "base/json.h"

namespace verify {
namespace {

#define ENTRY_COLUMNS                                                                        \
  "id, code, kind, issuer, issuer_code, issued_at, valid_until, file_sha256, file_bytes, "   \
  "facts, standing, standing_reason, standing_since, successor, change, change_tx::text as " \
  "written_by"
constexpr int kChangeColumn = 14;
constexpr int kChangeTxColumn = 15;

constexpr store::Query kRecord{"verify.record", R"sql(
  insert into verify.document (id, code, kind, issuer, issuer_code, issued_at, valid_until,
    file_sha256, file_bytes, facts, standing, standing_reason, standing_since, successor)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14))sql"};

// The last condition is what keeps a final standing final when two officers act at once: the second
// waits for the first one's row, sees it changed, and touches nothing.
constexpr store::Query kChange{"verify.change", R"sql(
  update verify.document
     set standing = $2, standing_reason = $3, standing_since = $4, successor = $5
   where id = $1 and standing not in ('revoked', 'superseded'))sql"};

constexpr store::Query kStanding{"verify.standing", R"sql(
  select standing from verify.document where id = $1)sql"};

constexpr store::Query kFind{"verify.find",
                             "select " ENTRY_COLUMNS " from verify.document where code = $1"};
constexpr store::Query kFindByFile{
    "verify.find_by_file", "select " ENTRY_COLUMNS " from verify.document where file_sha256 = $1"};
constexpr store::Query kFindById{"verify.find_by_id",
                                 "select " ENTRY_COLUMNS " from verify.document where id = $1"};

// On a standby a snapshot does not name the transactions in progress, so that only what lies below
// its xmin is sure to be settled there.
constexpr store::Query kMoment{"verify.moment", R"sql(
  select case when pg_is_in_recovery()
              then pg_snapshot_xmin(now_seen)::text || ':' || pg_snapshot_xmin(now_seen)::text || ':'
              else now_seen::text end,
         (select system_identifier::text from pg_control_system()) || '/' ||
         (select oid::text from pg_database where datname = current_database()) || '/' ||
         case when pg_is_in_recovery()
              then 'standby ' || (select timeline_id::text from pg_control_checkpoint())
              else left(pg_walfile_name(pg_current_wal_lsn()), 8) end
    from pg_current_snapshot() as now_seen)sql"};

// $1 since, $2 until, ($3, $4) position, $5 the first pass ever. Rows brought in from another
// cluster (a dump restored) bear transaction numbers of that one, which may lie in the future here:
// the first pass takes them all, later ones only what this cluster's transactions wrote. The order
// is that of numbers: a column of the answer named change_tx would be a text, and be taken instead.
constexpr store::Query kChanges{"verify.changes", "select " ENTRY_COLUMNS R"sql(
    from verify.document
   where change_tx >= pg_snapshot_xmin($1::text::pg_snapshot)
     and (change_tx, change) > ($3::text::xid8, $4)
     and not pg_visible_in_snapshot(change_tx, $1::text::pg_snapshot)
     and ($5 or pg_visible_in_snapshot(change_tx, $2::text::pg_snapshot))
   order by change_tx, change
   limit $6)sql"};

/// A snapshot that sees no transaction at all.
constexpr std::string_view kNothingSeen = "1:1:";

std::string to_json(const std::vector<MaskedFact>& facts) {
  base::JsonWriter writer;
  writer.StartArray();
  for (const MaskedFact& fact : facts) {
    writer.StartArray();
    writer.string(fact.label);
    writer.string(fact.value);
    writer.EndArray();
  }
  writer.EndArray();
  return writer.text();
}

base::Result<std::vector<MaskedFact>> facts_from(std::string_view json) {
  const auto damaged = [] {
    return base::error(base::Code::internal, "verify.register.damaged", "facts of a document");
  };
  auto parsed = base::parse_json(json);
  if (!parsed || !parsed->IsArray()) return damaged();
  std::vector<MaskedFact> facts;
  for (const auto& pair : parsed->GetArray()) {
    if (!pair.IsArray() || pair.Size() != 2 || !pair[0].IsString() || !pair[1].IsString())
      return damaged();
    facts.push_back({{pair[0].GetString(), pair[0].GetStringLength()},
                     {pair[1].GetString(), pair[1].GetStringLength()}});
  }
  return facts;
}

base::Result<Entry> entry_from(const store::Rows& rows, std::size_t row) {
  Entry entry;
  int column = 0;
  const auto text = [&](int at) { return std::string(rows.text(row, at)); };
  const auto bytes_into = [&](auto& out, int at) {
    const base::BytesView bytes = rows.bytes(row, at);
    base::check(bytes.size() == out.size(), "a digest column has its size");
    std::copy(bytes.begin(), bytes.end(), out.begin());
  };
  const auto maybe_time = [&](int at) -> std::optional<base::Time> {
    if (rows.is_null(row, at)) return {};
    return rows.time(row, at);
  };
  entry.id = DocumentId(text(column++));
  bytes_into(entry.code, column++);
  entry.kind = text(column++);
  entry.issuer = text(column++);
  entry.issuer_code = text(column++);
  entry.issued_at = rows.time(row, column++);
  entry.valid_until = maybe_time(column++);
  bytes_into(entry.file_sha256, column++);
  entry.file_bytes = rows.integer(row, column++);
  BASE_TRY(entry.facts, facts_from(rows.text(row, column++)));
  const auto standing = standing_from(rows.text(row, column++));
  if (!standing)  // written by a newer binary: not to be taken for any that we know
    return base::error(base::Code::internal, "verify.register.damaged", "unknown standing");
  entry.standing = *standing;
  if (!rows.is_null(row, column)) entry.standing_reason = text(column);
  entry.standing_since = maybe_time(++column);
  if (!rows.is_null(row, ++column)) entry.successor = DocumentId(text(column));
  entry.change = rows.integer(row, kChangeColumn);
  return entry;
}

base::Result<std::optional<Entry>> first_of(base::Result<store::Rows> rows) {
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<Entry>();
  BASE_TRY(Entry entry, entry_from(*rows, 0));
  return std::optional<Entry>(std::move(entry));
}

std::optional<std::string> text_or_null(std::string_view text) {
  if (text.empty()) return {};
  return std::string(text);
}

}  // namespace

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::in_force:
      return "in_force";
    case Standing::superseded:
      return "superseded";
    case Standing::revoked:
      return "revoked";
    case Standing::suspended:
      return "suspended";
  }
  base::fail("a standing without a name");
}

std::optional<Standing> standing_from(std::string_view text) {
  for (const Standing standing :
       {Standing::in_force, Standing::superseded, Standing::revoked, Standing::suspended})
    if (text == to_string(standing)) return standing;
  return {};
}

Register::Register(store::Pool& pool) : pool_(pool) {}

base::Result<void> Register::record(store::Tx& tx, const Entry& entry) {
  std::optional<std::string> successor;
  if (entry.successor) successor = entry.successor->value();
  auto done =
      tx.run(kRecord, {entry.id.value(), base::BytesView(entry.code), entry.kind, entry.issuer,
                       entry.issuer_code, entry.issued_at, entry.valid_until,
                       base::BytesView(entry.file_sha256), entry.file_bytes,
                       store::Json{to_json(entry.facts)}, to_string(entry.standing),
                       text_or_null(entry.standing_reason), entry.standing_since, successor});
  if (done) return {};
  for (const char* key : {"document_pkey", "document_code_key", "document_file_key"})
    if (store::is_violation(done.error(), key))
      return base::error(base::Code::conflict, "verify.register.duplicate", key);
  return std::move(done).error();
}

base::Result<void> Register::change(store::Tx& tx, const DocumentId& id, Standing standing,
                                    std::string_view reason, base::Time at,
                                    const std::optional<DocumentId>& successor) {
  if (reason.empty() != (standing == Standing::in_force))
    return base::error(base::Code::invalid_argument, "verify.register.reason");
  if (successor.has_value() != (standing == Standing::superseded) || successor == id)
    return base::error(base::Code::invalid_argument, "verify.register.successor");
  std::optional<std::string> successor_id;
  if (successor) {
    // Asked beforehand: a foreign-key violation would spoil the caller's transaction.
    BASE_TRY(const store::Rows known, tx.run(kStanding, {successor->value()}));
    if (known.empty())
      return base::error(base::Code::invalid_argument, "verify.register.successor",
                         "the successor is not in the register");
    successor_id = successor->value();
  }
  BASE_TRY(const store::Rows done, tx.run(kChange, {id.value(), to_string(standing),
                                                    text_or_null(reason), at, successor_id}));
  if (done.affected() == 1) return {};
  BASE_TRY(const store::Rows now, tx.run(kStanding, {id.value()}));
  if (now.empty()) return base::error(base::Code::not_found, "verify.register.unknown");
  return base::error(base::Code::conflict, "verify.register.standing", std::string(now.text(0, 0)));
}

base::Result<std::optional<Entry>> Register::find(const CodeDigest& code) {
  return first_of(pool_.run(kFind, {base::BytesView(code)}));
}

base::Result<std::optional<Entry>> Register::find_by_file(const base::Digest& file_sha256) {
  return first_of(pool_.run(kFindByFile, {base::BytesView(file_sha256)}));
}

base::Result<std::optional<Entry>> Register::find_by_id(const DocumentId& id) {
  return first_of(pool_.run(kFindById, {id.value()}));
}

base::Result<Changes> Register::changes(Cursor& cursor, int most) {
  base::check(most > 0, "a page of changes has at least one entry");
  Changes changes;
  Cursor next = cursor;
  if (next.until.empty()) {
    BASE_TRY(const store::Rows moment, pool_.run(kMoment));
    const std::string_view history = moment.text(0, 1);
    if (history != next.history) {  // a new follower, or another database than before
      next = Cursor{};
      next.history = history;
      next.since = kNothingSeen;
      changes.restarted = true;
    }
    if (moment.text(0, 0) == next.since) {
      changes.finished = true;
      return changes;
    }
    next.until = moment.text(0, 0);
  }
  BASE_TRY(const store::Rows rows,
           pool_.run(kChanges, {next.since, next.until, next.position, next.change,
                                next.since == kNothingSeen, most}));
  changes.entries.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    BASE_TRY(Entry entry, entry_from(rows, row));
    changes.entries.push_back(std::move(entry));
  }
  if (rows.size() == static_cast<std::size_t>(most)) {
    next.position = rows.text(rows.size() - 1, kChangeTxColumn);
    next.change = rows.integer(rows.size() - 1, kChangeColumn);
  } else {
    next.since = std::exchange(next.until, {});
    next.position = Cursor{}.position;
    next.change = 0;
    changes.finished = true;
  }
  cursor = std::move(next);
  return changes;
}

}  // namespace verify
