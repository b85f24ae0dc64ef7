// The door to PostgreSQL: a bounded pool of connections, transactions, named queries.
//
// Why libpq behind our own thin layer: docs/decisions/0001-libpq.md. Every query is prepared once
// per connection under its name; parameters and results travel in binary. A statement past its
// deadline is cancelled by the server (statement_timeout), a server that says nothing is given up a
// second later. Sessions speak UTC whatever the server is set to. Nothing here knows SQL of any
// room: queries stand beside their use.
//
// Thread-safety: Pool is thread-safe; a Tx and Rows belong to one thread.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace store {

struct Config {
  std::string conninfo;  ///< libpq keywords, e.g. "host=/run/pg dbname=xinyin user=xinyin_service
                         ///< passfile=…"
  int connections = 4;   ///< two to eight are best on two cores
  std::chrono::milliseconds acquire_deadline{2000};
  std::chrono::milliseconds statement_deadline{5000};
};

/// A query with the name it is prepared under. Define beside its use:
///   constexpr store::Query kFindSeal{"seal.find", R"sql(select … where id = $1)sql"};
struct Query {
  const char* name;
  const char* sql;
};

/// A value on its way into a query; the SQL type is given by the C++ type.
///   bool -> boolean, integers -> bigint (cast in SQL for smaller columns), text -> text,
///   Bytes -> bytea, base::Time -> timestamptz, base::Date -> date, Json -> jsonb, nullopt -> null.
struct Json {
  std::string text;
};
class Param {
 public:
  Param(std::nullopt_t) {}              // NOLINT: implicit
  Param(bool value) : value_(value) {}  // NOLINT: implicit
  template <std::integral I>
  requires(!std::same_as<I, bool>) Param(I value)
      : value_(static_cast<std::int64_t>(value)) {}                // NOLINT: implicit
  Param(double value) : value_(value) {}                           // NOLINT: implicit
  Param(std::string_view value) : value_(std::string(value)) {}    // NOLINT: implicit
  Param(std::string value) : value_(std::move(value)) {}           // NOLINT: implicit
  Param(const char* value) : value_(std::string(value)) {}         // NOLINT: implicit
  Param(base::BytesView value) : value_(base::to_bytes(value)) {}  // NOLINT: implicit
  Param(const base::Bytes& value) : value_(value) {}               // NOLINT: implicit
  Param(base::Time value) : value_(value) {}                       // NOLINT: implicit
  Param(base::Date value) : value_(value) {}                       // NOLINT: implicit
  Param(Json value) : value_(std::move(value)) {}                  // NOLINT: implicit
  template <class T>
  Param(const std::optional<T>& value) {  // NOLINT: implicit
    if (value) *this = Param(*value);
  }

  using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, base::Bytes,
                             base::Time, base::Date, Json>;
  const Value& value() const { return value_; }

 private:
  Value value_;
};

/// The rows of one answer. Reading a column as a type it is not, or a null with a plain reader, is
/// a mistake of ours (base::check).
class Rows {
 public:
  Rows();
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) noexcept;
  ~Rows();

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::size_t affected() const;  ///< rows that an insert, update or delete touched

  bool is_null(std::size_t row, int column) const;
  bool boolean(std::size_t row, int column) const;
  std::int64_t integer(std::size_t row, int column) const;  ///< smallint, integer, bigint
  double real(std::size_t row, int column) const;
  std::string_view text(std::size_t row, int column) const;  ///< text, varchar, jsonb, uuid as text
  base::BytesView bytes(std::size_t row, int column) const;
  base::Time time(std::size_t row, int column) const;
  base::Date date(std::size_t row, int column) const;

  struct Impl;
  explicit Rows(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

enum class Mode { read_write, read_only };

class Connection;  // store.cpp

/// One transaction; rolled back when it goes out of scope without commit().
class Tx {
 public:
  Tx(Tx&&) noexcept;
  Tx& operator=(Tx&&) noexcept;
  ~Tx();

  /// Errors: conflict `store.conflict` (unique or exclusion violation, serialization failure,
  /// deadlock; see is_violation), unavailable `store.unavailable` (no connection, deadline),
  /// invalid_argument `store.value` (text that is not UTF-8 or holds NUL, a moment past
  /// PostgreSQL's), internal `store.query` for anything else: a mistake of ours. After a failure
  /// the transaction is dead: each further call, and commit(), gives that first failure again.
  base::Result<Rows> run(const Query& query, const std::vector<Param>& params = {});
  /// Several that do not need each other's answers, with one way to the server and back; an answer
  /// for each. Errors: as run, of the first that fails.
  struct Statement {
    Query query;
    std::vector<Param> params;
  };
  base::Result<std::vector<Rows>> run_all(const std::vector<Statement>& statements);
  /// A statement whose answer nobody reads: it goes with the next one, at the latest with the
  /// commit, which is also where its failure is told.
  void put(const Query& query, std::vector<Param> params = {});
  /// A commit whose answer is lost is `store.commit_unknown` (unavailable): ask again by key.
  /// Errors: as run, of what was put.
  base::Result<void> commit();

  struct Impl;
  explicit Tx(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// True when `failure` came from the constraint or unique index named so.
bool is_violation(const base::Error& failure, std::string_view constraint);

class Pool {
 public:
  /// Connects lazily: a database that is away is an error of each call, not of this one.
  explicit Pool(Config config);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  base::Result<Tx> begin(Mode mode = Mode::read_write);
  /// One statement by itself (its own transaction, no extra round trips). A read, which begins with
  /// "select" and must change nothing, is tried once more on a fresh connection when the pooled one
  /// turns out to be dead. Errors: as Tx::run, and `store.commit_unknown` for a write whose answer
  /// is lost.
  base::Result<Rows> run(const Query& query, const std::vector<Param>& params = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace store
