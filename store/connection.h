// One connection to PostgreSQL and the pool of them: what stands behind the door of store.h.
//
// Included by store/*.cpp alone. A wait is bounded on both sides: the server ends a statement at
// its deadline itself (statement_timeout), and we give a connection up that says nothing
// kAnswerGrace after that. PQcancel is not used: it opens a second connection with no deadline of
// its own, and a cancel that meets a commit makes the server call it done before its standby has
// it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "store/store.h"

struct pg_conn;
struct pg_result;

namespace store {

using SteadyTime = std::chrono::steady_clock::time_point;

inline constexpr std::chrono::milliseconds kAnswerGrace{1000};

struct FreeResult {
  void operator()(pg_result* result) const;
};
using ResultPtr = std::unique_ptr<pg_result, FreeResult>;

/// An answer as the door gives it out (store.cpp).
Rows rows_of(ResultPtr result);

/// How a connection's session is set up.
struct Session {
  std::chrono::milliseconds statement_deadline{5000};  ///< zero: none
  std::chrono::milliseconds lock_deadline{0};          ///< zero: none but the statement's
};

class BoundParams;  // connection.cpp

/// Not thread-safe.
class Connection {
 public:
  /// Errors: unavailable `store.unavailable`.
  static base::Result<std::unique_ptr<Connection>> open(const std::string& conninfo,
                                                        const Session& session,
                                                        SteadyTime deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs `query`, prepared on first use. Errors: as Tx::run.
  base::Result<ResultPtr> execute(const Query& query, std::span<const Param> params);
  struct Step {
    const Query* query;
    std::span<const Param> params;
    bool prepared = true;  ///< false: sent as text; for what costs nothing to read
  };
  /// Runs all of them with one way there and back, and gives an answer for each; after the first
  /// that fails none is executed, and its error is the whole answer. At least one step.
  base::Result<std::vector<ResultPtr>> execute_all(std::span<const Step> steps);
  /// Runs plain SQL without parameters, one statement or several. Errors: as Tx::run; with
  /// `position`, the character (from 1) the server complains about, when it does.
  base::Result<ResultPtr> script(const std::string& sql, int* position = nullptr);

  /// False: throw it away.
  bool usable() const { return !broken_; }
  /// The last statement was sent and its answer never came: what it did is not known.
  bool answer_lost() const { return answer_lost_; }
  /// The last failure was a wait past its deadline.
  bool timed_out() const { return timed_out_; }
  /// Nothing unexpected has come from the server since the last answer (it says farewell by
  /// closing).
  bool quiet() const;
  bool in_transaction() const;
  /// The server warned during the last statement (a commit that its standby did not confirm).
  bool warned() const { return warned_; }

 private:
  struct Prepared {
    std::string statement;  ///< the name on the server
    const char* sql;
    std::vector<unsigned int> types;  ///< OIDs; 0 where every value so far was null
  };

  Connection(pg_conn* connection, const Session& session);
  base::Result<const Prepared*> prepare(const Query& query, std::span<const Param> params);
  base::Result<void> send(const std::string& statement, std::string_view name,
                          const BoundParams& params);
  base::Result<ResultPtr> answer(std::string_view name, int* position = nullptr);
  bool end_of_all();
  base::Result<void> await(SteadyTime deadline);
  base::Error failure(std::string_view name, const pg_result* result);
  base::Error lost(std::string_view name, std::string_view why);
  SteadyTime answer_deadline() const;
  void fresh_statement();

  pg_conn* connection_;
  Session session_;
  std::map<std::string, std::vector<Prepared>, std::less<>> prepared_;
  bool broken_ = false, answer_lost_ = false, timed_out_ = false, warned_ = false;
};

/// A bounded pool; thread-safe. Held by every lease, so that a Tx may outlive its Pool.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  explicit ConnectionPool(Config config) : config_(std::move(config)) {}

  /// A connection on loan; given back when it goes.
  class Lease {
   public:
    Lease(std::shared_ptr<ConnectionPool> pool, std::unique_ptr<Connection> connection, bool pooled)
        : pool_(std::move(pool)), connection_(std::move(connection)), pooled_(pooled) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }
    /// It was used before: it may have died since.
    bool pooled() const { return pooled_; }
    /// Throws the connection away and opens another in its place.
    base::Result<void> renew(SteadyTime deadline);
    base::Result<void> renew();

   private:
    std::shared_ptr<ConnectionPool> pool_;
    std::unique_ptr<Connection> connection_;
    bool pooled_;
  };

  /// Errors: unavailable `store.unavailable`, at the latest when the deadline has passed.
  base::Result<Lease> acquire();

 private:
  base::Result<std::unique_ptr<Connection>> open(SteadyTime deadline) const;
  void give_back(std::unique_ptr<Connection> connection);

  const Config config_;
  std::mutex mutex_;  ///< protects what follows
  std::condition_variable freed_;
  /// Each with the thread that used it last, which gets it again when it can: threads that swap
  /// connections make the kernel move backends between cores (a fifth to a third of all look-ups).
  struct Idle {
    std::unique_ptr<Connection> connection;
    std::thread::id user;
  };
  std::vector<Idle> idle_;  ///< else last in, first out: the rest may rest
  int taken_ = 0;           ///< on loan or being opened
};

}  // namespace store
