#include "seal/batches.h"

#include <algorithm>
#include <thread>

#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "store/audit.h"

namespace seal {
namespace {

using base::Code;
using base::error;
using namespace std::chrono_literals;

// Renewed before each document, which takes far less; a dead worker's portion waits as long.
constexpr auto kLease = 30s;
constexpr auto kLeastPause = 200ms, kMostPause = 15'000ms;
constexpr auto kListen = 100ms;  // while waiting: how soon a stop is heard
constexpr std::size_t kMostKey = 200;
constexpr std::string_view kField = "seal.batch.input";

constexpr store::Query kOpenBatch{"seal.open_batch", R"sql(
  insert into seal.batch (id, client, request, submitted_at, state) values ($1, $2, $3, $4, 'open')
  on conflict (client, request) do nothing)sql"};
constexpr store::Query kByRequest{"seal.batch_by_request", R"sql(
  select id, submitted_at, state, total, done, failed, note, ended_at
    from seal.batch where client = $1 and request = $2)sql"};
constexpr store::Query kBatch{"seal.batch", R"sql(
  select id, submitted_at, state, total, done, failed, note, ended_at
    from seal.batch where client = $1 and id = $2)sql"};
constexpr store::Query kLockBatch{"seal.lock_batch", R"sql(
  select id, submitted_at, state, total, done, failed, note, ended_at
    from seal.batch where client = $1 and id = $2 for update)sql"};
constexpr store::Query kList{"seal.list_batches", R"sql(
  select id, submitted_at, state, total, done, failed, note, ended_at
    from seal.batch where client = $1 order by submitted_at desc limit 200)sql"};
constexpr store::Query kPortion{"seal.add_portion", R"sql(
  insert into seal.batch_portion (batch, first, lines, input_sealed)
  values ($1, $2, $3::bigint::integer, $4))sql"};
constexpr store::Query kGrow{"seal.grow_batch", "update seal.batch set total = $2 where id = $1"};
constexpr store::Query kState{"seal.batch_state", R"sql(
  update seal.batch set state = $2, ended_at = $3, note = '' where id = $1)sql"};
constexpr store::Query kResults{"seal.batch_results", R"sql(
  select first, results::text from seal.batch_portion
   where batch = $1 and first + lines > $2::bigint + 1 order by first limit $3::bigint)sql"};

// The oldest batch first, its portions in order; what another worker holds is left to it. Of one
// that was stopped only what was begun: its documents must come to be known. What this instance
// held before it was started ($4, $5) nobody works on any more.
constexpr store::Query kClaim{"seal.claim_portion", R"sql(
  update seal.batch_portion p set worker = $1, lease_until = $3
    from (select q.batch, q.first, b.client
            from seal.batch b join seal.batch_portion q on q.batch = b.id
           where (b.state = 'running' or (b.state = 'stopped' and q.worker is not null))
             and q.results is null
               and (q.lease_until is null or q.lease_until < $2
                  or (left(q.worker, -17) = $4 and q.lease_until < $5))
           order by b.submitted_at, b.id, q.first limit 1
             for update of q skip locked) next
   where p.batch = next.batch and p.first = next.first
  returning p.batch, p.first, p.lines, p.input_sealed, next.client)sql"};
// Nothing when another worker has it. A lease that ran out and that nobody took goes on.
constexpr store::Query kHold{"seal.hold_portion", R"sql(
  update seal.batch_portion set lease_until = $4
   where batch = $1 and first = $2 and worker = $3 and results is null)sql"};
constexpr store::Query kNote{"seal.note_batch", R"sql(
  update seal.batch set note = $2 where id = $1 and note <> $2)sql"};
constexpr store::Query kLetGo{"seal.let_portion_go", R"sql(
  update seal.batch_portion set lease_until = null
   where batch = $1 and first = $2 and worker = $3 and results is null)sql"};
constexpr store::Query kFinish{"seal.finish_portion", R"sql(
  update seal.batch_portion set results = $4
   where batch = $1 and first = $2 and worker = $3 and results is null)sql"};
constexpr store::Query kCount{"seal.count_batch", R"sql(
  update seal.batch set done = done + $2, failed = failed + $3, note = '',
         state = case when state = 'running' and done + $2 = total then 'done' else state end,
         ended_at = case when state = 'running' and done + $2 = total then $4 else ended_at end
   where id = $1 returning state, client, total, failed)sql"};

BatchStanding standing_from(const store::Rows& rows, std::size_t row) {
  BatchStanding out;
  out.id = rows.text(row, 0);
  out.submitted_at = rows.time(row, 1);
  out.state = rows.text(row, 2);
  out.total = rows.integer(row, 3);
  out.done = rows.integer(row, 4);
  out.failed = rows.integer(row, 5);
  out.note = rows.text(row, 6);
  if (!rows.is_null(row, 7)) out.ended_at = rows.time(row, 7);
  return out;
}

base::Error unknown() {
  return error(Code::not_found, "seal.batch.unknown");
}
base::Error wrong_state(const BatchStanding& batch) {
  auto failure = error(Code::conflict, "seal.batch.state");
  failure.args = {{"state", batch.state}};
  return failure;
}

/// It may be otherwise in a while: nothing is wrong with the line.
bool is_passing(const base::Error& failure) {
  return failure.code == Code::unavailable || failure.code == Code::rate_limited;
}

std::string to_json(const std::vector<BatchResult>& results) {
  base::JsonWriter out;
  out.StartArray();
  for (const auto& one : results) {
    out.StartObject();
    if (!one.document.empty()) out.member("document", one.document);
    if (!one.subject.empty()) out.member("subject", one.subject);
    if (!one.error.empty()) out.member("error", one.error);
    if (!one.fields.empty()) {
      out.key("fields");
      out.StartArray();
      for (const auto& field : one.fields) {
        out.StartObject();
        out.member("field", field.field);
        out.member("key", field.key);
        out.EndObject();
      }
      out.EndArray();
    }
    out.EndObject();
  }
  out.EndArray();
  return out.text();
}

void add_results(std::string_view json, std::int64_t first, std::int64_t after,
                 std::vector<BatchResult>& out) {
  const auto document = base::parse_json(json, {4 << 20, 6});
  base::check(document.ok() && document->IsArray(), "stored results of a batch cannot be read");
  for (rapidjson::SizeType i = 0; i < document->Size(); ++i) {
    BatchResult one;
    one.line = first + i;
    if (one.line <= after) continue;
    const auto& value = (*document)[i];
    one.document = base::json_text(value, "document");
    one.subject = base::json_text(value, "subject");
    one.error = base::json_text(value, "error");
    if (const auto fields = value.FindMember("fields"); fields != value.MemberEnd())
      for (const auto& field : fields->value.GetArray())
        one.fields.push_back({std::string(base::json_text(field, "field")),
                              std::string(base::json_text(field, "key"))});
    out.push_back(std::move(one));
  }
}

std::string row_name(std::string_view batch, std::int64_t first) {
  return std::string(batch) + "/" + std::to_string(first);
}

}  // namespace

struct Batches::Portion {
  std::string batch, client, worker;
  std::int64_t first = 1;
  std::string text;
};

base::Result<BatchStanding> Batches::open(const std::string& client,
                                          std::string_view idempotency_key) {
  const bool visible = std::all_of(idempotency_key.begin(), idempotency_key.end(),
                                   [](char c) { return c > 0x20 && c < 0x7f; });
  if (idempotency_key.empty() || idempotency_key.size() > kMostKey || !visible)
    return error(Code::invalid_argument, "seal.batch.key");
  const auto request =
      parts_.cipher.lookup("seal.batch", client + '\n' + std::string(idempotency_key));
  BASE_TRY_VOID(parts_.pool.run(kOpenBatch, {base::to_hex(parts_.random.bytes(16)), client,
                                             base::BytesView(request), parts_.clock.now()}));
  BASE_TRY(const auto rows, parts_.pool.run(kByRequest, {client, base::BytesView(request)}));
  if (rows.empty()) return error(Code::unavailable, "store.unavailable", "a batch just opened");
  return standing_from(rows, 0);
}

base::Result<BatchStanding> Batches::append(const std::string& client, std::string_view batch,
                                            std::int64_t from, std::string_view text) {
  auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto read = read_batch_line(lines[i]);
    if (read.ok()) continue;
    auto failure = std::move(read).error();
    const auto place = "line " + std::to_string(from + static_cast<std::int64_t>(i));
    if (failure.fields.empty()) failure.fields.push_back({"", failure.key});
    for (auto& field : failure.fields) field.field = place + field.field;
    failure.key = "seal.batch.line";
    failure.args = {{"member", failure.fields[0].field}};
    return failure;
  }
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto rows, tx.run(kLockBatch, {client, batch}));
  if (rows.empty()) return unknown();
  auto now = standing_from(rows, 0);
  if (now.state != "open") return wrong_state(now);
  if (from < 1 || from > now.total + 1) {
    auto failure = error(Code::conflict, "seal.batch.gap");
    failure.args = {{"next", std::to_string(now.total + 1)}};
    return failure;
  }
  const auto there = static_cast<std::size_t>(now.total + 1 - from);
  lines.erase(lines.begin(),
              lines.begin() + static_cast<std::ptrdiff_t>(std::min(there, lines.size())));
  if (now.total + static_cast<std::int64_t>(lines.size()) > kMostBatchLines)
    return error(Code::invalid_argument, "seal.batch.too_many");
  for (std::size_t i = 0; i < lines.size(); i += kPortionLines) {
    const auto count = std::min<std::size_t>(kPortionLines, lines.size() - i);
    std::string joined;
    for (std::size_t j = i; j < i + count; ++j) (joined += lines[j]) += '\n';
    const auto first = now.total + 1;
    tx.put(kPortion, {batch, first, static_cast<std::int64_t>(count),
                      parts_.cipher.seal(kField, row_name(batch, first), base::as_bytes(joined))});
    now.total += static_cast<std::int64_t>(count);
  }
  tx.put(kGrow, {batch, now.total});
  BASE_TRY_VOID(tx.commit());
  return now;
}

base::Result<BatchStanding> Batches::start(const std::string& client, std::string_view batch) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto rows, tx.run(kLockBatch, {client, batch}));
  if (rows.empty()) return unknown();
  auto now = standing_from(rows, 0);
  if (now.state == "running" || now.state == "done") return now;  // asked again
  if (now.state != "open") return wrong_state(now);
  if (now.total == 0) return error(Code::invalid_argument, "seal.batch.empty");
  tx.put(kState, {batch, "running", std::nullopt});
  now.state = "running";
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("lines", now.total);
  facts.EndObject();
  BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), "client:" + client, "batch.start",
                                  std::string(batch), "ok", facts.text()}));
  BASE_TRY_VOID(tx.commit());
  return now;
}

base::Result<BatchStanding> Batches::stop(const std::string& client, std::string_view batch) {
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto rows, tx.run(kLockBatch, {client, batch}));
  if (rows.empty()) return unknown();
  auto now = standing_from(rows, 0);
  if (now.state == "stopped") return now;
  if (now.state == "done") return wrong_state(now);
  const auto at = parts_.clock.now();
  tx.put(kState, {batch, "stopped", at});
  now.state = "stopped";
  now.ended_at = at;
  BASE_TRY_VOID(
      store::audit(tx, {at, "client:" + client, "batch.stop", std::string(batch), "ok", "{}"}));
  BASE_TRY_VOID(tx.commit());
  return now;
}

base::Result<BatchStanding> Batches::standing(const std::string& client, std::string_view batch) {
  BASE_TRY(const auto rows, parts_.pool.run(kBatch, {client, batch}));
  if (rows.empty()) return unknown();
  return standing_from(rows, 0);
}

base::Result<std::vector<BatchStanding>> Batches::list(const std::string& client) {
  BASE_TRY(const auto rows, parts_.pool.run(kList, {client}));
  std::vector<BatchStanding> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(standing_from(rows, i));
  return out;
}

base::Result<std::vector<BatchResult>> Batches::results(const std::string& client,
                                                        std::string_view batch, std::int64_t after,
                                                        int limit) {
  BASE_TRY([[maybe_unused]] const auto known, standing(client, batch));
  const int portions = std::clamp(limit, 1, 5000) / kPortionLines + 1;
  BASE_TRY(const auto rows,
           parts_.pool.run(kResults, {batch, std::max<std::int64_t>(after, 0), portions}));
  std::vector<BatchResult> out;
  for (std::size_t i = 0; i < rows.size() && !rows.is_null(i, 1); ++i)
    add_results(rows.text(i, 1), rows.integer(i, 0), after, out);
  return out;
}

base::Result<std::optional<Batches::Portion>> Batches::claim() {
  const auto now = parts_.clock.now();
  Portion out;
  // Two threads of an instance are two workers (the query knows the length of the suffix).
  out.worker = parts_.instance + "/" + base::to_hex(parts_.random.bytes(8));
  BASE_TRY(const auto rows, parts_.pool.run(kClaim, {out.worker, now, now + kLease, parts_.instance,
                                                     parts_.started + kLease}));
  if (rows.empty()) return std::optional<Portion>();
  out.batch = rows.text(0, 0);
  out.first = rows.integer(0, 1);
  out.client = rows.text(0, 4);
  BASE_TRY(const auto text,
           parts_.cipher.open(kField, row_name(out.batch, out.first), rows.bytes(0, 3)));
  out.text = base::as_text(text);
  return std::optional(std::move(out));
}

/// Errors: conflict `seal.batch.let_go`: it is no longer ours.
base::Result<void> Batches::hold(const Portion& portion, std::string_view note) {
  BASE_TRY(const auto held, parts_.pool.run(kHold, {portion.batch, portion.first, portion.worker,
                                                    parts_.clock.now() + kLease}));
  if (held.affected() == 0) return error(Code::conflict, "seal.batch.let_go");
  if (!note.empty()) BASE_TRY_VOID(parts_.pool.run(kNote, {portion.batch, note}));
  return {};
}

base::Result<BatchResult> Batches::make(const Portion& portion, std::size_t index,
                                        std::string_view line, const Issue& issue,
                                        const std::atomic<bool>& go_on) {
  BatchResult out;
  out.line = portion.first + static_cast<std::int64_t>(index);
  const auto key = "batch/" + portion.batch + "/" + std::to_string(out.line);
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kLeastPause);
  std::string note;
  for (;;) {
    if (!go_on) return error(Code::conflict, "seal.batch.let_go");
    BASE_TRY_VOID(hold(portion, note));
    auto read = read_batch_line(line);
    auto made =
        read.ok() ? issue(portion.client, *read, key) : base::Result<Made>(std::move(read).error());
    if (made.ok()) {
      out.document = std::move(made->document);
      out.subject = std::move(made->subject);
      return out;
    }
    if (!is_passing(made.error())) {
      out.error = made.error().key;
      out.fields = made.error().fields;
      return out;
    }
    note = made.error().key;
    // The token is not asked faster than it can answer, nor by whom a limit told when to come.
    const auto wait =
        made.error().retry_after
            ? std::max<std::chrono::milliseconds>(
                  pause, std::min<std::chrono::milliseconds>(*made.error().retry_after, kMostPause))
            : pause;
    const auto until = std::chrono::steady_clock::now() + wait;
    while (go_on && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kListen);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kMostPause);
  }
}

base::Result<void> Batches::finish(const Portion& portion,
                                   const std::vector<BatchResult>& results) {
  const auto failed = std::count_if(results.begin(), results.end(),
                                    [](const auto& one) { return one.document.empty(); });
  BASE_TRY(auto tx, parts_.pool.begin());
  BASE_TRY(const auto put, tx.run(kFinish, {portion.batch, portion.first, portion.worker,
                                            store::Json{to_json(results)}}));
  if (put.affected() == 0) return error(Code::conflict, "seal.batch.let_go");
  BASE_TRY(const auto counted,
           tx.run(kCount, {portion.batch, static_cast<std::int64_t>(results.size()),
                           static_cast<std::int64_t>(failed), parts_.clock.now()}));
  if (counted.text(0, 0) == "done") {
    base::JsonWriter facts;
    facts.StartObject();
    facts.member("lines", counted.integer(0, 2));
    facts.member("failed", counted.integer(0, 3));
    facts.EndObject();
    BASE_TRY_VOID(store::audit(tx, {parts_.clock.now(), "client:" + std::string(counted.text(0, 1)),
                                    "batch.done", portion.batch, "ok", facts.text()}));
  }
  return tx.commit();
}

base::Result<bool> Batches::work(const Issue& issue, const std::atomic<bool>& go_on) {
  BASE_TRY(const auto portion, claim());
  if (!portion) return false;
  std::vector<BatchResult> results;
  const auto lines = lines_of(portion->text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto made = make(*portion, i, lines[i], issue, go_on);
    if (!made.ok()) {
      // Let go of at once, so that nobody waits for the lease; if this fails they wait.
      [[maybe_unused]] const auto gone =
          parts_.pool.run(kLetGo, {portion->batch, portion->first, portion->worker});
      if (made.error().key == "seal.batch.let_go") return true;
      return std::move(made).error();
    }
    results.push_back(std::move(*made));
    base::fail_point("batch.after_document");
  }
  const auto done = finish(*portion, results);
  if (!done.ok() && done.error().key != "seal.batch.let_go") return done.error();
  return true;
}

}  // namespace seal
