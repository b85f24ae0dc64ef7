// A real database for a test binary: cloned from the migrated template, dropped at the end.
//
//   auto& pool = test::Database::shared().pool();                      // as xinyin_service
//   test::Database::shared().sql(test::Role::superuser, "update …");   // a hand that may do all
//
// The cluster is the build directory's (tests/support/cluster; CTest starts it by itself). The
// template is made once per set of migrations, so a new migration file needs nothing but a rebuild.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/store.h"

namespace test {

enum class Role { owner, service, verifier, superuser };

class Database {
 public:
  enum class Content { migrated, empty };

  /// Throws std::runtime_error, naming the command that starts the cluster, when there is none.
  explicit Database(Content content = Content::migrated);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// The test binary's own; made at first use.
  static Database& shared();

  const std::string& name() const { return name_; }
  std::string conninfo(Role role = Role::service) const;
  /// A pool of four connections as `role`. Thread-safe.
  store::Pool& pool(Role role = Role::service);
  /// Runs plain SQL on a connection of its own and gives the last answer's rows as text ("" for
  /// null). Throws std::runtime_error with the server's message and SQLSTATE.
  std::vector<std::vector<std::string>> sql(Role role, const std::string& text) const;

 private:
  std::string name_;
  std::mutex mutex_;  ///< protects pools_
  std::map<Role, std::unique_ptr<store::Pool>> pools_;
};

}  // namespace test
