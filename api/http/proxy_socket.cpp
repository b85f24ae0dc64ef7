#include "api/http/proxy_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace api {
namespace {

base::Error failed(const std::filesystem::path& path, const std::string& why) {
  auto error = base::error(base::Code::unavailable, "http.listen", why);
  error.args = {{"address", path.string()}, {"why", why}};
  return error;
}

base::UniqueFd local_socket() {
  return base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

base::Result<base::UniqueFd> listen_for_proxy(const std::filesystem::path& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof at.sun_path) return failed(path, "path is too long");
  std::memcpy(at.sun_path, path.c_str(), path.string().size());
  const auto* address = reinterpret_cast<const sockaddr*>(&at);
  const auto probe = local_socket();
  if (probe && ::connect(probe.get(), address, sizeof at) == 0)
    return failed(path, "somebody listens there");
  // Nobody answers: what stands there is a socket that a dead process left, or nothing.
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) ::unlink(path.c_str());
  auto fd = local_socket();
  // The mode is set before anybody can connect: before it listens.
  if (!fd || ::bind(fd.get(), address, sizeof at) != 0 || ::chmod(path.c_str(), 0660) != 0 ||
      ::listen(fd.get(), 1024) != 0)
    return failed(path, std::strerror(errno));
  return fd;
}

bool is_account(int connection, uid_t uid) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         size == sizeof peer && peer.uid == uid;
}

}  // namespace api
