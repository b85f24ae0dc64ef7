#include "store/store.h"

#include <libpq-fe.h>

#include <algorithm>
#include <deque>

#include "base/check.h"
#include "store/binary.h"
#include "store/connection.h"

namespace store {

using base::Code;
using base::Error;

struct Rows::Impl {
  ResultPtr result;
  mutable std::deque<std::string>
      formatted;  ///< texts made from binary values, kept for their views

  std::string_view raw(std::size_t row, int column) const {
    base::check(row < static_cast<std::size_t>(PQntuples(result.get())) && column >= 0 &&
                    column < PQnfields(result.get()),
                "a row or column was read that is not there");
    const int at = static_cast<int>(row);
    base::check(PQgetisnull(result.get(), at, column) == 0,
                "a null was read as a value; ask is_null first");
    return {PQgetvalue(result.get(), at, column),
            static_cast<std::size_t>(PQgetlength(result.get(), at, column))};
  }
  unsigned int type(int column) const { return PQftype(result.get(), column); }
  std::string_view raw(std::size_t row, int column, unsigned int wanted, const char* what) const {
    const auto bytes = raw(row, column);
    if (type(column) != wanted)
      base::fail(std::string("a column read as ") + what + " is none (type " +
                 std::to_string(type(column)) + ")");
    return bytes;
  }
};

Rows::Rows() = default;
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;
Rows::Rows(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::size_t Rows::size() const {
  return impl_ ? static_cast<std::size_t>(PQntuples(impl_->result.get())) : 0;
}

std::size_t Rows::affected() const {
  if (!impl_) return 0;
  const std::string count = PQcmdTuples(impl_->result.get());
  return count.empty() ? 0 : static_cast<std::size_t>(std::stoull(count));
}

bool Rows::is_null(std::size_t row, int column) const {
  base::check(row < size() && column >= 0 && column < PQnfields(impl_->result.get()),
              "a row or column was read that is not there");
  return PQgetisnull(impl_->result.get(), static_cast<int>(row), column) != 0;
}

bool Rows::boolean(std::size_t row, int column) const {
  base::check(row < size(), "a row was read that is not there");
  return impl_->raw(row, column, oid::kBool, "a boolean")[0] != 0;
}

std::int64_t Rows::integer(std::size_t row, int column) const {
  base::check(row < size(), "a row was read that is not there");
  const auto bytes = impl_->raw(row, column);
  return decode_integer(impl_->type(column), bytes);
}

double Rows::real(std::size_t row, int column) const {
  base::check(row < size(), "a row was read that is not there");
  const auto bytes = impl_->raw(row, column);
  return decode_real(impl_->type(column), bytes);
}

std::string_view Rows::text(std::size_t row, int column) const {
  base::check(row < size(), "a row was read that is not there");
  const auto bytes = impl_->raw(row, column);
  const auto type = impl_->type(column);
  if (is_text_type(type)) return bytes;
  if (type == oid::kJsonb) return bytes.substr(1);  // behind the version byte
  if (type == oid::kUuid) return impl_->formatted.emplace_back(format_uuid(bytes));
  base::fail("a column read as text is none (type " + std::to_string(type) + ")");
}

base::BytesView Rows::bytes(std::size_t row, int column) const {
  base::check(row < size(), "a row was read that is not there");
  return base::as_bytes(impl_->raw(row, column, oid::kBytea, "bytes"));
}

base::Time Rows::time(std::size_t row, int column) const {
  base::check(row < size(), "a row was read that is not there");
  return decode_time(impl_->raw(row, column, oid::kTimestamptz, "a moment"));
}

base::Date Rows::date(std::size_t row, int column) const {
  base::check(row < size(), "a row was read that is not there");
  return decode_date(impl_->raw(row, column, oid::kDate, "a date"));
}

Rows rows_of(ResultPtr result) {
  auto impl = std::make_unique<Rows::Impl>();
  impl->result = std::move(result);
  return Rows(std::move(impl));
}

namespace {

Error commit_unknown(std::string detail) {
  return base::error(Code::unavailable, "store.commit_unknown", std::move(detail));
}

/// A statement that changes nothing, by its first word.
bool is_read(std::string_view sql) {
  const auto start = sql.find_first_not_of(" \t\r\n");
  constexpr std::string_view kSelect = "select";
  if (start == std::string_view::npos || sql.size() - start < kSelect.size()) return false;
  return std::equal(kSelect.begin(), kSelect.end(),
                    sql.begin() + static_cast<std::ptrdiff_t>(start),
                    [](char want, char is) { return want == (is | 0x20); });
}

}  // namespace

/// Nothing goes to the server before there is a statement whose answer somebody waits for: "begin"
/// goes with the first, what was put goes with the next, "commit" goes with the last. Each way to
/// the server and back costs two processes a wake-up, and the last ones are gone while locks are
/// held (the audit trail's head).
struct Tx::Impl {
  struct Waiting {
    Query query;
    std::vector<Param> params;
  };

  ConnectionPool::Lease lease;
  Mode mode = Mode::read_write;
  bool begun = false;
  std::vector<Waiting> put = {};
  std::optional<Error> failed = std::nullopt;  ///< the first: PostgreSQL refuses all that follows
  bool open = true;

  /// Executes what was put and `steps`; gives the answers of `steps`.
  base::Result<std::vector<ResultPtr>> execute(std::span<const Connection::Step> steps,
                                               bool commits);
  /// The same for the door's run and run_all: keeps the first failure.
  base::Result<std::vector<ResultPtr>> answers(std::span<const Connection::Step> steps);
};

namespace {

constexpr Query kBegin{"store.begin", "begin"};
constexpr Query kBeginReadOnly{"store.begin_read_only", "begin read only"};
constexpr Query kCommit{"store.commit", "commit"};

base::Result<std::vector<ResultPtr>> execute_on(Connection& connection,
                                                std::span<const Connection::Step> steps) {
  if (steps.size() > 1 || !steps.front().prepared) return connection.execute_all(steps);
  BASE_TRY(auto one, connection.execute(*steps.front().query, steps.front().params));
  std::vector<ResultPtr> out;
  out.push_back(std::move(one));
  return out;
}

}  // namespace

base::Result<std::vector<ResultPtr>> Tx::Impl::execute(std::span<const Connection::Step> steps,
                                                       bool commits) {
  std::vector<Connection::Step> all;
  all.reserve(put.size() + steps.size() + 1);
  if (!begun) all.push_back({mode == Mode::read_only ? &kBeginReadOnly : &kBegin, {}, false});
  for (const auto& one : put) all.push_back({&one.query, one.params});
  all.insert(all.end(), steps.begin(), steps.end());
  auto done = execute_on(*lease, all);
  // A pooled connection may have died since it was used; what it was sent is rolled back, unless
  // the commit went along.
  const bool again = !done && !begun && !lease->usable() && !lease->timed_out() &&
                     lease.pooled() && (!commits || !lease->answer_lost());
  if (again) {
    BASE_TRY_VOID(lease.renew());
    done = execute_on(*lease, all);
  }
  begun = true;
  put.clear();
  if (!done) return std::move(done).error();
  done->erase(done->begin(), done->end() - static_cast<std::ptrdiff_t>(steps.size()));
  return done;
}

Tx::Tx(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tx::Tx(Tx&&) noexcept = default;
Tx& Tx::operator=(Tx&& other) noexcept {
  Tx gone(std::move(*this));  // rolled back here, if it was open
  impl_ = std::move(other.impl_);
  return *this;
}

Tx::~Tx() {
  if (!impl_ || !impl_->open || !impl_->begun || !impl_->lease->usable()) return;
  // A rollback that fails leaves the connection broken or inside its transaction: the pool drops
  // it.
  (void)impl_->lease->script("rollback");
}

base::Result<std::vector<ResultPtr>> Tx::Impl::answers(std::span<const Connection::Step> steps) {
  base::check(open, "a finished transaction is used again");
  if (failed) return *failed;
  auto done = execute(steps, false);
  if (!done) failed = done.error();
  return done;
}

base::Result<Rows> Tx::run(const Query& query, const std::vector<Param>& params) {
  base::check(impl_ != nullptr, "a transaction that was moved away is used");
  const Connection::Step step{&query, params};
  BASE_TRY(auto answers, impl_->answers({&step, 1}));
  return rows_of(std::move(answers.front()));
}

base::Result<std::vector<Rows>> Tx::run_all(const std::vector<Statement>& statements) {
  base::check(impl_ != nullptr, "a transaction that was moved away is used");
  std::vector<Connection::Step> steps;
  for (const auto& one : statements) steps.push_back({&one.query, one.params});
  BASE_TRY(auto answers, impl_->answers(steps));
  std::vector<Rows> out;
  for (auto& one : answers) out.push_back(rows_of(std::move(one)));
  return out;
}

void Tx::put(const Query& query, std::vector<Param> params) {
  base::check(impl_ && impl_->open, "a finished transaction is used again");
  impl_->put.push_back({query, std::move(params)});
}

base::Result<void> Tx::commit() {
  base::check(impl_ && impl_->open, "a finished transaction is used again");
  if (impl_->failed) return *impl_->failed;  // the destructor rolls back
  if (!impl_->begun && impl_->put.empty()) {
    impl_->open = false;
    return {};
  }
  auto& lease = impl_->lease;
  const Connection::Step commit{&kCommit, {}, false};
  const auto done = impl_->execute({&commit, 1}, true);
  if (!done && lease->usable() && lease->in_transaction()) {  // something put failed
    impl_->failed = done.error();
    return done.error();
  }
  impl_->open = false;
  if (done && !lease->warned()) return {};
  if (done) return commit_unknown("the server warned at commit: its standby may not have it");
  if (lease->answer_lost()) return commit_unknown(done.error().detail);
  return done.error();
}

bool is_violation(const Error& failure, std::string_view constraint) {
  return std::any_of(failure.args.begin(), failure.args.end(), [&](const auto& arg) {
    return arg.first == "constraint" && arg.second == constraint;
  });
}

struct Pool::Impl {
  std::shared_ptr<ConnectionPool> connections;
};

Pool::Pool(Config config)
    : impl_(std::make_unique<Impl>(Impl{std::make_shared<ConnectionPool>(std::move(config))})) {}
Pool::~Pool() = default;

base::Result<Tx> Pool::begin(Mode mode) {
  BASE_TRY(auto lease, impl_->connections->acquire());
  return Tx(std::make_unique<Tx::Impl>(Tx::Impl{std::move(lease), mode}));
}

base::Result<Rows> Pool::run(const Query& query, const std::vector<Param>& params) {
  BASE_TRY(auto lease, impl_->connections->acquire());
  auto result = lease->execute(query, params);
  if (result) return rows_of(std::move(result).value());
  const bool dead = !lease->usable() && !lease->timed_out();
  const bool in_doubt = lease->answer_lost() && !is_read(query.sql);
  if (in_doubt) return commit_unknown(std::move(result).error().detail);
  if (!dead || !lease.pooled()) return std::move(result).error();
  // Nothing was executed, or it was a read.
  BASE_TRY_VOID(lease.renew());
  result = lease->execute(query, params);
  if (result) return rows_of(std::move(result).value());
  if (lease->answer_lost() && !is_read(query.sql))
    return commit_unknown(std::move(result).error().detail);
  return std::move(result).error();
}

}  // namespace store
