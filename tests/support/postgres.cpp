#include "tests/support/postgres.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "base/json.h"
#include "store/migrate.h"

namespace test {
namespace {

std::string start_command() {
  return XINYIN_CLUSTER " start " XINYIN_BUILD_DIR;
}

/// "host=… user=…" of the running cluster.
std::string cluster_host() {
  std::ifstream file(XINYIN_BUILD_DIR "/postgres.json");
  std::stringstream text;
  text << file.rdbuf();
  const auto document = base::parse_json(text.str());
  if (!document.ok())
    throw std::runtime_error("no PostgreSQL cluster for this build; start it with: " +
                             start_command());
  return std::string(base::json_text(*document, "host"));
}

const char* user_of(Role role) {
  switch (role) {
    case Role::owner:
      return "xinyin_owner";
    case Role::service:
      return "xinyin_service";
    case Role::verifier:
      return "xinyin_verifier";
    case Role::superuser:
      return "postgres";
  }
  throw std::logic_error("unknown role");
}

std::string conninfo_of(Role role, const std::string& database) {
  return "host=" + cluster_host() + " port=5432 user=" + user_of(role) + " dbname=" + database;
}

using Rows = std::vector<std::vector<std::string>>;

/// A bare libpq connection: what the tests use must not be what they test.
class Session {
 public:
  Session(Role role, const std::string& database)
      : connection_(PQconnectdb(conninfo_of(role, database).c_str()), PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK)
      throw std::runtime_error(std::string("cannot reach the test cluster: ") +
                               PQerrorMessage(connection_.get()) +
                               "start it with: " + start_command());
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
  }
  Rows run(const std::string& text) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection_.get(), text.c_str()), PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      throw std::runtime_error(std::string(state == nullptr ? "" : state) + " " +
                               PQerrorMessage(connection_.get()));
    }
    Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
    for (std::size_t row = 0; row < rows.size(); ++row)
      for (int column = 0; column < PQnfields(result.get()); ++column)
        rows[row].emplace_back(PQgetvalue(result.get(), static_cast<int>(row), column));
    return rows;
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// The migrated template of this binary's migrations, made by whoever comes first.
std::string template_name(Session& admin) {
  const auto name = "template_" + store::migrations_digest().substr(0, 16);
  // Held until `admin` closes: others wait here, and then find the template.
  admin.run("select pg_advisory_lock(hashtext('" + name + "'))");
  const auto found =
      admin.run("select datistemplate from pg_database where datname = '" + name + "'");
  if (!found.empty() && found[0][0] == "t") return name;
  admin.run("drop database if exists " + name);  // left behind half-made
  admin.run("create database " + name + " owner xinyin_owner template template0");
  if (const auto migrated = store::migrate(conninfo_of(Role::owner, name)); !migrated.ok())
    throw std::runtime_error("the migrations do not run: " + migrated.error().key + ": " +
                             migrated.error().detail);
  admin.run("alter database " + name + " is_template true");
  return name;
}

std::string fresh_name() {
  static std::atomic<int> count{0};
  return "test_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
}

}  // namespace

Database::Database(Content content) : name_(fresh_name()) {
  Session admin(Role::superuser, "postgres");
  const auto from = content == Content::empty ? std::string("template0") : template_name(admin);
  admin.run("drop database if exists " + name_ + " with (force)");
  admin.run("create database " + name_ + " owner xinyin_owner template " + from);
  if (content == Content::empty) return;
  // A clone does not get the grants on the database itself: copy them.
  for (const auto& row :
       admin.run("select coalesce(g.rolname, 'public'), a.privilege_type from pg_database d, "
                 "aclexplode(d.datacl) a left join pg_roles g on g.oid = a.grantee "
                 "where d.datname = '" +
                 from + "'"))
    admin.run("grant " + row[1] + " on database " + name_ + " to " + row[0]);
  if (!admin
           .run("select from pg_database d where datname = '" + from +
                "' and datacl is not null and "
                "not exists (select from aclexplode(d.datacl) where grantee = 0)")
           .empty())
    admin.run("revoke all on database " + name_ + " from public");
}

Database::~Database() {
  pools_.clear();
  try {
    Session(Role::superuser, "postgres").run("drop database if exists " + name_ + " with (force)");
  } catch (const std::exception& failure) {
    std::cerr << "test database " << name_ << " stays behind: " << failure.what() << '\n';
  }
}

Database& Database::shared() {
  static Database database;
  return database;
}

std::string Database::conninfo(Role role) const {
  return conninfo_of(role, name_);
}

store::Pool& Database::pool(Role role) {
  const std::lock_guard lock(mutex_);
  auto& pool = pools_[role];
  if (!pool) pool = std::make_unique<store::Pool>(store::Config{conninfo(role)});
  return *pool;
}

Rows Database::sql(Role role, const std::string& text) const {
  return Session(role, name_).run(text);
}

}  // namespace test
