#include "tests/seal/lossy_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "base/check.h"

namespace test {
namespace {

sockaddr_un address(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  base::check(path.size() < sizeof out.sun_path, "a socket path is too long");
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return out;
}

bool send_all(int to, const char* data, ssize_t size) {
  while (size > 0) {
    const auto sent = ::send(to, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= sent;
  }
  return true;
}

}  // namespace

LossyProxy::LossyProxy(const std::string& server_directory)
    : server_(server_directory + "/.s.PGSQL.5432") {
  std::string pattern = "/tmp/xinyin-lossy-XXXXXX";
  base::check(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  directory_ = pattern;
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto here = address((directory_ / ".s.PGSQL.5432").string());
  base::check(::bind(listening_, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0,
              "bind");
  base::check(::listen(listening_, 16) == 0, "listen");
  accepting_ = std::thread([this] {
    for (;;) {
      const int client = ::accept(listening_, nullptr, nullptr);
      if (client < 0) return;
      serving_.emplace_back([this, client] { serve(client); });
    }
  });
}

LossyProxy::~LossyProxy() {
  ::shutdown(listening_, SHUT_RDWR);
  accepting_.join();
  ::close(listening_);
  for (auto& one : serving_) one.join();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void LossyProxy::serve(int client) {
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto there = address(server_);
  base::check(::connect(server, reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0,
              "the proxy cannot reach PostgreSQL");
  pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
  char buffer[65536];
  bool losing = false;
  while (::poll(both, 2, -1) > 0) {
    if (both[0].revents != 0) {
      const auto got = ::recv(client, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      // A Parse message holds the statement's name, which is empty, and the statement, each with a
      // NUL behind it. It comes with what was put before it; nothing is answered before all is
      // done.
      constexpr std::string_view kCommit("\0commit\0", 8);
      const std::string_view sent(buffer, static_cast<std::size_t>(got));
      if (sent.find(kCommit) != std::string_view::npos && armed_.exchange(false)) losing = true;
      if (!send_all(server, buffer, got)) break;
    }
    if (both[1].revents != 0) {
      const auto got = ::recv(server, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      if (losing) {
        ++lost_;
        break;
      }
      if (!send_all(client, buffer, got)) break;
    }
  }
  ::close(server);
  ::close(client);
}

}  // namespace test
