#include "hsm/signer.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "hsm/officers/conductor.h"
#include "hsm/op_log.h"
#include "hsm/protocol.h"
#include "hsm/token_keeper.h"
#include "hsm/watch.h"

namespace hsm {
namespace {

using Steady = std::chrono::steady_clock;
using wire::Kind;

constexpr std::size_t kMostQueued = 4096;
constexpr std::size_t kMostUnsentBytes = 32
                                         << 20;  // a peer that does not read loses its connection
constexpr int kTickMs = 100;                     // how often overdue calls are looked for
constexpr int kFirstTickMs = 2;  // while the token is being opened for the first time
constexpr auto kFirstOpening = std::chrono::seconds(1);  // then requests are told that it is away
constexpr auto kFarewell = std::chrono::seconds(2);
constexpr std::size_t kMostOfficersQueued = 64;
constexpr auto kOfficersTick = std::chrono::milliseconds(250);  // what a crash left is looked for

base::Error unavailable(const std::string& why, std::string key = "hsm.unavailable") {
  auto failure = base::error(base::Code::unavailable, std::move(key), why);
  failure.args = {{"why", why}};
  failure.retry_after = std::chrono::seconds(2);
  return failure;
}

base::Error refused(const std::string& why) {
  return base::error(base::Code::permission_denied, "hsm.refused", why);
}

/// Shared by the reading thread and those that answer.
struct Connection {
  Connection(base::UniqueFd socket, const Door& entrance, const ucred& who)
      : fd(std::move(socket)),
        door(entrance),
        peer(who),
        in(entrance.name == kOfficersDoor ? wire::kMostOfficersRequestBytes
                                          : wire::kMostRequestBytes) {}

  const base::UniqueFd fd;
  const Door& door;
  const ucred peer;
  wire::FrameReader in;  // the reading thread's
  std::atomic<int> in_flight{0};
  std::mutex sending;  // guards unsent and gone
  base::Bytes unsent;
  bool gone = false;

  /// Sends what goes at once, keeps the rest. True when something is left for the poller.
  bool send(base::BytesView frame) {
    const std::scoped_lock lock(sending);
    if (gone) return false;
    base::append(unsent, frame);
    return flush();
  }
  /// To be sent by the next flush_later.
  void hold(base::BytesView frame) {
    const std::scoped_lock lock(sending);
    if (!gone) base::append(unsent, frame);
  }
  bool flush_later() {
    const std::scoped_lock lock(sending);
    return flush();
  }
  void hang_up() {
    const std::scoped_lock lock(sending);
    gone = true;
    (void)::shutdown(fd.get(), SHUT_RDWR);
  }

 private:
  bool flush() {
    std::size_t sent = 0;
    while (!gone && sent < unsent.size()) {
      const auto wrote = ::send(fd.get(), unsent.data() + sent, unsent.size() - sent, MSG_NOSIGNAL);
      if (wrote >= 0)
        sent += static_cast<std::size_t>(wrote);
      else if (errno == EAGAIN)
        break;
      else if (errno != EINTR)
        gone = true;
    }
    base::wipe(std::span(unsent).first(sent));
    unsent.erase(unsent.begin(), unsent.begin() + static_cast<std::ptrdiff_t>(sent));
    if (unsent.size() > kMostUnsentBytes) gone = true;
    if (gone) (void)::shutdown(fd.get(), SHUT_RDWR);
    return !gone && !unsent.empty();
  }
};
using ConnectionPtr = std::shared_ptr<Connection>;

struct Job {
  ConnectionPtr from;
  wire::Request request;
  Steady::time_point until;
};

class Signer {
 public:
  Signer(const SignerConfig& config, const std::vector<OpenDoor>& doors, const SignerParts& parts);
  int run();

 private:
  // The reading thread.
  bool set_up();
  bool watch_fd(int fd);
  bool open_doors(Steady::time_point born);
  void accept_from(const OpenDoor& door);
  void read_from(const ConnectionPtr& connection);
  void wake_signers();
  void take(const ConnectionPtr& connection, base::BytesView payload);
  void enqueue(const ConnectionPtr& connection, wire::Request request);
  void take_officers(const ConnectionPtr& connection, wire::Request request);
  void drop(int fd, std::string_view why);
  void answer_health(const ConnectionPtr& connection, const wire::Request& request);
  void answer_keys(const ConnectionPtr& connection, const wire::Request& request);
  bool overdue() const;
  void finish();
  // The signing threads.
  void work(std::size_t place);
  void perform(Job& job, std::size_t place);
  base::Result<base::Bytes> act(const Job& job, std::string& key);
  base::Result<KeyInfo> permitted(const Job& job, const Token& token) const;
  // The officers' thread.
  void govern();
  void carry_out(Job& job);
  // Any thread.
  void notice(std::string_view what, const std::string& why);
  void record(OpRecord record, const ConnectionPtr& to, wire::Answer reply);
  void answer(const ConnectionPtr& connection, wire::Answer answer);
  void await_room(const ConnectionPtr& connection);
  // The thread that writes the operation log, one at a time.
  void hold_answer(const ConnectionPtr& connection, wire::Answer answer);
  void send_held();

  const SignerConfig& config_;
  const std::vector<OpenDoor>& doors_;
  const SignerParts& parts_;
  base::UniqueFd poll_, wake_;
  std::unordered_map<int, ConnectionPtr> connections_;
  int fresh_ = 0;  // requests put into the queue since the last waking
  std::unique_ptr<OpLog> log_;
  std::vector<ConnectionPtr> holding_;  // with answers to the lines just kept
  Watch watch_;
  std::unique_ptr<officers::Conductor> conductor_;  // none: nobody governs the keys
  std::unique_ptr<TokenKeeper> keeper_;
  std::vector<std::thread> threads_;
  std::mutex lock_;  // guards queue_, officers_queue_, unsent_, closing_
  std::condition_variable queued_;
  std::deque<Job> queue_;
  std::condition_variable officers_queued_;
  std::deque<Job> officers_queue_;
  std::vector<std::weak_ptr<Connection>> unsent_;  // connections the poller must watch for room
  bool closing_ = false;
  std::atomic<std::uint64_t> signatures_{0};
  std::atomic<int> working_{0};
  std::atomic<std::size_t> coming_{0};  // in queue_, for those without the lock
};

Signer::Signer(const SignerConfig& config, const std::vector<OpenDoor>& doors,
               const SignerParts& parts)
    : config_(config),
      doors_(doors),
      parts_(parts),
      watch_(2 + static_cast<std::size_t>(config.sessions)) {}  // keeper, sessions, officers

bool Signer::watch_fd(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Signer::set_up() {
  poll_ = base::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = base::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const bool good = poll_ && wake_ && watch_fd(wake_.get()) && watch_fd(parts_.stop);
  if (!good) parts_.journal.tell("failed", {{"why", std::strerror(errno)}});
  return good;
}

int Signer::run() {
  auto log = OpLog::open({config_.oplog.file, config_.oplog.sync}, parts_.clock);
  if (!log.ok()) {
    parts_.journal.tell("refused", {{"why", log.error().detail}});
    // Held by a worker that is going: try again. A chain that does not hold: never by itself.
    return log.error().code == base::Code::conflict ? kExitStuck : kExitMisconfigured;
  }
  log_ = std::move(*log);
  log_->after_each_write([this] { send_held(); });
  log_->add({"start", "", -1, ::getpid(), "", "", "ok"}, nullptr);
  if (!set_up()) return kExitStuck;
  if (!config_.officers.genesis.empty()) {
    auto conductor =
        officers::Conductor::open({config_, parts_.clock, parts_.random, parts_.journal});
    if (!conductor.ok()) {
      const auto& failure = conductor.error();
      parts_.journal.tell("refused", {{"why", failure.key + ": " + failure.detail}});
      return failure.code == base::Code::conflict ? kExitStuck : kExitMisconfigured;
    }
    conductor_ = std::move(*conductor);
  }
  KeeperConfig keeping;
  keeping.module = config_.token.module;
  keeping.label = config_.token.label;
  keeping.serial = config_.token.serial;
  keeping.pin_file = config_.token.pin_file;
  keeping.inventory = config_.token.inventory;
  keeping.directory = config_.token.directory;
  keeping.suspensions = config_.oplog.file.string() + ".suspended";
  keeping.sessions = config_.sessions;
  keeping.sm2 = config_.token.sm2;
  keeping.recheck = config_.recheck;
  keeping.longest_opening =
      std::max<std::chrono::milliseconds>(keeping.longest_opening, config_.watchdog);
  keeper_ = std::make_unique<TokenKeeper>(
      keeping, parts_.random, watch_,
      [this](std::string_view what, const std::string& why) { notice(what, why); });
  if (conductor_) {
    conductor_->join(*keeper_, watch_, 1 + static_cast<std::size_t>(config_.sessions));
    threads_.emplace_back([this] { govern(); });
  }
  for (int i = 0; i < config_.sessions; ++i)
    threads_.emplace_back([this, i] { work(static_cast<std::size_t>(i) + 1); });
  const auto born = Steady::now();
  bool serving = false;
  std::array<epoll_event, 64> events;
  while (true) {
    if (!serving) serving = open_doors(born);
    const int count =
        ::epoll_wait(poll_.get(), events.data(), events.size(), serving ? kTickMs : kFirstTickMs);
    if (count == 0) log_->keep();  // a call that hangs holds back nobody else's answer
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      const auto what = events[static_cast<std::size_t>(i)].events;
      if (fd == parts_.stop) {
        finish();
        return kExitStopped;
      }
      if (fd == wake_.get()) {
        std::uint64_t ignored = 0;
        (void)!::read(fd, &ignored, sizeof ignored);
        const std::scoped_lock lock(lock_);
        for (const auto& weak : unsent_)
          if (const auto one = weak.lock()) {
            epoll_event event{};
            event.events = EPOLLIN | EPOLLOUT;
            event.data.fd = one->fd.get();
            (void)::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, one->fd.get(), &event);
          }
        unsent_.clear();
        continue;
      }
      const auto door = std::find_if(doors_.begin(), doors_.end(),
                                     [&](const OpenDoor& one) { return one.listener == fd; });
      if (door != doors_.end()) {
        accept_from(*door);
        continue;
      }
      const auto it = connections_.find(fd);
      if (it == connections_.end()) continue;
      const auto connection = it->second;
      if ((what & EPOLLOUT) != 0 && !connection->flush_later()) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        (void)::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, fd, &event);
      }
      if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(connection);
    }
    if (fresh_ > 0) wake_signers();
    if (overdue()) ::_exit(kExitStuck);  // nothing else can stop a call in the module
  }
}

/// Whoever connects meanwhile waits in the sockets' queues: a worker that takes over after another
/// one turns nobody away only because it has not opened the token yet.
bool Signer::open_doors(Steady::time_point born) {
  if (!keeper_->tried() && Steady::now() - born < kFirstOpening) return false;
  for (const auto& one : doors_) (void)watch_fd(one.listener);
  parts_.journal.tell("serving", {{"socket", config_.doors.front().socket.string()}});
  return true;
}

void Signer::notice(std::string_view what, const std::string& why) {
  parts_.journal.tell("token", {{"state", std::string(what)}, {"why", why}});
  if (what != "suspended" || !conductor_) return;
  const auto colon = why.find(": ");
  conductor_->suspended(why.substr(0, colon),
                        colon == std::string::npos ? why : why.substr(colon + 2));
}

bool Signer::overdue() const {
  if (conductor_ && conductor_->broken()) {
    parts_.journal.tell("stuck", {{"why", "the officers' ledger cannot be written"}});
    return true;
  }
  if (log_->broken()) {
    parts_.journal.tell("stuck", {{"why", "the operation log cannot be written"}});
    return true;
  }
  const auto place = watch_.overdue();
  if (place)
    parts_.journal.tell("stuck", {{"why", "a call into the module does not come back"},
                                  {"place", std::to_string(*place)}});
  return place.has_value();
}

void Signer::accept_from(const OpenDoor& door) {
  while (true) {
    base::UniqueFd fd(::accept4(door.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;  // EAGAIN, or the peer has gone again
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    const bool full = connections_.size() >= static_cast<std::size_t>(config_.most_connections);
    const int number = fd.get();
    auto connection = std::make_shared<Connection>(std::move(fd), door.door, peer);
    if (!known || door.door.uids.count(peer.uid) == 0) {
      parts_.journal.tell("refused", {{"door", door.door.name},
                                      {"why", "this user may not use it"},
                                      {"uid", std::to_string(peer.uid)},
                                      {"pid", std::to_string(peer.pid)}});
      answer(connection, {0, Kind::health, refused("this user may not use the socket")});
    } else if (full) {
      answer(connection, {0, Kind::health, unavailable("too many connections", "hsm.busy")});
    } else {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = number;
      if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, number, &event) == 0)
        connections_.emplace(number, std::move(connection));
    }
  }
}

void Signer::drop(int fd, std::string_view why) {
  const auto it = connections_.find(fd);
  if (it == connections_.end()) return;
  if (!why.empty())
    parts_.journal.tell("closed", {{"why", std::string(why)},
                                   {"uid", std::to_string(it->second->peer.uid)},
                                   {"pid", std::to_string(it->second->peer.pid)}});
  // Out of the poller now; the descriptor lives on while a job still answers to it.
  (void)::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  it->second->hang_up();
  connections_.erase(it);
}

void Signer::read_from(const ConnectionPtr& connection) {
  std::array<std::uint8_t, 16 * 1024> buffer;
  const auto got = ::recv(connection->fd.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return drop(connection->fd.get(), {});
  const auto bytes = std::span(buffer).first(static_cast<std::size_t>(got));
  connection->in.feed(bytes);
  base::wipe(bytes);
  while (true) {
    const auto payload = connection->in.next();
    if (!payload.ok()) return drop(connection->fd.get(), payload.error().detail);
    if (!*payload) return;
    take(connection, **payload);
  }
}

/// Whoever signs is woken when all that came together is in the queue, not for each of it: he would
/// take the core from the one who reads.
void Signer::wake_signers() {
  if (std::exchange(fresh_, 0) == 1)
    queued_.notify_one();
  else
    queued_.notify_all();
}

void Signer::take(const ConnectionPtr& connection, base::BytesView payload) {
  auto request = wire::decode_request(payload);
  if (!request.ok()) return drop(connection->fd.get(), request.error().detail);
  switch (request->kind) {
    case Kind::health:
      return answer_health(connection, *request);
    case Kind::keys:
    case Kind::key:
      return answer_keys(connection, *request);
    case Kind::sign:
    case Kind::wrap:
    case Kind::unwrap:
      return enqueue(connection, std::move(*request));
    case Kind::officers:
      return take_officers(connection, std::move(*request));
  }
}

void Signer::answer_health(const ConnectionPtr& connection, const wire::Request& request) {
  const auto state = keeper_->health();
  SignerHealth health;
  health.token_up = state.condition == Condition::up;
  health.token_label = state.label;
  health.token_serial = state.serial;
  health.signatures = signatures_;
  health.reason = (state.condition == Condition::alarm ? "ALARM: " : "") + state.reason;
  answer(connection, {request.id, Kind::health, std::move(health)});
}

void Signer::answer_keys(const ConnectionPtr& connection, const wire::Request& request) {
  const auto token = keeper_->token();
  if (!token.ok()) return answer(connection, {request.id, request.kind, token.error()});
  if (request.kind == Kind::keys)
    return answer(connection, {request.id, Kind::keys, (*token)->keys()});
  const auto key = (*token)->key(request.name);
  if (!key.ok()) return answer(connection, {request.id, Kind::key, key.error()});
  answer(connection, {request.id, Kind::key, std::vector{(*key)->info()}});
}

void Signer::enqueue(const ConnectionPtr& connection, wire::Request request) {
  const auto id = request.id;
  const auto kind = request.kind;
  const auto wait = std::min<std::chrono::milliseconds>(
      std::chrono::milliseconds(request.deadline_ms), config_.deadline);
  bool full = connection->in_flight >= config_.most_in_flight;
  if (!full) {
    const std::scoped_lock lock(lock_);
    full = queue_.size() >= kMostQueued;
    if (!full) {
      ++connection->in_flight;
      queue_.push_back({connection, std::move(request), Steady::now() + wait});
      coming_ = queue_.size();
    }
  }
  if (full)
    return answer(connection, {id, kind, unavailable("too many requests wait", "hsm.busy")});
  ++fresh_;
}

void Signer::take_officers(const ConnectionPtr& connection, wire::Request request) {
  const auto id = request.id;
  const auto refuse = [&](base::Error why) {
    answer(connection, {id, Kind::officers, std::move(why)});
  };
  if (!conductor_)
    return refuse(base::error(base::Code::conflict, "hsm.officers.not_founded",
                              "no founding file is configured"));
  if (officers::Conductor::is_reading(request.name)) {
    auto told = conductor_->read(request.name, base::as_text(request.data));
    if (!told.ok()) return refuse(std::move(told).error());
    return answer(connection, {id, Kind::officers, base::to_bytes(base::as_bytes(*told))});
  }
  if (connection->door.name != kOfficersDoor)
    return refuse(refused("the " + connection->door.name + " door takes no officers' requests"));
  bool full = false;
  {
    const std::scoped_lock lock(lock_);
    full = officers_queue_.size() >= kMostOfficersQueued;
    if (!full) {
      ++connection->in_flight;
      officers_queue_.push_back({connection, std::move(request), Steady::time_point::max()});
    }
  }
  if (full) return refuse(unavailable("too many requests wait", "hsm.busy"));
  officers_queued_.notify_one();
}

void Signer::govern() {
  while (true) {
    conductor_->finish_interrupted();
    std::unique_lock lock(lock_);
    officers_queued_.wait_for(lock, kOfficersTick,
                              [this] { return closing_ || !officers_queue_.empty(); });
    if (officers_queue_.empty()) {
      if (closing_) return;
      continue;
    }
    auto job = std::move(officers_queue_.front());
    officers_queue_.pop_front();
    ++working_;
    lock.unlock();
    carry_out(job);
    --working_;
  }
}

void Signer::carry_out(Job& job) {
  const auto& request = job.request;
  const auto who = job.from->door.name + " door, uid " + std::to_string(job.from->peer.uid);
  auto result = conductor_->act(request.name, base::as_text(request.data), who);
  OpRecord line;
  line.deed = "officers." + base::printable(request.name, 32);
  line.door = job.from->door.name;
  line.uid = static_cast<std::int64_t>(job.from->peer.uid);
  line.pid = job.from->peer.pid;
  line.subject = base::to_hex(base::sha256(request.data));
  line.outcome = result.ok() ? "ok" : result.error().key;
  wire::Answer reply{request.id, Kind::officers, base::Bytes{}};
  if (result.ok())
    reply.body = base::to_bytes(base::as_bytes(*result));
  else
    reply.body = std::move(result).error();
  record(std::move(line), job.from, std::move(reply));
}

void Signer::answer(const ConnectionPtr& connection, wire::Answer answer) {
  if (connection->send(wire::encode(answer))) await_room(connection);
}

void Signer::await_room(const ConnectionPtr& connection) {
  {
    const std::scoped_lock lock(lock_);
    unsent_.push_back(connection);
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

/// Answers whose lines were kept together leave together: one system call and one wake-up for all.
void Signer::hold_answer(const ConnectionPtr& connection, wire::Answer answer) {
  auto frame = wire::encode(answer);
  connection->hold(frame);
  holding_.push_back(connection);
  if (answer.kind != Kind::unwrap) return;
  base::wipe(frame);
  if (auto* clear = std::get_if<base::Bytes>(&answer.body)) base::wipe(*clear);
}

void Signer::send_held() {
  std::sort(holding_.begin(), holding_.end());
  holding_.erase(std::unique(holding_.begin(), holding_.end()), holding_.end());
  for (const auto& connection : holding_)
    if (connection->flush_later()) await_room(connection);
  holding_.clear();
}

void Signer::work(std::size_t place) {
  while (true) {
    std::unique_lock lock(lock_);
    if (queue_.empty()) {  // nobody comes whose line the others could share a write with
      lock.unlock();
      log_->keep();
      lock.lock();
    }
    queued_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto job = std::move(queue_.front());
    queue_.pop_front();
    coming_ = queue_.size();
    ++working_;
    lock.unlock();
    perform(job, place);
    base::wipe(job.request.data);
    --working_;
  }
}

/// Who may use which key is judged here, whatever the service believes.
base::Result<KeyInfo> Signer::permitted(const Job& job, const Token& token) const {
  if (job.request.kind != Kind::sign) {
    if (job.from->door.purposes.count(Purpose::data_wrapping) == 0)
      return refused("this door wraps no data");
    if (conductor_) BASE_TRY_VOID(conductor_->may_use(officers::Conductor::kDataWrapping));
    return KeyInfo{};
  }
  BASE_TRY(auto key, token.info(job.request.name));
  if (key.id.value() != job.request.key_id) {
    auto failure =
        base::error(base::Code::not_found, "hsm.no_key", job.request.name + " has another id");
    failure.args = {{"label", job.request.name}};
    return failure;
  }
  if (job.from->door.purposes.count(key.purpose) == 0)
    return refused("the " + job.from->door.name + " door does not allow " +
                   std::string(to_string(key.purpose)));
  if (!conductor_) return key;
  if (key.purpose == Purpose::root_ca || key.purpose == Purpose::issuing_ca)
    return refused("an authority's key signs nothing that the signer has not seen");
  BASE_TRY_VOID(conductor_->may_use(key.label));
  return key;
}

base::Result<base::Bytes> Signer::act(const Job& job, std::string& key) {
  BASE_TRY(const auto token, keeper_->token());
  const auto& request = job.request;
  BASE_TRY(auto allowed, permitted(job, *token));
  key = std::move(allowed.label);
  switch (request.kind) {
    case Kind::sign: {
      return token->sign(request.name, request.data);
    }
    case Kind::wrap: {
      return token->wrap(request.name, base::Secret(request.data));
    }
    case Kind::unwrap: {
      BASE_TRY(const auto clear, token->unwrap(request.name, request.data));
      return base::to_bytes(clear.reveal());
    }
    case Kind::health:
    case Kind::keys:
    case Kind::officers:
    case Kind::key:
      break;
  }
  base::fail("not a request for the token");
}

void Signer::perform(Job& job, std::size_t place) {
  const auto& request = job.request;
  if (Steady::now() >= job.until) {
    --job.from->in_flight;
    return answer(job.from, {request.id, request.kind, unavailable("waited past its deadline")});
  }
  std::string key;
  auto result = [&] {
    const Watch::Inside inside(watch_, place, config_.watchdog);
    return act(job, key);
  }();
  if (!result.ok()) {
    const auto& why = result.error().key;
    if (why == "hsm.unavailable" || why == "hsm.pin" || why == "hsm.wrong_signature")
      keeper_->look_again();
  }
  OpRecord line;
  line.deed = to_string(request.kind);
  line.door = job.from->door.name;
  line.uid = static_cast<std::int64_t>(job.from->peer.uid);
  line.pid = job.from->peer.pid;
  line.key = key.empty() && request.kind == Kind::sign ? base::printable(request.name, 64) : key;
  line.subject = request.kind == Kind::sign ? base::to_hex(base::sha256(request.data))
                                            : base::printable(request.name, 64);
  line.outcome = result.ok() ? "ok" : result.error().key;
  wire::Answer reply{request.id, request.kind, base::Bytes{}};
  if (result.ok())
    reply.body = std::move(*result);
  else
    reply.body = std::move(result).error();
  record(std::move(line), job.from, std::move(reply));
}

/// The answer leaves when its line is kept.
void Signer::record(OpRecord record, const ConnectionPtr& to, wire::Answer answer) {
  auto reply = std::make_shared<wire::Answer>(std::move(answer));
  log_->add(
      std::move(record),
      [this, from = to, reply](bool kept) {
        if (!kept)
          reply->body = unavailable("the operation log cannot be written");
        else if (reply->kind == Kind::sign && std::holds_alternative<base::Bytes>(reply->body))
          ++signatures_;
        --from->in_flight;
        hold_answer(from, std::move(*reply));
      },
      coming_);
}

/// Stops accepting, lets what is under way end, closes the token.
void Signer::finish() {
  parts_.journal.tell("stopping");
  const auto until = Steady::now() + kFarewell;
  {
    const std::scoped_lock lock(lock_);
    closing_ = true;
  }
  queued_.notify_all();
  officers_queued_.notify_all();
  while ((working_ > 0 ||
          [this] {
            const std::scoped_lock lock(lock_);
            return !queue_.empty();
          }()) &&
         Steady::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  if (working_ > 0) ::_exit(kExitStopped);  // stuck in the module; there is nothing to save
  for (auto& thread : threads_) thread.join();
  for (const auto& [fd, connection] : connections_) connection->hang_up();
  keeper_.reset();
}

}  // namespace

int serve(const SignerConfig& config, const std::vector<OpenDoor>& doors,
          const SignerParts& parts) {
  return Signer(config, doors, parts).run();
}

}  // namespace hsm
