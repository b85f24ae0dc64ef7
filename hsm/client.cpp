// The client. No thread of its own: whoever waits on a connection may be the one who reads it for
// all the others (the reader); when its own answer has come it hands that on.
#include "hsm/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>

#include "base/encoding.h"
#include "base/json.h"
#include "base/unique_fd.h"
#include "hsm/algorithm.h"
#include "hsm/protocol.h"

namespace hsm {
namespace {

using Steady = std::chrono::steady_clock;
using wire::Kind;

constexpr int kMostTries = 3;  // a signer that was restarted breaks connections, not requests

base::Error unavailable(const std::string& why) {
  auto failure = base::error(base::Code::unavailable, "hsm.unavailable", why);
  failure.args = {{"why", why}};
  failure.retry_after = std::chrono::seconds(2);
  return failure;
}

int left_ms(Steady::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()).count();
  return static_cast<int>(std::max<std::int64_t>(0, left));
}

/// One socket. A broken one stays broken; the pool makes another.
class Connection {
 public:
  explicit Connection(base::UniqueFd fd) : fd_(std::move(fd)), in_(wire::kMostAnswerBytes) {}

  struct Outcome {
    std::optional<wire::Answer> answer;
    std::string why;      // without an answer
    bool broken = false;  // the connection went; another may do
  };
  Outcome call(wire::Request& request, Steady::time_point until);

  bool broken() const {
    const std::scoped_lock lock(lock_);
    return !broken_.empty();
  }
  std::size_t load() const {
    const std::scoped_lock lock(lock_);
    return waiting_.size();
  }

 private:
  struct Waiter {
    std::condition_variable woken;
    std::optional<wire::Answer> answer;
  };
  void send(base::BytesView frame, Steady::time_point until, bool& torn);
  void read_for_all(std::unique_lock<std::mutex>& lock, Waiter& own, Steady::time_point until);
  void take_in(base::BytesView bytes);
  void break_off(std::string why);

  const base::UniqueFd fd_;
  std::mutex sending_;       // frames are not interleaved
  mutable std::mutex lock_;  // guards all below, but for in_, which the reader owns
  std::map<std::uint64_t, Waiter*> waiting_;
  std::uint64_t last_id_ = 0;
  bool being_read_ = false;
  std::string broken_;                  // why; empty while it is good
  std::optional<base::Error> refusal_;  // the signer's own word on this connection
  wire::FrameReader in_;
};

void Connection::send(base::BytesView frame, Steady::time_point until, bool& torn) {
  const std::scoped_lock lock(sending_);
  std::size_t sent = 0;
  while (sent < frame.size()) {
    const auto wrote = ::send(fd_.get(), frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (wrote > 0) {
      sent += static_cast<std::size_t>(wrote);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return;  // it has gone: reading tells, perhaps with its last word
    pollfd writable{fd_.get(), POLLOUT, 0};
    if (::poll(&writable, 1, left_ms(until)) == 0 && left_ms(until) == 0) {
      torn = sent > 0;  // half a frame spoils the stream
      return;
    }
  }
}

Connection::Outcome Connection::call(wire::Request& request, Steady::time_point until) {
  Waiter own;
  {
    const std::scoped_lock lock(lock_);
    if (!broken_.empty()) return {std::nullopt, broken_, true};
    request.id = ++last_id_;
    waiting_.emplace(request.id, &own);
  }
  request.deadline_ms = static_cast<std::uint32_t>(left_ms(until));
  auto frame = wire::encode(request);
  bool torn = false;
  send(frame, until, torn);
  if (request.kind == Kind::wrap) base::wipe(frame);

  std::unique_lock lock(lock_);
  if (torn) break_off("the signer does not read");
  while (!own.answer && broken_.empty() && left_ms(until) > 0) {
    if (!being_read_)
      read_for_all(lock, own, until);
    else
      own.woken.wait_until(lock, until);
  }
  waiting_.erase(request.id);
  // Whoever leaves makes sure that somebody reads on.
  if (!being_read_ && !waiting_.empty()) waiting_.begin()->second->woken.notify_one();
  if (own.answer) return {std::move(own.answer), {}, false};
  if (refusal_) return {wire::Answer{request.id, request.kind, *refusal_}, {}, false};
  if (!broken_.empty()) return {std::nullopt, broken_, true};
  return {std::nullopt, "no answer from the signer before the deadline", false};
}

/// Called with the lock held; reads without it.
void Connection::read_for_all(std::unique_lock<std::mutex>& lock, Waiter& own,
                              Steady::time_point until) {
  being_read_ = true;
  std::array<std::uint8_t, 16 * 1024> buffer;
  while (!own.answer && broken_.empty()) {
    lock.unlock();
    pollfd readable{fd_.get(), POLLIN, 0};
    const int ready = ::poll(&readable, 1, left_ms(until));
    const auto got = ready > 0 ? ::recv(fd_.get(), buffer.data(), buffer.size(), 0) : -1;
    const int failure = ready > 0 ? errno : EAGAIN;
    lock.lock();
    if (got > 0)
      take_in(base::BytesView(buffer).first(static_cast<std::size_t>(got)));
    else if (got == 0)
      break_off("the signer closed the connection");
    else if (failure != EAGAIN && failure != EINTR)
      break_off(std::string("reading from the signer: ") + std::strerror(failure));
    if (left_ms(until) == 0) break;
  }
  base::wipe(buffer);
  being_read_ = false;
}

void Connection::take_in(base::BytesView bytes) {
  in_.feed(bytes);
  while (true) {
    auto payload = in_.next();
    if (!payload.ok()) return break_off("the signer's answer: " + payload.error().detail);
    if (!*payload) return;
    auto answer = wire::decode_answer(**payload);
    if (!answer.ok()) return break_off("the signer's answer: " + answer.error().detail);
    if (answer->id == 0) {
      if (const auto* refusal = std::get_if<base::Error>(&answer->body)) refusal_ = *refusal;
      return break_off("refused by the signer");
    }
    const auto it = waiting_.find(answer->id);
    if (it == waiting_.end()) continue;  // gave up waiting
    it->second->answer = std::move(*answer);
    it->second->woken.notify_one();
  }
}

void Connection::break_off(std::string why) {
  if (broken_.empty()) broken_ = std::move(why);
  (void)::shutdown(fd_.get(), SHUT_RDWR);
  for (const auto& [id, waiter] : waiting_) waiter->woken.notify_one();
}

}  // namespace

struct Client::Impl {
  explicit Impl(ClientConfig given)
      : config(std::move(given)), connections(static_cast<std::size_t>(config.connections)) {}

  const ClientConfig config;
  std::mutex lock;  // guards connections
  std::vector<std::shared_ptr<Connection>> connections;

  base::Result<std::shared_ptr<Connection>> connect() const;
  base::Result<std::shared_ptr<Connection>> pick();
  base::Result<wire::Answer> call(wire::Request& request);
  template <class Body>
  base::Result<Body> ask(wire::Request request);
};

base::Result<std::shared_ptr<Connection>> Client::Impl::connect() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& path = config.socket.native();
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return unavailable("the socket path is empty or too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // A Unix socket connects at once or not at all: nobody waits here.
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return unavailable("the signer's socket " + path + ": " + std::strerror(errno));
  return std::make_shared<Connection>(std::move(fd));
}

/// The least busy connection; a broken or missing one is made anew.
base::Result<std::shared_ptr<Connection>> Client::Impl::pick() {
  const std::scoped_lock guard(lock);
  std::shared_ptr<Connection>* least = nullptr;
  std::size_t least_load = 0;
  for (auto& one : connections) {
    const auto load = one && !one->broken() ? one->load() : 0;
    if (least == nullptr || load < least_load) {
      least = &one;
      least_load = load;
    }
    if (least_load == 0) break;
  }
  if (!*least || (*least)->broken()) {
    BASE_TRY(*least, connect());
  }
  return *least;
}

base::Result<wire::Answer> Client::Impl::call(wire::Request& request) {
  const auto until = Steady::now() + config.deadline;
  std::string why;
  for (int tries = 0; tries < kMostTries && (tries == 0 || left_ms(until) > 0); ++tries) {
    BASE_TRY(const auto connection, pick());
    auto outcome = connection->call(request, until);
    if (outcome.answer) {
      if (auto* failure = std::get_if<base::Error>(&outcome.answer->body))
        return std::move(*failure);
      if (outcome.answer->kind != request.kind)
        return unavailable("the signer answered something else");
      return std::move(*outcome.answer);
    }
    why = std::move(outcome.why);
    if (!outcome.broken) break;
  }
  return unavailable(why);
}

template <class Body>
base::Result<Body> Client::Impl::ask(wire::Request request) {
  auto called = call(request);
  base::wipe(request.data);  // may be a secret
  BASE_TRY(auto answer, std::move(called));
  if (auto* body = std::get_if<Body>(&answer.body)) return std::move(*body);
  return unavailable("the signer answered something else");
}

Client::Client(ClientConfig config) {
  base::check(config.connections > 0, "a client needs a connection");
  impl_ = std::make_shared<Impl>(std::move(config));
}
Client::~Client() = default;

base::Result<SignerHealth> Client::health() {
  return impl_->ask<SignerHealth>({});
}

base::Result<std::vector<KeyInfo>> Client::keys() {
  wire::Request request;
  request.kind = Kind::keys;
  return impl_->ask<std::vector<KeyInfo>>(std::move(request));
}

base::Result<std::shared_ptr<const Key>> Client::key(std::string_view label) {
  class SignerKey final : public Key {
   public:
    SignerKey(std::shared_ptr<Impl> impl, KeyInfo info)
        : impl_(std::move(impl)), info_(std::move(info)) {}
    const KeyInfo& info() const override { return info_; }
    base::Result<base::Bytes> sign(const base::Digest& digest) const override {
      if (facts_of(info_.algorithm).scheme == Scheme::eddsa)  // it signs messages, not digests
        return base::error(base::Code::invalid_argument, "hsm.input", info_.label);
      return sign_input(digest);
    }
    base::Result<base::Bytes> sign_message(base::BytesView message) const override {
      if (info_.purpose == Purpose::root_ca || info_.purpose == Purpose::issuing_ca)
        return sign_content(message);
      BASE_TRY(const auto input, input_of(info_, message));
      return sign_input(input);
    }

   private:
    /// An authority's key signs only what the signer sees.
    base::Result<base::Bytes> sign_content(base::BytesView message) const {
      base::JsonWriter out;
      out.StartObject();
      out.member("content", base::to_base64(message));
      out.member("id", info_.id.value());
      out.member("label", info_.label);
      out.EndObject();
      wire::Request request;
      request.kind = Kind::officers;
      request.name = "content";
      request.data = base::to_bytes(base::as_bytes(out.text()));
      auto answer = impl_->ask<base::Bytes>(std::move(request));
      // A signer that nobody governs knows no such request: the demonstration's way.
      if (!answer.ok() && answer.error().key == "hsm.officers.not_founded") {
        BASE_TRY(const auto input, input_of(info_, message));
        return sign_input(input);
      }
      BASE_TRY(const auto body, std::move(answer));
      BASE_TRY(const auto document, base::parse_json(base::as_text(body)));
      auto signature = base::from_base64(base::json_text(document, "signature"));
      if (!signature) return unavailable("the signer answered something else");
      return std::move(*signature);
    }

    base::Result<base::Bytes> sign_input(base::BytesView input) const {
      BASE_TRY_VOID(check_input(info_, input));
      wire::Request request;
      request.kind = Kind::sign;
      request.name = info_.label;
      request.key_id = info_.id.value();
      request.data = base::to_bytes(input);
      BASE_TRY(auto signature, impl_->ask<base::Bytes>(std::move(request)));
      // Verified by the signer; only its shape is looked at here.
      if (signature.size() != facts_of(info_.algorithm).signature_size)
        return unavailable("the signer answered a signature of another length");
      return signature;
    }
    std::shared_ptr<Impl> impl_;
    KeyInfo info_;
  };
  wire::Request request;
  request.kind = Kind::key;
  request.name = label;
  std::vector<KeyInfo> found;
  if (!label.empty() && label.size() <= wire::kMostNameBytes) {
    BASE_TRY(found, impl_->ask<std::vector<KeyInfo>>(std::move(request)));
  }
  if (found.size() == 1 && found[0].label == label)
    return std::shared_ptr<const Key>(std::make_shared<SignerKey>(impl_, std::move(found[0])));
  auto failure = base::error(base::Code::not_found, "hsm.no_key", std::string(label));
  failure.args = {{"label", std::string(label)}};
  return failure;
}

base::Result<base::Bytes> Client::wrap(std::string_view name, const base::Secret& secret) {
  if (secret.empty() || secret.reveal().size() > kMostSecretBytes)
    return base::error(base::Code::invalid_argument, "hsm.bad_wrapping",
                       "a secret to wrap has 1 to 4096 bytes");
  wire::Request request;
  request.kind = Kind::wrap;
  request.name = name;
  request.data = base::to_bytes(secret.reveal());
  return impl_->ask<base::Bytes>(std::move(request));
}

base::Result<base::Secret> Client::unwrap(std::string_view name, base::BytesView wrapped) {
  if (wrapped.empty() || wrapped.size() > 2 * kMostSecretBytes - 1024)
    return base::error(base::Code::invalid_argument, "hsm.bad_wrapping", "not a wrapping of ours");
  wire::Request request;
  request.kind = Kind::unwrap;
  request.name = name;
  request.data = base::to_bytes(wrapped);
  BASE_TRY(auto clear, impl_->ask<base::Bytes>(std::move(request)));
  base::Secret secret(clear);
  base::wipe(clear);
  return secret;
}

base::Result<std::string> Client::officers(std::string_view verb, std::string_view data) {
  wire::Request request;
  request.kind = Kind::officers;
  request.name = verb;
  request.data = base::to_bytes(base::as_bytes(data));
  BASE_TRY(const auto answer, impl_->ask<base::Bytes>(std::move(request)));
  return std::string(base::as_text(answer));
}

}  // namespace hsm
