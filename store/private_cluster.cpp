#include "store/private_cluster.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "embedded_roles.h"
#include "store/migrate.h"

namespace store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuperuser = "postgres";
constexpr const char* kDatabase = "xinyin";
constexpr auto kPatience = std::chrono::minutes(5);  // a limit, never the expected time
constexpr auto kLook = std::chrono::milliseconds(20);
constexpr const char* kSettings =
    "listen_addresses = ''\nunix_socket_permissions = 0700\nfsync = off\nfull_page_writes = off\n"
    "wal_level = minimal\nmax_wal_senders = 0\nmax_connections = 20\nshared_buffers = 16MB\n"
    "autovacuum = off\njit = off\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n";

base::Error missing(const std::string& what) {
  auto failure = base::error(base::Code::unavailable, "store.no_postgres", what);
  failure.args = {{"what", what}};
  return failure;
}

/// The newest server's programs.
fs::path programs() {
  fs::path found;
  int newest = 0;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", failed)) {
    const auto version = std::atoi(entry.path().filename().c_str());
    if (version <= newest || !fs::exists(entry.path() / "bin" / "initdb", failed)) continue;
    newest = version;
    found = entry.path() / "bin";
  }
  return found;
}

void write(const fs::path& file, std::string_view text, bool append = false) {
  std::ofstream(file, append ? std::ios::app : std::ios::trunc) << text;
}

/// What the cluster's programs have in common.
class Programs {
 public:
  static base::Result<Programs> find(const fs::path& home) {
    Programs out;
    out.home_ = home;
    out.bin_ = programs();
    if (out.bin_.empty()) return missing("initdb");
    if (::geteuid() != 0) return out;
    const passwd* account = ::getpwnam(kSuperuser);
    if (account == nullptr) return missing("account postgres");
    out.uid_ = account->pw_uid;
    out.gid_ = account->pw_gid;
    if (::chown(home.c_str(), out.uid_, out.gid_) != 0) return missing(home.string());
    return out;
  }
  base::ChildPlan plan(const char* program, std::vector<std::string> arguments) const {
    base::ChildPlan out;
    out.program = bin_ / program;
    out.arguments = std::move(arguments);
    out.directory = "/";
    out.output = log();
    out.uid = uid_;
    out.gid = gid_;
    // What the caller's own connections are told by must not lead these elsewhere.
    out.unset = {"PGHOST", "PGHOSTADDR", "PGPORT",    "PGDATABASE",    "PGUSER",
                 "PGDATA", "PGOPTIONS",  "PGSERVICE", "PGSERVICEFILE", "PGPASSFILE"};
    return out;
  }
  base::Result<void> psql(const std::string& database, const std::string& text) const {
    const auto file = home_ / "input.sql";
    write(file, text);
    auto plan_ = plan("psql", {"-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", home_.string(), "-U",
                               kSuperuser, "-d", database});
    plan_.input = file;
    return base::run_to_end(plan_);
  }
  bool ready() const {
    return base::run_to_end(plan("pg_isready", {"-q", "-h", home_.string(), "-U", kSuperuser}))
        .ok();
  }
  fs::path log() const { return home_ / "log"; }

 private:
  fs::path home_, bin_;
  uid_t uid_ = static_cast<uid_t>(-1);
  gid_t gid_ = static_cast<gid_t>(-1);
};

}  // namespace

base::Result<std::unique_ptr<PrivateCluster>> PrivateCluster::start(const fs::path& directory) {
  BASE_TRY(const auto with, Programs::find(directory));
  const auto data = directory / "data";
  BASE_TRY_VOID(base::run_to_end(
      with.plan("initdb", {"-D", data.string(), "-U", kSuperuser, "-A", "trust", "-E", "UTF8",
                           "--locale=C.UTF-8", "--no-sync", "--no-instructions"})));
  write(data / "postgresql.conf",
        std::string(kSettings) + "unix_socket_directories = '" + directory.string() + "'\n", true);
  auto plan = with.plan("postgres", {"-D", data.string()});
  plan.farewell = SIGINT;  // PostgreSQL's own: ends its sessions, then itself
  BASE_TRY(auto server, base::Child::start(plan));
  for (const auto until = std::chrono::steady_clock::now() + kPatience; !with.ready();) {
    if (!server.running() || std::chrono::steady_clock::now() > until)
      return missing("server, see " + with.log().string());
    std::this_thread::sleep_for(kLook);
  }
  const auto roles = embedded::roles();
  BASE_TRY_VOID(with.psql("postgres", std::string(roles.front().bytes) +
                                          "create database xinyin owner xinyin_owner encoding "
                                          "'UTF8' template template0;\n"));
  std::unique_ptr<PrivateCluster> out(new PrivateCluster(directory, std::move(server)));
  BASE_TRY_VOID(migrate(out->conninfo("xinyin_owner")));
  return out;
}

std::string PrivateCluster::conninfo(const std::string& role) const {
  return "host=" + directory_.string() + " dbname=" + kDatabase + " user=" + role;
}

}  // namespace store
