// The HTTP/1.1 server: one Poco reactor a core, many idle connections at no cost, bounded
// everything.
//
// A connection belongs to one reactor and is touched by its thread alone. Requests of one
// connection are answered in order, one at a time; bytes of later ones wait in a bounded buffer. A
// request is read whole before it is handed on: to the application on the reactor's own thread when
// it can answer from memory, else to a pool of workers, whose answer is posted back to the reactor.
// Deadlines are absolute: for the head from its first byte, for the body from the head's end, so a
// client that drips bytes is cut. Figures and alternatives:
// docs/decisions/0050-http-on-poco-reactors.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/http/gate.h"
#include "api/http/message.h"
#include "api/http/workers.h"
#include "base/result.h"

namespace api {

struct ServerConfig {
  std::string listen = "127.0.0.1";
  int port = 0;      ///< 0: any free port
  int reactors = 0;  ///< 0: one a core
  std::size_t connections = 10'000;
  bool https = false;  ///< the public address is https (TLS ends in front of us)
  std::vector<std::string> hosts;
  std::vector<Network> trusted_proxies;
  /// Where our own proxy connects and proves itself by its account; empty: nowhere. Of requests
  /// from there alone a client's certificate is believed.
  std::string proxy_socket = {};
  unsigned proxy_uid = 0;
  GateLimits gate;
  std::chrono::milliseconds head_deadline{10'000}, body_deadline{60'000}, idle{60'000},
      write_idle{30'000}, queue_deadline{3'000}, answer_deadline{30'000}, linger{2'000};
  std::size_t body_memory = 256u << 20;  ///< all bodies being read or answered, together
};

/// What the application says when a request's head has been read.
struct Admission {
  std::optional<Response> refusal;  ///< answered at once; the connection closes if a body is unread
  std::size_t body_limit = 0;
  const void* route = nullptr;  ///< the application's own
  Workers* pool = nullptr;      ///< nothing: answered on the reactor
  bool first = false;           ///< before others in the pool
};

/// One answered request, for log and metrics. `request` may be empty (nothing that could be read).
struct Exchange {
  const Request& request;
  const void* route = nullptr;
  int status = 0;
  std::size_t bytes = 0;
  std::chrono::microseconds took{0};
  std::string_view note;  ///< error key
};

/// What the server serves. All functions may be called by many threads at once and must not throw.
class Application {
 public:
  virtual ~Application() = default;
  /// On a reactor: must not wait.
  virtual Admission admit(const Request& head) = 0;
  /// On a reactor: the answer when it can be had from memory; nothing sends the request to the
  /// pool.
  virtual std::optional<Response> quick(const Request& request, const Admission& admission) = 0;
  /// On a worker.
  virtual Response answer(const Request& request, const Admission& admission) = 0;
  /// An answer to what never became a request, or could not be served (status, catalogue key).
  virtual Response refuse(const Refusal& refusal, const Request& request) = 0;
  virtual void finished(const Exchange& exchange) = 0;
};

struct ServerGauges {
  std::size_t connections = 0, accepted = 0, refused = 0, body_memory = 0;
};

class Server {
 public:
  Server(ServerConfig config, Application& application);
  ~Server();  ///< stop at once
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and starts the reactors. Errors: unavailable `http.listen` (args "address", "why").
  base::Result<void> start();
  int port() const;
  /// No new connections, idle ones closed, the others end with their answer; waits at most
  /// `finish`. True when all ended by themselves.
  bool drain(std::chrono::milliseconds finish);
  /// Ends the reactors; open connections are cut. Call it after the pools have stopped.
  void stop();
  ServerGauges gauges() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace api
