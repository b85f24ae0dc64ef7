// One connection: bytes in, requests one at a time, bytes out. Internal to the server; it lives on
// its reactor's thread.
#pragma once

#include <Poco/Net/SocketNotification.h>
#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <memory>
#include <string>

#include "api/http/reactor.h"

namespace api {

/// A request on its way through a pool. The reactor may give up on it; the worker then drops its
/// answer.
struct Job {
  enum State : int { queued, running, abandoned };
  Request request;
  Admission admission;
  std::shared_ptr<void> ticket;  ///< gives the body's share of memory back
  std::atomic<int> state{queued};
};

class Connection {
 public:
  Connection(Reactor& reactor, std::uint64_t id, Poco::Net::StreamSocket socket, Address peer,
             bool proven);
  ~Connection();

  std::uint64_t id() const { return id_; }
  /// Answers with `refusal` at once and closes: the server is full.
  void turn_away(const Refusal& refusal);
  /// A worker's answer.
  void answered(const std::shared_ptr<Job>& job, Response response);
  /// Deadlines; called a few times a second.
  void sweep();
  bool idle() const { return stage_ == Stage::head && in_.empty() && out_.empty(); }
  void finish_soon() { keep_alive_allowed_ = false; }
  void close();

 private:
  enum class Stage { head, body, working, lingering, dead };
  enum class Step { more, next };

  void on_readable(Poco::Net::ReadableNotification* notification);
  void on_writable(Poco::Net::WritableNotification* notification);
  void on_error(Poco::Net::ErrorNotification* notification);

  void process();
  Step read_head();
  Step admit_request();
  const char* read_proxied_fields();
  Step read_body();
  Step dispatch();
  void refuse(const Refusal& refusal);
  void respond(Response response, const Request& request);
  bool reserve_body(std::size_t bytes);
  void flush();
  void linger();
  void want_read(bool on);
  void want_write(bool on);

  Reactor& reactor_;
  ServerShared& shared_;
  const std::uint64_t id_;
  Poco::Net::StreamSocket socket_;
  const int fd_;
  const Address peer_;
  const bool proven_;  // our proxy is at the other end

  Stage stage_ = Stage::head;
  HeadReader head_;
  BodyReader body_;
  Framing framing_;
  Request request_;
  Admission admission_;
  std::shared_ptr<Job> job_;
  std::string in_, out_;
  std::size_t in_used_ = 0, out_sent_ = 0, lingered_ = 0;
  std::shared_ptr<void> body_ticket_;
  bool reading_ = false, writing_ = false, closing_ = false, unread_body_ = false;
  bool keep_alive_allowed_ = true, peer_done_ = false, head_begun_ = false;
  Steady::time_point deadline_, request_began_, write_deadline_;
};

}  // namespace api
