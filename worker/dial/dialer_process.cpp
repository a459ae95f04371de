#include "worker/dial/dialer_process.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "worker/base/clock.hpp"
#include "worker/dial/dial_protocol.hpp"
#include "worker/sandbox/file_access.hpp"
#include "worker/sandbox/system_calls.hpp"

namespace fsubs {
namespace {

// For all addresses of a name together.
constexpr uint64_t kConnectTimeoutUs = 4'000'000;

// Where names are looked up. Links lead into /run and /usr.
bool Confine() {
  std::string error;
  return RestrictFileAccess({"/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve",
                             "/run/resolvconf", "/run/NetworkManager"},
                            /*connects=*/true, &error) != FileAccess::kFailed &&
         RestrictSystemCalls(Calls::kFetch).empty();
}

// Returns 0, or an errno.
int AwaitConnection(int fd, uint64_t until_us) {
  for (;;) {
    const uint64_t now_us = MonotonicUs();
    if (now_us >= until_us) return ETIMEDOUT;
    pollfd writable{fd, POLLOUT, 0};
    const int ready = poll(&writable, 1, static_cast<int>((until_us - now_us) / 1000 + 1));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready <= 0) continue;
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
  }
}

// Returns a connected socket, which does not block, or -1 with `*error` set.
int Connect(const addrinfo& to, uint64_t until_us, int* error) {
  const int fd =
      socket(to.ai_family, to.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to.ai_protocol);
  if (fd < 0) {
    *error = errno;
    return -1;
  }
  *error = connect(fd, to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno;
  if (*error == EINPROGRESS || *error == EINTR) *error = AwaitConnection(fd, until_us);
  if (*error == 0) return fd;
  close(fd);
  return -1;
}

int Dial(const Address& address, std::string* error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int failure =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> release(list, &freeaddrinfo);
  if (failure != 0) {
    *error = std::string("its name cannot be looked up: ") + gai_strerror(failure);
    return -1;
  }
  const uint64_t until_us = MonotonicUs() + kConnectTimeoutUs;
  int problem = EADDRNOTAVAIL;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    const int fd = Connect(*one, until_us, &problem);
    if (fd >= 0) return fd;
  }
  *error = std::strerror(problem);
  return -1;
}

// Returns false if the channel is of no use any more.
bool Reply(int channel, uint32_t id, int fd, const std::string& error) {
  DialReplyHead head{id};
  const size_t text = std::min(error.size(), kMaxDialText);
  iovec parts[] = {{&head, sizeof(head)}, {const_cast<char*>(error.data()), text}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* const attached = CMSG_FIRSTHDR(&message);
    attached->cmsg_level = SOL_SOCKET;
    attached->cmsg_type = SCM_RIGHTS;
    attached->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(attached), &fd, sizeof(fd));
  }
  ssize_t sent;
  do {
    sent = sendmsg(channel, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

void Run(int channel, const DialRules& rules) {
  if (rules.confined && !Confine()) return;
  char packet[sizeof(DialRequestHead) + kMaxDialHost];
  for (;;) {
    const ssize_t size = recv(channel, packet, sizeof(packet), MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    // What is no request is none of this program's.
    if (size <= static_cast<ssize_t>(sizeof(DialRequestHead)) ||
        size > static_cast<ssize_t>(sizeof(packet))) {
      return;
    }
    DialRequestHead head;
    std::memcpy(&head, packet, sizeof(head));
    const Address address{
        std::string(packet + sizeof(head), static_cast<size_t>(size) - sizeof(head)), head.port};
    std::string error;
    int fd = -1;
    if (rules.anywhere || std::ranges::find(rules.allowed, address) != rules.allowed.end()) {
      fd = Dial(address, &error);
    } else {
      error = "the worker may not connect to it";
    }
    const bool replied = Reply(channel, head.id, fd, error);
    if (fd >= 0) close(fd);
    if (!replied) return;
  }
}

}  // namespace

KeptProcess StartDialer(const DialRules& rules, std::string* error) {
  return StartKeptProcess(
      "fraiseql-dial", [&rules](int channel) { Run(channel, rules); }, error);
}

}  // namespace fsubs
