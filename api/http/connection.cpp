#include "api/http/connection.h"

#include <Poco/Observer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/encoding.h"

namespace api {
namespace {

using ReadObserver = Poco::Observer<Connection, Poco::Net::ReadableNotification>;
using WriteObserver = Poco::Observer<Connection, Poco::Net::WritableNotification>;
using ErrorObserver = Poco::Observer<Connection, Poco::Net::ErrorNotification>;

/// Output waiting in memory past which no further request of the connection is begun.
constexpr std::size_t kOutEnough = 64 * 1024;
/// Bytes of later requests that may wait while one is being answered.
constexpr std::size_t kInEnough = 64 * 1024;
/// How much of an unread body is thrown away before the connection is cut.
constexpr std::size_t kLingerBytes = 4u << 20;
/// Bodies below this are not counted against the server's body memory.
constexpr std::size_t kSmallBody = 64 * 1024;

}  // namespace

Connection::Connection(Reactor& reactor, std::uint64_t id, Poco::Net::StreamSocket socket,
                       Address peer, bool proven)
    : reactor_(reactor),
      shared_(reactor.shared()),
      id_(id),
      socket_(std::move(socket)),
      fd_(socket_.impl()->sockfd()),
      peer_(peer),
      proven_(proven),
      head_(shared_.config.gate, shared_.config.hosts) {
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  reactor_.refresh_now();
  deadline_ = reactor_.now() + shared_.config.head_deadline;
  reactor_.addEventHandler(socket_, ErrorObserver(*this, &Connection::on_error));
  want_read(true);
}

Connection::~Connection() {
  if (stage_ != Stage::dead) close();
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::close() {
  if (stage_ == Stage::dead) return;
  stage_ = Stage::dead;
  if (job_) job_->state.store(Job::abandoned);
  job_.reset();
  body_ticket_.reset();
  want_read(false);
  want_write(false);
  reactor_.removeEventHandler(socket_, ErrorObserver(*this, &Connection::on_error));
  socket_.close();
  reactor_.remove(*this);
}

void Connection::want_read(bool on) {
  if (on == reading_) return;
  reading_ = on;
  const ReadObserver observer(*this, &Connection::on_readable);
  if (on)
    reactor_.addEventHandler(socket_, observer);
  else
    reactor_.removeEventHandler(socket_, observer);
}

void Connection::want_write(bool on) {
  if (on == writing_) return;
  writing_ = on;
  const WriteObserver observer(*this, &Connection::on_writable);
  if (on)
    reactor_.addEventHandler(socket_, observer);
  else
    reactor_.removeEventHandler(socket_, observer);
}

void Connection::on_error(Poco::Net::ErrorNotification* notification) {
  notification->release();
  close();
}

void Connection::on_readable(Poco::Net::ReadableNotification* notification) {
  notification->release();
  if (stage_ == Stage::dead) return;
  auto& scratch = reactor_.scratch();
  const auto got = ::recv(fd_, scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (got < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) close();
    return;
  }
  if (got == 0) {
    peer_done_ = true;
    // An answer on its way still goes out to a client that closed its own side only.
    if (stage_ == Stage::working || !out_.empty()) {
      closing_ = true;
      want_read(false);
      return;
    }
    return close();
  }
  if (stage_ == Stage::lingering) {
    lingered_ += static_cast<std::size_t>(got);
    if (lingered_ > kLingerBytes) close();
    return;
  }
  if (closing_) return;  // whatever comes after the last answer is not read
  in_.append(scratch.data(), static_cast<std::size_t>(got));
  process();
}

void Connection::on_writable(Poco::Net::WritableNotification* notification) {
  notification->release();
  if (stage_ == Stage::dead) return;
  flush();
  if (stage_ != Stage::dead && out_.empty() && !in_.empty()) process();
}

void Connection::process() {
  while (!closing_ && out_.size() - out_sent_ < kOutEnough) {
    Step step = Step::more;
    if (stage_ == Stage::head && in_used_ < in_.size())
      step = read_head();
    else if (stage_ == Stage::body && in_used_ < in_.size())
      step = read_body();
    if (step == Step::more) break;
  }
  if (stage_ == Stage::dead) return;
  if (in_used_ == in_.size()) {
    if (in_.capacity() > kInEnough)
      std::string().swap(in_);
    else
      in_.clear();
    in_used_ = 0;
  } else if (in_used_ > 0) {
    in_.erase(0, in_used_);
    in_used_ = 0;
  }
  flush();
}

Connection::Step Connection::read_head() {
  const auto bytes = std::string_view(in_).substr(in_used_);
  if (!head_begun_) {
    head_begun_ = true;
    deadline_ = reactor_.now() + shared_.config.head_deadline;
  }
  switch (head_.feed(bytes, request_, framing_)) {
    case Read::more:
      return Step::more;
    case Read::refused:
      in_used_ = in_.size();
      request_began_ = reactor_.now();
      unread_body_ = true;
      request_.id = reactor_.next_request_id();
      request_.client = peer_;
      refuse(head_.refusal());
      return Step::more;
    case Read::whole:
      break;
  }
  in_used_ += head_.size();
  head_.reset();
  head_begun_ = false;
  return admit_request();
}

/// What only a proxy may say: who asks (X-Forwarded-For) and with which certificate (RFC 9440).
/// Anybody can write these fields: the second one is refused wherever the proxy has not proven
/// itself. Why the request is refused; nothing when it is not.
const char* Connection::read_proxied_fields() {
  std::string forwarded;
  request_.client_certificate.clear();  // of the request before on this connection
  for (std::size_t i = 0; i < request_.field_count(); ++i) {
    const auto [name, value] = request_.field(i);
    if (name == "x-forwarded-for") forwarded.append(forwarded.empty() ? "" : ",").append(value);
    if (name == "client-cert-chain") return "a chain is told by nobody here";
    if (name != "client-cert") continue;
    if (!proven_) return "a certificate told by whom we do not know";
    if (value.size() < 3 || value.front() != ':' || value.back() != ':') return "not RFC 9440";
    const auto der = base::from_base64(value.substr(1, value.size() - 2));
    if (!der) return "not RFC 9440";
    request_.client_certificate = base::as_text(*der);
  }
  request_.client = client_of(peer_, forwarded, shared_.config.trusted_proxies);
  return nullptr;
}

Connection::Step Connection::admit_request() {
  request_began_ = Steady::now();
  request_.id = reactor_.next_request_id();
  if (const auto* why = read_proxied_fields()) {
    unread_body_ = framing_.has_body();
    refuse({400, "http.client_cert", why});
    return Step::more;
  }
  admission_ = shared_.application.admit(request_);
  unread_body_ = framing_.has_body();
  if (admission_.refusal) {
    auto refusal = std::move(*admission_.refusal);
    admission_.refusal.reset();
    respond(std::move(refusal), request_);
    return Step::next;
  }
  if (!framing_.has_body()) return dispatch();
  if (framing_.length > admission_.body_limit || (framing_.chunked && admission_.body_limit == 0)) {
    refuse({413, "http.too_large", "body past the route's limit"});
    return Step::more;
  }
  if (!reserve_body(framing_.chunked ? admission_.body_limit : framing_.length)) {
    refuse({503, "http.full", "body memory"});
    return Step::more;
  }
  body_.start(framing_, admission_.body_limit);
  stage_ = Stage::body;
  deadline_ = reactor_.now() + shared_.config.body_deadline;
  if (framing_.expects_continue && in_used_ == in_.size()) {
    out_.append("HTTP/1.1 100 Continue\r\n\r\n");
    flush();
    if (stage_ == Stage::dead) return Step::more;
  }
  return Step::next;
}

Connection::Step Connection::read_body() {
  std::size_t used = 0;
  const auto read = body_.feed(std::string_view(in_).substr(in_used_), request_.body, used);
  in_used_ += used;
  if (read == Read::more) return Step::more;
  if (read == Read::refused) {
    refuse(body_.refusal());
    return Step::more;
  }
  unread_body_ = false;
  return dispatch();
}

Connection::Step Connection::dispatch() {
  if (auto response = shared_.application.quick(request_, admission_)) {
    respond(std::move(*response), request_);
    return Step::next;
  }
  auto job = std::make_shared<Job>();
  job->request = std::move(request_);
  job->admission = std::move(admission_);
  job->ticket = std::move(body_ticket_);
  request_ = Request{};
  auto* const reactor = &reactor_;
  auto* const application = &shared_.application;
  const auto id = id_;
  auto work = [=] {
    int expected = Job::queued;
    if (!job->state.compare_exchange_strong(expected, Job::running)) return;
    auto response = application->answer(job->request, job->admission);
    reactor->post([job, id, response = std::move(response)](Reactor& self) mutable {
      if (auto* connection = self.find(id)) connection->answered(job, std::move(response));
    });
  };
  auto* const pool = job->admission.pool;
  const bool taken = pool != nullptr && pool->submit(std::move(work), job->admission.first);
  if (!taken) {
    admission_ = std::move(job->admission);
    respond(shared_.application.refuse({503, "http.busy", "queue full"}, job->request),
            job->request);
    return Step::next;
  }
  stage_ = Stage::working;
  job_ = std::move(job);
  deadline_ = reactor_.now() + shared_.config.queue_deadline;
  return Step::more;
}

void Connection::answered(const std::shared_ptr<Job>& job, Response response) {
  if (stage_ != Stage::working || job_ != job) return;
  reactor_.refresh_now();
  const auto kept = std::move(job_);
  job_.reset();
  admission_ = std::move(kept->admission);
  kept->ticket.reset();
  respond(std::move(response), kept->request);
  process();
}

void Connection::turn_away(const Refusal& refusal) {
  request_began_ = reactor_.now();
  unread_body_ = true;
  refuse(refusal);
  flush();
}

void Connection::refuse(const Refusal& refusal) {
  framing_.keep_alive = false;
  respond(shared_.application.refuse(refusal, request_), request_);
}

void Connection::respond(Response response, const Request& request) {
  stage_ = Stage::head;
  const bool keep = framing_.keep_alive && keep_alive_allowed_ && !unread_body_ && !peer_done_ &&
                    !response.closes() && !shared_.draining.load(std::memory_order_relaxed);
  const bool head_only = request.method == Method::head && !request.path.empty();
  const auto before = out_.size();
  response.write_head(out_, {.https = shared_.config.https,
                             .keep_alive = keep,
                             .head_only = head_only,
                             .date = reactor_.date(),
                             .request_id = request.id});
  const int status = response.broken() ? 500 : response.status();
  if (!head_only && !response.broken() && status != 204 && status != 304)
    out_.append(response.body());
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - request_began_);
  shared_.application.finished(
      {.request = request,
       .route = admission_.route,
       .status = status,
       .bytes = out_.size() - before,
       .took = took,
       .note = response.broken() ? "http.header_refused" : response.note()});
  admission_ = Admission{};
  body_ticket_.reset();
  if (request_.body.capacity() > kSmallBody) std::string().swap(request_.body);
  deadline_ = reactor_.now() + shared_.config.idle;
  if (!keep) closing_ = true;
}

bool Connection::reserve_body(std::size_t bytes) {
  if (bytes <= kSmallBody) return true;
  const auto before = shared_.body_memory.fetch_add(bytes);
  if (before + bytes > shared_.config.body_memory) {
    shared_.body_memory.fetch_sub(bytes);
    return false;
  }
  body_ticket_ = std::shared_ptr<void>(
      nullptr, [&shared = shared_, bytes](void*) { shared.body_memory.fetch_sub(bytes); });
  return true;
}

void Connection::flush() {
  if (stage_ == Stage::dead || stage_ == Stage::lingering) return;
  while (out_sent_ < out_.size()) {
    const auto sent =
        ::send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return close();
      break;
    }
    out_sent_ += static_cast<std::size_t>(sent);
    write_deadline_ = reactor_.now() + shared_.config.write_idle;
  }
  if (out_sent_ == out_.size()) {
    if (out_.capacity() > kOutEnough)
      std::string().swap(out_);
    else
      out_.clear();
    out_sent_ = 0;
    want_write(false);
    if (closing_) return linger();
  } else {
    if (!writing_) write_deadline_ = reactor_.now() + shared_.config.write_idle;
    want_write(true);
  }
  // A client that does not take its answers, or sends far ahead of them, is not read from.
  const bool enough = out_.size() - out_sent_ >= kOutEnough ||
                      (stage_ == Stage::working && in_.size() >= kInEnough);
  want_read(!enough && !peer_done_);
}

/// Closes our side first and throws away what still comes, so that the last answer is not lost to a
/// reset (RFC 9112 §9.6).
void Connection::linger() {
  if (peer_done_) return close();
  ::shutdown(fd_, SHUT_WR);
  stage_ = Stage::lingering;
  deadline_ = reactor_.now() + shared_.config.linger;
  want_read(true);
}

void Connection::sweep() {
  const auto now = reactor_.now();
  if (stage_ == Stage::dead) return;
  if (!out_.empty() && stage_ != Stage::lingering) {
    if (now > write_deadline_) close();
    if (stage_ != Stage::working) return;
  }
  if (now <= deadline_) return;
  switch (stage_) {
    case Stage::dead:
      return;
    case Stage::lingering:
      return close();
    case Stage::head:
      if (!head_begun_) return close();
      [[fallthrough]];
    case Stage::body:
      request_began_ = now;
      unread_body_ = true;
      if (stage_ == Stage::head) request_ = Request{};
      request_.client = peer_;
      refuse({408, "http.timeout", "request did not arrive in time"});
      return flush();
    case Stage::working:
      break;
  }
  int expected = Job::queued;
  const bool never_begun = job_->state.compare_exchange_strong(expected, Job::abandoned);
  if (!never_begun && now <= deadline_ + shared_.config.answer_deadline) return;
  job_->state.store(Job::abandoned);
  const auto job = std::move(job_);
  job_.reset();
  admission_.route = job->admission.route;
  framing_.keep_alive = framing_.keep_alive && never_begun;
  respond(shared_.application.refuse({503, "http.busy", never_begun ? "waited too long" : "slow"},
                                     job->request),
          job->request);
  process();
}

}  // namespace api
