// Point look-ups through store::Pool::run against bare libpq, in one run: prints both rates and
// their ratio (to reach: 0.9).
//   cmake --preset release -DXINYIN_BENCH=ON && ninja -C build/release bench_store
//   tests/support/cluster start build/release
//   build/release/bin/bench_store "host=$(jq -r .host build/release/postgres.json) user=postgres
//   dbname=postgres"
// It makes a table of its own in that database and drops it.
#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "store/store.h"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kRows = 100'000;
constexpr int kRounds = 31;  // many short ones, by turns: a neighbour's noise meets both sides
constexpr std::chrono::milliseconds kRound{150};
constexpr const char* kSql =
    "select digest, size, kind, at, facts from public.xinyin_bench where code = $1";
constexpr store::Query kQuery{"bench.point", kSql};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "bench_store: %s\n", why.c_str());
  std::exit(1);
}

base::Bytes code_of(int row) {
  const auto text = std::to_string(row);
  const auto digest = base::sha256(base::as_bytes(text));
  return {digest.begin(), digest.begin() + 16};
}

std::uint64_t big_endian(const char* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

/// What both sides decode is added up, so that neither can leave it out.
struct Tally {
  std::uint64_t count = 0, sum = 0;
};

class Bare {
 public:
  explicit Bare(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
    if (PQstatus(connection_) != CONNECTION_OK) die(PQerrorMessage(connection_));
  }
  void prepare() {
    const Oid bytea = 17;
    PQclear(PQprepare(connection_, "point", kSql, 1, &bytea));
  }
  ~Bare() { PQfinish(connection_); }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  void script(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    if (PQresultStatus(result) != PGRES_COMMAND_OK) die(PQerrorMessage(connection_));
    PQclear(result);
  }
  void look_up(const base::Bytes& code, Tally& tally) {
    const char* value = reinterpret_cast<const char*>(code.data());
    const int size = static_cast<int>(code.size()), binary = 1;
    PGresult* result = PQexecPrepared(connection_, "point", 1, &value, &size, &binary, 1);
    if (PQntuples(result) != 1) die("a row is missing");
    tally.sum += static_cast<std::uint8_t>(PQgetvalue(result, 0, 0)[0]) +
                 big_endian(PQgetvalue(result, 0, 1), 8) + big_endian(PQgetvalue(result, 0, 2), 2) +
                 big_endian(PQgetvalue(result, 0, 3), 8) +
                 static_cast<std::uint64_t>(PQgetlength(result, 0, 4));
    ++tally.count;
    PQclear(result);
  }

 private:
  PGconn* connection_;
};

void look_up(store::Pool& pool, const base::Bytes& code, Tally& tally) {
  const auto rows = pool.run(kQuery, {code});
  if (!rows.ok()) die(rows.error().detail);
  if (rows->size() != 1) die("a row is missing");
  tally.sum += rows->bytes(0, 0)[0] + static_cast<std::uint64_t>(rows->integer(0, 1)) +
               static_cast<std::uint64_t>(rows->integer(0, 2)) +
               static_cast<std::uint64_t>(rows->time(0, 3).time_since_epoch().count()) +
               rows->text(0, 4).size();
  ++tally.count;
}

/// Look-ups a second of `threads` threads, each with its own look-up function.
template <class Make>
double rate(int threads, const std::vector<base::Bytes>& codes, Make make) {
  std::vector<std::thread> running;
  std::vector<Tally> tallies(static_cast<std::size_t>(threads));
  const auto start = Steady::now();
  for (int t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      auto look_up_one = make(t);
      auto& tally = tallies[static_cast<std::size_t>(t)];
      Tally own;
      for (std::size_t i = static_cast<std::size_t>(t) * 7919; Steady::now() - start < kRound; ++i)
        look_up_one(codes[i * 31 % codes.size()], own);
      tally = own;
    });
  for (auto& thread : running) thread.join();
  const std::chrono::duration<double> took = Steady::now() - start;
  std::uint64_t all = 0, sum = 0;
  for (const auto& tally : tallies) all += tally.count, sum += tally.sum;
  if (sum == 0) die("nothing was decoded");
  return static_cast<double>(all) / took.count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) die("usage: bench_store CONNINFO");
  const std::string conninfo = argv[1];
  Bare admin(conninfo);
  admin.script("drop table if exists public.xinyin_bench");
  admin.script(
      "create table public.xinyin_bench (code bytea primary key, digest bytea not null, size "
      "bigint "
      "not null, kind smallint not null, at timestamptz not null, facts jsonb not null)");
  // The same codes as code_of: sha256 of the row's number, cut to 16 bytes.
  admin.script(
      "insert into public.xinyin_bench select substr(sha256(n::text::bytea), 1, 16), "
      "sha256(n::text::bytea), n, n % 7, now(), jsonb_build_object('name', '张*三', 'period', "
      "'2024年12月至2026年11月', 'n', n) from generate_series(0, " +
      std::to_string(kRows - 1) + ") n");
  admin.script("analyze public.xinyin_bench");
  std::vector<base::Bytes> codes;
  for (int row = 0; row < kRows; ++row) codes.push_back(code_of(row));

  for (const int threads : {1, 2}) {
    std::vector<std::unique_ptr<Bare>> bare;
    for (int t = 0; t < threads; ++t) {
      bare.push_back(std::make_unique<Bare>(conninfo));
      bare.back()->prepare();
    }
    store::Pool pool(store::Config{conninfo, threads});
    std::vector<double> bare_rates, store_rates, ratios;
    for (int round = 0; round < kRounds; ++round) {
      bare_rates.push_back(rate(threads, codes, [&](int t) {
        return [&own = *bare[static_cast<std::size_t>(t)]](const auto& code, Tally& tally) {
          own.look_up(code, tally);
        };
      }));
      store_rates.push_back(rate(threads, codes, [&](int) {
        return [&pool](const auto& code, Tally& tally) { look_up(pool, code, tally); };
      }));
      ratios.push_back(store_rates.back() / bare_rates.back());
    }
    std::printf("threads %d: bare libpq %.0f/s, store %.0f/s, ratio %.3f (goal 0.9)\n", threads,
                median(bare_rates), median(store_rates), median(ratios));
  }
  admin.script("drop table public.xinyin_bench");
}
