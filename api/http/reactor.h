// One reactor: a thread, its connections, its clock sweep and its inbox. Internal to the server.
#pragma once

#include <Poco/Net/SocketNotification.h>
#include <Poco/Net/SocketReactor.h>
#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/http/server.h"
#include "base/unique_fd.h"

namespace api {

using Steady = std::chrono::steady_clock;

class Connection;

/// What all reactors of one server share.
struct ServerShared {
  ServerConfig config;
  Application& application;
  std::string id_prefix;  ///< of request ids, random per start
  std::atomic<std::uint64_t> next_connection{1};
  std::atomic<std::size_t> connections{0}, accepted{0}, refused{0}, body_memory{0};
  std::atomic<bool> draining{false};
};

class Reactor final : public Poco::Net::SocketReactor {
 public:
  Reactor(ServerShared& shared, int number);
  ~Reactor() override;

  void begin();  ///< starts the thread
  void end();    ///< stops and joins it

  /// From any thread: `task` runs on the reactor's thread, soon. False once the reactor has ended.
  bool post(std::function<void(Reactor&)> task);

  // On the reactor's thread only:
  /// `proven`: from the proxy that proved itself.
  void adopt(base::UniqueFd fd, Address peer, bool over_capacity, bool proven);
  void remove(Connection& connection);
  Connection* find(std::uint64_t id);
  std::string_view date();  ///< IMF-fixdate of this second
  std::string next_request_id();
  Steady::time_point now() const { return now_; }
  void refresh_now() { now_ = Steady::now(); }
  std::vector<char>& scratch() { return scratch_; }
  ServerShared& shared() { return shared_; }
  void close_idle();

 protected:
  void onTimeout() override { housekeeping(); }
  void onBusy() override { housekeeping(); }
  void onIdle() override {}
  void onShutdown() override {}

 private:
  void housekeeping();
  void run_inbox(Poco::Net::ReadableNotification* notification);

  ServerShared& shared_;
  const int number_;
  std::uint64_t requests_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>>
      graveyard_;  // ended while their handler was on the stack
  std::vector<char> scratch_;
  Steady::time_point now_ = Steady::now(), swept_ = now_;
  std::string date_;
  Steady::time_point date_until_{};
  base::UniqueFd wake_write_;
  Poco::Net::StreamSocket wake_;
  std::mutex mutex_;  // protects inbox_ and ended_
  std::vector<std::function<void(Reactor&)>> inbox_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace api
