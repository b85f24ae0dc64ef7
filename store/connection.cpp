#include "store/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>

#include "base/check.h"
#include "store/binary.h"

namespace store {
namespace {

using base::Code;
using base::Error;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

Error unavailable(std::string detail) {
  auto failure = base::error(Code::unavailable, "store.unavailable", std::move(detail));
  failure.retry_after = std::chrono::seconds{1};
  return failure;
}

/// One line, without the trailing white space that libpq's messages end with.
std::string tidy(const char* message) {
  std::string text = message == nullptr ? "" : message;
  for (auto& c : text)
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

enum class Ready { yes, late, no };

/// Waits for `events` on `fd` until `deadline`.
Ready wait_for(int fd, short events, SteadyTime deadline) {
  for (;;) {
    const auto left = duration_cast<milliseconds>(deadline - steady_clock::now()).count();
    pollfd waiting{fd, events, 0};
    const int got = ::poll(&waiting, 1, static_cast<int>(std::clamp<long long>(left, 0, 1 << 30)));
    if (got > 0) return Ready::yes;
    if (got == 0) return Ready::late;
    if (errno != EINTR) return Ready::no;
  }
}

void note_warning(void* warned, const PGresult* notice) {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != nullptr && std::strcmp(severity, "WARNING") == 0)
    *static_cast<bool*>(warned) = true;
}

std::string_view field(const PGresult* result, int code) {
  const char* text = result == nullptr ? nullptr : PQresultErrorField(result, code);
  return text == nullptr ? std::string_view{} : std::string_view{text};
}

/// SQLSTATEs (PostgreSQL 15, appendix A) to our errors.
Code code_of(std::string_view state) {
  const auto klass = state.substr(0, 2);
  if (state == "23505" || state == "23P01" || state == "40001" || state == "40P01")
    return Code::conflict;  // unique, exclusion, serialization failure, deadlock
  if (state == "22021" || state == "22P05") return Code::invalid_argument;  // not UTF-8; \u0000
  if (klass == "08" || klass == "53" || klass == "58" || state == "57014" || state == "55P03" ||
      state == "57P01" || state == "57P02" || state == "57P03" || state == "57P05" ||
      state == "25P03" || state == "25006" || state == "26000")
    return Code::unavailable;
  return Code::internal;
}

/// After these the session is gone, or no longer what we set up: a server that became a standby
/// (25006), one that lost our prepared statements (26000) or whose tables changed under them
/// (0A000).
bool ends_session(std::string_view state, const PGresult* result) {
  return state.substr(0, 2) == "08" || state == "57P01" || state == "57P02" || state == "57P03" ||
         state == "57P05" || state == "25P03" || state == "25006" || state == "26000" ||
         (state == "0A000" && field(result, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery");
}

}  // namespace

/// Parameters as libpq takes them.
class BoundParams {
 public:
  explicit BoundParams(std::size_t count) : count_(count) {
    if (count > kFew) {
      many_ = std::vector<Bound>(count);
      many_values_.resize(count);
      many_sizes_.resize(count);
      many_formats_.resize(count, 1);
    }
  }
  base::Result<void> bind(std::span<const Param> params) {
    auto* bound = few() ? few_.data() : many_.data();
    auto* values = few() ? few_values_.data() : many_values_.data();
    auto* sizes = few() ? few_sizes_.data() : many_sizes_.data();
    for (std::size_t i = 0; i < params.size(); ++i) {
      BASE_TRY_VOID(bound[i].bind(params[i]));
      values[i] = bound[i].data();
      sizes[i] = bound[i].size();
    }
    return {};
  }
  int count() const { return static_cast<int>(count_); }
  const char* const* values() const { return few() ? few_values_.data() : many_values_.data(); }
  const int* sizes() const { return few() ? few_sizes_.data() : many_sizes_.data(); }
  const int* formats() const { return few() ? kBinary.data() : many_formats_.data(); }

 private:
  static constexpr std::size_t kFew = 16;
  static constexpr auto kBinary = [] {
    std::array<int, kFew> out{};
    out.fill(1);
    return out;
  }();
  bool few() const { return count_ <= kFew; }

  const std::size_t count_;
  std::array<Bound, kFew> few_;
  std::array<const char*, kFew> few_values_{};
  std::array<int, kFew> few_sizes_{};
  std::vector<Bound> many_;
  std::vector<const char*> many_values_;
  std::vector<int> many_sizes_, many_formats_;
};

void FreeResult::operator()(pg_result* result) const {
  PQclear(result);
}

Connection::Connection(pg_conn* connection, const Session& session)
    : connection_(connection), session_(session) {
  PQsetNoticeReceiver(connection_, note_warning, &warned_);
}

Connection::~Connection() {
  PQfinish(connection_);
}

base::Result<std::unique_ptr<Connection>> Connection::open(const std::string& conninfo,
                                                           const Session& session,
                                                           SteadyTime deadline) {
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> given(
      PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree);
  // What libpq says of a malformed text may quote it, password and all.
  if (!given) return unavailable("the database's connection string is malformed");

  // The caller's options go first, so that ours win.
  std::string options;
  std::vector<const char*> names, values;
  for (const auto* option = given.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (std::strcmp(option->keyword, "options") == 0) {
      options = option->val;
      continue;
    }
    names.push_back(option->keyword);
    values.push_back(option->val);
  }
  // Sessions speak UTC and end themselves: a statement past its deadline, a transaction that nobody
  // goes on with, a statement whose client has gone.
  const auto limit = std::to_string(session.statement_deadline.count());
  const auto idle = std::to_string(
      std::max<milliseconds>(4 * session.statement_deadline, std::chrono::minutes{1}).count());
  options += " -c timezone=UTC -c statement_timeout=" + limit +
             " -c lock_timeout=" + std::to_string(session.lock_deadline.count()) +
             " -c idle_in_transaction_session_timeout=" + idle +
             " -c client_connection_check_interval=2000";
  for (const auto& [name, value] :
       {std::pair{"options", options.c_str()}, std::pair{"client_encoding", "UTF8"},
        std::pair{"fallback_application_name", "xinyin"}}) {
    names.push_back(name);
    values.push_back(value);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);

  PGconn* raw = PQconnectStartParams(names.data(), values.data(), 0);
  base::check(raw != nullptr, "no memory for a connection");
  std::unique_ptr<Connection> connection(new Connection(raw, session));
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    if (PQstatus(raw) == CONNECTION_BAD || state == PGRES_POLLING_FAILED)
      return unavailable("cannot connect: " + tidy(PQerrorMessage(raw)));
    const auto ready =
        wait_for(PQsocket(raw), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
    if (ready == Ready::late) return unavailable("cannot connect: no answer in time");
    if (ready == Ready::no) return unavailable("cannot connect: poll failed");
    state = PQconnectPoll(raw);
  }
  PQsetnonblocking(raw, 1);
  return connection;
}

bool Connection::quiet() const {
  char byte;
  const auto got = ::recv(PQsocket(connection_), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

bool Connection::in_transaction() const {
  return PQtransactionStatus(connection_) != PQTRANS_IDLE;
}

SteadyTime Connection::answer_deadline() const {
  if (session_.statement_deadline.count() == 0) return steady_clock::now() + std::chrono::hours{24};
  return steady_clock::now() + session_.statement_deadline + kAnswerGrace;
}

void Connection::fresh_statement() {
  base::check(!broken_, "a broken connection is used again");
  answer_lost_ = timed_out_ = warned_ = false;
}

Error Connection::lost(std::string_view name, std::string_view why) {
  broken_ = true;
  return unavailable("query " + std::string(name) + ": " + std::string(why));
}

Error Connection::failure(std::string_view name, const pg_result* result) {
  const auto state = field(result, PG_DIAG_SQLSTATE);
  if (state.empty() || PQstatus(connection_) == CONNECTION_BAD || ends_session(state, result)) {
    // A session that ended says why, or not; what it did before it ended is not known either way.
    const bool gone = state.empty() || PQstatus(connection_) == CONNECTION_BAD ||
                      state.substr(0, 2) == "08" || state.substr(0, 3) == "57P";
    answer_lost_ = gone;
    return lost(name, state.empty() ? tidy(PQerrorMessage(connection_)) : std::string(state));
  }
  const auto code = code_of(state);
  timed_out_ = state == "57014";
  std::string detail = "query " + std::string(name) + ": " + std::string(state);
  // Messages of class 22 (data exceptions) quote the value; the DETAIL line of any error may.
  if (state.substr(0, 2) != "22")
    detail += ' ' + tidy(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  if (code == Code::unavailable) return unavailable(std::move(detail));
  const char* key = code == Code::conflict           ? "store.conflict"
                    : code == Code::invalid_argument ? "store.value"
                                                     : "store.query";
  auto out = base::error(code, key, std::move(detail));
  out.args.emplace_back("sqlstate", state);
  if (const auto constraint = field(result, PG_DIAG_CONSTRAINT_NAME); !constraint.empty())
    out.args.emplace_back("constraint", constraint);
  return out;
}

/// Until the next result can be taken without waiting.
base::Result<void> Connection::await(SteadyTime deadline) {
  for (;;) {
    const int flushing = PQflush(connection_);
    // A write that fails may leave the server's farewell unread; PQgetResult finds it.
    if (flushing < 0 || !PQisBusy(connection_)) return {};
    const short events = flushing > 0 ? POLLIN | POLLOUT : POLLIN;
    const auto ready = wait_for(PQsocket(connection_), events, deadline);
    if (ready == Ready::late) {
      timed_out_ = answer_lost_ = true;
      return lost("", "no answer in time");
    }
    if (ready == Ready::no || PQconsumeInput(connection_) == 0) return {};
  }
}

/// Takes the answer of what was just sent: the first failure, or the last good result.
base::Result<ResultPtr> Connection::answer(std::string_view name, int* position) {
  const auto deadline = answer_deadline();
  ResultPtr kept;
  std::optional<Error> failed;
  for (;;) {
    if (auto waited = await(deadline); !waited) {
      waited.error().detail = "query " + std::string(name) + ": no answer in time";
      return std::move(waited).error();
    }
    ResultPtr result(PQgetResult(connection_));
    if (!result) break;
    switch (PQresultStatus(result.get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY:
        kept = std::move(result);
        break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        base::fail("COPY goes through no Query");
      case PGRES_PIPELINE_ABORTED:  // one before it failed, whose error counts
        if (!failed) failed = base::error(Code::internal, "store.query", "not executed");
        break;
      default:
        if (!failed) {
          failed = failure(name, result.get());
          const auto at = field(result.get(), PG_DIAG_STATEMENT_POSITION);
          if (position != nullptr && !at.empty()) *position = std::atoi(std::string(at).c_str());
        }
    }
    if (PQstatus(connection_) == CONNECTION_BAD) {
      broken_ = answer_lost_ = true;
      break;
    }
  }
  if (failed) return std::move(*failed);
  if (broken_ || !kept) {
    answer_lost_ = true;
    return lost(name, tidy(PQerrorMessage(connection_)));
  }
  return kept;
}

base::Result<const Connection::Prepared*> Connection::prepare(const Query& query,
                                                              std::span<const Param> params) {
  auto it = prepared_.find(std::string_view(query.name));
  if (it == prepared_.end()) it = prepared_.emplace(query.name, std::vector<Prepared>{}).first;
  auto& variants = it->second;
  // A null fits any type; a type fits only itself. So a query has one variant, or a few when it was
  // first called with nulls in different places.
  for (const auto& known : variants) {
    base::check(known.sql == query.sql || std::strcmp(known.sql, query.sql) == 0,
                "two queries share a name");
    base::check(known.types.size() == params.size(), "a query is called with other parameters");
    bool fits = true;
    for (std::size_t i = 0; i < params.size() && fits; ++i)
      if (const auto type = type_of(params[i]); type != 0) fits = type == known.types[i];
    if (fits) return &known;
  }
  Prepared fresh{std::string(query.name) + "/" + std::to_string(variants.size()), query.sql, {}};
  for (const auto& param : params) fresh.types.push_back(type_of(param));
  if (PQsendPrepare(connection_, fresh.statement.c_str(), fresh.sql,
                    static_cast<int>(params.size()), fresh.types.data()) == 0)
    return lost(query.name, tidy(PQerrorMessage(connection_)));
  const auto done = answer(query.name);
  // Nothing was executed yet, so nothing is in doubt.
  answer_lost_ = false;
  if (!done) return done.error();
  return &variants.emplace_back(std::move(fresh));
}

base::Result<void> Connection::send(const std::string& statement, std::string_view name,
                                    const BoundParams& params) {
  if (PQsendQueryPrepared(connection_, statement.c_str(), params.count(),
                          params.values(), params.sizes(), params.formats(), 1) == 0) {
    answer_lost_ = true;  // part of it may have left
    return lost(name, tidy(PQerrorMessage(connection_)));
  }
  return {};
}

base::Result<ResultPtr> Connection::execute(const Query& query, std::span<const Param> params) {
  fresh_statement();
  BoundParams bound(params.size());
  BASE_TRY_VOID(bound.bind(params));
  BASE_TRY(const auto* statement, prepare(query, params));
  BASE_TRY_VOID(send(statement->statement, query.name, bound));
  return answer(query.name);
}

base::Result<std::vector<ResultPtr>> Connection::execute_all(std::span<const Step> steps) {
  base::check(!steps.empty(), "there is something to execute");
  fresh_statement();
  // Values and statements first: what is wrong with them is known before anything is sent.
  std::deque<BoundParams> bound;
  for (const auto& step : steps)
    BASE_TRY_VOID(bound.emplace_back(step.params.size()).bind(step.params));
  std::vector<std::string> statements(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!steps[i].prepared) continue;
    BASE_TRY(const auto* statement, prepare(*steps[i].query, steps[i].params));
    statements[i] = statement->statement;
  }
  const auto* last = steps.back().query->name;
  base::check(PQenterPipelineMode(connection_) == 1, "a connection between statements is idle");
  bool sent = true;
  for (std::size_t i = 0; i < steps.size() && sent; ++i) {
    if (steps[i].prepared)
      BASE_TRY_VOID(send(statements[i], steps[i].query->name, bound[i]));
    else
      sent = PQsendQueryParams(connection_, steps[i].query->sql, 0, nullptr, nullptr, nullptr,
                               nullptr, 1) == 1;
  }
  if (!sent || PQpipelineSync(connection_) == 0) {
    answer_lost_ = true;  // part of it may have left
    return lost(last, tidy(PQerrorMessage(connection_)));
  }
  std::vector<ResultPtr> out;
  std::optional<Error> failed;
  for (const auto& step : steps) {
    auto one = answer(step.query->name);
    if (!one && !usable()) return failed ? std::move(*failed) : std::move(one).error();
    if (!one && !failed) failed = std::move(one).error();
    if (one) out.push_back(std::move(*one));
  }
  if (!end_of_all()) return lost(last, tidy(PQerrorMessage(connection_)));
  if (failed) return std::move(*failed);
  return out;
}

/// The server's word that all was executed, or nothing more will be.
bool Connection::end_of_all() {
  if (!await(answer_deadline())) return false;
  const ResultPtr end(PQgetResult(connection_));
  const bool done = end != nullptr && PQresultStatus(end.get()) == PGRES_PIPELINE_SYNC &&
                    PQexitPipelineMode(connection_) == 1;
  if (!done) answer_lost_ = true;
  return done;
}

base::Result<ResultPtr> Connection::script(const std::string& sql, int* position) {
  fresh_statement();
  const auto name = std::string_view(sql).substr(0, std::min<std::size_t>(sql.find('\n'), 40));
  if (PQsendQuery(connection_, sql.c_str()) == 0) {
    answer_lost_ = true;
    return lost(name, tidy(PQerrorMessage(connection_)));
  }
  return answer(name, position);
}

ConnectionPool::Lease::~Lease() {
  if (pool_) pool_->give_back(std::move(connection_));
}

base::Result<void> ConnectionPool::Lease::renew(SteadyTime deadline) {
  connection_.reset();
  BASE_TRY(connection_, pool_->open(deadline));
  pooled_ = false;
  return {};
}

base::Result<void> ConnectionPool::Lease::renew() {
  return renew(steady_clock::now() + pool_->config_.acquire_deadline);
}

base::Result<std::unique_ptr<Connection>> ConnectionPool::open(SteadyTime deadline) const {
  return Connection::open(config_.conninfo, Session{config_.statement_deadline, {}}, deadline);
}

base::Result<ConnectionPool::Lease> ConnectionPool::acquire() {
  const auto deadline = steady_clock::now() + config_.acquire_deadline;
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    const bool free = freed_.wait_until(
        lock, deadline, [&] { return !idle_.empty() || taken_ < config_.connections; });
    if (!free)
      return unavailable("all " + std::to_string(config_.connections) +
                         " database connections are busy");
    if (!idle_.empty()) {
      const auto own = std::find_if(idle_.begin(), idle_.end(), [](const Idle& one) {
        return one.user == std::this_thread::get_id();
      });
      if (own != idle_.end()) std::swap(*own, idle_.back());
      connection = std::move(idle_.back().connection);
      idle_.pop_back();
    }
    ++taken_;
  }
  if (connection && connection->quiet())
    return Lease(shared_from_this(), std::move(connection), true);
  // The lease holds the place while the connection is opened; without one it gives just the place
  // back.
  Lease lease(shared_from_this(), std::move(connection), false);
  BASE_TRY_VOID(lease.renew(deadline));
  return lease;
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
  const bool keep = connection && connection->usable() && !connection->in_transaction();
  if (!keep) connection.reset();
  {
    const std::lock_guard lock(mutex_);
    --taken_;
    if (keep) idle_.push_back({std::move(connection), std::this_thread::get_id()});
  }
  freed_.notify_one();
}

}  // namespace store
