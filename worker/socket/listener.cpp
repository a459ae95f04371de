#include "worker/socket/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fsubs {
namespace {

// Who somebody is they say when they connect, as at PostgreSQL's own sockets.
constexpr mode_t kModeForEverybody = 0777;
constexpr mode_t kModeForOwner = 0600;

// Whether that is a socket at which nobody listens any more.
bool IsLeftOver(const sockaddr_un& address) {
  struct stat file {};
  if (lstat(address.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool refused =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno == ECONNREFUSED;
  close(probe);
  return refused;
}

}  // namespace

int OpenListener(const Listen& listen_on, PortSharing sharing, std::string* error) {
  if (listen_on.fd >= 0) {
    const int own = fcntl(listen_on.fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) *error = std::strerror(errno);
    return own;
  }
  sockaddr_storage address{};
  socklen_t length;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (inet_pton(AF_INET, listen_on.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(listen_on.port);
    length = sizeof(*v4);
  } else if (inet_pton(AF_INET6, listen_on.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(listen_on.port);
    length = sizeof(*v6);
  } else {
    *error = "\"" + listen_on.address + "\" is not an IP address";
    return -1;
  }
  const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      (sharing == PortSharing::kNone ||
       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
      bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 && listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  *error = std::strerror(errno);
  if (fd >= 0) close(fd);
  return -1;
}

int OpenUnixListener(const std::string& path, SocketAccess access, std::string* error) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof(address.sun_path)) {
    *error = std::strerror(ENAMETOOLONG);
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (IsLeftOver(address)) unlink(address.sun_path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const mode_t mode = access == SocketAccess::kOwner ? kModeForOwner : kModeForEverybody;
  // The mode of the socket itself is that of its file until that is changed.
  if (fd >= 0 && fchmod(fd, mode) == 0 &&
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      chmod(address.sun_path, mode) == 0 && listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  *error = std::strerror(errno);
  if (fd >= 0) close(fd);
  return -1;
}

bool IsLoopback(const std::string& address) {
  in_addr v4;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1)
    return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
  in6_addr v6;
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) ||
         (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == IN_LOOPBACKNET);
}

std::string CheckListen(const Listen& listen) {
  std::string error;
  const int fd = OpenListener(listen, PortSharing::kNone, &error);
  if (fd >= 0) close(fd);
  return error;
}

size_t RaiseFileLimit(size_t files) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t wanted = std::min<rlim_t>(files, limit.rlim_max);
  if (limit.rlim_cur != wanted) {
    const rlimit raised{wanted, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  }
  return limit.rlim_cur;
}

}  // namespace fsubs
