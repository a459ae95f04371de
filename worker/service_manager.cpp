#include "worker/service_manager.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "worker/base/clock.hpp"

namespace fsubs {
namespace {

constexpr int kFirstPassed = 3;
constexpr uint64_t kMostPassed = 16;

std::string_view Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool ReadNumber(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc{} && rest == end;
}

bool IsThisProcess(std::string_view pid) {
  uint64_t number;
  return ReadNumber(pid, &number) && number == static_cast<uint64_t>(getpid());
}

// The next of the names, which colons separate.
std::string_view TakeName(std::string_view* names) {
  const size_t end = std::min(names->find(':'), names->size());
  const std::string_view name = names->substr(0, end);
  names->remove_prefix(std::min(end + 1, names->size()));
  return name;
}

// Returns null, or what is wrong with the socket.
const char* Take(int fd, std::string_view name, PassedSockets* sockets) {
  int listens = 0;
  sockaddr_storage address{};
  socklen_t length = sizeof(listens);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || listens == 0) {
    return "it is no stream socket that listens";
  }
  length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    return std::strerror(errno);
  }
  const bool is_unix = address.ss_family == AF_UNIX;
  if (!is_unix && address.ss_family != AF_INET && address.ss_family != AF_INET6) {
    return "it is neither of TCP nor a Unix socket";
  }
  int* const place = name == "events" ? &sockets->events
                     : is_unix        ? &sockets->unix_socket
                                      : &sockets->port;
  if (place == &sockets->events && !is_unix) return "events come by a Unix socket";
  if (*place >= 0) return "there is one of its kind already";
  *place = fd;
  return nullptr;
}

}  // namespace

std::string TakePassedSockets(PassedSockets* sockets) {
  uint64_t count;
  if (!IsThisProcess(Environment("LISTEN_PID")) || !ReadNumber(Environment("LISTEN_FDS"), &count) ||
      count == 0) {
    return {};
  }
  if (count > kMostPassed) return "too many sockets were passed";
  std::string_view names = Environment("LISTEN_FDNAMES");
  for (int i = 0; i < static_cast<int>(count); ++i) {
    const std::string_view name = TakeName(&names);
    const char* const problem = Take(kFirstPassed + i, name, sockets);
    if (problem == nullptr) continue;
    return "the passed socket " + std::to_string(i + 1) + ", \"" + std::string(name) +
           "\", cannot be used: " + problem;
  }
  return {};
}

void AddressOf(int socket, std::string* address, uint16_t* port) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return;
  char text[INET6_ADDRSTRLEN] = "";
  if (bound.ss_family == AF_INET6) {
    const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&bound);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    *port = ntohs(v6->sin6_port);
  } else {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&bound);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    *port = ntohs(v4->sin_port);
  }
  *address = text;
}

ServiceManager::ServiceManager() {
  uint64_t watchdog_us;
  const std::string_view pid = Environment("WATCHDOG_PID");
  if ((pid.empty() || IsThisProcess(pid)) &&
      ReadNumber(Environment("WATCHDOG_USEC"), &watchdog_us) && watchdog_us > 0) {
    // Half of it, as its documentation advises.
    watchdog_ms_ = std::max<uint64_t>(watchdog_us / 2000, 1);
  }
  const std::string_view path = Environment("NOTIFY_SOCKET");
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  // A name of the abstract namespace begins with a zero byte, which the environment cannot have.
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 || connect(socket_, reinterpret_cast<sockaddr*>(&address), length) == 0) return;
  close(std::exchange(socket_, -1));
}

void ServiceManager::TellReloading() const {
  Tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(MonotonicUs()));
}

void ServiceManager::Tell(std::string_view message) const {
  if (socket_ < 0) return;
  // Who reads it is systemd itself; if it does not, nothing here may wait for it.
  [[maybe_unused]] const ssize_t sent =
      send(socket_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace fsubs
