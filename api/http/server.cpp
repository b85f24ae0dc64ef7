#include "api/http/server.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/SocketNotification.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <Poco/Observer.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "api/http/connection.h"
#include "api/http/proxy_socket.h"
#include "api/http/reactor.h"
#include "base/encoding.h"
#include "base/random.h"

namespace api {
namespace {

Address address_of(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = {};
  if (from.ss_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, text, sizeof text);
  else
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, text, sizeof text);
  return Address::parse(text).value_or(Address{});
}

base::UniqueFd spare_descriptor() {
  return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

struct Server::Impl {
  ServerShared shared;
  std::vector<std::unique_ptr<Reactor>> reactors;
  Poco::Net::ServerSocket listener;
  Poco::Net::StreamSocket proxy;  // the proxy's own door, when there is one
  bool proxy_listening = false;
  bool listening = false;
  int port = 0;
  std::size_t next_reactor = 0;
  base::UniqueFd spare = spare_descriptor();  // given up for a moment when descriptors run out

  Impl(ServerConfig config, Application& application)
      : shared{.config = std::move(config), .application = application, .id_prefix = {}} {
    base::SystemRandom random;
    shared.id_prefix = base::to_hex(random.bytes(5));
  }

  using AcceptObserver = Poco::Observer<Impl, Poco::Net::ReadableNotification>;

  void on_accept(Poco::Net::ReadableNotification* notification) {
    notification->release();
    accept_from(listener, false);
  }

  void on_proxy(Poco::Net::ReadableNotification* notification) {
    notification->release();
    accept_from(proxy, true);
  }

  void accept_from(const Poco::Net::Socket& door, bool proven) {
    for (int i = 0; i < 256; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      base::UniqueFd fd(::accept4(door.impl()->sockfd(), reinterpret_cast<sockaddr*>(&from), &size,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        if (errno == EMFILE || errno == ENFILE) {
          // Out of descriptors: the one waiting is let in and turned away, rather than left to
          // spin.
          spare.reset();
          base::UniqueFd shed(::accept(door.impl()->sockfd(), nullptr, nullptr));
          shed.reset();
          spare = spare_descriptor();
          shared.refused.fetch_add(1, std::memory_order_relaxed);
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      if (proven && !is_account(fd.get(), shared.config.proxy_uid)) {
        shared.refused.fetch_add(1, std::memory_order_relaxed);
        continue;  // whoever it is, it is not our proxy
      }
      hand_over(std::move(fd), proven ? *Address::parse("127.0.0.1") : address_of(from), proven);
    }
  }

  void hand_over(base::UniqueFd fd, Address peer, bool proven) {
    shared.accepted.fetch_add(1, std::memory_order_relaxed);
    const auto held = shared.connections.fetch_add(1, std::memory_order_relaxed);
    const bool over = held >= shared.config.connections;
    if (over) shared.refused.fetch_add(1, std::memory_order_relaxed);
    auto& reactor = *reactors[next_reactor++ % reactors.size()];
    const int raw = fd.release();
    const bool posted =
        reactor.post([=](Reactor& self) { self.adopt(base::UniqueFd(raw), peer, over, proven); });
    if (!posted) {
      ::close(raw);
      shared.connections.fetch_sub(1, std::memory_order_relaxed);
    }
  }

  void stop_listening() {
    if (!listening) return;
    listening = false;
    std::atomic<bool> done{false};
    reactors.front()->post([this, &done](Reactor& self) {
      self.removeEventHandler(listener, AcceptObserver(*this, &Impl::on_accept));
      listener.close();
      if (proxy_listening) {
        self.removeEventHandler(proxy, AcceptObserver(*this, &Impl::on_proxy));
        proxy.close();
        ::unlink(shared.config.proxy_socket.c_str());
      }
      done.store(true);
    });
    while (!done.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
};

Server::Server(ServerConfig config, Application& application)
    : impl_(std::make_unique<Impl>(std::move(config), application)) {}

Server::~Server() {
  stop();
}

base::Result<void> Server::start() {
  const auto& config = impl_->shared.config;
  try {
    // No SO_REUSEPORT: a second process on the same port must be an error, not a silent half share.
    impl_->listener.bind(
        Poco::Net::SocketAddress(config.listen, static_cast<unsigned short>(config.port)), true,
        false);
    impl_->listener.listen(4096);
    impl_->port = impl_->listener.address().port();
    impl_->listener.setBlocking(false);
  } catch (const Poco::Exception& failure) {
    auto error = base::error(base::Code::unavailable, "http.listen", failure.displayText());
    error.args = {{"address", config.listen + ":" + std::to_string(config.port)},
                  {"why", failure.displayText()}};
    return error;
  }
  if (!config.proxy_socket.empty()) {
    BASE_TRY(auto door, listen_for_proxy(config.proxy_socket));
    impl_->proxy = Poco::Net::StreamSocket(new Poco::Net::StreamSocketImpl(door.release()));
    impl_->proxy_listening = true;
  }
  int count = config.reactors;
  if (count <= 0) count = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int i = 0; i < count; ++i)
    impl_->reactors.push_back(std::make_unique<Reactor>(impl_->shared, i));
  impl_->reactors.front()->addEventHandler(impl_->listener,
                                           Impl::AcceptObserver(*impl_, &Impl::on_accept));
  if (impl_->proxy_listening)
    impl_->reactors.front()->addEventHandler(impl_->proxy,
                                             Impl::AcceptObserver(*impl_, &Impl::on_proxy));
  impl_->listening = true;
  for (auto& reactor : impl_->reactors) reactor->begin();
  return {};
}

int Server::port() const {
  return impl_->port;
}

bool Server::drain(std::chrono::milliseconds finish) {
  if (impl_->reactors.empty()) return true;
  impl_->shared.draining.store(true);
  impl_->stop_listening();
  const auto until = Steady::now() + finish;
  while (Steady::now() < until) {
    for (auto& reactor : impl_->reactors) reactor->post([](Reactor& self) { self.close_idle(); });
    if (impl_->shared.connections.load() == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return impl_->shared.connections.load() == 0;
}

void Server::stop() {
  if (impl_->reactors.empty()) return;
  impl_->stop_listening();
  for (auto& reactor : impl_->reactors) reactor->end();
  impl_->reactors.clear();
}

ServerGauges Server::gauges() const {
  const auto& shared = impl_->shared;
  return {shared.connections.load(), shared.accepted.load(), shared.refused.load(),
          shared.body_memory.load()};
}

}  // namespace api
