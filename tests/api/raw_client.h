// A client that sends exactly the bytes it is given, and reads answers apart.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace test {

/// As many descriptors as the system lets us have: both ends of each connection are in this
/// process.
inline void raise_descriptors() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case; of doubles the last
  std::string head, body;
  bool has(const std::string& name) const { return headers.contains(name); }
  std::string header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
  }
};

class RawClient {
 public:
  explicit RawClient(int port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval patience{30, 0};  // a hang shows as a failure, not as a stuck run
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  }

  /// Over a Unix socket.
  explicit RawClient(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{30, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  }

  /// False when the other side has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Nothing more will be sent.
  void finish() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  /// The next answer; status 0 when the connection ended before one was whole.
  Answer read(bool to_head = false) {
    Answer out;
    std::size_t end = 0;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return out;
    out.head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    out.status = std::atoi(out.head.c_str() + 9);
    for (std::size_t at = out.head.find("\r\n") + 2; at < out.head.size();) {
      const auto stop = out.head.find("\r\n", at);
      const auto line = out.head.substr(at, stop - at);
      at = stop + 2;
      const auto colon = line.find(':');
      std::string name = line.substr(0, colon);
      for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      out.headers[name] = line.substr(colon + 2);
    }
    const std::size_t length =
        to_head || !out.has("content-length")
            ? 0
            : std::strtoul(out.header("content-length").c_str(), nullptr, 10);
    while (pending_.size() < length)
      if (!more()) return {};
    out.body = pending_.substr(0, length);
    pending_.erase(0, length);
    return out;
  }
  Answer ask(std::string_view bytes) {
    send(bytes);
    return read();
  }
  /// True when the other side closes without another byte (a reset counts).
  bool closed() { return pending_.empty() && !more(); }
  /// Takes what is there now into memory, at most `most` bytes; how many came.
  std::size_t take(std::size_t most) {
    const auto before = pending_.size();
    while (pending_.size() - before < most && more()) {
    }
    return pending_.size() - before;
  }

 private:
  bool more() {
    char bytes[16 * 1024];
    const auto got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) {
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        throw std::runtime_error("the server said nothing for 30 s");
      return false;
    }
    pending_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  base::UniqueFd fd_;
  std::string pending_;
};

}  // namespace test
