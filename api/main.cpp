// xinyind: the service. Read from top to bottom, main() walks the house from the ground to the
// roof.
//
//   xinyind --config FILE [--only=verify]     serves until SIGTERM or SIGINT
//   xinyind --print-config                    every configuration key, as docs/config.md has them
//   xinyind --config FILE --check             reads the configuration and says what is wrong with
//   it
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "api/background.h"
#include "api/batch_desk.h"
#include "api/handlers.h"
#include "api/http/server.h"
#include "api/log.h"
#include "api/metrics.h"
#include "api/page_handlers.h"
#include "api/pki_watch.h"
#include "api/rate_limits.h"
#include "api/router.h"
#include "api/verify_lookup.h"
#include "base/fail_point.h"

namespace {

struct Arguments {
  std::string config;
  bool verify_only = false, print_config = false, check = false;
};

int usage() {
  std::fputs(
      "xinyind --config FILE [--only=verify]   serve until SIGTERM\n"
      "xinyind --config FILE --check           read the configuration, say what is wrong\n"
      "xinyind --print-config                  print every configuration key (Markdown)\n",
      stderr);
  return 2;
}

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view one = argv[i];
    if (one == "--config" && i + 1 < argc)
      out.config = argv[++i];
    else if (one.starts_with("--config="))
      out.config = one.substr(9);
    else if (one == "--only=verify")
      out.verify_only = true;
    else if (one == "--print-config")
      out.print_config = true;
    else if (one == "--check")
      out.check = true;
    else
      return false;
  }
  return out.print_config || !out.config.empty();
}

int complain(const base::Error& error) {
  std::fprintf(stderr, "xinyind: %s\n%s\n",
               base::message(error.key, base::Language::zh, error.args).c_str(),
               base::message(error.key, base::Language::en, error.args).c_str());
  if (!error.detail.empty() && error.args.empty())
    std::fprintf(stderr, "%s\n", error.detail.c_str());
  return 1;
}

base::Result<api::Config> read_config(const Arguments& arguments) {
  BASE_TRY(auto settings, base::Settings::from_file(arguments.config));
  return api::Config::read(settings, arguments.verify_only);
}

/// No core dump with keys in it, no new rights, and as many descriptors as the system lets us have.
void harden() {
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

/// Blocked before any thread starts, so that only main's wait sees them.
sigset_t stop_signals() {
  sigset_t out;
  sigemptyset(&out);
  sigaddset(&out, SIGTERM);
  sigaddset(&out, SIGINT);
  pthread_sigmask(SIG_BLOCK, &out, nullptr);
  return out;
}

/// Waits for a signal to stop; with a limit, at most that long.
void wait_for(const sigset_t& signals, std::optional<std::chrono::milliseconds> limit = {}) {
  int got = 0;
  if (!limit) {
    sigwait(&signals, &got);
    return;
  }
  const timespec time{limit->count() / 1000, (limit->count() % 1000) * 1'000'000};
  sigtimedwait(&signals, nullptr, &time);
}

api::ServerConfig server_config(const api::Config& config) {
  api::ServerConfig out;
  out.listen = config.http.listen;
  out.port = config.http.port;
  out.reactors = config.http.reactors;
  out.connections = static_cast<std::size_t>(config.http.connections);
  out.https = config.https;
  out.hosts = config.http.hosts;
  out.trusted_proxies = config.http.trusted_proxies;
  out.proxy_socket = config.http.proxy_socket;
  out.proxy_uid = static_cast<unsigned>(config.http.proxy_uid);
  out.head_deadline = config.http.head_deadline;
  out.body_deadline = config.http.body_deadline;
  out.idle = config.http.idle;
  out.write_idle = config.http.write_idle;
  out.queue_deadline = config.workers.queue_deadline;
  out.answer_deadline = config.http.answer_deadline;
  out.gate.opaque_path = api::kOcspPath;
  out.gate.old_path = api::kPkiPath;
  return out;
}

std::vector<api::Metrics::Gauge> gauges(const api::Services& services, const api::Server& server,
                                        const api::Router& router, const api::Log& log) {
  std::vector<api::Metrics::Gauge> out;
  const auto http = server.gauges();
  out.push_back({"xinyin_connections", static_cast<double>(http.connections)});
  out.push_back({"xinyin_connections_accepted", static_cast<double>(http.accepted)});
  out.push_back({"xinyin_connections_refused", static_cast<double>(http.refused)});
  out.push_back({"xinyin_body_bytes", static_cast<double>(http.body_memory)});
  for (const auto* pool : router.pools())
    out.push_back(
        {"xinyin_pool_queued{pool=\"" + pool->name() + "\"}", static_cast<double>(pool->queued())});
  for (const auto* pool : router.pools())
    out.push_back(
        {"xinyin_pool_busy{pool=\"" + pool->name() + "\"}", static_cast<double>(pool->busy())});
  for (const auto* pool : router.pools())
    out.push_back({"xinyin_pool_refused{pool=\"" + pool->name() + "\"}",
                   static_cast<double>(pool->refused())});
  out.push_back({"xinyin_snapshot_documents", static_cast<double>(services.snapshot.size())});
  out.push_back(
      {"xinyin_snapshot_newest_change", static_cast<double>(services.snapshot.newest_change())});
  out.push_back(
      {"xinyin_snapshot_followed_at_seconds", static_cast<double>(services.followed_at.load())});
  out.push_back(
      {"xinyin_audit_unsigned_rows", static_cast<double>(services.audit_unsigned.load())});
  if (services.signer) {
    out.push_back({"xinyin_audit_ledger_lines", static_cast<double>(services.ledger_lines.load())});
    out.push_back({"xinyin_audit_ledger_followed_at_seconds",
                   static_cast<double>(services.ledger_followed_at.load())});
    out.push_back({"xinyin_audit_ledger_alarm", services.ledger_alarm.load() ? 1.0 : 0.0});
  }
  out.push_back({"xinyin_upstairs_open", services.upstairs.get() ? 1.0 : 0.0});
  if (services.signer) {
    const auto health = services.signer->health();
    out.push_back({"xinyin_signer_up", health.ok() && health->token_up ? 1.0 : 0.0});
  }
  constexpr store::Query kPing{"api.metrics_ping", "select 1::bigint"};
  out.push_back({"xinyin_database_up", services.pool.run(kPing).ok() ? 1.0 : 0.0});
  if (const auto files = services.files.get())
    out.push_back({"xinyin_trust_list_sequence", static_cast<double>(files->trust_sequence)});
  api::add_pki_gauges(services, out);
  out.push_back({"xinyin_log_lines_dropped", static_cast<double>(log.dropped())});
  return out;
}

int serve(const api::Config& config, const sigset_t& signals) {
  // The ground: time, chance, the log.
  const base::SystemClock clock;
  base::SystemRandom random;
  base::UniqueFd log_file;
  if (!config.log_file.empty()) {
    auto opened = api::Log::open(config.log_file);
    if (!opened.ok()) return complain(opened.error());
    log_file = std::move(*opened);
  }
  const auto log = log_file ? std::make_unique<api::Log>(clock, std::move(log_file))
                            : std::make_unique<api::Log>(clock);

  // store: the database may be away; every call then says so.
  store::Pool pool(
      {.conninfo = config.database.conninfo, .connections = config.database.connections});

  // hsm: the signer's client, connected when it is first needed. A public verifier has none.
  std::unique_ptr<hsm::Client> signer;
  if (!config.verify_only)
    signer = std::make_unique<hsm::Client>(
        hsm::ClientConfig{.socket = config.signer.socket, .deadline = config.signer.deadline});

  // verify: the register, the register in memory, and the secret that codes are found by.
  auto pepper = base::Secret::from_file(config.code_pepper_file);
  if (!pepper.ok()) return complain(pepper.error());
  verify::Register documents(pool);
  verify::Snapshot snapshot;

  // api: what handlers see of all this. auth, seal and services join when the signer is there
  // (api/upstairs.cpp), which may be now or later.
  api::Metrics metrics(api::Router::labels(api::kRoutes));
  api::RateLimits rates(config.limits);
  api::VerdictCache verdicts;
  api::Services services{.config = config,
                         .clock = clock,
                         .random = random,
                         .pool = pool,
                         .documents = documents,
                         .snapshot = snapshot,
                         .code_pepper = *pepper,
                         .signer = signer.get(),
                         .metrics = metrics,
                         .rates = rates,
                         .verdicts = verdicts};
  // certs: the clock is attested only while the database's agrees and nobody sets it.
  const base::SystemSteadyClock steady;
  certs::DatabaseWitness witness(pool);
  certs::ClockGuard clock_guard(clock, steady, witness);
  if (!config.verify_only) services.clock_guard = &clock_guard;
  const auto host = config.public_url.substr(config.public_url.find("://") + 3);
  api::set_up_pages({.agency = config.agency.name,
                     .public_host = host,
                     .filing = config.agency.filing,
                     .demonstration = !config.production,
                     .accounts = !config.verify_only});
  api::Background background(services, *log, {});
  background.start();

  std::unique_ptr<api::BatchWorkers> batches;
  if (!config.verify_only)
    batches = std::make_unique<api::BatchWorkers>(services, *log, config.batch_workers);

  // The roof: the routes, and the door to the street.
  api::Router router(services, *log, api::kRoutes);
  api::Server server(server_config(config), router);
  metrics.watch([&] { return gauges(services, server, router, *log); });
  if (const auto started = server.start(); !started.ok()) return complain(started.error());
  log->event("service.started", config.instance + (config.verify_only ? ", verify only" : "") +
                                    ", port " + std::to_string(server.port()));

  wait_for(signals);

  // Down again: no longer ready, then no longer open, then finished.
  log->event("service.stopping");
  services.draining.store(true);
  if (config.http.drain.count() > 0) wait_for(signals, config.http.drain);
  const bool all_done = server.drain(config.http.finish);
  router.stop();
  server.stop();
  batches.reset();
  background.stop();
  log->event("service.stopped", all_done ? "all requests finished" : "some requests were cut",
             !all_done);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return usage();
  if (arguments.print_config) {
    std::fputs(api::Config::describe().c_str(), stdout);
    return 0;
  }
  const auto config = read_config(arguments);
  if (!config.ok()) return complain(config.error());
  if (arguments.check) {
    std::puts("ok");
    return 0;
  }
  harden();
  if (!config->fail_point.empty()) base::arm_fail_point(config->fail_point);
  const auto signals = stop_signals();
  return serve(*config, signals);
}
