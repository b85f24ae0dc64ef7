#include "store/migrate.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "base/encoding.h"
#include "embedded_migrations.h"
#include "store/connection.h"

namespace store {
namespace {

using base::Code;
using base::Error;

struct Migration {
  std::int64_t number = 0;
  std::string name;  ///< "0001_foundation"
  std::string_view sql;
  base::Digest sha256{};
};

std::vector<Migration> in_order(std::span<const MigrationFile> files) {
  std::vector<Migration> out;
  for (const auto& file : files) {
    Migration next;
    const auto digits = file.name.find('_');
    const auto [end, failed] =
        std::from_chars(file.name.data(), file.name.data() + file.name.size(), next.number);
    base::check(failed == std::errc{} && digits == 4 && end == file.name.data() + digits &&
                    file.name.ends_with(".sql"),
                "a migration is not named NNNN_name.sql");
    next.name = file.name.substr(0, file.name.size() - 4);
    next.sql = file.sql;
    next.sha256 = base::sha256(base::as_bytes(file.sql));
    out.push_back(std::move(next));
  }
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.number < b.number; });
  const auto twin = std::adjacent_find(out.begin(), out.end(),
                                       [](auto& a, auto& b) { return a.number == b.number; });
  base::check(twin == out.end(), "two migrations have one number");
  return out;
}

/// What the binary carries.
const std::vector<Migration>& carried() {
  static const auto all = [] {
    std::vector<MigrationFile> files;
    for (const auto& file : embedded::migrations()) files.push_back({file.path, file.bytes});
    return in_order(files);
  }();
  return all;
}

constexpr Query kLock{"store.migrate.lock", "select pg_advisory_lock(7308895158486197614)"};
constexpr Query kDone{"store.migrate.done",
                      "select number, name, sha256 from store.migration order by number"};
constexpr Query kHasGround{"store.migrate.has_ground",
                           "select count(*) from pg_tables "
                           "where schemaname = 'store' and tablename = 'migration'"};
constexpr Query kRecord{"store.migrate.record",
                        "insert into store.migration (number, name, sha256) values ($1, $2, $3)"};

/// What the runner itself needs.
constexpr const char* kGround = R"sql(
begin;
create schema if not exists store;
create table if not exists store.migration (
  number integer primary key,
  name   text not null,
  sha256 bytea not null check (octet_length(sha256) = 32),
  ran_at timestamptz not null default now()
);
comment on table store.migration is 'What ran, with the digest of the file that ran';
commit)sql";

/// "line 12, column 3" of the character `position` (from 1) of `sql`.
std::string place(std::string_view sql, int position) {
  int line = 1, column = 1;
  for (std::size_t i = 0; i < sql.size() && position > 1; ++i) {
    if ((static_cast<unsigned char>(sql[i]) & 0xC0) == 0x80)
      continue;  // counted with its first byte
    --position;
    column = sql[i] == '\n' ? 1 : column + 1;
    line += sql[i] == '\n' ? 1 : 0;
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

Error failed(const Migration& migration, const Error& cause, int position) {
  if (cause.code == Code::unavailable) return cause;
  std::string detail = migration.name + ".sql";
  if (position > 0) detail += ": " + place(migration.sql, position);
  auto out = base::error(Code::internal, "store.migration_failed", detail + ": " + cause.detail);
  out.args = {{"name", migration.name}};
  return out;
}

/// The file, its record and their commit are one transaction.
base::Result<void> run_one(Connection& connection, const Migration& migration) {
  BASE_TRY_VOID(connection.script("begin"));
  int position = 0;
  const auto run = [&]() -> base::Result<void> {
    BASE_TRY_VOID(connection.script(std::string(migration.sql), &position));
    if (!connection.in_transaction())
      return base::error(Code::internal, "store.query", "the file ends its own transaction");
    const std::vector<Param> row{migration.number, migration.name,
                                 base::BytesView(migration.sha256)};
    BASE_TRY_VOID(connection.execute(kRecord, row));
    BASE_TRY_VOID(connection.script("commit"));
    return {};
  };
  auto done = run();
  if (done) return {};
  if (connection.usable() && connection.in_transaction()) (void)connection.script("rollback");
  return failed(migration, done.error(), position);
}

Error changed(const Migration& migration, const std::string& recorded) {
  auto out = base::error(Code::conflict, "store.migration_changed",
                         migration.name + ".sql is not the file that ran as " + recorded);
  out.args = {{"name", migration.name}};
  return out;
}

/// Of `all`, what has not run by `done`. Errors: conflict `store.migration_changed`.
base::Result<std::vector<const Migration*>> not_in(const Rows& done,
                                                   const std::vector<Migration>& all) {
  std::vector<const Migration*> missing;
  for (const auto& migration : all) {
    std::size_t row = 0;
    while (row < done.size() && done.integer(row, 0) != migration.number) ++row;
    if (row == done.size()) {
      missing.push_back(&migration);
      continue;
    }
    const auto recorded = done.bytes(row, 2);
    if (!std::equal(recorded.begin(), recorded.end(), migration.sha256.begin(),
                    migration.sha256.end()))
      return changed(migration, std::string(done.text(row, 1)));
  }
  return missing;
}

base::Result<Migrated> run_all(const std::string& conninfo, const std::vector<Migration>& all,
                               const std::function<void(std::string_view)>& say) {
  // No limit to a statement, but one to waiting for another runner to end.
  const Session session{std::chrono::milliseconds{0}, std::chrono::minutes{10}};
  BASE_TRY(auto connection,
           Connection::open(conninfo, session,
                            std::chrono::steady_clock::now() + std::chrono::seconds{10}));
  // The lock goes with the session, however this function ends.
  BASE_TRY_VOID(connection->execute(kLock, {}));
  // A table that the running service is busy with must not be waited for long: all who come after
  // us would queue behind us.
  BASE_TRY_VOID(connection->script("set lock_timeout = '10s'"));
  BASE_TRY_VOID(connection->script(kGround));
  BASE_TRY(auto answer, connection->execute(kDone, {}));
  const auto done = rows_of(std::move(answer));

  BASE_TRY(const auto missing, not_in(done, all));
  Migrated out;
  for (const auto* migration : missing) {
    if (say) say(migration->name);
    BASE_TRY_VOID(run_one(*connection, *migration));
    out.ran.push_back(migration->name);
  }
  out.newest = all.back().name;
  return out;
}

}  // namespace

base::Result<Migrated> migrate(const std::string& conninfo,
                               const std::function<void(std::string_view)>& say) {
  return run_all(conninfo, carried(), say);
}

base::Result<std::vector<std::string>> missing_migrations(const std::string& conninfo) {
  BASE_TRY(auto connection,
           Connection::open(conninfo, {std::chrono::seconds{10}, std::chrono::seconds{10}},
                            std::chrono::steady_clock::now() + std::chrono::seconds{10}));
  BASE_TRY(auto ground, connection->execute(kHasGround, {}));
  std::vector<std::string> out;
  if (rows_of(std::move(ground)).integer(0, 0) == 0) {
    for (const auto& migration : carried()) out.push_back(migration.name);
    return out;
  }
  BASE_TRY(auto answer, connection->execute(kDone, {}));
  const auto done = rows_of(std::move(answer));
  BASE_TRY(const auto missing, not_in(done, carried()));
  for (const auto* migration : missing) out.push_back(migration->name);
  return out;
}

base::Result<Migrated> migrate_files(const std::string& conninfo,
                                     std::span<const MigrationFile> files,
                                     const std::function<void(std::string_view)>& say) {
  return run_all(conninfo, in_order(files), say);
}

std::string newest_migration() {
  return carried().back().name;
}

std::string migrations_digest() {
  base::Sha256 all;
  for (const auto& migration : carried())
    all.update(base::as_bytes(migration.name)).update(migration.sha256);
  return base::to_hex(all.finish());
}

}  // namespace store
